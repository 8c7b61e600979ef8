"""The training step of noise-to-image GANs as a `keras.Model`, so that `fit`, callbacks and strategies come from Keras."""

import tensorflow as tf
import tf_keras as keras

from tf_gan_lth.pruning.wrapping import masks_of
from tf_gan_lth.training import latents
from tf_gan_lth.training.losses import AdversarialLoss, distillation

Optimizer = keras.optimizers.Optimizer


class NoiseToImageGAN(keras.Model):
    """A generator and a discriminator that train each other, and the running average (EMA) of the generator's parameters.

    Everything that differs between rounds is a variable (weights, masks, optimizer state, the random stream), so the step
    is traced once a process.

    Args:
      generator: latents `(N, Z)` to images.
      discriminator: images to scores `(N, 1)`.
      loss: what the two minimise.
      generator_batch_size: images of a generator step, over all replicas.
      ema_decay: decay of the average, in [0, 1].
      teacher: a discriminator that the trained one is to agree with; None for none.

    Attributes:
      kd_weight: how much the teacher counts; 0 at first.
      ema: averages of `generator.trainable_variables`, in the same order.
      stream: two int32; with `step` they seed the latents.
      traces: how often `train_step` was traced, once for each replica.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        loss: AdversarialLoss,
        generator_batch_size: int,
        ema_decay: float,
        teacher: keras.Model | None = None,
    ):
        super().__init__(name="noise_to_image_gan")
        self.generator = generator
        self.discriminator = discriminator
        self.adversarial_loss = loss
        self.generator_batch_size = generator_batch_size
        self.ema_decay = ema_decay
        self.ema = [tf.Variable(variable, trainable=False) for variable in generator.trainable_variables]
        self.teacher = teacher
        self.kd_weight = tf.Variable(0.0, trainable=False)
        self.stream = tf.Variable([0, 0], dtype=tf.int32, trainable=False)
        self.step = tf.Variable(0, dtype=tf.int32, trainable=False, aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA)
        self.traces = 0

    def compile(self, generator_optimizer: Optimizer, discriminator_optimizer: Optimizer, **kwargs) -> None:
        """As `keras.Model.compile`; creates the optimizers' variables, so that nothing is created later."""
        super().compile(optimizer=generator_optimizer, **kwargs)
        self.discriminator_optimizer = discriminator_optimizer
        generator_optimizer.build(self.generator.trainable_variables)
        discriminator_optimizer.build(self.discriminator.trainable_variables)

    def train_step(self, data: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """A discriminator step for each group of real images, then one generator step.

        Args:
          data: `image`, `(batch, groups, H, W, C)` float32 in [-1, 1]: this replica's share.

        Returns:
          `generator_loss` and `discriminator_loss` (mean over the groups), means over all replicas.
        """
        self.traces += 1
        images = tf.unstack(data["image"], axis=1)
        *noises, last_noise = self._draw_latents(len(images), images[0].shape[0])
        discriminator_loss = tf.add_n([self._discriminator_step(real, noise) for real, noise in zip(images, noises, strict=True)])
        generator_loss = self._generator_step(last_noise)
        for average, variable in zip(self.ema, self.generator.trainable_variables, strict=True):
            average.assign(self.ema_decay * average + (1.0 - self.ema_decay) * variable)
        self.step.assign_add(1)
        replicas = tf.distribute.get_replica_context()
        losses = {"generator_loss": generator_loss, "discriminator_loss": discriminator_loss / len(images)}
        return {name: replicas.all_reduce(tf.distribute.ReduceOp.MEAN, loss) for name, loss in losses.items()}

    def _draw_latents(self, groups: int, batch_size: int) -> list[tf.Tensor]:
        """This replica's share of the step's latents: one tensor for each discriminator step, then the generator's.

        All replicas draw all latents, so that the step does not depend on their number.
        """
        replicas = tf.distribute.get_replica_context()
        count, index = replicas.num_replicas_in_sync, replicas.replica_id_in_sync_group
        sizes = [batch_size * count] * groups + [self.generator_batch_size]
        drawn = latents.normal([sum(sizes), self.generator.input_shape[-1]], latents.fold_in(self.stream, self.step))
        return [tf.reshape(part, [count, -1, drawn.shape[-1]])[index] for part in tf.split(drawn, sizes)]

    def _discriminator_step(self, real: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        fake = self.generator(noise, training=True)
        with tf.GradientTape() as tape:
            # One call for both, so that each step makes one power iteration.
            images = tf.concat([real, fake], axis=0)
            scores = tf.split(self.discriminator(images, training=True), 2)
            loss = self.adversarial_loss.discriminator(*scores)
            if self.teacher is not None:
                taught = tf.split(self.teacher(images, training=False), 2)
                loss += self.kd_weight * tf.add_n([distillation(*pair) for pair in zip(taught, scores, strict=True)])
        self._descend(self.discriminator, self.discriminator_optimizer, tape, loss)
        return loss

    def _generator_step(self, noise: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = self._generator_loss(noise)
        self._descend(self.generator, self.optimizer, tape, loss)
        return loss

    def _generator_loss(self, noise: tf.Tensor) -> tf.Tensor:
        return self.adversarial_loss.generator(self.discriminator(self.generator(noise, training=True), training=True))

    def generator_gradients(self, noise: tf.Tensor) -> list[tf.Tensor]:
        """The gradient of the generator's loss on this replica's latents; its sum over the replicas is that of the batch."""
        with tf.GradientTape() as tape:
            loss = self._generator_loss(noise)
        return self._gradients(self.generator, tape, loss)

    def _gradients(self, network: keras.Model, tape: tf.GradientTape, loss: tf.Tensor) -> list[tf.Tensor]:
        # They are summed over the replicas; the loss is a mean over all of them.
        share = tf.constant(1.0 / tf.distribute.get_replica_context().num_replicas_in_sync)
        return tape.gradient(loss, network.trainable_variables, output_gradients=share)

    def _descend(self, network: keras.Model, optimizer: Optimizer, tape: tf.GradientTape, loss: tf.Tensor) -> None:
        """One optimizer step; a pruned weight gets the gradient 0, so from zero moments Adam leaves it exactly zero."""
        variables, gradients = network.trainable_variables, self._gradients(network, tape, loss)
        masks = {weight.ref(): mask for weight, mask in masks_of(network).values()}
        masked = [g * masks[v.ref()] if v.ref() in masks else g for g, v in zip(gradients, variables, strict=True)]
        optimizer.apply_gradients(zip(masked, variables, strict=True))
