"""A user's own Python files, run once so that what they define or register is available."""

import functools
import importlib.util
import pathlib
import sys
import traceback
import types

from tf_gan_lth.experiment import paths
from tf_gan_lth.experiment.errors import ToolkitError, UsageError, error_reason


def load(files: tuple[str, ...]) -> None:
    """Runs the files of `--plugins`.

    Raises:
      UsageError: a file is missing or fails.
    """
    for file in files:
        load_file(file, "--plugins")


def load_file(file: str, flag: str) -> types.ModuleType:
    """Runs a Python file, once per process, and returns it as a module.

    Args:
      file: path of the file.
      flag: the flag that named it, for the error message.

    Raises:
      UsageError: the file is missing or fails; the message names the line that failed.
    """
    try:
        path = paths.expand(file).resolve()
        there = path.is_file()
    except (OSError, ValueError) as error:  # a name that is too long, or holds a null byte
        raise UsageError(f"{flag}={file}: {error_reason(error)}") from None
    if not there:
        raise UsageError(f"{flag}={file}: there is no such file")
    return _run(path)


def forget() -> None:
    """Has files run again when they are asked for again, as after an edit in a notebook."""
    _run.cache_clear()


@functools.cache
def _run(path: pathlib.Path) -> types.ModuleType:
    # The name is one that no installed module has. The module must be in `sys.modules`, where
    # dataclasses look up their own module.
    name = f"tf_gan_lth_own_{path.stem}_{abs(hash(path)):x}"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except ToolkitError:
        raise
    except Exception as error:  # a user's file may raise anything
        lines = [
            f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)
        ]
        where = f"{path}, line {lines[-1]}" if lines else str(path)
        raise UsageError(f"{where}: {type(error).__name__}: {error}") from error
    return module
