r"""Flag files: `--flagfile=NAME` replaced by the flags that the file holds.

A flag file has a flag a line, which a \ at its end continues; lines that start with # or // are
comments. It may read others, by names that are relative to its own folder. absl could read such
files too, but only by paths that are relative to where the command is run, and it passes over files
that read each other in a circle.
"""

import difflib
import pathlib
import re
from collections.abc import Iterable

from tf_gan_lth.experiment.errors import UsageError

# In the repository a link to `flags/`; in a wheel a folder.
PRESETS = pathlib.Path(__file__).parents[1] / "flags"
DIRECTIVES = ("--flagfile", "-flagfile")
COMMENTS = ("#", "//")
CONTINUED = re.compile(r"\\\n[ \t]*")


def presets() -> list[str]:
    """The names of the flag files that ship with the package."""
    return sorted(path.name for path in PRESETS.glob("*.flags"))


def expand(arguments: Iterable[str]) -> list[str]:
    """The arguments of a command, each flag file replaced by its flags, where it stands.

    Args:
      arguments: without the program's name. A flag file is a path, or the name of a preset.

    Raises:
      UsageError: a file is not there, cannot be read, is not UTF-8, or reads itself in the end.
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
        path = folder / pathlib.Path(name).expanduser()
        if path.exists():
            return path.resolve()
    where = f", which {readers[-1]} reads" if readers else ""
    nearest = difflib.get_close_matches(pathlib.Path(name).name, presets(), n=1)
    guess = f": did you mean the preset '{nearest[0]}'?" if nearest else ""
    raise UsageError(
        f"there is no flag file '{name}'{where}{guess or '; tf-gan-lth lists presets'}"
    )


def _flags(path: pathlib.Path) -> list[str]:
    """The lines of a flag file that are no comments, without the spaces around them."""
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"flag file {path} is not UTF-8 text: {error}") from None
    except OSError as error:
        raise UsageError(f"cannot read flag file {path}: {error.strerror}") from None
    lines = [line.strip() for line in CONTINUED.sub("", text).splitlines()]
    return [line for line in lines if line and not line.startswith(COMMENTS)]
