"""What a network takes: parameters and multiply-accumulates (MACs), counted from its graph.

MACs are those of the network as defined, for one image: the elements of a layer's kernels, times
the positions that each element is applied at. For a convolution these are the positions of the map
that it returns; for a transposed one those of the map that it *reads* (counted at what it returns,
strides of 2 would be four times too many); for a Dense layer all axes but the last. Edges count as
any position. A layer that computes a function in another form (`UpsampledConv2D`,
`PooledSpectralConv2D`, `FewChannelsConv2D`) counts as what it is defined as. Each call of a layer
counts.

Only products with weights count: no biases, norms, activations, pooling, look-ups in an embedding,
or products of two maps, as in attention. A layer of any other class with kernels, trainable weights
of two axes or more, counts as if each element was applied once an image, and a `ToolkitWarning`
names it. A layer can say better by a method, which comes before the rules here:

    def kernel_positions(self, input_shape, output_shape) -> int

The shapes are those of its first input and output, as tuples with the batch in front.
"""

import dataclasses
import math
import warnings
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.experiment.errors import ToolkitWarning, UsageError
from tf_gan_lth.gans.layers import PooledConv2D, PooledSpectralConv2D
from tf_gan_lth.gans.snapshots import variables
from tf_gan_lth.pruning.masks import check_shapes

Shapes = Sequence[Sequence[int]]  # of each input of a network, without the batch

