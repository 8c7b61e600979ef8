"""Batches of image sets, as functions of (seed, step): any step can be recomputed alone."""

import functools
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tf_gan_lth.data import draws, room
from tf_gan_lth.data.domains import Domains
from tf_gan_lth.data.image_set import ImageSet
from tf_gan_lth.data.pixels import scale
from tf_gan_lth.experiment.errors import UsageError, check_known

AUGMENTATIONS = ("none", "flip", "crop_and_flip")
# Side of an image before crop_and_flip, as a share of that after it (Zhu et al. 2017).
UNCROPPED = 286 / 256


def training_batches(
    image_set: ImageSet,
    batch_size: int,
    groups: int,
    seed: np.ndarray,
    first_step: int = 0,
    labels: bool = False,
) -> tf.data.Dataset:
    """Endless batches of shuffled images.

    Every epoch is a permutation of all images that depends on its number alone, not on a shuffle
    buffer's past; epochs follow each other without a gap, so a batch may span two.

    Args:
      image_set: the images to draw from.
      batch_size: images of a group, over all devices.
      groups: batches that one training step consumes.
      seed: two int32, the stream that the order is drawn from.
      first_step: batches to leave out, at least 0: what follows is what `.skip(first_step)` would
        give, but at once, since the epochs before are not drawn.
      labels: whether batches have labels too.

    Returns:
      A data set of `{"image": (batch_size, groups, H, W, C) float32 in [-1, 1]}`, with labels also
      `"label": (batch_size, groups) int32`. The groups come second so that a strategy that splits
      the first axis gives each replica its share of every group.

    Raises:
      UsageError: labels are asked of images that have none.
    """
    if labels and not image_set.classes:
        raise UsageError(
            f"{image_set.name} has no classes: give its images labels, or train a GAN without"
            " classes"
        )
    images = image_set.images
    pixels = _gather(images)
    classes = tf.constant(image_set.labels, tf.int32) if labels else None
    size = batch_size * groups

    def batch(chosen: tf.Tensor) -> dict[str, tf.Tensor]:
        shape = [batch_size, groups, *images.shape[1:]]
        found = {"image": tf.reshape(scale(pixels(chosen)), shape)}
        if labels:
            found["label"] = tf.reshape(tf.gather(classes, chosen), shape[:2])
        return found

    order = _order(image_set.count, seed, first_step * size)
    return _finish(order.batch(size, drop_remainder=True).map(batch))


def load_resolution(augmentation: str, resolution: int) -> int:
    """The resolution to load images at, so that augmented ones have `resolution`.

    It is 286 for 256 where they are cropped.
    """
    check_known("augmentation", augmentation, AUGMENTATIONS)
    return round(resolution * UNCROPPED) if augmentation == "crop_and_flip" else resolution


def translation_batches(
    domains: Domains,
    batch_size: int,
    seed: np.ndarray,
    resolution: int,
    augmentation: str,
    first_step: int = 0,
) -> tf.data.Dataset:
    """Endless batches of shuffled, augmented images of two domains, each with its own epochs.

    Args:
      domains: the images to draw from, loaded at `load_resolution(augmentation, resolution)`.
      batch_size: images of each domain, over all devices.
      seed: two int32, the stream that order, crops and flips are drawn from.
      resolution: height and width of what is yielded.
      augmentation: `none`, `flip` (left to right, every second time on average) or `crop_and_flip`
        (that of a random crop).
      first_step: batches to leave out, as in `training_batches`.

    Returns:
      A data set of `{"a": (batch_size, resolution, resolution, C) float32 in [-1, 1], "b": ...}`.

    Raises:
      UsageError: the augmentation is unknown, or the images have another size than it takes.
    """
    size = load_resolution(augmentation, resolution)
    parts = {}
    for number, (name, image_set) in enumerate(domains.sets.items()):
        if image_set.shape[:2] != (size, size):
            height, width = image_set.shape[:2]
            advice = (
                f"'{augmentation}' to {resolution}x{resolution} takes {size}x{size}, see"
                " load_resolution"
            )
            raise UsageError(f"images of {image_set.name} are {height}x{width}: {advice}")
        order_seed = draws.fold_in(seed, tf.constant(2 * number, tf.int64))
        augment_seed = draws.fold_in(seed, tf.constant(2 * number + 1, tf.int64))
        first = first_step * batch_size
        images = _augmented(image_set, order_seed, augment_seed, resolution, augmentation, first)
        parts[name] = images.batch(batch_size, drop_remainder=True)
    return _finish(tf.data.Dataset.zip(parts))


def _augmented(
    image_set: ImageSet,
    order_seed: tf.Tensor,
    seed: tf.Tensor,
    resolution: int,
    augmentation: str,
    first: int,
) -> tf.data.Dataset:
    """Endless images from position `first` on.

    How one is augmented depends on `seed` and its position alone. Positions are int64, as a stream
    may be longer than 31 bits count.
    """
    pixels = _gather(image_set.images)
    shape = (resolution, resolution, image_set.channels)
    spare = image_set.shape[0] - resolution  # 0 where nothing is cropped

    def augment(position: tf.Tensor, chosen: tf.Tensor) -> tf.Tensor:
        draw = tf.random.stateless_uniform([3], draws.fold_in(seed, position), alg="philox")
        top_left = tf.cast(draw[:2] * (spare + 1), tf.int32)
        image = tf.slice(pixels(chosen), [*tf.unstack(top_left), 0], shape)
        if augmentation != "none":
            image = tf.where(draw[2] < 0.5, tf.reverse(image, [1]), image)
        return scale(image)

    order = _order(image_set.count, order_seed, first)
    return tf.data.Dataset.zip((tf.data.Dataset.counter(first), order)).map(augment)


def _gather(images: np.ndarray) -> Callable[[tf.Tensor], tf.Tensor]:
    """A function of positions, one or `(n,)`, that returns the images there, uint8.

    Those that are in a file are read from there, and take no memory afterwards.
    """
    if not isinstance(images, np.memmap):
        held = tf.constant(images)
        return lambda chosen: tf.gather(held, chosen)

    read = functools.partial(room.rows, images)

    def gather(chosen: tf.Tensor) -> tf.Tensor:
        found = tf.numpy_function(read, [chosen], tf.uint8, stateful=False)
        return tf.ensure_shape(found, [*chosen.shape, *images.shape[1:]])

    return gather


def _order(count: int, seed: np.ndarray, first: int) -> tf.data.Dataset:
    """Endless positions of `count` images, from position `first` of the stream on.

    One permutation comes after the other.
    """

    def epoch(number: tf.Tensor) -> tf.data.Dataset:
        key = draws.fold_in(seed, tf.cast(number, tf.int32))
        order = tf.random.experimental.stateless_shuffle(tf.range(count), key, alg="philox")
        return tf.data.Dataset.from_tensor_slices(order)

    first_epoch, offset = divmod(first, count)
    return tf.data.Dataset.counter(first_epoch).flat_map(epoch).skip(offset)


def _finish(batches: tf.data.Dataset) -> tf.data.Dataset:
    options = tf.data.Options()
    # With autotuning on, the end of a round waited, often for half as long again as its training
    # (seen on TensorFlow 2.21: rounds of 26 s took 41 s, of 1.3 s 2.6 s, as if an iterator were
    # freed only when a sleep that doubles is over).
    options.autotune.enabled = False
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return batches.prefetch(2).with_options(options)
