"""Locks on folders that several processes share. The system releases them when a process ends, however it ends."""

import contextlib
import fcntl
import os
import pathlib
import socket
from collections.abc import Iterator
from typing import TextIO

from tf_gan_lth.experiment.errors import BusyError, RunFolderError

NAME = ".lock"


@contextlib.contextmanager
def hold(path: pathlib.Path, busy: str | None = None) -> Iterator[None]:
    """Holds a lock file, made if need be, which stays when the lock is released.

    Args:
      path: the lock file, on a local disk or a network file system with POSIX locks.
      busy: what to say if another process holds it; None waits for that.

    Raises:
      BusyError: another process holds it.
      RunFolderError: the file cannot be made.
    """
    with _open(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (fcntl.LOCK_NB if busy else 0))
        except BlockingIOError:
            file.seek(0)
            raise BusyError(f"{busy} ({file.read().strip() or 'unknown'})") from None
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()
        yield


def _open(path: pathlib.Path) -> TextIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a+")
    except OSError as error:
        raise RunFolderError(f"cannot write {path.parent}: {error.strerror or error}; give a folder that can be written") from None
