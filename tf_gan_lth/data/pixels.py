"""Pixels: what turns stored pictures into the numbers that networks see, and back."""

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from tf_gan_lth.experiment import seeds

BATCH = 250  # pictures that are decoded at a time, unless they are large
PIXELS = 2**23  # that pass through a network at a time, which bounds its memory for activations


def scale(images: tf.Tensor) -> tf.Tensor:
    """uint8 0..255 to float32 -1..1."""
    return tf.cast(images, tf.float32) / 127.5 - 1.0


def quantize(images: tf.Tensor) -> tf.Tensor:
    """The 8-bit values of float images in [-1, 1], still float: what a PNG of them would hold."""
    return tf.round((tf.clip_by_value(images, -1.0, 1.0) + 1.0) * 127.5)


def fit(
    images: np.ndarray, resolution: int | None, crop: str = "none", method: str = "bilinear"
) -> np.ndarray:
    """Pictures as they are trained on and scored.

    Args:
      images: `(H, W, C)`, or `(N, H, W, C)`, uint8.
      resolution: height and width to resize to, in pixels; None leaves them as they are.
      crop: `center` takes the largest square in the middle, an odd pixel less at the bottom or the
        right; `none` squashes what is not square, if it is resized.
      method: see `resize`.
    """
    if crop == "center":
        height, width = images.shape[-3:-1]
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        images = images[..., top : top + side, left : left + side, :]
    return resize(images, resolution, method) if resolution else images


def resize(images: np.ndarray, resolution: int, method: str = "bilinear") -> np.ndarray:
    """uint8 pictures as squares, uint8 again.

    Args:
      images: `(H, W, C)`, or `(N, H, W, C)`.
      resolution: height and width of the result, in pixels.
      method: of `tf.image.resize`; it is antialiased.
    """
    if images.shape[-3:-1] == (resolution, resolution):
        return images
    if images.ndim == 4:  # part by part, as they are float in between
        return np.concatenate(
            [
                _resize(images[at : at + BATCH], resolution, method)
                for at in range(0, len(images), BATCH)
            ]
        )
    return _resize(images, resolution, method)


def _resize(images: np.ndarray, resolution: int, method: str) -> np.ndarray:
    resized = tf.image.resize(images, [resolution, resolution], method, antialias=True)
    return tf.cast(tf.round(tf.clip_by_value(resized, 0.0, 255.0)), tf.uint8).numpy()


def slices(count: int, height: int, width: int) -> Iterator[slice]:
    """Yields slices of `count` pictures to hold at a time: of two times `PIXELS`, or one picture.

    They cut batches of `BATCH` where a feature network would cut these anyway, which keeps its
    rounding.
    """
    size = 2 * max(1, PIXELS // (height * width))
    for first in range(0, count, BATCH):
        last = min(first + BATCH, count)
        for at in range(first, last, size):
            yield slice(at, min(at + size, last))


def mixed_order(count: int) -> np.ndarray:
    """A permutation of `count` pictures, always the same.

    Data sets are often stored class by class; estimates that split the pictures into blocks (KID,
    the Inception score) need every block to be a sample of the whole.
    """
    return seeds.generator(0, "mixed order").permutation(count)
