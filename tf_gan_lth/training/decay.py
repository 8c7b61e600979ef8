"""Learning rates that change within a training."""

import tensorflow as tf
import tf_keras as keras


class LinearDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Constant at first, then linearly down to 0 at the end of a training.

    It follows the training's own step, not the optimizer's count: a round that starts at a later
    step (late rewinding) has a fresh optimizer.

    Args:
      learning_rate: what it starts with.
      step: number of the current step.
      begin: step that it begins to fall at.
      end: step that it reaches 0 at.
    """

    def __init__(self, learning_rate: float, step: tf.Variable, begin: int, end: int):
        self.learning_rate, self.step, self.begin, self.end = learning_rate, step, begin, end

    def __call__(self, iterations: tf.Tensor) -> tf.Tensor:
        del iterations
        left = (self.end - tf.cast(self.step, tf.float32)) / (self.end - self.begin)
        return self.learning_rate * tf.clip_by_value(left, 0.0, 1.0)

    def get_config(self) -> dict[str, object]:
        return {"learning_rate": self.learning_rate, "begin": self.begin, "end": self.end}
