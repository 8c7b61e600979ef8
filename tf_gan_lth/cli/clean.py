"""Removes what runs can do without: lists it, and removes it with --yes.

    tf-gan-lth clean runs
    tf-gan-lth clean runs --yes
    tf-gan-lth clean runs/demo --what=weights,exports --rounds=1,2,3

Without --what that is what killed processes left half-written, and checkpoints of finished
trainings. Everything else goes by its name alone. Initial weights, masks, scores, samples and
tables always stay, and so do the weights of a run that is not finished. Runs that a process is
working in, and broken ones, are left as they are. Symbolic links are not followed.
"""

import contextlib
import functools
import os
import pathlib

from absl import flags

from tf_gan_lth.cli import command_line
from tf_gan_lth.experiment import amounts, cleaning, inventory, paths
from tf_gan_lth.experiment.cleaning import KINDS, USUAL, Item
from tf_gan_lth.experiment.errors import RunFolderError, ToolkitError, UsageError

OWN = ("what", "rounds", "yes")


def define(values: flags.FlagValues) -> None:
    """Defines the flags of this command."""
    command_line.define_flag(
        values,
        "Runs",
        "folder",
        str,
        "runs",
        "of a run, or of many; or the word without a flag",
        word=True,
    )
    own = functools.partial(command_line.define_flag, values, "Cleaning")
    described = "; ".join(f"{name}: {text}" for name, text in KINDS.items())
    own("what", tuple, USUAL, f"what to remove, by commas. {described}")
    own("rounds", tuple, (), "rounds whose trained weights go, branches with them, or all")
    own("yes", bool, False, "remove what is listed; without it nothing is removed")


def main(values: flags.FlagValues) -> None:
    """Does what the flags say."""
    cleaning.check(values.what, values.rounds)
    found = find(values.folder)
    total, refused = 0, []
    for path in found:
        try:
            total += _clean(path, values)
        except ToolkitError as error:  # of a run in use, or broken: the others are cleaned
            refused.append(str(error))
    if values.yes:
        print(f"Removed {amounts.size(total)}.")
    else:
        print(f"{amounts.size(total)} would be removed. Nothing was: add --yes.")
    if refused:
        raise RunFolderError("; ".join(refused))


def find(folder: str) -> list[pathlib.Path]:
    """The run folders at or below a folder.

    Raises:
      UsageError: there is no such folder on a disk, or no run in it.
    """
    root = paths.parse(folder) if "://" not in folder else None
    if root is None or not root.is_dir():
        raise UsageError(f"there is no folder {folder} on a disk")
    found = list(inventory.find_runs(root))
    if not found:
        raise UsageError(f"{folder} holds no runs")
    return found


def _clean(path: pathlib.Path, values: flags.FlagValues) -> int:
    """Lists, and perhaps removes, what a run can do without; returns its bytes."""
    cleaning.check_idle(path)
    with cleaning.held(path) if values.yes else contextlib.nullcontext():
        items = cleaning.removable(path, values.rounds or (cleaning.ALL,))
        chosen = [item for item in items if item.kind in values.what]
        state = cleaning.progress(path)  # before anything goes
        print(path)
        for item in chosen:
            name = os.path.relpath(item.path, path)
            print(f"  {amounts.size(item.size):>8}  {item.kind:<11}  {name}")
            if values.yes:
                cleaning.remove(item)
        _tell_what_stays([i for i in items if i.kind not in values.what])
        if "weights" in values.what:
            _tell_of_weights(state, any(item.kind == "weights" for item in chosen))
    return sum(item.size for item in chosen)


def _tell_what_stays(others: list[Item]) -> None:
    sizes = {kind: sum(item.size for item in others if item.kind == kind) for kind in KINDS}
    named = [f"{kind} {amounts.size(size)}" for kind, size in sizes.items() if size]
    if named:
        print(f"  kept, as --what does not name it: {', '.join(named)}")


def _tell_of_weights(state: str, some: bool) -> None:
    if state != inventory.FINISHED:
        print(f"  weights are kept: the run is {state}")
    elif some:
        print("  the command that made the run would train rounds without weights again")
    else:
        print("  no weights go: these rounds are not there")
