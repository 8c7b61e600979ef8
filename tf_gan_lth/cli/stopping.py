"""Signals that ask a command to end: it ends with what it has done so far, in one line.

Only commands ask for them: a program or notebook that uses the package keeps its own handlers.
"""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator

from tf_gan_lth.experiment.errors import Stopped

# What a terminal, Slurm and Kubernetes, and a connection that breaks send.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SAME = 0.5  # seconds in which one request may arrive twice: `timeout` and shells pass signals on


@contextlib.contextmanager
def when_asked() -> Iterator[None]:
    """Within the block a first signal raises `Stopped`, and a second one ends the process at once.

    A signal that the process was started to ignore, as shells do for Ctrl-C in jobs behind `&` and
    `nohup` for a lost terminal, stays ignored. Outside the main thread, where Python handles no
    signals, and in notebooks nothing changes.
    """
    if threading.current_thread() is not threading.main_thread() or in_notebook():
        yield
        return
    first: list[float] = []

    def stop(number: int, frame: object) -> None:
        del frame
        if not first:
            first.append(time.monotonic())
            raise Stopped(number)
        if time.monotonic() - first[0] > SAME:
            os._exit(128 + number)

    before = {number: signal.getsignal(number) for number in SIGNALS}
    handled = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    for number in handled:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in handled:
            # None is a handler that was not installed from Python.
            signal.signal(number, before[number] or signal.SIG_DFL)


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    if "IPython" not in sys.modules:
        return False
    shell = sys.modules["IPython"].get_ipython()
    return shell is not None and "IPKernelApp" in shell.config
