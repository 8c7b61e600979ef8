"""Learning rates that change during training."""

import tensorflow as tf
import tf_keras as keras


class LinearDecay(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that is constant at first, then decays linearly to 0 by the end of training.

    It follows the training's own step, not the optimizer's count: a round that starts at a later
    step (late rewinding) has a fresh optimizer.

    Args:
      learning_rate: the initial value.
      step: variable that holds the number of the current step.
      begin: step at which the decay begins.
      end: step at which the learning rate reaches 0.
    """

    def __init__(self, learning_rate: float, step: tf.Variable, begin: int, end: int):
        self.learning_rate, self.step, self.begin, self.end = learning_rate, step, begin, end

    def __call__(self, iterations: tf.Tensor) -> tf.Tensor:
        del iterations
        left = (self.end - tf.cast(self.step, tf.float32)) / (self.end - self.begin)
        return self.learning_rate * tf.clip_by_value(left, 0.0, 1.0)

    def get_config(self) -> dict[str, object]:
        return {"learning_rate": self.learning_rate, "begin": self.begin, "end": self.end}
