"""Memory that this process may still take, and errors that say that there was not enough."""

import pathlib
import re

MEMINFO = pathlib.Path("/proc/meminfo")
CONTROL_GROUP = pathlib.Path("/sys/fs/cgroup")
# What TensorFlow, XLA, CUDA and C++ say when they get no memory; a full disk is named otherwise.
SHORTAGES = re.compile(
    r"OOM when allocating|bad_alloc|out of memory|OUT_OF_MEMORY|failed to allocate"
    r"|failed to alloc|cannot allocate memory|unable to allocate",
    re.IGNORECASE,
)
TENSOR = re.compile(r"shape\s?(\[[\d,]*\])(?: and type (\w+))?")


def available() -> int | None:
    """The bytes of memory that are free here and that this process may use; None if unknown."""
    found = [read for read in (_of_machine(), _of_control_group()) if read is not None]
    return min(found, default=None)


def shortage(error: BaseException) -> str | None:
    """What there was no memory for: ` for a tensor of shape [10,3], float`, or nothing known.

    Returns:
      None if the error is not about memory.
    """
    text = str(error)
    if not isinstance(error, MemoryError) and not SHORTAGES.search(text):
        return None
    tensor = TENSOR.search(text)
    if not tensor:
        return ""
    return f" for a tensor of shape {tensor[1]}" + (f", {tensor[2]}" if tensor[2] else "")


def _of_machine() -> int | None:
    try:
        match = re.search(r"^MemAvailable:\s+(\d+) kB", MEMINFO.read_text(), re.MULTILINE)
    except OSError:
        return None
    return 1024 * int(match[1]) if match else None


def _of_control_group() -> int | None:
    """What a container's limit leaves."""
    try:
        limit = (CONTROL_GROUP / "memory.max").read_text().strip()
        used = int((CONTROL_GROUP / "memory.current").read_text())
        cached = re.search(
            r"^inactive_file (\d+)", (CONTROL_GROUP / "memory.stat").read_text(), re.M
        )
    except (OSError, ValueError):
        return None
    if limit == "max":
        return None
    return int(limit) - used + (int(cached[1]) if cached else 0)
