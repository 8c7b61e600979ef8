"""What the discriminator sees, augmented: each function by hand, and in the steps of a tiny GAN."""

import dataclasses
import itertools

import numpy as np
import pytest
import tensorflow as tf
from helpers import equal
from tiny_sngan import Losses, fresh_start, make_trainer

from tf_gan_lth.data import draws
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.training import augmentations
from tf_gan_lth.training.augmentations import AUGMENTATIONS, composed

NAMES = ("color", "translation", "cutout")
ALL = ",".join(NAMES)
COUNT, HEIGHT, WIDTH, CHANNELS = 200, 16, 24, 3
MOST = {"rows": 2, "columns": 3}  # pixels that a shift moves: an eighth of the sides
SEED = tf.constant([5, 6])


def drawn(seed, *shape):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


IMAGES = drawn(0, COUNT, HEIGHT, WIDTH, CHANNELS)


@augmentations.register
def toy_blank(images, seed):
    """Nothing is left of an image, nor does a gradient flow to it."""
    del seed
    return tf.zeros_like(images)


def test_color_changes_brightness_saturation_and_contrast_of_each_image():
    found = AUGMENTATIONS["color"](tf.constant(IMAGES), SEED).numpy()
    draw = draws.uniform([3, COUNT, 1, 1, 1], SEED).numpy()
    for number in range(COUNT):
        brightness, saturation, contrast = draw[:, number, 0, 0, 0].astype(np.float64)
        image = IMAGES[number] + (brightness - 0.5)
        grey = image.mean(axis=2, keepdims=True)
        image = grey + 2.0 * saturation * (image - grey)
        image = image.mean() + (0.5 + contrast) * (image - image.mean())
        np.testing.assert_allclose(found[number], image, atol=1e-5)
    shifts = (found - IMAGES).mean(axis=(1, 2, 3))
    assert -0.5 < shifts.min() < -0.4 and 0.4 < shifts.max() < 0.5


def shifted(image, rows, columns):
    """An image moved down and to the right; what comes in is zero."""
    moved = np.zeros_like(image)
    for row, column in np.ndindex(image.shape[:2]):
        source = (row - rows, column - columns)
        if 0 <= source[0] < image.shape[0] and 0 <= source[1] < image.shape[1]:
            moved[row, column] = image[source]
    return moved


def test_translation_moves_each_image_by_up_to_an_eighth():
    found = AUGMENTATIONS["translation"](tf.constant(IMAGES), SEED).numpy()
    reach = [range(-most, most + 1) for most in MOST.values()]
    moves = []
    for image, moved in zip(IMAGES, found, strict=True):
        fitting = [
            m for m in itertools.product(*reach) if np.array_equal(shifted(image, *m), moved)
        ]
        assert len(fitting) == 1
        moves += fitting
    counts = [moves.count(move) for move in itertools.product(*reach)]
    assert min(counts) > 0 and max(counts) < 20  # of 35 moves, in 200 images


def test_cutout_hides_a_rectangle_of_half_the_sides_in_each_image():
    found = AUGMENTATIONS["cutout"](tf.constant(IMAGES), SEED).numpy()
    seen = {"rows": set(), "columns": set()}
    for image, cut in zip(IMAGES, found, strict=True):
        hidden = np.all(cut == 0, axis=2)
        np.testing.assert_array_equal(cut[~hidden], image[~hidden])
        rows = np.flatnonzero(hidden.any(axis=1))
        columns = np.flatnonzero(hidden.any(axis=0))
        assert np.all(hidden[np.ix_(rows, columns)]) and hidden.sum() == rows.size * columns.size
        for name, side, covered in (("rows", HEIGHT, rows), ("columns", WIDTH, columns)):
            first, last = covered[0], covered[-1]
            whole = first > 0 and last < side - 1
            # Its centre may be any pixel: at an edge part of it is outside.
            assert covered.size == side // 2 if whole else side // 4 <= covered.size <= side // 2
            seen[name].add((int(first), int(last)))
    assert len(seen["rows"]) > HEIGHT - 2 and len(seen["columns"]) > WIDTH - 2


@pytest.mark.parametrize("name", [*NAMES, ALL])
def test_what_is_drawn_is_a_function_of_the_seed_alone(name):
    """An augmentation is affine in the images, so what a change of them does shows what it drew."""
    augment = composed(name)
    change = drawn(1, *IMAGES.shape)
    others = drawn(2, *IMAGES.shape)
    effects = [augment(x + change, SEED) - augment(tf.constant(x), SEED) for x in (IMAGES, others)]
    np.testing.assert_allclose(*effects, atol=1e-5)
    again = augment(tf.constant(IMAGES), SEED)
    np.testing.assert_array_equal(again, augment(tf.constant(IMAGES), SEED))
    assert np.abs(again - augment(tf.constant(IMAGES), SEED + 1)).max() > 0.1
    assert np.abs(again - IMAGES).max() > 0.1


