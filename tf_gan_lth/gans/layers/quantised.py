"""8 bits with straight-through gradients: weights and maps take 256 values, and train in 32."""

import tensorflow as tf
import tf_keras as keras

LARGEST = 4.0  # that a map holds, as in the code of Wang et al. 2020


def quantised_weights(weights: tf.Tensor) -> tf.Tensor:
    """The nearest of -127 ... 127 times max|w| / 127, of all weights of a tensor.

    Quantised weights stay as they are; zeros are zero. Straight through, the gradient is that of
    the identity. Source: Wang et al. 2020 (GAN Slimming).
    """
    scale = tf.reduce_max(tf.abs(weights)) / 127.0
    levels = tf.round(tf.math.divide_no_nan(weights, scale))
    return weights + tf.stop_gradient(levels * scale - weights)


def quantised_maps(maps: tf.Tensor, signed: bool) -> tf.Tensor:
    """The nearest of 256 equally distant values from 0 to 4, or from -4 to below 4.

    Values beyond these are clipped, and have no gradient; of the others it is that of the identity.

    Args:
      maps: float32.
      signed: whether they may be below 0.
    """
    scale = LARGEST / 128.0 if signed else LARGEST / 255.0
    low, high = (-128.0, 127.0) if signed else (0.0, 255.0)
    clipped = tf.clip_by_value(maps, low * scale, high * scale)
    return clipped + tf.stop_gradient(tf.round(clipped / scale) * scale - clipped)


class QuantisedMaps(keras.layers.Layer):
    """Maps in 8 bits: see `quantised_maps`, also for its option."""

    def __init__(self, signed: bool = False, **options):
        super().__init__(**options)
        self.signed = signed

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        maps = quantised_maps(tf.cast(inputs, tf.float32), self.signed)
        return tf.cast(maps, inputs.dtype)

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "signed": self.signed}
