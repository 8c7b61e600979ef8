"""Which features of a network's maps and variables are of one channel.

Every feature, a position on the last axis of a map or on an axis of a variable, has a label: a
number. Labels that are joined are of one channel, which stays or goes as a whole. `channel_rules`
says for each class of layer which labels it reads, makes and joins.
"""

from collections.abc import Sequence

import numpy as np
import tf_keras as keras

from tf_gan_lth.gans.snapshots import path_of

Labels = np.ndarray  # (features,) int64


class Flow:
    """The labels of a network, as they are found call by call.

    Attributes:
      bound: {(variable path, axis): labels of the positions on that axis}.
      shapes: {variable path: shape} of the variables in `bound`.
      trainable: paths of those that are trained; others are statistics and vectors of norms.
      written: (layer name, labels that it makes), in the order of the graph.
      read: (layer name, labels that its kernel reads), in the same order.
      held: (labels that cannot go, reason).
      offset: labels of features that may be other than 0 where their channel is pruned.
      summed: (labels that are summed by no kernel, so that they have to be 0, reason).
    """

    def __init__(self):
        self.bound: dict[tuple[str, int], Labels] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.trainable: set[str] = set()
        self.written: list[tuple[str, Labels]] = []
        self.read: list[tuple[str, Labels]] = []
        self.held: list[tuple[Labels, str]] = []
        self.offset: list[Labels] = []
        self.summed: list[tuple[Labels, str]] = []
        self._parents: list[int] = []

    @property
    def count(self) -> int:
        """How many labels there are."""
        return len(self._parents)

    def fresh(self, count: int, writer: str) -> Labels:
        """New labels, of features that a layer makes."""
        labels = np.arange(self.count, self.count + count)
        self._parents.extend(labels.tolist())
        self.written.append((writer, labels))
        return labels

    def hold(self, labels: Labels, reason: str) -> None:
        """Says why the channels of these labels cannot go."""
        self.held.append((labels, reason))

    def join(self, first: Labels, second: Labels) -> None:
        """Makes equal positions of two vectors of labels one channel."""
        for pair in zip(first, second, strict=True):
            # The smaller one is the root: the order of channels is that of the graph.
            low, high = sorted(self._root(int(label)) for label in pair)
            self._parents[high] = low

    def roots(self, labels: Sequence[int]) -> Labels:
        """One label for each channel: equal for what is joined."""
        return np.array([self._root(int(label)) for label in labels], np.int64)

    def bind(self, layer: keras.layers.Layer, variable: str, axis: int, labels: Labels) -> None:
        """Says which channels the positions on an axis of a layer's variable belong to.

        A layer that is called again reads with the same variable, so its inputs are joined.
        """
        key = self._key(layer, variable, axis)
        if key in self.bound:
            self.join(self.bound[key], labels)
        self.bound[key] = labels

    def write(self, layer: keras.layers.Layer, variable: str, axis: int) -> Labels:
        """The labels of what a layer makes, one for each position on an axis of its kernel."""
        key = self._key(layer, variable, axis)
        if key not in self.bound:
            self.bound[key] = self.fresh(self.shapes[key[0]][key[1]], layer.name)
        return self.bound[key]

    def _key(self, layer: keras.layers.Layer, name: str, axis: int) -> tuple[str, int]:
        variable = getattr(layer, name)
        path = path_of(layer, variable)
        self.shapes[path] = tuple(variable.shape)
        if variable.trainable:
            self.trainable.add(path)
        return path, axis % len(self.shapes[path])

    def _root(self, label: int) -> int:
        while self._parents[label] != label:
            self._parents[label] = self._parents[self._parents[label]]
            label = self._parents[label]
        return label
