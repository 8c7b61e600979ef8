"""How much slower is a training step with pruning wrappers, masks and KD than without them?

    python benchmarks/masked_step.py --flagfile=flags/sngan_digits.flags
    python benchmarks/masked_step.py --flagfile=flags/sngan_cifar10_imp_gd_kd_small.flags \\
        --dataset=digits
    python benchmarks/masked_step.py --flagfile=flags/sngan_cifar10_imp_g_small.flags \\
        --dataset=digits --replicas=2

At paper size, which is slow on a CPU:

    python benchmarks/masked_step.py --dataset=digits --resolution=32 \\
        --generator_batch_size=32 --discriminator_batch_size=16

Both networks are wrapped, so the masked step is that of IMP_G and of IMP_GD. With --kd_weight, the
masked step has a teacher. With --replicas, MirroredStrategy spreads the step over as many parts of
the CPU. Both models take turns in one process, and the ratio is taken turn by turn.
"""

import dataclasses
import statistics

import turns
from absl import flags

from tf_gan_lth.cli import command_line

command_line.define_config_flags(flags.FLAGS)
command_line.define_flag(flags.FLAGS, "Benchmark", "turns", int, 15, "turns of each model")
command_line.define_flag(flags.FLAGS, "Benchmark", "turn_steps", int, 20, "training steps a turn")
command_line.define_flag(
    flags.FLAGS, "Benchmark", "replicas", int, 1, "parts of the CPU to spread a step over"
)


def main(values: flags.FlagValues) -> None:
    import numpy as np
    import tensorflow as tf

    from tf_gan_lth import data, gans
    from tf_gan_lth.training import Trainer, devices

    config = command_line.config_from_flags(values)
    if values.replicas > 1:
        tf.config.set_visible_devices([], "GPU")
        cpu = tf.config.list_physical_devices("CPU")[0]
        parts = [tf.config.LogicalDeviceConfiguration()] * values.replicas
        tf.config.set_logical_device_configuration(cpu, parts)
    strategy = devices.use("mirrored" if values.replicas > 1 else "auto", config).strategy
    images = data.load(config.data.dataset, "train", config.data.resolution, config.data.data_dir)
    seed = np.array([1, 2], np.int32)

    def make(masked: bool):
        training = config.training
        if not masked:
            training = dataclasses.replace(training, kd_weight=0.0)
        with strategy.scope():
            shape = gans.ImageShape(config.data.resolution, images.channels)
            gan = gans.build(gans.find(config.networks.gan), config, shape, seed=0)
        trainer = Trainer(gan, training, images, strategy, masked)
        if masked and training.kd_weight:
            trainer.model.teaching.assign(1.0)
        batches = trainer.batches(seed)
        return lambda: trainer.model.fit(
            batches, steps_per_epoch=values.turn_steps, epochs=1, verbose=0
        )

    masked, unmasked, ratio = turns.compare(make(True), make(False), values.turns)
    kind = "masked" + (", KD" if config.training.kd_weight else "")
    for name, seconds in {kind: masked, "unmasked": unmasked}.items():
        best = 1000 * min(seconds) / values.turn_steps
        median = 1000 * statistics.median(seconds) / values.turn_steps
        print(f"{name:<10} {best:7.1f} ms a step at best, {median:7.1f} ms in the median")
    print(f"{kind} / unmasked: {ratio}")


if __name__ == "__main__":
    command_line.run(main, flags.FLAGS)
