"""Short digests: names for content."""

import hashlib
import pathlib
from collections.abc import Iterable, Iterator


def short(*parts: object) -> str:
    """The first 16 hex digits of the SHA-256 over texts, bytes and contiguous arrays, in order."""
    return short_of(parts)


def short_of(parts: Iterable[object]) -> str:
    """As `short`, of parts that may come one after the other, so that not all are there at once."""
    state = hashlib.sha256()
    for part in parts:
        state.update(part.encode() if isinstance(part, str) else part)
    return state.hexdigest()[:16]


def file_lines(root: pathlib.Path, files: Iterable[pathlib.Path]) -> Iterator[str]:
    """Yields a line `<path below root> <SHA-256>` for each file."""
    for file in files:
        yield f"{file.relative_to(root)} {hashlib.sha256(file.read_bytes()).hexdigest()}"
