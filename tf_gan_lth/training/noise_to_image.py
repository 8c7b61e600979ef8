"""The training step of noise-to-image GANs: a prior's latents, and labels, to images."""

import numpy as np
import tensorflow as tf

from tf_gan_lth.data import ImageSet, draws, training_batches
from tf_gan_lth.gans.spec import DISCRIMINATOR, GENERATOR
from tf_gan_lth.training import augmentations
from tf_gan_lth.training.model import (
    STEPS,
    GANModel,
    Passes,
    gradients_of,
    mean_over_replicas,
    required,
)
from tf_gan_lth.training.terms import StepContext, as_call, judged

AUGMENTATION = 2  # the draw of a step's stream that augmentations and penalties come from

Inputs = tuple[tf.Tensor, ...]


@STEPS.register(name="noise_to_image")
class NoiseToImage(GANModel):
    """A generator draws images from a prior, a discriminator tells them from real ones.

    The generator takes `(z,)` or `(z, labels)`, the discriminator images or `(images, labels)`, and
    returns scores `(N, 1)`, or of images alone scores and logits of classes `(N, K)`. Args as of
    `GANModel`.
    """

    def __init__(self, gan, networks, config, teachers, masked):
        super().__init__(gan, networks, config, teachers, masked)
        spec = gan.spec
        players = [spec.of_role(role) for role in (GENERATOR, DISCRIMINATOR)]
        one_each = all(len(names) == 1 for names in players) and len(spec.networks) == 2
        required(one_each and gan.prior, spec, "one generator, one discriminator and a prior")
        [self._generator_name], [self._discriminator_name] = players
        self.generator = networks[self._generator_name]
        self.discriminator = networks[self._discriminator_name]
        self._augment = augmentations.composed(config.augmentation)

    def batches(self, images: ImageSet, stream: np.ndarray, first_step: int = 0) -> tf.data.Dataset:
        """What `fit` feeds to `train_step`, from a step of a stream on: see `training_batches`."""
        size, groups = self.config.discriminator_batch_size, self.config.discriminator_steps
        labels = self.gan.spec.asks_labels(self.gan.options)
        return training_batches(images, size, groups, stream, first_step, labels=labels)

    def passes(self) -> dict[str, Passes]:
        groups, real = self.config.discriminator_steps, self.config.discriminator_batch_size
        drawn, judged = self.config.generator_batch_size, 2 * groups * real
        return {
            self._generator_name: Passes(groups * real + 3 * drawn, drawn),
            self._discriminator_name: Passes(3 * judged + 2 * drawn, judged),
        }

    def train_step(self, data: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """A discriminator step for each group of real images, then one generator step.

        Args:
          data: this replica's share of `image`, `(batch, groups, H, W, C)` float32 in [-1, 1], and
            where the GAN asks `label`, `(batch, groups)` int32.

        Returns:
          `generator_loss` and `discriminator_loss` (mean over the groups), means over all replicas.
        """
        self.traces += 1
        self.begin_step()
        images = tf.unstack(data["image"], axis=1)
        labels = tf.unstack(data["label"], axis=1) if "label" in data else [None] * len(images)
        *inputs, last_inputs = self._draw(data["image"])
        losses = []
        fake = inputs[0][0]
        for number, (real, label, drawn) in enumerate(zip(images, labels, inputs, strict=True)):
            drawn = _after(fake, drawn)
            fake = self.generator(as_call(drawn), training=True)
            losses.append(self._discriminator_step(real, label, fake, drawn, number))
        discriminator_loss = tf.add_n(losses)
        with tf.GradientTape() as tape:
            generator_loss = self._generator_loss(_after(fake, last_inputs), len(images))
        self.apply_gradients(GENERATOR, tape, generator_loss)
        self.update_averages()
        self.step.assign_add(1)
        return mean_over_replicas(
            {
                "generator_loss": generator_loss,
                "discriminator_loss": discriminator_loss / len(images),
            }
        )

    def generator_gradients(self, data: dict[str, tf.Tensor]) -> list[tf.Tensor]:
        """This replica's share of the gradient of the generator's loss at a step that it counts."""
        drawn = self._draw(data["image"])
        with tf.GradientTape() as tape:
            loss = self._generator_loss(drawn[-1], len(drawn) - 1)
        self.step.assign_add(1)
        return gradients_of(self.parameters(GENERATOR), tape, loss)

    def _draw(self, images: tf.Tensor) -> list[Inputs]:
        """This replica's share of what the generator takes in a step.

        That is one tuple for each discriminator step, then the generator's. All replicas draw
        everything, so that the step does not depend on their number.
        """
        batch_size, groups = images.shape[:2]
        replicas = tf.distribute.get_replica_context()
        count, index = replicas.num_replicas_in_sync, replicas.replica_id_in_sync_group
        sizes = [batch_size * count] * groups + [self.config.generator_batch_size]
        drawn = self.gan.prior.draw(sum(sizes), draws.fold_in(self.stream, self.step))
        shares = []
        for tensor in drawn:
            parts = tf.split(tensor, sizes)
            shares.append([tf.reshape(p, [count, -1, *p.shape[1:]])[index] for p in parts])
        return list(zip(*shares, strict=True))

    def _discriminator_step(
        self,
        real: tf.Tensor,
        labels: tf.Tensor | None,
        fake: tf.Tensor,
        inputs: Inputs,
        number: int,
    ) -> tf.Tensor:
        """Step number `number` of the discriminator's; returns its loss."""
        with tf.GradientTape() as tape:
            images = tf.concat([real, fake], axis=0)
            fake_labels = inputs[1] if labels is not None else None
            both = tf.concat([labels, fake_labels], axis=0) if labels is not None else None
            seed = self._seed(number)
            seen = self._augment(images, seed)
            seen_real, seen_fake = tf.split(seen, 2)
            scores, logits = self._judge_both(seen, both)
            loss = self.adversarial_loss.discriminator(*scores)
            context = StepContext(
                network=self.discriminator,
                teacher=self.teachers.get(self._discriminator_name),
                judge=self._judge,
                inputs=inputs,
                fake=seen_fake,
                fake_scores=scores[1],
                fake_labels=fake_labels,
                real=seen_real,
                real_scores=scores[0],
                real_labels=labels,
                real_logits=logits[0],
                fake_logits=logits[1],
                seed=seed,
            )
            loss = self.add_terms(loss, DISCRIMINATOR, context)
        self.apply_gradients(DISCRIMINATOR, tape, loss)
        return loss

    def _generator_loss(self, inputs: Inputs, number: int) -> tf.Tensor:
        """The generator's loss; `number` keeps its draws apart from the discriminator's."""
        fake, maps = self.made(self._generator_name, as_call(inputs))
        labels = inputs[1] if len(inputs) > 1 else None
        seed = self._seed(number)
        augmented = self._augment(fake, seed)
        scores, logits = judged(self.discriminator, augmented, labels, training=True)
        context = StepContext(
            network=self.generator,
            teacher=self.teachers.get(self._generator_name),
            judge=self._judge,
            inputs=inputs,
            fake=fake,
            fake_scores=scores,
            fake_labels=labels,
            fake_logits=logits,
            seed=seed,
            maps=maps,
            adapters=self.adapters.get(self._generator_name),
        )
        return self.add_terms(self.adversarial_loss.generator(scores), GENERATOR, context)

    def _judge(self, images: tf.Tensor, labels: tf.Tensor | None) -> tf.Tensor:
        """Scores `(N, 1)`, in training mode."""
        return judged(self.discriminator, images, labels, training=True)[0]

    def _judge_both(self, images: tf.Tensor, labels: tf.Tensor | None) -> tuple[list, list]:
        """Scores and logits of real images and of the generated ones behind them, as pairs."""
        if not self.gan.spec.judged_apart:
            # One call for both, so that each step makes one power iteration.
            both = judged(self.discriminator, images, labels, training=True)
            return tuple([None, None] if part is None else tf.split(part, 2) for part in both)
        classes = [None, None] if labels is None else tf.split(labels, 2)
        pairs = [
            judged(self.discriminator, *half, training=True)
            for half in zip(tf.split(images, 2), classes, strict=True)
        ]
        return tuple(map(list, zip(*pairs, strict=True)))

    def _seed(self, number: int) -> tf.Tensor:
        """What a part of a step draws beside latents, another for each replica."""
        step = draws.fold_in(draws.fold_in(self.stream, self.step), AUGMENTATION + number)
        return draws.fold_in(step, tf.distribute.get_replica_context().replica_id_in_sync_group)


def _after(first: tf.Tensor, then: Inputs) -> Inputs:
    """`then`, once `first` is there.

    TensorFlow would make all passes of the generator at a time, and keep the maps of all.
    """
    with tf.control_dependencies([first]):
        return tuple(tf.identity(tensor) for tensor in then)
