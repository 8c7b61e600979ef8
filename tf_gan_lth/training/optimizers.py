"""Adam with one operation per variable, and what Keras's optimizers do not tell."""

import tensorflow as tf
import tf_keras as keras

Optimizer = keras.optimizers.Optimizer


class FusedAdam(keras.optimizers.Adam):
    """Keras's Adam (without `amsgrad`), with one fused operation per variable.

    TensorFlow's own Adam kernel replaces some twenty operations. Options, variables and formula are
    Keras's; results differ in the last bits.
    """

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable) -> None:
        slot = self._index_dict[self._var_key(variable)]
        kind = variable.dtype
        number = tf.cast(self.iterations + 1, kind)
        beta_1 = tf.cast(self.beta_1, kind)
        beta_2 = tf.cast(self.beta_2, kind)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[slot].handle,
            v=self._velocities[slot].handle,
            beta1_power=tf.pow(beta_1, number),
            beta2_power=tf.pow(beta_2, number),
            lr=tf.cast(self.learning_rate, kind),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=tf.cast(self.epsilon, kind),
            grad=gradient,
        )


def inner(optimizer: Optimizer) -> Optimizer:
    """The optimizer itself, without a loss scale around it."""
    scaled = isinstance(optimizer, keras.mixed_precision.LossScaleOptimizer)
    return optimizer.inner_optimizer if scaled else optimizer


def rate_of(optimizer: Optimizer) -> tf.Tensor:
    """An optimizer's learning rate at the current step.

    Keras's own, of a rate that changes, is that of the last step which the optimizer took: where a
    loss scale skips the first steps of a training, that of the training before.
    """
    optimizer = inner(optimizer)
    rate = optimizer._learning_rate
    if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        return rate(optimizer.iterations)
    return rate


def loss_scale_of(optimizer: Optimizer) -> list[tuple[tf.Variable, float]]:
    """The variables of an optimizer's loss scale with what they start at; none without a scale."""
    if not isinstance(optimizer, keras.mixed_precision.LossScaleOptimizer):
        return []
    # Keras's own `loss_scale` is a copy, and its `variables` are those of the optimizer inside.
    return [
        (optimizer._loss_scale.current_loss_scale, optimizer.initial_scale),
        (optimizer.dynamic_counter, 0),
    ]
