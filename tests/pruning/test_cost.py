"""Costs against counts by hand: positions x height x width x channels in x channels out."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from tf_gan_lth.experiment.errors import MaskError, ToolkitWarning, UsageError
from tf_gan_lth.gans import cyclegan, sngan
from tf_gan_lth.gans.layers import FewChannelsConv2D, PooledSpectralConv2D, UpsampledConv2D
from tf_gan_lth.pruning import wrapping
from tf_gan_lth.pruning.cost import Cost, cost

layers = keras.layers


def cyclegan_macs(size: int, width: int, blocks: int) -> int:
    """Of a CycleGAN's generator for three channels, by hand."""
    outer, half, inner = size**2, (size // 2) ** 2, (size // 4) ** 2
    return (
        outer * 7 * 7 * 3 * width
        + half * 3 * 3 * width * 2 * width
        + inner * 3 * 3 * 2 * width * 4 * width
        + blocks * 2 * inner * 3 * 3 * 4 * width * 4 * width
        + inner * 3 * 3 * 4 * width * 2 * width  # transposed: at the positions that it reads
        + half * 3 * 3 * 2 * width * width
        + outer * 7 * 7 * width * 3
    )


@pytest.mark.parametrize("fused", [True, False])
def test_an_sngan_generator_of_cifar10_size(fused):
    found = cost(sngan.generator(32, 256, 3, fused))
    macs = (
        128 * 4 * 4 * 256
        # Each block: a 1x1 shortcut on the map before upsampling, two 3x3 convolutions after it.
        + (4 * 4 + 8 * 8 + 16 * 16) * 256 * 256
        + (8 * 8 + 16 * 16 + 32 * 32) * 2 * 3 * 3 * 256 * 256
        + 32 * 32 * 3 * 3 * 256 * 3
    )
    assert found == Cost(4_276_739, 4_276_739, macs, macs)


@pytest.mark.parametrize("fused", [True, False])
def test_an_sngan_discriminator_of_cifar10_size(fused):
    found = cost(sngan.discriminator(32, 128, 3, fused))
    macs = (
        # Two blocks halve the map after their second convolution; the shortcut is after pooling.
        32 * 32 * 3 * 3 * 3 * 128
        + 32 * 32 * 3 * 3 * 128 * 128
        + 16 * 16 * 3 * 128
        + 16 * 16 * 2 * 3 * 3 * 128 * 128
        + 8 * 8 * 128 * 128
        # Two keep it.
        + 2 * 8 * 8 * 2 * 3 * 3 * 128 * 128
        + 128
    )
    assert found == Cost(1_053_824, 1_053_824, macs, macs)


def test_a_cyclegan_generator_has_the_published_size():
    found = cost(cyclegan.generator(256, 64, 3, 9, "generator_a2b"))
    assert found.parameters == 11_383_555
    assert found.macs == cyclegan_macs(256, 64, 9)
    assert round(found.macs / 1e9, 2) == 49.55


def test_a_network_for_any_size_is_counted_at_a_given_one():
    network = cyclegan.generator(None, 4, 3, 2, "generator_a2b")
    fixed = cost(cyclegan.generator(32, 4, 3, 2, "generator_a2b"))
    assert cost(network, input_shapes=[(32, 32, 3)]) == fixed
    assert fixed.macs == cyclegan_macs(32, 4, 2)
    assert cost(network, input_shapes=[(32, 64, 3)]).macs == 2 * fixed.macs
    with pytest.raises(UsageError, match=r"unknown size, \(None, None, None, 3\).*input_shapes="):
        cost(network)
    for bad in ([(32, 32, 1)], [(32, 32, 3)] * 2, [(32, 3)]):
        with pytest.raises(UsageError, match="not what generator_a2b takes"):
            cost(network, input_shapes=bad)


def test_a_cyclegan_discriminator_at_a_given_size():
    network = cyclegan.discriminator(None, 8, 3, "discriminator_a")
    positions_and_channels = (
        16 * 16 * 3 * 8
        + 8 * 8 * 8 * 16
        + 4 * 4 * 16 * 32
        + 3 * 3 * 32 * 64  # strides of 1: a 4x4 kernel and a padding of 1 take one position
        + 2 * 2 * 64 * 1
    )
    assert cost(network, input_shapes=[(32, 32, 3)]).macs == 4 * 4 * positions_and_channels


def test_counting_changes_no_network_nor_what_is_built_after_it():
    network = cyclegan.generator(None, 4, 3, 1, "generator_a2b")
    weights = network.get_weights()
    calls = [len(layer.inbound_nodes) for layer in network.layers]

    def build(count: bool) -> tuple[list[str], np.ndarray]:
        keras.utils.set_random_seed(1)
        if count:
            cost(network, input_shapes=[(32, 32, 3)])
        images = keras.Input([3])
        model = keras.Model(images, layers.Dense(2)(images))
        return [model.name, *model.input_names], model.get_weights()[0]

    build(False)  # the first names have no numbers
    names, drawn = build(False)
    names_after, drawn_after = build(True)
    numbers = [int(name.rpartition("_")[2]) for name in names]
    assert [int(name.rpartition("_")[2]) for name in names_after] == [at + 1 for at in numbers]
    np.testing.assert_array_equal(drawn_after, drawn)
    assert [len(layer.inbound_nodes) for layer in network.layers] == calls
    assert all(map(np.array_equal, network.get_weights(), weights))


def test_fused_layers_count_as_what_they_are_defined_as():
    images = keras.Input([8, 8, 4])
    x = UpsampledConv2D(5, 3, padding="same")(images)
    x = PooledSpectralConv2D(6, 3, padding="same")(x)
    x = FewChannelsConv2D(2, 7)(x)
    macs = 16 * 16 * 3 * 3 * 4 * 5 + 16 * 16 * 3 * 3 * 5 * 6 + 2 * 2 * 7 * 7 * 6 * 2
    assert cost(keras.Model(images, x)).macs == macs


def mixed() -> keras.Model:
    """One of each kind of layer, a nested model and a layer that is called twice."""
    inside = keras.Input([None, None, 6])
    nested = keras.Model(inside, layers.Conv2D(6, 3, padding="same")(inside), name="nested")
    images, labels = keras.Input([8, 8, 3]), keras.Input([], dtype=tf.int32)
    x = layers.DepthwiseConv2D(3, 2, "same", depth_multiplier=2, name="depthwise")(images)
    x = nested(x)
    x = layers.Conv2DTranspose(5, 4, 2, "same", name="transposed")(x)
    x = nested(layers.SeparableConv2D(6, 3, 2, depth_multiplier=2, name="separable")(x))
    x = layers.BatchNormalization(axis=[2, 3])(x)
    shared = layers.Conv2D(6, 1, name="shared")
    x = shared(shared(x))
    x = layers.PReLU()(layers.LayerNormalization(axis=[1, 2, 3])(x))
    x = layers.Dense(7, name="pixelwise")(x)
    x = layers.Dense(10, name="dense")(layers.Flatten()(x))
    x = layers.Concatenate()([x, layers.Embedding(20, 5, name="embedding")(labels)])
    return keras.Model([images, labels], layers.Dense(1, use_bias=False, name="score")(x))


def mixed_macs() -> dict[str, int]:
    return {
        "depthwise": 4 * 4 * 3 * 3 * 3 * 2,
        "nested": (4 * 4 + 3 * 3) * 3 * 3 * 6 * 6,
        "transposed": 4 * 4 * 4 * 4 * 6 * 5,
        "separable": 3 * 3 * (3 * 3 * 5 * 2 + 5 * 2 * 6),
        "shared": 2 * 3 * 3 * 6 * 6,
        "pixelwise": 3 * 3 * 6 * 7,
        "dense": 3 * 3 * 7 * 10,
        "score": 10 + 5,
    }


def test_every_kind_of_layer():
    found = cost(mixed())
    parameters = (
        (3 * 3 * 3 * 2 + 6)
        + (3 * 3 * 6 * 6 + 6)
        + (4 * 4 * 5 * 6 + 5)
        + (3 * 3 * 5 * 2 + 5 * 2 * 6 + 6)
        + 2 * 3 * 6
        + (6 * 6 + 6)
        + (2 * 3 * 3 * 6 + 3 * 3 * 6)
        + (6 * 7 + 7)
        + (3 * 3 * 7 * 10 + 10)
        + 20 * 5
        + 15
    )
    assert found == Cost(parameters, parameters, *[sum(mixed_macs().values())] * 2)


def test_a_frozen_network_costs_the_same():
    network = mixed()
    before = cost(network)
    network.trainable = False
    assert cost(network) == before


def test_masks_take_their_weights_at_every_position():
    network, macs = mixed(), sum(mixed_macs().values())
    kept = {
        "shared/kernel": np.ones([1, 1, 6, 6], bool),
        "transposed/kernel": np.ones([4, 4, 5, 6], bool),
        "separable/pointwise_kernel": np.zeros([1, 1, 10, 6], bool),
        "nested/kernel": np.ones([3, 3, 6, 6], bool),
        "separable/bias": np.zeros([6], bool),
    }
    kept["shared/kernel"].flat[:7] = False
    kept["transposed/kernel"].flat[::48] = False
    kept["nested/kernel"].flat[5:9] = False
    found = cost(network, kept)
    assert found.macs == macs
    assert macs - found.macs_left == (
        7 * 2 * 3 * 3  # two calls
        + 10 * 4 * 4
        + 60 * 3 * 3
        + 4 * (4 * 4 + 3 * 3)
    )
    assert found.parameters - found.parameters_left == 7 + 10 + 60 + 4 + 6


def test_a_wrapped_network_costs_what_the_plain_one_does():
    plain = sngan.generator(8, 4, 3)
    wrapped = wrapping.wrap(plain)
    assert cost(wrapped) == cost(plain)
    kept = {"block_1/conv_1/kernel": np.arange(3 * 3 * 4 * 4).reshape(3, 3, 4, 4) % 4 > 0}
    found = cost(wrapped, kept)
    assert found == cost(plain, kept)
    assert found.parameters - found.parameters_left == 3 * 3 * 4
    assert found.macs - found.macs_left == 8 * 8 * 3 * 3 * 4


def test_layers_inside_keras_wrappers_and_channels_in_front():
    frames = keras.Input([5, 8, 8, 2])
    x = layers.TimeDistributed(layers.Conv2D(3, 3, padding="same"))(frames)
    assert cost(keras.Model(frames, x)).macs == 5 * 8 * 8 * 3 * 3 * 2 * 3
    images = keras.Input([2, 8, 6])
    x = layers.Conv2D(3, 3, padding="same", data_format="channels_first")(images)
    assert cost(keras.Model(images, x)).macs == 8 * 6 * 3 * 3 * 2 * 3


class Mixing(layers.Layer):
    """A layer of a user's: a kernel that has no rule, and a state that is no kernel."""

    def build(self, input_shape):
        self.kernel = self.add_weight("kernel", [input_shape[-1], 4])
        self.u = self.add_weight("u", [1, 4], trainable=False)

    def call(self, inputs):
        return tf.matmul(inputs, self.kernel / tf.norm(self.u))


class KnownMixing(Mixing):
    def kernel_positions(self, input_shape, output_shape):
        return input_shape[1] * output_shape[2]


def test_an_unknown_layer_is_named_and_counts_once_unless_it_says_better():
    images = keras.Input([8, 6, 3])
    with pytest.warns(ToolkitWarning, match=r"layer mixing are unknown.*class Mixing a method"):
        found = cost(keras.Model(images, Mixing(name="mixing")(images)))
    assert found == Cost(12, 12, 12, 12)
    assert cost(keras.Model(images, KnownMixing()(images))).macs == 8 * 6 * 3 * 4


def test_what_cannot_be_counted_is_refused():
    network = sngan.generator(8, 4, 1)
    with pytest.raises(MaskError, match="no_layer/kernel"):
        cost(network, {"no_layer/kernel": np.ones(3, bool)})
    with pytest.raises(MaskError, match="shape"):
        cost(network, {"to_image/kernel": np.ones(3, bool)})

    class Subclassed(keras.Model):
        def call(self, inputs):
            return inputs

    with pytest.raises(UsageError, match="subclassed"):
        cost(Subclassed())
