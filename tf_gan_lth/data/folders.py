"""A folder of pictures, read as it streams: it may be larger than memory."""

import dataclasses
import functools
import hashlib
import pathlib
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from tf_gan_lth.data import class_folders, listing, room, tiny_imagenet
from tf_gan_lth.data.decoding import check_regular, check_shape, decode, in_colour, read_file
from tf_gan_lth.data.pixels import fit, mixed_order, scale, slices
from tf_gan_lth.experiment import digests
from tf_gan_lth.experiment.errors import DataError, UsageError


@dataclasses.dataclass(frozen=True)
class ImageFolder:
    """All pictures in a folder and its subfolders; see `listing` for what is left out.

    Attributes:
      path: the folder.
      resolution: height and width to resize to (bilinear, antialiased), in pixels; None leaves the
        pictures as they are.
      split: the subfolder to take; None is the whole folder.
      crop: see `pixels.fit`.

    Raises:
      UsageError: no such folder.
      DataError: it has no picture, a file that is none, or a folder that cannot be read.
    """

    path: pathlib.Path
    resolution: int | None = None
    split: str | None = None
    crop: str = "none"

    def __post_init__(self):
        if not self.root.is_dir():
            raise UsageError(f"there is no folder {self.root}")
        suffixes = ", ".join(listing.SUFFIXES)
        if not self.files:
            raise DataError(f"{self.root} has no pictures ({suffixes})")
        for file in self.files:
            if not listing.is_picture(file.name):
                raise DataError(
                    f"{file} is not a picture: expected {suffixes} and nothing else in {self.root}"
                )
            check_regular(file)

    @property
    def root(self) -> pathlib.Path:
        return self.path / self.split if self.split else self.path

    @property
    def name(self) -> str:
        return f"folder:{self.root}"

    @functools.cached_property
    def files(self) -> list[pathlib.Path]:
        """All files in order, those behind links too."""
        return sorted(listing.files_below(self.root))

    @property
    def count(self) -> int:
        return len(self.files)

    @functools.cached_property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels, those of the first picture."""
        return self._fitted(self.files[0]).shape

    @property
    def channels(self) -> int:
        return self.shape[2]

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256 of names, contents, resolution and crop, 16 hex digits."""
        crop = "" if self.crop == "none" else f" {self.crop}"
        return digests.short(
            f"{self.resolution}{crop}",
            *(
                f"\n{file.relative_to(self.root)} {hashlib.sha256(read_file(file)).hexdigest()}"
                for file in self.files
            ),
        )

    def batches(self) -> Iterator[tf.Tensor]:
        """Yields all pictures once, in mixed order, as `(n, H, W, C)` float32 in [-1, 1].

        There are 250 pictures in a batch, fewer if they are larger than 259x259: see
        `pixels.slices`.

        Raises:
          DataError: a file is broken, or of another shape than the first; it is named.
        """
        order = mixed_order(self.count)
        for part in slices(self.count, *self.shape[:2]):
            chosen = order[part]
            pictures = np.empty((len(chosen), *self.shape), np.uint8)
            for place, index in enumerate(chosen):
                pictures[place] = self._decode(self.files[index])
            yield scale(pictures)

    def read(self, method: str = "bilinear") -> np.ndarray:
        """All pictures in the order of their paths, `(N, H, W, C)` uint8, resized by `method`.

        Errors are as in `batches`.
        """
        pictures = room.empty(f"the pictures of {self.root}", (self.count, *self.shape))
        for number, file in enumerate(self.files):
            room.put(pictures, number, self._decode(file, method))
        return pictures

    @functools.cached_property
    def class_names(self) -> tuple[str, ...] | None:
        """The sorted names of the class folders, of all splits; None where there are none.

        They are those of `class_folders.read`, so that the numbers of classes are the same.
        """
        names = set(self._classes)
        if None in names or names & set(listing.SPLITS):
            return None
        if self.split is None:
            return tuple(sorted(names))
        if tiny_imagenet.is_one(self.path):
            return tiny_imagenet.classes_by_split(self.path)[tiny_imagenet.TRAIN]
        known = class_folders.classes_by_split(self.path)
        return tuple(sorted({name for names in known.values() for name in names}))

    @property
    def classes(self) -> int:
        """The number of classes; 0 where the pictures have no labels."""
        return len(self.class_names or ())

    @functools.cached_property
    def labels(self) -> np.ndarray:
        """`(N,)` int64 numbers of the pictures' classes; without classes they mean nothing."""
        numbers = {name: number for number, name in enumerate(self.class_names or ())}
        return np.array([numbers.get(name, 0) for name in self._classes], np.int64)

    @functools.cached_property
    def _classes(self) -> list[str | None]:
        """The class of each picture; None where it is not known."""
        if self.split and tiny_imagenet.is_one(self.path):
            found = tiny_imagenet.read(self.path, self.split)
            return [found.get(file) for file in self.files]
        places = [file.relative_to(self.root).parts for file in self.files]
        return [place[0] if len(place) == 2 else None for place in places]

    @functools.cached_property
    def _in_colour(self) -> bool:
        return tiny_imagenet.is_one(self.path) or tiny_imagenet.is_split(self.path)

    def _fitted(self, file: pathlib.Path, method: str = "bilinear") -> np.ndarray:
        pixels = decode(file)
        pixels = in_colour(pixels) if self._in_colour else pixels
        return fit(pixels, self.resolution, self.crop, method)

    def _decode(self, file: pathlib.Path, method: str = "bilinear") -> np.ndarray:
        picture = self._fitted(file, method)
        check_shape(file, picture.shape, self.files[0], self.shape)
        return picture
