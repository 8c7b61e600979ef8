"""Images from a plain generator and a snapshot of it."""

from collections.abc import Iterator

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tf_gan_lth import models
from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.training import latents

BATCH = 500


class Sampler:
    """Draws images; traced once, whatever the snapshot.

    Args:
      generator: a plain generator, latents `(N, Z)` to images; its weights are overwritten.
    """

    def __init__(self, generator: keras.Model):
        self.generator = generator
        self.latent_dim = generator.input_shape[-1]
        signature = [tf.TensorSpec([BATCH, self.latent_dim])]
        self._sample = tf.function(lambda noise: generator(noise, training=False), input_signature=signature)

    def batches(self, snapshot: Arrays, count: int, seed: np.ndarray) -> Iterator[tf.Tensor]:
        """Yields `count` images in batches `(n, H, W, C)` in [-1, 1].

        Args:
          snapshot: weights of the generator.
          count: number of images.
          seed: two int32; image k depends on the seed and k alone.
        """
        for number, start in enumerate(range(0, count, BATCH)):
            models.load_snapshot(self.generator, snapshot)  # someone else may have used it between two batches
            noise = latents.normal([BATCH, self.latent_dim], latents.fold_in(seed, number))
            yield self._sample(noise)[: count - start]
