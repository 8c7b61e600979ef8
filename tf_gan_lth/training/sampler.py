"""Images from a generator, as a function of a seed."""

import functools
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tf_gan_lth import gans
from tf_gan_lth.data import draws
from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.gans.priors import Prior
from tf_gan_lth.training import replicas
from tf_gan_lth.training.terms import as_call

BATCH = 500


def sample(
    generate: Callable[..., tf.Tensor],
    prior: Prior,
    count: int,
    seed: np.ndarray,
    labels: np.ndarray | None = None,
) -> Iterator[tf.Tensor]:
    """Yields `count` images in batches.

    Args:
      generate: what the prior draws, as arguments, to images.
      prior: what the generator draws from.
      count: number of images.
      seed: two int32; image k depends on the seed, its label and k alone.
      labels: `(count,)` int32, instead of those that a conditional prior draws.
    """
    for number, start in enumerate(range(0, count, BATCH)):
        drawn = _draw(prior, tf.constant(seed), tf.constant(number))
        if labels is not None:
            own = labels[start : start + BATCH]
            drawn = (drawn[0], tf.constant(np.resize(own, BATCH), tf.int32))
        yield generate(*drawn)[: count - start]


def labels_of(prior: Prior, count: int, seed: np.ndarray) -> np.ndarray | None:
    """The labels of the images that `sample` yields, `(count,)` int32.

    None if the generator takes none. Args are as in `sample`.
    """
    if not prior.classes:
        return None
    starts = range(0, count, BATCH)
    parts = [_draw_labels(prior, tf.constant(seed), tf.constant(n)) for n in range(len(starts))]
    return np.concatenate(parts)[:count]


@tf.function
def _draw(prior: Prior, seed: tf.Tensor, number: tf.Tensor) -> tuple[tf.Tensor, ...]:
    return prior.draw(BATCH, draws.fold_in(seed, number))


@tf.function
def _draw_labels(prior: Prior, seed: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
    return prior.draw(BATCH, draws.fold_in(seed, number))[1]


class Inference:
    """A network at work on the replicas of the strategy in use; traced once for all snapshots.

    Args:
      network: a plain network, made under that strategy; its weights are this object's now.
    """

    def __init__(self, network: keras.Model):
        self._network = network
        self._call = replicas.share(lambda *inputs: network(as_call(inputs), training=False))
        self._loaded: Arrays | None = None

    def __call__(self, snapshot: Arrays, *inputs: tf.Tensor) -> tf.Tensor:
        """What the network with a snapshot's weights makes of a batch of its inputs."""
        if self._loaded is not snapshot:  # another one may have been at work since the last batch
            gans.load_snapshot(self._network, snapshot)
            self._loaded = snapshot
        return self._call(*inputs)


class Sampler:
    """Draws images.

    Args:
      generator: as in `Inference`, from what the prior draws to images.
      prior: what it draws from.
    """

    def __init__(self, generator: keras.Model, prior: Prior):
        self.prior = prior
        self._generate = Inference(generator)

    def batches(
        self, snapshot: Arrays, count: int, seed: np.ndarray, labels: np.ndarray | None = None
    ) -> Iterator[tf.Tensor]:
        """Yields `count` images in batches `(n, H, W, C)` in [-1, 1].

        Args:
          snapshot: weights of the generator.
          count, seed, labels: as in `sample`.
        """
        generate = functools.partial(self._generate, snapshot)
        return sample(generate, self.prior, count, seed, labels)
