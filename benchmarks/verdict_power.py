"""How often is the verdict wrong, and how often does it find a ticket that matches?

    python benchmarks/verdict_power.py                      # the table of docs/verdict.md
    python benchmarks/verdict_power.py --correlation=0.5    # rounds of a replicate vary together
    python benchmarks/verdict_power.py --correlation=0.5 --paired

Draws the FIDs of many studies, and judges them with the tests of the package. A match is counted if
any look shows it. Scores vary around the mean of their round by a share of it."""

import dataclasses
import itertools

from absl import flags

from tf_gan_lth.cli import command_line

command_line.define_flag(flags.FLAGS, "Benchmark", "studies", int, 10_000, "of each row, simulated")
command_line.define_flag(flags.FLAGS, "Benchmark", "seed", int, 0, "of the random draws")
command_line.define_flag(
    flags.FLAGS, "Benchmark", "margin", float, 0.1, "by which a ticket may be worse"
)
command_line.define_flag(
    flags.FLAGS, "Benchmark", "correlation", float, 0.0, "of the rounds of a replicate"
)

command_line.define_flag(
    flags.FLAGS, "Benchmark", "paired", bool, False, "test differences within replicates"
)

import numpy as np  # noqa: E402
import scipy.stats  # noqa: E402

from tf_gan_lth.findings.looks import ALPHA, Plan  # noqa: E402
from tf_gan_lth.findings.significance import (  # noqa: E402
    Correlation,
    Sample,
    correlation,
    larger,
    matching,
    ratio_interval,
)

NOISES = ("normal", "log-normal")
SPREADS = (0.05, 0.10, 0.15)
PLANS = (Plan(3), Plan(3, 2), Plan(5), Plan(5, 3), Plan(10), Plan(10, 3))
ROUNDS = 10
GOOD = 5  # rounds that are as good as the dense GAN, in the second study


@dataclasses.dataclass(frozen=True)
class Setting:
    """What a simulated study is like.

    Attributes:
      noise: how scores of a round are distributed, one of `NOISES`.
      spread: standard deviation of a round's scores, divided by their mean.
      plan: number of replicates, and when they are judged.
      margin: by which a ticket may be worse.
      correlation: of the scores of two rounds of a replicate.
    """

    noise: str
    spread: float
    plan: Plan
    margin: float = 0.1
    correlation: float = 0.0

    def draw(self, ratios: np.ndarray, studies: int, random: np.random.Generator) -> np.ndarray:
        """Scores `(studies, rounds, replicates)` of rounds whose means are `ratios`."""
        shape = [studies, len(ratios), self.plan.replicates]
        common = random.standard_normal([studies, 1, self.plan.replicates])
        own = random.standard_normal(shape)
        values = self.correlation**0.5 * common + (1.0 - self.correlation) ** 0.5 * own
        if self.noise == "normal":
            factors = 1.0 + self.spread * values
        else:
            scale = np.log1p(self.spread**2) ** 0.5
            factors = np.exp(scale * values - scale**2 / 2.0)
        return ratios[:, None] * factors


def within(scores: np.ndarray, setting: Setting, peeking: bool = False) -> np.ndarray:
    """Whether each ticket is found to be within the margin by itself, `(looks, studies, rounds)`.

    Args:
      scores: `(studies, 1 + rounds, replicates)`, the dense GAN first.
      setting: what they were drawn from.
      peeking: whether every look tests at the full level, which is wrong.
    """
    plan = setting.plan
    return np.array(
        [
            matching(*_at(scores, size), setting.margin, _pairs(scores, size, plan))
            < (ALPHA if peeking else plan.level(size))
            for size in plan.sizes
        ]
    )


def worse(scores: np.ndarray, setting: Setting) -> np.ndarray:
    """Likewise, whether each ticket is found to be worse than the dense GAN."""
    plan = setting.plan
    return np.array(
        [
            larger(*_at(scores, size), _pairs(scores, size, plan)) < plan.level(size)
            for size in plan.sizes
        ]
    )


def _at(scores: np.ndarray, size: int) -> tuple[Sample, Sample]:
    """Tickets and dense GAN at the look after `size` replicates."""
    return Sample.of(scores[:, 1:, :size]), Sample.of(scores[:, :1, :size])


def _pairs(scores: np.ndarray, size: int, plan: Plan) -> Correlation:
    """How tickets and dense GAN vary together at that look, if the plan pairs them."""
    return correlation(scores[:, 1:, :size], scores[:, :1, :size]) if plan.paired else None


