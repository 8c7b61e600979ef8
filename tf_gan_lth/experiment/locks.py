"""Locks on folders that several processes share.

On a disk the system holds them, and releases them when a process ends, however it ends. In a store
they are leases: free again when a process ends, or some time after it was killed."""

import contextlib
import fcntl
import os
import pathlib
import signal
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import TextIO

from tf_gan_lth.experiment.errors import BusyError, RunFolderError
from tf_gan_lth.experiment.paths import Path, RemotePath

NAME = ".lock"
BEAT = 10.0  # seconds between two signs of life of a process that holds a lock in a store
PATIENCE = 45.0  # seconds without one after which it counts as dead
LENGTH = 200  # of a sign of life: TensorFlow caches the length of a file for some seconds
LOST = signal.SIGUSR2  # not SIGINT, which a job in a shell's background ignores


@contextlib.contextmanager
def hold(path: Path, busy: str | None = None) -> Iterator[None]:
    """Holds a lock file, made if need be.

    A store has no locks, so the process that has written the file last holds it, and writes it
    again and again to show that it lives; one that finds a file watches for that, which takes a
    while. A process that was out of reach for longer than others waited is interrupted when it sees
    that; a thread that is not its main one hears of it on leaving.

    Args:
      path: the lock file, on a local disk, a network file system with POSIX locks, or in a store.
      busy: what to say if another process holds it; None waits for that.

    Raises:
      BusyError: another process holds it.
      RunFolderError: the file cannot be made, or another process has taken a lease over.
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
    while (holder := _take(path, mine)) != mine:
        if busy:
            raise BusyError(f"{busy} ({holder.rpartition(',')[0]})")
    done, lost = threading.Event(), threading.Event()
    try:
        with _interruptible() as interrupt:
            beating = threading.Thread(
                target=_beat, args=(path, mine, done, lost, interrupt), daemon=True
            )
            beating.start()
            try:
                yield
            finally:
                done.set()
                beating.join()
    except KeyboardInterrupt:
        if not lost.is_set():
            raise
    finally:
        if not lost.is_set():
            with contextlib.suppress(OSError):  # a lease that nobody renews ends too
                path.unlink(missing_ok=True)
    if lost.is_set():
        raise RunFolderError(
            f"{path.parent} was taken over by another process while this one was out of reach: run"
            " it again"
        )


@contextlib.contextmanager
def _interruptible() -> Iterator[Callable[[], None]]:
    """What interrupts this thread from another one, if it is the main one; Python's signals reach
    no other.
    """
    here = threading.current_thread()
    if here is not threading.main_thread():
        yield lambda: None
        return
    before = signal.signal(LOST, signal.default_int_handler)
    try:
        yield lambda: signal.pthread_kill(here.ident, LOST)
    finally:
        signal.signal(LOST, before)


def _take(path: RemotePath, mine: str) -> str:
    """Who holds the lock now: the process that does already, or this one."""
    holder = _living_holder(path)
    if holder:
        return holder
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, mine, 0)
        # Of two that write at the same time the last one has it, which both see after a moment.
        time.sleep(BEAT / 5)
        return _holder(_read(path))
    except OSError as error:
        raise _cannot_write(path, error) from None


def _living_holder(path: RemotePath) -> str:
    """Who holds the lock; nothing if its file is not there, or does not change any more."""
    try:
        first = _read(path)
    except OSError as error:
        raise RunFolderError(f"cannot read {path.parent}: {error}") from None
    began = time.monotonic()
    while first is not None and time.monotonic() - began < PATIENCE:
        time.sleep(BEAT / 5)
        with contextlib.suppress(OSError):  # of the network, which may be back next time
            now = _read(path)
            if now != first:
                return "" if now is None else _holder(now)
    return ""


def _beat(
    path: RemotePath,
    mine: str,
    done: threading.Event,
    lost: threading.Event,
    interrupt: Callable[[], None],
) -> None:
    """Shows that this process lives, until it is done, or stops it if another one has taken
    over.
    """
    beats = 0
    while not done.wait(BEAT):
        beats += 1
        with contextlib.suppress(OSError):
            if _holder(_read(path)) != mine:
                lost.set()
                interrupt()
                return
            _write(path, mine, beats)


def _read(path: RemotePath) -> str | None:
    """What the lock file says; None if there is none."""
    try:
        return path.read_text()
    except FileNotFoundError:
        return None


def _write(path: RemotePath, holder: str, beats: int) -> None:
    with path.open("wb") as file:
        file.write(f"{holder}, {beats}".ljust(LENGTH).encode())


def _holder(text: str | None) -> str:
    """Whose sign of life a text is; of one that is being written just now, nobody known."""
    return (text or "unknown, unknown, ").rpartition(",")[0]


def _whoami() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"


def _cannot_write(path: Path, error: OSError) -> RunFolderError:
    return RunFolderError(
        f"cannot write {path.parent}: {error.strerror or error}; give a folder that can be written"
    )
