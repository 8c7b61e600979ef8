"""Compressions of one dense GAN side by side: what each method reaches at each budget.

Read from run folders; `pairs` has the tests.
"""

import dataclasses
import statistics
from collections.abc import Callable, Iterable, Sequence

from tf_gan_lth.experiment import comparable
from tf_gan_lth.experiment.config import Config
from tf_gan_lth.experiment.errors import EvaluationError, UsageError
from tf_gan_lth.experiment.replicate_folder import MAIN, TrainingFolder
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.findings import pairs
from tf_gan_lth.findings.columns import Column, columns
from tf_gan_lth.findings.comparison import Comparison, compare
from tf_gan_lth.findings.looks import Plan, read_plan
from tf_gan_lth.findings.results import BYTES, Result, most_measured, read_results
from tf_gan_lth.findings.results_file import table
from tf_gan_lth.findings.verdict import kept

DENSE, CHANNEL = "dense GAN", "channel"
# Scores of which less is better; the last two where the true translations are known.
SCORES = ("fid", "kid", "l1_inside", "l1_outside")


@dataclasses.dataclass(frozen=True)
class Entry:
    """A method at one of its budgets, with all of its replicates: a point of a figure.

    Attributes:
      method: its name as people see it; `DENSE` of the dense GAN.
      run: where it is kept.
      round, branch: of its trainings.
      generator: name of the network.
      budget: share of the dense generator's MACs that it was to keep at most; None for the dense
        GAN, and for rounds of a lottery.
      results: of each replicate.
      against_dense: the verdict's tests against the dense GAN; None for itself.
    """

    method: str
    run: RunFolder
    round: int
    branch: str
    generator: str
    budget: float | None
    results: tuple[Result, ...]
    against_dense: Comparison | None = None

    def scores(self, name: str) -> list[float]:
        """A score of each replicate; empty if one has none."""
        found = [result.scores.get(name) for result in self.results]
        return [] if None in found else found

    def mean(self, read: Callable[[Result], float | None]) -> float | None:
        """The mean of something over replicates; None if it is not known of one."""
        found = [read(result) for result in self.results]
        return None if None in found else statistics.fmean(found)

    @property
    def macs_share(self) -> float | None:
        """Share of the dense generator's MACs that is left, as counted."""
        return self.mean(lambda result: result.macs and result.macs_left / result.macs)

    @property
    def folder(self) -> TrainingFolder:
        """Its training in the first replicate: that of the samples."""
        found = self.run.replicate(self.results[0].replicate).round(self.round)
        return found if self.branch == MAIN else found.branch(self.branch)


@dataclasses.dataclass(frozen=True)
class SideBySide:
    """Compressions of one dense GAN.

    Attributes:
      runs: that were given.
      configs: theirs.
      entries: the dense GAN first, then run by run and budget by budget, of every generator.
      plan: when replicates are judged: the most cautious of the runs' own.
      notes: what a reader must know.
    """

    runs: tuple[RunFolder, ...]
    configs: tuple[Config, ...]
    entries: tuple[Entry, ...]
    plan: Plan
    notes: tuple[str, ...] = ()

    @property
    def generators(self) -> list[str]:
        return list(dict.fromkeys(entry.generator for entry in self.entries))

    def of(self, generator: str) -> list[Entry]:
        """The entries of a generator."""
        return [entry for entry in self.entries if entry.generator == generator]

    def at(self, generator: str, budget: float) -> list[Entry]:
        """Those of a budget."""
        return [entry for entry in self.of(generator) if entry.budget == budget]

    @property
    def budgets(self) -> list[float]:
        """All budgets, the largest first."""
        found = {entry.budget for entry in self.entries if entry.budget is not None}
        return sorted(found, reverse=True)

    @property
    def scores(self) -> list[Column]:
        """The columns of the scores that are compared: those that any entry has."""
        known = {column.name: column for column in columns()}
        return [known[n] for n in SCORES if any(entry.scores(n) for entry in self.entries)]

    def tests(self, generator: str, budget: float, score: str) -> list[pairs.Pair]:
        """Every method at a budget against every other one."""
        found = {
            entry.method: {r.replicate: r.scores[score] for r in entry.results}
            for entry in self.at(generator, budget)
            if entry.scores(score)
        }
        return pairs.compare_all(found, self.plan)