def in_order(passed: np.ndarray) -> np.ndarray:
    """Of what passes by itself, `(..., rounds)`, what is before the first that does not."""
    return np.cumprod(passed, axis=-1).astype(bool)


def sparsest(matched: np.ndarray) -> np.ndarray:
    """The sparsest of the rounds that match, `(..., rounds)`, at any look; 0 without one."""
    return (np.arange(1, matched.shape[-1] + 1) * matched).max(-1)


def log_interval(ticket: Sample, dense: Sample) -> tuple[np.ndarray, np.ndarray]:
    """The usual interval of the logarithm of the ratio, by the delta method, for comparison."""
    variances = [(s.deviation / s.mean) ** 2 / s.count for s in (ticket, dense)]
    total = sum(variances)
    freedom = total**2 / sum(v**2 / (ticket.count - 1) for v in variances)
    width = scipy.stats.t.isf(ALPHA, freedom) * np.sqrt(total)
    ratio = ticket.mean / dense.mean
    return ratio * np.exp(-width), ratio * np.exp(width)


def simulate(setting: Setting, studies: int, random: np.random.Generator) -> dict[str, float]:
    """Rates over simulated studies, by what they are of.

    Of two kinds of studies. In one, the first ticket is worse by just the margin: to find it within
    the margin is wrong. It takes ten times as many studies of this single round. In the other,
    `GOOD` tickets are as good as the dense GAN, and the others worse by just the margin.
    """
    border = 1.0 + setting.margin
    first = setting.draw(np.array([1.0, border]), 10 * studies, random)
    dense, ticket = (Sample.of(first[:studies, number]) for number in range(2))
    pairs = correlation(first[:studies, 1], first[:studies, 0]) if setting.plan.paired else None
    low, high = ratio_interval(ticket, dense, ALPHA, pairs, setting.margin)
    log_low, log_high = log_interval(ticket, dense)

    ratios = np.array([1.0] * (1 + GOOD) + [border] * (ROUNDS - GOOD))
    half = setting.draw(ratios, studies, random)
    passed = within(half, setting)
    by_look = sparsest(in_order(passed) & ~worse(half, setting))
    found = by_look.max(0)
    sizes = np.array(setting.plan.sizes)
    used = np.where(found >= GOOD, sizes[(by_look >= GOOD).argmax(0)], sizes[-1])
    return {
        "false: round 1": within(first, setting).any(0).mean(),
        "false: rounds 6 to 10": in_order(passed)[..., GOOD:].any((0, -1)).mean(),
        "finds round 1": (found >= 1).mean(),
        "finds round 5": (found >= GOOD).mean(),
        "replicates used": used.mean(),
        "interval holds": ((low <= border) & (border <= high)).mean(),
        "by logarithms": ((log_low <= border) & (border <= log_high)).mean(),
        "wrong: any order": passed[..., GOOD:].any((0, -1)).mean(),
        "wrong: 5 % at every look": within(first, setting, peeking=True).any(0).mean(),
    }


def upper_limit(rate: float, studies: int, confidence: float = 0.99) -> float:
    """The one-sided upper confidence limit of a simulated rate (Clopper and Pearson 1934)."""
    hits = round(rate * studies)
    return float(scipy.stats.beta.ppf(confidence, hits + 1, studies - hits))


def main(values: flags.FlagValues) -> None:
    random = np.random.default_rng(values.seed)
    worst = 0.0
    head = None
    plans = PLANS
    if values.paired:  # these are judged once
        plans = [dataclasses.replace(plan, paired=True) for plan in PLANS if plan.looks == 1]
    for noise, spread, plan in itertools.product(NOISES, SPREADS, plans):
        setting = Setting(noise, spread, plan, values.margin, values.correlation)
        rates = simulate(setting, values.studies, random)
        if head is None:
            head = ["noise", "spread", "replicates", "looks", *rates]
            print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
        worst = max(worst, rates["false: round 1"])
        cells = [noise, f"{100 * spread:.0f} %", str(plan.replicates), str(plan.looks)]
        for name, rate in rates.items():
            cells.append(f"{rate:.1f}" if name == "replicates used" else f"{100 * rate:.1f} %")
        print(f"| {' | '.join(cells)} |", flush=True)
    limit = upper_limit(worst, 10 * values.studies)
    print(f"\nMost false matches: {100 * worst:.2f} % (99 % upper limit {100 * limit:.2f} %)")


if __name__ == "__main__":
    command_line.run(main, flags.FLAGS)
