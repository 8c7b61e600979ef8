"""Trains a GAN from given weights under given masks, as often as asked, with one traced step."""

import dataclasses
import functools
import itertools
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tf_gan_lth import gans
from tf_gan_lth.data import Domains, ImageSet, draws
from tf_gan_lth.experiment import locks
from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.experiment.config import TrainingConfig
from tf_gan_lth.experiment.errors import TrainingError
from tf_gan_lth.gans.spec import GENERATOR, Hyperparameters
from tf_gan_lth.pruning.channel_masks import Channels
from tf_gan_lth.pruning.masks import check_pruned
from tf_gan_lth.pruning.quantisation import in_bits, quantised_snapshot
from tf_gan_lth.pruning.supernets import Supernet
from tf_gan_lth.pruning.wrapping import wrap
from tf_gan_lth.training.checkpoints import Checkpoints
from tf_gan_lth.training.decay import LinearDecay
from tf_gan_lth.training.features import Adapters
from tf_gan_lth.training.model import STATIC, STEPS, GANModel
from tf_gan_lth.training.optimizers import FusedAdam
from tf_gan_lth.training.options import check_replicas, resolve
from tf_gan_lth.training.terms import switched_on

Weights = dict[str, Arrays]  # {network: snapshot}
Kept = dict[str, Arrays]  # {network: expanded mask}, only of the networks that are pruned
EMA = "_ema"
ORDER = -1  # the draw of a training's stream that seeds the data order; its steps draw from 0 on
GRADIENT_BATCHES = 16  # that `generator_gradients` averages over


@dataclasses.dataclass(frozen=True)
class Start:
    """The state before the first step of a training.

    Attributes:
      weights: snapshots, already masked; without a `<network>_ema` averages start at the weights.
      kept: {network: {variable path: bools}} of those that are pruned.
      seed: two int32, the stream of all draws and of the data order.
      first_step: number of the first step in the stream.
      teachers: snapshots of the networks that teach; empty for none.
      title: names the training for people: callbacks find it as `model.title`.
      without: names of the config's loss terms that count nothing.
      end: step at which the rate of the gammas' own optimizer is 0; None: after the last one.
      supernets: of the networks of which each step trains another configuration.
    """

    weights: Weights
    kept: Kept
    seed: np.ndarray
    first_step: int = 0
    teachers: Weights = dataclasses.field(default_factory=dict)
    title: str = ""
    without: tuple[str, ...] = ()
    end: int | None = None
    supernets: dict[str, Supernet] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Trained:
    """What a training ends with.

    Attributes:
      weights: a snapshot of each network, and `<network>_ema` of each that is averaged.
      kept: expanded masks; those of the start, unless they change within a training.
    """

    weights: Weights
    kept: Kept