def read(runs: Sequence[RunFolder]) -> SideBySide:
    """Reads runs that are to be compared.

    Raises:
      UsageError: no run has channels pruned; see also `comparable.check`.
      RunFolderError: see `comparable.check`.
      EvaluationError: their scores are of several protocols.
    """
    replicates = comparable.check(runs)
    configs = [run.read_config() for run in runs]
    results = [
        [result for result in read_results(run) if result.replicate in alike]
        for run, alike in zip(runs, replicates, strict=True)
    ]
    _check_protocols(runs, results)
    plans = [read_plan(run, found) for run, found in zip(runs, results, strict=True)]
    entries = _dense(runs, results)
    for each in zip(_names(runs, configs), runs, configs, results, plans, strict=True):
        entries += _entries(*each)
    if not any(entry.round for entry in entries):
        raise UsageError(
            f"{runs[0].path} has only a dense GAN to compare: give runs of tf-gan-lth compress"
        )
    return SideBySide(
        tuple(runs),
        tuple(configs),
        tuple(entries),
        max(plans, key=lambda plan: (plan.looks, not plan.paired, plan.replicates)),
        (*_not_planned(runs, results, plans), *_notes(runs, configs, replicates, entries)),
    )


def rows(found: SideBySide) -> list[dict[str, object]]:
    """An entry as {column: value}, for programs; the columns of all rows are the same.

    Scores are means over replicates, with `_sd`, their standard deviation; `_on_front` says whether
    nothing beats them with as few MACs. `p_better_than:NAME` are the tests of FID within a budget.
    """
    return [row for name in found.generators for row in _rows(found, name)]


def csv_file(found: SideBySide) -> bytes:
    """`rows` as a file."""
    return table(rows(found))


def on_front(
    entries: Iterable[Entry], cost: Callable[[Entry], float | None], score: str
) -> list[Entry]:
    """The entries that nothing beats in a cost and a mean score, from the costliest on.

    Those of which the cost is not known are left out.
    """
    placed = [e for e in entries if e.scores(score) and cost(e) is not None]
    points = [(cost(e), statistics.fmean(e.scores(score))) for e in placed]
    return [placed[number] for number in pairs.front(points)]


def _check_protocols(runs: Sequence[RunFolder], results: Sequence[list[Result]]) -> None:
    first: dict[str, tuple[str, RunFolder]] = {}
    for run, found in zip(runs, results, strict=True):
        for result in found:
            protocol, other = first.setdefault(result.generator, (result.protocol, run))
            if protocol != result.protocol:
                raise EvaluationError(
                    "scores of different protocols cannot be compared:"
                    f" {run.path} has {result.protocol} and {other.path} has {protocol}"
                )


def _names(runs: Sequence[RunFolder], configs: Sequence[Config]) -> list[str]:
    """The method of each run, with its folder where several have the same."""
    methods = [config.lottery.method for config in configs]
    folders = [run.path.absolute().name for run in runs]
    names = [
        method if methods.count(method) == 1 else f"{method} ({folder})"
        for method, folder in zip(methods, folders, strict=True)
    ]
    return [
        name if names.count(name) == 1 else f"{method} ({run.path})"
        for name, method, run in zip(names, methods, runs, strict=True)
    ]


def _dense(runs: Sequence[RunFolder], results: Sequence[list[Result]]) -> list[Entry]:
    """The dense GAN of each generator, with every replicate that any run has."""
    found: dict[str, dict[int, tuple[RunFolder, Result]]] = {}
    for run, own in zip(runs, results, strict=True):
        for result in own:
            if (result.round, result.branch) == (0, MAIN):
                found.setdefault(result.generator, {}).setdefault(result.replicate, (run, result))
    entries = []
    for name, scored in found.items():
        places, own = zip(*(scored[number] for number in sorted(scored)), strict=True)
        entries.append(Entry(DENSE, places[0], 0, MAIN, name, None, own))
    return entries


def _entries(
    name: str, run: RunFolder, config: Config, results: list[Result], plan: Plan
) -> list[Entry]:
    """The pruned rounds of a run and their branches; none of one that prunes single weights."""
    if config.lottery.unit != CHANNEL:
        return []
    budgets = config.lottery.budgets
    trained: dict[tuple[str, int, str], list[Result]] = {}
    for result in results:
        if result.round:
            key = (result.generator, result.round, result.branch)
            trained.setdefault(key, []).append(result)
    generators = dict.fromkeys(result.generator for result in results)
    tested = {
        each: compare([r for r in results if r.generator == each], config.lottery.margin, plan)
        for each in generators
    }
    return [
        Entry(
            name if branch == MAIN else f"{name}, {branch.replace('_', ' ')}",
            run,
            number,
            branch,
            generator,
            budgets[number - 1] if budgets else None,
            tuple(found),
            tested[generator][number, branch],
        )
        for (generator, number, branch), found in trained.items()
    ]


