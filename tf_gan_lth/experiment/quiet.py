"""TensorFlow imported without its chatter, which hides what this package says.

Its C++ parts write to standard error before they read any setting: that no CUDA was found, as an
ERROR, where there is no GPU; or which operations are on.
"""

import contextlib
import logging
import os
import sys
from collections.abc import Iterator

LEVEL = "TF_CPP_MIN_LOG_LEVEL"  # 0 shows everything, 3 nothing; read once, by the import
CHATTY = ("0", "1")


@contextlib.contextmanager
def tensorflow_import() -> Iterator[None]:
    """In the block TensorFlow may be imported, and says nothing then or later.

    Afterwards environment, loggers and standard error are as they were. A user who has set the
    variable to 0 or 1 sees everything, and nothing is done where it is imported already.
    """
    if "tensorflow" in sys.modules or os.environ.get(LEVEL) in CHATTY:
        yield
        return
    unset = LEVEL not in os.environ
    logger = logging.getLogger("tensorflow")
    level = logger.level
    os.environ.setdefault(LEVEL, "3")
    logger.setLevel(logging.ERROR)
    try:
        with no_standard_error():
            yield
    finally:
        if logger.level == logging.ERROR:
            logger.setLevel(level)
        if unset:
            os.environ.pop(LEVEL, None)


@contextlib.contextmanager
def no_standard_error() -> Iterator[None]:
    """Discards what the process writes there, from C++ too."""
    sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # it is closed
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