# Where a layer applies its kernels; the first of the three that it is an instance of.
_NOWHERE = (
    keras.layers.BatchNormalization,  # along several axes, its gammas have as many
    keras.layers.Embedding,
    keras.layers.LayerNormalization,
    keras.layers.PReLU,
)
_AT_INPUT = (
    keras.layers.Conv1DTranspose,
    keras.layers.Conv2DTranspose,
    keras.layers.Conv3DTranspose,
    PooledConv2D,  # what it returns is pooled already
    PooledSpectralConv2D,
)
_AT_OUTPUT = (
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
    keras.layers.Dense,
    keras.layers.DepthwiseConv1D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv1D,  # strides are those of its depthwise half, which comes first
    keras.layers.SeparableConv2D,
)


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a network takes.

    Attributes:
      parameters: trainable ones, also of layers that are frozen for now.
      parameters_left: those that are not pruned.
      macs: multiply-accumulates an image, as if nothing was pruned.
      macs_left: those whose weight is not pruned.
    """

    parameters: int
    parameters_left: int
    macs: int
    macs_left: int


def cost(
    network: keras.Model, kept: Arrays | None = None, input_shapes: Shapes | None = None
) -> Cost:
    """Counts what a functional network takes, plain or wrapped for pruning.

    Args:
      network: may have other functional models as layers.
      kept: {variable path: bool array of the variable's shape, 1 keeps}, as `Mask.expand` returns
        them; variables that it lacks are whole.
      input_shapes: of each input, without the batch, e.g. `[(256, 256, 3)]`; needed where the
        network takes any size.

    Raises:
      MaskError: `kept` has a path or a shape that the network has not.
      UsageError: the network has no graph, does not take `input_shapes`, or has a map of unknown
        size.
    """
    if not _is_functional(network):
        raise UsageError(
            f"{network.name} has no graph to count, as a subclassed or unbuilt model: make it by"
            " keras.Model(inputs, outputs)"
        )
    if input_shapes is not None:
        _check_inputs(network, input_shapes)
    kept = kept or {}
    held = variables(network) if kept else {}
    check_shapes(held, kept)
    left = {id(held[path]): int(np.count_nonzero(stays)) for path, stays in kept.items()}

    macs, macs_left = 0, 0
    for layer, reads, returns in _calls(network, input_shapes):
        kernels = [weight for weight in _trainable(layer) if weight.shape.rank >= 2]
        positions = _positions(layer, reads, returns) if kernels else 0
        macs += positions * _count(kernels, {})
        macs_left += positions * _count(kernels, left)
    parameters = _trainable(network)
    return Cost(_count(parameters, {}), _count(parameters, left), macs, macs_left)


def kernel_positions(network: keras.Model) -> dict[str, tuple[int, tuple[int, ...]]]:
    """{variable path: at how many positions all calls apply each element of it, and its shape}.

    Of every kernel of a functional network: its elements times the positions are its
    multiply-accumulates.
    """
    found = {}
    paths = {id(variable): path for path, variable in variables(network).items()}
    for layer, reads, returns in _calls(network, None):
        kernels = [weight for weight in _trainable(layer) if weight.shape.rank >= 2]
        positions = _positions(layer, reads, returns) if kernels else 0
        for kernel in kernels:
            before, _ = found.get(paths[id(kernel)], (0, ()))
            found[paths[id(kernel)]] = before + positions, tuple(kernel.shape)
    return found


def _is_functional(layer: keras.layers.Layer) -> bool:
    return isinstance(layer, keras.Model) and layer._is_graph_network


def _check_inputs(network: keras.Model, input_shapes: Shapes) -> None:
    declared = [tensor.shape[1:] for tensor in network.inputs]
    fits = map(tf.TensorShape.is_compatible_with, declared, input_shapes)
    if len(input_shapes) != len(declared) or not all(fits):
        known = [tuple(shape) for shape in declared]
        raise UsageError(f"input_shapes={input_shapes} is not what {network.name} takes: {known}")


def _trainable(layer: keras.layers.Layer) -> list[tf.Variable]:
    """Parameters: no masks, statistics or vectors of spectral norms."""
    return [weight for weight in layer.weights if weight.trainable]


def _count(weights: list[tf.Variable], left: dict[int, int]) -> int:
    """The elements of weights; of those that `left` has, by `id`, as many as it says."""
    return sum(left.get(id(weight), math.prod(weight.shape)) for weight in weights)


def _calls(
    network: keras.Model, input_shapes: Shapes | None
) -> Iterator[tuple[keras.layers.Layer, tf.TensorShape, tf.TensorShape]]:
    """Each call of a layer, freed from its wrappers, with the shapes of what it reads and returns.

    Sizes that the graph leaves open follow from those of the inputs by a symbolic run of the same
    layers, which makes no weights and computes nothing.
    """
    nodes = [node for node in sum(network._nodes_by_depth.values(), []) if not node.is_input]
    maps = [(node.keras_inputs, tf.nest.flatten(node.outputs)) for node in nodes]
    if input_shapes is not None:
        # Under given names: automatic ones would change those of layers that are made later.
        inputs = [
            keras.Input(shape, dtype=tensor.dtype, name=f"cost_input_{number}")
            for number, (shape, tensor) in enumerate(zip(input_shapes, network.inputs, strict=True))
        ]
        maps = keras.Model(network.inputs, maps, name="cost_maps")(inputs, training=False)
    for node, (reads, returns) in zip(nodes, maps, strict=True):
        layer = node.layer
        if _is_functional(layer):
            yield from _calls(layer, [tensor.shape[1:] for tensor in reads])
            continue
        while isinstance(layer, keras.layers.Wrapper):
            layer = layer.layer
        yield layer, reads[0].shape, returns[0].shape


def _positions(layer: keras.layers.Layer, reads: tf.TensorShape, returns: tf.TensorShape) -> int:
    """At how many positions a layer applies each element of its kernels."""
    if hasattr(layer, "kernel_positions"):
        return layer.kernel_positions(tuple(reads), tuple(returns))
    if isinstance(layer, _NOWHERE):
        return 0
    if isinstance(layer, _AT_INPUT):
        return _positions_of_map(layer, reads)
    if isinstance(layer, _AT_OUTPUT):
        return _positions_of_map(layer, returns)
    warnings.warn(
        f"the multiply-accumulates of layer {layer.name} are unknown, so each weight of its kernels"
        f" counts once: give class {type(layer).__name__} a method"
        " `kernel_positions(input_shape, output_shape)`",
        ToolkitWarning,
        stacklevel=3,
    )
    return 1


def _positions_of_map(layer: keras.layers.Layer, shape: tf.TensorShape) -> int:
    """The product of all axes but those of the batch and the channels."""
    sizes = list(shape)
    channels_first = getattr(layer, "data_format", None) == "channels_first"
    del sizes[-1 - layer.rank if channels_first else -1]
    if None in sizes[1:]:
        raise UsageError(
            f"layer {layer.name} has a map of unknown size, {tuple(shape)}: give the sizes of the"
            " network's inputs, e.g. input_shapes=[(256, 256, 3)]"
        )
    return math.prod(sizes[1:])
