"""The user's cache folder: what takes time or a download, and can be made or fetched again."""

import functools
import os
import pathlib
import tempfile
import warnings

from tf_gan_lth.experiment import paths
from tf_gan_lth.experiment.errors import ToolkitWarning, UsageError

VARIABLE = "TF_GAN_LTH_CACHE"
NAME = "tf_gan_lth"
_folders: list[tempfile.TemporaryDirectory] = []  # each is deleted when the process ends


def folder() -> pathlib.Path:
    """`$TF_GAN_LTH_CACHE`, or else `tf_gan_lth` in `$XDG_CACHE_HOME` or `~/.cache`.

    Without a home folder, as in a container that is run under a number alone, or with the name of
    an unknown user in it: a folder that lasts as long as the process; a warning says so.
    """
    own = os.environ.get(VARIABLE)
    place = own or pathlib.Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / NAME
    try:
        return paths.expand(place)
    except UsageError as error:
        return _of_the_process(f"${VARIABLE}={error}" if own else str(error))


@functools.cache
def _of_the_process(reason: str) -> pathlib.Path:
    made = tempfile.TemporaryDirectory(prefix=f"{NAME}_", ignore_cleanup_errors=True)
    _folders.append(made)
    warnings.warn(
        f"nothing is cached beyond this process ({reason}); ${VARIABLE} names a folder for it",
        ToolkitWarning,
        stacklevel=3,
    )
    return pathlib.Path(made.name)
