"""Stops a lottery at every file operation, and runs it again from what the stop left.

    python tests/crash/points.py                        every state of the usual lottery
    python tests/crash/points.py --kind=channels --every=10 --first=3

One lottery is recorded, by `strace` (apt-get install strace): every folder, file, write, rename and
removal below its run folder, of Python and TensorFlow. A SIGKILL after each operation or within a
write, and a power cut that takes what was not flushed, leave some hundreds of different states of
the run folder. In each of them every artifact that is there is read, which takes seconds. Then the
lottery is run again from each, or from some, and must end as one that was never stopped: the same
files, bit for bit where they hold no dates, nothing left over, without an error or a warning.
"""

import argparse
import collections
import functools
import os
import pathlib
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))

from comparing import differences, said  # noqa: E402
from disk import State, restore, stops  # noqa: E402
from lotteries import KINDS, Lottery, command, environment, options_of  # noqa: E402
from recording import record  # noqa: E402

from tf_gan_lth.evaluation import saved_models  # noqa: E402
from tf_gan_lth.experiment.artifacts import Artifact  # noqa: E402
from tf_gan_lth.experiment.errors import ToolkitError, ToolkitWarning  # noqa: E402
from tf_gan_lth.experiment.run_folder import RunFolder  # noqa: E402


class Points:
    """A kind of lottery, the states in which it can be stopped, and how it ends if it is not.

    Args:
      kind: a name of `KINDS`.
      folder: where to work.

    Attributes:
      operations: that were recorded.
      states: (name, state) of every stop, each state once.
    """

    def __init__(self, kind: str, folder: pathlib.Path):
        options = options_of(kind, folder / "data")
        self._folder = folder / "again"
        recorded = folder / "recorded"
        self.operations = record(command(options, recorded), recorded, environment())
        self.states = list(stops(self.operations))
        self._whole = said(recorded)
        self._lottery = Lottery(options)
        self._whole_artifacts: set[frozenset] = set()  # what was read already

    def broken(self, state: State) -> list[str]:
        """What of a state is there under its own name, and cannot be read."""
        restore(state, self._folder)
        wrong = []
        for path, read in _readers(self._folder):
            name = str(path.relative_to(self._folder))
            inside = (
                one for one in state.items() if one[0] == name or one[0].startswith(name + "/")
            )
            held = frozenset(inside)
            if held not in self._whole_artifacts:
                try:
                    read()
                    self._whole_artifacts.add(held)
                except ToolkitError as error:
                    wrong.append(str(error))
        shutil.rmtree(self._folder)
        return wrong

    def run_again(self, state: State) -> list[str]:
        """Runs the lottery from a state; returns what is wrong with its end."""
        restore(state, self._folder)
        try:
            self._lottery.run(self._folder)
            return differences(self._folder, self._whole)
        except (ToolkitError, ToolkitWarning) as error:
            return [str(error)]
        finally:
            shutil.rmtree(self._folder)


def _readers(path: pathlib.Path) -> Iterator[tuple[pathlib.Path, Callable[[], object]]]:
    """Every artifact that is there, and what reads and checks it."""
    run = RunFolder(path)
    folders = [run, *run.replicates()]
    for replicate in run.replicates():
        for number in replicate.rounds():
            folders += [number, *number.branches()]
    for artifact in (held for folder in folders for held in vars(folder).values()):
        if isinstance(artifact, Artifact) and artifact.exists():
            yield artifact.path, artifact.get
    for model in path.rglob("saved_model*"):
        if model.is_dir() and not model.name.endswith(".partial"):
            yield model, functools.partial(saved_models.check_files, model)


def main() -> None:
    """Runs a lottery again from each state that is asked for, and says how that ends."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kind", choices=KINDS, default="imp")
    parser.add_argument("--every", type=int, default=1, help="of the states only every n-th")
    parser.add_argument("--first", type=int, default=0, help="number of the first of them")
    asked = parser.parse_args()
    ends: collections.Counter = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        points = Points(asked.kind, pathlib.Path(folder))
        states = points.states[asked.first :: asked.every]
        print(
            f"{asked.kind}: {len(points.operations)} operations, {len(points.states)} different"
            f" states, {len(states)} of them are run",
            flush=True,
        )
        for name, state in points.states:
            if wrong := points.broken(state):
                ends["broken"] += 1
                print(f"  {name}: {'; '.join(wrong)}", flush=True)
        print(f"  {len(points.states)} states are read, {ends['broken']} are broken", flush=True)
        began = time.monotonic()
        for number, (name, state) in enumerate(states, 1):
            wrong = points.run_again(state)
            ends["different" if wrong else "identical"] += 1
            if wrong:
                print(f"  {name}: {'; '.join(wrong)}", flush=True)
            if number % 50 == 0:
                seconds = time.monotonic() - began
                print(f"  {number} states in {seconds:.0f} s: {dict(ends)}", flush=True)
    print(f"{asked.kind}: {ends['identical']} end identical, {ends['different']} do not")
    sys.exit(1 if ends["different"] or ends["broken"] else 0)


if __name__ == "__main__":
    main()
