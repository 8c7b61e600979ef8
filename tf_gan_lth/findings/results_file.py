"""Results as CSV: what a run keeps, and what is published without it, which gives all of it again.

A row is a generator of a training: its scores and costs, the comparison of its round or branch, and
the plan and the margin of the tests. Rows of several runs have their names in a first column.
"""

import csv
import dataclasses
import io
import math
from collections.abc import Mapping

from tf_gan_lth.experiment import config as configs
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
OF_A_RUN = "results.csv"
PLANNED, LOOKS, PAIRED, MARGIN = "planned_replicates", "looks", "paired", "margin"
TESTS = {PLANNED: "replicates", LOOKS: LOOKS, PAIRED: PAIRED, MARGIN: MARGIN}  # as options
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

    A table without names of runs is one of a single run, which is called as the file is, or as the
    folder of a `results.csv`. Tables of earlier versions do not say plan and margin: they are
    judged at a single look at the replicates that are there, with the usual margin.

    Raises:
      UsageError: there is no such table, or it is not one of results; says what is wrong.
      EvaluationError: a run has scores of several protocols.
    """
    if not path.is_file():
        raise UsageError(f"there is no file {path}")
    try:
        # Spreadsheets put a byte-order mark before the first title.
        held = list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"))))
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
    named = path.absolute().parent.name if path.name == OF_A_RUN else path.stem
    runs: dict[str, list[tuple[int, dict[str, str]]]] = {}
    for number, row in enumerate(held, 2):
        runs.setdefault(row.get(RUN) or named, []).append((number, row))
    return [_found(path, name, numbered) for name, numbered in runs.items()]


def _found(path: Path, name: str, numbered: list[tuple[int, dict[str, str]]]) -> Found:
    empty = {column for column in numbered[0][1] if not any(row[column] for _, row in numbered)}
    first, asked = numbered[0][0], [numbered[0][1].get(column) for column in TESTS]
    results: dict[tuple, Result] = {}
    for number, row in numbered:
        try:
            result = _result({column: row[column] for column in row if column not in empty})
            key = (result.replicate, result.round, result.branch, result.generator)
            if key in results:
                raise ValueError(
                    f"{name} has replicate {result.replicate}, round {result.round},"
                    f" {result.branch}, twice; of several runs, name each in a column '{RUN}'"
                )
            if [row.get(column) for column in TESTS] != asked:
                raise ValueError(f"{', '.join(TESTS)} differ from those of line {first}")
            if not results:
                plan, margin = _tests(row)
        except (ValueError, UsageError) as error:
            raise UsageError(f"line {number} of {path}: {error}") from None
        results[key] = result
    found = _with_parameters([*results.values()])
    for generator in dict.fromkeys(result.generator for result in found):
        if not any((r.generator, r.round, r.branch) == (generator, 0, "main") for r in found):
            raise UsageError(f"{path}: {name} has no dense GAN, round 0, of its {generator}")
    return Found(name, found, judge_all(found, margin, plan))


def _with_parameters(results: list[Result]) -> list[Result]:
    """The results with all parameters of a generator, which are those that its dense GAN has."""
    dense = [r for r in results if (r.round, r.branch) == (0, "main")]
    whole = {(r.replicate, r.generator): r.generator_params_left for r in dense}
    return [
        dataclasses.replace(r, generator_params=whole.get((r.replicate, r.generator)))
        for r in results
    ]


def _result(row: dict[str, str]) -> Result:
    """A result of its row: what is no column of something else is a score.

    Raises:
      ValueError: a cell is empty that must not be, or holds something else; it is named.
    """
    for name in NEEDED:
        if not row.get(name):
            raise ValueError(f"{name} is empty")
    values = {name: _cell(name, row[name], kind) for name, kind in COLUMNS.items() if row.get(name)}
    compared = {field.name for field in dataclasses.fields(Comparison)}
    others = {*COLUMNS, *compared, *TESTS, RUN}
    scores = {
        n: _cell(n, text, float) if text else None for n, text in row.items() if n not in others
    }
    if any(mark in values.get("generator", "") for mark in "/\\\0"):  # figures are called so
        raise ValueError(f"generator is '{row['generator']}': expected the name of a network")
    if not 0.0 <= values["generator_sparsity"] <= 1.0:
        raise ValueError(f"generator_sparsity is {row['generator_sparsity']}: expected 0 to 1")
    return Result(**UNSAID | values, scores=scores)


def _cell(name: str, text: str, kind: type) -> object:
    """A cell as its kind; 4.0 is a whole number too, as other programs write these."""
    try:
        value = kind(text.removesuffix(".0") if kind is int else text)
    except ValueError:
        value = -1 if kind is int else math.nan
    if (kind is int and value < 0) or (kind is float and not math.isfinite(value)):
        expected = "a whole number from 0 on" if kind is int else "a number"
        raise ValueError(f"{name} is '{text}': expected {expected}")
    return value


def _tests(row: dict[str, str]) -> tuple[Plan | None, float]:
    """Plan and margin, in the limits of the options that they are; see `read` for older tables.

    Raises:
      UsageError: they cannot be these.
    """
    if not row.get(PLANNED):
        return None, USUAL_MARGIN
    options = {option: row.get(column, "") for column, option in TESTS.items()}
    for option in (TESTS[PLANNED], TESTS[LOOKS]):
        options[option] = options[option].removesuffix(".0")  # as `_cell` does
    lottery = configs.from_options(options).lottery
    return Plan(lottery.replicates, lottery.looks, lottery.paired), lottery.margin
