"""How fast is a training step, and how much memory does it take, beside the same networks and update in PyTorch?

    pip install torch==2.13.0
    python benchmarks/train_step.py --gan=cyclegan --resolution=128 --width=32
    python benchmarks/train_step.py --flagfile=flags/sngan_cifar10_imp_g_small.flags
    python benchmarks/train_step.py --gan=sngan --resolution=32 --turns=3 --turn_steps=1

Every contender is a process of its own that waits while the others run, all on as many threads as the machine has cores. They take
turns, so that what else the machine does hits all of them; ratios are taken turn by turn. Masks are in place, and
images ready in memory. Memory is the largest that a process had: in all, and beyond what its imports took.
"""

import dataclasses
import importlib.util
import multiprocessing
import multiprocessing.connection
import pathlib
import re
import statistics
import time
from collections.abc import Callable

from absl import flags

from tf_gan_lth.experiment import command_line
from tf_gan_lth.experiment.config import Config
from tf_gan_lth.experiment.errors import ToolkitError, UsageError, check_known

command_line.define_config_flags(flags.FLAGS)
command_line.define_flag(flags.FLAGS, "Benchmark", "turns", int, 9, "turns of each contender")
command_line.define_flag(flags.FLAGS, "Benchmark", "turn_steps", int, 10, "training steps a turn")
command_line.define_flag(
    flags.FLAGS,
    "Benchmark",
    "contenders",
    tuple,
    ("ours", "ours_bfloat16", "plain", "eager", "best"),
    "who takes part, first the one compared",
)

CHANNELS = 3
IMAGES = 64  # of each data set, to draw from


def plain(config: Config, count: int) -> Callable[[], object]:
    """This project's step without what makes it fast: float32, every operation on its own."""
    training = dataclasses.replace(config.training, precision="float32", jit_compile=False, steps_per_execution=1)
    networks = dataclasses.replace(config.networks, fused_resampling=False)
    return ours(dataclasses.replace(config, training=training, networks=networks), count)


def ours_bfloat16(config: Config, count: int) -> Callable[[], object]:
    """This project's step, its networks in bfloat16."""
    return ours(dataclasses.replace(config, training=dataclasses.replace(config.training, precision="mixed_bfloat16")), count)


def ours(config: Config, count: int) -> Callable[[], object]:
    """This project's step as the config says; all networks are masked."""
    import numpy as np

    from tf_gan_lth import data, models
    from tf_gan_lth.pruning.wrapping import LotterySchedule
    from tf_gan_lth.training import Trainer

    translates, resolution = config.training.cycle_weight is not None, config.data.resolution
    size = data.load_resolution(config.training.augmentation, resolution) if translates else resolution
    drawn = np.random.default_rng(0).integers(0, 256, [2, IMAGES, size, size, CHANNELS], dtype=np.uint8)
    sets = [data.ImageSet("noise", name, images, np.zeros(IMAGES, np.int64)) for name, images in zip("ab", drawn, strict=True)]
    images = data.Domains(*sets) if translates else sets[0]
    gan = models.build(config.networks, resolution, CHANNELS, seed=0, precision=config.training.precision)
    trainer = Trainer(gan, config.training, LotterySchedule(0.2), images)
    batches = trainer.model.batches(images, np.array([1, 2], np.int32))
    return lambda: trainer.model.fit(batches, steps_per_epoch=count, epochs=1, verbose=0)


def eager(config: Config, count: int) -> Callable[[], object]:
    """PyTorch as GAN-LTH runs it: one operation at a time, float32, channels first."""
    import torch

    return _torch_steps(config, count, torch.contiguous_format, fast=False)


def best(config: Config, count: int) -> Callable[[], object]:
    """PyTorch as well as it can: channels last, bfloat16, compiled."""
    import torch

    return _torch_steps(config, count, torch.channels_last, fast=True)


