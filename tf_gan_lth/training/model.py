"""What the training steps of all GANs share, as a `keras.Model`: `fit`, callbacks and strategies
come from Keras.
"""

import dataclasses
from collections.abc import Collection, Iterable

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tf_gan_lth import gans
from tf_gan_lth.data import draws
from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.experiment.config import TrainingConfig
from tf_gan_lth.experiment.errors import MaskError, UsageError
from tf_gan_lth.experiment.registry import Registry
from tf_gan_lth.gans.spec import DISCRIMINATOR, GENERATOR, GANSpec, Player
from tf_gan_lth.pruning.channel_masks import Channels
from tf_gan_lth.pruning.masks import check_shapes
from tf_gan_lth.pruning.supernets import Supernet
from tf_gan_lth.pruning.wrapping import masks_of
from tf_gan_lth.training.configurations import Configurations
from tf_gan_lth.training.features import Adapters, Maps
from tf_gan_lth.training.gammas import Gammas
from tf_gan_lth.training.losses import LOSSES
from tf_gan_lth.training.optimizers import loss_scale_of, rate_of
from tf_gan_lth.training.step_weights import StepWeights
from tf_gan_lth.training.terms import L1, StepContext, Term, gammas_of, switched_on
from tf_gan_lth.training.updates import UPDATES, Masked

Optimizer = keras.optimizers.Optimizer
STATIC = "static"


@dataclasses.dataclass(frozen=True)
class Passes:
    """What a training step takes of a network, in images.

    Attributes:
      images: that pass through it, once for each way: forwards, backwards to what was read, and
        backwards to the weights.
      own: that the loss of its own player is of: as many does a teacher of it see.
    """

    images: int
    own: int


