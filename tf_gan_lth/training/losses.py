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


def _wasserstein_discriminator(real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(fake) - tf.reduce_mean(real)


def _non_saturating_discriminator(real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(tf.nn.softplus(-real)) + tf.reduce_mean(tf.nn.softplus(fake))


def _non_saturating_generator(fake: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(tf.nn.softplus(-fake))


def distillation(teacher: tf.Tensor, student: tf.Tensor) -> tf.Tensor:
    """How far a discriminator is from its teacher: the mean KL divergence of (p, 1 - p), p = sigmoid(score), teacher || student.

    Args:
      teacher, student: scores `(N, 1)` of the same images; no gradient flows to the teacher's.

    Source: Chen et al. 2021. Their first code averages over both classes too: half of this.
    """
    teacher = tf.stop_gradient(teacher)
    cross_entropy = tf.nn.sigmoid_cross_entropy_with_logits(tf.nn.sigmoid(teacher), student)
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(tf.nn.sigmoid(teacher), teacher)
    return tf.reduce_mean(cross_entropy - entropy)


LOSSES = {
    # Lim and Ye 2017; Miyato et al. 2018.
    "hinge": AdversarialLoss(_hinge_discriminator, _hinge_generator),
    # Goodfellow et al. 2014.
    "non_saturating": AdversarialLoss(_non_saturating_discriminator, _non_saturating_generator),
    # Arjovsky et al. 2017; the generator's is the hinge's. What bounds the discriminator is its spectral norm.
    "wasserstein": AdversarialLoss(_wasserstein_discriminator, _hinge_generator),
}
