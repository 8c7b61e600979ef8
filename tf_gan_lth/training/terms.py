"""Loss terms beside the adversarial loss, by name: penalties and distillation.

A term is a function of what a step knows that returns a scalar, which is added with its weight to
the loss of the player it belongs to. `--terms=r1:10` switches one on.
"""

import dataclasses
import functools
import math
from collections.abc import Callable

import tensorflow as tf
import tf_keras as keras

from tf_gan_lth.data import draws
from tf_gan_lth.experiment.config import TrainingConfig
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.experiment.registry import Registry
from tf_gan_lth.gans.spec import DISCRIMINATOR, GENERATOR, Player
from tf_gan_lth.training.features import Adapters, Maps
from tf_gan_lth.training.losses import divergence

KD = "distill_scores"  # the term that `--kd_weight` switches on
L1 = "gamma_l1"  # the term of which `--gamma_learning_rate` is
FEATURES = "distill_features"
Judge = Callable[[tf.Tensor, tf.Tensor | None], tf.Tensor]


@dataclasses.dataclass(frozen=True)
class StepContext:
    """What a term of one network's loss knows.

    Attributes:
      network: the network that is trained.
      teacher: its trained dense twin; None without a term that asks for it.
      judge: (images, labels) to scores `(N, 1)` of the discriminator, as it trains.
      inputs: what the generator makes `fake` of: latents and labels, or images.
      fake: generated images `(N, H, W, C)`, in [-1, 1]; in a discriminator's step as it sees them,
        augmented, so that a term judges what the scores are of.
      fake_scores: what the discriminator says of them, `(N, 1)`.
      fake_labels: `(N,)` int32; None without labels.
      real, real_scores, real_labels: likewise of real images; None in a generator's step.
      fake_logits, real_logits: what the discriminator says of their classes, `(N, K)`; None unless
        it classifies.
      seed: two int32, a stream of this step's own.
      maps: those that the generator made beside `fake` and a term matches: see `GANModel.made`.
      adapters: what matches them with the teacher's; None without a term that asks for it.
    """

    network: keras.Model
    teacher: keras.Model | None
    judge: Judge
    inputs: tuple[tf.Tensor, ...]
    fake: tf.Tensor
    fake_scores: tf.Tensor
    fake_labels: tf.Tensor | None = None
    real: tf.Tensor | None = None
    real_scores: tf.Tensor | None = None
    real_labels: tf.Tensor | None = None
    fake_logits: tf.Tensor | None = None
    real_logits: tf.Tensor | None = None
    seed: tf.Tensor | None = None
    maps: Maps = ()
    adapters: Adapters | None = None

    @functools.cached_property
    def taught(self) -> tuple[tf.Tensor, Maps]:
        """The teacher's images and maps of the same inputs, made once for all terms."""
        inputs = as_call(self.inputs)
        if self.adapters is None:
            return tf.stop_gradient(self.teacher(inputs, training=False)), ()
        images, *maps = map(tf.stop_gradient, self.adapters.teacher(inputs, training=False))
        return images, tuple(maps)


Function = Callable[[StepContext], tf.Tensor]
Proximal = Callable[[keras.Model, tf.Tensor], None]


@dataclasses.dataclass(frozen=True)
class Term:
    """A loss term.

    Attributes:
      name: what `--terms` calls it.
      function: what it adds, before its weight.
      player: whose loss it belongs to.
      taught: whether it needs a teacher; without one it counts nothing.
      proximal: whether it is no part of the loss but follows the player's optimizer, as what makes
        variables exactly zero must: a function of a network and of how far to go, its weight times
        the learning rate.
      classifies: whether it needs a discriminator that says of which class an image is.
      matches: whether it matches maps of a generator with its teacher's, by trained adapters.
    """

    name: str
    function: Function | Proximal
    player: Player
    taught: bool = False
    proximal: bool = False
    classifies: bool = False
    matches: bool = False


TERMS: Registry[Term] = Registry("loss term")


def asked_as(config: TrainingConfig, name: str) -> str | None:
    """How a config asks for a term, for messages: `--kd_weight=1.0`; None if it does not."""
    if name == KD and config.kd_weight:
        return f"--kd_weight={config.kd_weight}"
    return next((f"--terms={t}" for t in config.terms if t.partition(":")[0] == name), None)


def register(player: Player, **kind: bool) -> Callable[[Function], Function]:
    """Makes a function a term of a player's loss, under its name.

    Args:
      player: whose loss.
      **kind: what is true of the term, of those of `Term`: `taught=True`.
    """

    def decorate(function: Function) -> Function:
        term = Term(function.__name__, function, player, **kind)
        TERMS.register(term, name=term.name)
        return function

    return decorate


def switched_on(config: TrainingConfig) -> list[tuple[Term, float]]:
    """The terms that a config asks for, with their weights; `--kd_weight` is one of them.

    Raises:
      UsageError: a term is unknown, or its weight is no number from 0 on.
    """
    found = []
    if config.kd_weight:
        found.append((TERMS[KD], config.kd_weight))
    for text in config.terms:
        name, _, number = text.partition(":")
        term = TERMS[name]
        try:
            weight = float(number)
        except ValueError:
            raise UsageError(f"--terms={text}: expected NAME:WEIGHT, such as {name}:1") from None
        if not 0.0 <= weight < math.inf:
            raise UsageError(f"--terms={text}: the weight must be a finite number, at least 0")
        found.append((term, weight))
    return found


