"""Attention of each place of a map to all others, as SAGAN has it (Zhang et al. 2019)."""

from collections.abc import Callable

import tensorflow as tf
import tf_keras as keras


class SpatialAttention(keras.layers.Layer):
    """At each place, the mean of the values of all places, weighted by how well their keys fit.

    `[queries, keys, values]`, `(N, H, W, D)`, `(N, h, w, D)` and `(N, h, w, E)`, to
    `(N, H, W, E)`. Weights are a softmax of the products of queries and keys, in float32.
    """

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        queries, keys, values = inputs
        _, height, width, size = queries.shape
        flat = [
            tf.reshape(each, [-1, each.shape[1] * each.shape[2], each.shape[3]]) for each in inputs
        ]
        fits = tf.cast(tf.matmul(flat[0], flat[1], transpose_b=True), tf.float32)
        weights = tf.cast(tf.nn.softmax(fits), values.dtype)
        return tf.reshape(tf.matmul(weights, flat[2]), [-1, height, width, values.shape[3]])

    def compute_output_shape(self, input_shape: list[tf.TensorShape]) -> tf.TensorShape:
        queries, _, values = map(tf.TensorShape, input_shape)
        return tf.TensorShape([*queries[:-1], values[-1]])


class LearnedScale(keras.layers.Layer):
    """Multiplies maps by one trained number `sigma`, which starts at 0."""

    def build(self, input_shape: tf.TensorShape) -> None:
        self.sigma = self.add_weight(name="sigma", shape=[1], initializer="zeros")
        super().build(input_shape)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return inputs * self.sigma


def self_attention(
    x: tf.Tensor, name: str, conv: Callable[[int, int, str], keras.layers.Layer]
) -> tf.Tensor:
    """A map with what its places attend to added, which is nothing at first.

    Keys and values are pooled 2x2, queries and keys have an eighth of the channels and values half.

    Args:
      x: `(N, H, W, C)`, H and W even.
      name: what the names of its layers begin with.
      conv: (filters, channels that it reads, name) to a 1x1 convolution without bias.

    Returns:
      A map of the same shape.
    """
    channels = x.shape[-1]
    small = max(1, channels // 8)
    half = max(1, channels // 2)
    queries = conv(small, channels, f"{name}/query")(x)
    keys = keras.layers.MaxPooling2D()(conv(small, channels, f"{name}/key")(x))
    values = keras.layers.MaxPooling2D()(conv(half, channels, f"{name}/value")(x))
    attended = SpatialAttention()([queries, keys, values])
    attended = conv(channels, half, f"{name}/to_map")(attended)
    return keras.layers.Add()([x, LearnedScale(name=f"{name}/scale")(attended)])
