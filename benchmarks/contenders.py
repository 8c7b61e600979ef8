"""The contenders of `train_step.py`.

They are this project's step, the same networks and update in PyTorch, and the machine's peak. Each
is a process of its own that waits while the others run, with as many threads as the machine has
cores.
"""

import dataclasses
import multiprocessing.connection
import pathlib
import re
import time
from collections.abc import Callable

from tf_gan_lth.experiment.config import Config

CHANNELS = 3
CLASSES = 10  # of images that have labels
CONDITIONAL = ("acgan", "projgan", "sagan", "biggan")
IMAGES = 64  # in each data set, to draw from

# (images, pixels a side, channels) of 3x3 convolutions that keep the number of channels: the large
# ones of both GANs at paper size.
PEAK_CONVOLUTIONS = ((64, 32, 256), (64, 16, 256), (128, 32, 128), (128, 8, 256), (1, 64, 256))

# Operations that launch nothing on a GPU: they only name memory, or are done before the step.
FREE = {
    "ConcatOffset",
    "Const",
    "EnsureShape",
    "ExpandDims",
    "Identity",
    "IdentityN",
    "NoOp",
    "Pack",
    "Placeholder",
}
FREE |= {"ReadVariableOp", "Reshape", "ShapeN", "Squeeze", "StopGradient", "StridedSlice", "Unpack"}

Turn = Callable[[], object]


def resolved(config: Config) -> Config:
    """The config with all unset options filled in.

    The processes of PyTorch cannot do that, since they must not import TensorFlow.
    """
    from tf_gan_lth import gans
    from tf_gan_lth.training.options import resolve

    spec = gans.find(config.networks.gan)
    options = dataclasses.asdict(gans.options_of(spec, config))
    if options["discriminator_width"] is None:
        share = 1 if config.networks.gan in ("cyclegan", "dcgan", "ggan") else 2
        options["discriminator_width"] = options["width"] // share
    training = resolve(config.training, spec)
    return dataclasses.replace(config, extras=options, training=training)


def translates(config: Config) -> bool:
    """Whether a config trains CycleGAN, which takes images of two domains."""
    return config.networks.gan == "cyclegan"


def plain(config: Config, count: int) -> Turn:
    """This project's step without what makes it fast.

    It computes in float32, with convolutions in their plain form and all cores for each operation.
    """
    training = dataclasses.replace(
        config.training, precision="float32", jit_compile=False, steps_per_execution=1
    )
    networks = dataclasses.replace(config.networks, fused_convolutions=False)
    return _steps(dataclasses.replace(config, training=training, networks=networks), count)


def ours_bfloat16(config: Config, count: int) -> Turn:
    """This project's step, with its networks in bfloat16."""
    return ours(
        dataclasses.replace(
            config, training=dataclasses.replace(config.training, precision="mixed_bfloat16")
        ),
        count,
    )


def ours(config: Config, count: int) -> Turn:
    """This project's step according to the config, with `--strategy=auto`; all networks masked."""
    from tf_gan_lth.training import devices

    devices.use("auto", config)
    return _steps(config, count)


def _steps(config: Config, count: int) -> Turn:
    model, batches = make_model(config)

    def turn() -> None:
        model.fit(batches, steps_per_epoch=count, epochs=1, verbose=0)

    return turn


def make_model(config: Config):
    """The model of a config's training step, and batches of noise for it."""
    import numpy as np

    from tf_gan_lth import data, gans
    from tf_gan_lth.training import Trainer

    training, resolution = config.training, config.data.resolution
    size = resolution
    if translates(config):
        size = data.load_resolution(training.augmentation, resolution)
    drawn = np.random.default_rng(0).integers(
        0, 256, [2, IMAGES, size, size, CHANNELS], dtype=np.uint8
    )
    spec = gans.find(config.networks.gan)
    classes = CLASSES if spec.asks_labels(gans.options_of(spec, config)) else 0
    labels = np.arange(IMAGES) % max(1, classes)
    sets = [
        data.ImageSet("noise", name, images, labels, classes=classes)
        for name, images in zip("ab", drawn, strict=True)
    ]
    images = data.Domains(*sets) if translates(config) else sets[0]
    shape = gans.ImageShape(resolution, CHANNELS, classes)
    gan = gans.build(spec, config, shape, seed=0, precision=training.precision)
    trainer = Trainer(gan, training, images)
    return trainer.model, trainer.batches(np.array([1, 2], np.int32))


def eager(config: Config, count: int) -> Turn:
    """PyTorch as GAN-LTH runs it: one operation at a time, float32, channels first."""
    import torch

    return _torch_steps(config, count, torch.contiguous_format, fast=False)


def best(config: Config, count: int) -> Turn:
    """PyTorch at its best: channels last, bfloat16, compiled.

    What it compiles has no second derivative, so that a gradient penalty is not compiled.
    """
    import torch

    return _torch_steps(config, count, torch.channels_last, fast=True)


