"""Trains a GAN from given weights under given masks, as often as asked, with one traced step."""

import functools
import itertools

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tf_gan_lth import models
from tf_gan_lth.data import Domains, ImageSet
from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.experiment.config import TrainingConfig
from tf_gan_lth.experiment.errors import TrainingError
from tf_gan_lth.pruning import masks as pruning
from tf_gan_lth.pruning.wrapping import LotterySchedule, set_masks, wrap
from tf_gan_lth.data import draws
from tf_gan_lth.training.checkpoints import Checkpoints
from tf_gan_lth.training.cyclegan import CycleGAN
from tf_gan_lth.training.decay import LinearDecay
from tf_gan_lth.training.gan import NoiseToImageGAN
from tf_gan_lth.training.model import GANModel
from tf_gan_lth.training.optimizers import FusedAdam
from tf_gan_lth.training.options import check_replicas, resolve

Weights = dict[str, Arrays]  # {network: snapshot}
Masks = dict[str, Arrays]  # {network: mask}, only of the networks that are pruned
EMA = "_ema"
ORDER = -1  # the draw of a training's stream that seeds the data order; its steps draw from 0 on
GRADIENT_BATCHES = 16  # that `generator_gradients` averages over

FAMILIES = {"noise_to_image": NoiseToImageGAN, "image_to_image": CycleGAN}


class Trainer:
    """One model of a GAN, its kernels wrapped for pruning, that serves every round and branch.

    Args:
      gan: plain networks, built in the config's precision; their weights are not used.
      config: options of training; unset ones are the GAN's own.
      schedule: what the pruning wrappers report to TFMOT.
      images: what to train on, as the GAN's family needs it.
      strategy: the `tf.distribute` strategy in use; None is the current one.
      masked: False leaves the pruning wrappers out: no masks, for comparison.
    """

    def __init__(
        self,
        gan: models.GAN,
        config: TrainingConfig,
        schedule: LotterySchedule,
        images: ImageSet | Domains,
        strategy: tf.distribute.Strategy | None = None,
        masked: bool = True,
    ):
        self.config = config = resolve(config, gan.kind)
        self.images = images
        self.strategy = strategy = strategy or tf.distribute.get_strategy()
        check_replicas(config, strategy.num_replicas_in_sync)
        with strategy.scope():
            # An unmasked model trains the plain networks themselves, so teachers are copies.
            taught = (
                [name for name in gan.networks if models.role(name) == "discriminator"]
                if config.kd_weight
                else []
            )
            teachers = {name: keras.models.clone_model(gan.networks[name]) for name in taught}
            self.networks = {
                name: wrap(network, schedule) if masked else network
                for name, network in gan.networks.items()
            }
            self.model = FAMILIES[gan.kind.family](self.networks, config, teachers)
            self.model.compile(
                *_optimizers(self.model, gan.kind.hyperparameters, config),
                jit_compile=config.jit_compile,
                steps_per_execution=config.steps_per_execution,
            )

    def start(
        self,
        weights: Weights,
        masks: Masks,
        seed: np.ndarray,
        first_step: int = 0,
        teachers: Weights | None = None,
    ) -> None:
        """Puts everything in the state before its first step: weights, masks, EMA, optimizers,
        teachers and random stream.

        Args:
          weights: rewound weights, already masked; without a `generator_ema` the averages start at
            the weights.
          masks: which of them are pruned.
          seed: two int32, the stream of all draws.
          first_step: number of that step in the stream.
          teachers: snapshots of the discriminators that teach; None for none.

        Raises:
          MaskError: a pruned weight is not zero, or masks and weights do not fit.
        """
        for name, network in self.networks.items():
            pruning.check_pruned(weights[name], masks.get(name, {}), f"start of training, {name}")
            models.load_snapshot(network, weights[name])
            set_masks(network, masks.get(name, {}))
        for name, averages in self.model.averages.items():
            averaged = weights.get(name + EMA, weights[name])
            for path, average in averages.items():
                average.assign(averaged[path])
        self.model.restart(seed, first_step)
        self.model.teach(teachers or {})

    def train(
        self,
        weights: Weights,
        masks: Masks,
        seed: np.ndarray,
        callbacks: list[keras.callbacks.Callback],
        steps: range | None = None,
        teachers: Weights | None = None,
        checkpoints: Checkpoints | None = None,
    ) -> Weights:
        """Trains for the configured number of steps.

        Args:
          weights, masks, seed, teachers: as in `start`; the seed is the stream of the data order
            too.
          callbacks: of `fit`.
          steps: which steps of the stream to take; None is all of them.
          checkpoints: what keeps the state of a training that is interrupted, and continues it;
            None for none.

        Returns:
          The trained weights: a snapshot of each network, and `<network>_ema` of each that is
            averaged.

        Raises:
          MaskError: a pruned weight did not stay exactly zero.
          TrainingError: training diverged.
        """
        steps = range(self.config.steps) if steps is None else steps
        self.start(weights, masks, seed, steps.start, teachers)
        first = checkpoints.resume(self.model, steps.start) if checkpoints else steps.start
        callbacks = [*callbacks, checkpoints] if checkpoints else callbacks
        self.model.fit(
            self.batches(seed, first),
            steps_per_epoch=steps.stop - first,
            epochs=1,
            verbose=0,
            callbacks=callbacks,
        )
        trained = self.snapshot()
        for name, snapshot in trained.items():
            broken = [path for path, array in snapshot.items() if not np.isfinite(array).all()]
            if broken:
                raise TrainingError(
                    f"training diverged: {broken[0]} of the {name} is not finite; try a lower"
                    " --learning_rate"
                )
        for name, mask in masks.items():
            pruning.check_pruned(trained[name], mask, f"end of training, {name}")
            if name + EMA in trained:
                pruning.check_pruned(trained[name + EMA], mask, f"end of training, {name}{EMA}")
        return trained

    def batches(
        self, seed: np.ndarray, first_step: int = 0
    ) -> tf.data.Dataset | tf.distribute.DistributedDataset:
        """The batches of a stream; on several replicas, which may be other workers', each gets its
        share of every batch.
        """
        batches = self.model.batches(self.images, draws.fold_in(seed, ORDER).numpy(), first_step)
        if self.strategy.num_replicas_in_sync == 1:
            return batches
        return self.strategy.distribute_datasets_from_function(functools.partial(_shares, batches))

    def snapshot(self) -> Weights:
        """Every network as it is now; `<network>_ema` has its averaged parameters and the live
        batch-norm statistics.
        """
        taken = {name: models.take_snapshot(network) for name, network in self.networks.items()}
        for name, averages in self.model.averages.items():
            taken[name + EMA] = {
                **taken[name],
                **{path: average.numpy() for path, average in averages.items()},
            }
        return taken

    def generator_gradients(self, weights: Weights, seed: np.ndarray) -> dict[str, Arrays]:
        """The gradient of the generators' loss at some weights, averaged over the first
        `GRADIENT_BATCHES` steps of a stream.

        Args:
          weights, seed: as in `start`.

        Returns:
          {generator: {variable path: float32 array}} of the trainable variables.
        """
        self.start(weights, {}, seed)
        variables = self.model.parameters("generator")

        @tf.function
        def step(batch: dict[str, tf.Tensor]) -> list[tf.Tensor]:
            shares = self.strategy.run(self.model.generator_gradients, (batch,))
            return [self.strategy.reduce("sum", share, axis=None) for share in shares]

        total = [np.zeros(variable.shape, np.float32) for variable in variables]
        for batch in itertools.islice(self.batches(seed), GRADIENT_BATCHES):
            total = [a + b.numpy() for a, b in zip(total, step(batch), strict=True)]
        mean = {v.ref(): a / GRADIENT_BATCHES for v, a in zip(variables, total, strict=True)}
        generators = {
            name: models.variables(network)
            for name, network in self.networks.items()
            if models.role(name) == "generator"
        }
        return {
            n: {path: mean[v.ref()] for path, v in held.items() if v.ref() in mean}
            for n, held in generators.items()
        }


