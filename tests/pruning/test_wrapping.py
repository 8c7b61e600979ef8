import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from tensorflow_model_optimization.python.core.sparsity.keras import pruning_wrapper

from tf_gan_lth import models
from tf_gan_lth.experiment.config import NetworkConfig
from tf_gan_lth.experiment.errors import MaskError
from tf_gan_lth.gans.layers.basic import SpectralConv2D
from tf_gan_lth.pruning import wrapping


@pytest.fixture(scope="module")
def wrapped():
    gan = models.build(NetworkConfig(width=4, discriminator_width=4), 8, 1, seed=0)
    schedule = wrapping.LotterySchedule(0.2)
    return gan.networks, {
        name: wrapping.wrap(network, schedule) for name, network in gan.networks.items()
    }


def test_every_convolution_is_wrapped_and_nothing_else(wrapped):
    plain, networks = wrapped
    for name, network in networks.items():
        convolutions = [
            layer.name for layer in plain[name].layers if isinstance(layer, keras.layers.Conv2D)
        ]
        found = pruning_wrapper.collect_prunable_layers(network)
        assert [layer.layer.name for layer in found] == convolutions
        assert all(isinstance(layer.pruning_schedule, wrapping.LotterySchedule) for layer in found)


def test_spectral_convs_are_masked_on_their_raw_kernel(wrapped):
    layer = next(
        layer for layer in pruning_wrapper.collect_prunable_layers(wrapped[1]["discriminator"])
    )
    assert isinstance(layer.layer, SpectralConv2D)
    assert layer.pruning_vars[0][0] is layer.layer.kernel


def test_a_wrapped_network_computes_what_the_plain_one_does(wrapped):
    for name, network in wrapped[1].items():
        snapshot = models.take_snapshot(wrapped[0][name])
        models.load_snapshot(network, snapshot)
        inputs = tf.random.stateless_normal([3, *network.input_shape[1:]], [1, 2])
        for training in (False, True):
            models.load_snapshot(wrapped[0][name], snapshot)
            models.load_snapshot(network, snapshot)
            expected = wrapped[0][name](inputs, training=training)
            np.testing.assert_allclose(
                network(inputs, training=training), expected, rtol=1e-5, atol=1e-6
            )
        after, plain = models.take_snapshot(network), models.take_snapshot(wrapped[0][name])
        assert all(np.allclose(after[path], plain[path], rtol=1e-5, atol=1e-6) for path in plain)


def test_masks_are_set_by_path_and_the_rest_keep_everything(wrapped):
    network = wrapped[1]["generator"]
    held = wrapping.masks_of(network)
    mask = {"to_image/kernel": np.zeros(held["to_image/kernel"][0].shape, bool)}
    wrapping.set_masks(network, mask)
    assert np.all(held["to_image/kernel"][1] == 0)
    assert all(
        np.all(variable == 1) for path, (_, variable) in held.items() if path != "to_image/kernel"
    )
    with pytest.raises(MaskError, match="dense/kernel"):
        wrapping.set_masks(network, {"dense/kernel": np.zeros((128, 64), bool)})


def test_the_schedule_never_prunes_and_counts_rounds_exactly():
    schedule = wrapping.LotterySchedule(0.2)
    assert not any(bool(schedule(step)[0]) for step in range(0, 100_000, 1000))
    assert [schedule.remaining(number, 3_742_464) for number in (0, 1, 5, 10)] == [
        3742464,
        2993971,
        1226331,
        401844,
    ]
    assert wrapping.LotterySchedule(**schedule.get_config()["config"]).rate == 0.2
