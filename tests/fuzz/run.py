"""Reads broken inputs by the thousand, each of which must end in a result or in one line.

    python tests/fuzz/run.py --kind=configs --count=10000
    python tests/fuzz/run.py --kind=checkpoints --count=2000 --first=500

Another process reads them, and is watched: an input is a fault that raises an error of another
class than ours, ends the process, takes longer than 10 seconds or more than 2 GiB of memory, or
runs a payload that some of them carry. An input is a function of its number, so that
`--first=N --count=1` repeats number N.
"""

import argparse
import collections
import json
import os
import pathlib
import queue
import resource
import subprocess
import sys
import tempfile
import threading
import traceback

SECONDS = 10.0
START = 300.0  # until the first input is read: TensorFlow has to be imported
BYTES = 2 * 2**30


def work(kind: str, first: int, count: int, folder: pathlib.Path) -> None:
    """Reads inputs, and prints a line of JSON as each of them begins and ends."""
    from kinds import KINDS, PAYLOAD

    said = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is not mixed into it

    def say(**line: object) -> None:
        print(json.dumps(line), file=said, flush=True)

    reader = KINDS[kind](folder)
    for number in range(first, first + count):
        say(begins=number)
        try:
            outcome, fault = reader.run(number), None
        except Exception as error:  # what this program is for
            where = traceback.extract_tb(error.__traceback__)[-1]
            outcome = "fault"
            fault = f"{type(error).__name__}: {error} ({where.filename}:{where.lineno})"
        if (folder / PAYLOAD).exists():
            (folder / PAYLOAD).unlink()
            outcome, fault = "fault", "a payload was run"
        used = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if used > BYTES and not fault:
            outcome, fault = "fault", f"{used:,} bytes of memory"
        say(ends=number, outcome=outcome, fault=fault)
        if used > BYTES:
            return  # the most that was ever used does not fall again


class Watched:
    """A process that reads inputs, its lines as they come."""

    def __init__(self, kind: str, first: int, count: int, folder: str):
        command = [sys.executable, __file__, f"--kind={kind}", f"--first={first}"]
        command += [f"--count={count}", f"--folder={folder}"]
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
        )
        self._lines: queue.Queue = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self._lines.put(json.loads(line))
        self._lines.put(None)

    def line(self, seconds: float) -> dict | None:
        """The next line; None if the process has ended. Raises `queue.Empty` if it is late."""
        return self._lines.get(timeout=seconds)


def fuzz(kind: str, first: int, count: int) -> tuple[dict[str, int], dict[int, str]]:
    """Reads inputs of a kind.

    Returns:
      How many ended in which way, and {number: what went wrong}.
    """
    outcomes: collections.Counter = collections.Counter()
    faults: dict[int, str] = {}
    number, end = first, first + count
    while number < end:
        with tempfile.TemporaryDirectory() as folder:
            reached = _watch(Watched(kind, number, end - number, folder), outcomes, faults)
        if reached is None:
            raise SystemExit(f"{kind}: the process that reads inputs does not start")
        number = reached
    return dict(outcomes), faults


def _watch(watched: Watched, outcomes: collections.Counter, faults: dict[int, str]) -> int | None:
    """Follows a process to its end; returns the number to go on with, None if it read nothing."""
    current, after, seconds = None, None, START
    try:
        while line := watched.line(seconds):
            seconds = SECONDS
            if "begins" in line:
                current = line["begins"]
                continue
            outcomes[line["outcome"]] += 1
            if line["fault"]:
                faults[current] = line["fault"]
            after, current = current + 1, None
    except queue.Empty:
        fault = f"longer than {SECONDS:.0f} seconds"
        watched.process.kill()
    else:
        fault = f"the process ended with {watched.process.wait()}"
    watched.process.wait()
    if current is not None:
        outcomes["fault"] += 1
        faults[current], after = fault, current + 1
    return after


def main() -> None:
    from kinds import KINDS

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kind", choices=KINDS, required=True)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--folder", type=pathlib.Path, help="of the process that reads")
    asked = parser.parse_args()
    if asked.folder:
        work(asked.kind, asked.first, asked.count, asked.folder)
        return
    outcomes, faults = fuzz(asked.kind, asked.first, asked.count)
    print(f"{asked.kind}: {asked.count} inputs, {len(faults)} faults;", outcomes)
    for number, fault in faults.items():
        print(f"  {number}: {fault}")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
