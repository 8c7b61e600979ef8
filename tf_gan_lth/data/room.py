"""Room for decoded pictures: in memory, or in a file where memory does not suffice."""

import math
import os
import shutil
import tempfile
import warnings

import numpy as np

from tf_gan_lth.experiment import amounts, cache, memory
from tf_gan_lth.experiment.errors import DataError, ToolkitWarning

# Of the memory that is free, what pictures may take: TensorFlow copies them for training, and
# networks need the rest.
SHARE = 1 / 3


def empty(what: str, shape: tuple[int, ...]) -> np.ndarray:
    """An array to fill with pictures.

    Args:
      what: what messages call the pictures.
      shape: its shape.

    Returns:
      uint8, of that shape. If it would take more than a third of the memory that is free, it is a
      `np.memmap` of a file below the user's cache folder that has no name, and whose space is free
      again when the array is let go, however the process ends.

    Raises:
      DataError: neither memory nor disk has room for it.

    Warns:
      ToolkitWarning: it is a file.
    """
    needed = math.prod(shape)
    free = memory.available()
    if free is None or needed <= SHARE * free:
        return np.empty(shape, np.uint8)
    folder = cache.folder()
    said = f"{what} take {amounts.size(needed)}, of {amounts.size(free)} of memory that are free"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            # Asked for at once: a disk that is full later would kill the process.
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, needed)
            array = np.memmap(file, np.uint8, "w+", shape=shape)
    except OSError as error:
        raise DataError(
            f"{said}, and {folder} has no room for them ({error.strerror or error};"
            f" {_left(folder)} free): choose fewer pictures or a smaller resolution, or name"
            f" another folder by ${cache.VARIABLE}"
        ) from None
    warnings.warn(
        f"{said}: they are kept in a file in {folder} as long as this process runs, and read from"
        " there",
        ToolkitWarning,
        stacklevel=2,
    )
    return array


def _left(folder: os.PathLike) -> str:
    try:
        return amounts.size(shutil.disk_usage(folder).free)
    except OSError:
        return "an unknown number of bytes"
