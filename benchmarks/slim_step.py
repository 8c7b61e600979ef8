"""How much faster is a training step without the pruned channels than with masks over them?

    python benchmarks/slim_step.py --flagfile=flags/cyclegan_shapes2stripes.flags --width=64
    python benchmarks/slim_step.py --dataset=digits --resolution=32 --generator_batch_size=32 \\
        --discriminator_batch_size=16

Random channels of the networks of `--prune` go until each keeps `--share` of its MACs. The dense
step is that of round 0: wrapped, with masks that keep everything. Both trainers take turns in one
process, and the ratio is taken turn by turn.
"""

import pathlib
import statistics
import tempfile

import turns
from absl import flags

from tf_gan_lth.cli import command_line

command_line.define_config_flags(flags.FLAGS)
command_line.define_flag(flags.FLAGS, "Benchmark", "share", float, 0.3, "of the MACs that stay")
command_line.define_flag(flags.FLAGS, "Benchmark", "turns", int, 7, "turns of each trainer")
command_line.define_flag(flags.FLAGS, "Benchmark", "turn_steps", int, 4, "training steps a turn")


def main(values: flags.FlagValues) -> None:
    import numpy as np

    from tf_gan_lth.experiment.run_folder import RunFolder
    from tf_gan_lth.methods import setup
    from tf_gan_lth.methods.candidate import expand, rewind
    from tf_gan_lth.pruning.budgets import keep_macs
    from tf_gan_lth.pruning.cost import cost
    from tf_gan_lth.training import Start
    from tf_gan_lth.training.slim import slim_trainer

    generator, seed = np.random.default_rng(0), np.array([1, 2], np.int32)
    values["unit"].value, values["rounds"].value = "channel", 1
    config = command_line.config_from_flags(values)
    with tempfile.TemporaryDirectory() as folder:
        _, bench = setup.set_up(config, RunFolder(pathlib.Path(folder) / "run"))
    masks = {}
    for name, whole in bench.full_masks.items():
        scores = {group: generator.random(kept.shape) for group, kept in whole.kept.items()}
        network = bench.gan.networks[name]
        masks[name] = keep_macs(network, whole, scores, values.share)
        left = cost(network, masks[name].expand())
        print(
            f"{name}: {left.macs_left / left.macs:.1%} of {left.macs:,} MACs,"
            f" {left.parameters_left / left.parameters:.1%} of {left.parameters:,} parameters"
        )
    weights = rewind(bench.fresh_weights(0), expand(masks))
    bench.trainer.start(Start(weights, expand(bench.full_masks), seed))
    slim, small = slim_trainer(bench.trainer, masks, weights)
    slim.start(Start(small, {}, seed))

    def fit(trainer):
        batches = trainer.batches(seed)
        return lambda: trainer.model.fit(
            batches, steps_per_epoch=values.turn_steps, epochs=1, verbose=0
        )

    seconds = turns.compare(fit(slim), fit(bench.trainer), values.turns)
    for name, taken in zip(("slim", "dense"), seconds, strict=False):
        print(f"{name:<6} {1000 * statistics.median(taken) / values.turn_steps:8.1f} ms a step")
    print(f"slim / dense: {seconds[-1]}")


if __name__ == "__main__":
    command_line.run(main, flags.FLAGS)
