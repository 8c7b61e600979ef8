"""The training step on one device and on two, compiled or not: what is pruned stays zero, what is
equal stays equal.
"""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tf_gan_lth import data, gans
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.config import TrainingConfig
from tf_gan_lth.experiment.errors import MaskError, TrainingError, UsageError
from tf_gan_lth.gans import ImageShape
from tf_gan_lth.training import Sampler, Start, Trainer
from tf_gan_lth.training.callbacks import StopWhenDiverged
from tf_gan_lth.training.options import resolve

CONFIG = TrainingConfig(
    steps=5,
    discriminator_steps=2,
    generator_batch_size=8,
    discriminator_batch_size=4,
    learning_rate=1e-3,
    ema_decay=0.5,
)
SEED = np.array([3, 4], np.int32)


@pytest.fixture(scope="module")
def images(tiny_options):
    return data.load("digits", "train", 8, tiny_options["data_dir"])


def build():
    sizes = configs.from_options({"width": 4, "discriminator_width": 4})
    return gans.build(gans.find("sngan"), sizes, ImageShape(8, 1), seed=1)


def fresh_weights():
    return {name: gans.take_snapshot(network) for name, network in build().networks.items()}


def make_trainer(images, strategy=None, **changes):
    return Trainer(build(), dataclasses.replace(CONFIG, **changes), images, strategy)


@pytest.fixture(scope="module")
def trainer(images):
    return make_trainer(images)


@pytest.fixture(scope="module")
def ticket(trainer, half_pruned):
    """Masked initial weights of both networks, half of each pruned: what a trainer starts from."""
    weights, kept = half_pruned(trainer, fresh_weights())
    return Start(weights, kept, SEED)


def largest_difference(first, second):
    return max(
        np.abs(first.weights[network][path] - second.weights[network][path]).max()
        for network in first.weights
        for path in first.weights[network]
    )


def check_zeros(trained, kept):
    pruned = {
        "generator": "generator",
        "generator_ema": "generator",
        "discriminator": "discriminator",
    }
    for snapshot, network in pruned.items():
        for path, stays in kept[network].items():
            assert not np.any(trained.weights[snapshot][path][~stays])
            assert np.any(trained.weights[snapshot][path][stays])


def test_training_is_repeatable_bit_for_bit_and_resets_everything(trainer, ticket):
    first = trainer.train(ticket)
    trainer.train(Start(ticket.weights, {}, np.array([9, 9], np.int32)))
    again = trainer.train(ticket)
    assert largest_difference(first, again) == 0
    assert trainer.model.traces == 1
    check_zeros(first, ticket.kept)
    assert first.kept is ticket.kept


def test_latents_and_order_follow_the_seed(trainer, ticket):
    first = trainer.train(ticket)
    second = trainer.train(dataclasses.replace(ticket, seed=SEED + 1))
    assert largest_difference(first, second) > 1e-3


def test_two_replicas_keep_zeros_and_agree_with_one_device(images, trainer, ticket, two_replicas):
    assert two_replicas.num_replicas_in_sync == 2
    mirrored = make_trainer(images, two_replicas).train(ticket)
    check_zeros(mirrored, ticket.kept)
    single = trainer.train(ticket)
    # The fused batch norm of one device corrects its moving variance for the batch size; Keras's
    # synchronised one does not. A bias before a batch norm has no gradient but rounding, which Adam
    # scales up.
    compared = {
        "generator": ["to_image/kernel", "dense/kernel"],
        "discriminator": list(ticket.kept["discriminator"]),
    }
    for name, paths in compared.items():
        for path in paths:
            difference = mirrored.weights[name][path] - single.weights[name][path]
            assert np.abs(difference).max() < 1e-4, path


def test_xla_computes_the_same_step(images, ticket):
    compiled = make_trainer(images, jit_compile=True, steps=1).train(ticket)
    check_zeros(compiled, ticket.kept)
    plain = make_trainer(images, steps=1).train(ticket)
    for name, kept in ticket.kept.items():
        for path in kept:
            difference = compiled.weights[name][path] - plain.weights[name][path]
            assert np.abs(difference).max() < 1e-4, path


def test_the_average_follows_its_definition(images, ticket):
    before = ticket.weights["generator"]
    trained = make_trainer(images, steps=1).train(ticket).weights
    average, live = trained["generator_ema"], trained["generator"]
    for path in ("dense/kernel", "norm/gamma", "to_image/kernel"):
        expected = 0.5 * before[path] + 0.5 * live[path]
        np.testing.assert_allclose(average[path], expected, rtol=1e-6, atol=1e-8)
    for path in ("norm/moving_mean", "block_1/norm_1/moving_variance"):
        np.testing.assert_array_equal(average[path], live[path])


