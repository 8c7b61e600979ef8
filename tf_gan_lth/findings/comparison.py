"""Is a ticket worse than the dense GAN? Statistical tests over replicates, by round and branch."""

import dataclasses
import statistics

import scipy.stats

from tf_gan_lth.experiment.errors import EvaluationError
from tf_gan_lth.findings.columns import formatted
from tf_gan_lth.findings.results import Result

ALPHA = 0.05  # level of each test, not corrected for the number of rounds and branches
MOST_REPLICATES = 100  # recommended at most


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A round or branch compared with the dense GAN; the fields are columns of `results.csv`.

    Attributes:
      replicates: number of replicates with a score.
      fid_mean, fid_standard_deviation: mean and standard deviation of FID over replicates; the
        latter is None with a single one.
      p_worse: p-value of a one-sided Welch test: how probable scores at least this bad are if the
        ticket is no worse than the dense GAN.
      p_matching: likewise, how probable scores at least this good are if the ticket is worse than
        the dense GAN by the margin or more.
      verdict: `matching` if only p_matching is below 5 %, `worse` if only p_worse is, `slightly
        worse` if both are (worse, but by less than the margin), `undetermined` if neither is;
        `dense` for round 0.
      replicates_needed: how many more replicates would decide if means and deviations stayed as
        they are; with a single replicate, as many as a deviation needs. None if the verdict is not
        `undetermined`, or if even `MOST_REPLICATES` would not decide.
    """

    replicates: int
    fid_mean: float
    fid_standard_deviation: float | None
    p_worse: float | None
    p_matching: float | None
    verdict: str
    replicates_needed: int | None


@dataclasses.dataclass(frozen=True)
class _Sample:
    mean: float
    deviation: float | None
    count: int


def compare(results: list[Result], margin: float) -> dict[tuple[int, str], Comparison]:
    """Compares every round and branch of a run with its dense GAN, the main branch of round 0.

    Args:
      results: results of one generator of a run, of which at least round 0 is scored.
      margin: share of the dense mean FID by which a matching ticket may be worse.

    Returns:
      {(round, branch): its comparison}, in order of rounds; in each round `main` comes first.

    Raises:
      EvaluationError: the scores are of several protocols.
    """
    protocols = {result.protocol for result in results}
    if len(protocols) > 1:
        raise EvaluationError(
            f"scores of different protocols cannot be compared: {', '.join(sorted(protocols))}"
        )

    # Mean and deviation over replicates.
    groups: dict[tuple[int, str], list[float]] = {}
    for result in results:
        groups.setdefault((result.round, result.branch), []).append(result.fid)
    samples = {
        key: _Sample(statistics.fmean(f), statistics.stdev(f) if len(f) > 1 else None, len(f))
        for key, f in groups.items()
    }

    dense = samples[0, "main"]
    return {
        key: _against(sample, dense, margin, key == (0, "main"))
        for key, sample in sorted(samples.items(), key=_main_first)
    }


def _main_first(item: tuple[tuple[int, str], _Sample]) -> tuple[int, bool, str]:
    number, branch = item[0]
    return number, branch != "main", branch


def _against(ticket: _Sample, dense: _Sample, margin: float, is_dense: bool) -> Comparison:
    known = (ticket.count, ticket.mean, ticket.deviation)
    if is_dense:
        return Comparison(*known, None, None, "dense", None)
    if ticket.deviation is None or dense.deviation is None:
        return Comparison(*known, None, None, "undetermined", 2 - min(ticket.count, dense.count))
    p_worse, p_matching = _tests(ticket, dense, margin)
    verdict = _decide(p_worse, p_matching)
    return Comparison(
        *known,
        p_worse,
        p_matching,
        verdict,
        _needed(ticket, dense, margin) if verdict == "undetermined" else None,
    )


def _tests(ticket: _Sample, dense: _Sample, margin: float) -> tuple[float, float]:
    """Computes (p_worse, p_matching).

    The limit of the second test is a multiple of the dense scores, so it is as uncertain as they
    are.
    """
    limit = _Sample(dense.mean * (1.0 + margin), dense.deviation * (1.0 + margin), dense.count)
    return _welch(ticket, dense), _welch(limit, ticket)


def _decide(p_worse: float, p_matching: float) -> str:
    if p_matching < ALPHA:
        return "slightly worse" if p_worse < ALPHA else "matching"
    return "worse" if p_worse < ALPHA else "undetermined"


def _welch(higher: _Sample, lower: _Sample) -> float:
    """The p-value of the one-sided test that `higher` has the larger mean.

    Source: Welch 1947, for unequal variances.
    """
    # Without any deviation there is nothing to test: the means decide.
    if not higher.deviation and not lower.deviation:
        return 0.0 if higher.mean > lower.mean else 1.0
    sides = dataclasses.astuple(higher) + dataclasses.astuple(lower)
    return float(
        scipy.stats.ttest_ind_from_stats(*sides, equal_var=False, alternative="greater").pvalue
    )


def _needed(ticket: _Sample, dense: _Sample, margin: float) -> int | None:
    """How many more replicates would decide; None if even `MOST_REPLICATES` would not."""
    have = min(ticket.count, dense.count)
    for count in range(have + 1, MOST_REPLICATES + 1):
        more_ticket = dataclasses.replace(ticket, count=max(ticket.count, count))
        more_dense = dataclasses.replace(dense, count=max(dense.count, count))
        if _decide(*_tests(more_ticket, more_dense, margin)) != "undetermined":
            return count - have
    return None


def in_words(comparison: Comparison) -> str:
    """The verdict, with what it would take to decide: `undetermined (4 more replicates)`."""
    if comparison.verdict != "undetermined":
        return comparison.verdict
    needed = comparison.replicates_needed
    if needed is None:
        return f"undetermined (over {MOST_REPLICATES} replicates)"
    least = "at least " if comparison.p_worse is None else ""
    return f"undetermined ({least}{needed} more replicate{'s' if needed > 1 else ''})"


def comparison_table(comparisons: dict[tuple[int, str], Comparison]) -> str:
    """Formats comparisons as lines for a terminal."""
    lines = [
        f"{'round':>5}  {'branch':<20} replicates  mean FID       sd  p(worse)  p(matching) "
        " against dense"
    ]
    for (number, branch), c in comparisons.items():
        fid = f"{c.fid_mean:>9.3f} {formatted(c.fid_standard_deviation, '.3f'):>8}"
        tests = f"{formatted(c.p_worse, '.3f'):>9} {formatted(c.p_matching, '.3f'):>12}"
        lines.append(f"{number:>5}  {branch:<20} {c.replicates:>10} {fid} {tests}  {in_words(c)}")
    return "\n".join(lines)
