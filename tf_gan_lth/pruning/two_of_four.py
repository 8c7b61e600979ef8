"""Masks of the pattern that sparse tensor cores take: two of four weights stay, everywhere."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.experiment.errors import MaskError
from tf_gan_lth.pruning.masks import Elements

FOUR, TWO = 4, 2


@dataclasses.dataclass(frozen=True, eq=False)
class TwoOfFour(Elements):
    """A mask of single weights that keeps all, or exactly two of each four in a row.

    The four are next to each other along the axis that a kernel's products are summed over: its
    input channels.

    Attributes:
      kept: {variable path: bool array of the variable's shape}.
      axes: {variable path: number of that axis}; its size is a multiple of four.

    Source: Mishra et al. 2021 (Accelerating Sparse Deep Neural Networks).
    """

    axes: Mapping[str, int] = dataclasses.field(default_factory=dict)

    @property
    def least(self) -> int:
        return self.total * TWO // FOUR

    def keep(self, scores: Arrays, count: int, layerwise: bool = False) -> "TwoOfFour":
        """The mask that keeps the two highest-scored of each four; of equal ones the last.

        Args:
          scores: {variable path: float array}.
          count: how many weights stay: all that remain, or half of all.
          layerwise: makes no difference.

        Raises:
          MaskError: another count, or a score is not finite.
        """
        if count == self.remaining:
            return self
        if count != self.least:
            raise MaskError(f"two of four are {self.least} of {self.total} weights, not {count}")
        self.full().check_scores(scores)
        return TwoOfFour({p: _highest(scores[p], axis) for p, axis in self.axes.items()}, self.axes)

    def shuffled(self, generator: np.random.Generator, layerwise: bool = False) -> "TwoOfFour":
        """Two of each four at random, of a mask that keeps two of four."""
        scores = {path: generator.random(self.kept[path].shape) for path in sorted(self.kept)}
        return self.full().keep(scores, self.remaining)

    def full(self) -> "TwoOfFour":
        """The mask of the same variables that keeps every weight."""
        return TwoOfFour({p: np.ones_like(kept) for p, kept in self.kept.items()}, self.axes)

    def read(self, kept: Arrays) -> "TwoOfFour":
        """The mask that `kept` is.

        Raises:
          MaskError: it keeps neither all nor two of each four, or is of other variables.
        """
        if kept.keys() != self.axes.keys():
            raise MaskError("the mask is of another network: other variables have the pattern 2:4")
        for path, axis in self.axes.items():
            stays = np.count_nonzero(_fours(kept[path], axis), axis=-1)
            if not (kept[path].all() or np.all(stays == TWO)):
                raise MaskError(f"the mask of {path} does not keep two of each four")
        return TwoOfFour(kept, self.axes)


def _fours(array: np.ndarray, axis: int) -> np.ndarray:
    """`(..., 4)`: the fours in a row along an axis, which comes last; a view or a copy."""
    last = np.moveaxis(array, axis, -1)
    return last.reshape(*last.shape[:-1], -1, FOUR)


def _highest(scores: np.ndarray, axis: int) -> np.ndarray:
    """Bools of the scores' shape: the two highest of each four."""
    fours = _fours(scores, axis)
    order = np.argsort(fours, axis=-1, kind="stable")
    kept = np.zeros(fours.shape, bool)
    np.put_along_axis(kept, order[..., -TWO:], True, axis=-1)
    moved = np.moveaxis(scores, axis, -1).shape
    return np.ascontiguousarray(np.moveaxis(kept.reshape(moved), -1, axis))
