"""What a discriminator sees, augmented differentiably, by name (Zhao et al. 2020, DiffAugment).

An augmentation is a function of images `(N, H, W, C)` in [-1, 1] and a seed, through which the
gradient flows. Real and generated images both pass it, in the steps of both players.
"""

from collections.abc import Callable

import tensorflow as tf

from tf_gan_lth.data import draws
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.experiment.registry import Registry

Augmentation = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
AUGMENTATIONS: Registry[Augmentation] = Registry("augmentation")
register = AUGMENTATIONS.register

NONE = "none"


def composed(text: str) -> Augmentation:
    """The augmentations that a text names, by commas, one after the other; `none` does nothing.

    Raises:
      UsageError: one is unknown.
    """
    if text == NONE:
        return lambda images, seed: images
    steps = [AUGMENTATIONS[name] for name in text.split(",")]
    if len(set(steps)) < len(steps):
        raise UsageError(f"--augmentation={text} names one twice")

    def augment(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        for number, step in enumerate(steps):
            images = step(images, draws.fold_in(seed, number))
        return images

    return augment


@register
def color(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Brightness by +-0.5, saturation by 0 to 2 and contrast by 0.5 to 1.5, of each image."""
    count = tf.shape(images)[0]
    draw = draws.uniform([3, count, 1, 1, 1], seed)
    images += draw[0] - 0.5
    grey = tf.reduce_mean(images, axis=3, keepdims=True)
    images = (images - grey) * (2.0 * draw[1]) + grey
    mean = tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True)
    return (images - mean) * (0.5 + draw[2]) + mean


@register
def translation(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Shifts each image by up to an eighth of its sides; what comes in is zero."""
    count, height, width = tf.unstack(tf.shape(images)[:3])
    rows = _shifts(count, height, draws.fold_in(seed, 0))
    columns = _shifts(count, width, draws.fold_in(seed, 1))
    padded = tf.pad(images, [[0, 0], [1, 1], [1, 1], [0, 0]])
    moved = tf.gather(padded, rows, axis=1, batch_dims=1)
    return tf.gather(moved, columns, axis=2, batch_dims=1)


def _shifts(count: tf.Tensor, side: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """`(count, side)` positions in an image with a border of 1, which everything outside is."""
    most = (side + 4) // 8
    shift = tf.random.stateless_uniform(
        [count, 1], seed, -most, most + 1, dtype=tf.int32, alg="philox"
    )
    return tf.clip_by_value(tf.range(side)[None] + shift + 1, 0, side + 1)


@register
def cutout(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Sets a square of half the sides to zero in each image, at a place of its own."""
    count, height, width = tf.unstack(tf.shape(images)[:3])
    rows = _hidden(count, height, draws.fold_in(seed, 0))
    columns = _hidden(count, width, draws.fold_in(seed, 1))
    hidden = rows[:, :, None] & columns[:, None, :]
    return tf.where(hidden[..., None], tf.zeros_like(images), images)


def _hidden(count: tf.Tensor, side: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """`(count, side)` bools: which rows, or columns, the square of each image covers."""
    half = (side + 1) // 2
    # Its centre may be any pixel, so that at an edge part of the square is outside.
    centre = tf.random.stateless_uniform(
        [count, 1], seed, 0, side + (1 - half % 2), dtype=tf.int32, alg="philox"
    )
    first = centre - half // 2
    positions = tf.range(side)[None]
    return (positions >= first) & (positions < first + half)
