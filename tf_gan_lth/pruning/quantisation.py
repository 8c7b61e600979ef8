"""Networks in 8 bits: what their layers read is quantised, and so are kernels.

Maps are quantised by layers within the graph, kernels as they are trained and stored: see
`gans.layers.quantised`. Biases, norms and what a network itself reads stay in 32 bits.
"""

import itertools

import tensorflow as tf
import tf_keras as keras

from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.gans import GAN, variables
from tf_gan_lth.gans.layers import (
    NearestUpsampling,
    QuantisedMaps,
    ReflectionPadding,
    quantised_weights,
)
from tf_gan_lth.pruning.rebuilding import rebuild

_layers = keras.layers
_READERS = (
    *(_layers.Conv1D, _layers.Conv2D, _layers.Conv3D, _layers.Dense),
    *(_layers.DepthwiseConv1D, _layers.DepthwiseConv2D),
    *(_layers.SeparableConv1D, _layers.SeparableConv2D),
)
# Layers that leave values as they are.
_PASSING = (
    *(NearestUpsampling, ReflectionPadding, _layers.UpSampling2D, _layers.ZeroPadding2D),
    *(_layers.Reshape, _layers.Flatten, _layers.Identity, _layers.Cropping2D),
)
_KERNELS = ("kernel", "depthwise_kernel", "pointwise_kernel")


def quantised(network: keras.Model) -> keras.Model:
    """The graph again, in which convolutions and Dense layers read quantised maps.

    Depthwise and separable ones do too; what lies between the two halves of the latter is not
    quantised. Paths and shapes of variables stay the same; weights are fresh. Maps after a ReLU
    have all 256 values above 0. What reads the network's own input reads it as it is.

    Args:
      network: functional.
    """
    layers: dict[str, keras.layers.Layer] = {}
    numbers = itertools.count()

    def reading_8_bits(call, reads: list) -> tuple[keras.layers.Layer, list]:
        old, number = call.layer, next(numbers)
        source = _source(call.keras_inputs[0])
        if isinstance(old, _READERS) and not isinstance(source, _layers.InputLayer):
            first, *others = reads
            name = f"{old.name}/quantised" + (f"_{number}" if old.name in layers else "")
            maps = QuantisedMaps(not _is_relu(source), name=name, dtype=old.dtype_policy)(first)
            reads = [maps, *others]
        layers[old.name] = layers.get(old.name) or type(old).from_config(old.get_config())
        return layers[old.name], reads

    return rebuild(network, reading_8_bits)


def in_bits(gan: GAN, bits: int) -> dict[str, keras.Model]:
    """A GAN's networks, the generators among them quantised if bits are 8."""
    generators = gan.spec.generators if bits == 8 else ()
    return {n: quantised(net) if n in generators else net for n, net in gan.networks.items()}


def kernels_of(network: keras.Model) -> dict[str, tf.Variable]:
    """{path: variable} of the kernels that train in 8 bits: of a network that reads such maps."""
    if not any(isinstance(layer, QuantisedMaps) for layer in network.layers):
        return {}
    return {p: v for p, v in variables(network).items() if p.rpartition("/")[2] in _KERNELS}


def quantised_snapshot(network: keras.Model, snapshot: Arrays) -> Arrays:
    """A snapshot of a network as it computes: with quantised kernels where it trains in 8 bits."""
    rounded = {p: quantised_weights(tf.constant(snapshot[p])) for p in kernels_of(network)}
    return {**snapshot, **{path: tensor.numpy() for path, tensor in rounded.items()}}


def _source(tensor: tf.Tensor) -> keras.layers.Layer:
    """The layer that made the values of a tensor."""
    node = tensor.node
    while isinstance(node.layer, _PASSING):
        node = node.keras_inputs[0].node
    return node.layer


def _is_relu(layer: keras.layers.Layer) -> bool:
    if type(layer) is _layers.ReLU:
        return not layer.negative_slope
    return getattr(layer, "activation", None) is keras.activations.relu
