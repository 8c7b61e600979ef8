"""How fast is a training step of CycleGAN, and how much memory does it take, beside the same networks and losses in PyTorch?

    pip install torch==2.13.0
    python benchmarks/cyclegan_step.py --resolution=128 --width=32

Both take turns in one process, on as many threads as the machine has cores; the ratio is taken turn by turn. Masks are in
place, and images ready in memory. Memory is of a process with one of them alone: --only=tensorflow, --only=torch.
"""

import resource
import statistics

import turns
from absl import flags

from tf_gan_lth.experiment import command_line

command_line.define_config_flags(flags.FLAGS)
command_line.define_flag(flags.FLAGS, "Benchmark", "turns", int, 9, "turns of each framework")
command_line.define_flag(flags.FLAGS, "Benchmark", "turn_steps", int, 10, "training steps a turn")
command_line.define_flag(flags.FLAGS, "Benchmark", "only", str, None, "tensorflow or torch: measure one alone")
flags.FLAGS.set_default("gan", "cyclegan")

CHANNELS = 3


def tensorflow_steps(config, count: int):
    """A function that trains `count` steps, all networks masked."""
    import numpy as np

    from tf_gan_lth import data, models
    from tf_gan_lth.pruning.wrapping import LotterySchedule
    from tf_gan_lth.training import Trainer

    size = data.load_resolution(config.training.augmentation or "crop_and_flip", config.data.resolution)
    drawn = np.random.default_rng(0).integers(0, 256, [2, 64, size, size, CHANNELS], dtype=np.uint8)
    domains = data.Domains(
        *(data.ImageSet("noise", name, images, np.zeros(64, np.int64)) for name, images in zip("ab", drawn, strict=True))
    )
    gan = models.build(config.networks, config.data.resolution, CHANNELS, seed=0)
    trainer = Trainer(gan, config.training, LotterySchedule(0.2), domains)
    batches = trainer.model.batches(domains, np.array([1, 2], np.int32))
    return lambda: trainer.model.fit(batches, steps_per_epoch=count, epochs=1, verbose=0)


def torch_steps(config, count: int):
    """The same in PyTorch."""
    import torch
    import torch_cyclegan

    step = torch_cyclegan.Step(config.networks.width or 64, CHANNELS, config.networks.blocks or 9)
    shape = [config.training.generator_batch_size or 1, CHANNELS, config.data.resolution, config.data.resolution]
    a, b = (torch.rand(shape) * 2 - 1 for _ in range(2))
    return lambda: [step(a, b) for _ in range(count)]


def main(values: flags.FlagValues) -> None:
    config = command_line.config_from_flags(values)
    makers = {"tensorflow": tensorflow_steps, "torch": torch_steps}
    before = peak()
    if values.only:
        run = makers[values.only](config, values.turn_steps)
        run()
        print(f"{values.only}: peak memory {peak():,.0f} MiB, {peak() - before:,.0f} MiB of them since the imports of this file")
        return
    ours, theirs, ratio = turns.compare(*(make(config, values.turn_steps) for make in makers.values()), values.turns)
    for name, seconds in {"tensorflow": ours, "torch": theirs}.items():
        best, median = (1000 * value / values.turn_steps for value in (min(seconds), statistics.median(seconds)))
        print(f"{name:<10} {best:7.1f} ms a step at best, {median:7.1f} ms in the median")
    print(f"tensorflow / torch: {ratio}")


def peak() -> float:
    """The largest resident memory of this process so far, in MiB (on Linux)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


if __name__ == "__main__":
    command_line.run(main, flags.FLAGS)
