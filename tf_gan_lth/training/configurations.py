"""The configuration of a supernet that a training step trains: drawn within the step."""

import numpy as np
import tensorflow as tf

from tf_gan_lth.data import draws
from tf_gan_lth.pruning.channel_masks import Channels
from tf_gan_lth.pruning.supernets import Supernet
from tf_gan_lth.training.updates import Masked


class Configurations:
    """Draws a configuration for each step, of the supernet that a training has.

    Orders and widths are variables, so that trainings with other ones, and those without a supernet
    of which every channel stays, share one traced step.

    Args:
      full: the mask of the whole network.
      masked: {variable path: the variable} of those that the mask covers, at least.
    """

    def __init__(self, full: Channels, masked: dict[str, Masked]):
        groups = full.groups.prunable
        sizes = [group.size for group in groups]
        self._names = [group.name for group in groups]
        self._sizes = sizes
        self._group_of = np.repeat(np.arange(len(sizes)), sizes)
        self._masked = {path: masked[path] for path in full.axes if path in full.groups.trainable}
        self._channels = {path: _channels_along(full, path) for path in self._masked}
        self._ranks = _whole_numbers([sum(sizes)])
        self._widths = _whole_numbers([len(sizes), max(sizes)])
        self._choices = _whole_numbers([len(sizes)])

    def restart(self, supernet: Supernet | None) -> None:
        """Makes a supernet that of a training; None makes every channel stay."""
        ranks = np.zeros(self._ranks.shape, np.int32)
        widths = np.zeros(self._widths.shape, np.int32)
        choices = np.ones(self._choices.shape, np.int32)
        widths[:, 0] = self._sizes
        if supernet:
            order = [supernet.order[name] for name in self._names]
            ranks = np.concatenate([np.argsort(each) for each in order])
            for number, name in enumerate(self._names):
                own = supernet.widths[name]
                widths[number, : len(own)] = own
                choices[number] = len(own)
        self._ranks.assign(ranks)
        self._widths.assign(widths)
        self._choices.assign(choices)

    def drawn(self, seed: tf.Tensor) -> tf.Tensor:
        """`(G,)` int32: for each group the number of a width, each as likely as the others.

        Args:
          seed: two int32, of which it is a function.
        """
        choices = tf.cast(self._choices, tf.float32)
        found = tf.cast(choices * draws.uniform([len(self._sizes)], seed), tf.int32)
        return tf.minimum(found, self._choices - 1)

    def kept(self, seed: tf.Tensor) -> list[tuple[tf.Variable, tf.Tensor]]:
        """Each variable with a bool tensor of its shape: what the drawn configuration keeps."""
        widths = tf.gather(self._widths, self.drawn(seed), axis=1, batch_dims=1)
        stays = self._ranks < tf.gather(widths, self._group_of)
        stays = tf.concat([stays, [True]], axis=0)  # and what belongs to no group
        found = []
        for path, one in self._masked.items():
            kept = tf.ones(one.variable.shape, tf.bool)
            for axis, channels in self._channels[path].items():
                shape = [-1 if number == axis else 1 for number in range(one.variable.shape.rank)]
                kept = tf.logical_and(kept, tf.reshape(tf.gather(stays, channels), shape))
            found.append((one.variable, kept))
        return found


def _channels_along(full: Channels, path: str) -> dict[int, np.ndarray]:
    """{axis of a variable: which channel each position is of, counted over all groups}.

    Positions of no group have the number after the last channel.
    """
    found: dict[int, np.ndarray] = {}
    first = 0
    for group in full.groups.prunable:
        for part in group.slices:
            if part.path == path:
                nobody = np.full(full.groups.shapes[path][part.axis], full.total)
                along = found.setdefault(part.axis, nobody)
                along[part.positions] = first + np.arange(group.size)[:, None]
        first += group.size
    return found


def _whole_numbers(shape: list[int]) -> tf.Variable:
    return tf.Variable(tf.zeros(shape, tf.int32), trainable=False)
