"""Unequal learning rates: the discriminators may have one of their own."""

import numpy as np
import pytest
import tensorflow as tf
from tiny_sngan import fresh_start, make_trainer

from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.errors import UsageError


def rates(**options):
    """(the generators', the discriminators') at the first step."""
    model = make_trainer(**options).model
    return tuple(float(o.learning_rate) for o in (model.optimizer, model.discriminator_optimizer))


def test_each_player_has_its_own_rate():
    assert rates() == pytest.approx((1e-3, 1e-3))
    assert rates(discriminator_learning_rate=4e-3) == pytest.approx((1e-3, 4e-3))
    assert rates(discriminator_learning_rate=0.0) == pytest.approx((1e-3, 0.0))


def test_both_fall_together():
    model = make_trainer(discriminator_learning_rate=4e-3, decay_from=0.0, steps=4).model
    model.step.assign(3)
    schedules = [o._learning_rate for o in (model.optimizer, model.discriminator_optimizer)]
    found = [float(schedule(tf.constant(0))) for schedule in schedules]
    assert found == pytest.approx([0.25e-3, 1e-3])


def test_the_rate_moves_the_discriminator_alone():
    start = fresh_start()
    still = make_trainer(discriminator_learning_rate=0.0).train(start).weights
    path = "block_1/conv_1/kernel"
    np.testing.assert_array_equal(
        still["discriminator"][path], start.weights["discriminator"][path]
    )
    assert np.any(still["generator"][path] != start.weights["generator"][path])


def test_asking_for_the_same_rate_changes_no_bit():
    first = make_trainer().train(fresh_start()).weights
    second = make_trainer(discriminator_learning_rate=1e-3).train(fresh_start()).weights
    for network, arrays in first.items():
        for path, array in arrays.items():
            np.testing.assert_array_equal(array, second[network][path])


def test_a_rate_that_is_none_is_refused():
    with pytest.raises(UsageError, match="--discriminator_learning_rate=-1.0 is out of range"):
        configs.from_options({"discriminator_learning_rate": "-1"})
    changed = configs.from_options({"discriminator_learning_rate": 4e-4})
    assert configs.identity(changed) == {"discriminator_learning_rate": 4e-4}