class Trainer:
    """One model of a GAN, its kernels wrapped for pruning, that serves every round and branch.

    Args:
      gan: plain networks, built in the config's precision; their weights are not used.
      config: options of training; unset ones are the GAN's own.
      images: what to train on, as the GAN's training step needs it.
      strategy: the `tf.distribute` strategy in use; None is the current one.
      masked: False leaves the pruning wrappers out: no masks, for comparison.
      prune_dense: whether the kernels of Dense layers can be pruned too.
      covered: {network: paths of further variables that masks may cover}.
      teachers: networks by name that can teach; None makes those that the config's terms ask for.
      bits: of the generators' kernels and maps, 32 or 8: see `pruning.quantisation`.
      slimmed: {network: mask} of those that are without channels that their teachers have.
      supernets: {network: full mask} of those that can be trained as supernets.

    Raises:
      UsageError: an option that the GAN has not, or networks that its training step cannot train.
    """

    def __init__(
        self,
        gan: gans.GAN,
        config: TrainingConfig,
        images: ImageSet | Domains,
        strategy: tf.distribute.Strategy | None = None,
        masked: bool = True,
        prune_dense: bool = False,
        covered: dict[str, list[str]] | None = None,
        teachers: dict[str, keras.Model] | None = None,
        bits: int = 32,
        slimmed: dict[str, Channels] | None = None,
        supernets: dict[str, Channels] | None = None,
    ):
        self.config = config = resolve(config, gan.spec)
        self.images = images
        self.bits = bits
        self.strategy = strategy = strategy or tf.distribute.get_strategy()
        check_replicas(config, strategy.num_replicas_in_sync)
        with strategy.scope():
            if teachers is None:
                teachers = _teachers(gan, config)
            self.networks = in_bits(gan, bits)
            if masked:
                self.networks = {n: wrap(net, prune_dense) for n, net in self.networks.items()}
            step = STEPS[gan.spec.step]
            self.model: GANModel = step(gan, self.networks, config, teachers, covered or {})
            self.model.equip(self._adapters(gan, slimmed or {}), supernets or {})
            self.model.compile(
                *_optimizers(self.model, gan.spec.usual, config),
                jit_compile=config.jit_compile,
                steps_per_execution=config.steps_per_execution,
            )

    def _adapters(self, gan: gans.GAN, slimmed: dict[str, Channels]) -> dict[str, Adapters]:
        if not any(term.matches for term, _ in self.model.terms):
            return {}
        names, teachers = gan.spec.of_player(GENERATOR), self.model.teachers
        return {n: Adapters(self.networks[n], teachers[n], slimmed.get(n)) for n in names}

    @property
    def taught(self) -> tuple[str, ...]:
        """The networks that a teacher can teach."""
        return tuple(self.model.teachers)

    def start(self, start: Start) -> None:
        """Sets weights, masks, averages, optimizers, teachers and random stream.

        Raises:
          MaskError: a pruned weight is not zero, or masks and weights do not fit.
        """
        for name, network in self.networks.items():
            kept = start.kept.get(name, {})
            check_pruned(start.weights[name], kept, f"start of training, {name}")
            gans.load_snapshot(network, start.weights[name])
            self.model.set_masks(name, kept)
        for name, averages in self.model.averages.items():
            averaged = start.weights.get(name + EMA, start.weights[name])
            for path, average in averages.items():
                average.assign(averaged[path])
        self.model.title = start.title
        self.model.between_steps = True
        self.model.restart(start.seed, start.first_step, start.end)
        self.model.teach(start.teachers)
        self.model.leave_out(start.without)
        self.model.draw_from(start.supernets)

    def train(
        self,
        start: Start,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        stop: int | None = None,
        checkpoints: Checkpoints | None = None,
    ) -> Trained:
        """Trains up to a step of the stream.

        Args:
          start: what to begin with.
          callbacks: of `fit`.
          stop: number of the step before which training ends; None is the configured number.
          checkpoints: what keeps the state of a training that is interrupted, and continues it;
            None for none.

        Raises:
          MaskError: a pruned weight did not stay exactly zero.
          TrainingError: training diverged.
          KeyboardInterrupt: it was stopped; its state is in the checkpoint.
        """
        stop = self.config.steps if stop is None else stop
        self.start(start)
        first = start.first_step
        if checkpoints:
            first = checkpoints.resume(self.model, first)
            callbacks = [*callbacks, checkpoints]
        try:
            if first < stop:  # a training may be stopped after its last step
                self.model.fit(
                    self.batches(start.seed, first),
                    steps_per_epoch=stop - first,
                    epochs=1,
                    verbose=0,
                    callbacks=list(callbacks),
                )
            trained = Trained(self.snapshot(), self._kept(start.kept))
        except locks.LeaseLost:
            raise  # the files are another process's now
        except KeyboardInterrupt:
            # A step is one call into TensorFlow, so that no signal arrives within. Of several
            # workers each was stopped elsewhere, and they cannot read variables but together.
            several = isinstance(self.strategy, tf.distribute.MultiWorkerMirroredStrategy)
            if checkpoints and self.model.between_steps and not several:
                checkpoints.save(self.model)
            raise
        _check_finite(trained.weights)
        for name, kept in trained.kept.items():
            for snapshot in (name, name + EMA):
                if snapshot in trained.weights:
                    where = f"end of training, {snapshot}"
                    check_pruned(trained.weights[snapshot], kept, where)
        return trained

    def _kept(self, kept: Kept) -> Kept:
        if self.config.mask_update == STATIC:
            return kept
        held = self.model.masks
        return {
            name: {path: held[name][path].mask.numpy().astype(bool) for path in paths}
            for name, paths in kept.items()
        }

    def batches(
        self, seed: np.ndarray, first_step: int = 0
    ) -> tf.data.Dataset | tf.distribute.DistributedDataset:
        """The batches of a stream; each of several replicas gets its share of every batch."""
        order = draws.fold_in(seed, ORDER).numpy()
        batches = self.model.batches(self.images, order, first_step)
        if self.strategy.num_replicas_in_sync == 1:
            return batches
        shares = functools.partial(_shares, batches)
        return self.strategy.distribute_datasets_from_function(shares)

    def snapshot(self) -> Weights:
        """Every network as it is now.

        `<network>_ema` has its averaged parameters and the live batch-norm statistics. Kernels that
        train in 8 bits are what they compute with.
        """
        taken = {name: gans.take_snapshot(network) for name, network in self.networks.items()}
        for name, averages in self.model.averages.items():
            averaged = {path: average.numpy() for path, average in averages.items()}
            taken[name + EMA] = {**taken[name], **averaged}
        networks = {name: self.networks[name.removesuffix(EMA)] for name in taken}
        return {name: quantised_snapshot(networks[name], taken[name]) for name in taken}

    def generator_gradients(self, weights: Weights, seed: np.ndarray) -> dict[str, Arrays]:
        """The gradient of the generators' loss, averaged over the first steps of a stream.

        Args:
          weights: what to take it at.
          seed: two int32, the stream; `GRADIENT_BATCHES` steps of it count.

        Returns:
          {generator: {variable path: float32 array}} of the trainable variables.
        """
        self.start(Start(weights, {}, seed))
        variables = self.model.parameters(GENERATOR)

        @tf.function
        def step(batch: dict[str, tf.Tensor]) -> list[tf.Tensor]:
            shares = self.strategy.run(self.model.generator_gradients, (batch,))
            return [self.strategy.reduce("sum", share, axis=None) for share in shares]

        total = [np.zeros(variable.shape, np.float32) for variable in variables]
        for batch in itertools.islice(self.batches(seed), GRADIENT_BATCHES):
            total = [a + b.numpy() for a, b in zip(total, step(batch), strict=True)]
        pairs = zip(variables, total, strict=True)
        mean = {variable.ref(): array / GRADIENT_BATCHES for variable, array in pairs}
        found = {}
        for name in self.model.gan.spec.of_player(GENERATOR):
            held = gans.variables(self.networks[name])
            found[name] = {p: mean[v.ref()] for p, v in held.items() if v.ref() in mean}
        return found


