"""How many replicates were planned, when they are judged, and at which level.

A verdict that is read again and again while replicates are added, until it is significant, errs
more often than it says. So the number of replicates is planned, or several looks at them, which
share the level. Each ticket has looks of its own, so they can be tested in order at every look:
Glimm, Maurer and Bretz 2010.
"""

import dataclasses
import functools
import math

import numpy as np
import scipy.optimize
import scipy.stats

from tf_gan_lth.experiment.artifacts import Record
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.findings.results import Result

ALPHA = 0.05  # level of each test over all looks
NODES = 200  # of the integrals between looks


@dataclasses.dataclass(frozen=True)
class Plan:
    """How many replicates are judged, and when.

    Attributes:
      replicates: number of replicates at the last look.
      looks: number of looks, after equally many replicates each as far as that can be.
      paired: whether what is compared is compared replicate by replicate.
    """

    replicates: int
    looks: int = 1
    paired: bool = False

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of replicates at each look."""
        return tuple(
            math.ceil(look * self.replicates / self.looks) for look in range(1, self.looks + 1)
        )

    @property
    def first(self) -> int:
        """The smallest number of replicates that is tested."""
        return 2 if self.looks == 1 else self.sizes[0]

    @property
    def tests(self) -> str:
        """What is tested with, in words; all tests are one-sided."""
        if self.paired:
            return "t-tests of differences within replicates"
        return "Welch tests over replicates"

    def look(self, count: int) -> int:
        """The last look that `count` replicates reach, from 1; 0 before the first."""
        return sum(size <= count for size in self.sizes)

    def judged(self, count: int) -> int:
        """How many of `count` replicates are judged; those after a look wait for the next one.

        With a single look, and beyond the plan, all of them are.
        """
        if self.looks == 1 or count > self.replicates or count < self.first:
            return count
        return self.sizes[self.look(count) - 1]

    def level(self, count: int) -> float:
        """The level of each test of `count` replicates; 0 where nothing is tested."""
        if count < self.first:
            return 0.0
        return ALPHA if self.looks == 1 else self.levels[self.look(count) - 1]

    @property
    def levels(self) -> tuple[float, ...]:
        """The level of each test at each look."""
        return nominal_levels(tuple(size / self.replicates for size in self.sizes))

    def remark(self, count: int) -> str:
        """What a reader must know of a verdict over `count` replicates; empty if nothing."""
        planned = f"{count} of {self.replicates} planned replicates"
        if count > self.replicates:
            were = "replicate was" if self.replicates == 1 else "replicates were"
            return (
                f"The level of {ALPHA:.0%} does not hold: {self.replicates} {were} planned and"
                f" {count} are judged"
            )
        if self.looks == 1:
            return f"Provisional: {planned}" if count < self.replicates else ""
        if count < self.first:
            return f"Provisional: {planned}, the first look is at {self.first}"
        return (
            f"Look {self.look(count)} of {self.looks}, at {self.judged(count)} of"
            f" {self.replicates} planned replicates: each test at {100 * self.level(count):.2g}%"
        )


@functools.cache
def nominal_levels(fractions: tuple[float, ...], alpha: float = ALPHA) -> tuple[float, ...]:
    """The level of a one-sided test at each look, so that all looks together reject at `alpha`.

    A look is spared for the later ones as O'Brien and Fleming do: after a share t of the
    replicates, 2 - 2 Phi(z / sqrt(t)) is spent, z the upper alpha / 2 quantile. p-values are
    compared with it whatever their test: that is the inverse-normal transformation to z.

    Args:
      fractions: share of the replicates at each look, rising to 1.
      alpha: what is spent in the end.

    Returns:
      A level for each look, below `alpha` but for a single one.

    Source: Lan and DeMets 1983; the integrals from look to look, Armitage, McPherson and Rowe 1969;
    p-values of t-tests at such levels, Jennison and Turnbull 2000.
    """
    normal = scipy.stats.norm
    spent = 2.0 * normal.sf(normal.isf(alpha / 2.0) / np.sqrt(fractions))
    # The score process is a Brownian motion in the share of replicates. `points` are values of it
    # below the bounds so far, and `mass` how probable they are.
    points = np.zeros(1)
    mass = np.ones(1)
    levels, before = [], 0.0
    for fraction, goal in zip(fractions, np.diff(spent, prepend=0.0), strict=True):
        step = math.sqrt(fraction - before)

        def crossed(bound: float, points=points, mass=mass, step=step) -> float:
            return float(mass @ normal.sf((bound - points) / step))

        bound = scipy.optimize.brentq(lambda bound: crossed(bound) - goal, -9.0, 9.0, xtol=1e-12)  # noqa: B023
        levels.append(float(normal.sf(bound / math.sqrt(fraction))))
        # Go on from the values below this bound.
        nodes, weights = np.polynomial.legendre.leggauss(NODES)
        lowest = -9.0 * math.sqrt(fraction)
        reached = lowest + (bound - lowest) * (nodes + 1.0) / 2.0
        density = normal.pdf((reached[:, None] - points) / step) / step @ mass
        points, mass = reached, density * weights * (bound - lowest) / 2.0
        before = fraction
    return tuple(levels)


def read_plan(run: RunFolder, results: list[Result]) -> Plan:
    """The plan of a run: the one that was settled, else what its config says.

    Replicates that are there already count as planned: runs of earlier versions have no plan.
    """
    if _record(run).exists():
        return Plan(**_record(run).get())
    lottery = run.read_config().lottery
    there = len({result.replicate for result in results})
    return Plan(max(lottery.replicates, there), lottery.looks, lottery.paired)


def settle_plan(run: RunFolder, results: list[Result]) -> None:
    """Keeps the plan of a run, once a second replicate has a score: from then on tests are seen.

    What --replicates, --looks and --paired say later adds replicates, but does not change it.
    """
    if len({result.replicate for result in results}) > 1 and not _record(run).exists():
        _record(run).put(dataclasses.asdict(read_plan(run, results)))


def _record(run: RunFolder) -> Record:
    return Record(run.path / "plan.json")