@pytest.mark.parametrize("name", [*NAMES, ALL])
def test_gradients_flow_as_differences_say(name):
    augment = composed(name)
    images = tf.constant(IMAGES[:20])
    direction = drawn(3, *images.shape)
    change = drawn(4, *images.shape)
    with tf.GradientTape() as tape:
        tape.watch(images)
        loss = tf.reduce_sum(direction * augment(images, SEED))
    gradient = tape.gradient(loss, images).numpy()
    difference = augment(images + change, SEED) - augment(images, SEED)
    of_each = np.sum(direction * difference, axis=(1, 2, 3))
    np.testing.assert_allclose(
        np.sum(gradient * change, axis=(1, 2, 3)), of_each, rtol=1e-3, atol=1e-3
    )
    assert np.all(np.abs(of_each) > 1e-3)


@pytest.mark.parametrize("name", [*NAMES, ALL])
def test_shapes_stay_and_xla_computes_the_same(name):
    augment = composed(name)

    def checked(images, seed):
        augmented = augment(images, seed)
        assert augmented.shape == images.shape and augmented.dtype == images.dtype
        return augmented

    for shape in ([COUNT, HEIGHT, WIDTH, CHANNELS], [3, 8, 8, 1], [1, 9, 7, 3]):
        images = tf.constant(drawn(5, *shape))
        plain = augment(images, SEED)
        for jit_compile in (False, True):
            compiled = tf.function(checked, jit_compile=jit_compile)(images, SEED)
            np.testing.assert_allclose(compiled, plain, atol=1e-5)


def test_several_are_applied_one_after_the_other_with_seeds_of_their_own():
    expected = tf.constant(IMAGES)
    for number, name in enumerate(("cutout", "color")):
        expected = AUGMENTATIONS[name](expected, draws.fold_in(SEED, number))
    np.testing.assert_array_equal(composed("cutout,color")(tf.constant(IMAGES), SEED), expected)
    np.testing.assert_array_equal(composed("none")(tf.constant(IMAGES), SEED), IMAGES)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colour", "unknown augmentation 'colour': did you mean 'color'"),
        ("color,flip", "unknown augmentation 'flip'"),
        ("none,color", "unknown augmentation 'none'"),
        ("", "unknown augmentation ''"),
        ("color,cutout,color", "--augmentation=color,cutout,color names one twice"),
    ],
)
def test_wrong_names_are_refused(text, message):
    with pytest.raises(UsageError, match=message):
        make_trainer(augmentation=text)


def test_real_and_generated_images_are_augmented_in_the_steps_of_both_players():
    """Where nothing is left to see, real and generated images score alike, and nothing flows back
    to the generator.
    """
    losses = Losses()
    start = fresh_start()
    blank = make_trainer(augmentation="toy_blank", loss="wasserstein")
    trained = blank.train(start, [losses]).weights
    assert losses.logged["discriminator_loss"] == [0.0] * 3
    assert np.all(np.abs(losses.logged["generator_loss"]) > 0)
    for path, before in start.weights["generator"].items():
        statistic = path.endswith(("/moving_mean", "/moving_variance"))
        assert np.array_equal(trained["generator"][path], before) != statistic, path


def first_discriminator_loss(start, **options):
    losses = Losses()
    make_trainer(steps=1, discriminator_steps=1, **options).train(start, [losses])
    return losses.logged["discriminator_loss"][0]


def test_a_teacher_judges_the_images_that_the_discriminator_sees():
    """Of one that is the discriminator itself, nothing is to be learnt."""
    start = fresh_start()
    itself = {"discriminator": start.weights["discriminator"]}
    taught = dataclasses.replace(start, teachers=itself)
    plain = first_discriminator_loss(start, augmentation=ALL)
    taught = first_discriminator_loss(taught, augmentation=ALL, kd_weight=1e4)
    assert taught == pytest.approx(plain, abs=1e-3)


@pytest.mark.parametrize("term", ["r1:10", "gradient_penalty:10"])
def test_penalties_are_taken_at_the_images_that_the_discriminator_sees(term):
    """Blank images give the same loss whatever they were."""
    start = fresh_start()
    other = dataclasses.replace(start, seed=start.seed + 1)
    for seen, alike in [("toy_blank", True), ("none", False)]:
        found = [
            first_discriminator_loss(s, augmentation=seen, terms=(term,), loss="wasserstein")
            for s in (start, other)
        ]
        assert (found[0] == pytest.approx(found[1], rel=1e-6)) == alike


def test_training_repeats_bit_for_bit_in_one_trace():
    trainer = make_trainer(augmentation=ALL)
    start = fresh_start()
    found = []
    for _ in range(2):
        losses = Losses()
        found.append((trainer.train(start, [losses]).weights, losses.logged))
    assert equal(found[0][0], found[1][0]) and found[0][1] == found[1][1]
    assert trainer.model.traces == 1
    assert all(np.all(np.isfinite(values)) for values in found[0][1].values())
    plain = Losses()
    make_trainer().train(start, [plain])
    for name, values in plain.logged.items():
        assert values[0] != found[0][1][name][0]