class GANModel(keras.Model):
    """Networks of two players, generators and discriminators, that train each other.

    Everything that differs between rounds is a variable (weights, masks, optimizer state, the
    random stream), so the step is traced once a process. A training step is a subclass with
    `batches`, `train_step` and `generator_gradients`, registered in `STEPS`.

    Args:
      gan: what the GAN is: spec, options and prior.
      networks: by name, wrapped for pruning or not.
      config: options of training, none of them unset that the GAN has.
      teachers: networks by name that the trained ones are to agree with; empty without a term that
        asks for them.
      masked: {network: paths of the variables that masks may cover beside those of wrappers}.

    Attributes:
      adapters: {generator: what matches its maps with its teacher's}, if a term asks for it.
      masks: {network: {variable path: the variable and its mask}}.
      averages: {network: {variable path: running average}} of the networks that have averages.
      teaching: how much the teachers count: 1 where there are some, 0 where nobody teaches.
      counting: {loss term: how much it counts in this training}, 1 or 0.
      gammas: the optimizer of the generators' gammas; None if they have that of all parameters.
      stream: two int32; with `step` they seed every draw.
      step: number of the next training step.
      traces: how often `train_step` was traced, once for each replica.
      title: of the training, for people.
    """

    def __init__(
        self,
        gan: gans.GAN,
        networks: dict[str, keras.Model],
        config: TrainingConfig,
        teachers: dict[str, keras.Model],
        masked: dict[str, list[str]],
    ):
        super().__init__(name="gan")
        self.gan = gan
        self.networks = networks
        self.config = config
        self.teachers = teachers
        self.adversarial_loss = LOSSES[config.loss]
        self.terms = switched_on(config)
        _check_classifying(self.terms, gan, networks)
        self.update_masks = UPDATES[config.mask_update]
        self.teaching = tf.Variable(0.0, trainable=False)
        names = [term.name for term, _ in self.terms]
        self.counting = {name: tf.Variable(1.0, trainable=False) for name in names}
        self.masks = {n: _masked(net, masked.get(n, ())) for n, net in networks.items()}
        self.averages = {name: _averages(networks[name]) for name in gan.spec.averaged}
        self.stream = tf.Variable([0, 0], dtype=tf.int32, trainable=False)
        first = tf.VariableAggregation.ONLY_FIRST_REPLICA
        self.step = tf.Variable(0, dtype=tf.int32, trainable=False, aggregation=first)
        self.gammas = None
        if config.gamma_learning_rate is not None:
            names = gan.spec.of_player(GENERATOR)
            gammas = [gamma for name in names for gamma in gammas_of(networks[name])]
            self.gammas = Gammas(gammas, config.gamma_learning_rate, self.step)
        self.adapters: dict[str, Adapters] = {}
        self._weights = StepWeights(networks)
        self.traces = 0
        self.title = ""
        self.between_steps = True  # False while something else uses its variables

    def equip(self, adapters: dict[str, Adapters], supernets: dict[str, Channels]) -> None:
        """Adds what some trainings need; before `compile`.

        Args:
          adapters: see `adapters`.
          supernets: {generator: its full mask} of those that can be trained as supernets.
        """
        self.adapters = adapters
        self._weights.configurations = {
            name: Configurations(full, self.masks[name]) for name, full in supernets.items()
        }

    def compile(self, generator_optimizer: Optimizer, discriminator_optimizer: Optimizer, **kwargs):
        """As `keras.Model.compile`; creates the optimizers' variables, so none are made later."""
        super().compile(optimizer=generator_optimizer, **kwargs)
        self.discriminator_optimizer = discriminator_optimizer
        generator_optimizer.build(self.parameters(GENERATOR))
        discriminator_optimizer.build(self.parameters(DISCRIMINATOR))

    def restart(self, stream: np.ndarray, step: int, end: int | None = None) -> None:
        """Puts everything but the networks and their averages in the state before the first step.

        Args:
          stream: two int32.
          step: number of that step in the stream.
          end: step at which the rate of the gammas' own optimizer is 0; None: after the last one.
        """
        if self.gammas:
            self.gammas.restart(self.config.steps if end is None else end)
        for optimizer in (self.optimizer, self.discriminator_optimizer):
            for variable in optimizer.variables:
                variable.assign(tf.zeros_like(variable))
            for variable, initial in loss_scale_of(optimizer):
                variable.assign(initial)
        for adapters in self.adapters.values():
            adapters.restart()
        self.stream.assign(stream)
        self.step.assign(step)

    def state(self) -> dict[str, tf.Variable]:
        """Everything that a step changes, by name: what an interrupted training continues from."""
        found = {"step": self.step}
        for name, network in self.networks.items():
            held = gans.variables(network)
            found.update({f"{name}/{path}": variable for path, variable in held.items()})
        for name, averages in self.averages.items():
            found.update({f"{name}/{path}/average": v for path, v in averages.items()})
        if self.config.mask_update != STATIC:
            for name, masks in self.masks.items():
                found.update({f"{name}/{path}/mask": one.mask for path, one in masks.items()})
        for player in (GENERATOR, DISCRIMINATOR):
            optimizer = self.optimizer_of(player)
            held = [*optimizer.variables, *(variable for variable, _ in loss_scale_of(optimizer))]
            found.update({f"{player}/optimizer/{number}": v for number, v in enumerate(held)})
        if self.gammas:
            found.update({f"gammas/{n}": v for n, v in enumerate(self.gammas.velocities)})
        for name, adapters in self.adapters.items():
            held = enumerate(adapters.variables)
            found.update({f"{name}/adapters/{number}": variable for number, variable in held})
        return found

    def teach(self, teachers: dict[str, Arrays]) -> None:
        """Makes snapshots the teachers of a training; without any, nobody teaches."""
        for name, snapshot in teachers.items():
            gans.load_snapshot(self.teachers[name], snapshot)
        self.teaching.assign(1.0 if teachers else 0.0)

    def leave_out(self, names: Collection[str]) -> None:
        """Makes loss terms of these names count nothing, and all others what they weigh."""
        for name, counts in self.counting.items():
            counts.assign(0.0 if name in names else 1.0)

    def draw_from(self, supernets: dict[str, Supernet]) -> None:
        """Makes each step train a configuration of these; networks without one train whole."""
        for name, configurations in self._weights.configurations.items():
            configurations.restart(supernets.get(name))

    def passes(self) -> dict[str, Passes]:
        """{network: what a step takes of it}; empty for a step that does not say."""
        return {}

    def set_masks(self, name: str, kept: Arrays) -> None:
        """Assigns the masks of a network; variables that `kept` lacks keep all their weights.

        Raises:
          MaskError: a path is no variable that a mask may cover, or has another shape.
        """
        held = self.masks[name]
        check_shapes({path: one.variable for path, one in held.items()}, kept)
        for path, one in held.items():
            one.mask.assign(kept.get(path, np.ones(one.variable.shape)))

    def parameters(self, player: Player) -> list[tf.Variable]:
        """The trainable variables of all networks that a player's loss trains, then of adapters."""
        names = self.gan.spec.of_player(player)
        found = [v for name in names for v in self.networks[name].trainable_variables]
        matched = [self.adapters[name] for name in names if name in self.adapters]
        return found + [variable for adapters in matched for variable in adapters.variables]

    def optimizer_of(self, player: Player) -> Optimizer:
        return self.optimizer if player == GENERATOR else self.discriminator_optimizer

    def add_terms(self, loss: tf.Tensor, player: Player, context: StepContext) -> tf.Tensor:
        """A loss with the terms of its player."""
        for term, weight in self.terms:
            if term.player == player and not term.proximal:
                weight = weight * self.counting[term.name]
                weight = weight * self.teaching if term.taught else weight
                loss += weight * term.function(context)
        return loss

    def made(self, name: str, inputs: tf.Tensor | tuple[tf.Tensor, ...]) -> tuple[tf.Tensor, Maps]:
        """What a generator makes in training, and those of its maps that a term matches."""
        if name not in self.adapters:
            return self.networks[name](inputs, training=True), ()
        images, *maps = self.adapters[name].student(inputs, training=True)
        return images, tuple(maps)

    def begin_step(self) -> None:
        """Makes weights what a step computes with, until gradients are applied to the generators.

        Those of a supernet become a drawn configuration's, kernels of 8 bits what these hold.
        """
        self._weights.begin(draws.fold_in(self.stream, self.step))

    def apply_gradients(self, player: Player, tape: tf.GradientTape, loss: tf.Tensor) -> None:
        """One optimizer step of all networks of a player.

        A pruned weight gets the gradient 0, so from zero moments Adam leaves it exactly zero.
        """
        optimizer = self.optimizer_of(player)
        pairs = self._masked_gradients(player, optimizer, tape, loss)
        gammas = None
        if player == GENERATOR:
            needs = "to call `begin_step` first for --bits=8 and supernets"
            required(self._weights.begun, self.gan.spec, needs)
            pairs = self._weights.end(pairs)
            gammas = self.gammas
        before = gammas.values() if gammas else []
        optimizer.apply_gradients(pairs)
        if gammas:
            masked = self._by_variable()
            found = {variable.ref(): share for share, variable in pairs}
            shares = [sum_over_replicas(found[gamma.ref()]) for gamma in gammas.variables]
            held = [masked.get(gamma.ref()) for gamma in gammas.variables]
            masks = [one.mask if one else tf.constant(1.0) for one in held]
            gammas.move(before, shares, masks, self.counting[L1])
        self._apply_proximal(player)

    def _masked_gradients(
        self, player: Player, optimizer: Optimizer, tape: tf.GradientTape, loss: tf.Tensor
    ) -> list[tuple[tf.Tensor, tf.Variable]]:
        """The gradient of each variable of a player, 0 where a mask is.

        Masks that change within a training change here, where gradients of all weights are known.
        """
        variables = self.parameters(player)
        scaled = isinstance(optimizer, keras.mixed_precision.LossScaleOptimizer)
        scale = optimizer.get_scaled_loss(tf.constant(1.0)) if scaled else 1.0
        gradients = gradients_of(variables, tape, loss, scale)
        if scaled:
            gradients = optimizer.get_unscaled_gradients(gradients)
        masked = self._by_variable()
        pairs = list(zip(gradients, variables, strict=True))
        dense = [(masked[v.ref()], gradient) for gradient, v in pairs if v.ref() in masked]
        if self.config.mask_update != STATIC:
            # All replicas must choose the same masks.
            dense = [(one, sum_over_replicas(gradient)) for one, gradient in dense]
        self.update_masks(self.step, dense, optimizer)
        return [(g * masked[v.ref()].mask if v.ref() in masked else g, v) for g, v in pairs]

    def _by_variable(self) -> dict[object, Masked]:
        """{reference to a variable: the mask over it}."""
        return {one.variable.ref(): one for held in self.masks.values() for one in held.values()}

    def _apply_proximal(self, player: Player) -> None:
        """The terms that follow the player's optimizer."""
        for term, weight in self.terms:
            if term.player == player and term.proximal:
                own = self.gammas if term.name == L1 else None
                rate = own.learning_rate if own else rate_of(self.optimizer_of(player))
                for name in self.gan.spec.of_player(player):
                    term.function(self.networks[name], weight * self.counting[term.name] * rate)

    def update_averages(self) -> None:
        """Moves the running averages of parameters towards where these are.

        Where masks change within a training, the average of a dropped weight becomes zero with it.
        """
        decay = self.config.ema_decay
        changing = self.config.mask_update != STATIC
        for name, averages in self.averages.items():
            held = gans.variables(self.networks[name])
            for path, average in averages.items():
                moved = decay * average + (1.0 - decay) * held[path]
                if changing and path in self.masks[name]:
                    kept = self.masks[name][path].mask > 0
                    moved = tf.where(kept, moved, tf.zeros_like(moved))
                average.assign(moved)


