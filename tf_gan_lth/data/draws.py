"""Random draws as functions of seeds, on any device, compiled or not, the same but for rounding."""

import tensorflow as tf


def uniform(shape: list[int], seed: tf.Tensor) -> tf.Tensor:
    """Uniform float32 values in (0, 1), a function of the seed alone.

    TensorFlow's own `stateless_uniform` and `stateless_normal` give other values under XLA than
    without it. Its bits do not differ, so values are made from those: 23 bits to the middle of an
    interval.

    Args:
      shape: shape of the result.
      seed: two int32.
    """
    bits = tf.random.stateless_uniform(
        shape, seed, minval=None, maxval=None, dtype=tf.int32, alg="philox"
    )
    return (tf.cast(tf.bitwise.bitwise_and(bits, 0x7FFFFF), tf.float32) + 0.5) * 2.0**-23


def normal(shape: list[int], seed: tf.Tensor) -> tf.Tensor:
    """Standard normal float32 values, a function of the seed alone: see `uniform`."""
    return tf.math.ndtri(uniform(shape, seed))


def fold_in(seed: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
    """The seed of the `number`-th draw of a stream, of the dtype of `number`: int32 or int64.

    The same number gives another seed as int64 than as int32.
    """
    return tf.random.experimental.stateless_fold_in(seed, number, alg="philox")


def integers(shape: list[int], seed: tf.Tensor, limit: int) -> tf.Tensor:
    """Uniform int32 values from 0 to `limit - 1`, a function of the seed alone."""
    return tf.random.stateless_uniform(shape, seed, 0, limit, dtype=tf.int32, alg="philox")
