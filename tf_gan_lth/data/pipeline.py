"""Batches of an image set, as a function of (seed, step): any step can be recomputed without the ones before it."""

import numpy as np
import tensorflow as tf

from tf_gan_lth.data.datasets import ImageSet
from tf_gan_lth.data.pixels import scale


def training_batches(image_set: ImageSet, batch_size: int, groups: int, seed: np.ndarray, first_step: int = 0) -> tf.data.Dataset:
    """Endless batches of shuffled images.

    Every epoch is a permutation of all images that depends on its number alone, not on a shuffle buffer's past; epochs
    follow each other without a gap, so a batch may span two.

    Args:
      image_set: the images to draw from.
      batch_size: images of a group, over all devices.
      groups: batches that one training step consumes.
      seed: two int32, the stream that the order is drawn from.
      first_step: batches to leave out, at least 0: what follows is what `.skip(first_step)` would give, but at once, since
        the epochs before are not drawn.

    Returns:
      A data set of `{"image": (batch_size, groups, H, W, C) float32 in [-1, 1]}`. The groups come second so that a
      strategy that splits the first axis gives each replica its share of every group.
    """
    images = tf.constant(image_set.images)
    count = len(image_set.images)

    def epoch(number: tf.Tensor) -> tf.data.Dataset:
        key = tf.random.experimental.stateless_fold_in(seed, tf.cast(number, tf.int32), alg="philox")
        order = tf.random.experimental.stateless_shuffle(tf.range(count), key, alg="philox")
        return tf.data.Dataset.from_tensor_slices(order)

    def batch(chosen: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"image": tf.reshape(scale(tf.gather(images, chosen)), [batch_size, groups, *images.shape[1:]])}

    options = tf.data.Options()
    # With autotuning on, the end of a round waited, often for half as long again as its training (seen on TensorFlow 2.21:
    # rounds of 26 s took 41 s, of 1.3 s 2.6 s, as if an iterator were freed only when a sleep that doubles is over).
    options.autotune.enabled = False
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    size = batch_size * groups
    first_epoch, offset = divmod(first_step * size, count)
    order = tf.data.Dataset.counter(first_epoch).flat_map(epoch).skip(offset).batch(size, drop_remainder=True)
    return order.map(batch).prefetch(2).with_options(options)
