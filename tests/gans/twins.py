"""Compares networks with independent ones in PyTorch: values and gradients, from equal weights."""

import numpy as np
import pytest
import tensorflow as tf

from tf_gan_lth import gans
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.gans import ImageShape

TOLERANCE = 1e-5  # of the largest value of a tensor: float32 against float64
COUNT = 6
SMALL = 0.1  # of a network's largest gradient: what is smaller is held to this scale
NAMES = {
    "kernel": "weight",
    "embeddings": "weight",
    "gamma": "weight",
    "beta": "bias",
    "u": "weight_u",
    "gains": "gains.weight",
    "shifts": "shifts.weight",
    "gains_u": "gains.weight_u",
    "shifts_u": "shifts.weight_u",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def build(name: str, resolution: int = 16, channels: int = 3, classes: int = 0, **options):
    """The networks of a GAN of the package, with fresh weights."""
    config = configs.from_options({"gan": name, **options})
    shape = ImageShape(resolution, channels, classes)
    return gans.build(gans.find(name), config, shape, seed=1).networks


def parameters(network) -> int:
    return sum(int(np.prod(variable.shape)) for variable in network.trainable_weights)


def to_torch(path: str, array: object) -> np.ndarray:
    """A variable as PyTorch's, which has outputs before inputs and channels before rows."""
    array = np.asarray(array)
    if path.startswith("dense/"):  # its outputs are a map
        shape = (-1, 4, 4, array.shape[-1] // 16)
        array = array.reshape(shape).transpose(0, 3, 1, 2).reshape(array.shape)
    if path.endswith("/embeddings"):
        return array
    return array.transpose({4: (3, 2, 0, 1), 2: (1, 0), 1: (0,)}[array.ndim])


def torch_name(path: str, state: dict) -> str:
    """The name of a variable in a twin, whose modules have the names of the layers."""
    *modules, variable = path.split("/")
    name = ".".join([*modules, NAMES.get(variable, variable)])
    return name if name in state else f"{name}_orig"


def draw(shape: list[int], seed: int) -> tf.Tensor:
    return tf.random.stateless_normal(shape, [seed, seed + 1])


def inputs_of(network, classes: int) -> list[tf.Tensor]:
    """What a network takes: latents or images, and labels of all classes but the last."""
    labels = tf.range(COUNT) % max(1, classes - 1)
    return [
        labels if tensor.dtype.is_integer else draw([COUNT, *tensor.shape[1:]], 1)
        for tensor in network.inputs
    ]


def check(network, twin, classes: int = 0) -> None:
    """Asserts that a network and its twin compute the same in training.

    Args:
      network: of ours; its weights are changed, so that none are 0.
      twin: a PyTorch module whose modules have the names of the network's layers.
      classes: number of classes of the labels.
    """
    torch = pytest.importorskip("torch")
    variables = gans.variables(network)
    for number, (path, variable) in enumerate(variables.items()):
        if path.endswith(("/bias", "/beta", "/sigma")):
            variable.assign(0.3 * draw(variable.shape, number))
    twin = twin.double().train()
    state = twin.state_dict()
    names = {path: torch_name(path, state) for path in variables}
    ignored = ("num_batches_tracked", "weight_v")
    assert set(names.values()) == {name for name in state if not name.endswith(ignored)}
    for path, variable in variables.items():
        state[names[path]] = torch.tensor(to_torch(path, variable), dtype=torch.float64)
    twin.load_state_dict(state)

    def channels_first(tensor):
        if tensor.dtype.is_integer:
            return torch.tensor(tensor.numpy().astype(np.int64))
        array = tensor.numpy().astype(np.float64)
        return torch.tensor(array.transpose(0, 3, 1, 2) if array.ndim == 4 else array)

    inputs = inputs_of(network, classes)
    trained = {v.ref() for v in network.trainable_weights}
    trained = {path: v for path, v in variables.items() if v.ref() in trained}
    with tf.GradientTape() as tape:
        tape.watch(inputs[0])
        outputs = tf.nest.flatten(network(inputs, training=True))
        directions = [draw(output.shape, 3) for output in outputs]
        pairs = zip(outputs, directions, strict=True)
        loss = tf.add_n([tf.reduce_sum(output * direction) for output, direction in pairs])
    found = tape.gradient(loss, {**trained, "inputs": inputs[0]})
    found = {path: tf.convert_to_tensor(gradient) for path, gradient in found.items()}

    taken = [channels_first(tensor) for tensor in inputs]
    taken[0].requires_grad_()
    expected = twin(*taken)
    expected = list(expected) if isinstance(expected, tuple) else [expected]
    pairs = zip(expected, map(channels_first, directions), strict=True)
    sum((output * direction).sum() for output, direction in pairs).backward()
    for output, other in zip(outputs, expected, strict=True):
        _check_close("output", channels_first(output).numpy(), other.detach().numpy(), 0.0)
    held = dict(twin.named_parameters())
    gradients = {path: (to_torch(path, found[path]), held[names[path]].grad) for path in trained}
    gradients["inputs"] = (channels_first(found["inputs"]).numpy(), taken[0].grad)
    largest = max(float(other.abs().max()) for _, other in gradients.values())
    for path, (gradient, other) in gradients.items():
        # That of a bias before a norm is 0, as the sum of what cancels out.
        least = largest if path.endswith("/bias") else SMALL * largest
        _check_close(f"gradient of {path}", gradient, other.numpy(), least)
    for path, name in names.items():
        if path.endswith(("u", "moving_mean", "moving_variance")):
            _check_close(
                path, to_torch(path, variables[path]), twin.state_dict()[name].numpy(), 1.0
            )


def _check_close(what: str, found: np.ndarray, expected: np.ndarray, least: float) -> None:
    scale = max(float(np.abs(expected).max()), least)
    error = float(np.abs(found - expected).max()) / scale
    assert error < TOLERANCE, f"{what} differs by {error:.1e} of {scale:.3g}"
