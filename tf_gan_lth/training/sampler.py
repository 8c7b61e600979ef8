"""Images from a generator, as a function of a seed."""

import functools
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tf_gan_lth import models
from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.training import replicas
from tf_gan_lth.data import draws

BATCH = 500


def sample(
    generate: Callable[[tf.Tensor], tf.Tensor], latent_dim: int, count: int, seed: np.ndarray
) -> Iterator[tf.Tensor]:
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
    return draws.normal([BATCH, latent_dim], draws.fold_in(seed, number))


class Inference:
    """A network at work on the replicas of the strategy in use; traced once, whatever the snapshot.

    Args:
      network: a plain network, made under that strategy; its weights are this object's from now on.
    """

    def __init__(self, network: keras.Model):
        self._network = network
        self._call = replicas.share(lambda batch: network(batch, training=False))
        self._loaded: Arrays | None = None

    def __call__(self, snapshot: Arrays, batch: tf.Tensor) -> tf.Tensor:
        """What the network with a snapshot's weights makes of a batch."""
        if self._loaded is not snapshot:  # another one may have been at work since the last batch
            models.load_snapshot(self._network, snapshot)
            self._loaded = snapshot
        return self._call(batch)


class Sampler:
    """Draws images.

    Args:
      generator: as in `Inference`, from latents `(N, Z)` to images.
    """

    def __init__(self, generator: keras.Model):
        self._latent_dim = generator.input_shape[-1]
        self._generate = Inference(generator)

    def batches(self, snapshot: Arrays, count: int, seed: np.ndarray) -> Iterator[tf.Tensor]:
        """Yields `count` images in batches `(n, H, W, C)` in [-1, 1].

        Args:
          snapshot: weights of the generator.
          count, seed: as in `sample`.
        """
        return sample(functools.partial(self._generate, snapshot), self._latent_dim, count, seed)
