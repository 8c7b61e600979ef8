"""CycleGAN's training step: its losses, its pool of images, its learning rate, on one device, two
and compiled.
"""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tf_gan_lth import data, models
from tf_gan_lth.experiment.config import NetworkConfig, TrainingConfig
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.pruning import masks as pruning
from tf_gan_lth.pruning.wrapping import LotterySchedule
from tf_gan_lth.training import Trainer
from tf_gan_lth.training.decay import LinearDecay
from tf_gan_lth.training.options import resolve
from tf_gan_lth.training.pool import ImagePool

SIZE = 24
NETWORKS = NetworkConfig(gan="cyclegan", width=2, discriminator_width=2, blocks=1)
CONFIG = TrainingConfig(steps=4, generator_batch_size=2, learning_rate=1e-3, augmentation="flip")
SEED = np.array([3, 4], np.int32)


@pytest.fixture(scope="module")
def domains():
    drawn = np.random.default_rng(0).integers(0, 256, [2, 6, SIZE, SIZE, 1], dtype=np.uint8)
    a, b = (
        data.ImageSet("noise", split, images, np.zeros(6, np.int64))
        for split, images in zip("ab", drawn, strict=True)
    )
    return data.Domains(a, b)


def make_trainer(domains, strategy=None, **changes):
    gan = models.build(NETWORKS, SIZE, 1, seed=1)
    return Trainer(
        gan, dataclasses.replace(CONFIG, **changes), LotterySchedule(0.2), domains, strategy
    )


@pytest.fixture(scope="module")
def trainer(domains):
    return make_trainer(domains)


@pytest.fixture(scope="module")
def ticket(trainer, half_pruned):
    """Masked initial weights of all four networks, half of each pruned."""
    weights = {
        name: models.take_snapshot(net)
        for name, net in models.build(NETWORKS, SIZE, 1, seed=1).networks.items()
    }
    return half_pruned(trainer, weights)


def difference(first, second, kind="kernel"):
    return max(
        np.abs(first[n][path] - second[n][path]).max()
        for n in first
        for path in first[n]
        if path.endswith(kind)
    )


def test_training_is_repeatable_bit_for_bit_and_keeps_zeros(trainer, ticket):
    weights, masks = ticket
    first = trainer.train(weights, masks, SEED, [])
    trainer.train(weights, {}, SEED + 9, [])
    again = trainer.train(weights, masks, SEED, [])
    assert difference(first, again, "") == 0 and trainer.model.traces == 1
    assert first.keys() == weights.keys()
    for name, mask in masks.items():
        for path, kept in mask.items():
            assert not np.any(first[name][path][~kept])
        assert difference({name: first[name]}, {name: weights[name]}) > 0


def test_two_replicas_agree_with_one_device(domains, trainer, ticket, two_replicas):
    weights, masks = ticket
    single = trainer.train(weights, masks, SEED, [])
    assert (
        difference(make_trainer(domains, two_replicas).train(weights, masks, SEED, []), single)
        < 1e-4
    )


def test_xla_computes_the_same_gradients(trainer):
    """To three or four digits: the variance of its batch norm is E[x^2] - E[x]^2."""
    weights = {
        name: models.take_snapshot(network)
        for name, network in models.build(NETWORKS, SIZE, 1, seed=1).networks.items()
    }
    batch = next(iter(trainer.model.batches(trainer.images, SEED)))
    found = []
    for jit_compile in (False, True):
        trainer.start(weights, {}, SEED)
        found.append(tf.function(trainer.model.generator_gradients, jit_compile=jit_compile)(batch))
    largest = max(float(tf.reduce_max(tf.abs(gradient))) for gradient in found[0])
    for plain, compiled in zip(*found, strict=True):
        np.testing.assert_allclose(compiled, plain, rtol=0, atol=5e-4 * largest)


def test_the_losses_follow_their_definition(trainer, ticket):
    """Each translation by itself, with plain networks: what the step computes two at a time."""
    weights, _ = ticket
    networks = models.build(NETWORKS, SIZE, 1, seed=5).networks
    for name, network in networks.items():
        models.load_snapshot(network, weights[name])
    a, b = (tf.random.stateless_uniform([2, SIZE, SIZE, 1], [1, n], -1, 1) for n in range(2))
    to_b, to_a = networks["generator_a2b"], networks["generator_b2a"]
    fake_a, fake_b = to_a(b), to_b(a)

    def l1(x, y):
        return np.mean(np.abs(x - y))

    def square(score, target):
        return np.mean((score - target) ** 2)

    expected = square(networks["discriminator_a"](fake_a), 1) + square(
        networks["discriminator_b"](fake_b), 1
    )
    expected += 10 * (l1(a, to_a(fake_b)) + l1(b, to_b(fake_a))) + 5 * (
        l1(a, to_a(a)) + l1(b, to_b(b))
    )
    trainer.start(weights, {}, SEED)
    found, fakes = trainer.model._generator_loss({"a": a, "b": b})
    assert float(found) == pytest.approx(float(expected), rel=1e-5)
    np.testing.assert_allclose(fakes["a"], fake_a, atol=1e-5)
    judged = 0.5 * (
        square(networks["discriminator_a"](a), 1) + square(networks["discriminator_a"](fake_a), 0)
    )
    assert float(trainer.model._discriminator_loss("a", a, fake_a)) == pytest.approx(
        float(judged), rel=1e-5
    )


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


def test_the_learning_rate_falls_to_zero_by_the_trainings_own_step(trainer, ticket, domains):
    step = tf.Variable(0)
    decay = LinearDecay(0.2, step, 50, 100)
    found = []
    for number in (0, 50, 75, 100):
        step.assign(number)
        found.append(float(decay(tf.constant(123))))
    assert found == pytest.approx([0.2, 0.2, 0.1, 0.0])
    weights, masks = ticket
    halted = make_trainer(domains, decay_from=0.0, steps=1000).train(
        weights, masks, SEED, [], range(999, 1000)
    )
    moved = difference(halted, {name: {**weights[name]} for name in halted})
    full = make_trainer(domains, decay_from=1.0, steps=1000).train(
        weights, masks, SEED, [], range(999, 1000)
    )
    assert moved == pytest.approx(difference(full, weights) / 1000, rel=0.05)


def test_gradients_of_both_generators_agree_on_two_replicas(trainer, domains, ticket, two_replicas):
    weights, _ = ticket
    weights = {name: pruning.apply(snapshot, {}) for name, snapshot in weights.items()}
    alone, shared = (
        t.generator_gradients(weights, SEED) for t in (trainer, make_trainer(domains, two_replicas))
    )
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
    with pytest.raises(UsageError, match=f"--{option}={value} is no option of {gan}: leave it out"):
        resolve(TrainingConfig(**{option: value}), models.kind(gan))