STEPS: Registry[type[GANModel]] = Registry("training step")


def _check_classifying(
    terms: list[tuple[Term, float]], gan: gans.GAN, networks: dict[str, keras.Model]
) -> None:
    """Raises `UsageError` for terms of classes where nothing tells, or has, any."""
    judges = [networks[name] for name in gan.spec.of_role(DISCRIMINATOR)]
    for term, _ in terms:
        if term.classifies and not any(len(judge.outputs) > 1 for judge in judges):
            raise UsageError(
                f"--terms={term.name} needs a discriminator that classifies images, as acgan's"
                f" does and {gan.spec.name}'s does not"
            )
        if term.classifies and not gan.spec.asks_labels(gan.options):
            raise UsageError(
                f"--terms={term.name} needs labels, and the generator of {gan.spec.name} takes"
                " none: give it a second input, keras.Input([], dtype='int32')"
            )


def _masked(network: keras.Model, paths: Iterable[str]) -> dict[str, Masked]:
    """The variables of a network that masks may cover; TFMOT's wrappers hold those of kernels."""
    found = {path: Masked(path, *pair) for path, pair in masks_of(network).items()}
    held = gans.variables(network)
    for path in paths:
        if path not in held:
            raise MaskError(f"the {network.name} has no variable {path} to mask")
        if path not in found:
            ones = tf.Variable(tf.ones(held[path].shape), trainable=False, name="mask")
            found[path] = Masked(path, held[path], ones)
    return found


