"""Judges each generator of a run."""

import collections
import dataclasses
from collections.abc import Sequence

from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.findings.looks import Plan, read_plan
from tf_gan_lth.findings.results import Result, read_results
from tf_gan_lth.findings.verdict import Verdict, judge


@dataclasses.dataclass(frozen=True)
class Found:
    """The results of a run, and {generator: its verdict}.

    Attributes:
      name: of the run.
      results: every generator of its trainings.
      verdicts: what was found out about each.
    """

    name: str
    results: list[Result]
    verdicts: dict[str, Verdict]

    def of(self, generator: str) -> list[Result]:
        """The results of a generator."""
        return [result for result in self.results if result.generator == generator]

    def protocol(self, generator: str) -> str:
        """The protocol of its scores, with the digests of what they are made of."""
        return self.of(generator)[0].protocol


def told_apart(found: Sequence[Found]) -> list[Found]:
    """The runs under names of their own: those of one name get their number in the list."""
    counted = collections.Counter(run.name for run in found)
    named: dict[str, Found] = {}
    for number, run in enumerate(found):
        name = f"{run.name}_{number}" if counted[run.name] > 1 else run.name
        while name in named or (name != run.name and name in counted):
            name += "_"
        named[name] = dataclasses.replace(run, name=name)
    return list(named.values())


def judge_all(results: list[Result], margin: float, plan: Plan | None) -> dict[str, Verdict]:
    """{generator: its verdict}; `plan` as in `verdict.judge`."""
    names = dict.fromkeys(result.generator for result in results)
    return {
        name: judge([r for r in results if r.generator == name], margin, plan) for name in names
    }


def judge_run(run: RunFolder) -> tuple[list[Result], dict[str, Verdict]]:
    """The results of a run, and {generator: its verdict} with the margin of its config."""
    results = read_results(run)
    margin = run.read_config().lottery.margin
    return results, judge_all(results, margin, read_plan(run, results))
