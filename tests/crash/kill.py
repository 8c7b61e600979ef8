"""Kills a lottery a hundred times, each time at a random moment, and starts it again.

    python tests/crash/kill.py                          a hundred SIGKILLs
    python tests/crash/kill.py --kind=cyclegan --kills=20 --seed=1

The moments lie anywhere in the time that a whole lottery takes. One that gets to its end must be as
one that was never killed; then the next one begins, until there were enough kills. Each start runs
the command in a process of its own, with TensorFlow imported already.
"""

import argparse
import multiprocessing
import os
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))

from comparing import differences, said  # noqa: E402
from lotteries import KINDS, command, options_of  # noqa: E402

from tf_gan_lth.cli import find_ticket  # noqa: E402
from tf_gan_lth.cli.command_line import run_command  # noqa: E402

FORK = multiprocessing.get_context("fork")
OUTPUT = "output"  # what the last process printed


class Killed:
    """A kind of lottery that is killed again and again.

    Args:
      kind: a name of `KINDS`.
      folder: where to work.
      seed: of the moments.

    Attributes:
      seconds: that one takes which is not killed.
    """

    def __init__(self, kind: str, folder: pathlib.Path, seed: int):
        self._options = options_of(kind, folder / "data")
        self._folder = folder
        self._random = random.Random(seed)
        for name in ("prepares_the_images", "whole"):  # the first one takes longer
            began = time.monotonic()
            ended = self._start(folder / name, None)
            self.seconds = time.monotonic() - began
            if ended != 0:
                raise RuntimeError(f"{kind} fails without a kill: {self._output()}")

    def lotteries(self, kills: int) -> Iterator[tuple[int, list[str]]]:
        """Runs lotteries until there were so many kills.

        Yields:
          Of each, how often it was killed, and what is wrong with its end.
        """
        run = self._folder / "killed"
        whole = _in_another_process(said, self._folder / "whole")
        while kills > 0:
            count, ended = 0, None
            while ended is None:
                moment = self._random.uniform(0.0, self.seconds) if count < kills else None
                ended = self._start(run, moment)
                count += ended is None
            wrong = _in_another_process(differences, run, whole) if ended == 0 else [self._output()]
            kills -= count
            yield count, wrong
            shutil.rmtree(run)

    def _start(self, run: pathlib.Path, moment: float | None) -> int | None:
        """Starts the command, and kills it after some seconds; its exit code, None if killed."""
        process = FORK.Process(target=self._command, args=(run,))
        process.start()
        process.join(moment)
        process.kill()  # does nothing if it has ended
        process.join()
        return None if process.exitcode == -signal.SIGKILL else process.exitcode

    def _command(self, run: pathlib.Path) -> None:
        output = os.open(self._folder / OUTPUT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        run_command(find_ticket, command(self._options, run)[1:])

    def _output(self) -> str:
        return (self._folder / OUTPUT).read_text()[-2000:]


def _in_another_process(function: Callable, *arguments: object) -> object:
    """What a function returns; a process in which TensorFlow has begun could not be forked."""
    with FORK.Pool(1) as pool:
        return pool.apply(function, arguments)


def main() -> None:
    """Kills as often as asked, and says how the lotteries ended."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kind", choices=KINDS, default="imp")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    kills = finished = faults = 0
    with tempfile.TemporaryDirectory() as folder:
        killed = Killed(asked.kind, pathlib.Path(folder), asked.seed)
        print(f"{asked.kind}: takes {killed.seconds:.0f} s if it is not killed", flush=True)
        for count, wrong in killed.lotteries(asked.kills):
            kills, finished, faults = kills + count, finished + 1, faults + bool(wrong)
            end = "; ".join(wrong) or "identical"
            print(f"  killed {count} times, {kills} in all: {end}", flush=True)
    print(f"{asked.kind}: {kills} kills; {finished - faults} of {finished} runs end identical")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
