"""Adam with one operation per variable."""

import tensorflow as tf
import tf_keras as keras


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
