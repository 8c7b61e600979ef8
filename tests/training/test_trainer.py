"""The training step on one device and on two, compiled or not: what is pruned stays zero, what is
equal stays equal.
"""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tf_gan_lth import data, models
from tf_gan_lth.experiment.config import NetworkConfig, TrainingConfig
from tf_gan_lth.experiment.errors import MaskError, TrainingError, UsageError
from tf_gan_lth.pruning.wrapping import LotterySchedule
from tf_gan_lth.training import Sampler, Trainer
from tf_gan_lth.training.callbacks import RoundProgress
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


def make_trainer(images, strategy=None, **changes):
    gan = models.build(NetworkConfig(width=4, discriminator_width=4), 8, 1, seed=1)
    return Trainer(
        gan, dataclasses.replace(CONFIG, **changes), LotterySchedule(0.2), images, strategy
    )


@pytest.fixture(scope="module")
def trainer(images):
    return make_trainer(images)


@pytest.fixture(scope="module")
def ticket(trainer, half_pruned):
    """Masked initial weights of both networks, half of each pruned: what a trainer starts from."""
    networks = models.build(NetworkConfig(width=4, discriminator_width=4), 8, 1, seed=1).networks
    weights = {name: models.take_snapshot(network) for name, network in networks.items()}
    return half_pruned(trainer, weights)


def largest_difference(first, second):
    return max(
        np.abs(first[network][path] - second[network][path]).max()
        for network in first
        for path in first[network]
    )


def check_zeros(trained, masks):
    for name, snapshot in {
        "generator": "generator",
        "generator_ema": "generator",
        "discriminator": "discriminator",
    }.items():
        for path, kept in masks[snapshot].items():
            assert not np.any(trained[name][path][~kept])
            assert np.any(trained[name][path][kept])


def test_training_is_repeatable_bit_for_bit_and_resets_everything(trainer, ticket):
    weights, masks = ticket
    first = trainer.train(weights, masks, SEED, [])
    trainer.train(weights, {}, np.array([9, 9], np.int32), [])
    again = trainer.train(weights, masks, SEED, [])
    assert largest_difference(first, again) == 0
    assert trainer.model.traces == 1
    check_zeros(first, masks)


def test_latents_and_order_follow_the_seed(trainer, ticket):
    weights, masks = ticket
    assert (
        largest_difference(
            trainer.train(weights, masks, SEED, []), trainer.train(weights, masks, SEED + 1, [])
        )
        > 1e-3
    )


def test_two_replicas_keep_zeros_and_agree_with_one_device(images, trainer, ticket, two_replicas):
    weights, masks = ticket
    assert two_replicas.num_replicas_in_sync == 2
    mirrored = make_trainer(images, two_replicas).train(weights, masks, SEED, [])
    check_zeros(mirrored, masks)
    single = trainer.train(weights, masks, SEED, [])
    # The fused batch norm of one device corrects its moving variance for the batch size; Keras's
    # synchronised one does not. A bias before a batch norm has no gradient but rounding, which Adam
    # scales up.
    compared = {
        "generator": ["to_image/kernel", "dense/kernel"],
        "discriminator": list(masks["discriminator"]),
    }
    for name, paths in compared.items():
        for path in paths:
            assert np.abs(mirrored[name][path] - single[name][path]).max() < 1e-4, path


def test_xla_computes_the_same_step(images, trainer, ticket):
    weights, masks = ticket
    compiled = make_trainer(images, jit_compile=True, steps=1).train(weights, masks, SEED, [])
    check_zeros(compiled, masks)
    plain = make_trainer(images, steps=1).train(weights, masks, SEED, [])
    for name, mask in masks.items():
        assert all(np.abs(compiled[name][path] - plain[name][path]).max() < 1e-4 for path in mask)


def test_the_average_follows_its_definition(images, ticket):
    weights, masks = ticket
    trained = make_trainer(images, steps=1).train(weights, masks, SEED, [])
    for path in ("dense/kernel", "norm/gamma", "to_image/kernel"):
        expected = 0.5 * weights["generator"][path] + 0.5 * trained["generator"][path]
        np.testing.assert_allclose(trained["generator_ema"][path], expected, rtol=1e-6, atol=1e-8)
    for path in ("norm/moving_mean", "block_1/norm_1/moving_variance"):
        np.testing.assert_array_equal(trained["generator_ema"][path], trained["generator"][path])


