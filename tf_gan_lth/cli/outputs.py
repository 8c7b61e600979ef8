"""Where a command may write: nothing that is there already is overwritten."""

import pathlib

from tf_gan_lth.experiment import paths
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.experiment.paths import Path


def check_free(path: Path, flag: str, suffix: str = "") -> None:
    """Raises `UsageError` if an output file is there already, or lacks the suffix."""
    if path.exists():
        raise UsageError(f"{path} exists and is not overwritten: give another --{flag}")
    if suffix and path.suffix != suffix:
        raise UsageError(f"--{flag}={path} must end in {suffix}")


def new_on_disk(text: str, flag: str, suffix: str = "") -> pathlib.Path:
    """The path of a file or folder that is to be written to a disk, where nothing may be.

    Raises:
      UsageError: it is in an object store, is there already, or lacks the suffix.
    """
    path = paths.on_disk(text)
    check_free(path, flag, suffix)
    return path
