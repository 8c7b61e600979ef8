"""Which layers are wrapped, that a wrapper only holds masks, and what can be pruned by name."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from tensorflow_model_optimization.python.core.sparsity.keras import pruning_wrapper

from tf_gan_lth import gans
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.gans import ImageShape
from tf_gan_lth.gans.layers import SpectralConv2D
from tf_gan_lth.pruning import wrapping


@pytest.fixture(scope="module")
def wrapped():
    config = configs.from_options({"width": 4, "discriminator_width": 4})
    networks = gans.build(gans.find("sngan"), config, ImageShape(8, 1), seed=0).networks
    return networks, {name: wrapping.wrap(network) for name, network in networks.items()}


def layers_of(network):
    return pruning_wrapper.collect_prunable_layers(network)


def test_every_convolution_is_wrapped_and_nothing_else(wrapped):
    plain, networks = wrapped
    for name, network in networks.items():
        convolutions = [
            layer.name for layer in plain[name].layers if isinstance(layer, keras.layers.Conv2D)
        ]
        found = layers_of(network)
        assert [layer.layer.name for layer in found] == convolutions
        assert all(isinstance(layer.pruning_schedule, wrapping.LotterySchedule) for layer in found)


def test_spectral_convs_are_masked_on_their_raw_kernel(wrapped):
    layer = next(iter(layers_of(wrapped[1]["discriminator"])))
    assert isinstance(layer.layer, SpectralConv2D)
    assert layer.pruning_vars[0][0] is layer.layer.kernel


def check_same_function(network, plain):
    """A wrapped network computes what the plain one does, and changes the same variables."""
    snapshot = gans.take_snapshot(plain)
    inputs = tf.random.stateless_normal([3, *network.input_shape[1:]], [1, 2])
    for training in (False, True):
        gans.load_snapshot(plain, snapshot)
        gans.load_snapshot(network, snapshot)
        expected = plain(inputs, training=training)
        found = network(inputs, training=training)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    after = gans.take_snapshot(network)
    for path, array in gans.take_snapshot(plain).items():
        assert np.allclose(after[path], array, rtol=1e-5, atol=1e-6), path


def test_a_wrapped_network_computes_what_the_plain_one_does(wrapped):
    for name, network in wrapped[1].items():
        check_same_function(network, wrapped[0][name])


def test_masks_change_nothing_in_the_forward_pass(wrapped):
    """They work on gradients: what is pruned is zero in the weights."""
    plain, networks = wrapped
    for _, mask in wrapping.masks_of(networks["generator"]).values():
        mask.assign(tf.zeros_like(mask))
    check_same_function(networks["generator"], plain["generator"])


def test_the_schedule_never_prunes():
    schedule = wrapping.LotterySchedule()
    assert not any(bool(schedule(step)[0]) for step in range(0, 100_000, 1000))
    again = wrapping.LotterySchedule(**schedule.get_config()["config"])
    assert not bool(again(0)[0]) and again.get_config() == schedule.get_config()


class OwnConv2D(keras.layers.Conv2D):
    """A user's own, which TFMOT does not know and which says nothing of pruning."""

    def call(self, inputs):
        return 2.0 * super().call(inputs)


@keras.utils.register_keras_serializable("mine")
class OwnDense(keras.layers.Dense):
    """Likewise."""


@pytest.fixture(scope="module")
def many_kinds():
    """A network with a layer of every kind, of a user's own classes too."""
    inputs = keras.Input([12], name="latents")
    x = OwnDense(4 * 4 * 6, name="own_dense")(inputs)
    x = keras.layers.Reshape([4, 4, 6])(x)
    x = keras.layers.Conv2DTranspose(5, 4, 2, "same", name="up")(x)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.SeparableConv2D(7, 3, padding="same", name="separable")(x)
    x = keras.layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x)
    x = OwnConv2D(3, 3, padding="same", name="own")(x)
    x = keras.layers.Dense(2, name="pixels")(x)
    return keras.Model(inputs, x, name="generator")


CONVOLUTIONS = ["up/kernel", "separable/pointwise_kernel", "own/kernel"]
DENSE = ["own_dense/kernel", "pixels/kernel"]


@pytest.mark.parametrize("dense", [False, True])
def test_all_kinds_of_convolutions_are_wrapped_and_dense_layers_by_option(many_kinds, dense):
    network = wrapping.wrap(many_kinds, dense)
    held = wrapping.masks_of(network)
    expected = {*CONVOLUTIONS, *(DENSE if dense else [])}
    assert held.keys() == expected
    variables = gans.variables(network)
    for path, (variable, mask) in held.items():
        assert variable is variables[path]
        assert mask.shape == variable.shape and np.all(mask == 1)
    assert held["separable/pointwise_kernel"][0].shape == (1, 1, 5, 7)
    check_same_function(network, many_kinds)
    [found] = wrapping.prunable_paths({"generator": many_kinds}, dense=dense).values()
    assert len(found) == len(expected) and set(found) == expected


def test_a_wrapped_network_has_the_variables_of_the_plain_one(many_kinds):
    shapes = [
        {path: tuple(variable.shape) for path, variable in gans.variables(network).items()}
        for network in (many_kinds, wrapping.wrap(many_kinds, True))
    ]
    assert shapes[0] == shapes[1]
    trainable = wrapping.wrap(many_kinds, True).trainable_variables
    assert len(trainable) == len(many_kinds.trainable_variables)


def test_layers_are_excluded_by_patterns(wrapped):
    networks, _ = wrapped
    every = wrapping.prunable_paths(networks)
    held = {name: list(wrapping.masks_of(network)) for name, network in wrapped[1].items()}
    assert every == held
    some = wrapping.prunable_paths(networks, ("generator/to_image", "*/block_1/conv_?"))
    for name, paths in every.items():
        left = [path for path in paths if not path.startswith("block_1/conv_")]
        if name == "generator":
            left.remove("to_image/kernel")
        assert some[name] == left != paths


def test_what_leaves_nothing_to_prune_is_refused(wrapped, many_kinds):
    networks, _ = wrapped
    inputs = keras.Input([8], name="inputs")
    small = keras.Model(inputs, keras.layers.Dense(1, name="score")(inputs), name="mapping")
    for given, exclude, message in [
        (
            networks,
            ("generator/dense",),
            r"^--exclude=generator/dense fits none of the layers that are pruned: generator/block",
        ),
        (networks, ("generator/*",), r"^--exclude=generator/\* leaves nothing of the generator to"),
        (
            {"generator": many_kinds, "mapping": small},
            (),
            r"^the mapping has no layer that can be pruned: give it a Conv2D, .*--prune_dense",
        ),
        # It would have none without that pattern either.
        (
            {"generator": many_kinds, "mapping": small},
            ("generator/own",),
            r"^the mapping has no layer that can be pruned",
        ),
    ]:
        with pytest.raises(UsageError, match=message):
            wrapping.prunable_paths(given, exclude)
    found = wrapping.prunable_paths({"mapping": small}, dense=True)
    assert found == {"mapping": ["score/kernel"]}
