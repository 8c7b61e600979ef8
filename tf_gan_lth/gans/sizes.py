"""What training a GAN's networks takes in memory, before any of it is taken."""

import contextlib
import functools
import math
from collections.abc import Callable, Iterator

import tensorflow as tf
from tensorflow.python.ops import resource_variable_ops
from tensorflow.python.util import deprecation

from tf_gan_lth.experiment import memory
from tf_gan_lth.experiment.config import Config
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.gans import registry
from tf_gan_lth.gans.spec import GANSpec, ImageShape

# Of each number in a network: the plain network, the one that trains, its gradient, Adam's two
# moments, and theta_0.
COPIES = 6
BYTES = 4  # float32


def check(spec: GANSpec, config: Config, images: ImageShape) -> None:
    """Raises `UsageError` for networks that cannot be trained in the memory that is free here.

    Networks of one's own are built by code that may compute: they are not built a second time.
    Neither is it known how much there is where they train on a GPU.
    """
    free = memory.available()
    if free is None or spec.name not in registry.known() or tf.config.list_physical_devices("GPU"):
        return
    options = registry.options_of(spec, config)
    try:
        sizes = parameters(spec.name, options, images, config.networks.fused_convolutions)
    except ValueError as error:
        if "too large" not in str(error):
            raise
        raise UsageError(
            f"training these networks takes more than {2**63:,} bytes of memory, and {free:,} are"
            " free; make the networks smaller, as by --width"
        ) from None
    numbers = sum(sizes.values())
    needed = BYTES * (COPIES * numbers + sum(sizes[name] for name in spec.averaged))
    if needed > free:
        raise UsageError(
            f"training these networks takes {needed:,} bytes of memory, and {free:,} are free:"
            f" {numbers:,} numbers, each as weight, gradient, theta_0, two moments of Adam and for"
            " scores; make the networks smaller, as by --width"
        )


@functools.lru_cache
def parameters(name: str, options: object, images: ImageShape, fused: bool) -> dict[str, int]:
    """{network: how many numbers its variables hold}, counted without making any of them.

    Args:
      name: of a GAN of this package.
      options, images, fused: what it is built from.
    """
    spec = registry.find(name)
    with symbolic():
        networks = spec.build(options, images, fused)
    return {
        network: sum(math.prod(variable.shape) for variable in built.weights)
        for network, built in networks.items()
    }


@contextlib.contextmanager
def symbolic() -> Iterator[None]:
    """Within it, what is built has shapes and no values: a variable is a symbol in a graph."""
    # Keras places variables by a function that is deprecated. The operations that would draw their
    # first values take most of the time, and are left out.
    without_values = tf.variable_creator_scope(_without_value)
    with tf.Graph().as_default(), deprecation.silence(), without_values:
        yield


def _without_value(create: Callable[..., tf.Variable], **given: object) -> tf.Variable:
    if given.get("shape") is None:
        return create(**given)
    return resource_variable_ops.UninitializedVariable(
        trainable=given["trainable"], shape=given["shape"], dtype=given["dtype"], name=given["name"]
    )
