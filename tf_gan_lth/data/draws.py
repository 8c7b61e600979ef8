"""Random draws as functions of seeds: the same on every device, compiled or not, but for rounding."""

import tensorflow as tf


def normal(shape: list[int], seed: tf.Tensor) -> tf.Tensor:
    """Standard normal float32 values, a function of the seed alone.

    `tf.random.stateless_normal` gives other values under XLA than without it; its bits do not
    differ, so the values are
    made from those: 23 bits to the middle of an interval of (0, 1), then the inverse of the normal
      distribution.

    Args:
      shape: shape of the result.
      seed: two int32.
    """
    bits = tf.random.stateless_uniform(
        shape, seed, minval=None, maxval=None, dtype=tf.int32, alg="philox"
    )
    uniform = (tf.cast(tf.bitwise.bitwise_and(bits, 0x7FFFFF), tf.float32) + 0.5) * 2.0**-23
    return tf.math.ndtri(uniform)


def fold_in(seed: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
    """The seed of the `number`-th draw of a stream; both are int32."""
    return tf.random.experimental.stateless_fold_in(seed, number, alg="philox")
