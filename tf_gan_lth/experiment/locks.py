"""Locks on folders that several processes share. They are free again when a process ends, however it ends."""

import contextlib
import fcntl
import os
import pathlib
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from typing import TextIO

from tf_gan_lth.experiment.errors import BusyError, RunFolderError
from tf_gan_lth.experiment.paths import Path, RemotePath

NAME = ".lock"
BEAT = 10.0  # seconds between two signs of life of a process that holds a lock in a store
PATIENCE = 45.0  # seconds without one after which it counts as dead


@contextlib.contextmanager
def hold(path: Path, busy: str | None = None) -> Iterator[None]:
    """Holds a lock file, made if need be.

    On a disk the system holds the lock. A store has no locks, so the process that has written the file last holds it, and
    writes it again and again to show that it lives; one that finds a file watches for that, which takes a while.

    Args:
      path: the lock file, on a local disk, a network file system with POSIX locks, or in a store.
      busy: what to say if another process holds it; None waits for that.

    Raises:
      BusyError: another process holds it.
      RunFolderError: the file cannot be made.
    """
    with _lease(path, busy) if isinstance(path, RemotePath) else _flock(path, busy):
        yield


@contextlib.contextmanager
def _flock(path: pathlib.Path, busy: str | None) -> Iterator[None]:
    with _open(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (fcntl.LOCK_NB if busy else 0))
        except BlockingIOError:
            file.seek(0)
            raise BusyError(f"{busy} ({file.read().strip() or 'unknown'})") from None
        file.truncate(0)
        file.write(f"{_whoami()}\n")
        file.flush()
        yield


def _open(path: pathlib.Path) -> TextIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a+")
    except OSError as error:
        raise _cannot_write(path, error) from None


@contextlib.contextmanager
def _lease(path: RemotePath, busy: str | None) -> Iterator[None]:
    mine = f"{_whoami()}, {uuid.uuid4().hex}"
    while True:
        holder = _living_holder(path)
        if not holder:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                _write(path, f"{mine}\n0")
            except OSError as error:
                raise _cannot_write(path, error) from None
            # Of two that write at the same time the last one has it, which both see after a moment.
            time.sleep(BEAT / 5)
            holder = _read(path).partition("\n")[0]
            if holder == mine:
                break
        if busy:
            raise BusyError(f"{busy} ({holder.rpartition(',')[0]})")
    done = threading.Event()
    beating = threading.Thread(target=_beat, args=(path, mine, done), daemon=True)
    beating.start()
    try:
        yield
    finally:
        done.set()
        beating.join()
        path.unlink(missing_ok=True)


def _living_holder(path: RemotePath) -> str:
    """Who holds the lock, or nothing if its file is not there or does not change any more."""
    first, began = _read(path), time.monotonic()
    while first and time.monotonic() - began < PATIENCE:
        time.sleep(BEAT / 5)
        now = _read(path)
        if now != first:
            return now.partition("\n")[0]
    return ""


def _beat(path: RemotePath, mine: str, done: threading.Event) -> None:
    beats = 0
    while not done.wait(BEAT):
        beats += 1
        with contextlib.suppress(OSError):  # of the network, which may be back at the next beat
            _write(path, f"{mine}\n{beats}")


def _read(path: RemotePath) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise RunFolderError(f"cannot read {path.parent}: {error}") from None


def _write(path: RemotePath, text: str) -> None:
    with path.open("wb") as file:
        file.write(text.encode())


def _whoami() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"


def _cannot_write(path: Path, error: OSError) -> RunFolderError:
    return RunFolderError(f"cannot write {path.parent}: {error.strerror or error}; give a folder that can be written")
