"""A folder of pictures, read as it streams: it may be larger than memory."""

import dataclasses
import functools
import os
import pathlib
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from tf_gan_lth.data.decoding import SUFFIXES, check_shape, decode, is_beside, is_picture
from tf_gan_lth.data.pixels import BATCH, mixed_order, resize, scale
from tf_gan_lth.experiment import digests
from tf_gan_lth.experiment.errors import DataError, UsageError


@dataclasses.dataclass(frozen=True)
class ImageFolder:
    """All pictures in a folder and its subfolders; what `is_beside` them is left out.

    Attributes:
      path: the folder.
      resolution: height and width to resize to (bilinear, antialiased), in pixels; None leaves the
        pictures as they are.
      split: the subfolder to take; None is the whole folder.

    Raises:
      UsageError: no such folder.
      DataError: it has no picture, a file that is none, or a folder that cannot be read.
    """

    path: pathlib.Path
    resolution: int | None = None
    split: str | None = None

    def __post_init__(self):
        if not self.root.is_dir():
            raise UsageError(f"there is no folder {self.root}")
        if not self.files:
            raise DataError(f"{self.root} has no pictures ({', '.join(SUFFIXES)})")
        for file in self.files:
            if not is_picture(file.name):
                raise DataError(
                    f"{file} is not a picture: expected {', '.join(SUFFIXES)} and nothing else in"
                    f" {self.root}"
                )

    @property
    def root(self) -> pathlib.Path:
        return self.path / self.split if self.split else self.path

    @property
    def name(self) -> str:
        return f"folder:{self.root}"

    @functools.cached_property
    def files(self) -> list[pathlib.Path]:
        """All files in order, those behind links too."""
        found = []
        visited = set()
        for folder, subfolders, names in os.walk(self.root, onerror=_refuse, followlinks=True):
            if os.path.realpath(folder) in visited:  # a link that leads back
                subfolders.clear()
                continue
            visited.add(os.path.realpath(folder))
            subfolders[:] = [name for name in subfolders if not is_beside(name)]
            found.extend(pathlib.Path(folder, name) for name in names if not is_beside(name))
        return sorted(found)

    @property
    def count(self) -> int:
        return len(self.files)

    @functools.cached_property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels, those of the first picture."""
        height, width, channels = decode(self.files[0]).shape
        return (self.resolution or height, self.resolution or width, channels)

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256 of names, contents and resolution, 16 hex digits."""
        return digests.short(
            str(self.resolution),
            *(f"\n{line}" for line in digests.file_lines(self.root, self.files)),
        )

    def batches(self) -> Iterator[tf.Tensor]:
        """Yields all pictures once, in mixed order, as `(n, H, W, C)` float32 in [-1, 1].

        Raises:
          DataError: a file is broken, or of another shape than the first; it is named.
        """
        order = mixed_order(self.count)
        for at in range(0, self.count, BATCH):
            pictures = [self._decode(self.files[index]) for index in order[at : at + BATCH]]
            yield scale(np.stack(pictures))

    def read(self, method: str = "bilinear") -> np.ndarray:
        """All pictures in the order of their paths, `(N, H, W, C)` uint8, resized by `method`.

        Errors are as in `batches`.
        """
        pictures = (self._decode(file, method) for file in self.files)
        return np.fromiter(pictures, np.dtype((np.uint8, self.shape)), self.count)

    def _decode(self, file: pathlib.Path, method: str = "bilinear") -> np.ndarray:
        picture = decode(file)
        if self.resolution:
            picture = resize(picture, self.resolution, method)
        check_shape(file, picture.shape, self.files[0], self.shape)
        return picture


def _refuse(error: OSError) -> None:
    """A folder that is left out without a word would change every score."""
    raise DataError(f"{error.filename} cannot be read: {error.strerror or error}") from None
