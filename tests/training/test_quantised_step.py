"""A generator in 8 bits trains weights of 32: straight through the rounding."""

import numpy as np
from helpers import equal
from tiny_sngan import OPTIONS, build, fresh_start, images

from tf_gan_lth.experiment import config as configs
from tf_gan_lth.gans import variables
from tf_gan_lth.gans.spec import GENERATOR
from tf_gan_lth.pruning.quantisation import kernels_of, quantised_snapshot
from tf_gan_lth.training import Trainer


def make(bits, **options):
    config = configs.from_options({**OPTIONS, **options})
    return Trainer(build(), config.training, images(), bits=bits)


def test_kernels_move_from_their_32_bits_and_are_kept_in_8():
    trainer = make(8, steps=2, learning_rate=1e-6)
    start = fresh_start()
    trained = trainer.train(start).weights
    network = trainer.networks[GENERATOR]
    held = variables(network)
    kernels = kernels_of(network)
    assert {"to_image/kernel", "block_1/conv_1/kernel"} <= kernels.keys()
    assert not kernels_of(trainer.networks["discriminator"])
    for path in kernels:
        before, after = start.weights[GENERATOR][path], held[path].numpy()
        # Rounding would have moved them by hundreds of times as much.
        assert 0 < np.abs(after - before).max() < 3e-6
        scale = np.abs(after).max() / 127.0
        np.testing.assert_allclose(
            trained[GENERATOR][path], np.round(after / scale) * scale, atol=1e-6
        )
        assert np.unique(trained[GENERATOR + "_ema"][path]).size <= 255


def test_a_generators_gradient_is_that_at_its_rounded_kernels():
    """Adam's first moment is the gradient, as its beta_1 is 0; nothing trains the discriminator."""
    options = {"steps": 1, "discriminator_steps": 1, "discriminator_learning_rate": 0.0}
    start = fresh_start()
    eight = make(8, **options)
    eight.train(start)
    rounded = dict(start.weights)
    network = eight.networks[GENERATOR]
    rounded[GENERATOR] = quantised_snapshot(network, start.weights[GENERATOR])
    again = make(8, **options)
    again.train(type(start)(rounded, start.kept, start.seed))
    moments = [[m.numpy() for m in t.model.optimizer._momentums] for t in (eight, again)]
    for first, second in zip(*moments, strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-3, atol=1e-6)
    assert any(np.any(first) for first in moments[0])


def test_32_bits_are_what_they_were():
    without = Trainer(build(), configs.from_options(OPTIONS).training, images())
    with_option = make(32)
    assert with_option.model.state().keys() == without.model.state().keys()
    first, second = (trainer.train(fresh_start()).weights for trainer in (with_option, without))
    assert equal(first, second)
