"""Trains a GAN from given weights under given masks, as often as asked, with one traced step."""

import dataclasses
import functools

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tf_gan_lth import models
from tf_gan_lth.data import ImageSet, training_batches
from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.experiment.config import TrainingConfig
from tf_gan_lth.experiment.errors import TrainingError, UsageError, check_known
from tf_gan_lth.pruning import masks as pruning
from tf_gan_lth.pruning.wrapping import LotterySchedule, set_masks, wrap
from tf_gan_lth.training import latents
from tf_gan_lth.training.gan import NoiseToImageGAN
from tf_gan_lth.training.losses import LOSSES

Weights = dict[str, Arrays]  # {network: snapshot}
Masks = dict[str, Arrays]  # {network: mask}, only of the networks that are pruned
EMA = "_ema"
ORDER = -1  # the draw of a training's stream that seeds the data order; the latents use its steps, from 0
SNIP_BATCHES = 16  # of latents that `generator_gradients` averages over


def resolve(config: TrainingConfig, usual: models.Hyperparameters) -> TrainingConfig:
    """The config with what is usual for the GAN where an option is unset."""
    unset = {f.name: getattr(usual, f.name) for f in dataclasses.fields(config) if getattr(config, f.name) is None}
    return dataclasses.replace(config, **unset)


def _check_replicas(config: TrainingConfig, replicas: int) -> None:
    for name in ("generator_batch_size", "discriminator_batch_size"):
        size = getattr(config, name)
        if size % replicas:
            raise UsageError(f"--{name}={size} cannot be split evenly over {replicas} replicas")
    if config.jit_compile and replicas > 1:
        raise UsageError(f"--jit_compile works on one device only, not on {replicas} replicas")