def _teachers(gan: gans.GAN, config: TrainingConfig) -> dict[str, keras.Model]:
    """Networks for the teachers that a config's terms ask for.

    An unmasked model trains the plain networks themselves, so teachers are copies.
    """
    taught = {term.player for term, _ in switched_on(config) if term.taught}
    names = [name for player in sorted(taught) for name in gan.spec.of_player(player)]
    return {name: keras.models.clone_model(gan.networks[name]) for name in names}


def _check_finite(weights: Weights) -> None:
    for name, snapshot in weights.items():
        broken = [path for path, array in snapshot.items() if not np.isfinite(array).all()]
        if broken:
            raise TrainingError(
                f"training diverged: {broken[0]} of the {name} is not finite; try a lower"
                " --learning_rate"
            )


def _shares(batches: tf.data.Dataset, worker: tf.distribute.InputContext) -> tf.data.Dataset:
    """The shares of a worker's replicas, of batches that every worker makes whole."""
    replicas = worker.num_replicas_in_sync
    own = replicas // worker.num_input_pipelines
    first = own * worker.input_pipeline_id

    def shares(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return {
            name: tf.reshape(t, [replicas, -1, *t.shape[1:]])[first : first + own]
            for name, t in batch.items()
        }

    # Of an endless data set, Keras knows the sizes of all shares.
    endless = tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
    own_shares = batches.map(shares).unbatch().apply(endless)
    return own_shares.prefetch(2).with_options(batches.options())


def _optimizers(
    model: GANModel, usual: Hyperparameters, config: TrainingConfig
) -> tuple[keras.optimizers.Optimizer, keras.optimizers.Optimizer]:
    """Adam for the generators, and for the discriminators."""
    begin = round(config.decay_from * config.steps)

    def adam(rate: float) -> keras.optimizers.Optimizer:
        if begin < config.steps:
            rate = LinearDecay(rate, model.step, begin, config.steps)
        made = FusedAdam(rate, *usual.adam_betas, epsilon=1e-8)
        if config.precision == "mixed_float16":
            return keras.mixed_precision.LossScaleOptimizer(made)
        return made

    return adam(config.learning_rate), adam(config.discriminator_learning_rate)
