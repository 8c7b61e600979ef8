"""Images in memory, and the labels that came with them."""

import dataclasses
import functools
import itertools
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from tf_gan_lth.data import room
from tf_gan_lth.data.pixels import BATCH, mixed_order, scale, slices
from tf_gan_lth.experiment import digests

MIN_COUNT = 2  # images to train on


@dataclasses.dataclass(frozen=True)
class ImageSet:
    """A split of a data set, decoded and resized, in memory or, if it is large, in a file.

    Attributes:
      dataset: name of the data set, `folder:PATH` or `npz:PATH`, or what the user calls an array.
      split: name of the split.
      images: `(N, H, W, C)` uint8; a `np.memmap` where they are in a file.
      labels: `(N,)` int64 class numbers; without classes they mean nothing.
      classes: how many classes the labels count, those without an image in this split too; 0 where
        the images have no labels.
      class_names: names of the classes in the order of their numbers; None where nobody knows.
    """

    dataset: str
    split: str
    images: np.ndarray
    labels: np.ndarray
    classes: int = dataclasses.field(default=0, kw_only=True)
    class_names: tuple[str, ...] | None = dataclasses.field(default=None, kw_only=True)

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
        return digests.short_of(itertools.chain([str(self.images.shape)], self._parts()))

    def _parts(self) -> Iterator[np.ndarray]:
        for at in range(0, self.count, BATCH):
            yield np.ascontiguousarray(self.images[at : at + BATCH])
            room.let_go(self.images)

    @property
    def labels_digest(self) -> str | None:
        """SHA-256 of the class numbers, 16 hex digits; None where the images have no labels."""
        return digests.short(self.labels.astype("<i8")) if self.classes else None

    def batches(self) -> Iterator[tf.Tensor]:
        """Yields all images once, in mixed order, as `(n, H, W, C)` float32 in [-1, 1].

        The order mixes classes, as blocks of the images must be samples of the whole.
        """
        order = mixed_order(self.count)
        for part in slices(self.count, *self.shape[:2]):
            yield scale(room.rows(self.images, order[part]))
