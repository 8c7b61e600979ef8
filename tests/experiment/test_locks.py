"""Locks on a disk, between real processes."""

import errno
import fcntl
import os
import re
import subprocess
import sys
import threading

import pytest

from tf_gan_lth.experiment import locks
from tf_gan_lth.experiment.errors import BusyError, RunFolderError, ToolkitWarning

HOLDER = """
import pathlib, sys
from tf_gan_lth.experiment import locks
with locks.hold(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def held(tmp_path):
    """A lock file that another process holds, and that process."""
    path = tmp_path / locks.NAME
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], **pipes) as process:
        assert process.stdout.readline() == b"held\n"
        yield path, process


def test_whoever_waits_is_told_for_whom(held, monkeypatch):
    path, process = held
    monkeypatch.setattr(locks, "SILENT", 0.2)
    threading.Timer(1.0, process.stdin.close).start()
    said = rf"waits for {re.escape(str(path))}, .* process {process.pid} on \S+ since 2\d\d\d-"
    with pytest.warns(ToolkitWarning, match=said), locks.hold(path):
        assert f"process {os.getpid()} " in path.read_text()


def test_whoever_does_not_wait_is_told_too(held):
    path, process = held
    said = rf"^busy \(process {process.pid} on .* since .* UTC\)$"
    with pytest.raises(BusyError, match=said), locks.hold(path, "busy"):
        pass


def test_who_only_looks_keeps_nobody_from_a_lock(tmp_path):
    path = tmp_path / locks.NAME
    path.touch()
    with path.open() as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)  # as `holder` does, for a moment
        threading.Timer(0.05, looking.close).start()
        with locks.hold(path, "busy"):
            assert f"process {os.getpid()} " in path.read_text()


def test_a_file_system_without_locks_is_named(tmp_path, monkeypatch):
    def refuse(file, operation):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    path = tmp_path / "run" / locks.NAME
    message = rf"{re.escape(str(path))} cannot be locked \(No locks available\): .* give a folder"
    with pytest.raises(RunFolderError, match=message), locks.hold(path):
        pass
