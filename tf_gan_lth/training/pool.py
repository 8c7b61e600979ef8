"""Generated images of earlier steps, shown to the discriminator again (Shrivastava et al. 2017)."""

import tensorflow as tf


class ImagePool(tf.Module):
    """A history of images; once it is full, half of the new images are exchanged for older ones.

    What it returns depends only on the seeds and on the images since it was last emptied. All
    replicas share one pool, so that a training step does not depend on the number of replicas.

    Args:
      size: number of images it holds; with 0 it returns the new images unchanged.
      shape: height, width and channels of an image.
    """

    def __init__(self, size: int, shape: tuple[int, int, int]):
        super().__init__()
        first = tf.VariableAggregation.ONLY_FIRST_REPLICA  # they all store the same
        self.size = size
        self.images = tf.Variable(
            tf.zeros([max(size, 1), *shape]), trainable=False, aggregation=first
        )
        self.count = tf.Variable(0, dtype=tf.int32, trainable=False, aggregation=first)

    def empty(self) -> None:
        """Forgets everything."""
        self.count.assign(0)

    def exchange(self, images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Exchanges some of this replica's images for older ones.

        Args:
          images: this replica's new images, `(N, H, W, C)`.
          seed: a pair of int32, the same on all replicas.

        Returns:
          `(N, H, W, C)`: each image itself, or an older one whose place in the pool it takes.
        """
        if not self.size:
            return images
        replicas = tf.distribute.get_replica_context()
        share = images.shape[0]
        if replicas.num_replicas_in_sync > 1:
            images = replicas.all_gather(images, axis=0)
        given = self._exchange_all(images, share * replicas.num_replicas_in_sync, seed)
        index = replicas.replica_id_in_sync_group
        return given[index * share : (index + 1) * share]

    def _exchange_all(self, images: tf.Tensor, count: int, seed: tf.Tensor) -> tf.Tensor:
        # For each image a place in the pool, and whether to exchange it.
        slots = tf.random.stateless_uniform(
            [count], seed, 0, self.size, dtype=tf.int32, alg="philox"
        )
        coins = tf.random.stateless_uniform([count], tf.reverse(seed, [0]), alg="philox") < 0.5

        # One image after the other, as images of one batch may meet in the pool.
        given = []
        for image, slot, heads in zip(
            tf.unstack(images, count), tf.unstack(slots), tf.unstack(coins), strict=True
        ):
            full = self.count >= self.size
            slot = tf.where(full, slot, self.count)
            older = tf.gather(self.images, slot)
            kept = tf.where(tf.logical_and(full, tf.logical_not(heads)), older, image)
            self.images.scatter_update(tf.IndexedSlices(kept[None], slot[None]))
            self.count.assign(tf.minimum(self.count + 1, self.size))
            given.append(tf.where(tf.logical_and(full, heads), older, image))
        return tf.stack(given)
