"""Differentiable augmentations follow their definition, for every image and seed."""

import numpy as np
import pytest
import tensorflow as tf

from tf_gan_lth.data import draws
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.training import augmentations

SEED = tf.constant([5, 6])
NAMES = ("color", "translation", "cutout")
SIDE = 16


@pytest.fixture(scope="module")
def images():
    return tf.random.stateless_uniform([200, SIDE, SIDE, 3], [1, 2], -1, 1)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_a_function_of_the_seed_compiled_or_not(images, name):
    augment = augmentations.AUGMENTATIONS[name]
    first = augment(images, SEED)
    assert first.shape == images.shape
    np.testing.assert_array_equal(first, augment(images, SEED))
    assert np.abs(first - augment(images, SEED + 1)).max() > 0.1
    compiled = tf.function(augment, jit_compile=True)(images, SEED)
    np.testing.assert_allclose(compiled, first, atol=1e-5)


def test_color_changes_brightness_saturation_and_contrast(images):
    draw = draws.uniform([3, 200, 1, 1, 1], SEED).numpy()
    expected = images.numpy() + draw[0] - 0.5
    grey = expected.mean(axis=3, keepdims=True)
    expected = (expected - grey) * 2 * draw[1] + grey
    mean = expected.mean(axis=(1, 2, 3), keepdims=True)
    expected = (expected - mean) * (0.5 + draw[2]) + mean
    np.testing.assert_allclose(augmentations.color(images, SEED), expected, atol=1e-5)


def test_translation_shifts_each_image_by_up_to_an_eighth(images):
    most = SIDE // 8
    shifts = set()
    translated = augmentations.translation(images, SEED).numpy()
    for image, moved in zip(images.numpy(), translated, strict=True):
        padded = np.pad(image, [(most, most), (most, most), (0, 0)])
        windows = {
            (r, c): padded[most + r : most + r + SIDE, most + c : most + c + SIDE]
            for r in range(-most, most + 1)
            for c in range(-most, most + 1)
        }
        found = [shift for shift, window in windows.items() if np.array_equal(window, moved)]
        assert len(found) == 1
        shifts.add(found[0])
    assert len(shifts) == (2 * most + 1) ** 2  # all of them, in 200 images


def test_cutout_hides_a_square_of_half_the_sides(images):
    result = augmentations.cutout(images, SEED).numpy()
    hidden = np.all(result == 0, axis=3)
    np.testing.assert_array_equal(result[~hidden], images.numpy()[~hidden])
    heights = hidden.any(axis=2).sum(axis=1)
    widths = hidden.any(axis=1).sum(axis=1)
    np.testing.assert_array_equal(hidden.sum(axis=(1, 2)), heights * widths)  # a rectangle
    half = SIDE // 2
    # At an edge part of it is outside, and never more than half.
    assert heights.max() == widths.max() == half and min(heights.min(), widths.min()) == half // 2
    assert len({tuple(where) for where in hidden.argmax(axis=2).argmax(axis=1)[:, None]}) > 3


@pytest.mark.parametrize("name", NAMES)
def test_gradients_flow_to_what_is_seen(images, name):
    augment = augmentations.AUGMENTATIONS[name]
    weights = tf.random.stateless_normal(images.shape, [3, 4])
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = tf.reduce_sum(weights * augment(images, SEED))
    gradient = tape.gradient(total, images)
    # Each is linear in the image but for a constant: the difference is the gradient.
    step = tf.random.stateless_normal(images.shape, [7, 8])
    difference = tf.reduce_sum(weights * (augment(images + step, SEED) - augment(images, SEED)))
    assert float(tf.reduce_sum(gradient * step)) == pytest.approx(float(difference), rel=1e-3)
    assert float(tf.reduce_max(tf.abs(gradient))) > 0


def test_several_come_one_after_the_other(images):
    both = augmentations.composed("color,cutout")(images, SEED)
    first = augmentations.color(images, draws.fold_in(SEED, 0))
    expected = augmentations.cutout(first, draws.fold_in(SEED, 1))
    np.testing.assert_array_equal(both, expected)
    assert augmentations.composed("none")(images, SEED) is images


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colour", "unknown augmentation 'colour': did you mean 'color'"),
        ("color,color", "--augmentation=color,color names one twice"),
        ("", "unknown augmentation ''"),
    ],
)
def test_others_are_refused(text, message):
    with pytest.raises(UsageError, match=message):
        augmentations.composed(text)