def _torch_steps(config: Config, count: int, memory_format, *, fast: bool) -> Callable[[], object]:
    import torch
    import torch_cyclegan
    import torch_sngan

    training = config.training

    class InBfloat16(torch.nn.Module):
        def __init__(self, network: torch.nn.Module):
            super().__init__()
            self.network = network

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            with torch.autocast("cpu", torch.bfloat16):
                return self.network(inputs).float()

    def prepared(network: torch.nn.Module) -> torch.nn.Module:
        network = network.to(memory_format=memory_format)
        return torch.compile(InBfloat16(network)) if fast else network

    def noise(size: int) -> torch.Tensor:
        shape = [size, CHANNELS, config.data.resolution, config.data.resolution]
        return (torch.rand(shape) * 2 - 1).to(memory_format=memory_format)

    width, other = config.networks.width, config.networks.discriminator_width
    if training.cycle_weight is not None:  # CycleGAN's
        sizes = width or 64, other or width or 64, CHANNELS, config.networks.blocks or 9
        step = torch_cyclegan.Step(*sizes, prepared)
        a, b = (noise(training.generator_batch_size) for _ in range(2))
        return lambda: [step(a, b) for _ in range(count)]
    generator = prepared(torch_sngan.Generator(config.data.resolution, width or 256, CHANNELS))
    discriminator = prepared(torch_sngan.Discriminator(config.data.resolution, other or (width or 256) // 2, CHANNELS))
    step = torch_sngan.Step(generator, discriminator, training.generator_batch_size, training.ema_decay, together=fast)
    groups = [noise(training.discriminator_batch_size) for _ in range(training.discriminator_steps)]
    return lambda: [step(groups) for _ in range(count)]


CONTENDERS = {function.__name__: function for function in (ours, ours_bfloat16, plain, eager, best)}


def serve(pipe: multiprocessing.connection.Connection, name: str, config: Config, count: int) -> None:
    """What the process of a contender does: a turn whenever it is asked for one, and in the end it says how much memory it had."""
    import_framework(name)
    imported = peak()
    turn = CONTENDERS[name](config, count)
    turn()
    pipe.send("ready")
    while pipe.recv():
        began = time.perf_counter()
        turn()
        pipe.send(time.perf_counter() - began)
    pipe.send((peak(), imported))


def hear(pipe: multiprocessing.connection.Connection, name: str) -> object:
    """What the process of a contender says next."""
    try:
        return pipe.recv()
    except EOFError:
        raise ToolkitError(f"the process of '{name}' ended: its message is above") from None


def import_framework(name: str) -> None:
    if name in (eager.__name__, best.__name__):
        import torch  # noqa: F401
    else:
        import tf_gan_lth.training  # noqa: F401


def peak() -> float:
    """The largest resident memory of this process so far, in MiB (on Linux). What `getrusage` says includes the parent's."""
    status = pathlib.Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 2**10


def main(values: flags.FlagValues) -> None:
    from tf_gan_lth import models
    from tf_gan_lth.training.options import resolve

    for name in values.contenders:
        check_known("contender", name, CONTENDERS)
    if importlib.util.find_spec("torch") is None and {eager.__name__, best.__name__} & set(values.contenders):
        raise UsageError("PyTorch is not installed: pip install torch==2.13.0, or --contenders=ours,ours_bfloat16,plain")
    config = command_line.config_from_flags(values)
    # What is unset is filled in here, as the processes of PyTorch must not import TensorFlow.
    config = dataclasses.replace(config, training=resolve(config.training, models.kind(config.networks.gan)))
    context = multiprocessing.get_context("spawn")
    pipes = {}
    for name in values.contenders:
        pipes[name], other = context.Pipe()
        context.Process(target=serve, args=(other, name, config, values.turn_steps), daemon=True).start()
        other.close()  # so that a process that ends early is noticed
        hear(pipes[name], name)
    seconds = {name: [] for name in pipes}
    for turn in range(values.turns):
        for name in list(pipes)[:: 1 if turn % 2 else -1]:
            pipes[name].send(True)
            seconds[name].append(hear(pipes[name], name) / values.turn_steps)
    first = seconds[values.contenders[0]]
    for name, pipe in pipes.items():
        pipe.send(False)
        whole, imported = hear(pipe, name)
        ratio = statistics.median(theirs / mine for theirs, mine in zip(seconds[name], first, strict=True))
        speed = f"{1000 * min(seconds[name]):8.1f} ms a step at best, {1000 * statistics.median(seconds[name]):8.1f} in the median"
        memory = f"{whole:6,.0f} MiB, {whole - imported:6,.0f} beyond its imports"
        print(f"{name:<13} {speed}, {ratio:5.2f} x the time of {values.contenders[0]}; {memory}")


if __name__ == "__main__":
    command_line.run(main, flags.FLAGS)