def _averages(network: keras.Model) -> dict[str, tf.Variable]:
    """{path: running average} of the trainable variables."""
    trainable = {variable.ref() for variable in network.trainable_variables}
    held = gans.variables(network)
    return {p: tf.Variable(v, trainable=False) for p, v in held.items() if v.ref() in trainable}


def gradients_of(
    variables: Iterable[tf.Variable],
    tape: tf.GradientTape,
    loss: tf.Tensor,
    scale: float | tf.Tensor = 1.0,
) -> list[tf.Tensor]:
    """This replica's share of a loss's gradient.

    The sum over the replicas is `scale` times the gradient of the mean over them. A variable that
    the loss does not depend on gets zeros.
    """
    replicas = tf.distribute.get_replica_context().num_replicas_in_sync
    share = tf.convert_to_tensor(scale) / replicas
    gradients = tape.gradient(
        loss,
        variables,
        output_gradients=share,
        unconnected_gradients=tf.UnconnectedGradients.ZERO,
    )
    return [tf.convert_to_tensor(gradient) for gradient in gradients]  # an embedding's are sparse


def sum_over_replicas(share: tf.Tensor) -> tf.Tensor:
    """The sum of what the replicas have, on each of them."""
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, share)


def mean_over_replicas(losses: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """What a training step logs."""
    replicas = tf.distribute.get_replica_context()
    mean = tf.distribute.ReduceOp.MEAN
    return {name: replicas.all_reduce(mean, loss) for name, loss in losses.items()}


def required(condition: bool, spec: GANSpec, what: str) -> None:
    """Raises `UsageError` unless a training step has the networks that it trains."""
    if not condition:
        raise UsageError(f"training step '{spec.step}' of {spec.name} needs {what}")