class Trainer:
    """One model of a GAN, its kernels wrapped for pruning, that serves every round and branch.

    Args:
      gan: plain networks; their weights are not used.
      config: options of training; unset ones are the GAN's own.
      schedule: what the pruning wrappers report to TFMOT.
      images: what to train on.
      strategy: the `tf.distribute` strategy in use; None is the current one.
      masked: False leaves the pruning wrappers out: no masks, for comparison.
    """

    def __init__(
        self,
        gan: models.GAN,
        config: TrainingConfig,
        schedule: LotterySchedule,
        images: ImageSet,
        strategy: tf.distribute.Strategy | None = None,
        masked: bool = True,
    ):
        self.config = resolve(config, gan.hyperparameters)
        check_known("loss", self.config.loss, LOSSES)
        self.images = images
        self.strategy = strategy = strategy or tf.distribute.get_strategy()
        _check_replicas(self.config, strategy.num_replicas_in_sync)
        beta_1, beta_2 = gan.hyperparameters.adam_betas
        with strategy.scope():
            # An unmasked model trains the plain networks themselves, so the teacher is a copy.
            teacher = keras.models.clone_model(gan.networks["discriminator"]) if self.config.kd_weight else None
            self.networks = {name: wrap(network, schedule) if masked else network for name, network in gan.networks.items()}
            self.model = NoiseToImageGAN(
                self.networks["generator"],
                self.networks["discriminator"],
                LOSSES[self.config.loss],
                self.config.generator_batch_size,
                self.config.ema_decay,
                teacher,
            )
            adam = functools.partial(keras.optimizers.Adam, self.config.learning_rate, beta_1, beta_2, epsilon=1e-8)
            self.model.compile(adam(), adam(), jit_compile=self.config.jit_compile)
        averages = {v.ref(): average for v, average in zip(self.model.generator.trainable_variables, self.model.ema, strict=True)}
        held = models.variables(self.model.generator)
        self._averages = {path: averages[v.ref()] for path, v in held.items() if v.ref() in averages}

    def start(self, weights: Weights, masks: Masks, seed: np.ndarray, first_step: int = 0, teacher: Arrays | None = None) -> None:
        """Puts everything in the state before its first step: weights, masks, EMA, optimizers, teacher and random stream.

        Args:
          weights: rewound weights, already masked; without a `generator_ema` the averages start at the weights.
          masks: which of them are pruned.
          seed: two int32, the stream of the latents.
          first_step: number of that step in the stream.
          teacher: snapshot of the discriminator that teaches; None for none.

        Raises:
          MaskError: a pruned weight is not zero, or masks and weights do not fit.
        """
        for name, network in self.networks.items():
            pruning.check_pruned(weights[name], masks.get(name, {}), f"start of training, {name}")
            models.load_snapshot(network, weights[name])
            set_masks(network, masks.get(name, {}))
        averaged = weights.get("generator" + EMA, weights["generator"])
        for path, average in self._averages.items():
            average.assign(averaged[path])
        if teacher is not None:
            models.load_snapshot(self.model.teacher, teacher)
        self.model.kd_weight.assign(0.0 if teacher is None else self.config.kd_weight)
        for optimizer in (self.model.optimizer, self.model.discriminator_optimizer):
            for variable in optimizer.variables:
                variable.assign(tf.zeros_like(variable))
        self.model.stream.assign(seed)
        self.model.step.assign(first_step)

    def train(
        self,
        weights: Weights,
        masks: Masks,
        seed: np.ndarray,
        callbacks: list[keras.callbacks.Callback],
        steps: range | None = None,
        teacher: Arrays | None = None,
    ) -> Weights:
        """Trains for the configured number of steps.

        Args:
          weights, masks, seed, teacher: as in `start`; the seed is the stream of the data order too.
          callbacks: of `fit`.
          steps: which steps of the stream to take; None is all of them.

        Returns:
          The trained weights: a snapshot of each network, and `generator_ema`.

        Raises:
          MaskError: a pruned weight did not stay exactly zero.
          TrainingError: training diverged.
        """
        steps = range(self.config.steps) if steps is None else steps
        self.start(weights, masks, seed, steps.start, teacher)
        order = latents.fold_in(seed, ORDER).numpy()
        batches = training_batches(
            self.images, self.config.discriminator_batch_size, self.config.discriminator_steps, order, steps.start
        )
        self.model.fit(batches, steps_per_epoch=len(steps), epochs=1, verbose=0, callbacks=callbacks)
        trained = self.snapshot()
        for name, snapshot in trained.items():
            broken = [path for path, array in snapshot.items() if not np.isfinite(array).all()]
            if broken:
                raise TrainingError(f"training diverged: {broken[0]} of the {name} is not finite; try a lower --learning_rate")
        for name, mask in masks.items():
            pruning.check_pruned(trained[name], mask, f"end of training, {name}")
            if name + EMA in trained:
                pruning.check_pruned(trained[name + EMA], mask, f"end of training, {name}{EMA}")
        return trained

    def snapshot(self) -> Weights:
        """Every network as it is now; `generator_ema` has the averaged parameters and the live batch-norm statistics."""
        taken = {name: models.take_snapshot(network) for name, network in self.networks.items()}
        taken["generator" + EMA] = {**taken["generator"], **{path: average.numpy() for path, average in self._averages.items()}}
        return taken

    def generator_gradients(self, weights: Weights, seed: np.ndarray) -> Arrays:
        """The gradient of the generator's loss at some weights, averaged over `SNIP_BATCHES` batches of latents.

        Args:
          weights, seed: as in `start`.

        Returns:
          {variable path: float32 array} of the generator's trainable variables.
        """
        self.start(weights, {}, seed)
        strategy, generator = self.strategy, self.networks["generator"]
        size, latent_dim = self.config.generator_batch_size // strategy.num_replicas_in_sync, generator.input_shape[-1]

        @tf.function
        def step(batch: tf.Tensor) -> list[tf.Tensor]:
            def on_replica() -> list[tf.Tensor]:
                index = tf.distribute.get_replica_context().replica_id_in_sync_group
                noise = latents.normal([self.config.generator_batch_size, latent_dim], latents.fold_in(seed, batch))
                return self.model.generator_gradients(noise[index * size : (index + 1) * size])

            return [strategy.reduce("sum", gradient, axis=None) for gradient in strategy.run(on_replica)]

        total = step(tf.constant(0))
        for batch in range(1, SNIP_BATCHES):
            total = [a + b for a, b in zip(total, step(tf.constant(batch)), strict=True)]
        found = {v.ref(): a.numpy() / SNIP_BATCHES for v, a in zip(generator.trainable_variables, total, strict=True)}
        return {path: found[v.ref()] for path, v in models.variables(generator).items() if v.ref() in found}
