"""Losses, each a mean over the batch: adversarial ones by name, and those of translation and KD.

To add a loss: `LOSSES.register(AdversarialLoss(discriminator, generator), name="mine")`.
"""

import dataclasses
from collections.abc import Callable

import tensorflow as tf

from tf_gan_lth.experiment.registry import Registry
from tf_gan_lth.training import tfgan


@dataclasses.dataclass(frozen=True)
class AdversarialLoss:
    """What the two networks minimise, as functions of discriminator scores `(N, 1)`.

    Attributes:
      discriminator: maps (real scores, fake scores) to a scalar.
      generator: maps fake scores to a scalar.
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


def _least_squares_generator(fake: tf.Tensor) -> tf.Tensor:
    # TF-GAN's is half the square, CycleGAN's the whole.
    return 2.0 * tfgan.losses.least_squares_generator_loss(fake)


def consistency(a: tf.Tensor, kept_a: tf.Tensor, b: tf.Tensor, kept_b: tf.Tensor) -> tf.Tensor:
    """How far images of two domains are from what should be the same: cycle or identity loss.

    Args:
      a, kept_a: images of one domain, and the images that should equal them.
      b, kept_b: likewise of the other domain.

    Returns:
      The sum of the two mean absolute differences.
    """
    # TF-GAN returns the mean of the two.
    return 2.0 * tfgan.losses.cycle_consistency_loss(a, kept_a, b, kept_b)


def divergence(teacher: tf.Tensor, student: tf.Tensor) -> tf.Tensor:
    """How far a discriminator is from its teacher: the mean of KL(teacher || student) over images.

    A score is the logit of a Bernoulli distribution (p, 1 - p) with p = sigmoid(score).

    Args:
      teacher, student: scores `(N, 1)` of the same images; no gradient flows to the teacher.

    Source: Chen et al. 2021. Their first code also averages over the two classes, which gives half
    of this.
    """
    teacher = tf.stop_gradient(teacher)
    cross_entropy = tf.nn.sigmoid_cross_entropy_with_logits(tf.nn.sigmoid(teacher), student)
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(tf.nn.sigmoid(teacher), teacher)
    return tf.reduce_mean(cross_entropy - entropy)


LOSSES: Registry[AdversarialLoss] = Registry("loss")

# Lim and Ye 2017; Miyato et al. 2018.
LOSSES.register(AdversarialLoss(_hinge_discriminator, _hinge_generator), name="hinge")

# Goodfellow et al. 2014.
LOSSES.register(
    AdversarialLoss(_non_saturating_discriminator, _non_saturating_generator),
    name="non_saturating",
)

# Arjovsky et al. 2017; the generator's loss is that of hinge. Spectral norm or a gradient penalty
# must bound the discriminator.
LOSSES.register(AdversarialLoss(_wasserstein_discriminator, _hinge_generator), name="wasserstein")

# Mao et al. 2017, as in Zhu et al. 2017: the discriminator's loss is halved, the generator's not.
LOSSES.register(
    AdversarialLoss(tfgan.losses.least_squares_discriminator_loss, _least_squares_generator),
    name="least_squares",
)
