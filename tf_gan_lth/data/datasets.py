"""Data sets by name."""

import dataclasses
import functools
import pathlib
from collections.abc import Iterator

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from tf_gan_lth.data.digits import Digits
from tf_gan_lth.data.folders import ImageFolder
from tf_gan_lth.data.pixels import BATCH, mixed_order, resize, scale
from tf_gan_lth.experiment import digests
from tf_gan_lth.experiment.errors import UsageError, check_known

BUILDERS = {"digits": Digits}
FOLDER = "folder:"


@dataclasses.dataclass(frozen=True)
class ImageSet:
    """A split of a data set, decoded and resized, in memory.

    Attributes:
      dataset: name of the data set.
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
        """Yields all images once, in an order that mixes classes, as `(n, H, W, C)` float32 in [-1, 1]."""
        order = mixed_order(self.count)
        for at in range(0, self.count, BATCH):
            yield scale(self.images[order[at : at + BATCH]])


def load(name: str, split: str, resolution: int | None, data_dir: str | None = None) -> ImageSet:
    """Loads a split through TFDS, which prepares the data set on first use.

    Args:
      name: one of `BUILDERS`.
      split: `train` or `test`.
      resolution: height and width to resize to (bilinear, antialiased), in pixels; None leaves the images as they are.
      data_dir: folder of prepared data sets; None is TFDS's own.

    Raises:
      UsageError: the name or the split is unknown.
    """
    check_known("dataset", name, BUILDERS)
    builder = BUILDERS[name](data_dir=data_dir)
    builder.download_and_prepare()
    check_known(f"split of {name}", split, builder.info.splits)
    stored = tfds.as_numpy(builder.as_dataset(split=split, batch_size=-1))
    images = resize(stored["image"], resolution) if resolution else stored["image"]
    return ImageSet(name, split, images, stored["label"])


def open_images(text: str, split: str | None, resolution: int | None, data_dir: str | None = None) -> ImageSet | ImageFolder:
    """Images to be read once, by what a user calls them.

    Args:
      text: name of a data set, or `folder:PATH`.
      split: of the data set; of a folder the subfolder of that name, None is the folder itself.
      resolution, data_dir: as in `load`.

    Raises:
      UsageError: the name, the split or the folder is unknown.
      DataError: the folder holds something else than pictures.
    """
    if not text.startswith(FOLDER):
        if text not in BUILDERS and pathlib.Path(text).expanduser().is_dir():
            raise UsageError(f"'{text}' is a folder: write {FOLDER}{text}")
        return load(text, split or "train", resolution, data_dir)
    return ImageFolder(pathlib.Path(text.removeprefix(FOLDER)).expanduser(), resolution, split)
