"""Data sets by name."""

import dataclasses
import functools
import pathlib
from collections.abc import Iterable, Iterator

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from tf_gan_lth.data import class_folders, prepared
from tf_gan_lth.data.digits import Digits
from tf_gan_lth.data.folders import ImageFolder
from tf_gan_lth.data.pixels import BATCH, mixed_order, resize, scale
from tf_gan_lth.experiment import digests
from tf_gan_lth.experiment.errors import UsageError, check_known

BUILDERS = {
    "digits": Digits,
    "cifar10": functools.partial(tfds.builder, "cifar10"),
    "stl10": functools.partial(tfds.builder, "stl10"),  # `train` are the 5,000 images with labels
}
FOLDER = "folder:"


@dataclasses.dataclass(frozen=True)
class ImageSet:
    """A split of a data set, decoded and resized, in memory.

    Attributes:
      dataset: name of the data set, or `folder:PATH`.
      split: name of the split.
      images: `(N, H, W, C)` uint8.
      labels: `(N,)` int64 class numbers.
    """

    dataset: str
    split: str
    images: np.ndarray
    labels: np.ndarray

    @property
    def name(self) -> str:
        return f"{self.dataset}:{self.split}"

    @property
    def count(self) -> int:
        return len(self.images)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        return self.images.shape[1:]

    @property
    def channels(self) -> int:
        return self.images.shape[-1]

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256 of shape and pixels, 16 hex digits."""
        return digests.short(str(self.images.shape), np.ascontiguousarray(self.images))

    def batches(self) -> Iterator[tf.Tensor]:
        """Yields all images once, in an order that mixes classes, as `(n, H, W, C)` float32 in [-1,
        1].
        """
        order = mixed_order(self.count)
        for at in range(0, self.count, BATCH):
            yield scale(self.images[order[at : at + BATCH]])


def load(name: str, split: str, resolution: int | None, data_dir: str | None = None) -> ImageSet:
    """Loads a split into memory: of a data set that TFDS prepares on first use, or of a folder.

    Args:
      name: one of `BUILDERS`; or `folder:PATH` with the pictures in `PATH/<split>/<class>/`, see
        `class_folders.read`.
      split: `train` or `test`, or what else the data set or the folder has.
      resolution: height and width to resize to (bilinear, antialiased), in pixels: an image that is
        not square is squashed to one. None leaves the images as they are.
      data_dir: folder of prepared data sets; None is TFDS's own. Nothing to a folder.

    Raises:
      UsageError: the name, the split or the folder is unknown.
      DataError: the data set cannot be prepared, or the folder holds something else than pictures
        in class folders.
    """
    if name.startswith(FOLDER):
        return ImageSet(name, split, *class_folders.read(folder_path(name), split, resolution))
    check_name("dataset", name, BUILDERS)
    images, labels = prepared.read(name, BUILDERS[name], split, data_dir)
    return ImageSet(name, split, resize(images, resolution) if resolution else images, labels)


def open_images(
    text: str, split: str | None, resolution: int | None, data_dir: str | None = None
) -> ImageSet | ImageFolder:
    """Images to be read once, by what a user calls them.

    Args:
      text: name of a data set, or `folder:PATH`, which may have any layout.
      split: of the data set; of a folder the subfolder of that name, None is the folder itself.
      resolution, data_dir: as in `load`.

    Raises:
      UsageError: the name, the split or the folder is unknown.
      DataError: the data set cannot be prepared, or the folder holds something else than pictures.
    """
    if text.startswith(FOLDER):
        return ImageFolder(folder_path(text), resolution, split)
    return load(text, split or "train", resolution, data_dir)


def check_name(kind: str, name: str, known: Iterable[str]) -> None:
    """Raises `UsageError`, with the nearest known name, for one that is neither known nor
    `folder:PATH`.
    """
    if name not in known and pathlib.Path(name).expanduser().is_dir():
        raise UsageError(f"'{name}' is a folder: write {FOLDER}{name}")
    check_known(kind, name, [*known, f"{FOLDER}PATH"])


def folder_path(text: str) -> pathlib.Path:
    """The path of `folder:PATH`."""
    return pathlib.Path(text.removeprefix(FOLDER)).expanduser()
