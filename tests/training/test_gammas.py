"""Gammas with an optimizer of their own move as SGD moves them, then the proximal step."""

import math

import numpy as np
import pytest
import tensorflow as tf
from helpers import equal
from tiny_sngan import fresh_start, make_trainer

from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.gans.spec import GENERATOR
from tf_gan_lth.training.gammas import Gammas


def is_gamma(path):
    return path.endswith("/gamma")


def after_a_step(**options):
    """The generator, and the gradients of its gammas, after one step from the same start."""
    trainer = make_trainer(steps=1, discriminator_steps=1, **options)
    weights = trainer.train(fresh_start()).weights[GENERATOR]
    # Of beta_1 = 0, the first moment is the gradient.
    optimizer = trainer.model.optimizer
    moments = {v.ref(): m for v, m in zip(_trained(trainer), optimizer._momentums, strict=True)}
    network = trainer.networks[GENERATOR]
    gradients = {
        variable.name: moments[variable.ref()].numpy()
        for variable in network.trainable_variables
        if variable.name.split("/")[-1].startswith("gamma")
    }
    return weights, gradients


def _trained(trainer):
    return trainer.model.parameters(GENERATOR)


def test_a_step_is_that_of_sgd_then_the_proximal_one_and_nothing_else_changes():
    start = fresh_start().weights[GENERATOR]
    plain, _ = after_a_step()
    weights, gradients = after_a_step(terms=("gamma_l1:3",), gamma_learning_rate=0.1)
    assert len(gradients) == 3
    for path, before in start.items():
        if not is_gamma(path):
            assert equal(weights[path], plain[path]), path
            continue
        [gradient] = [g for name, g in gradients.items() if name.startswith(path)]
        moved = before - 0.1 * gradient  # the first step has the whole rate
        expected = np.sign(moved) * np.maximum(np.abs(moved) - 3 * 0.1, 0.0)
        np.testing.assert_allclose(weights[path], expected, rtol=1e-6)
        assert np.any(gradient)


def test_momentum_and_rate_are_those_of_a_hand_computation():
    variable, step = tf.Variable([1.0, -2.0, 3.0]), tf.Variable(0)
    gammas = Gammas([variable], 0.1, step)
    gammas.restart(4)
    expected, velocity = variable.numpy().astype(np.float64), np.zeros(3)
    mask = np.array([1.0, 1.0, 0.0])
    for number in range(6):
        gradient = np.array([0.5, -1.0, 2.0]) * (number + 1)
        step.assign(number)
        before = gammas.values()
        variable.assign_add([7.0, 7.0, 7.0])  # another optimizer's step
        taken = [tf.constant(values, tf.float32) for values in (gradient, mask)]
        gammas.move(before, [taken[0]], [taken[1]], tf.constant(1.0))
        rate = 0.05 * (1.0 + math.cos(math.pi * min(number / 4, 1.0)))
        velocity = mask * (0.5 * velocity + gradient)
        expected -= rate * velocity
        np.testing.assert_allclose(variable.numpy(), expected, rtol=1e-5)
    assert float(gammas.learning_rate) == 0.0


def test_a_term_that_does_not_count_leaves_the_other_optimizers_step_bit_for_bit():
    plain, _ = after_a_step()
    trainer = make_trainer(
        steps=1, discriminator_steps=1, terms=("gamma_l1:3",), gamma_learning_rate=0.1
    )
    start = fresh_start()
    left_out = type(start)(start.weights, start.kept, start.seed, without=("gamma_l1",))
    assert equal(trainer.train(left_out).weights[GENERATOR], plain)


def test_what_overflows_moves_nothing():
    variable = tf.Variable([1.0, 2.0])
    gammas = Gammas([variable], 0.1, tf.Variable(0))
    gradient = tf.constant([np.inf, np.nan])
    gammas.move(gammas.values(), [gradient], [tf.constant(1.0)], tf.constant(1.0))
    assert variable.numpy().tolist() == [1.0, 2.0]


def test_a_rate_without_the_term_is_refused():
    with pytest.raises(UsageError, match="--gamma_learning_rate=0.1 is that of --terms=gamma_l1"):
        make_trainer(gamma_learning_rate=0.1)
