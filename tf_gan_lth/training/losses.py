"""Adversarial losses by name: pairs of functions of discriminator scores `(N, 1)`, each a mean over the batch."""

import dataclasses
from collections.abc import Callable

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class AdversarialLoss:
    """What the two players minimise.

    Attributes:
      discriminator: (real scores, fake scores) to a scalar.
      generator: fake scores to a scalar.
    """

    discriminator: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    generator: Callable[[tf.Tensor], tf.Tensor]


def _hinge_discriminator(real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(tf.nn.relu(1.0 - real)) + tf.reduce_mean(tf.nn.relu(1.0 + fake))


def _hinge_generator(fake: tf.Tensor) -> tf.Tensor:
    return -tf.reduce_mean(fake)


LOSSES = {
    # Lim and Ye 2017; Miyato et al. 2018.
    "hinge": AdversarialLoss(_hinge_discriminator, _hinge_generator),
}
