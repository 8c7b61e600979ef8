"""Gammas of norms with an optimizer of their own, so that they can become 0 in few steps."""

import math

import tensorflow as tf

MOMENTUM = 0.5


class Gammas:
    """SGD with momentum, at a rate that falls to 0 along half a cosine.

    Adam moves a variable by about its learning rate a step, whatever the gradient; SGD moves gammas
    that the loss needs far, and others hardly. `v = 0.5 v + gradient; gamma -= rate v`.

    Args:
      variables: the gammas.
      rate: at step 0.
      step: variable that holds the number of the current step.

    Attributes:
      variables: likewise.
      velocities: of them, in their order: what a checkpoint keeps.

    Source: Wang et al. 2020 (GAN Slimming).
    """

    def __init__(self, variables: list[tf.Variable], rate: float, step: tf.Variable):
        self._rate, self._step = rate, step
        self._end = tf.Variable(1, dtype=tf.int32, trainable=False)
        self.variables = variables
        self.velocities = [tf.Variable(tf.zeros(v.shape), trainable=False) for v in variables]

    def restart(self, end: int) -> None:
        """The state before a training, by whose step number `end` the rate has become 0."""
        self._end.assign(end)
        for velocity in self.velocities:
            velocity.assign(tf.zeros_like(velocity))

    @property
    def learning_rate(self) -> tf.Tensor:
        """That of the current step."""
        passed = tf.cast(self._step, tf.float32) / tf.cast(self._end, tf.float32)
        return 0.5 * self._rate * (1.0 + tf.cos(math.pi * tf.clip_by_value(passed, 0.0, 1.0)))

    def values(self) -> list[tf.Tensor]:
        return [tf.identity(variable) for variable in self.variables]

    def move(
        self,
        before: list[tf.Tensor],
        gradients: list[tf.Tensor],
        masks: list[tf.Tensor],
        counts: tf.Tensor,
    ) -> None:
        """Takes a step, in place of the one that another optimizer has taken.

        Args:
          before: the values before that one.
          gradients: over all replicas; what is not finite counts as 0, as a loss scale may be too
            large for a step.
          masks: float32, 0 where a gamma is pruned.
          counts: 1, or 0 to leave the other optimizer's step as it is.
        """
        rate = self.learning_rate
        each = zip(self.variables, self.velocities, before, gradients, masks, strict=True)
        for variable, velocity, was, gradient, mask in each:
            finite = tf.where(tf.math.is_finite(gradient), gradient, tf.zeros_like(gradient))
            moved = mask * (MOMENTUM * velocity + finite)
            velocity.assign(counts * moved)
            variable.assign(tf.where(counts > 0, was - rate * moved, variable))
