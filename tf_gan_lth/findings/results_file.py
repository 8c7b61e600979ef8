"""Results as CSV: what a run keeps, and what is published without it, which gives all of it again.

A row is a generator of a training: its scores and costs, the comparison of its round or branch, and
the plan and the margin of the tests. Rows of several runs have their names in a first column.
"""

import csv
import dataclasses
import io
from collections.abc import Mapping

from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.experiment.paths import Path
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.findings.columns import rows
from tf_gan_lth.findings.comparison import Comparison
from tf_gan_lth.findings.judging import Found, judge_all, judge_run
from tf_gan_lth.findings.looks import Plan, settle_plan
from tf_gan_lth.findings.results import Result
from tf_gan_lth.findings.verdict import Verdict

RUN = "run"
PLANNED, LOOKS, PAIRED, MARGIN = "planned_replicates", "looks", "paired", "margin"
USUAL_MARGIN = 0.1  # of runs whose table does not say
# The columns that are fields of a result, and what the oldest tables do not say.
COLUMNS = {
    **dict.fromkeys(("branch", "generator", "protocol"), str),
    **dict.fromkeys(("replicate", "round", "steps", "seed", "best_of", "best_step"), int),
    **dict.fromkeys(("generator_params_left", "macs", "macs_left"), int),
    **dict.fromkeys(("generator_sparsity", "discriminator_sparsity"), float),
    **dict.fromkeys(("train_seconds", "eval_seconds"), float),
}
UNSAID = {"generator": "generator", "discriminator_sparsity": None, "train_seconds": None}
NEEDED = ("replicate", "round", "branch", "generator_sparsity", "generator_params_left", "fid")
NEEDED += ("protocol", "steps", "seed", "eval_seconds")


def write_results(run: RunFolder) -> tuple[list[Result], dict[str, Verdict]]:
    """Judges a run as `judge_run` does, settles its plan, and writes `results.csv` anew."""
    results, verdicts = judge_run(run)
    settle_plan(run, results)
    run.results.put(table(lines(results, verdicts)))
    return results, verdicts


def lines(results: list[Result], verdicts: Mapping[str, Verdict]) -> list[dict[str, object]]:
    """The rows of a run's table, as {column: value}."""
    made = []
    for row, result in zip(rows(results), results, strict=True):
        verdict = verdicts[result.generator]
        comparison = verdict.comparisons[result.round, result.branch]
        plan = verdict.plan
        tests = {PLANNED: plan.replicates, LOOKS: plan.looks, PAIRED: plan.paired}
        made.append(row | dataclasses.asdict(comparison) | tests | {MARGIN: verdict.margin})
    return made


def table(rows: list[dict[str, object]]) -> bytes:
    """Rows as CSV; where they differ in their columns, cells stay empty."""
    names = dict.fromkeys(name for row in rows for name in row)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(names), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def read(path: Path) -> list[Found]:
    """The runs of a table, judged as they were.

    Tables of earlier versions do not say plan and margin: they are judged at a single look at the
    replicates that are there, with the usual margin.

    Raises:
      UsageError: there is no such table, or it is not one of results; says what is wrong.
      EvaluationError: a run has scores of several protocols.
    """
    if not path.is_file():
        raise UsageError(f"there is no file {path}")
    try:
        held = list(csv.DictReader(io.StringIO(path.read_bytes().decode())))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} is no table of results: {error}") from None
    missing = [name for name in NEEDED if not held or name not in held[0]]
    if missing:
        raise UsageError(
            f"{path} is no table of results, as results.csv of a run is: it has no"
            f" {', '.join(missing)}"
        )
    uneven = next((n for n, row in enumerate(held, 2) if None in (*row, *row.values())), None)
    if uneven:
        raise UsageError(f"line {uneven} of {path} has not as many cells as its first line")
    runs: dict[str, list[tuple[int, dict[str, str]]]] = {}
    for number, row in enumerate(held, 2):
        runs.setdefault(row.get(RUN) or path.stem, []).append((number, row))
    return [_found(path, name, numbered) for name, numbered in runs.items()]


def _found(path: Path, name: str, numbered: list[tuple[int, dict[str, str]]]) -> Found:
    results = []
    empty = {column for column in numbered[0][1] if not any(row[column] for _, row in numbered)}
    for number, row in numbered:
        try:
            results.append(_result({name: row[name] for name in row.keys() - empty}))
            plan, margin = _tests(row)
        except ValueError as error:
            raise UsageError(f"line {number} of {path}: {error}") from None
    if not any((r.round, r.branch) == (0, "main") for r in results):
        raise UsageError(f"{path}: {name} has no dense GAN, round 0")
    # All parameters of a generator are those that its dense GAN has left.
    whole = {
        (r.replicate, r.generator): r.generator_params_left
        for r in results
        if (r.round, r.branch) == (0, "main")
    }
    results = [
        dataclasses.replace(r, generator_params=whole.get((r.replicate, r.generator)))
        for r in results
    ]
    return Found(name, results, judge_all(results, margin, plan))


def _result(row: dict[str, str]) -> Result:
    """A result of its row: what is no column of something else is a score."""
    values = {name: kind(row[name]) for name, kind in COLUMNS.items() if row.get(name)}
    compared = {field.name for field in dataclasses.fields(Comparison)}
    others = {*COLUMNS, *compared, RUN, PLANNED, LOOKS, PAIRED, MARGIN}
    scores = {n: float(text) if text else None for n, text in row.items() if n not in others}
    return Result(**UNSAID | values, scores=scores)


def _tests(row: dict[str, str]) -> tuple[Plan | None, float]:
    if not row.get(PLANNED):
        return None, USUAL_MARGIN
    plan = Plan(int(row[PLANNED]), int(row[LOOKS]), row[PAIRED] == str(True))
    return plan, float(row[MARGIN])
