"""Errors that a user can act on.

The message is one clear line: what was wrong, with the value, and what to do.
"""

import difflib
import signal
from collections.abc import Iterable

LONGEST = 1500  # characters of a message: what is quoted in it may be of any length


class ToolkitError(Exception):
    """Something failed, and the message explains what; programs exit with code 1.

    Args:
      message: one line. Lines of what it quotes are joined, and what a terminal would not show, or
        take for an order, is spelt out.
    """

    exit_code = 1

    def __init__(self, message: object = ""):
        super().__init__(one_line(str(message)))


class UsageError(ToolkitError):
    """The command line or config asks for something impossible; programs exit with code 2."""

    exit_code = 2


class RunFolderError(ToolkitError):
    """A run folder cannot be used: it has another config, or is not writable."""


class BusyError(RunFolderError):
    """Another process is working there."""


class ArtifactError(ToolkitError):
    """A file of a run is broken or is not what was expected."""


class MaskError(ToolkitError):
    """Masks and weights do not fit together, or a pruned weight is not zero."""


class TrainingError(ToolkitError):
    """Training diverged."""


class DataError(ToolkitError):
    """Images cannot be read or are not what was expected."""


class EvaluationError(ToolkitError):
    """Scores cannot be computed from what was given."""


class ExportError(ToolkitError):
    """A ticket cannot be written in a format, or what was written is not the ticket."""


class Stopped(KeyboardInterrupt):
    """A signal asked the process to end; what trains writes a checkpoint first.

    Args:
      number: of the signal.
    """

    def __init__(self, number: int):
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.exit_code = 128 + number


class ToolkitWarning(UserWarning):
    """Something to know before trusting a result; programs print it as one line."""


def one_line(text: str) -> str:
    """A text on one line of bounded length, in characters that can be printed."""
    text = " ".join(text.splitlines())
    if not text.isprintable():
        text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    half = LONGEST // 2
    return text if len(text) <= LONGEST else f"{text[:half]} ... {text[-half:]}"


def error_reason(error: Exception) -> str:
    """The message of a library's exception, as one short line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:300] if lines else type(error).__name__


def check_known(kind: str, name: str, known: Iterable[str]) -> None:
    """Raises `UsageError` with the nearest known name if `name` is not one of `known`."""
    known = sorted(known)
    if name in known:
        return
    folded = {each.casefold(): each for each in known}
    nearest = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.4)
    guess = f": did you mean '{folded[nearest[0]]}'?" if nearest else "."
    raise UsageError(f"unknown {kind} '{name}'{guess} Known: {', '.join(known)}")