def _shares(batches: tf.data.Dataset, worker: tf.distribute.InputContext) -> tf.data.Dataset:
    """The shares of a worker's replicas, one after the other, of batches that every worker makes
    whole.
    """
    replicas = worker.num_replicas_in_sync
    own = replicas // worker.num_input_pipelines
    first = own * worker.input_pipeline_id

    def shares(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return {
            name: tf.reshape(t, [replicas, -1, *t.shape[1:]])[first : first + own]
            for name, t in batch.items()
        }

    # Of an endless data set, Keras knows the sizes of all shares.
    own_shares = (
        batches.map(shares)
        .unbatch()
        .apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))
    )
    return own_shares.prefetch(2).with_options(batches.options())


def _optimizers(
    model: GANModel, usual: models.Hyperparameters, config: TrainingConfig
) -> tuple[keras.optimizers.Optimizer, keras.optimizers.Optimizer]:
    """Adam for the generators, and for the discriminators."""
    begin, rate = round(config.decay_from * config.steps), config.learning_rate
    rates = LinearDecay(rate, model.step, begin, config.steps) if begin < config.steps else rate
    adam = functools.partial(FusedAdam, rates, *usual.adam_betas, epsilon=1e-8)
    if config.precision == "mixed_float16":
        return keras.mixed_precision.LossScaleOptimizer(
            adam()
        ), keras.mixed_precision.LossScaleOptimizer(adam())
    return adam(), adam()
