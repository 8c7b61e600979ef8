"""Locks on folders that several processes share.

On a disk a lock is the operating system's, which releases it when the process ends, however it
ends. In an object store a lock is a lease: it is released when the process ends, or expires some
time after the process was killed.
"""

import contextlib
import fcntl
import os
import pathlib
import signal
import socket
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from typing import TextIO

from tf_gan_lth.experiment.errors import BusyError, RunFolderError, ToolkitWarning
from tf_gan_lth.experiment.paths import Path, RemotePath

NAME = ".lock"
BEAT = 10.0  # seconds between heartbeats of a process that holds a lease in an object store
PATIENCE = 45.0  # seconds without a heartbeat after which that process counts as dead
LENGTH = 200  # bytes in every heartbeat: TensorFlow caches a file's length for some seconds
SILENT = 3.0  # seconds of waiting for a lock without a word
GLANCE = 0.3  # seconds that whoever does not wait gives one who only looks who holds it
LOST = signal.SIGUSR2  # not SIGINT, which background jobs of a shell ignore


class LeaseLost(KeyboardInterrupt):
    """Another process has taken over a lease: this one must write nothing more there."""


@contextlib.contextmanager
def hold(path: Path, busy: str | None = None) -> Iterator[None]:
    """Holds a lock while the block runs; creates the lock file if necessary.

    An object store has no locks. There the process that wrote the file last holds the lease, and
    keeps rewriting the file as a heartbeat. A process that finds the file watches it for
    heartbeats, which takes a while. If a process was unreachable for so long that another one took
    over its lease, it is interrupted as soon as it notices; outside the main thread, the error is
    raised when the block ends.

    Args:
      path: the lock file: on a local disk, on a network file system with POSIX locks, or in an
        object store.
      busy: the error message if another process holds the lock; None waits until it is free.

    Raises:
      BusyError: another process holds the lock.
      RunFolderError: the file cannot be written, or another process has taken over the lease.
    """
    with _lease(path, busy) if isinstance(path, RemotePath) else _flock(path, busy):
        yield


@contextlib.contextmanager
def _flock(path: pathlib.Path, busy: str | None) -> Iterator[None]:
    with _open(path) as file:
        try:
            _lock(path, file, busy)
        except BlockingIOError:
            raise BusyError(f"{busy} ({_written_in(file)})") from None
        except OSError as error:
            raise RunFolderError(
                f"{path} cannot be locked ({error.strerror or error}): its file system may have no"
                " locks; give a folder on one that has"
            ) from None
        try:
            file.truncate(0)
            file.write(f"{_whoami()}\n")
            file.flush()
        except OSError as error:
            raise _cannot_write(path, error) from None
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # who held it is of no interest any more
                file.truncate(0)


def _lock(path: pathlib.Path, file: TextIO, busy: str | None) -> None:
    """Locks an open file; raises `BlockingIOError` if another process has it and `busy` is said."""
    began = time.monotonic()
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            # `holder` locks the file too, for as long as it takes to see that nobody holds it.
            if busy and time.monotonic() - began > GLANCE:
                raise
        if time.monotonic() - began > SILENT:
            break
        time.sleep(0.05)
    warnings.warn(
        f"waits for {path}, which is held by {_written_in(file)}", ToolkitWarning, stacklevel=4
    )
    fcntl.flock(file, fcntl.LOCK_EX)


def _written_in(file: TextIO) -> str:
    """Who holds a lock, as it wrote itself down."""
    file.seek(0)
    return file.read().strip() or "an unknown process"


def _open(path: pathlib.Path) -> TextIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Behind a link there could be anybody's file.
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.fdopen(os.open(path, flags, 0o666), "a+")
    except OSError as error:
        raise _cannot_write(path, error) from None


def holder(path: pathlib.Path) -> str | None:
    """Who holds a lock on a disk, as it wrote itself down; None if nobody does. Writes nothing."""
    try:
        with path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return file.read().strip() or "another process"
    except FileNotFoundError:
        pass
    return None


@contextlib.contextmanager
def _lease(path: RemotePath, busy: str | None) -> Iterator[None]:
    mine = f"{_whoami()}, {uuid.uuid4().hex}"
    told = False
    while (holder := _take(path, mine)) != mine:
        who = holder.rpartition(",")[0]
        if busy:
            raise BusyError(f"{busy} ({who})")
        if not told:
            warnings.warn(f"waits for {path}, which is held by {who}", ToolkitWarning, stacklevel=4)
            told = True
    done = threading.Event()
    lost = threading.Event()
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
            with contextlib.suppress(OSError):  # a lease that nobody renews expires anyway
                path.unlink(missing_ok=True)
    if lost.is_set():
        raise RunFolderError(
            f"{path.parent} was taken over by another process while this one was out of reach: run"
            " it again"
        )


@contextlib.contextmanager
def _interruptible() -> Iterator[Callable[[], None]]:
    """Yields a function by which another thread interrupts this one.

    The function does nothing if this is not the main thread: Python's signals reach no other.
    """
    here = threading.current_thread()
    if here is not threading.main_thread():
        yield lambda: None
        return

    def interrupt(number: int, frame: object) -> None:
        raise LeaseLost

    before = signal.signal(LOST, interrupt)
    try:
        yield lambda: signal.pthread_kill(here.ident, LOST)
    finally:
        signal.signal(LOST, before)


def _take(path: RemotePath, mine: str) -> str:
    """Takes the lease if it is free, and returns who holds it now."""
    holder = _living_holder(path)
    if holder:
        return holder
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, mine, 0)
        # If two processes write at the same time, the last one holds it; both see that after a
        # moment.
        time.sleep(BEAT / 5)
        return _holder(_read(path))
    except OSError as error:
        raise _cannot_write(path, error) from None


def _living_holder(path: RemotePath) -> str:
    """Who holds the lease; empty if its file does not exist or no longer changes."""
    try:
        first = _read(path)
    except OSError as error:
        raise RunFolderError(f"cannot read {path.parent}: {error}") from None
    began = time.monotonic()
    while first is not None and time.monotonic() - began < PATIENCE:
        time.sleep(BEAT / 5)
        with contextlib.suppress(OSError):  # the network may be back at the next attempt
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
    """Writes heartbeats until `done`; interrupts the holder if another process took over."""
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
    """The content of the lock file; None if it does not exist."""
    try:
        return path.read_text()
    except FileNotFoundError:
        return None


def _write(path: RemotePath, holder: str, beats: int) -> None:
    with path.open("wb") as file:
        file.write(f"{holder}, {beats}".ljust(LENGTH).encode())


def _holder(text: str | None) -> str:
    """Who wrote a heartbeat; `unknown` if it is only just being written."""
    return (text or "unknown, unknown, ").rpartition(",")[0]


def _whoami() -> str:
    now = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    return f"process {os.getpid()} on {socket.gethostname()} since {now}"


def _cannot_write(path: Path, error: OSError) -> RunFolderError:
    return RunFolderError(
        f"cannot write {path.parent}: {error.strerror or error}; give a folder that can be written"
    )
