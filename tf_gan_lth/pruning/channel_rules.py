"""What each class of layer does with channels: the rules by which `channels` follows them.

A rule takes the labels of what a call reads and returns those of what it returns, after it has
bound the layer's variables to them. It holds for one class exactly: a subclass may do anything. For
a class of one's own, write a rule and `register` it. Pruned channels must neither change what the
layer computes of others nor be needed for it: a layer that computes over all channels together, as
layer normalization does, has no rule.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tf_gan_lth.gans import layers as ours
from tf_gan_lth.pruning.channel_flow import Flow, Labels


class NotKnown(Exception):
    """The layer does something to channels that no rule covers; the message is the reason."""


@dataclasses.dataclass(frozen=True)
class Call:
    """One call of a layer.

    Attributes:
      layer: that is called.
      reads: labels of each map that it reads; none of a map without an axis of channels.
      shapes: of each map that it reads, with the batch in front; None where a size is open.
      returns: shape of the map that it returns.
    """

    layer: keras.layers.Layer
    reads: list[Labels]
    shapes: list[tuple[int | None, ...]]
    returns: tuple[int | None, ...]


Rule = Callable[[Flow, Call], Labels]
RULES: dict[type, Rule] = {}


@dataclasses.dataclass(frozen=True)
class Kernel:
    """How a layer that makes new channels is told how many.

    Attributes:
      option: the number of channels in the layer's config.
      variable: the kernel, an attribute of the layer.
      reads: the kernel's axis of input channels; None if it has none.
      writes: its axis of output channels.
    """

    option: str
    variable: str = "kernel"
    reads: int | None = -2
    writes: int = -1


_layers = keras.layers
KERNELS: dict[type, Kernel] = {
    **dict.fromkeys(
        (
            _layers.Conv1D,
            _layers.Conv2D,
            _layers.Conv3D,
            ours.FewChannelsConv2D,
            ours.PaddedConv2D,
            ours.PooledConv2D,
            ours.PooledSpectralConv2D,
            ours.SpectralConv2D,
            ours.UpsampledConv2D,
            ours.UpsampledSpectralConv2D,
        ),
        Kernel("filters"),
    ),
    **dict.fromkeys(
        (
            _layers.Conv1DTranspose,
            _layers.Conv2DTranspose,
            _layers.Conv3DTranspose,
            ours.DoublingConv2DTranspose,
        ),
        Kernel("filters", reads=-1, writes=-2),
    ),
    **dict.fromkeys((_layers.Dense, ours.SpectralDense), Kernel("units")),
    **dict.fromkeys(
        (_layers.SeparableConv1D, _layers.SeparableConv2D), Kernel("filters", "pointwise_kernel")
    ),
    _layers.Embedding: Kernel("output_dim", "embeddings", reads=None),
}
NORMS = (
    *(_layers.BatchNormalization, ours.BatchNormalization, ours.InstanceNormalization),
    ours.ConditionalBatchNormalization,
)

_CHANNELWISE = (
    *(_layers.ReLU, _layers.LeakyReLU, _layers.ELU, _layers.ThresholdedReLU, _layers.Activation),
    *(_layers.Identity, _layers.Dropout, _layers.SpatialDropout1D, _layers.SpatialDropout2D),
    *(_layers.SpatialDropout3D, _layers.GaussianDropout, _layers.GaussianNoise),
    *(_layers.RepeatVector, _layers.UpSampling1D, _layers.UpSampling2D, _layers.UpSampling3D),
    *(_layers.ZeroPadding1D, _layers.ZeroPadding2D, _layers.ZeroPadding3D),
    *(_layers.Cropping1D, _layers.Cropping2D, _layers.Cropping3D),
    *(_layers.AveragePooling1D, _layers.AveragePooling2D, _layers.AveragePooling3D),
    *(_layers.MaxPooling1D, _layers.MaxPooling2D, _layers.MaxPooling3D),
    *(_layers.GlobalAveragePooling1D, _layers.GlobalAveragePooling2D),
    *(_layers.GlobalAveragePooling3D, _layers.GlobalMaxPooling1D),
    *(_layers.GlobalMaxPooling2D, _layers.GlobalMaxPooling3D),
    *(ours.NearestUpsampling, ours.ReflectionPadding, ours.SpatialSum, ours.LearnedScale),
    ours.QuantisedMaps,
)
_MERGES = (
    *(_layers.Add, _layers.Subtract, _layers.Multiply, _layers.Average),
    *(_layers.Maximum, _layers.Minimum, ours.ResidualSum),
)
_MIXES = (
    *(_layers.LayerNormalization, _layers.GroupNormalization, _layers.UnitNormalization),
    _layers.Softmax,
)
_ELEMENTWISE = {
    *("linear", "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "tanh", "sigmoid"),
    *("hard_sigmoid", "swish", "silu", "softplus", "softsign", "mish", "exponential"),
}
_NOT_ZERO_AT_ZERO = ("sigmoid", "hard_sigmoid", "softplus", "exponential")
_OPERATIONS = ("TFOpLambda", "SlicingOpLambda")  # what Keras makes of TensorFlow's own functions
_OF_LABELS = (ours.ConditionalBatchNormalization, ours.Projection)  # as their second input
_ACTIVATION_LAYERS = (_layers.ReLU, _layers.LeakyReLU, _layers.ELU, _layers.ThresholdedReLU)


def gains_of(layer: keras.layers.Layer) -> tuple[tf.Variable, int] | None:
    """The gammas of a norm, or the gains of a conditional one, and their axis of channels."""
    if isinstance(layer, ours.ConditionalBatchNormalization):
        return layer.gains, 1
    return None if layer.gamma is None else (layer.gamma, 0)


def register(*classes: type) -> Callable[[Rule], Rule]:
    """Decorates the rule of classes of layers; a later rule replaces an earlier one."""

    def add(rule: Rule) -> Rule:
        RULES.update(dict.fromkeys(classes, rule))
        return rule

    return add


def follow(flow: Flow, call: Call) -> Labels:
    """The labels of what a call returns. Raises `NotKnown` if no rule covers the call."""
    kind = type(call.layer)
    if kind.__name__ in _OPERATIONS:
        raise NotKnown(
            "an operation that no layer makes, as x + y, has no rule; layers, as Add, do"
        )
    if kind not in RULES:
        raise NotKnown(f"class {kind.__name__} has no rule")
    if getattr(call.layer, "data_format", None) == "channels_first":
        raise NotKnown("its channels come first")
    reads = call.reads[:1] if kind in _OF_LABELS else call.reads
    if kind is not _layers.Embedding and not all(map(len, reads)):
        raise NotKnown("it reads a map without an axis of channels")
    if getattr(call.layer, "groups", 1) != 1:
        raise NotKnown("its channels are in groups of their own")
    _check_activation(getattr(call.layer, "activation", None))
    returned = RULES[kind](flow, call)
    if _moves_zeros(call.layer):
        flow.offset.append(returned)
    return returned


def _moves_zeros(layer: keras.layers.Layer) -> bool:
    """Whether a layer whose weights of a channel are 0 may return something else of it."""
    if getattr(getattr(layer, "activation", None), "__name__", None) in _NOT_ZERO_AT_ZERO:
        return True
    # A norm without gammas takes a moving mean away; a gain of 0 is a factor of 1.
    conditional = type(layer) is ours.ConditionalBatchNormalization
    without_gammas = isinstance(layer, _layers.BatchNormalization) and layer.gamma is None
    return conditional or without_gammas or type(layer) is _layers.GaussianNoise


def _check_activation(activation: object) -> None:
    """Raises `NotKnown` unless an activation takes each feature for itself."""
    if activation is None or type(activation) in _ACTIVATION_LAYERS:
        return
    name = getattr(activation, "__name__", type(activation).__name__)
    library = str(getattr(activation, "__module__", "")).partition(".")[0]
    if name not in _ELEMENTWISE or library not in ("tf_keras", "keras", "tensorflow"):
        raise NotKnown(f"its activation {name} may mix channels")


def _bind_vectors(flow: Flow, layer: keras.layers.Layer, names: str, labels: Labels) -> None:
    """Binds the vectors that a layer has, of one value a channel."""
    for name in names.split():
        if getattr(layer, name, None) is not None:
            flow.bind(layer, name, 0, labels)


@register(*KERNELS)
def _makes_channels(flow: Flow, call: Call) -> Labels:
    kernel = KERNELS[type(call.layer)]
    read = call.reads[0]
    if kernel.variable == "pointwise_kernel":
        read = _spread(flow, call)
    if kernel.reads is not None:
        flow.bind(call.layer, kernel.variable, kernel.reads, read)
        flow.read.append((call.layer.name, read))
    written = flow.write(call.layer, kernel.variable, kernel.writes)
    # `u` is the vector of a spectral norm, which has one value for each output channel.
    _bind_vectors(flow, call.layer, "bias u", written)
    return written


@register(_layers.DepthwiseConv1D, _layers.DepthwiseConv2D)
def _depthwise(flow: Flow, call: Call) -> Labels:
    returned = _spread(flow, call)
    _bind_vectors(flow, call.layer, "bias", returned)
    return returned


def _spread(flow: Flow, call: Call) -> Labels:
    """What a depthwise kernel `(..., C, M)` makes of C channels: M of each, side by side."""
    flow.bind(call.layer, "depthwise_kernel", -2, call.reads[0])
    return np.repeat(call.reads[0], call.layer.depth_multiplier)


@register(*NORMS)
def _norm(flow: Flow, call: Call) -> Labels:
    axes = getattr(call.layer, "axis", None)
    last = len(call.shapes[0]) - 1
    if axes is not None and (found := np.atleast_1d(axes).tolist()) != [last]:
        raise NotKnown(f"it normalises along axis {found}, not the last")
    if getattr(call.layer, "renorm", False):
        raise NotKnown("its statistics are renormalised")
    _bind_vectors(flow, call.layer, "gamma beta moving_mean moving_variance", call.reads[0])
    return call.reads[0]


@register(ours.ConditionalBatchNormalization)
def _conditional_norm(flow: Flow, call: Call) -> Labels:
    """As a norm; what its condition has stays whole."""
    flow.hold(call.reads[1], f"the condition of {call.layer.name}")
    for kernel in ("gains", "shifts"):
        flow.bind(call.layer, kernel, 1, call.reads[0])
    names = "moving_mean moving_variance gains_u shifts_u"
    _bind_vectors(flow, call.layer, names, call.reads[0])
    return call.reads[0]


@register(ours.Projection)
def _projection(flow: Flow, call: Call) -> Labels:
    flow.bind(call.layer, "embeddings", 1, call.reads[0])
    flow.read.append((call.layer.name, call.reads[0]))
    _bind_vectors(flow, call.layer, "u", call.reads[0])
    return flow.fresh(1, call.layer.name)


@register(ours.SpatialAttention)
def _attention(flow: Flow, call: Call) -> Labels:
    """Queries and keys are multiplied feature by feature; values keep their channels."""
    queries, keys, values = call.reads
    flow.join(queries, keys)
    flow.summed.append((queries, f"{call.layer.name} sums it, and it is not 0 without its weights"))
    return values


@register(ours.ChannelSelection)
def _selection(flow: Flow, call: Call) -> Labels:
    """Its positions are fixed, so what it selects of stays whole."""
    flow.hold(call.reads[0], f"{call.layer.name} selects of it")
    return call.reads[0][call.layer.indices]


@register(_layers.PReLU)
def _prelu(flow: Flow, call: Call) -> Labels:
    if call.layer.alpha.shape[-1] == len(call.reads[0]):
        flow.bind(call.layer, "alpha", -1, call.reads[0])
    return call.reads[0]


@register(*_CHANNELWISE)
def _channelwise(flow: Flow, call: Call) -> Labels:
    del flow
    if (getattr(call.layer, "noise_shape", None) or [None])[-1] not in (None, 1):
        raise NotKnown("its noise_shape says the number of channels")
    return call.reads[0]


@register(*_MERGES)
def _merge(flow: Flow, call: Call) -> Labels:
    returned = max(call.reads, key=len)
    for read in call.reads:
        if len(read) == len(returned):
            flow.join(read, returned)
        elif len(read) == 1:
            flow.hold(read, f"{call.layer.name} uses it for every channel of another map")
        else:
            raise NotKnown(f"it merges maps of {len(read)} and {len(returned)} channels")
    return returned


@register(_layers.Concatenate)
def _concatenate(flow: Flow, call: Call) -> Labels:
    rank = len(call.shapes[0])
    if call.layer.axis % rank == rank - 1:
        return np.concatenate(call.reads)
    for read in call.reads[1:]:
        flow.join(call.reads[0], read)
    return call.reads[0]


@register(_layers.Flatten, _layers.Reshape)
def _reshape(flow: Flow, call: Call) -> Labels:
    """Features that come to lie above one another, at one position of the last axis, are joined."""
    read = call.reads[0]
    if len(call.returns) < 2:
        raise NotKnown("it returns a map without an axis of channels")
    if None in (*call.shapes[0][1:], *call.returns[1:]):
        if call.returns[-1] != len(read):
            raise NotKnown("it reshapes maps of any size")
        return read  # only height and width change
    features = np.broadcast_to(read, call.shapes[0][1:]).reshape(-1, call.returns[-1])
    for row in features[(features != features[0]).any(axis=1)]:
        flow.join(features[0], row)
    return features[0]


@register(*_MIXES)
def _mixes(flow: Flow, call: Call) -> Labels:
    raise NotKnown(f"a {type(call.layer).__name__} computes over all channels together")
