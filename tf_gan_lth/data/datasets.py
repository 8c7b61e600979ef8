"""Data sets by name."""

import dataclasses

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from tf_gan_lth.data.digits import Digits
from tf_gan_lth.experiment.errors import check_known

BUILDERS = {"digits": Digits}


@dataclasses.dataclass(frozen=True)
class ImageSet:
    """A split of a data set, decoded and resized, in memory.

    Attributes:
      name: name of the data set.
      split: name of the split.
      images: `(N, resolution, resolution, C)` uint8.
      labels: `(N,)` int64 class numbers.
    """

    name: str
    split: str
    images: np.ndarray
    labels: np.ndarray

    @property
    def channels(self) -> int:
        return self.images.shape[-1]


def load(name: str, split: str, resolution: int, data_dir: str | None = None) -> ImageSet:
    """Loads a split through TFDS, which prepares the data set on first use.

    Args:
      name: one of `BUILDERS`.
      split: `train` or `test`.
      resolution: height and width to resize to (bilinear, antialiased), in pixels.
      data_dir: folder of prepared data sets; None is TFDS's own.

    Raises:
      UsageError: the name is unknown.
    """
    check_known("dataset", name, BUILDERS)
    builder = BUILDERS[name](data_dir=data_dir)
    builder.download_and_prepare()
    stored = tfds.as_numpy(builder.as_dataset(split=split, batch_size=-1))
    resized = tf.image.resize(stored["image"], [resolution, resolution], antialias=True)
    images = tf.cast(tf.round(tf.clip_by_value(resized, 0.0, 255.0)), tf.uint8).numpy()
    return ImageSet(name, split, images, stored["label"])
