"""Does a step of a compressor cost more than its networks' passes say?

    python benchmarks/compress_step.py --flagfile=flags/cyclegan_shapes2stripes.flags --width=32
    python benchmarks/compress_step.py --dataset=digits --resolution=32 --width=64 \\
        --discriminator_width=64 --generator_batch_size=32 --discriminator_batch_size=16

Each method's step with whole networks beside the dense GAN's: the time, the multiply-accumulates
(as `training.json` counts them), and the time over these, which is 1 where what a method adds costs
no more than its passes. Both trainers take turns in one process.
"""

import pathlib
import statistics
import tempfile

import numpy as np
import turns
from absl import flags

from tf_gan_lth.cli import command_line

# Methods of which each has a step of its own; that of `finetuning` and of `coevolution` is the
# dense GAN's, and that of `ticket_distilled` the one of `distillation`.
STEPS = ("finetuning", "distillation", "gan_slimming", "gan_compression")

SEED = np.array([1, 2], np.int32)

command_line.define_config_flags(flags.FLAGS)
command_line.define_flag(flags.FLAGS, "Benchmark", "turns", int, 7, "turns of each trainer")
command_line.define_flag(flags.FLAGS, "Benchmark", "turn_steps", int, 4, "training steps a turn")


def main(values: flags.FlagValues) -> None:
    values["unit"].value, values["budget"].value, values["rounds"].value = "channel", "macs", 1
    values["budgets"].value, values["branches"].value = [0.5], []
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        dense, dense_macs = trainer_of(values, "finetuning", path / "dense")
        for method in STEPS:
            trainer, macs = trainer_of(values, method, path / method)
            found = turns.compare(step_of(trainer, values), step_of(dense, values), values.turns)
            ratios = [a / b for a, b in zip(*found[:2], strict=True)]
            time, passes = statistics.median(ratios), macs / dense_macs
            parts = f"{time:.2f} of the time, {passes:.2f} of the MACs"
            print(f"{method:<16} {parts}: {time / passes:.2f}")


def trainer_of(values: flags.FlagValues, method: str, path: pathlib.Path):
    """A trainer at the first step of a method, and the multiply-accumulates of its steps."""
    import dataclasses

    from tf_gan_lth.experiment.run_folder import RunFolder
    from tf_gan_lth.methods import setup
    from tf_gan_lth.methods.candidate import expand
    from tf_gan_lth.methods.gan_compression import supernets_of
    from tf_gan_lth.methods.method import METHODS
    from tf_gan_lth.methods.records import step_macs
    from tf_gan_lth.training import Start

    kind = METHODS[method]
    values["method"].value = method
    values["discriminator_start"].value = kind.discriminator_start or "rewound"
    values["ranking"].value = kind.ranking or "global"
    config = command_line.config_from_flags(values)
    terms = tuple(f"{name}:{weight}" for name, weight in kind.terms.items())
    training = dataclasses.replace(config.training, terms=terms, **kind.training)
    config = dataclasses.replace(config, training=training)
    _, bench = setup.set_up(config, RunFolder(path))
    weights = bench.fresh_weights(0)
    supernets = supernets_of(bench) if method == "gan_compression" else {}
    teachers = {name: weights[name] for name in bench.trainer.taught}
    bench.trainer.start(
        Start(
            weights,
            expand(bench.full_masks),
            SEED,
            teachers=teachers,
            supernets=supernets,
        )
    )
    return bench.trainer, step_macs(bench, bench.full_masks, teachers)


def step_of(trainer, values: flags.FlagValues):
    """A function that trains some steps."""
    batches = trainer.batches(SEED)

    def steps() -> None:
        trainer.model.fit(batches, steps_per_epoch=values.turn_steps, epochs=1, verbose=0)

    return steps


if __name__ == "__main__":
    command_line.run(main, flags.FLAGS)
