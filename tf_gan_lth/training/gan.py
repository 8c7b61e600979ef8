"""The training step of noise-to-image GANs: latents to images."""

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tf_gan_lth.data import ImageSet, training_batches
from tf_gan_lth.experiment.config import TrainingConfig
from tf_gan_lth.gans import variables
from tf_gan_lth.data import draws
from tf_gan_lth.training.losses import distillation
from tf_gan_lth.training.model import GANModel, gradients_of, mean_over_replicas


class NoiseToImageGAN(GANModel):
    """`generator` draws images from latents, `discriminator` tells them from real ones; the
    generator's parameters are averaged.

    Args:
      networks: `generator`, latents `(N, Z)` to images, and `discriminator`, images to scores `(N,
        1)`.
      config, teachers: as in `GANModel`.
    """

    def __init__(
        self,
        networks: dict[str, keras.Model],
        config: TrainingConfig,
        teachers: dict[str, keras.Model],
    ):
        super().__init__(networks, config, teachers)
        self.generator, self.discriminator = networks["generator"], networks["discriminator"]
        trainable = {variable.ref() for variable in self.generator.trainable_variables}
        averaged = {
            path: variable
            for path, variable in variables(self.generator).items()
            if variable.ref() in trainable
        }
        self.averages = {
            "generator": {
                path: tf.Variable(variable, trainable=False) for path, variable in averaged.items()
            }
        }
        self._averaged = averaged

    def batches(self, images: ImageSet, stream: np.ndarray, first_step: int = 0) -> tf.data.Dataset:
        """What `fit` feeds to `train_step`, from a step of a stream on: see `training_batches`."""
        config = self.config
        return training_batches(
            images, config.discriminator_batch_size, config.discriminator_steps, stream, first_step
        )

    def train_step(self, data: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """A discriminator step for each group of real images, then one generator step.

        Args:
          data: `image`, `(batch, groups, H, W, C)` float32 in [-1, 1]: this replica's share.

        Returns:
          `generator_loss` and `discriminator_loss` (mean over the groups), means over all replicas.
        """
        self.traces += 1
        images = tf.unstack(data["image"], axis=1)
        *noises, last_noise = self._draw_latents(data["image"])
        losses, fake = [], noises[0]
        for real, noise in zip(images, noises, strict=True):
            fake = self.generator(_after(fake, noise), training=True)
            losses.append(self._discriminator_step(real, fake))
        discriminator_loss = tf.add_n(losses)
        with tf.GradientTape() as tape:
            generator_loss = self._generator_loss(_after(fake, last_noise))
        self.descend("generator", tape, generator_loss)
        for path, average in self.averages["generator"].items():
            average.assign(
                self.config.ema_decay * average
                + (1.0 - self.config.ema_decay) * self._averaged[path]
            )
        self.step.assign_add(1)
        return mean_over_replicas(
            {
                "generator_loss": generator_loss,
                "discriminator_loss": discriminator_loss / len(images),
            }
        )

    def generator_gradients(self, data: dict[str, tf.Tensor]) -> list[tf.Tensor]:
        """This replica's share of the gradient of the generator's loss at this step, which it only
        counts.
        """
        with tf.GradientTape() as tape:
            loss = self._generator_loss(self._draw_latents(data["image"])[-1])
        self.step.assign_add(1)
        return gradients_of(self.parameters("generator"), tape, loss)

    def _draw_latents(self, images: tf.Tensor) -> list[tf.Tensor]:
        """This replica's share of the step's latents: one tensor for each discriminator step, then
        the generator's.

        All replicas draw all latents, so that the step does not depend on their number.
        """
        batch_size, groups = images.shape[:2]
        replicas = tf.distribute.get_replica_context()
        count, index = replicas.num_replicas_in_sync, replicas.replica_id_in_sync_group
        sizes = [batch_size * count] * groups + [self.config.generator_batch_size]
        drawn = draws.normal(
            [sum(sizes), self.generator.input_shape[-1]], draws.fold_in(self.stream, self.step)
        )
        return [
            tf.reshape(part, [count, -1, drawn.shape[-1]])[index] for part in tf.split(drawn, sizes)
        ]

    def _discriminator_step(self, real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            # One call for both, so that each step makes one power iteration.
            images = tf.concat([real, fake], axis=0)
            scores = tf.split(self.discriminator(images, training=True), 2)
            loss = self.adversarial_loss.discriminator(*scores)
            for teacher in self.teachers.values():
                taught = tf.split(teacher(images, training=False), 2)
                loss += self.kd_weight * tf.add_n(
                    [distillation(*pair) for pair in zip(taught, scores, strict=True)]
                )
        self.descend("discriminator", tape, loss)
        return loss

    def _generator_loss(self, noise: tf.Tensor) -> tf.Tensor:
        return self.adversarial_loss.generator(
            self.discriminator(self.generator(noise, training=True), training=True)
        )


def _after(first: tf.Tensor, then: tf.Tensor) -> tf.Tensor:
    """`then`, once `first` is there: TensorFlow would make all passes of the generator at a time,
    and keep the maps of all.
    """
    with tf.control_dependencies([first]):
        return tf.identity(then)
