"""What of a run can be removed, and its removal. Nothing that rounds or verdicts are made of is.

Initial weights, masks, scores, records and tables always stay. A folder is renamed before it is
removed: whoever is killed meanwhile leaves no half of it under its own name. Symbolic links are
never followed.
"""

import contextlib
import dataclasses
import os
import pathlib
import shutil
from collections.abc import Collection, Iterator

from tf_gan_lth.experiment import inventory, locks, paths
from tf_gan_lth.experiment.errors import BusyError, RunFolderError, UsageError, check_known
from tf_gan_lth.experiment.replicate_folder import TrainingFolder
from tf_gan_lth.experiment.run_folder import RunFolder

PARTIAL = ".partial"
KINDS = {
    "partial": "what killed processes left half-written",
    "checkpoints": "checkpoints of trainings that are finished",
    "report": "report.html; the command that made the run writes it again",
    "exports": "SavedModels; the command that made the run writes that of its verdict again",
    "tensorboard": "TensorBoard's files; the curves within trainings are not made again",
    "weights": "trained weights of --rounds; the command that made the run trains them again",
}
USUAL = ("partial", "checkpoints")  # what a run makes again, or never reads
ALL = "all"


@dataclasses.dataclass(frozen=True)
class Item:
    """Something that can be removed.

    Attributes:
      path: of a file or folder.
      kind: a name of `KINDS`.
      size: in bytes.
    """

    path: pathlib.Path
    kind: str
    size: int


def check(kinds: Collection[str], rounds: Collection[str]) -> None:
    """Raises `UsageError` for kinds that there are not, and for weights without their rounds."""
    for kind in kinds:
        check_known("--what", kind, KINDS)
    if ("weights" in kinds) != bool(rounds):
        raise UsageError(
            "--what=weights and --rounds=3,4 (or all) belong together: weights are removed by name"
        )
    for number in rounds:
        if number != ALL and not number.isdecimal():
            raise UsageError(f"--rounds={number} is no number of a round, nor all")


def removable(path: pathlib.Path, rounds: Collection[str] = (ALL,)) -> list[Item]:
    """Everything of a run that can be removed, of all kinds; what is behind links is not.

    Args:
      path: of the run folder.
      rounds: whose weights; numbers, as 5 or 05, or `all`.
    """
    run = RunFolder(path)
    found = [("partial", each) for each in _partial(path)]
    found += [("report", run.report.path), ("tensorboard", run.tensorboard)]
    # Of an unfinished run the next training may start from any of them.
    finished = progress(path) == inventory.FINISHED
    named = {int(number) for number in rounds if number != ALL}
    for folder in _trainings(run):
        if folder.weights.exists():
            found.append(("checkpoints", folder.checkpoint.path))
        if finished and (ALL in rounds or folder.round_number in named):
            found.append(("weights", folder.weights.path))
        inside = sorted(folder.path.iterdir())
        exports = [each for each in inside if each.name.startswith("saved_model")]
        found += [("exports", each) for each in exports if not each.name.endswith(PARTIAL)]
    there = [
        (kind, each)
        for kind, each in found
        if (kind == "partial" if each.is_symlink() else each.exists())
    ]
    return [Item(each, kind, inventory.size_of(each)) for kind, each in there]


@contextlib.contextmanager
def held(path: pathlib.Path) -> Iterator[None]:
    """Keeps all other processes from a run.

    Raises:
      BusyError: one is at work there.
    """
    run = RunFolder(path)
    busy = f"{path} is in use: wait until it is done, or stop it"
    folders = [path]
    for folder in _trainings(run):
        is_branch = folder.path != folder.round_path
        folders.append(folder.path if is_branch else folder.of_replicate.path)
    with contextlib.ExitStack() as stack:
        for folder in dict.fromkeys(folders):
            stack.enter_context(locks.hold(folder / locks.NAME, busy))
        yield


def progress(path: pathlib.Path) -> str:
    """How far a run is, as in `inventory.progress`."""
    run = RunFolder(path)
    return inventory.progress(
        run, inventory.planned_trainings(run, run.read_config(), run.parent.exists())
    )


def check_idle(path: pathlib.Path) -> None:
    """Raises `BusyError` if a process is at work in a run; writes nothing."""
    working = inventory.holders(RunFolder(path))
    if working:
        raise BusyError(f"{path} is in use: wait until it is done, or stop it ({working[0]})")


def remove(item: Item) -> None:
    """Removes a file, a folder with everything in it, or a symbolic link itself.

    Raises:
      RunFolderError: it cannot be removed.
    """
    path = item.path
    try:
        if path.is_symlink() or not path.is_dir():
            path.unlink()
            return
        if not path.name.endswith(PARTIAL):
            partial = path.with_name(path.name + PARTIAL)
            paths.remove(partial)  # of one who was killed while he removed what was here before
            path = path.rename(partial)
        shutil.rmtree(path)
    except OSError as error:
        raise RunFolderError(f"cannot remove {path}: {error.strerror or error}") from None


def _trainings(run: RunFolder) -> Iterator[TrainingFolder]:
    """Every round and branch that lies in the run's own folder."""
    for replicate in run.replicates():
        for number in replicate.rounds():
            yield from (f for f in [number, *number.branches()] if _lies_in(f.path, run.path))


def _lies_in(path: pathlib.Path, root: pathlib.Path) -> bool:
    """Whether no folder on the way from the root down to a path is a symbolic link."""
    between = [path, *path.parents]
    return not any(each.is_symlink() for each in between[: between.index(root)])


def _partial(path: pathlib.Path) -> Iterator[pathlib.Path]:
    for folder, names, files in os.walk(path):
        here = pathlib.Path(folder)
        yield from (here / name for name in sorted([*names, *files]) if name.endswith(PARTIAL))
        names[:] = sorted(name for name in names if not name.endswith(PARTIAL))
