"""Stopped wherever, by a kill or a power cut, a lottery is the same in the end: a sample.

`python tests/crash/points.py` stops it at every file operation, `tests/crash/kill.py` kills it a
hundred times. Neither runs in this process: TensorFlow has begun here.
"""

import shutil
import subprocess
import sys

import pytest
from disk import Disk, Operation, digest, read, restore, stops
from lotteries import ROOT, environment
from recording import record

POINTS, KILL = ROOT / "tests" / "crash" / "points.py", ROOT / "tests" / "crash" / "kill.py"
needs_strace = pytest.mark.skipif(not shutil.which("strace"), reason="apt-get install strace")

# Puts a record and a folder of arrays twice, as a run does, without TensorFlow.
PUTS = """
import pathlib, sys
import numpy as np
from tf_gan_lth.experiment.artifacts import Record, Snapshots

folder = pathlib.Path(sys.argv[1])
for number in (1, 2):
    Record(folder / "record").put({"number": number})
    Snapshots(folder / "arrays" / str(number)).put({"network": {"kernel": np.arange(number)}})
"""


@needs_strace
def test_an_artifact_is_whole_wherever_its_writing_was_stopped(tmp_path):
    from tf_gan_lth.experiment.artifacts import Record, Snapshots

    folder = tmp_path / "put"
    operations = record([sys.executable, "-c", PUTS, str(folder)], folder, environment())
    found = set()
    for number, (_, state) in enumerate(stops(operations)):
        left = tmp_path / str(number)
        restore(state, left)
        artifact = Record(left / "record")
        arrays = [Snapshots(left / "arrays" / name) for name in "12"]
        for each in arrays:
            if each.exists():
                assert each.get()["network"]["kernel"].shape
        there = tuple(each.exists() for each in arrays)
        found.add((artifact.get()["number"] if artifact.exists() else None, *there))
    # Each of the stages, and no other.
    assert found == {
        (None, False, False),
        (1, False, False),
        (1, True, False),
        (2, True, False),
        (2, True, True),
    }


def test_what_a_stop_leaves():
    operations = [
        Operation("folder", ""),
        Operation("create", "a"),
        Operation("write", "a", data=b"1234"),
        Operation("sync", "a"),
        Operation("write", "a", position=4, data=b"5"),
        Operation("folder", "b"),
        Operation("rename", "a", "b/c"),
        Operation("truncate", "b/c", position=1),
        Operation("remove", "b/c"),
    ]
    left = {state.get("a", state.get("b/c", b"none")) for _, state in stops(operations)}
    # Nothing yet, half of the first write, all of it, what was flushed, more than that, truncated.
    assert left == {b"none", b"", b"12", b"1234", b"12345", b"1"}
    disk = Disk()
    for operation in operations:
        disk.apply(operation)
    assert disk.state == {"": None, "b": None}


def test_a_state_is_restored_as_it_was(tmp_path):
    state = {"": None, "a": None, "a/b": b"content", "c": b""}
    restore(state, tmp_path / "again")
    assert digest({"": None, **read(tmp_path / "again")}) == digest(state)
    assert digest(state) != digest(state | {"c": None})


@needs_strace
def test_a_recording_that_lacks_something_is_no_recording(tmp_path):
    folder = tmp_path / "mapped"
    program = (
        "import mmap, os, sys; os.mkdir(sys.argv[1]);"
        "file = open(sys.argv[1] + '/file', 'w+b'); file.write(bytes(9)); file.flush();"
        "memory = mmap.mmap(file.fileno(), 9); memory[0] = 1; memory.flush()"
    )
    with pytest.raises(RuntimeError, match=r"does not give \['file'\]"):
        record([sys.executable, "-c", program, str(folder)], folder, environment())


@pytest.mark.slow
@needs_strace
def test_a_lottery_ends_the_same_from_whatever_a_stop_leaves():
    run([str(POINTS), "--every=111", "--first=40"])


@pytest.mark.slow
def test_a_lottery_ends_the_same_however_often_it_is_killed():
    run([str(KILL), "--kills=4"])


def run(command):
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
