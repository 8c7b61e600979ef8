"""Random draws: their distribution, and that they are functions of seeds."""

import numpy as np
import tensorflow as tf

from tf_gan_lth.data import draws


def test_values_are_normal_and_the_same_under_xla():
    seed = tf.Variable([5, 6])

    def draw():
        return draws.normal([100_000], seed)

    plain = draw().numpy()
    compiled = tf.function(draw, jit_compile=True)().numpy()
    np.testing.assert_allclose(plain, compiled, atol=1e-4)
    assert abs(plain.mean()) < 0.02 and abs(plain.std() - 1) < 0.02 and 4 < np.abs(plain).max() < 7
    assert abs(np.mean(plain**4) - 3) < 0.15


def test_values_are_uniform_and_the_same_under_xla():
    seed = tf.Variable([5, 6])

    def draw():
        return draws.uniform([100_000], seed)

    plain = draw().numpy()
    np.testing.assert_array_equal(plain, tf.function(draw, jit_compile=True)())
    assert 0 < plain.min() < 1e-4 and 1 - 1e-4 < plain.max() < 1
    counts, _ = np.histogram(plain, bins=10, range=(0, 1))
    assert np.all(np.abs(counts - 10_000) < 400)


def test_streams_differ_by_number():
    seed = tf.constant([5, 6])
    first, second = (draws.normal([1000], draws.fold_in(seed, number)).numpy() for number in (0, 1))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.1