def test_a_start_that_is_not_masked_is_refused(trainer, ticket):
    _, masks = ticket
    networks = models.build(NetworkConfig(width=4, discriminator_width=4), 8, 1, seed=1).networks
    dense = {name: models.take_snapshot(network) for name, network in networks.items()}
    with pytest.raises(MaskError, match="start of training, generator"):
        trainer.train(dense, masks, SEED, [])


def test_divergence_is_an_error(images, ticket):
    with pytest.raises(TrainingError, match="diverged"):
        make_trainer(images, learning_rate=1e38).train(*ticket, SEED, [])
    with pytest.raises(TrainingError, match="is (nan|inf) at step"):
        make_trainer(images, learning_rate=1e38).train(*ticket, SEED, [RoundProgress("round")])


def test_what_replicas_cannot_do_is_refused_before_training(images, two_replicas):
    with pytest.raises(
        UsageError, match="--generator_batch_size=7 cannot be split evenly over 2 replicas"
    ):
        make_trainer(images, two_replicas, generator_batch_size=7)
    with pytest.raises(UsageError, match="--jit_compile"):
        make_trainer(images, two_replicas, jit_compile=True)


def test_unset_options_are_the_gans_own():
    config = resolve(TrainingConfig(steps=7), models.kind("sngan"))
    assert (
        config.steps,
        config.discriminator_steps,
        config.generator_batch_size,
        config.learning_rate,
    ) == (7, 5, 128, 2e-4)


def test_sample_k_depends_on_the_seed_and_k_alone():
    network = models.build(NetworkConfig(width=4, discriminator_width=4), 8, 1, seed=1).networks[
        "generator"
    ]
    sampler, snapshot = Sampler(network), models.take_snapshot(network)
    few = tf.concat(list(sampler.batches(snapshot, 10, SEED)), axis=0)
    many = tf.concat(list(sampler.batches(snapshot, 700, SEED)), axis=0)
    assert few.shape == (10, 8, 8, 1) and many.shape == (700, 8, 8, 1)
    np.testing.assert_array_equal(few, many[:10])
    assert float(tf.reduce_max(tf.abs(many))) <= 1


def test_gradients_and_a_later_first_step_agree_on_two_replicas(
    images, trainer, ticket, two_replicas
):
    weights, masks = ticket
    mirrored = make_trainer(images, two_replicas)
    alone, shared = (t.generator_gradients(weights, SEED)["generator"] for t in (trainer, mirrored))
    assert alone.keys() == shared.keys() and max(np.abs(a).max() for a in alone.values()) > 1e-3
    assert all(np.abs(alone[path] - shared[path]).max() < 1e-4 for path in alone)
    late = [t.train(weights, masks, SEED, [], range(3, 5)) for t in (trainer, mirrored)]
    assert largest_difference(late[0], trainer.train(weights, masks, SEED, [], range(2))) > 1e-3
    assert (
        np.abs(
            late[0]["generator"]["to_image/kernel"] - late[1]["generator"]["to_image/kernel"]
        ).max()
        < 1e-4
    )


def test_a_teacher_works_on_two_replicas_and_compiled(images, ticket, two_replicas):
    weights, masks = ticket
    trained = []
    for strategy, jit_compile in [(None, False), (None, True), (two_replicas, False)]:
        taught = make_trainer(images, strategy, kd_weight=1.0, steps=1, jit_compile=jit_compile)
        trained.append(
            taught.train(
                weights, masks, SEED, [], teachers={"discriminator": weights["discriminator"]}
            )
        )
        check_zeros(trained[-1], masks)
    for other in trained[1:]:
        for path in masks["discriminator"]:
            assert (
                np.abs(other["discriminator"][path] - trained[0]["discriminator"][path]).max()
                < 1e-4
            ), path
