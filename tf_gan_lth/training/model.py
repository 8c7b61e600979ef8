"""What the training steps of all GANs share, as a `keras.Model`, so that `fit`, callbacks and
strategies come from Keras.
"""

from collections.abc import Iterable

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tf_gan_lth import models
from tf_gan_lth.experiment.artifacts import Arrays
from tf_gan_lth.experiment.config import TrainingConfig
from tf_gan_lth.pruning.wrapping import masks_of
from tf_gan_lth.training.losses import LOSSES

Optimizer = keras.optimizers.Optimizer


class GANModel(keras.Model):
    """Generators and discriminators that train each other.

    Everything that differs between rounds is a variable (weights, masks, optimizer state, the
    random stream), so the step is traced once a process. A family of GANs gives `batches`,
    `train_step` and `generator_gradients`.

    Args:
      networks: by name, wrapped for pruning or not; names begin with `generator` or
        `discriminator`.
      config: options of training, none of them unset that the GAN has.
      teachers: discriminators by name that the trained ones are to agree with; none without
        distillation.

    Attributes:
      kd_weight: how much the teachers count; 0 at first.
      averages: {network: {variable path: running average}} of the networks that have averages
        (EMA).
      stream: two int32; with `step` they seed every draw.
      step: number of the next training step.
      traces: how often `train_step` was traced, once for each replica.
    """

    def __init__(
        self,
        networks: dict[str, keras.Model],
        config: TrainingConfig,
        teachers: dict[str, keras.Model],
    ):
        super().__init__(name="gan")
        self.networks, self.config, self.teachers = networks, config, teachers
        self.adversarial_loss = LOSSES[config.loss]
        self.kd_weight = tf.Variable(0.0, trainable=False)
        self.averages: dict[str, dict[str, tf.Variable]] = {}
        self.stream = tf.Variable([0, 0], dtype=tf.int32, trainable=False)
        self.step = tf.Variable(
            0,
            dtype=tf.int32,
            trainable=False,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )
        self.traces = 0

    def compile(
        self, generator_optimizer: Optimizer, discriminator_optimizer: Optimizer, **kwargs
    ) -> None:
        """As `keras.Model.compile`; creates the optimizers' variables, so that nothing is created
        later.
        """
        super().compile(optimizer=generator_optimizer, **kwargs)
        self.discriminator_optimizer = discriminator_optimizer
        generator_optimizer.build(self.parameters("generator"))
        discriminator_optimizer.build(self.parameters("discriminator"))

    def restart(self, stream: np.ndarray, step: int) -> None:
        """Puts everything but the networks and their averages in the state before a training's
        first step.

        Args:
          stream: two int32.
          step: number of that step in the stream.
        """
        for optimizer in (self.optimizer, self.discriminator_optimizer):
            for variable in optimizer.variables:
                variable.assign(tf.zeros_like(variable))
            for variable, initial in loss_scale_of(optimizer):
                variable.assign(initial)
        self.stream.assign(stream)
        self.step.assign(step)

    def state(self) -> dict[str, tf.Variable]:
        """Everything that a training step changes, by name: what an interrupted training continues
        from.
        """
        found = {"step": self.step}
        for name, network in self.networks.items():
            found.update(
                {f"{name}/{path}": variable for path, variable in models.variables(network).items()}
            )
        for name, averages in self.averages.items():
            found.update(
                {f"{name}/{path}/average": variable for path, variable in averages.items()}
            )
        for role, optimizer in {
            "generator": self.optimizer,
            "discriminator": self.discriminator_optimizer,
        }.items():
            held = [*optimizer.variables, *(variable for variable, _ in loss_scale_of(optimizer))]
            found.update(
                {f"{role}/optimizer/{number}": variable for number, variable in enumerate(held)}
            )
        return found

    def teach(self, teachers: dict[str, Arrays]) -> None:
        """Makes snapshots of discriminators the teachers of a training; without any, nobody
        teaches.
        """
        for name, snapshot in teachers.items():
            models.load_snapshot(self.teachers[name], snapshot)
        self.kd_weight.assign(self.config.kd_weight if teachers else 0.0)

    def parameters(self, role: str) -> list[tf.Variable]:
        """The trainable variables of all generators, or of all discriminators."""
        return [
            v
            for name, net in self.networks.items()
            if models.role(name) == role
            for v in net.trainable_variables
        ]

    def descend(self, role: str, tape: tf.GradientTape, loss: tf.Tensor) -> None:
        """One optimizer step of all generators or discriminators.

        A pruned weight gets the gradient 0, so from zero moments Adam leaves it exactly zero.
        """
        variables, optimizer = (
            self.parameters(role),
            (self.optimizer if role == "generator" else self.discriminator_optimizer),
        )
        scaled = isinstance(optimizer, keras.mixed_precision.LossScaleOptimizer)
        found = gradients_of(
            variables, tape, loss, optimizer.get_scaled_loss(tf.constant(1.0)) if scaled else 1.0
        )
        if scaled:
            found = optimizer.get_unscaled_gradients(found)
        masks = {
            weight.ref(): mask
            for network in self.networks.values()
            for weight, mask in masks_of(network).values()
        }
        gradients = zip(found, variables, strict=True)
        optimizer.apply_gradients(
            [(g * masks[v.ref()] if v.ref() in masks else g, v) for g, v in gradients]
        )


def gradients_of(
    variables: Iterable[tf.Variable],
    tape: tf.GradientTape,
    loss: tf.Tensor,
    scale: float | tf.Tensor = 1.0,
) -> list[tf.Tensor]:
    """This replica's share of a loss's gradient: the sum over the replicas is `scale` times the
    gradient of the mean over them.
    """
    share = tf.convert_to_tensor(scale) / tf.distribute.get_replica_context().num_replicas_in_sync
    return tape.gradient(loss, variables, output_gradients=share)


def loss_scale_of(optimizer: Optimizer) -> list[tuple[tf.Variable, float]]:
    """The variables of an optimizer's loss scale with what they start at; none of one that scales
    nothing.
    """
    if not isinstance(optimizer, keras.mixed_precision.LossScaleOptimizer):
        return []
    # Keras's own `loss_scale` is a copy, and its `variables` are those of the optimizer inside.
    return [
        (optimizer._loss_scale.current_loss_scale, optimizer.initial_scale),
        (optimizer.dynamic_counter, 0),
    ]


def mean_over_replicas(losses: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """What a training step logs."""
    replicas = tf.distribute.get_replica_context()
    return {
        name: replicas.all_reduce(tf.distribute.ReduceOp.MEAN, loss)
        for name, loss in losses.items()
    }
