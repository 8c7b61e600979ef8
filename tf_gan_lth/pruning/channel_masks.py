"""Masks whose units are channels: a channel goes from all its variables at once."""

import dataclasses
import functools

import numpy as np

from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.experiment.errors import MaskError, UsageError
from tf_gan_lth.pruning.channels import Groups
from tf_gan_lth.pruning.masks import Elements, check_shapes


@dataclasses.dataclass(frozen=True, eq=False)
class Channels:
    """A mask of channels. At least one channel of every group stays.

    Attributes:
      groups: the channel groups of the network.
      kept: {name of a prunable group: `(C,)` bool array, 1 keeps}; what a file holds of the mask.
        Numbers are taken as bools.

    Raises:
      MaskError: `kept` is of other groups, or leaves a group without channels.
    """

    groups: Groups
    kept: Arrays

    def __post_init__(self):
        # Of numbers, `~` would be others: -1 and -2, which are positions too.
        bools = {name: np.asarray(kept, bool) for name, kept in self.kept.items()}
        object.__setattr__(self, "kept", bools)
        sizes = {group.name: (group.size,) for group in self.groups.prunable}
        found = {name: kept.shape for name, kept in bools.items()}
        if found != sizes:
            name = min(name for name, _ in sizes.items() ^ found.items())
            raise MaskError(
                f"the mask is of another network: group '{name}' is {found.get(name)} in the mask,"
                f" {sizes.get(name)} in the network"
            )
        empty = [name for name, kept in self.kept.items() if not kept.any()]
        if empty:
            raise MaskError(f"the mask leaves no channel of {empty[0]}: one has to stay")

    @classmethod
    def everything(cls, groups: Groups, network: str = "network") -> "Channels":
        """The mask that keeps every channel.

        Args:
          groups: the channel groups of a network.
          network: what a message calls it.

        Raises:
          UsageError: the network has no channels that can go.
        """
        if not groups.prunable:
            reasons = [f"{name}: {reason}" for name, reason in groups.fixed.items()]
            shown = "; ".join(reasons) or "it makes none"
            raise UsageError(f"the {network} has no channels that can go ({shown})")
        return cls(groups, {group.name: np.ones(group.size, bool) for group in groups.prunable})

    @property
    def remaining(self) -> int:
        return sum(int(np.count_nonzero(kept)) for kept in self.kept.values())

    @property
    def total(self) -> int:
        return self.groups.total

    @property
    def least(self) -> int:
        return len(self.kept)

    def pool(self, values: Arrays) -> Arrays:
        """{group name: `(C,)`}: the mean over what each channel has of the values.

        Only what remains counts, as in the slim network: the zeros where pruned channels were would
        make those that are next to them worth less, until whole layers are gone.

        Args:
          values: {variable path: array of its shape}. The mean is over those that are given: of
            gammas alone, it is the channel's gamma. Statistics and vectors of norms, which a
            snapshot has too, are no weights, so they do not count. Values of channels,
            {group name: `(C,)`}, stay as they are.

        Raises:
          MaskError: a group has no part in the values.
        """
        if values.keys() == self.kept.keys():
            return dict(values)
        kept = {path: stays for path, stays in self.expand().items() if path in values}
        trained = {path: values[path] for path in kept}
        found = {}
        for group in self.groups.prunable:
            own, stays = group.values(trained), group.values(kept)
            if not own.size:
                raise MaskError(
                    f"channels of group '{group.name}' cannot be ranked: none of its variables has"
                    " a score"
                )
            summed = np.where(stays, own, 0.0).sum(axis=1, dtype=np.float64)
            found[group.name] = summed / np.maximum(stays.sum(axis=1), 1)
        return found

    def keep(self, scores: Arrays, count: int, layerwise: bool = False) -> "Channels":
        """A mask of which exactly `count` channels stay: those that stay here and score highest.

        The highest-scored channel of every group stays whatever the others score.

        Args:
          scores: {group name: `(C,)` float array}; only groups of this mask take part.
          count: how many channels stay: at least one for each group, at most `remaining`.
          layerwise: rank within each group, which keeps its share of `count`, and one at least,
            instead of over the whole network.

        Returns:
          A new mask; ties go by position, so the count is exact.

        Raises:
          MaskError: the count is out of range, groups or shapes differ, or a score is not finite.

        Source: ranks over the whole network as in Liu et al. 2017 (network slimming).
        """
        if not len(self.kept) <= count <= self.remaining:
            raise MaskError(
                f"cannot keep {count} of {self.remaining} channels that remain: each of the"
                f" {len(self.kept)} groups keeps one"
            )
        first = {name: Elements({name: kept}).keep(scores, 1) for name, kept in self.kept.items()}
        best = {name: mask.kept[name] for name, mask in first.items()}
        if layerwise:
            kept = {}
            for name, share in self._shares(count).items():
                kept.update(Elements({name: self.kept[name]}).keep(scores, share).kept)
            return Channels(self.groups, kept)
        rest = Elements({name: kept & ~best[name] for name, kept in self.kept.items()})
        chosen = rest.keep(scores, count - len(best)).kept
        return Channels(self.groups, {name: chosen[name] | best[name] for name in self.kept})

    def last_of_layers(self, scores: Arrays, kept: "Channels") -> list[str]:
        """The groups of which `keep` newly left one channel though others that went score as high.

        Args:
          scores: what `keep` ranked, over the whole network.
          kept: the mask that it returned.
        """
        went = [scores[name][stays & ~kept.kept[name]] for name, stays in self.kept.items()]
        highest = max(np.concatenate(went), default=-np.inf)
        return [
            name
            for name, stays in kept.kept.items()
            if np.count_nonzero(self.kept[name]) > np.count_nonzero(stays) == 1
            and scores[name][stays] <= highest
        ]

    def _shares(self, count: int) -> dict[str, int]:
        """`count` divided over groups in proportion to what remains of each, at least one each."""
        alive = {name: int(np.count_nonzero(kept)) for name, kept in self.kept.items()}
        exact = {name: count * size / self.remaining for name, size in alive.items()}
        shares = {name: max(1, int(share)) for name, share in exact.items()}
        while sum(shares.values()) != count:
            step = 1 if sum(shares.values()) < count else -1
            free = [n for n in shares if (shares[n] < alive[n] if step > 0 else shares[n] > 1)]
            shares[max(free, key=lambda name: step * (exact[name] - shares[name]))] += step
        return shares

    def shuffled(self, generator: np.random.Generator, layerwise: bool = False) -> "Channels":
        """As many channels at random places, one of each group at least; or as many within each."""
        if layerwise:
            kept = {name: generator.permutation(kept) for name, kept in self.kept.items()}
            return Channels(self.groups, kept)
        scores = {name: generator.random(kept.size) for name, kept in self.kept.items()}
        return self.full().keep(scores, self.remaining)

    def full(self) -> "Channels":
        """The mask of the same groups that keeps every channel."""
        return Channels.everything(self.groups)

    def expand(self) -> Arrays:
        """{variable path: bool array} of every trained variable that a group has slices of.

        What goes with a channel is its filters, bias, gamma, beta and depthwise kernels, and the
        slices that read it: with those, whatever else a pruned channel holds, as the moving mean of
        a norm, makes no difference, nor does it to spectral norms.
        """
        kept = {}
        for path, axes in self.axes.items():
            if path not in self.groups.trainable:
                continue
            shape = self.groups.shapes[path]
            kept[path] = np.ones(shape, bool)
            for axis, stays in axes.items():
                along = [-1 if number == axis else 1 for number in range(len(shape))]
                kept[path] &= stays.reshape(along)
        return kept

    def read(self, kept: Arrays) -> "Channels":
        """The mask of channels that expands to `kept`.

        Raises:
          MaskError: no mask of these groups does.
        """
        check_shapes({path: np.empty(shape) for path, shape in self.groups.shapes.items()}, kept)
        # What remains of a channel lies where every other group keeps one, too.
        found = {
            group.name: group.values(kept).any(axis=1).astype(bool)
            for group in self.groups.prunable
        }
        mask = Channels(self.groups, found)
        expanded = mask.expand()
        if expanded.keys() != kept.keys() or any(
            not np.array_equal(expanded[path], kept[path]) for path in kept
        ):
            raise MaskError(
                "the mask is not one of these channels: was it made with --unit=element?"
            )
        return mask

    @functools.cached_property
    def axes(self) -> dict[str, dict[int, np.ndarray]]:
        """{variable path: {axis: bool vector, which positions along it stay}}.

        Of every variable that a group has slices of, trained or not.
        """
        found: dict[str, dict[int, np.ndarray]] = {}
        for group in self.groups.prunable:
            for part in group.slices:
                size = self.groups.shapes[part.path][part.axis]
                along = found.setdefault(part.path, {})
                stays = along.setdefault(part.axis, np.ones(size, bool))
                stays[part.positions[~self.kept[group.name]]] = False
        return found
