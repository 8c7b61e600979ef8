"""Times two ways to do the same by turns in one process, so that other load affects both."""

import statistics
import time
from collections.abc import Callable


def compare(
    first: Callable[[], object], second: Callable[[], object], turns: int
) -> tuple[list[float], list[float], str]:
    """Times two functions turn by turn, after one call of each that does not count.

    Returns:
      The seconds of each turn of the first function and of the second, and the ratio of the first
      to the second in words.
    """
    runs, seconds = (first, second), ([], [])
    for run in runs:
        run()
    for turn in range(turns):
        for which in (0, 1) if turn % 2 else (1, 0):
            began = time.perf_counter()
            runs[which]()
            seconds[which].append(time.perf_counter() - began)
    ratios = [a / b for a, b in zip(*seconds, strict=True)]
    best = min(seconds[0]) / min(seconds[1])
    return (
        *seconds,
        f"{statistics.median(ratios):.3f} in the median of {turns} turns, {best:.3f} at best",
    )
