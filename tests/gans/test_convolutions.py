"""Other forms of convolutions are the same functions."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from helpers import equal

from tf_gan_lth import gans
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.gans import ImageShape
from tf_gan_lth.gans.layers.basic import NearestUpsampling
from tf_gan_lth.gans.layers.convolutions import (
    FewChannelsConv2D,
    PooledSpectralConv2D,
    UpsampledConv2D,
    few_channels_conv2d,
    pooled_conv2d,
    upsampled_conv2d,
)
from tf_gan_lth.pruning.wrapping import wrap

KINDS = (FewChannelsConv2D, PooledSpectralConv2D, UpsampledConv2D)


def upsampled_plainly(inputs, kernel):
    return tf.nn.conv2d(keras.layers.UpSampling2D()(inputs), kernel, 1, "SAME")


def pooled_plainly(inputs, kernel):
    return tf.nn.avg_pool2d(tf.nn.conv2d(inputs, kernel, 1, "SAME"), 2, 2, "VALID")


def normal(shape, seed):
    return tf.random.stateless_normal(shape, [seed, 0])


def values_and_gradients(function, direction, *arguments):
    """The results, and the gradients of their product with a direction, which is drawn outside: XLA
    draws other numbers.
    """
    with tf.GradientTape() as tape:
        tape.watch(arguments)
        outputs = function(*arguments)
    return [outputs, *tape.gradient(outputs, arguments, output_gradients=direction)]


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("size", [(4, 4), (2, 6), (8, 6)])
@pytest.mark.parametrize(
    ("fused", "plain"), [(upsampled_conv2d, upsampled_plainly), (pooled_conv2d, pooled_plainly)]
)
def test_one_convolution_equals_two_steps_in_values_and_gradients(fused, plain, size, jit_compile):
    inputs, kernel = normal([3, *size, 5], 1), normal([3, 3, 5, 7], 2) / 7
    direction = normal(plain(inputs, kernel).shape, 9)
    compiled = tf.function(values_and_gradients, jit_compile=jit_compile)
    results = (
        compiled(fused, direction, inputs, kernel),
        values_and_gradients(plain, direction, inputs, kernel),
    )
    for found, expected in zip(*results, strict=True):
        np.testing.assert_allclose(
            found, expected, rtol=1e-5, atol=1e-5 * float(tf.reduce_max(tf.abs(expected)))
        )


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize(("size", "filters"), [(3, 1), (3, 3), (7, 3)])
def test_convolutions_to_few_channels_add_up_columns(size, filters, padding, jit_compile):
    inputs, kernel = normal([2, 9, 11, 6], 1), normal([size, size, 6, filters], 2) / size
    plain = tf.nn.conv2d(inputs, kernel, 1, padding)
    direction = normal(plain.shape, 9)
    compiled = tf.function(values_and_gradients, jit_compile=jit_compile)
    found = compiled(lambda i, k: few_channels_conv2d(i, k, padding), direction, inputs, kernel)
    expected = values_and_gradients(
        lambda i, k: tf.nn.conv2d(i, k, 1, padding), direction, inputs, kernel
    )
    for first, second in zip(found, expected, strict=True):
        np.testing.assert_allclose(
            first, second, rtol=1e-5, atol=1e-5 * float(tf.reduce_max(tf.abs(second)))
        )


@pytest.mark.parametrize(
    ("gan", "name"),
    [("sngan", "generator"), ("sngan", "discriminator"), ("cyclegan", "generator_a2b")],
)
def test_networks_are_the_same_function_and_variables_in_both_forms(gan, name):
    options = {"gan": gan, "width": 6} | ({"blocks": 1} if gan == "cyclegan" else {})
    spec = gans.find(gan)
    built = {}
    for form in (True, False):
        config = configs.from_options({**options, "fused_convolutions": form})
        built[form] = gans.build(spec, config, ImageShape(32, 3), seed=3).networks[name]
    for expected, network in built.items():
        layers = wrap(network).submodules
        assert {layer.fused for layer in layers if isinstance(layer, KINDS)} == {expected}
    fused, plain = built.values()
    assert equal(gans.take_snapshot(fused), gans.take_snapshot(plain))
    inputs = normal([4, *fused.input_shape[1:]], 5)
    results = []
    for network in (fused, plain):
        with tf.GradientTape() as tape:
            outputs = network(inputs, training=True)
            loss = tf.reduce_sum(outputs * normal(outputs.shape, 6))
        results.append([outputs, *tape.gradient(loss, network.trainable_weights)])
    largest = max(float(tf.reduce_max(tf.abs(tensor))) for tensor in results[1][1:])
    for found, expected in zip(*results, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * largest)


def test_upsampling_has_keras_gradient():
    inputs = normal([2, 3, 5, 4], 1)
    found, expected = (
        values_and_gradients(layer, normal([2, 6, 10, 4], 9), inputs)
        for layer in (NearestUpsampling(), keras.layers.UpSampling2D())
    )
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-6, atol=1e-6)
