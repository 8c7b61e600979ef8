"""Who is better than whom: the front of what nothing beats, and tests of every pair."""

import dataclasses
from collections.abc import Mapping, Sequence

from tf_gan_lth.findings.comparison import Scores, worse
from tf_gan_lth.findings.looks import Plan


@dataclasses.dataclass(frozen=True)
class Pair:
    """Is one of two better than the other, that is, are its scores lower?

    Attributes:
      better, worse: names of the two.
      p: p-value of a one-sided test, as the plan has it: how probable scores so much lower are if
        `better` is no better than `worse`; None where nothing is tested.
      p_of_all: the same, after Holm, so that all pairs of these together err at most so often.
      level: what p is compared with; 0 where nothing is tested.
    """

    better: str
    worse: str
    p: float | None
    p_of_all: float | None
    level: float

    @property
    def found(self) -> bool:
        """Whether `better` is found to be better, by its own test."""
        return self.p is not None and self.p < self.level


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """The Pareto front: which points no other one beats.

    Args:
      points: (cost, score) of each; of both less is better.

    Returns:
      Their numbers, from the largest cost to the smallest. A point is beaten by one that is as low
      in both and lower in one, so equal points are on the front together.
    """
    unbeaten = [
        number
        for number, (cost, score) in enumerate(points)
        if not any(c <= cost and s <= score and (c, s) != (cost, score) for c, s in points)
    ]
    return sorted(unbeaten, key=lambda number: (-points[number][0], number))


def compare_all(scores: Mapping[str, Scores], plan: Plan) -> list[Pair]:
    """Tests each of several against each other one, both ways.

    Args:
      scores: {name: {replicate: score}}; lower is better.
      plan: when replicates are judged.

    Returns:
      A pair for each order of two names, by names as they are given.
    """
    orders = [(a, b) for a in scores for b in scores if a != b]
    tested = [worse(scores[b], scores[a], plan) for a, b in orders]
    adjusted = iter(holm([p for p in tested if p is not None]))
    return [
        Pair(
            a,
            b,
            p,
            None if p is None else next(adjusted),
            plan.level(min(len(scores[a]), len(scores[b]))),
        )
        for (a, b), p in zip(orders, tested, strict=True)
    ]


def holm(values: Sequence[float]) -> list[float]:
    """p-values adjusted so that all tests together err at most at the level that they are read at.

    The smallest of n is multiplied by n, the next by n - 1 and so on; none is below one before it.

    Source: Holm 1979, A simple sequentially rejective multiple test procedure.
    """
    adjusted = [0.0] * len(values)
    largest = 0.0
    order = sorted(range(len(values)), key=values.__getitem__)
    for rank, number in enumerate(order):
        largest = max(largest, min((len(values) - rank) * values[number], 1.0))
        adjusted[number] = largest
    return adjusted


def in_words(pairs: Sequence[Pair]) -> str:
    """What the tests of some pairs found: `a is better than b (p 0.012), c (p 0.0004*)`.

    Found is what a test finds by itself; a star marks what also holds among all tests together.
    """
    tests = sum(pair.p is not None for pair in pairs)
    if not tests:
        return "nothing is tested: that takes two replicates of two methods"
    better: dict[str, list[str]] = {}
    for pair in sorted((pair for pair in pairs if pair.found), key=lambda pair: pair.p):
        star = "*" if pair.p_of_all < pair.level else ""
        better.setdefault(pair.better, []).append(f"{pair.worse} (p {pair.p:.2g}{star})")
    if not better:
        return f"none is found to be better than another in {tests} tests"
    said = "; ".join(f"{name} is better than {', '.join(than)}" for name, than in better.items())
    return f"{said} (* also among all {tests} tests, after Holm)" if "*" in said else said
