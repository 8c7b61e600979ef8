"""Tests and intervals for the ratio of two mean scores, on numbers or on arrays of them.

The verdict and its simulation, `benchmarks/verdict_power.py`, compute with the same functions.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import scipy.special

BISECTIONS = 45
LARGEST_RATIO = 1e6  # of the ratio of the means: an interval that reaches so far has no limit

Correlation = float | np.ndarray | None  # of pairs of scores; None where they are not paired


@dataclasses.dataclass(frozen=True)
class Sample:
    """What the tests know of scores over replicates; numbers, or arrays of one shape.

    Attributes:
      mean: of the scores.
      deviation: their standard deviation; NaN of a single one.
      count: how many there are.
    """

    mean: float | np.ndarray
    deviation: float | np.ndarray
    count: int | np.ndarray

    @classmethod
    def of(cls, scores: Sequence[float] | np.ndarray) -> "Sample":
        """The sample of scores `(..., replicates)`, over the last axis."""
        scores = np.asarray(scores, float)
        count = scores.shape[-1]
        mean = scores.mean(-1)
        return cls(mean, scores.std(-1, ddof=1) if count > 1 else np.full_like(mean, np.nan), count)

    def scaled(self, factor: float | np.ndarray) -> "Sample":
        """The sample of the scores times a positive factor."""
        return Sample(self.mean * factor, self.deviation * factor, self.count)


def correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Pearson's correlation of scores `(..., replicates)`, pair by pair; 0 where one is constant.

    Positive factors leave it as it is, so it serves `Sample.scaled` too.
    """
    first, second = (np.asarray(s, float) - np.mean(s, -1, keepdims=True) for s in (first, second))
    scale = np.sqrt((first**2).sum(-1) * (second**2).sum(-1))
    together = (first * second).sum(-1)
    return np.divide(together, scale, out=np.zeros_like(together), where=scale > 0)


def larger(higher: Sample, lower: Sample, pairs: Correlation = None) -> np.ndarray:
    """The p-value of the one-sided test that `higher` has the larger mean.

    Args:
      higher, lower: samples of two replicates or more.
      pairs: the correlation of their scores, as many on both sides, to test the differences pair by
        pair (Student 1908); None tests them as independent, with unequal variances (Welch 1947, and
        degrees of freedom after Satterthwaite 1946).

    Returns:
      p-values in [0, 1]. Without any deviation there is nothing to test: the means decide, 0 or 1.
    """
    first = higher.deviation**2 / higher.count
    second = lower.deviation**2 / lower.count
    difference = np.asarray(higher.mean - lower.mean)
    with np.errstate(divide="ignore", invalid="ignore"):
        if pairs is None:
            variance = first + second
            freedom = variance**2 / (first**2 / (higher.count - 1) + second**2 / (lower.count - 1))
        else:
            # Rounding may leave a little of nothing, or less.
            rest = 2.0 * (1.0 - pairs) * np.sqrt(first * second)
            variance = (np.sqrt(first) - np.sqrt(second)) ** 2 + np.maximum(rest, 0.0)
            freedom = higher.count - 1
        p = scipy.special.stdtr(freedom, -difference / np.sqrt(variance))
    return np.where(variance == 0, np.where(difference > 0, 0.0, 1.0), p)


def matching(ticket: Sample, dense: Sample, margin: float, pairs: Correlation = None) -> np.ndarray:
    """The p-value of the test that the ticket's mean is below (1 + margin) times the dense mean.

    The limit is a multiple of the dense scores, so it is as uncertain as they are.
    """
    return larger(dense.scaled(1.0 + margin), ticket, pairs)


def ratio_interval(
    ticket: Sample, dense: Sample, level: float, pairs: Correlation = None, margin: float = 0.0
) -> tuple[float | np.ndarray, float | np.ndarray]:
    """The confidence interval of the ratio of means, ticket / dense, of coverage 1 - 2 * level.

    It holds the ratios that neither one-sided test rejects at `level`: so its upper limit is
    below 1 + margin where `matching` is below the level, and its lower one above 1 where the ticket
    is found to be worse.

    Args:
      ticket, dense: samples of two replicates or more, with positive means.
      level: of each of the two tests, below 0.5.
      pairs: as of `larger`.
      margin: as of `matching`.

    Returns:
      (lower, upper) limit; where the dense mean is too uncertain, the upper one is infinite, and
      where the ticket's is, the lower one is 0. But ratios beyond one that a verdict rests on are
      left out: with two or three replicates the tests may reject 1 + margin, and none that is far
      above it, as degrees of freedom are lost on the way, or pairs vary less together.

    Source: Fieller 1954; with Satterthwaite's degrees of freedom, Tamhane and Logan 2004.
    """
    lower = 1.0 / _upper(dense, ticket, level, pairs, 1.0)
    return lower, _upper(ticket, dense, level, pairs, 1.0 + margin)


def _upper(
    ticket: Sample, dense: Sample, level: float, pairs: Correlation, tested: float
) -> np.ndarray:
    """The largest ratio that is not rejected, by bisection; below `tested` if that is rejected."""
    inside = np.asarray(ticket.mean / dense.mean)
    largest = inside * LARGEST_RATIO
    ends_before = larger(dense.scaled(tested), ticket, pairs) < level
    outside = np.where(ends_before, tested, largest)
    for _ in range(BISECTIONS):
        middle = np.sqrt(inside * outside)
        rejected = larger(dense.scaled(middle), ticket, pairs) < level
        outside = np.where(rejected, middle, outside)
        inside = np.where(rejected, inside, middle)
    return np.where(outside == largest, np.inf, outside)
