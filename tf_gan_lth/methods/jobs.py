"""A part of a lottery, for a process of its own: many of them can work in one run folder at
once.
"""

from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.experiment.run_folder import MAIN
from tf_gan_lth.methods.bench import Laboratory
from tf_gan_lth.methods.imp import AfterTraining, draw, find_ticket, play_branch


def run(
    lab: Laboratory, replicate: int | None, branch: str | None, after_training: AfterTraining
) -> None:
    """The rounds and branches of a lottery, or some of them.

    Args:
      lab: data, networks and run folder.
      replicate: the only one to run; None for all, one after the other.
      branch: the only one to run, of finished rounds; `main` for the rounds themselves without
        branches; None for all.
      after_training: as in `find_ticket`.

    Raises:
      UsageError: there is no such replicate or branch, or its rounds are not finished.
      BusyError: another process is at it.
    """
    count = lab.config.lottery.replicates
    if replicate is not None and not 0 <= replicate < count:
        raise UsageError(
            f"--replicate={replicate} is none of --replicates={count}: they are numbered from 0"
        )
    for number in range(count) if replicate is None else [replicate]:
        if branch in (None, MAIN):
            find_ticket(lab, number, after_training, branches=branch is None)
        else:
            find_branch(lab, number, branch, after_training)


def find_branch(lab: Laboratory, replicate: int, name: str, after_training: AfterTraining) -> None:
    """One branch of the rounds that get it. It reads what these have made, and makes nothing of
    theirs.
    """
    place, rounds = lab.run.replicate(replicate), lab.config.lottery.rounds
    numbers = [number for number in range(rounds + 1) if name in lab.branches(number)]
    if not numbers:
        raise UsageError(
            f"--branch={name} is in no round: --branches and --branch_rounds up to"
            f" --rounds={rounds} have none"
        )
    for number in numbers:
        here = place.round(number)
        if not here.is_complete():
            raise UsageError(
                f"--branch={name}: {here.title} is not finished; run the rounds first, with"
                " --branch=main"
            )
        play_branch(lab, draw(lab, place, number), name, after_training)
