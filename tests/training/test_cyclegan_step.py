"""CycleGAN's training step: its losses, its pool of images, its learning rate, on one device, two
and compiled.
"""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tf_gan_lth import data, gans
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.config import TrainingConfig
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.gans import ImageShape
from tf_gan_lth.methods import checks
from tf_gan_lth.methods.imp import IterativeMagnitudePruning
from tf_gan_lth.training import Start, Trainer
from tf_gan_lth.training.decay import LinearDecay
from tf_gan_lth.training.options import resolve
from tf_gan_lth.training.pool import ImagePool

SIZE = 24
OPTIONS = {"gan": "cyclegan", "width": 2, "discriminator_width": 2, "blocks": 1}
CONFIG = TrainingConfig(steps=4, generator_batch_size=2, learning_rate=1e-3, augmentation="flip")
SEED = np.array([3, 4], np.int32)


@pytest.fixture(scope="module")
def domains():
    drawn = np.random.default_rng(0).integers(0, 256, [2, 6, SIZE, SIZE, 1], dtype=np.uint8)
    labels = np.zeros(6, np.int64)
    sets = [data.ImageSet("noise", n, i, labels) for n, i in zip("ab", drawn, strict=True)]
    return data.Domains(*sets)


def build(seed=1):
    config = configs.from_options(OPTIONS)
    return gans.build(gans.find("cyclegan"), config, ImageShape(SIZE, 1), seed=seed)


def fresh_weights():
    return {name: gans.take_snapshot(network) for name, network in build().networks.items()}


def make_trainer(domains, strategy=None, **changes):
    return Trainer(build(), dataclasses.replace(CONFIG, **changes), domains, strategy)


@pytest.fixture(scope="module")
def trainer(domains):
    return make_trainer(domains)


@pytest.fixture(scope="module")
def ticket(trainer, half_pruned):
    """Masked initial weights of all four networks, half of each pruned."""
    weights, kept = half_pruned(trainer, fresh_weights())
    return Start(weights, kept, SEED)


def difference(first, second, kind="kernel"):
    return max(
        np.abs(first[n][path] - second[n][path]).max()
        for n in first
        for path in first[n]
        if path.endswith(kind)
    )


def test_training_is_repeatable_bit_for_bit_and_keeps_zeros(trainer, ticket):
    weights = ticket.weights
    first = trainer.train(ticket).weights
    trainer.train(Start(weights, {}, SEED + 9))
    again = trainer.train(ticket).weights
    assert difference(first, again, "") == 0 and trainer.model.traces == 1
    assert first.keys() == weights.keys()
    for name, kept in ticket.kept.items():
        for path, stays in kept.items():
            assert not np.any(first[name][path][~stays])
        assert difference({name: first[name]}, {name: weights[name]}) > 0


def test_two_replicas_agree_with_one_device(domains, trainer, ticket, two_replicas):
    single = trainer.train(ticket).weights
    mirrored = make_trainer(domains, two_replicas).train(ticket).weights
    assert difference(mirrored, single) < 1e-4


def test_xla_computes_the_same_gradients(trainer):
    """To three or four digits: the variance of its batch norm is E[x^2] - E[x]^2."""
    start = Start(fresh_weights(), {}, SEED)
    batch = next(iter(trainer.model.batches(trainer.images, SEED)))
    found = []
    for jit_compile in (False, True):
        trainer.start(start)
        gradients = tf.function(trainer.model.generator_gradients, jit_compile=jit_compile)
        found.append(gradients(batch))
    largest = max(float(tf.reduce_max(tf.abs(gradient))) for gradient in found[0])
    for plain, compiled in zip(*found, strict=True):
        np.testing.assert_allclose(compiled, plain, rtol=0, atol=5e-4 * largest)


