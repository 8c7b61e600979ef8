"""The verdict: which is the sparsest ticket that matches the dense GAN, and how do controls do?"""

import csv
import dataclasses
import io

from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.findings.columns import rows
from tf_gan_lth.findings.comparison import Comparison, compare, in_words
from tf_gan_lth.findings.results import Result, read_results


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What a run found out about a generator.

    Attributes:
      generator: name of the generator.
      dense_fid: mean FID of round 0.
      limit: largest mean FID within the margin.
      matching: sparsest round whose ticket was found to match; None if there is none.
      best: that round; if there is none, the sparsest round within the margin that was not found to
        be worse; None if there is none either.
      comparisons: {(round, branch): its comparison with the dense GAN}.
      sentence: the verdict in words.
    """

    generator: str
    dense_fid: float
    limit: float
    matching: int | None
    best: int | None
    comparisons: dict[tuple[int, str], Comparison]
    sentence: str


def judge(results: list[Result], margin: float) -> Verdict:
    """Judges one generator of a run; see `compare` for arguments, errors and tests."""
    # The sparsest ticket that matches, and the sparsest within the margin.
    comparisons = compare(results, margin)
    dense = comparisons[0, "main"]
    limit = dense.fid_mean * (1.0 + margin)
    tickets = {
        number: c for (number, branch), c in comparisons.items() if branch == "main" and number
    }
    matching = max(
        (number for number, c in tickets.items() if c.verdict == "matching"), default=None
    )
    within = max(
        (n for n, c in tickets.items() if "worse" not in c.verdict and c.fid_mean <= limit),
        default=None,
    )

    # Say so in words.
    sentences = []
    if matching is not None:
        found = f"at {_at(results, matching)} the ticket matches the dense GAN"
        sentences.append(
            f"{found}: {_fids(tickets[matching], dense)} (within {margin:.0%}, p"
            f" {tickets[matching].p_matching:.2g})"
        )
    if within is not None and (matching is None or within > matching):
        found = (
            f"at {_at(results, within)} the ticket is at most {margin:.0%} worse than the dense GAN"
        )
        sentences.append(
            f"{found}: {_fids(tickets[within], dense)}; whether it matches is"
            f" {in_words(tickets[within])}"
        )
    if not sentences:
        sentences.append(
            f"no ticket matches the dense GAN (FID {_with_spread(dense)}) as far as is known"
        )
    sentence = ". ".join([*sentences, *_controls(results, comparisons)]) + "."
    best, generator = within if matching is None else matching, results[0].generator
    return Verdict(generator, dense.fid_mean, limit, matching, best, comparisons, sentence)


def judge_run(run: RunFolder) -> tuple[list[Result], dict[str, Verdict]]:
    """The results of a run, and {generator: its verdict} with the margin of its config."""
    results = read_results(run)
    margin = run.read_config().lottery.margin
    names = dict.fromkeys(result.generator for result in results)
    return results, {
        name: judge([result for result in results if result.generator == name], margin)
        for name in names
    }


def write_results(run: RunFolder) -> tuple[list[Result], dict[str, Verdict]]:
    """Judges a run as `judge_run` does, and writes `results.csv` anew.

    It has a row for each generator of each training, with the comparison of its round or branch.
    """
    results, verdicts = judge_run(run)
    compared = [verdicts[r.generator].comparisons[r.round, r.branch] for r in results]
    lines = [
        row | dataclasses.asdict(comparison)
        for row, comparison in zip(rows(results), compared, strict=True)
    ]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(lines[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    run.results.put(text.getvalue().encode())
    return results, verdicts


def _controls(results: list[Result], comparisons: dict[tuple[int, str], Comparison]) -> list[str]:
    """How the controls do at the sparsest round that has any."""
    with_controls = [number for number, branch in comparisons if branch != "main"]
    if not with_controls:
        return []
    last = max(with_controls)
    found = {branch: c for (number, branch), c in comparisons.items() if number == last}
    order = ["main", *sorted(found.keys() - {"main"})] if "main" in found else sorted(found)
    parts = [
        f"{'ticket' if name == 'main' else name} {_fid(found[name].fid_mean)}" for name in order
    ]
    return [f"At {_at(results, last)}: {', '.join(parts)}"]


def _fids(ticket: Comparison, dense: Comparison) -> str:
    number = min(ticket.replicates, dense.replicates)
    return (
        f"FID {_with_spread(ticket)} vs {_with_spread(dense)} in {number}"
        f" replicate{'s' if number > 1 else ''}"
    )


def _with_spread(comparison: Comparison) -> str:
    deviation = comparison.fid_standard_deviation
    return _fid(comparison.fid_mean) + (f" +- {_fid(deviation)}" if deviation is not None else "")


def _fid(value: float) -> str:
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _at(results: list[Result], number: int) -> str:
    sparsity = next(r.generator_sparsity for r in results if r.round == number)
    return f"{sparsity:.1%} sparsity (round {number})"