def _torch_steps(config: Config, count: int, memory_format, *, fast: bool) -> Turn:
    import torch
    import torch_cyclegan
    import torch_step

    training = config.training
    compiled = fast and not any(term.startswith("gradient_penalty") for term in training.terms)

    class InBfloat16(torch.nn.Module):
        def __init__(self, network: torch.nn.Module):
            super().__init__()
            self.network = network

        def forward(self, *inputs: torch.Tensor):
            with torch.autocast("cpu", torch.bfloat16):
                outputs = self.network(*inputs)
            if isinstance(outputs, tuple):
                return tuple(output.float() for output in outputs)
            return outputs.float()

    def prepared(network: torch.nn.Module) -> torch.nn.Module:
        network = network.to(memory_format=memory_format)
        network = InBfloat16(network) if fast else network
        return torch.compile(network) if compiled else network

    def noise(size: int) -> torch.Tensor:
        shape = [size, CHANNELS, config.data.resolution, config.data.resolution]
        return (torch.rand(shape) * 2 - 1).to(memory_format=memory_format)

    if translates(config):
        width, other = config.extras["width"], config.extras["discriminator_width"]
        step = torch_cyclegan.Step(width, other, CHANNELS, config.extras["blocks"], prepared)
        a, b = (noise(training.generator_batch_size) for _ in range(2))
        return lambda: [step(a, b) for _ in range(count)]
    classes = (
        CLASSES if config.networks.gan in CONDITIONAL or config.extras.get("conditional") else 0
    )
    pair = map(prepared, torch_step.networks(config, CHANNELS, classes))
    step = torch_step.Step(*pair, config, classes, together=fast)
    size = training.discriminator_batch_size
    groups = [
        torch_step.Group(noise(size), torch.randint(classes, [size]) if classes else None)
        for _ in range(training.discriminator_steps)
    ]
    return lambda: [step(groups) for _ in range(count)]


def peak(config: Config, count: int) -> Turn:
    """The machine's convolution peak in float32 and bfloat16, in GFLOP/s.

    That is the speed of the fastest of PyTorch's 3x3 convolutions.
    """
    del config, count
    import torch

    def rate(precision: torch.dtype, images: int, pixels: int, channels: int) -> float:
        inputs = torch.rand(images, channels, pixels, pixels).to(
            precision, memory_format=torch.channels_last
        )
        kernel = torch.rand(channels, channels, 3, 3).to(
            precision, memory_format=torch.channels_last
        )
        seconds = min(
            timed(lambda: torch.nn.functional.conv2d(inputs, kernel, padding=1)) for _ in range(3)
        )
        return 2 * 9 * images * (pixels * channels) ** 2 / seconds / 1e9

    @torch.no_grad()
    def turn() -> dict[str, float]:
        return {
            str(p): max(rate(p, *shape) for shape in PEAK_CONVOLUTIONS)
            for p in (torch.float32, torch.bfloat16)
        }

    return turn


CONTENDERS = {function.__name__: function for function in (ours, ours_bfloat16, plain, eager, best)}
OF_PYTORCH = {eager.__name__, best.__name__, peak.__name__}


def is_in_bfloat16(name: str, config: Config) -> bool:
    """Whether a contender computes its networks in bfloat16."""
    asked = config.training.precision == "mixed_bfloat16"
    return name in (ours_bfloat16.__name__, best.__name__) or (asked and name == ours.__name__)


def serve(
    pipe: multiprocessing.connection.Connection, name: str, config: Config, count: int
) -> None:
    """Runs a contender in its own process.

    It takes a turn whenever it is asked for one, and at the end it reports results and memory.
    """
    if name in OF_PYTORCH:
        import torch  # noqa: F401
    else:
        import tf_gan_lth.training  # noqa: F401
    imported = peak_memory()
    turn = (CONTENDERS | {peak.__name__: peak})[name](config, count)
    turn()
    pipe.send("ready")
    results = []
    while pipe.recv():
        pipe.send(timed(lambda: results.append(turn())))
    pipe.send((results, peak_memory(), imported))


def timed(function: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def peak_memory() -> float:
    """The largest resident memory of this process so far, in MiB (on Linux).

    The number of `getrusage` would include the parent's.
    """
    status = pathlib.Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 2**10


def count_work(pipe: multiprocessing.connection.Connection, config: Config) -> None:
    """Sends the number of multiply-adds in a training step."""
    pipe.send(step_graph(config)[1])


def step_graph(config: Config):
    """Counts the work of a training step.

    Returns:
      Its model, the multiply-adds of its convolutions and matrix products, and the number of its
      operations.
    """
    import tensorflow as tf

    model, batches = make_model(config)
    graph = tf.function(model.train_step).get_concrete_function(batches.element_spec).graph
    # Unused gradients are in the graph, but are not computed: count only what the outputs need.
    waiting = [*(tensor.op for tensor in graph.outputs), *graph.control_outputs]
    live = set()
    while waiting:
        operation = waiting.pop()
        if operation not in live:
            live.add(operation)
            waiting += [*(tensor.op for tensor in operation.inputs), *operation.control_inputs]
    return model, sum(map(_products, live)), sum(operation.type not in FREE for operation in live)


def _products(operation) -> int:
    """The multiply-adds of a convolution, of a gradient of one, or of a matrix product; else 0."""
    shapes = [tensor.shape for tensor in (*operation.inputs, *operation.outputs)]
    match operation.type:
        case "Conv2D":
            _, kernel, made = shapes
            return made.num_elements() * kernel[:3].num_elements()
        case "Conv2DBackpropInput":
            _, kernel, made, _ = shapes
            return made.num_elements() * kernel[:3].num_elements()
        case "Conv2DBackpropFilter":
            _, _, made, kernel = shapes
            return made.num_elements() * kernel[:3].num_elements()
        case "MatMul":
            first, _, made = shapes
            return made.num_elements() * first[0 if operation.get_attr("transpose_a") else 1]
        case _:
            return 0