@register(DISCRIMINATOR)
def r1(context: StepContext) -> tf.Tensor:
    """Half the mean squared norm of the score's gradient at real images (Mescheder et al. 2018)."""
    slopes = _slopes(context.judge, context.real, context.real_labels)
    return 0.5 * tf.reduce_mean(tf.reduce_sum(tf.square(slopes), axis=[1, 2, 3]))


@register(DISCRIMINATOR)
def gradient_penalty(context: StepContext) -> tf.Tensor:
    """How far the score's slope between real and fake images is from 1 (Gulrajani et al. 2017).

    The mean of (|gradient| - 1)^2 at one random point between each real image and a fake one.
    """
    count = context.real.shape[0]
    share = draws.uniform([count, 1, 1, 1], context.seed)
    between = share * context.real + (1.0 - share) * context.fake
    slopes = _slopes(context.judge, between, context.real_labels)
    # The root has no gradient at 0.
    norms = tf.sqrt(tf.reduce_sum(tf.square(slopes), axis=[1, 2, 3]) + 1e-12)
    return tf.reduce_mean(tf.square(norms - 1.0))


def _slopes(judge: Judge, images: tf.Tensor, labels: tf.Tensor | None) -> tf.Tensor:
    """The gradient of each image's score with respect to its pixels, float32."""
    with tf.GradientTape() as tape:
        tape.watch(images)
        scores = judge(images, labels)
    return tf.cast(tape.gradient(scores, images), tf.float32)


@register(DISCRIMINATOR, taught=True)
def distill_scores(context: StepContext) -> tf.Tensor:
    """How far the discriminator is from its teacher, on real and on fake images: see `divergence`.

    Source: Chen et al. 2021.
    """
    images = tf.concat([context.real, context.fake], axis=0)
    labels = None
    if context.real_labels is not None:
        labels = tf.concat([context.real_labels, context.fake_labels], axis=0)
    taught = tf.split(judged(context.teacher, images, labels, training=False)[0], 2)
    scores = (context.real_scores, context.fake_scores)
    return tf.add_n([divergence(*pair) for pair in zip(taught, scores, strict=True)])


@register(GENERATOR, taught=True)
def distill_images(context: StepContext) -> tf.Tensor:
    """The mean absolute difference from the teacher's images of the same inputs."""
    taught, _ = context.taught
    return tf.reduce_mean(tf.abs(context.fake - taught))


@register(GENERATOR, taught=True, matches=True)
def distill_features(context: StepContext) -> tf.Tensor:
    """How far some maps, through trained 1x1 convolutions, are from the teacher's: see `Adapters`.

    Source: Li et al. 2020 (GAN Compression).
    """
    if not context.maps:
        raise UsageError(
            f"--terms={FEATURES} needs a training step that makes images by `made` and hands its"
            " maps on: this one does not"
        )
    _, taught = context.taught
    return context.adapters.distance(context.maps, taught)


@register(GENERATOR, proximal=True)
def gamma_l1(network: keras.Model, amount: tf.Tensor) -> None:
    """Moves every gamma of a norm towards 0, by `amount` and no further: channels fade out.

    This is the proximal step of the sum of |gamma|: a gradient of it would leave gammas close to 0,
    and never there. Over a training a gamma that the loss does not hold loses the weight times the
    sum of the learning rates: `--gamma_learning_rate` if that is set.

    Source: Liu et al. 2017 (network slimming); proximal as in Wang et al. 2020 (GAN Slimming).
    """
    gammas = gammas_of(network)
    if not gammas:
        raise UsageError(f"--terms={L1}: the {network.name} has no gammas")
    for gamma in gammas:
        left = tf.maximum(tf.abs(gamma) - tf.cast(amount, gamma.dtype), 0.0)
        gamma.assign(tf.sign(gamma) * left)


def gammas_of(network: keras.Model) -> list[tf.Variable]:
    """The gammas of a network's norms."""
    return [
        variable
        for variable in network.trainable_variables
        if variable.name.split("/")[-1].startswith("gamma")
    ]


@register(DISCRIMINATOR, classifies=True)
def classify_real(context: StepContext) -> tf.Tensor:
    """The cross-entropy of the discriminator's classes of real images (Odena et al. 2017)."""
    return _cross_entropy(context.real_logits, context.real_labels)


@register(DISCRIMINATOR, classifies=True)
def classify_fake(context: StepContext) -> tf.Tensor:
    """Likewise of generated images, whose classes are those that were asked for."""
    return _cross_entropy(context.fake_logits, context.fake_labels)


@register(GENERATOR, classifies=True)
def recognizable(context: StepContext) -> tf.Tensor:
    """The same for the generator: its images are to show the classes that were asked for."""
    return _cross_entropy(context.fake_logits, context.fake_labels)


def _cross_entropy(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, tf.cast(logits, tf.float32))
    return tf.reduce_mean(losses)


def judged(
    discriminator: keras.Model, images: tf.Tensor, labels: tf.Tensor | None, training: bool
) -> tuple[tf.Tensor, tf.Tensor | None]:
    """Scores `(N, 1)`, and logits of classes `(N, K)` of a discriminator that classifies.

    Labels go to a discriminator that takes some: one that classifies does not.
    """
    takes_labels = labels is not None and len(discriminator.inputs) > 1
    found = discriminator((images, labels) if takes_labels else images, training=training)
    return tuple(found) if isinstance(found, list | tuple) else (found, None)


def as_call(inputs: tuple[tf.Tensor, ...]) -> tf.Tensor | tuple[tf.Tensor, ...]:
    """What a network is called with: its only input alone, or all of them."""
    return inputs[0] if len(inputs) == 1 else inputs
