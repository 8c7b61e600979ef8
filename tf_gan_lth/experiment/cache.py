"""The user's cache folder: what takes time or a download, and can be made or fetched again."""

import os
import pathlib

VARIABLE = "TF_GAN_LTH_CACHE"


def folder() -> pathlib.Path:
    """`$TF_GAN_LTH_CACHE`, or else `tf_gan_lth` in `$XDG_CACHE_HOME` or `~/.cache`."""
    if os.environ.get(VARIABLE):
        return pathlib.Path(os.environ[VARIABLE]).expanduser()
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "tf_gan_lth"
