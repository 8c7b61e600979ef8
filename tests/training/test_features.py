"""Distilled features: which maps are matched, the loss by hand, and adapters that train."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from helpers import equal
from tiny_sngan import OPTIONS, SEED, Losses, build, fresh_start, images

from tf_gan_lth import data, gans
from tf_gan_lth.data import draws
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.artifacts import ArrayFile
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.gans import ImageShape, cyclegan, sngan
from tf_gan_lth.gans.spec import GENERATOR
from tf_gan_lth.methods.candidate import expand, rewind
from tf_gan_lth.pruning.channel_masks import Channels
from tf_gan_lth.pruning.channels import calls, channel_groups
from tf_gan_lth.pruning.cost import cost
from tf_gan_lth.pruning.masks import apply
from tf_gan_lth.pruning.slimming import slim
from tf_gan_lth.training import Start, Trainer
from tf_gan_lth.training.checkpoints import Checkpoints
from tf_gan_lth.training.features import Adapters, matched_layers
from tf_gan_lth.training.slim import train_slim
from tf_gan_lth.training.terms import TERMS, StepContext

TERM = "distill_features:0.5"


def make(**options):
    config = configs.from_options({**OPTIONS, "terms": (TERM,), **options})
    gan = build()
    full = Channels.everything(channel_groups(gan.networks[GENERATOR]))
    covered = {GENERATOR: list(full.expand())}
    return Trainer(gan, config.training, images(), covered=covered), full


def half_of(full):
    draw = np.random.default_rng(0)
    scores = {name: draw.random(kept.size) for name, kept in full.kept.items()}
    return {GENERATOR: full.keep(scores, full.total // 2)}


def taught(masks):
    """Half of the channels are pruned, and the teacher has weights of its own."""
    start = fresh_start()
    dense = {path: array * 1.5 for path, array in start.weights[GENERATOR].items()}
    kept = expand(masks)
    weights = rewind(start.weights, kept)
    return dataclasses.replace(start, weights=weights, kept=kept, teachers={GENERATOR: dense})


def test_matched_are_sums_spread_over_the_network():
    network = cyclegan.generator(24, 2, 1, 9, "generator_a2b")
    sums = [n.layer.name for n in calls(network) if isinstance(n.layer, keras.layers.Add)]
    assert len(sums) == 9
    assert matched_layers(network) == (sums[2], sums[4], sums[6], sums[8])
    few = cyclegan.generator(24, 2, 1, 2, "generator_a2b")
    assert len(matched_layers(few)) == 2


def without_sums():
    inputs = keras.Input([4])
    x = keras.layers.Dense(4 * 4 * 6, name="dense")(inputs)
    x = keras.layers.Reshape([4, 4, 6], name="map")(x)
    x = keras.layers.Conv2D(5, 3, padding="same", name="hidden", activation="relu")(x)
    return keras.Model(inputs, keras.layers.Conv2D(1, 3, padding="same", name="out")(x))


def test_without_sums_they_are_what_kernels_read():
    network = without_sums()
    assert matched_layers(network) == ("map", "hidden")
    inputs = keras.Input([4])
    flat = keras.Model(inputs, keras.layers.Dense(3)(inputs), name="flat")
    with pytest.raises(UsageError, match="distill_features: the flat has no map to match"):
        matched_layers(flat)


@pytest.mark.parametrize("narrow", [False, True])
def test_the_loss_is_that_of_maps_through_1x1_convolutions(narrow):
    """By hand in NumPy: adapters of random values, between networks of equal and other widths."""
    teacher = without_sums()
    mask = None
    student = keras.models.clone_model(teacher)
    if narrow:
        full = Channels.everything(channel_groups(teacher))
        kept = {"dense": np.arange(6) % 2 == 0, "hidden": np.arange(5) > 1}
        mask = Channels(full.groups, kept)
        student, small = slim(teacher, gans.take_snapshot(teacher), mask)
        gans.load_snapshot(student, small)
    adapters = Adapters(student, teacher, mask)
    draw = np.random.default_rng(0)
    for variable in adapters.variables:
        variable.assign(draw.normal(size=variable.shape))
    inputs = draw.normal(size=[3, 4]).astype(np.float32)
    fake, *maps = adapters.student(inputs, training=True)
    context = StepContext(
        student,
        teacher,
        None,
        (tf.constant(inputs),),
        fake,
        None,
        maps=tuple(maps),
        adapters=adapters,
    )
    with tf.GradientTape() as tape:
        loss = TERMS["distill_features"].function(context)
    expected = 0.0
    sizes = [(3, 6), (3, 5)] if narrow else [(6, 6), (5, 5)]
    _, *wanted = adapters.teacher(inputs)
    for number, (own, other) in enumerate(zip(maps, wanted, strict=True)):
        kernel, bias = (variable.numpy() for variable in adapters.variables[2 * number :][:2])
        assert kernel.shape == sizes[number] and other.shape == (3, 4, 4, kernel.shape[1])
        adapted = np.einsum("nhwc,cd->nhwd", own.numpy(), kernel) + bias
        expected += np.mean((adapted - other.numpy()) ** 2)
    assert float(loss) == pytest.approx(expected, rel=1e-5)
    assert all(g is not None for g in tape.gradient(loss, adapters.variables))
    np.testing.assert_allclose(context.taught[0], teacher(inputs), atol=1e-6)


def test_adapters_begin_as_the_identity_of_the_channels_that_stay():
    teacher = without_sums()
    full = Channels.everything(channel_groups(teacher))
    kept = {"dense": np.arange(6) % 2 == 0, "hidden": np.arange(5) > 1}
    mask = Channels(full.groups, kept)
    student, _ = slim(teacher, gans.take_snapshot(teacher), mask)
    kernels = Adapters(student, teacher, mask).variables[::2]
    np.testing.assert_array_equal(kernels[0], np.eye(6)[::2])
    np.testing.assert_array_equal(kernels[1], np.eye(5)[2:])
    with pytest.raises(UsageError, match="the map of map is .* both must be of one size"):
        Adapters(student, _larger(), None)


@pytest.mark.parametrize("trunk", [False, True])
@pytest.mark.parametrize("make_network", ["cyclegan", "separable", "sngan", "dcgan", "sagan"])
def test_first_adapters_take_a_slim_students_maps_to_the_masked_ones(make_network, trunk):
    teacher = {
        "cyclegan": lambda: cyclegan.generator(24, 4, 1, 2, "generator_a2b"),
        "separable": lambda: cyclegan.generator(24, 4, 1, 2, "generator_a2b", separable=True),
        "sngan": lambda: sngan.generator(16, 8, 3),
        "dcgan": lambda: _generator_of("dcgan"),
        "sagan": lambda: _generator_of("sagan"),
    }[make_network]()
    full = Channels.everything(channel_groups(teacher, trunk))
    draw = np.random.default_rng(0)
    scores = {name: draw.random(kept.size) for name, kept in full.kept.items()}
    mask = full.keep(scores, full.total // 2)
    weights = {p: a + 0.1 * draw.random(a.shape) for p, a in gans.take_snapshot(teacher).items()}
    student, small = slim(teacher, weights, mask)
    gans.load_snapshot(student, small)
    masked = keras.models.clone_model(teacher)
    gans.load_snapshot(masked, apply(weights, mask.expand()))
    inputs = [
        tf.constant([0, 1]) if each.dtype.is_integer else draw.normal(size=[2, *each.shape[1:]])
        for each in teacher.inputs
    ]
    narrow, wide = (
        Adapters(each, teacher, only) for each, only in ((student, mask), (masked, None))
    )
    own, other = (each.student(inputs, training=True)[1:] for each in (narrow, wide))
    for one, whole, kernel in zip(own, other, narrow.variables[::2], strict=True):
        np.testing.assert_allclose(one.numpy() @ kernel.numpy(), whole, atol=2e-3)
        assert np.count_nonzero(kernel) == one.shape[-1]


def _generator_of(name):
    config = configs.from_options({"gan": name, "width": 4, "discriminator_width": 4})
    return gans.build(gans.find(name), config, ImageShape(16, 1, 3), seed=1).networks[GENERATOR]


def _larger():
    inputs = keras.Input([4])
    x = keras.layers.Reshape([8, 8, 6], name="map")(keras.layers.Dense(384, name="dense")(inputs))
    x = keras.layers.Conv2D(5, 3, padding="same", name="hidden")(x)
    return keras.Model(inputs, keras.layers.Conv2D(1, 3, name="out")(x))


@pytest.fixture(scope="module")
def trained():
    """A trainer, its masks, where a training began, its losses, and what it became."""
    trainer, full = make()
    masks = half_of(full)
    start, losses = taught(masks), Losses()
    return trainer, masks, start, losses, trainer.train(start, [losses])


def test_a_step_adds_it_with_its_weight_and_the_teacher_is_the_dense_one(trained):
    _, _, start, losses, _ = trained
    plain, _ = make(terms=())
    without = Losses()
    plain.train(dataclasses.replace(start, teachers={}), [without], stop=1)
    networks = [build().networks[GENERATOR] for _ in range(2)]
    for network, weights in zip(networks, (start.weights, start.teachers), strict=True):
        gans.load_snapshot(network, weights[GENERATOR])
    inputs = build().prior.draw(16, draws.fold_in(SEED, 0))[0][8:]
    maps = [
        keras.Model(network.input, [network.get_layer(n).output for n in matched_layers(network)])
        for network in networks
    ]
    own = tf.nest.flatten(maps[0](inputs, training=True))
    other = tf.nest.flatten(maps[1](inputs, training=False))
    distance = sum(np.mean((a - b) ** 2) for a, b in zip(own, other, strict=True))
    found = losses.logged["generator_loss"][0] - without.logged["generator_loss"][0]
    assert found == pytest.approx(0.5 * distance, rel=1e-3) and distance > 1e-3


def test_adapters_train_and_are_no_part_of_what_is_kept(trained):
    trainer, masks, start, _, after = trained
    for variable in trainer.model.adapters[GENERATOR].variables:
        value = variable.numpy()
        assert np.any(value != (np.eye(len(value)) if value.ndim == 2 else 0.0))
    assert after.weights[GENERATOR].keys() == start.weights[GENERATOR].keys()
    whole = cost(trainer.networks[GENERATOR], masks[GENERATOR].expand())
    assert whole == cost(build().networks[GENERATOR], masks[GENERATOR].expand())
    assert equal(trainer.train(start).weights, after.weights)
    assert trainer.model.traces == 1


def test_slim_students_train_as_masked_ones(trained):
    trainer, masks, start, losses, after = trained
    own = Losses()
    slimmed = train_slim(trainer, masks, start, [own])
    for name, values in losses.logged.items():
        np.testing.assert_allclose(own.logged[name], values, rtol=2e-3)
    kernels = [path for path in after.weights[GENERATOR] if path.endswith("/kernel")]
    differs = [
        np.abs(slimmed.weights[GENERATOR][path] - after.weights[GENERATOR][path]) > 1e-3
        for path in kernels
    ]
    assert np.mean(np.concatenate([one.ravel() for one in differs])) < 0.02


def test_a_killed_training_continues_with_its_adapters_bit_for_bit(trained, tmp_path):
    trainer, _, start, _, after = trained
    file = ArrayFile(tmp_path / "checkpoint")
    trainer.train(start, stop=3, checkpoints=Checkpoints(file, 0.0))
    assert file.get()["step"] == 2
    assert sum("/adapters/" in name for name in file.get()) == len(
        trainer.model.adapters[GENERATOR].variables
    )
    trainer.train(dataclasses.replace(start, seed=SEED + 5))
    again = trainer.train(start, checkpoints=Checkpoints(file, 10.0)).weights
    assert equal(again, after.weights)


def test_nobody_teaches_nothing_is_matched(trained):
    trainer, _, start, _, _ = trained
    alone = dataclasses.replace(start, teachers={})
    found = trainer.train(alone).weights
    others = make(terms=())[0].train(alone).weights
    for path, array in others[GENERATOR].items():
        np.testing.assert_allclose(found[GENERATOR][path], array, atol=1e-6)


@pytest.mark.slow
def test_images_and_features_in_8_bits_and_16(trained):
    _, masks, start, _, _ = trained
    for options in ({"precision": "mixed_bfloat16"}, {"jit_compile": True}):
        trainer, _ = make(terms=(TERM, "distill_images:1"), **options)
        weights = trainer.train(start).weights[GENERATOR]
        assert all(np.isfinite(array).all() for array in weights.values())
    config = configs.from_options({**OPTIONS, "terms": (TERM,)})
    eight = Trainer(build(), config.training, images(), bits=8, covered=_covered(masks))
    assert np.isfinite(eight.train(start).weights[GENERATOR]["to_image/kernel"]).all()


def _covered(masks):
    return {name: list(mask.expand()) for name, mask in masks.items()}


def test_both_directions_have_adapters_of_their_own():
    options = {"gan": "cyclegan", "width": 2, "discriminator_width": 2, "blocks": 2, "steps": 1}
    options |= {"generator_batch_size": 2, "augmentation": "flip", "terms": (TERM,)}
    config = configs.from_options(options)
    gan = gans.build(gans.find("cyclegan"), config, ImageShape(24, 1), seed=1)
    draw = np.random.default_rng(0)
    drawn = draw.integers(0, 256, [2, 4, 24, 24, 1], dtype=np.uint8)
    sets = [data.ImageSet("n", n, i, np.zeros(4)) for n, i in zip("ab", drawn, strict=True)]
    trainer = Trainer(gan, config.training, data.Domains(*sets))
    assert trainer.taught == tuple(trainer.model.adapters) == ("generator_a2b", "generator_b2a")
    weights = {name: gans.take_snapshot(network) for name, network in gan.networks.items()}
    # Norms would take a factor away.
    noise = {n: {p: draw.normal(0, 0.1, a.shape) for p, a in weights[n].items()} for n in weights}
    teachers = {n: {p: a + noise[n][p] for p, a in weights[n].items()} for n in trainer.taught}
    found, same, none = Losses(), Losses(), Losses()
    trainer.train(Start(weights, {}, SEED, teachers=teachers), [found])
    own = {name: weights[name] for name in trainer.taught}
    trainer.train(Start(weights, {}, SEED, teachers=own), [same])
    trainer.train(Start(weights, {}, SEED), [none])
    first, second, third = (each.logged["generator_loss"][0] for each in (found, same, none))
    # Norms keep no statistics here: of its own weights a generator's maps are the teacher's.
    assert second == pytest.approx(third, rel=1e-6) and first > second + 1e-3
