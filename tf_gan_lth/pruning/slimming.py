"""Slim networks: without their pruned channels, with the outputs of the masked ones.

Filters, units, and what else a layer's config says of channels are made smaller; layers that take
their size from what they read follow. A norm that selects reads its channels through a
`ChannelSelection`. Paths of variables stay the same, and with them snapshots and checkpoints.
"""

import itertools

import numpy as np
import tf_keras as keras

from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.experiment.errors import MaskError
from tf_gan_lth.gans.layers import ChannelSelection
from tf_gan_lth.gans.snapshots import named_variables, path_of, variables
from tf_gan_lth.pruning.channel_masks import Channels
from tf_gan_lth.pruning.channel_rules import KERNELS, gains_of
from tf_gan_lth.pruning.masks import apply, check_shapes
from tf_gan_lth.pruning.rebuilding import rebuild


def slim(network: keras.Model, snapshot: Arrays, mask: Channels) -> tuple[keras.Model, Arrays]:
    """Rebuilds a network without its pruned channels.

    It computes what the masked network does, in training and in inference: outputs, gradients and
    statistics of the channels that stay.

    Args:
      network: the network that the mask's groups were found in; it stays as it is.
      snapshot: its weights; pruned ones may have any value.
      mask: which of its channels stay.

    Returns:
      The slim network, with fresh weights, and the snapshot to load into it.

    Raises:
      MaskError: the mask is not one of channels, or of another network.
    """
    if not isinstance(mask, Channels):
        raise MaskError(
            f"a mask of {type(mask).__name__.lower()} leaves every channel: only a mask of channels"
            " makes a network slim"
        )
    check_shapes(variables(network), mask.expand())
    sliced = slim_snapshot(snapshot, mask)
    return _rebuilt(network, mask), sliced


def slim_snapshot(snapshot: Arrays, mask: Channels) -> Arrays:
    """What a snapshot holds for the slim network.

    Raises:
      MaskError: the mask is of another network.
    """
    check_shapes(snapshot, mask.expand())
    sliced = dict(snapshot)
    for path, axes in mask.axes.items():
        sliced[path] = _sliced(sliced[path], axes)
    return sliced


def _sliced(array: np.ndarray, axes: dict[int, np.ndarray]) -> np.ndarray:
    """What stays of a variable's array; axes as `Channels.axes` has them."""
    for axis, stays in axes.items():
        array = np.compress(stays, array, axis)
    return array


def widened_snapshot(slim: Arrays, like: Arrays, mask: Channels) -> Arrays:
    """The inverse of `slim_snapshot`: the masked network's snapshot.

    Args:
      slim: snapshot of the slim network.
      like: a snapshot of the whole network, which gives what pruned channels have of statistics
        and vectors of norms; trained variables are zero there.
      mask: the one that made the network slim.

    Raises:
      MaskError: the mask is of another network.
    """
    whole = {path: slim[path] for path in like}
    for path, axes in mask.axes.items():
        whole[path] = like[path].copy()
        stays = [axes.get(axis, np.ones(size, bool)) for axis, size in enumerate(like[path].shape)]
        whole[path][np.ix_(*stays)] = slim[path]
    return apply(whole, mask.expand())


def _rebuilt(network: keras.Model, mask: Channels) -> keras.Model:
    """The graph again, with layers of fewer channels."""
    layers: dict[str, keras.layers.Layer] = {}
    numbers = itertools.count(2)

    def narrower(call, reads: list) -> tuple[keras.layers.Layer, list]:
        old = call.layer
        if selection := _selection(old, mask):
            first, *others = reads
            reads = [selection(first), *others]
        if type(old) is keras.layers.Reshape:
            before, after = call.keras_inputs[0].shape[-1], reads[0].shape[-1]
            # What it returns depends on what it reads, so each call has a layer of its own.
            name = f"{old.name}/{next(numbers)}" if old.name in layers else old.name
            layer = _slim_reshape(old, before, after, name)
        else:
            layer = layers.get(old.name) or _slim_layer(old, mask)
        layers[old.name] = layer
        return layer, reads

    return rebuild(network, narrower)


def _selection(layer: keras.layers.Layer, mask: Channels) -> ChannelSelection | None:
    """What gathers the channels that a norm selects; None if it takes all."""
    names = {group.writers[0] for group in mask.groups.prunable if group.selects}
    if layer.name not in names:
        return None
    gains, axis = gains_of(layer)
    stays = mask.axes[path_of(layer, gains)][axis]
    if stays.all():
        return None
    # Of the norm's policy: under another one, the map would be cast to float32 and back.
    return ChannelSelection(
        np.flatnonzero(stays).tolist(), name=f"{layer.name}/selection", dtype=layer.dtype_policy
    )


def _slim_layer(old: keras.layers.Layer, mask: Channels) -> keras.layers.Layer:
    """A layer of the same class and name, without the pruned channels."""
    config = old.get_config()
    kernel = KERNELS.get(type(old))
    if kernel:
        variable = getattr(old, kernel.variable)
        axis = kernel.writes % variable.shape.rank
        stays = mask.axes.get(path_of(old, variable), {}).get(axis)
        if stays is not None:
            config[kernel.option] = int(np.count_nonzero(stays))
    for path, variable in named_variables(old):
        option = path.rpartition("/")[2].removesuffix("_kernel") + "_initializer"
        given = _given_values(config.get(option))
        if path in mask.axes and given is not None:
            given = _sliced(np.reshape(given, variable.shape), mask.axes[path])
            config[option] = keras.initializers.Constant(given)
    return type(old).from_config(config)


def _given_values(option: object) -> np.ndarray | None:
    """The values of an initializer that says each of them, as of a blur's kernel."""
    if not isinstance(option, dict) or option.get("class_name") != "Constant":
        return None
    value = np.asarray(keras.initializers.get(option).value)
    return value if value.size > 1 else None


def _slim_reshape(
    old: keras.layers.Reshape, before: int | None, after: int | None, name: str
) -> keras.layers.Reshape:
    """A layer whose last axis has lost the share that the one that it reads has lost."""
    target = list(old.target_shape)
    if before != after and target[-1] != -1:
        target[-1] = target[-1] * after // before
    return keras.layers.Reshape(target, name=name, dtype=old.dtype_policy)
