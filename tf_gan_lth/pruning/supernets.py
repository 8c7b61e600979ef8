"""Supernets: networks that contain smaller ones, of which each has the first channels of an order.

Source: Li et al. 2020 (GAN Compression), after Cai et al. 2020 (once for all).
"""

import dataclasses
import math
from collections.abc import Iterator, Sequence

import numpy as np
import tf_keras as keras

from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.pruning.channel_masks import Channels
from tf_gan_lth.pruning.cost import kernel_positions

LARGEST = 2**16  # configurations of a network that are counted one by one


@dataclasses.dataclass(frozen=True, eq=False)
class Supernet:
    """The configurations of a network: every group keeps the first k channels of an order.

    A configuration is `(G,)` int: for each prunable group the number of a width, from the smallest.

    Attributes:
      full: the mask of the whole network.
      order: {group: `(C,)` int, its channels, the most important one first}.
      widths: {group: numbers of channels that it can keep, ascending}.
    """

    full: Channels
    order: Arrays
    widths: dict[str, tuple[int, ...]]

    @classmethod
    def of(
        cls, full: Channels, shares: Sequence[float], scores: Arrays | None = None
    ) -> "Supernet":
        """The configurations of some shares of channels.

        Args:
          full: the mask of the whole network.
          shares: of the channels of a group that it can keep, which are one at least.
          scores: {group: `(C,)`}; the highest comes first, of equal ones the earliest; None leaves
            channels as they are.
        """
        order, widths = {}, {}
        for group in full.groups.prunable:
            ranked = -scores[group.name] if scores else np.arange(group.size)
            order[group.name] = np.argsort(ranked, kind="stable")
            found = {max(1, round(share * group.size)) for share in shares}
            widths[group.name] = tuple(sorted(found))
        return cls(full, order, widths)

    @property
    def choices(self) -> np.ndarray:
        """`(G,)` int: how many widths each group has."""
        return np.array([len(widths) for widths in self.widths.values()])

    def counts(self, configurations: np.ndarray) -> np.ndarray:
        """How many channels each group keeps, of configurations `(..., G)`."""
        each = zip(self.widths.values(), np.moveaxis(configurations, -1, 0), strict=True)
        return np.stack([np.array(widths)[chosen] for widths, chosen in each], axis=-1)

    def mask(self, configuration: np.ndarray) -> Channels:
        """The mask of a configuration."""
        kept = {}
        for name, count in zip(self.widths, self.counts(configuration), strict=True):
            kept[name] = np.zeros(self.order[name].size, bool)
            kept[name][self.order[name][:count]] = True
        return Channels(self.full.groups, kept)


class Macs:
    """Counts the multiply-accumulates of many configurations; as `cost` of their masks, but fast.

    Args:
      network: plain.
      supernet: of it.
    """

    def __init__(self, network: keras.Model, supernet: Supernet):
        self._supernet = supernet
        self._fixed = 0
        self._kernels: list[tuple[int, list[np.ndarray]]] = []
        axes = _channels_along(supernet.full)
        for path, (positions, shape) in kernel_positions(network).items():
            own = axes.get(path, {}) if path in supernet.full.groups.trainable else {}
            others = math.prod(size for axis, size in enumerate(shape) if axis not in own)
            if own:
                self._kernels.append((positions * others, list(own.values())))
            else:
                self._fixed += positions * others

    def __call__(self, configurations: np.ndarray) -> np.ndarray:
        """`(...,)` int64 of configurations `(..., G)`."""
        counts = self._supernet.counts(configurations)
        ones = np.ones((*counts.shape[:-1], 1), np.int64)
        counts = np.concatenate([ones, counts], axis=-1)
        total = np.full(counts.shape[:-1], self._fixed, np.int64)
        for factor, along in self._kernels:
            total += factor * math.prod(counts @ each for each in along)
        return total


def _channels_along(full: Channels) -> dict[str, dict[int, np.ndarray]]:
    """{path: {axis: `(1 + G,)`: positions of no group, and those of a channel of each group}}."""
    found: dict[str, dict[int, np.ndarray]] = {}
    for number, group in enumerate(full.groups.prunable, 1):
        for part in group.slices:
            size = full.groups.shapes[part.path][part.axis]
            start = np.zeros(1 + len(full.groups.prunable), np.int64)
            start[0] = size
            along = found.setdefault(part.path, {}).setdefault(part.axis, start)
            along[0] -= part.positions.size
            along[number] += part.positions.shape[1]
    return found


class Within:
    """The configurations of a network that a budget allows.

    Args:
      network: plain.
      supernet: of it.
      share: of the network's multiply-accumulates, in (0, 1].
    """

    def __init__(self, network: keras.Model, supernet: Supernet, share: float):
        self._macs, self._choices = Macs(network, supernet), supernet.choices
        full = Supernet(supernet.full, supernet.order, _whole(supernet.full))
        self.whole = int(Macs(network, full)(np.zeros(len(self._choices), np.int64)))
        self._limit = share * self.whole

    @property
    def fewest(self) -> int:
        """The multiply-accumulates of the smallest configuration."""
        return int(self._macs(np.zeros(len(self._choices), np.int64)))

    def allows(self, configurations: np.ndarray) -> np.ndarray:
        """`(...,)` bool of configurations `(..., G)`."""
        return self._macs(configurations) <= self._limit

    def all(self, most: int) -> np.ndarray | None:
        """All that it allows, `(N, G)`; None if they are more than `most`, or of more than 2^16."""
        total = math.prod(int(choices) for choices in self._choices)
        if total > LARGEST:
            return None
        each = np.stack(np.unravel_index(np.arange(total), self._choices), axis=-1)
        found = each[self.allows(each)]
        return found if len(found) <= most else None

    def fitted(self, configuration: np.ndarray, draws: np.random.Generator) -> np.ndarray:
        """A configuration that it allows and that no wider one of a group would be.

        Groups that are drawn become narrower by a width each until it is allowed, then wider.

        Args:
          configuration: `(G,)`; stays as it is.
          draws: of the groups.
        """
        found = configuration.copy()
        while not self.allows(found):
            found[draws.choice(np.flatnonzero(found > 0))] -= 1
        while len(wider := list(self._wider(found))):
            found = wider[draws.integers(len(wider))]
        return found

    def _wider(self, configuration: np.ndarray) -> Iterator[np.ndarray]:
        """Those of one group's next width that are allowed."""
        free = np.flatnonzero(configuration < self._choices - 1)
        if free.size:
            each = configuration + np.eye(configuration.size, dtype=np.int64)[free]
            yield from each[self.allows(each)]


def _whole(full: Channels) -> dict[str, tuple[int, ...]]:
    return {group.name: (group.size,) for group in full.groups.prunable}
