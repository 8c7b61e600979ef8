"""Does a folder of many pictures take memory, and is it read as fast as it is trained on?

    python benchmarks/image_folder.py --flagfile=flags/sngan_cifar10_imp_g_small.flags \\
        --resolution=64 --pictures=100000
    python benchmarks/image_folder.py --flagfile=flags/sngan_cifar10_imp_g_small.flags \\
        --resolution=128 --pictures=100000

Makes JPEG files in a temporary folder, loads them as `--dataset=folder:PATH` does, reads an epoch
of batches without training, and then trains: on them, and by turns on a single batch that is ready.
Prints what the process takes in memory at each stage; its peak is the kernel's VmHWM, Linux only.
"""

import pathlib
import re
import tempfile
import time

import turns
from absl import flags

from tf_gan_lth.cli import command_line

command_line.define_config_flags(flags.FLAGS)
command_line.define_flag(flags.FLAGS, "Benchmark", "pictures", int, 100_000, "files to make")
command_line.define_flag(flags.FLAGS, "Benchmark", "turns", int, 11, "turns of each way to train")
command_line.define_flag(flags.FLAGS, "Benchmark", "turn_steps", int, 10, "training steps a turn")

MIB = 2**20


def make(folder: pathlib.Path, count: int, side: int) -> None:
    """Smooth noise as JPEG files, a class for each digit that a number ends in."""
    import numpy as np
    from PIL import Image

    draw = np.random.default_rng(0)
    for number in range(count):
        coarse = Image.fromarray(draw.integers(0, 256, (side // 8, side // 8, 3), np.uint8))
        path = folder / "train" / str(number % 10) / f"{number:06}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse.resize((side, side), Image.Resampling.BICUBIC).save(path, quality=90)


def memory(stage: str) -> None:
    """Prints what the process takes now, and its peak since the last call."""
    status = pathlib.Path("/proc/self/status").read_text()
    now, peak = (int(re.search(rf"{kind}:\s+(\d+) kB", status)[1]) for kind in ("VmRSS", "VmHWM"))
    print(f"{stage:<28} {now / 1024:7,.0f} MiB, at its peak {peak / 1024:7,.0f} MiB", flush=True)
    pathlib.Path("/proc/self/clear_refs").write_text("5")


def load(pictures: int, resolution: int):
    """Makes the files, and loads them as a run does: an `ImageSet`."""
    from tf_gan_lth import data

    with tempfile.TemporaryDirectory() as place:
        make(pathlib.Path(place), pictures, resolution)
        memory("imports")
        began = time.monotonic()
        images = data.load(f"folder:{place}", "train", resolution)
        digest = images.digest
    print(f"loaded in {time.monotonic() - began:.0f} s: {images.images.nbytes / MIB:,.0f} MiB of")
    print(f"pixels, {type(images.images).__name__}, digest {digest}")
    memory("loaded")
    return images


def read_alone(batches, steps: int, size: int) -> None:
    """Reads batches of a number of images each, and trains on none."""
    began = time.monotonic()
    for _ in batches.take(steps):
        pass
    seconds = time.monotonic() - began
    memory("an epoch, read alone")
    print(f"{steps * size / seconds:,.0f} images a second, read alone")


def main(values: flags.FlagValues) -> None:
    import numpy as np
    import tensorflow as tf

    from tf_gan_lth import gans
    from tf_gan_lth.training import Trainer, devices

    config = command_line.config_from_flags(values)
    devices.use("auto", config)
    images = load(values.pictures, config.data.resolution)

    # The networks and a first step take memory of their own.
    shape = gans.ImageShape(config.data.resolution, images.channels)
    gan = gans.build(gans.find(config.networks.gan), config, shape, seed=0)
    trainer = Trainer(gan, config.training, images)
    batches = trainer.batches(np.array([1, 2], np.int32))
    ready = next(iter(batches))
    trainer.model.fit(batches, steps_per_epoch=1, epochs=1, verbose=0)
    memory("a training step")
    size = int(np.prod(ready["image"].shape[:2]))
    read_alone(batches, images.count // size, size)

    def train(source: tf.data.Dataset):
        return lambda: trainer.model.fit(
            source, steps_per_epoch=values.turn_steps, epochs=1, verbose=0
        )

    held = tf.data.Dataset.from_tensors(ready).repeat()
    read, other, ratio = turns.compare(train(batches), train(held), values.turns)
    memory("trained")
    for name, spent in {"from the folder": read, "from a batch that is ready": other}.items():
        best = min(spent) / values.turn_steps
        print(f"{name:<28} {1000 * best:7.1f} ms a step, {size / best:,.0f} images a second")
    print(f"from the folder / ready: {ratio}")


if __name__ == "__main__":
    command_line.run(main, flags.FLAGS)
