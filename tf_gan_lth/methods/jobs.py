"""A part of a run, for a process of its own: many of them can work in one run folder at once."""

from collections.abc import Iterator, Sequence

from tf_gan_lth.experiment.config import Config
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.experiment.replicate_folder import MAIN, ReplicateFolder, TrainingFolder
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.methods import loop
from tf_gan_lth.methods.bench import Bench
from tf_gan_lth.methods.method import Method


def run(
    method: Method,
    bench: Bench,
    folder: RunFolder,
    replicate: int | None = None,
    branch: str | None = None,
) -> None:
    """The rounds and branches of a run, or some of them.

    Args:
      method: what yields candidates.
      bench: what trains and scores them.
      folder: where to keep them.
      replicate: the only one to run; None for all, one after the other.
      branch: the only one to run, of finished rounds; `main` for the rounds themselves without
        branches; None for all.

    Raises:
      UsageError: there is no such replicate or branch, or its rounds are not finished.
      BusyError: another process is at it.
    """
    replicates = [folder.replicate(n) for n in chosen(bench.config, replicate, branch)]
    bench.observer.begins(
        [one for each in replicates for one in planned(method, bench, each, branch)]
    )
    try:
        for each in replicates:
            if branch in (None, MAIN):
                loop.run(method, bench, each, branches=branch is None)
            else:
                _run_branch(method, bench, each, branch)
    finally:
        bench.observer.ends()


def chosen(config: Config, replicate: int | None, branch: str | None) -> Sequence[int]:
    """The numbers of the replicates of which something is run: see `run`.

    Raises:
      UsageError: there is no such replicate, or no round that has the branch.
    """
    lottery = config.lottery
    if replicate is not None and not 0 <= replicate < lottery.replicates:
        raise UsageError(
            f"--replicate={replicate} is none of --replicates={lottery.replicates}: they are"
            " numbered from 0"
        )
    if branch not in (None, MAIN) and not _rounds_with(config, branch):
        raise UsageError(
            f"--branch={branch} is in no round: --branches and --branch_rounds up to"
            f" --rounds={lottery.rounds} have none"
        )
    return range(lottery.replicates) if replicate is None else [replicate]


def _rounds_with(config: Config, branch: str) -> list[int]:
    numbers = range(config.lottery.rounds + 1)
    return [number for number in numbers if branch in loop.branches_of(config, number)]


def planned(
    method: Method, bench: Bench, replicate: ReplicateFolder, branch: str | None = None
) -> Iterator[TrainingFolder]:
    """What is trained of a replicate, or of one of its branches, in the order of the loop.

    Finished trainings are among them; see `Method.rounds`.
    """
    for number in method.rounds(bench.config):
        here = replicate.round(number)
        if branch in (None, MAIN):
            yield here
        for name in loop.branches_of(bench.config, number):
            if branch in (None, name):
                yield here.branch(name)


def _run_branch(method: Method, bench: Bench, replicate: ReplicateFolder, name: str) -> None:
    """One branch of the rounds that get it; it only reads what these made."""
    for number in _rounds_with(bench.config, name):
        here = replicate.round(number)
        if not here.is_complete():
            raise UsageError(
                f"--branch={name}: {here.title} is not finished; run the rounds first, with"
                " --branch=main"
            )
        candidates = method.candidates(bench, replicate)
        candidate = next(c for c in candidates if c.folder.round_number == number)
        loop.train_branch(bench, candidate, name)
