"""A user's own Python files: run once, so that what they define or register is there."""

import functools
import importlib.util
import pathlib
import sys
import traceback
import types

from tf_gan_lth.experiment.errors import ToolkitError, UsageError


def load(files: tuple[str, ...]) -> None:
    """Runs the files of `--plugins`. Raises `UsageError` if one is missing or fails."""
    for file in files:
        load_file(file, "--plugins")


def load_file(file: str, flag: str) -> types.ModuleType:
    """The module that a Python file makes; a file is run once a process.

    Raises:
      UsageError: it is not there, or fails; the message has the line that failed.
    """
    path = pathlib.Path(file).expanduser().resolve()
    if not path.is_file():
        raise UsageError(f"{flag}={file}: there is no such file")
    return _run(path)


@functools.cache
def _run(path: pathlib.Path) -> types.ModuleType:
    # A name that no installed module has; in `sys.modules`, as dataclasses look themselves up.
    name = f"tf_gan_lth_own_{path.stem}_{abs(hash(path)):x}"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except ToolkitError:
        raise
    except Exception as error:  # whatever a user's file does
        lines = [
            f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)
        ]
        where = f"{path}, line {lines[-1]}" if lines else str(path)
        raise UsageError(f"{where}: {type(error).__name__}: {error}") from error
    return module
