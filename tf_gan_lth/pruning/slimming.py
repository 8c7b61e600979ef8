"""Slim networks: without their pruned channels, with the outputs of the masked ones.

Filters, units, and what else a layer's config says of channels are made smaller; layers that take
their size from what they read follow. A norm that selects reads its channels through a
`ChannelSelection`. Paths of variables stay the same, and with them snapshots and checkpoints.
"""

import numpy as np
import tf_keras as keras

from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.experiment.errors import MaskError
from tf_gan_lth.gans.layers import ChannelSelection
from tf_gan_lth.gans.snapshots import path_of, variables
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
        for axis, stays in axes.items():
            sliced[path] = np.compress(stays, sliced[path], axis)
    return sliced


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

    def narrower(call, reads: list) -> tuple[keras.layers.Layer, list]:
        old = call.layer
        if selection := _selection(old, mask):
            first, *others = reads
            reads = [selection(first), *others]
        if type(old) is keras.layers.Reshape:
            before, after = call.keras_inputs[0].shape[-1], reads[0].shape[-1]
            layer = _slim_reshape(old, before, after, old.name in layers)
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
    return ChannelSelection(np.flatnonzero(stays).tolist(), name=f"{layer.name}/selection")


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
    return type(old).from_config(config)


def _slim_reshape(
    old: keras.layers.Reshape, before: int, after: int, again: bool
) -> keras.layers.Reshape:
    """A layer whose last axis has lost the share that the one that it reads has lost."""
    *sizes, last = old.target_shape
    target = (*sizes, last if last == -1 else last * after // before)
    # What it returns depends on what it reads, so each call has a layer, under a name of its own.
    return keras.layers.Reshape(target, name=None if again else old.name, dtype=old.dtype_policy)