def test_the_losses_follow_their_definition(trainer, ticket):
    """Each translation by itself, with plain networks: what the step computes two at a time."""
    networks = build(seed=5).networks
    for name, network in networks.items():
        gans.load_snapshot(network, ticket.weights[name])
    a, b = (tf.random.stateless_uniform([2, SIZE, SIZE, 1], [1, n], -1, 1) for n in range(2))
    to_b, to_a = networks["generator_a2b"], networks["generator_b2a"]
    judge_a, judge_b = networks["discriminator_a"], networks["discriminator_b"]
    fake_a = to_a(b)
    fake_b = to_b(a)

    def l1(x, y):
        return np.mean(np.abs(x - y))

    def square(score, target):
        return np.mean((score - target) ** 2)

    expected = square(judge_a(fake_a), 1) + square(judge_b(fake_b), 1)
    expected += 10 * (l1(a, to_a(fake_b)) + l1(b, to_b(fake_a)))
    expected += 5 * (l1(a, to_a(a)) + l1(b, to_b(b)))
    trainer.start(dataclasses.replace(ticket, kept={}))
    batch = {"a": a, "b": b}
    found, fakes = trainer.model._generator_loss(batch)
    assert float(found) == pytest.approx(float(expected), rel=1e-5)
    np.testing.assert_allclose(fakes["a"], fake_a, atol=1e-5)
    expected = 0.5 * (square(judge_a(a), 1) + square(judge_a(fake_a), 0))
    judged = trainer.model._discriminator_loss("a", batch, fake_a, tf.constant(SEED))
    assert float(judged) == pytest.approx(float(expected), rel=1e-5)


def test_the_pool_gives_new_images_until_it_is_full_and_then_half_of_the_time_older_ones():
    pool = ImagePool(5, (1, 1, 1))

    def pass_through(steps):
        shown = [
            pool.exchange(
                tf.reshape(tf.constant([2.0 * k, 2.0 * k + 1]), [2, 1, 1, 1]), tf.constant([7, k])
            )
            for k in range(steps)
        ]
        return np.concatenate(shown).ravel().astype(int)

    shown = pass_through(200)
    assert shown[:5].tolist() == list(range(5))
    older = shown != np.arange(400)
    assert 0.4 < older[5:].mean() < 0.6 and np.all(shown[older] < np.arange(400)[older])
    assert len(set(shown[older])) == older.sum()  # what was given back has left the pool
    pool.empty()
    np.testing.assert_array_equal(pass_through(200), shown)
    assert ImagePool(0, (1, 1, 1)).exchange("anything", None) == "anything"


def test_the_learning_rate_falls_to_zero_by_the_trainings_own_step(ticket, domains):
    step = tf.Variable(0)
    decay = LinearDecay(0.2, step, 50, 100)
    found = []
    for number in (0, 50, 75, 100):
        step.assign(number)
        found.append(float(decay(tf.constant(123))))
    assert found == pytest.approx([0.2, 0.2, 0.1, 0.0])
    late = dataclasses.replace(ticket, first_step=999)
    moved = []
    for decay_from in (0.0, 1.0):
        trained = make_trainer(domains, decay_from=decay_from, steps=1000).train(late).weights
        moved.append(difference(trained, ticket.weights))
    assert moved[0] == pytest.approx(moved[1] / 1000, rel=0.05)


def test_gradients_of_both_generators_agree_on_two_replicas(trainer, domains, ticket, two_replicas):
    trainers = (trainer, make_trainer(domains, two_replicas))
    alone, shared = (one.generator_gradients(ticket.weights, SEED) for one in trainers)
    assert alone.keys() == {"generator_a2b", "generator_b2a"}
    assert max(np.abs(array).max() for array in alone["generator_b2a"].values()) > 1e-3
    assert difference(alone, shared) < 1e-4


@pytest.mark.parametrize(
    ("gan", "option", "value"),
    [
        ("cyclegan", "discriminator_steps", 2),
        ("cyclegan", "ema_decay", 0.9),
        ("sngan", "cycle_weight", 1.0),
        ("sngan", "pool_size", 5),
    ],
)
def test_options_that_a_gan_has_not_are_refused(gan, option, value):
    config = configs.from_options({"gan": gan, option: value})
    message = f"--{option}={value} is no option of {gan}: leave it out"
    with pytest.raises(UsageError, match=message):
        checks.check(config, gans.find(gan), IterativeMagnitudePruning())
    if gan == "cyclegan":
        with pytest.raises(UsageError, match=message):
            resolve(config.training, gans.find(gan))
