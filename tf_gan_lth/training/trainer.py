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
from tf_gan_lth.experiment.errors import TrainingError, UsageError
from tf_gan_lth.pruning import masks as pruning
from tf_gan_lth.pruning.wrapping import LotterySchedule, set_masks, wrap
from tf_gan_lth.training import latents
from tf_gan_lth.training.gan import NoiseToImageGAN
from tf_gan_lth.training.losses import LOSSES

Weights = dict[str, Arrays]  # {network: snapshot}
Masks = dict[str, Arrays]  # {network: mask}, only of the networks that are pruned
EMA = "_ema"
ORDER = -1  # the draw of a training's stream that seeds the data order; the latents use its steps, from 0


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
        self.images = images
        strategy = strategy or tf.distribute.get_strategy()
        _check_replicas(self.config, strategy.num_replicas_in_sync)
        beta_1, beta_2 = gan.hyperparameters.adam_betas
        with strategy.scope():
            self.networks = {name: wrap(network, schedule) if masked else network for name, network in gan.networks.items()}
            self.model = NoiseToImageGAN(
                self.networks["generator"],
                self.networks["discriminator"],
                LOSSES[gan.hyperparameters.loss],
                self.config.generator_batch_size,
                self.config.ema_decay,
            )
            adam = functools.partial(keras.optimizers.Adam, self.config.learning_rate, beta_1, beta_2, epsilon=1e-8)
            self.model.compile(adam(), adam(), jit_compile=self.config.jit_compile)

    def start(self, weights: Weights, masks: Masks, seed: np.ndarray) -> None:
        """Puts everything in the state of step 0: weights, masks, EMA, optimizers and random stream.

        Args:
          weights: rewound weights, already masked.
          masks: which of them are pruned.
          seed: two int32, the stream of the latents.

        Raises:
          MaskError: a pruned weight is not zero, or masks and weights do not fit.
        """
        for name, network in self.networks.items():
            pruning.check_pruned(weights[name], masks.get(name, {}), f"start of training, {name}")
            models.load_snapshot(network, weights[name])
            set_masks(network, masks.get(name, {}))
        for average, variable in zip(self.model.ema, self.networks["generator"].trainable_variables, strict=True):
            average.assign(variable)
        for optimizer in (self.model.optimizer, self.model.discriminator_optimizer):
            for variable in optimizer.variables:
                variable.assign(tf.zeros_like(variable))
        self.model.stream.assign(seed)
        self.model.step.assign(0)

    def train(self, weights: Weights, masks: Masks, seed: np.ndarray, callbacks: list[keras.callbacks.Callback]) -> Weights:
        """Trains for the configured number of steps.

        Args:
          weights, masks, seed: as in `start`; the seed is the stream of the data order too.
          callbacks: of `fit`.

        Returns:
          The trained weights: a snapshot of each network, and `generator_ema`.

        Raises:
          MaskError: a pruned weight did not stay exactly zero.
          TrainingError: training diverged.
        """
        self.start(weights, masks, seed)
        order = latents.fold_in(seed, ORDER).numpy()
        batches = training_batches(self.images, self.config.discriminator_batch_size, self.config.discriminator_steps, order)
        self.model.fit(batches, steps_per_epoch=self.config.steps, epochs=1, verbose=0, callbacks=callbacks)
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
        generator = self.networks["generator"]
        averages = {v.ref(): average for v, average in zip(generator.trainable_variables, self.model.ema, strict=True)}
        taken["generator" + EMA] = {path: averages.get(v.ref(), v).numpy() for path, v in models.variables(generator).items()}
        return taken
