"""Masks: which units of a network stay and which are pruned.

A unit is what goes as a whole. Here it is an element, one weight of a kernel, in `channel_masks` a
channel; every kind of mask keeps an exact number of units and expands to bools by variable, which
is all that training, rewinding and files know of it. Weights, scores and expanded masks are
`{variable path: array}` of one network.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np

from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.experiment.errors import MaskError


class Shaped(Protocol):
    """An array or a variable."""

    shape: Sequence[int]


class Mask(Protocol):
    """Which units of a network stay.

    Attributes:
      remaining: number of units that stay.
      total: number of prunable units.
      least: number of units that must stay.
      kept: bools of its units, 1 keeps, by what `keep` takes scores of.
    """

    kept: Arrays
    remaining: int
    total: int
    least: int

    def pool(self, values: Arrays) -> Arrays:
        """Values of single weights as one value a unit, as `keep` takes them as scores."""
        ...

    def keep(self, scores: Arrays, count: int, layerwise: bool = False) -> "Mask":
        """A mask of which exactly `count` units stay: those that stay here and score highest."""
        ...

    def shuffled(self, generator: np.random.Generator, layerwise: bool = False) -> "Mask":
        """A mask with as many units at random places."""
        ...

    def full(self) -> "Mask":
        """The mask of the same network that keeps every unit."""
        ...

    def expand(self) -> Arrays:
        """{variable path: bool array, 1 keeps}: what training and rewinding use."""
        ...

    def read(self, kept: Arrays) -> "Mask":
        """The mask of the same units that expands to `kept`."""
        ...


@dataclasses.dataclass(frozen=True, eq=False)
class Elements:
    """A mask whose units are single weights, of any variables.

    Attributes:
      kept: {variable path: bool array of the variable's shape}.
    """

    kept: Arrays

    @classmethod
    def everything(cls, weights: Mapping[str, Shaped], paths: Iterable[str]) -> "Elements":
        """The mask that keeps every element of the arrays or variables at `paths`."""
        return cls({path: np.ones(tuple(weights[path].shape), bool) for path in paths})

    @property
    def least(self) -> int:
        return 1

    @property
    def remaining(self) -> int:
        return sum(int(np.count_nonzero(kept)) for kept in self.kept.values())

    @property
    def total(self) -> int:
        return sum(kept.size for kept in self.kept.values())

    def pool(self, values: Arrays) -> Arrays:
        """Values of the variables that the mask covers: each element is a unit."""
        return {path: values[path] for path in self.kept}

    def keep(self, scores: Arrays, count: int, layerwise: bool = False) -> "Elements":
        """A mask of which exactly `count` elements stay: those that stay here and score highest.

        Args:
          scores: {variable path: float array}; only paths of this mask take part.
          count: how many elements stay, at least 0 and at most `remaining`.
          layerwise: rank within each variable, which keeps its share of `count`, instead of over
            the whole network.

        Returns:
          A new mask; ties go by position, so the count is exact.

        Raises:
          MaskError: the count is out of range, paths or shapes differ, or a score is not finite.

        Source: Han et al. 2015; over the whole network as in Chen et al. 2021, algorithm 1.
        """
        if not 0 <= count <= self.remaining:
            raise MaskError(f"cannot keep {count} of {self.remaining} weights that remain")
        self.check_scores(scores)
        if not layerwise:
            return Elements(_keep_highest(scores, self.kept, count))
        kept = {}
        for path, share in _shares(self.kept, count).items():
            kept.update(_keep_highest(scores, {path: self.kept[path]}, share))
        return Elements(kept)

    def check_scores(self, scores: Arrays) -> None:
        """Raises `MaskError` unless there is a finite score for every element."""
        check_shapes(scores, self.kept)
        broken = [path for path in sorted(self.kept) if not np.isfinite(scores[path]).all()]
        if broken:
            raise MaskError(
                f"cannot rank weights that are not finite: {', '.join(broken)}. Did training"
                " diverge?"
            )

    def shuffled(self, generator: np.random.Generator, layerwise: bool = False) -> "Elements":
        """As many elements at random places over all variables together, or within each."""
        if not layerwise:
            return Elements(unflatten(generator.permutation(flatten(self.kept)), self.kept))
        kept = {}
        for path in sorted(self.kept):
            one = {path: self.kept[path]}
            kept.update(unflatten(generator.permutation(flatten(one)), one))
        return Elements(kept)

    def full(self) -> "Elements":
        """The mask of the same variables that keeps every element."""
        return Elements({path: np.ones_like(kept) for path, kept in self.kept.items()})

    def expand(self) -> Arrays:
        """{variable path: bool array}: the mask itself."""
        return self.kept

    def read(self, kept: Arrays) -> "Elements":
        """The mask of single weights that `kept` is."""
        return Elements(kept)


def _keep_highest(scores: Arrays, kept: Arrays, count: int) -> Arrays:
    """The `count` highest-scored elements of those that are kept; of equal ones the last."""
    flat = flatten(kept)
    ranked = np.concatenate([scores[path].ravel() for path in sorted(kept)])
    alive = np.flatnonzero(flat)
    lowest = np.argsort(ranked[alive], kind="stable")[: alive.size - count]
    flat[alive[lowest]] = False
    return unflatten(flat, kept)


def _shares(kept: Arrays, count: int) -> dict[str, int]:
    """`count` divided over variables in proportion to what remains of each; largest remainders."""
    sizes = {path: int(np.count_nonzero(kept[path])) for path in sorted(kept)}
    total = sum(sizes.values())
    exact = {path: divmod(count * size, max(total, 1)) for path, size in sizes.items()}
    shares = {path: whole for path, (whole, _) in exact.items()}
    missing = count - sum(shares.values())
    for path in sorted(exact, key=lambda p: -exact[p][1])[:missing]:
        shares[path] += 1
    return shares


def magnitudes(weights: Arrays) -> Arrays:
    """Scores of magnitude pruning: |w|. Source: Han et al. 2015."""
    return {path: np.abs(array) for path, array in weights.items()}


def saliencies(weights: Arrays, gradients: Arrays) -> Arrays:
    """Scores of SNIP: |w dL/dw|, of the variables with a gradient. Source: Lee et al. 2019."""
    return {path: np.abs(weights[path] * gradient) for path, gradient in gradients.items()}


def apply(weights: Arrays, kept: Arrays) -> Arrays:
    """`mask x weights`: pruned entries exactly +0.0, everything else bit for bit as it was.

    Raises:
      MaskError: paths or shapes differ.
    """
    check_shapes(weights, kept)
    pruned = {
        path: np.where(stays, weights[path], np.zeros((), weights[path].dtype))
        for path, stays in kept.items()
    }
    return {**weights, **pruned}


def check_pruned(weights: Arrays, kept: Arrays, where: str) -> None:
    """Raises `MaskError` unless every pruned weight is exactly zero; `where` names the place."""
    check_shapes(weights, kept)
    for path, stays in kept.items():
        alive = np.count_nonzero(weights[path][~np.asarray(stays, bool)])
        if alive:
            raise MaskError(f"{where}: {alive} pruned weights of {path} are not zero")


def check_shapes(weights: Arrays, kept: Arrays) -> None:
    """Raises `MaskError` unless every path of a mask is a weight of the same shape."""
    for path, stays in kept.items():
        if path not in weights:
            raise MaskError(f"the mask has {path}, the weights do not")
        if weights[path].shape != stays.shape:
            raise MaskError(
                f"{path}: the mask has shape {stays.shape}, the weights {weights[path].shape}"
            )


def flatten(kept: Arrays) -> np.ndarray:
    """One bool vector over all variables, in the order of their paths; a copy."""
    return np.concatenate([np.asarray(kept[path], bool).ravel() for path in sorted(kept)])


def unflatten(flat: np.ndarray, like: Arrays) -> Arrays:
    """The inverse of `flatten`, with the shapes of `like`."""
    kept = {}
    at = 0
    for path in sorted(like):
        size = like[path].size
        kept[path] = flat[at : at + size].reshape(like[path].shape)
        at += size
    return kept


def sparsity_report(mask: Mask) -> dict[str, object]:
    """Sparsity of a network in total, over its prunable units, and of each variable's elements."""
    layers = {
        path: {"total": int(kept.size), "remaining": int(np.count_nonzero(kept))}
        for path, kept in sorted(mask.expand().items())
    }
    return {
        "sparsity": 1.0 - mask.remaining / mask.total,
        "remaining": mask.remaining,
        "total": mask.total,
        "layers": layers,
    }
