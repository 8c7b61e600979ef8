"""Images from a generator, as a function of a seed."""

from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tf_gan_lth import models
from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.models import replicas
from tf_gan_lth.training import latents

BATCH = 500


def sample(generate: Callable[[tf.Tensor], tf.Tensor], latent_dim: int, count: int, seed: np.ndarray) -> Iterator[tf.Tensor]:
    """Yields `count` images in batches.

    Args:
      generate: latents `(N, latent_dim)` to images.
      count: number of images.
      seed: two int32; image k depends on the seed and k alone.
    """
    for number, start in enumerate(range(0, count, BATCH)):
        yield generate(_noise(latent_dim, tf.constant(seed), tf.constant(number)))[: count - start]


@tf.function
def _noise(latent_dim: int, seed: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
    return latents.normal([BATCH, latent_dim], latents.fold_in(seed, number))


class Sampler:
    """Draws images on the replicas of the strategy in use; traced once, whatever the snapshot.

    Args:
      generator: a plain generator, latents `(N, Z)` to images, made under that strategy; its weights are the sampler's from now on.
    """

    def __init__(self, generator: keras.Model):
        self.generator = generator
        self.latent_dim = generator.input_shape[-1]
        self._generate = replicas.share(lambda noise: generator(noise, training=False))
        self._loaded: Arrays | None = None

    def batches(self, snapshot: Arrays, count: int, seed: np.ndarray) -> Iterator[tf.Tensor]:
        """Yields `count` images in batches `(n, H, W, C)` in [-1, 1].

        Args:
          snapshot: weights of the generator.
          count, seed: as in `sample`.
        """

        def generate(noise: tf.Tensor) -> tf.Tensor:
            if self._loaded is not snapshot:  # another iterator may have drawn between two batches of this one
                models.load_snapshot(self.generator, snapshot)
                self._loaded = snapshot
            return self._generate(noise)

        return sample(generate, self.latent_dim, count, seed)
