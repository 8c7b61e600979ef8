"""8 bits: values and gradients against NumPy, and which layers of a network read quantised maps."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from tf_gan_lth import gans
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.gans import ImageShape
from tf_gan_lth.gans.layers import QuantisedMaps, quantised_maps, quantised_weights
from tf_gan_lth.pruning.channels import channel_groups
from tf_gan_lth.pruning.quantisation import kernels_of, quantised, quantised_snapshot


def value_and_gradient(function, x):
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    # Of a sum with other weights, so that a gradient in the wrong place is seen.
    upstream = tf.constant(np.linspace(1.0, 2.0, tf.size(x)).reshape(x.shape), tf.float32)
    return y.numpy(), tape.gradient(y, x, upstream).numpy(), upstream.numpy()


def drawn(*shape, scale):
    return np.random.default_rng(0).normal(scale=scale, size=shape).astype(np.float32)


def test_weights_take_255_values_and_their_gradient_goes_straight_through():
    weights = drawn(3, 3, 64, 32, scale=0.1)
    values, gradient, upstream = value_and_gradient(quantised_weights, weights)
    scale = np.abs(weights).max() / 127.0
    np.testing.assert_allclose(values, np.round(weights / scale) * scale, atol=1e-6)
    assert np.unique(np.round(values / scale)).size <= 255
    assert np.array_equal(gradient, upstream)
    again = quantised_weights(tf.constant(values)).numpy()
    np.testing.assert_allclose(again, values, atol=1e-7)


def test_weights_that_are_all_zero_stay_zero():
    assert not quantised_weights(tf.zeros([3, 4])).numpy().any()


@pytest.mark.parametrize(("signed", "low", "high"), [(False, 0, 255), (True, -128, 127)])
def test_maps_take_256_values_and_what_is_clipped_has_no_gradient(signed, low, high):
    maps = drawn(100, 1000, scale=3.0)
    scale = 4.0 / (128 if signed else 255)
    values, gradient, upstream = value_and_gradient(lambda x: quantised_maps(x, signed), maps)
    levels = np.clip(np.round(maps / scale), low, high)
    np.testing.assert_allclose(values, levels * scale, atol=1e-5)
    assert np.unique(np.round(values / scale)).size == 256
    inside = (maps >= low * scale) & (maps <= high * scale)
    assert 0.1 < inside.mean() < 0.9
    np.testing.assert_array_equal(gradient, np.where(inside, upstream, 0.0))


def networks(name, **options):
    config = configs.from_options({"width": 4, "discriminator_width": 4, **options})
    return gans.build(gans.find(name), config, ImageShape(32, 3, 10), seed=1).networks


def test_what_reads_latents_is_as_it_was_and_all_else_reads_8_bits():
    plain = networks("sngan")["generator"]
    eight = quantised(plain)
    maps = {layer.name for layer in eight.layers if isinstance(layer, QuantisedMaps)}
    readers = {n.name for n in plain.layers if isinstance(n, (keras.layers.Conv2D,))}
    assert maps == {f"{name}/quantised" for name in readers}
    signs = {layer.name: layer.signed for layer in eight.layers if layer.name in maps}
    assert not signs["to_image/quantised"] and not signs["block_1/conv_1/quantised"]
    assert {p: v.shape for p, v in gans.variables(plain).items()} == {
        p: v.shape for p, v in gans.variables(eight).items()
    }
    assert [(g.name, g.size) for g in channel_groups(eight).prunable] == [
        (g.name, g.size) for g in channel_groups(plain).prunable
    ]


def test_depthwise_and_separable_convolutions_read_8_bits_and_leaks_below_0_are_kept():
    layers = keras.layers
    x = inputs = keras.Input([8, 8, 3])
    x = layers.Conv2D(4, 3, name="first")(x)
    x = layers.ReLU(negative_slope=0.2)(x)
    x = layers.SeparableConv2D(4, 3, name="separable")(x)
    x = layers.ReLU()(x)
    x = layers.DepthwiseConv2D(3, name="depthwise")(x)
    eight = quantised(keras.Model(inputs, x))
    signs = {n.name: n.signed for n in eight.layers if isinstance(n, QuantisedMaps)}
    assert signs == {"separable/quantised": True, "depthwise/quantised": False}
    maps = keras.Model(eight.input, eight.get_layer("separable/quantised").output)
    values = maps(drawn(2, 8, 8, 3, scale=2.0)).numpy()
    assert (values < 0).any()


def test_every_kernel_of_separable_blocks_reads_8_bits():
    plain = networks("cyclegan", blocks=1, separable_blocks=True)["generator_a2b"]
    eight = quantised(plain)
    maps = [layer for layer in eight.layers if isinstance(layer, QuantisedMaps)]
    assert len(maps) == len(kernels_of(eight)) - 1  # the first reads the picture


# Untrained, biggan's trunk has maps of which few of the 256 values are near.
@pytest.mark.parametrize(("name", "share"), [("sngan", 0.1), ("cyclegan", 0.1), ("biggan", 0.5)])
def test_a_quantised_network_computes_about_the_same(name, share):
    plain = next(iter(networks(name, **({"blocks": 1} if name == "cyclegan" else {})).values()))
    eight = quantised(plain)
    snapshot = gans.take_snapshot(plain)
    gans.load_snapshot(eight, quantised_snapshot(eight, snapshot))
    rounded = gans.take_snapshot(eight)
    kernels = kernels_of(eight)
    assert kernels and not kernels_of(plain)
    for path, was in snapshot.items():
        if path in kernels:
            scale = np.abs(was).max() / 127.0
            assert 0 < np.abs(rounded[path] - was).max() <= 0.501 * scale
        else:
            assert np.array_equal(rounded[path], was)
    inputs = [
        tf.zeros([4], tf.int32)
        if tensor.dtype.is_integer
        else tf.constant(drawn(4, *tensor.shape[1:], scale=0.5))
        for tensor in plain.inputs
    ]
    inputs = inputs[0] if len(inputs) == 1 else inputs
    first, second = (network(inputs, training=True).numpy() for network in (plain, eight))
    assert 0 < np.abs(first - second).mean() < share * np.abs(first).mean() + 0.02
