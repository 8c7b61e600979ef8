"""Room for decoded pictures: in memory, or in a file if they are many."""

import math
import mmap
import os
import pathlib
import shutil
import tempfile
import warnings
import weakref

import numpy as np

from tf_gan_lth.experiment import amounts, cache, memory
from tf_gan_lth.experiment.errors import DataError, ToolkitWarning

# Of the memory that is free, what pictures may take: TensorFlow copies them for training, and
# networks need the rest.
SHARE = 1 / 3
HELD = 2**30  # bytes of pictures that are held in memory, if it has room for them
AT_A_TIME = 256  # pictures that are written to a file before the memory of these is let go


class Stored(np.memmap):
    """An array in a file without a name, whose space is free again when the array is let go.

    Attributes:
      descriptor: of the file; None of a part of such an array.
    """

    descriptor: int | None = None


def empty(what: str, shape: tuple[int, ...]) -> np.ndarray:
    """An array to fill with pictures.

    Args:
      what: what messages call the pictures.
      shape: its shape.

    Returns:
      uint8, of that shape. If it would take more than `HELD` or than a third of the memory that is
      free, it is `Stored` below the user's cache folder, and gone however the process ends. Where
      the disk has no room and memory has, it is in memory.

    Raises:
      DataError: neither memory nor disk has room for it.

    Warns:
      ToolkitWarning: it is a file, as memory has no room.
    """
    needed = math.prod(shape)
    free = memory.available()
    fits = free is None or needed <= SHARE * free
    if fits and needed <= HELD:
        return np.empty(shape, np.uint8)
    folder = cache.folder()
    try:
        array = _in_file(folder, shape)
    except OSError as error:
        if fits:
            return np.empty(shape, np.uint8)
        raise DataError(
            f"{_said(what, needed, free)}, and {folder} has no room for them"
            f" ({error.strerror or error}; {_left(folder)} free): choose fewer pictures or a"
            f" smaller resolution, or name another folder by ${cache.VARIABLE}"
        ) from None
    if not fits:
        warnings.warn(
            f"{_said(what, needed, free)}: they are kept in a file in {folder} as long as this"
            " process runs, and read from there",
            ToolkitWarning,
            stacklevel=2,
        )
    return array


def put(array: np.ndarray, number: int, picture: np.ndarray) -> None:
    """Writes a picture to its place in what `empty` returned."""
    array[number] = picture
    if number % AT_A_TIME == 0:
        let_go(array)


def rows(array: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """The pictures at some positions of an array, one or `(n,)`.

    Those that are in a file are read past its map: to touch the map at random places would take
    far more memory than the pictures there.
    """
    if not isinstance(array, Stored) or array.descriptor is None:
        return array[positions]
    size = array[0].nbytes
    found = np.empty((np.size(positions), size), np.uint8)
    for place, position in enumerate(np.ravel(positions)):
        picture = os.pread(array.descriptor, size, size * int(position))
        found[place] = np.frombuffer(picture, np.uint8)
    return found.reshape(*np.shape(positions), *array.shape[1:])


def let_go(array: np.ndarray) -> None:
    """Frees the memory of what was read from, or written to, an array that is in a file.

    The file keeps it. Of other arrays nothing is freed.
    """
    if isinstance(array, Stored) and hasattr(mmap, "MADV_DONTNEED"):
        array._mmap.madvise(mmap.MADV_DONTNEED)  # NumPy has no name of its own for it


def _in_file(folder: pathlib.Path, shape: tuple[int, ...]) -> Stored:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        # Asked for at once: a disk that is full later would kill the process.
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, math.prod(shape))
        array = Stored(file, np.uint8, "w+", shape=shape)
        array.descriptor = os.dup(file.fileno())
    weakref.finalize(array, os.close, array.descriptor)
    return array


def _said(what: str, needed: int, free: int) -> str:
    return f"{what} take {amounts.size(needed)}, of {amounts.size(free)} of memory that are free"


def _left(folder: pathlib.Path) -> str:
    try:
        return amounts.size(shutil.disk_usage(folder).free)
    except OSError:
        return "an unknown number of bytes"
