"""The training step of CycleGAN (Zhu et al. 2017): two domains, on unpaired images."""

import numpy as np
import tensorflow as tf

from tf_gan_lth.data import Domains, draws, translation_batches
from tf_gan_lth.gans.spec import DISCRIMINATOR, GENERATOR
from tf_gan_lth.training.losses import consistency
from tf_gan_lth.training.model import (
    STEPS,
    GANModel,
    Passes,
    gradients_of,
    mean_over_replicas,
    required,
)
from tf_gan_lth.training.pool import ImagePool
from tf_gan_lth.training.terms import StepContext

DIRECTIONS = {"generator_a2b": ("a", "b"), "generator_b2a": ("b", "a")}  # from, to
JUDGES = {"a": "discriminator_a", "b": "discriminator_b"}
INTO = {"a": "generator_b2a", "b": "generator_a2b"}


@STEPS.register(name="image_to_image")
class ImageToImage(GANModel):
    """`generator_a2b` and `generator_b2a` translate between two domains and back.

    `discriminator_a` and `discriminator_b` judge them: generators map images `(N, H, W, C)` to
    such, discriminators to scores `(N, 1)`. The GAN's options have `cycle_weight`,
    `identity_weight` and `pool_size`. Args as of `GANModel`.
    """

    def __init__(self, gan, networks, config, teachers, masked):
        super().__init__(gan, networks, config, teachers, masked)
        expected = {*DIRECTIONS, *JUDGES.values()}
        required(networks.keys() == expected, gan.spec, f"networks named {', '.join(expected)}")
        shapes = {domain: networks[name].input_shape[1:] for domain, name in JUDGES.items()}
        size = gan.options.pool_size
        self.pools = {domain: ImagePool(size, shape) for domain, shape in shapes.items()}

    def batches(self, images: Domains, stream: np.ndarray, first_step: int = 0) -> tf.data.Dataset:
        """What `fit` feeds to `train_step`, from a step on: see `translation_batches`."""
        resolution = self.networks["discriminator_a"].input_shape[1]
        size, augmentation = self.config.generator_batch_size, self.config.augmentation
        return translation_batches(images, size, stream, resolution, augmentation, first_step)

    def restart(self, stream: np.ndarray, step: int, end: int | None = None) -> None:
        super().restart(stream, step, end)
        for pool in self.pools.values():
            pool.empty()

    def state(self) -> dict[str, tf.Variable]:
        found = super().state()
        for domain, pool in self.pools.items():
            found[f"pool_{domain}/images"] = pool.images
            found[f"pool_{domain}/count"] = pool.count
        return found

    def passes(self) -> dict[str, Passes]:
        batch = self.config.generator_batch_size
        # Translated, returned and of the domain already; judged in two losses.
        generator = Passes(3 * 3 * batch, batch)
        discriminator = Passes(2 * batch + 3 * 2 * batch, 2 * batch)
        return {
            **dict.fromkeys(DIRECTIONS, generator),
            **dict.fromkeys(JUDGES.values(), discriminator),
        }

    def train_step(self, data: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """One step of both generators, then one of both discriminators.

        Args:
          data: `a` and `b`, `(batch, H, W, C)` float32 in [-1, 1]: this replica's share.

        Returns:
          `generator_loss` and `discriminator_loss`, each of both networks, means over all replicas.
        """
        self.traces += 1
        self.begin_step()
        with tf.GradientTape() as tape:
            generator_loss, fakes = self._generator_loss(data)
        self.apply_gradients(GENERATOR, tape, generator_loss)
        seed = draws.fold_in(self.stream, self.step)
        with tf.GradientTape() as tape:
            losses = []
            for number, domain in enumerate(JUDGES):
                draw = draws.fold_in(seed, number)
                shown = self.pools[domain].exchange(fakes[domain], draw)
                losses.append(self._discriminator_loss(domain, data, shown, draw))
            discriminator_loss = tf.add_n(losses)
        self.apply_gradients(DISCRIMINATOR, tape, discriminator_loss)
        self.update_averages()
        self.step.assign_add(1)
        return mean_over_replicas(
            {"generator_loss": generator_loss, "discriminator_loss": discriminator_loss}
        )

    def generator_gradients(self, data: dict[str, tf.Tensor]) -> list[tf.Tensor]:
        """This replica's share of the gradient of the generators' loss at a step that it counts."""
        with tf.GradientTape() as tape:
            loss, _ = self._generator_loss(data)
        self.step.assign_add(1)
        return gradients_of(self.parameters(GENERATOR), tape, loss)

    def _generator_loss(self, data: dict[str, tf.Tensor]) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """The loss of both generators, and what they made of the images of the other domain."""
        a, b = data["a"], data["b"]
        to_b, to_a = self.networks["generator_a2b"], self.networks["generator_b2a"]
        # A translation and an identity in one call: instance norm keeps images apart.
        both_b, maps_b = self.made("generator_a2b", tf.concat([a, b], axis=0))
        both_a, maps_a = self.made("generator_b2a", tf.concat([b, a], axis=0))
        fake_b, same_b = tf.split(both_b, 2)
        fake_a, same_a = tf.split(both_a, 2)
        cycled_a = to_a(fake_b, training=True)
        cycled_b = to_b(fake_a, training=True)
        fakes, maps = {"a": fake_a, "b": fake_b}, {"a": maps_a, "b": maps_b}
        scores = {domain: self._judge(domain, fake) for domain, fake in fakes.items()}
        loss = self.adversarial_loss.generator(scores["a"])
        loss += self.adversarial_loss.generator(scores["b"])
        loss += self.gan.options.cycle_weight * consistency(a, cycled_a, b, cycled_b)
        loss += self.gan.options.identity_weight * consistency(a, same_a, b, same_b)
        for name, (source, target) in DIRECTIONS.items():
            context = StepContext(
                network=self.networks[name],
                teacher=self.teachers.get(name),
                judge=lambda images, labels, domain=target: self._judge(domain, images),
                inputs=(data[source],),
                fake=fakes[target],
                fake_scores=scores[target],
                maps=tuple(tf.split(one, 2)[0] for one in maps[target]),
                adapters=self.adapters.get(name),
            )
            loss = self.add_terms(loss, GENERATOR, context)
        return loss, fakes

    def _discriminator_loss(
        self, domain: str, data: dict[str, tf.Tensor], fake: tf.Tensor, seed: tf.Tensor
    ) -> tf.Tensor:
        real, name = data[domain], JUDGES[domain]
        scores = tf.split(self._judge(domain, tf.concat([real, fake], axis=0)), 2)
        loss = self.adversarial_loss.discriminator(*scores)
        source, _ = DIRECTIONS[INTO[domain]]
        context = StepContext(
            network=self.networks[name],
            teacher=self.teachers.get(name),
            judge=lambda images, labels: self._judge(domain, images),
            inputs=(data[source],),
            fake=fake,
            fake_scores=scores[1],
            real=real,
            real_scores=scores[0],
            seed=seed,
        )
        return self.add_terms(loss, DISCRIMINATOR, context)

    def _judge(self, domain: str, images: tf.Tensor) -> tf.Tensor:
        """Scores `(N, 1)`, in training mode."""
        return self.networks[JUDGES[domain]](images, training=True)