def test_a_start_that_is_not_masked_is_refused(trainer, ticket):
    dense = dataclasses.replace(ticket, weights=fresh_weights())
    with pytest.raises(MaskError, match="start of training, generator"):
        trainer.train(dense)


def test_divergence_is_an_error(images, ticket):
    with pytest.raises(TrainingError, match="diverged"):
        make_trainer(images, learning_rate=1e38).train(ticket)
    late = dataclasses.replace(ticket, first_step=3)  # as where a training continues
    for start, steps in ((ticket, "[1-5]"), (late, "[45]")):
        with pytest.raises(TrainingError, match=f"is (nan|inf) at step {steps}; try a lower"):
            make_trainer(images, learning_rate=1e38).train(start, [StopWhenDiverged()])


def test_what_replicas_cannot_do_is_refused_before_training(images, two_replicas):
    with pytest.raises(
        UsageError, match="--generator_batch_size=7 cannot be split evenly over 2 replicas"
    ):
        make_trainer(images, two_replicas, generator_batch_size=7)
    with pytest.raises(UsageError, match="--jit_compile"):
        make_trainer(images, two_replicas, jit_compile=True)


def test_unset_options_are_the_gans_own():
    config = resolve(TrainingConfig(steps=7), gans.find("sngan"))
    batches = (config.discriminator_steps, config.generator_batch_size)
    assert (config.steps, *batches, config.learning_rate) == (7, 5, 128, 2e-4)


def test_masks_of_what_cannot_be_pruned_are_refused(trainer, ticket):
    _, mask = next(iter(ticket.kept["generator"].items()))
    for path, message in {"dense/kernel": "dense/kernel", "none/kernel": "none/kernel"}.items():
        with pytest.raises(MaskError, match=message):
            trainer.model.set_masks("generator", {path: mask})
    trainer.start(ticket)
    held = trainer.model.masks["generator"]
    assert all(
        np.array_equal(held[path].mask, kept) for path, kept in ticket.kept["generator"].items()
    )
    trainer.model.set_masks("generator", {})
    assert all(np.all(one.mask == 1) for one in held.values())


def test_sample_k_depends_on_the_seed_and_k_alone():
    gan = build()
    sampler = Sampler(gan.networks["generator"], gan.prior)
    snapshot = gans.take_snapshot(gan.networks["generator"])
    few = tf.concat(list(sampler.batches(snapshot, 10, SEED)), axis=0)
    many = tf.concat(list(sampler.batches(snapshot, 700, SEED)), axis=0)
    assert few.shape == (10, 8, 8, 1) and many.shape == (700, 8, 8, 1)
    np.testing.assert_array_equal(few, many[:10])
    assert float(tf.reduce_max(tf.abs(many))) <= 1


def test_gradients_and_a_later_first_step_agree_on_two_replicas(
    images, trainer, ticket, two_replicas
):
    mirrored = make_trainer(images, two_replicas)
    alone = trainer.generator_gradients(ticket.weights, SEED)["generator"]
    shared = mirrored.generator_gradients(ticket.weights, SEED)["generator"]
    assert alone.keys() == shared.keys() and max(np.abs(a).max() for a in alone.values()) > 1e-3
    assert all(np.abs(alone[path] - shared[path]).max() < 1e-4 for path in alone)
    from_step_3 = dataclasses.replace(ticket, first_step=3)
    late = [t.train(from_step_3, stop=5) for t in (trainer, mirrored)]
    assert largest_difference(late[0], trainer.train(ticket, stop=2)) > 1e-3
    last = [trained.weights["generator"]["to_image/kernel"] for trained in late]
    assert np.abs(last[0] - last[1]).max() < 1e-4


@pytest.mark.slow
def test_a_teacher_works_on_two_replicas_and_compiled(images, ticket, two_replicas):
    teachers = {"discriminator": ticket.weights["discriminator"]}
    taught = dataclasses.replace(ticket, teachers=teachers)
    trained = []
    for strategy, jit_compile in [(None, False), (None, True), (two_replicas, False)]:
        options = {"kd_weight": 1.0, "steps": 1, "jit_compile": jit_compile}
        trained.append(make_trainer(images, strategy, **options).train(taught))
        check_zeros(trained[-1], ticket.kept)
    first, *others = [one.weights["discriminator"] for one in trained]
    for other in others:
        for path in ticket.kept["discriminator"]:
            assert np.abs(other[path] - first[path]).max() < 1e-4, path