def _not_planned(
    runs: Sequence[RunFolder], results: Sequence[list[Result]], plans: Sequence[Plan]
) -> Iterable[str]:
    """Which runs have more replicates than were planned, as their own verdicts say too."""
    for run, found, plan in zip(runs, results, plans, strict=True):
        count = len({result.replicate for result in found})
        if count > plan.replicates:
            yield f"{run.path}: {plan.remark(count)}."


def _notes(
    runs: Sequence[RunFolder],
    configs: Sequence[Config],
    replicates: Sequence[tuple[int, ...]],
    entries: Sequence[Entry],
) -> Iterable[str]:
    """What makes the terms less equal than they look."""
    for run, config, alike in zip(runs, configs, replicates, strict=True):
        if config.lottery.unit != CHANNEL and config.lottery.rounds:
            yield (
                f"Of {run.path} only the dense GAN is shown: what its tickets prune spares no MACs"
                " on dense hardware."
            )
        left = [r.number for r in run.replicates() if r.number not in alike]
        if left:
            numbers = ", ".join(map(str, left))
            yield f"Of {run.path} replicate {numbers} is left out: it has another dense GAN."
    shared = {parent["replicate"] for parent in map(comparable.parent_of, runs) if parent}
    if shared - {None}:
        yield (
            f"All replicates start from the dense GAN of replicate {min(shared - {None})}, so the"
            " spread of its scores is that of scoring alone."
        )
    steps = {r.steps for entry in entries[1:] if entry.round for r in entry.results}
    if len(steps) > 1:
        told = ", ".join(f"{each:,}" for each in sorted(steps))
        yield f"These trainings differ in their generator steps: {told}."
    if said := kept([result for entry in entries for result in entry.results]):
        yield f"{said[0].upper()}{said[1:]}."
    counts = {len(entry.results) for entry in entries}
    if len(counts) > 1:
        told = ", ".join(map(str, sorted(counts)))
        yield f"These methods differ in their number of replicates: {told}."


def _rows(found: SideBySide, generator: str) -> list[dict[str, object]]:
    entries = found.of(generator)
    methods = [entry.method for entry in found.entries if entry.budget is not None]
    fronts = {score.name: on_front(entries, _macs, score.name) for score in found.scores}
    tests = {
        (budget, pair.better, pair.worse): pair.p
        for budget in found.budgets
        for pair in found.tests(generator, budget, "fid")
    }
    lines = []
    for entry in entries:
        line = _costs(entry)
        for score, front in fronts.items():
            values = entry.scores(score)
            line[score] = statistics.fmean(values) if values else None
            line[f"{score}_sd"] = statistics.stdev(values) if len(values) > 1 else None
            line[f"{score}_on_front"] = entry in front
        compared = entry.against_dense
        for name in ("p_worse", "p_matching", "verdict"):
            line[name] = compared and getattr(compared, name)
        for other in dict.fromkeys(methods):
            line[f"p_better_than:{other}"] = tests.get((entry.budget, entry.method, other))
        lines.append(line)
    return lines


def _macs(entry: Entry) -> float | None:
    return entry.mean(lambda result: result.macs_left)


def _costs(entry: Entry) -> dict[str, object]:
    """What an entry is, and what it costs to keep and to train, in means over replicates."""
    timed = most_measured(entry.results)
    # Of the replicates that were exported: often it is one.
    shares = [r.time_share[timed] for r in entry.results if timed in r.time_share]
    return {
        "method": entry.method,
        "run": str(entry.run.path),
        "generator": entry.generator,
        "round": entry.round,
        "branch": entry.branch,
        "budget": entry.budget,
        "replicates": len(entry.results),
        "macs_share": entry.macs_share,
        "macs": _macs(entry),
        "bytes": BYTES * entry.mean(lambda result: result.generator_params_left),
        "time_share": statistics.fmean(shares) if shares else None,
        "time_format": timed,
        "training_steps": entry.mean(lambda result: result.steps),
        "training_seconds": entry.mean(lambda result: result.train_seconds),
        "training_macs": entry.mean(lambda result: result.train_macs),
        "phases": "; ".join(f"{n} {steps}" for n, steps in entry.results[0].phases.items()),
    }
