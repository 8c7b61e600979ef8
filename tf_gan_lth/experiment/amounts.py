"""Times, sizes and counts as people say them: the same everywhere."""

SIZES = (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3))
COUNTS = (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3))


def duration(seconds: float) -> str:
    """A time: `12 s`, `3 min`, `2 h 05 min`, `4 days 03 h`."""
    minutes = round(seconds / 60)
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} min"
    days, hours = divmod(hours, 24)
    return f"{days} days {hours:02d} h"


def size(count: float) -> str:
    """A number of bytes in three digits, in units of powers of 1,000: `68.1 kB`."""
    return _scaled(count, SIZES, " ") or f"{count:.0f} B"


def count(number: float) -> str:
    """A number in three digits, for where there is little room: `409k`, `1.23M`."""
    return _scaled(number, COUNTS, "") or f"{number:.3g}"


def _scaled(number: float, units: tuple[tuple[str, float], ...], space: str) -> str | None:
    """The number in the largest of the units that it reaches, rounded; None if it reaches none."""
    for unit, one in units:
        if number >= 0.9995 * one:
            scaled = number / one
            return f"{scaled:{'.3g' if scaled < 999.5 else ',.0f'}}{space}{unit}"
    return None
