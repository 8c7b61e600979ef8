"""The training step of CycleGAN (Zhu et al. 2017): two generators and two discriminators, on
unpaired images.
"""

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tf_gan_lth.data import Domains, translation_batches
from tf_gan_lth.experiment.config import TrainingConfig
from tf_gan_lth.data import draws
from tf_gan_lth.training.losses import consistency
from tf_gan_lth.training.model import GANModel, gradients_of, mean_over_replicas
from tf_gan_lth.training.pool import ImagePool


class CycleGAN(GANModel):
    """`generator_a2b` and `generator_b2a` translate between two domains, `discriminator_a` and
    `discriminator_b` judge them.

    Args:
      networks: the four, generators from images `(N, H, W, C)` to such, discriminators to scores
        `(N, 1)`.
      config, teachers: as in `GANModel`; there is no distillation here, so no teacher.
    """

    def __init__(
        self,
        networks: dict[str, keras.Model],
        config: TrainingConfig,
        teachers: dict[str, keras.Model],
    ):
        super().__init__(networks, config, teachers)
        shapes = {domain: networks[f"discriminator_{domain}"].input_shape[1:] for domain in "ab"}
        self.pools = {
            domain: ImagePool(config.pool_size, shape) for domain, shape in shapes.items()
        }

    def batches(self, images: Domains, stream: np.ndarray, first_step: int = 0) -> tf.data.Dataset:
        """What `fit` feeds to `train_step`, from a step of a stream on: see
        `translation_batches`.
        """
        resolution = self.networks["discriminator_a"].input_shape[1]
        config = self.config
        return translation_batches(
            images, config.generator_batch_size, stream, resolution, config.augmentation, first_step
        )

    def restart(self, stream: np.ndarray, step: int) -> None:
        super().restart(stream, step)
        for pool in self.pools.values():
            pool.empty()

    def state(self) -> dict[str, tf.Variable]:
        found = super().state()
        for domain, pool in self.pools.items():
            found.update({f"pool_{domain}/images": pool.images, f"pool_{domain}/count": pool.count})
        return found

    def train_step(self, data: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """One step of both generators, then one of both discriminators.

        Args:
          data: `a` and `b`, `(batch, H, W, C)` float32 in [-1, 1]: this replica's share.

        Returns:
          `generator_loss` and `discriminator_loss`, each of both networks, means over all replicas.
        """
        self.traces += 1
        with tf.GradientTape() as tape:
            generator_loss, fakes = self._generator_loss(data)
        self.descend("generator", tape, generator_loss)
        seed = draws.fold_in(self.stream, self.step)
        with tf.GradientTape() as tape:
            discriminator_loss = tf.add_n(
                [
                    self._discriminator_loss(
                        domain, data[domain], self.pools[domain].exchange(fakes[domain], draw)
                    )
                    for domain, draw in [
                        ("a", draws.fold_in(seed, 0)),
                        ("b", draws.fold_in(seed, 1)),
                    ]
                ]
            )
        self.descend("discriminator", tape, discriminator_loss)
        self.step.assign_add(1)
        return mean_over_replicas(
            {"generator_loss": generator_loss, "discriminator_loss": discriminator_loss}
        )

    def generator_gradients(self, data: dict[str, tf.Tensor]) -> list[tf.Tensor]:
        """This replica's share of the gradient of the generators' loss at this step, which it only
        counts.
        """
        with tf.GradientTape() as tape:
            loss, _ = self._generator_loss(data)
        self.step.assign_add(1)
        return gradients_of(self.parameters("generator"), tape, loss)

    def _generator_loss(self, data: dict[str, tf.Tensor]) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """The loss of both generators, and what they made of the images of the other domain."""
        config, a, b = self.config, data["a"], data["b"]
        # A translation and an identity in one call: instance norm keeps images apart.
        fake_b, same_b = tf.split(
            self.networks["generator_a2b"](tf.concat([a, b], axis=0), training=True), 2
        )
        fake_a, same_a = tf.split(
            self.networks["generator_b2a"](tf.concat([b, a], axis=0), training=True), 2
        )
        cycled_a = self.networks["generator_b2a"](fake_b, training=True)
        cycled_b = self.networks["generator_a2b"](fake_a, training=True)
        loss = self.adversarial_loss.generator(
            self.networks["discriminator_a"](fake_a, training=True)
        )
        loss += self.adversarial_loss.generator(
            self.networks["discriminator_b"](fake_b, training=True)
        )
        loss += config.cycle_weight * consistency(a, cycled_a, b, cycled_b)
        loss += config.identity_weight * consistency(a, same_a, b, same_b)
        return loss, {"a": fake_a, "b": fake_b}

    def _discriminator_loss(self, domain: str, real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
        scores = self.networks[f"discriminator_{domain}"](
            tf.concat([real, fake], axis=0), training=True
        )
        return self.adversarial_loss.discriminator(*tf.split(scores, 2))
