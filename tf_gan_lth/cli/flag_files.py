r"""Flag files: `--flagfile=NAME` replaced by the flags that the file holds.

They are UTF-8, or UTF-16 as some editors of Windows write it; a byte-order mark is no part of them.
A flag file has a flag a line, which a \ at its end continues; lines that start with # or // are
comments. It may read others, by names that are relative to its own folder. absl could read such
files too, but only by paths that are relative to where the command is run, and it passes over files
that read each other in a circle.
"""

import codecs
import difflib
import pathlib
import re
from collections.abc import Iterable

from tf_gan_lth.experiment import paths
from tf_gan_lth.experiment.errors import UsageError

# In the repository a link to `flags/`; in a wheel a folder.
PRESETS = pathlib.Path(__file__).parents[1] / "flags"
DIRECTIVES = ("--flagfile", "-flagfile")
COMMENTS = ("#", "//")
MARK = "\ufeff"
CONTINUED = re.compile(r"\\\n[ \t]*")


def presets() -> list[str]:
    """The names of the flag files that ship with the package."""
    return sorted(path.name for path in PRESETS.glob("*.flags"))


def expand(arguments: Iterable[str]) -> list[str]:
    """The arguments of a command, each flag file replaced by its flags, where it stands.

    Args:
      arguments: without the program's name. A flag file is a path, or the name of a preset.

    Raises:
      UsageError: a file is not there, cannot be read, is not text, or reads itself in the end.
    """
    return _expand(arguments, ())


def _expand(arguments: Iterable[str], readers: tuple[pathlib.Path, ...]) -> list[str]:
    """`readers` are the files, outermost first, the last of which has these arguments."""
    expanded = []
    rest = iter(arguments)
    for argument in rest:
        flag, equals, name = argument.partition("=")
        if flag not in DIRECTIVES:
            expanded.append(argument)
            continue
        name = name if equals else next(rest, "")
        path = _find(name, readers)
        chain = (*readers, path)
        if path in readers:
            circle = " -> ".join(file.name for file in chain[readers.index(path) :])
            raise UsageError(f"flag files read each other in a circle: {circle}")
        expanded += _expand(_flags(path), chain)
    return expanded


def _find(name: str, readers: tuple[pathlib.Path, ...]) -> pathlib.Path:
    if not name:
        raise UsageError("--flagfile= names no file: give a path or the name of a preset")
    own = [readers[-1].parent] if readers else []
    for folder in [*own, pathlib.Path(), PRESETS]:
        path = folder / paths.expand(name)
        if path.exists():
            resolved = path.resolve()
            return resolved if resolved.exists() else path  # a pipe has no such path
    where = f", which {readers[-1]} reads" if readers else ""
    nearest = difflib.get_close_matches(pathlib.Path(name).name, presets(), n=1)
    guess = f": did you mean the preset '{nearest[0]}'?" if nearest else ""
    raise UsageError(
        f"there is no flag file '{name}'{where}{guess or '; tf-gan-lth lists presets'}"
    )


def _flags(path: pathlib.Path) -> list[str]:
    """The lines of a flag file that are no comments, without the spaces around them."""
    try:
        text = _decoded(path, path.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot read flag file {path}: {error.strerror}") from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    # Files that were put together have a mark in their middle too.
    lines = [line.lstrip(MARK).strip() for line in CONTINUED.sub("", text).split("\n")]
    return [line for line in lines if line and not line.startswith(COMMENTS)]


def _decoded(path: pathlib.Path, data: bytes) -> str:
    encoding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        number = data[: error.start].decode(encoding, "ignore").count("\n") + 1
        raise UsageError(
            f"flag file {path}, line {number}, is not UTF-8 text: {error.reason}, byte"
            f" 0x{data[error.start]:02x}; save it as UTF-8"
        ) from None
    if "\0" in text:
        number = text[: text.index("\0")].count("\n") + 1
        raise UsageError(f"flag file {path}, line {number}, is not text: it holds a zero byte")
    return text
