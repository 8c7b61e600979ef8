"""Is a ticket worse than the dense GAN? Statistical tests over replicates, by round and branch."""

import dataclasses

import numpy as np

from tf_gan_lth.experiment.errors import EvaluationError
from tf_gan_lth.findings.columns import formatted
from tf_gan_lth.findings.looks import Plan
from tf_gan_lth.findings.results import Result
from tf_gan_lth.findings.significance import (
    Correlation,
    Sample,
    correlation,
    larger,
    matching,
    ratio_interval,
)

MOST_REPLICATES = 100  # recommended at most
DENSE = (0, "main")
WITHIN = ("matching", "slightly worse")  # verdicts of tickets that were found within the margin

Scores = dict[int, float]  # {replicate: score} of a round or branch


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A round or branch compared with the dense GAN; the fields are columns of `results.csv`.

    "The level" is 5 % unless the plan has several looks: see `looks.Plan`.

    Attributes:
      replicates: number of replicates that are judged.
      fid_mean, fid_standard_deviation: mean and standard deviation of FID over replicates; the
        latter is None with a single one.
      p_worse: p-value of a one-sided test, Welch's or of pairs, as the plan says: how probable
        scores at least this bad are if the ticket is no worse than the dense GAN.
      p_matching: likewise, how probable scores at least this good are if the ticket is worse than
        the dense GAN by the margin or more.
      verdict: `matching` if only p_matching is below the level, `worse` if only p_worse is,
        `slightly worse` if both are (worse, but by less than the margin), `undetermined` if neither
        is; `matching alone` for a ticket whose own tests say `matching`, but not those of every
        denser one; `dense` for round 0.
      replicates_needed: how many more replicates would decide if means and deviations stayed as
        they are; before the first test, as many as that needs. None if the verdict is not
        `undetermined`, or if even `MOST_REPLICATES` would not decide.
      fid_ratio: mean FID divided by the dense mean FID; None for the dense GAN.
      fid_ratio_low, fid_ratio_high: confidence interval of the ratio of means, of coverage
        1 - 2 * level, 90 % with one look; the upper limit is below 1 + margin where p_matching is
        below the level. None where nothing is tested.
      p_worse_than_ticket: of a branch, likewise, how probable scores at least this bad are if it is
        no worse than the ticket of its round; None for tickets.
    """

    replicates: int
    fid_mean: float
    fid_standard_deviation: float | None
    p_worse: float | None
    p_matching: float | None
    verdict: str
    replicates_needed: int | None
    fid_ratio: float | None = None
    fid_ratio_low: float | None = None
    fid_ratio_high: float | None = None
    p_worse_than_ticket: float | None = None


def compare(
    results: list[Result], margin: float, plan: Plan | None = None
) -> dict[tuple[int, str], Comparison]:
    """Compares every round and branch of a run with its dense GAN, the main branch of round 0.

    Args:
      results: results of one generator of a run, of which at least round 0 is scored.
      margin: share of the dense mean FID by which a matching ticket may be worse.
      plan: when replicates are judged; None is a single look at those that are there.

    Returns:
      {(round, branch): its comparison}, from the densest round on, which is the order of rounds
      unless budgets were given in another one; in each round `main` comes first.

    Raises:
      EvaluationError: the scores are of several protocols.
    """
    protocols = {result.protocol for result in results}
    if len(protocols) > 1:
        raise EvaluationError(
            f"scores of different protocols cannot be compared: {', '.join(sorted(protocols))}"
        )

    scores = _by_round(results)
    plan = plan or Plan(max(map(len, scores.values())))

    keys = _from_the_densest(results)
    found = {key: _against_dense(scores[key], scores[DENSE], margin, plan) for key in keys}
    dense = [*scores[DENSE].values()]
    found[DENSE] = _untested(dense[: plan.judged(len(dense))], "dense")
    for number, branch in keys:
        if branch != "main" and (number, "main") in scores:
            p = worse(scores[number, branch], scores[number, "main"], plan)
            found[number, branch] = dataclasses.replace(
                found[number, branch], p_worse_than_ticket=p
            )
    return _in_order(found)


def beside(results: list[Result], number: int, plan: Plan) -> Comparison:
    """The dense GAN as the ticket of a round is compared with it: at its look, or in its pairs."""
    scores = _by_round(results)
    return _untested(_judged(scores[number, "main"], scores[DENSE], plan).other, "dense")


def _from_the_densest(results: list[Result]) -> list[tuple[int, str]]:
    """The rounds and branches, the dense GAN first; a round is as sparse as its ticket is."""
    shares: dict[int, list[float]] = {}
    for result in results:
        if result.branch == "main":
            shares.setdefault(result.round, []).append(result.generator_sparsity)
    # Rounded, so that equal ones come in the order of rounds.
    sparsity = {
        number: round(np.mean(found), 9) if number else -1 for number, found in shares.items()
    }
    keys = {(result.round, result.branch) for result in results}
    return sorted(keys, key=lambda k: (sparsity.get(k[0], 1.0), k[0], k[1] != "main", k[1]))


def _by_round(results: list[Result]) -> dict[tuple[int, str], Scores]:
    """The scores of each round and branch, by replicate."""
    scores: dict[tuple[int, str], Scores] = {}
    for result in sorted(results, key=lambda result: result.replicate):
        scores.setdefault((result.round, result.branch), {})[result.replicate] = result.fid
    return scores


def tested_in_order(found: dict[tuple[int, str], Comparison]) -> dict[int, Comparison]:
    """The tickets up to the first that is not found to be within the margin, as {round: ...}.

    They are tested one after the other, from the densest, each at the level of a single test. The
    statement that all of them are within the margin then errs no more often than a single test
    does: if it errs, it does so at the first ticket that is not.

    Source: Maurer, Hothorn and Lehmacher 1995; Westfall and Krishen 2001.
    """
    passed = {}
    for number, comparison in tickets(found).items():
        if comparison.verdict not in WITHIN:
            break
        passed[number] = comparison
    return passed


def tickets(found: dict[tuple[int, str], Comparison]) -> dict[int, Comparison]:
    """The comparisons of the pruned rounds themselves, as {round: ...}, from the densest."""
    return {number: c for (number, branch), c in found.items() if branch == "main" and number}


def _in_order(found: dict[tuple[int, str], Comparison]) -> dict[tuple[int, str], Comparison]:
    """The comparisons with `matching alone` where the tests in order end before a ticket."""
    passed = tested_in_order(found)
    return {
        (number, branch): dataclasses.replace(c, verdict="matching alone")
        if branch == "main" and c.verdict == "matching" and number not in passed
        else c
        for (number, branch), c in found.items()
    }


@dataclasses.dataclass(frozen=True)
class _Tested:
    """Two rounds or branches as they are judged now.

    Attributes:
      one, other: scores, by replicate; with pairs those of the replicates that both have, if any.
      count: how many replicates both have.
      pairs: their correlation; None without pairs, or with a single one.
      level: of each of their tests; 0 where nothing is tested.
    """

    one: list[float]
    other: list[float]
    count: int
    pairs: Correlation
    level: float


def _judged(one: Scores, other: Scores, plan: Plan) -> _Tested:
    both = sorted(one.keys() & other.keys())
    first, second = [*one.values()], [*other.values()]
    count = min(len(first), len(second))
    if plan.paired:
        count = len(both)
        if both:
            first, second = [one[number] for number in both], [other[number] for number in both]
    judged = plan.judged(count)
    if plan.looks > 1 and judged <= plan.replicates:
        first = first[:judged]
        second = second[:judged]
    pairs = correlation(first, second) if plan.paired and count > 1 else None
    return _Tested(first, second, count, pairs, plan.level(judged))


def _against_dense(ticket: Scores, dense: Scores, margin: float, plan: Plan) -> Comparison:
    tested = _judged(ticket, dense, plan)
    mine = Sample.of(tested.one)
    theirs = Sample.of(tested.other)
    positive = mine.mean > 0 and theirs.mean > 0
    ratio = float(mine.mean / theirs.mean) if positive else None
    level, pairs = tested.level, tested.pairs
    if not level:
        needed = plan.first - tested.count
        return dataclasses.replace(
            _untested(tested.one, "undetermined"), replicates_needed=needed, fid_ratio=ratio
        )
    p_worse = float(larger(mine, theirs, pairs))
    p_matching = float(matching(mine, theirs, margin, pairs))
    verdict = _decide(p_worse, p_matching, level)
    low, high = ratio_interval(mine, theirs, level, pairs, margin) if positive else (None, None)
    return Comparison(
        mine.count,
        float(mine.mean),
        float(mine.deviation),
        p_worse,
        p_matching,
        verdict,
        _needed(mine, theirs, margin, plan, pairs) if verdict == "undetermined" else None,
        ratio,
        float(low) if positive else None,
        float(high) if positive else None,
    )


def _untested(scores: list[float], verdict: str) -> Comparison:
    sample = Sample.of(scores)
    deviation = float(sample.deviation) if sample.count > 1 else None
    return Comparison(sample.count, float(sample.mean), deviation, None, None, verdict, None)


def worse(branch: Scores, ticket: Scores, plan: Plan) -> float | None:
    """The p-value of the test that a branch is worse than a ticket; None before the first look."""
    tested = _judged(branch, ticket, plan)
    if not tested.level:
        return None
    return float(larger(Sample.of(tested.one), Sample.of(tested.other), tested.pairs))


def _decide(p_worse: float, p_matching: float, level: float) -> str:
    if p_matching < level:
        return "slightly worse" if p_worse < level else "matching"
    return "worse" if p_worse < level else "undetermined"


def _needed(
    ticket: Sample, dense: Sample, margin: float, plan: Plan, pairs: Correlation
) -> int | None:
    """How many more replicates would decide; None if even `MOST_REPLICATES` would not."""
    have = ticket.count
    counts = [n for n in range(have + 1, MOST_REPLICATES + 1) if plan.judged(n) == n]
    levels = np.array([plan.level(n) for n in counts])
    more_ticket = dataclasses.replace(ticket, count=np.maximum(ticket.count, counts))
    more_dense = dataclasses.replace(dense, count=np.maximum(dense.count, counts))
    p_worse = larger(more_ticket, more_dense, pairs)
    p_matching = matching(more_ticket, more_dense, margin, pairs)
    decided = np.flatnonzero((p_worse < levels) | (p_matching < levels))
    return counts[decided[0]] - have if decided.size else None


def in_words(comparison: Comparison) -> str:
    """The verdict, with what it would take to decide: `undetermined (takes 7 replicates)`.

    The number is that of a new plan: replicates that are added to one whose scores were seen break
    its level.
    """
    if comparison.verdict != "undetermined":
        return comparison.verdict
    needed = comparison.replicates_needed
    if needed is None:
        return f"undetermined (takes over {MOST_REPLICATES} replicates)"
    if comparison.p_worse is None:
        return f"undetermined (at least {needed} more replicate{'s' if needed > 1 else ''})"
    return f"undetermined (takes {comparison.replicates + needed} replicates)"


def cells(comparisons: dict[tuple[int, str], Comparison]) -> tuple[list[str], list[list[str]]]:
    """The comparisons as people see them: the titles of the columns, and the cells of each row."""
    head = ["round", "replicates", "branch", "mean FID", "sd", "ratio", "interval"]
    head += ["p (worse)", "p (matching)", "p (vs ticket)", "verdict"]
    rows = []
    for (number, branch), c in comparisons.items():
        interval = "-"
        if c.fid_ratio_low is not None:
            interval = f"{c.fid_ratio_low:.2f} to {c.fid_ratio_high:.2f}"
        numbers = (c.fid_standard_deviation, ".3f"), (c.fid_ratio, ".2f")
        tests = (c.p_worse, c.p_matching, c.p_worse_than_ticket)
        rows.append(
            [str(number), str(c.replicates), branch, f"{c.fid_mean:.3f}"]
            + [formatted(*cell) for cell in numbers]
            + [interval]
            + [p_value(p) for p in tests]
            + [in_words(c)]
        )
    return head, rows


def p_value(p: float | None) -> str:
    """A p-value as people see it."""
    # The level of an early look is far below a thousandth.
    return formatted(p, ".1g" if p is not None and 0.0 < p < 0.001 else ".3f")


def comparison_table(comparisons: dict[tuple[int, str], Comparison]) -> str:
    """Formats comparisons as lines for a terminal."""
    head, rows = cells(comparisons)
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = []
    for row in [head, *rows]:
        padded = []
        for title, cell, width in zip(head, row, widths, strict=True):
            left = title in ("branch", "verdict")
            padded.append(cell.ljust(width) if left else cell.rjust(width))
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)
