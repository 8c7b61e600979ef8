"""Batches: functions of the seed and the step, with images and labels that belong together."""

import time

import numpy as np
import pytest
import tensorflow as tf

from tf_gan_lth import data
from tf_gan_lth.experiment.errors import UsageError

COUNT, BATCH, GROUPS = 97, 10, 3
SEED = np.array([1, 2], np.int32)
RESOLUTION = 32


@pytest.fixture(scope="module")
def image_set():
    images = np.arange(COUNT, dtype=np.uint8).reshape(COUNT, 1, 1, 1)
    return data.ImageSet("numbers", "train", images, np.zeros(COUNT, np.int64))


def numbers(image_set, seed, steps):
    batches = data.training_batches(image_set, BATCH, GROUPS, np.array(seed, np.int32)).take(steps)
    return np.concatenate(
        [np.round((batch["image"].numpy().ravel() + 1) * 127.5) for batch in batches]
    ).astype(int)


def test_every_epoch_shows_every_image_once_in_an_order_of_its_own(image_set):
    drawn = numbers(image_set, [1, 2], 10)
    epochs = [drawn[at : at + COUNT] for at in range(0, 3 * COUNT, COUNT)]
    assert all(sorted(epoch) == list(range(COUNT)) for epoch in epochs)
    assert all(
        np.mean(a == b) < 0.1
        for a, b in [(epochs[0], epochs[1]), (epochs[1], epochs[2]), (epochs[0], np.arange(COUNT))]
    )


def test_the_order_is_a_function_of_the_seed(image_set):
    np.testing.assert_array_equal(numbers(image_set, [1, 2], 5), numbers(image_set, [1, 2], 5))
    assert np.mean(numbers(image_set, [1, 2], 5) == numbers(image_set, [1, 3], 5)) < 0.1


def test_the_order_never_changes(image_set):
    """Runs that are continued under a later release depend on it."""
    assert numbers(image_set, [1, 2], 1)[:10].tolist() == [96, 39, 60, 87, 79, 25, 18, 3, 11, 0]


def test_batches_are_dicts_of_scaled_images_of_a_static_shape(image_set):
    batches = data.training_batches(image_set, BATCH, GROUPS, np.array([1, 2], np.int32))
    assert batches.element_spec["image"].shape == (BATCH, GROUPS, 1, 1, 1)
    assert data.scale(np.array([0, 255], np.uint8)).numpy().tolist() == [-1.0, 1.0]


@pytest.mark.parametrize("first_step", [0, 1, 3, 4, 97, 1234])
def test_first_step_leaves_out_that_many_batches_exactly(image_set, first_step):
    seed = np.array([1, 2], np.int32)
    skipped = data.training_batches(image_set, BATCH, GROUPS, seed).skip(first_step).take(8)
    started = data.training_batches(image_set, BATCH, GROUPS, seed, first_step).take(8)
    for ours, theirs in zip(started, skipped, strict=True):
        np.testing.assert_array_equal(ours["image"], theirs["image"])


def test_first_step_costs_the_same_however_large_it_is(image_set):
    began = time.monotonic()
    next(iter(data.training_batches(image_set, BATCH, GROUPS, np.array([1, 2], np.int32), 10**8)))
    assert time.monotonic() - began < 10


@pytest.fixture(scope="module")
def labelled(image_set):
    """The same images; those of class 2 are 2, 12, 22, ..."""
    return data.ImageSet("numbers", "train", image_set.images, np.arange(COUNT) % 10, classes=10)


def test_labels_are_those_of_the_images_beside_them(labelled):
    batches = data.training_batches(labelled, BATCH, GROUPS, SEED, labels=True)
    assert batches.element_spec["label"].shape == (BATCH, GROUPS)
    assert batches.element_spec["label"].dtype == tf.int32
    for batch in batches.take(8):
        shown = np.uint8(data.quantize(batch["image"]))[..., 0, 0, 0]
        np.testing.assert_array_equal(batch["label"], shown % 10)


@pytest.mark.parametrize("first_step", [0, 4, 97])
def test_images_are_the_same_with_labels_or_without(image_set, labelled, first_step):
    plain = data.training_batches(image_set, BATCH, GROUPS, SEED, first_step).take(4)
    both = data.training_batches(labelled, BATCH, GROUPS, SEED, first_step, labels=True).take(4)
    for expected, batch in zip(plain, both, strict=True):
        np.testing.assert_array_equal(batch["image"], expected["image"])


def test_without_being_asked_for_there_are_no_labels(labelled):
    assert list(data.training_batches(labelled, BATCH, GROUPS, SEED).element_spec) == ["image"]


def test_labels_of_images_without_classes_are_refused(image_set):
    message = (
        "^numbers:train has no classes: give its images labels, or train a GAN without classes$"
    )
    with pytest.raises(UsageError, match=message):
        data.training_batches(image_set, BATCH, GROUPS, SEED, labels=True)


def test_the_order_of_domains_never_changes():
    """Runs that are continued under a later release depend on it."""
    shown = translation("crop_and_flip", 3)
    first_pixels = {name: images[:, 0, 0].tolist() for name, images in shown.items()}
    assert first_pixels == {
        "a": [[4, 33, 2], [4, 31, 3], [0, 2, 0], [0, 35, 1], [0, 0, 4], [3, 35, 6]],
        "b": [[3, 1, 1], [1, 3, 0], [3, 35, 2], [1, 3, 3], [1, 2, 4], [2, 1, 4]],
    }


def make_domains(size, counts=(7, 5)):
    """Images that tell where their pixels came from: channels are row, column and image number."""
    sets = []
    for name, count in zip("AB", counts, strict=True):
        images = np.zeros((count, size, size, 3), np.uint8)
        images[..., 0], images[..., 1] = np.mgrid[:size, :size]
        images[..., 2] = np.arange(count)[:, None, None]
        sets.append(data.ImageSet("places", f"train{name}", images, np.zeros(count, np.int64)))
    return data.Domains(*sets)


def translation(augmentation, steps, seed=SEED, batch_size=2):
    """What each domain showed: `(steps * batch_size, 32, 32, 3)` levels."""
    domains = make_domains(data.load_resolution(augmentation, RESOLUTION))
    batches = list(
        data.translation_batches(domains, batch_size, seed, RESOLUTION, augmentation).take(steps)
    )
    return {
        name: np.concatenate([np.uint8(data.quantize(batch[name])) for batch in batches])
        for name in ("a", "b")
    }


def test_each_domain_has_epochs_of_its_own():
    shown = {name: images[:, 0, 0, 2] for name, images in translation("none", 40).items()}
    for name, count in (("a", 7), ("b", 5)):
        epochs = shown[name][: 80 // count * count].reshape(-1, count)
        assert all(sorted(epoch) == list(range(count)) for epoch in epochs)
        assert len({tuple(epoch) for epoch in epochs}) > 5
    other = translation("none", 40, np.array([1, 3], np.int32))
    assert np.mean(other["a"][:, 0, 0, 2] == shown["a"]) < 0.4
    equal = make_domains(RESOLUTION, (64, 64))
    batch = next(iter(data.translation_batches(equal, 64, SEED, RESOLUTION, "none")))
    assert np.mean(batch["a"][:, 0, 0, 2] == batch["b"][:, 0, 0, 2]) < 0.2


def test_without_augmentation_images_are_as_they_are():
    expected = make_domains(RESOLUTION).a.images
    for image in translation("none", 10)["a"]:
        np.testing.assert_array_equal(image, expected[image[0, 0, 2]])


@pytest.mark.parametrize("augmentation", ["flip", "crop_and_flip"])
def test_half_of_the_images_are_flipped_in_each_domain_by_itself(augmentation):
    flips = {
        name: images[:, 0, 0, 1] > images[:, 0, -1, 1]
        for name, images in translation(augmentation, 150).items()
    }
    assert all(0.4 < flipped.mean() < 0.6 for flipped in flips.values())
    assert 0.4 < np.mean(flips["a"] == flips["b"]) < 0.6


def test_crops_lie_inside_the_image_and_are_everywhere_in_it():
    assert data.load_resolution("crop_and_flip", RESOLUTION) == 36
    assert data.load_resolution("crop_and_flip", 256) == 286
    for images in translation("crop_and_flip", 150).values():
        rows = images[..., 0]
        columns = np.sort(images[..., 1], axis=2)
        np.testing.assert_array_equal(
            rows - rows[:, :1, :1], np.broadcast_to(np.arange(32)[:, None], rows.shape)
        )
        np.testing.assert_array_equal(
            columns - columns[:, :1, :1], np.broadcast_to(np.arange(32), rows.shape)
        )
        corners = np.stack([rows[:, 0, 0], columns[:, 0, 0]])
        assert corners.min() == 0 and corners.max() == 4
        assert len(np.unique(corners, axis=1).T) == 25
        assert np.mean(np.all(corners[:, 1:] == corners[:, :-1], axis=0)) < 0.15


@pytest.mark.parametrize("augmentation", data.AUGMENTATIONS)
@pytest.mark.parametrize("first_step", [1, 4, 97])
def test_translation_starts_at_any_step(augmentation, first_step):
    domains = make_domains(data.load_resolution(augmentation, RESOLUTION))
    skipped = (
        data.translation_batches(domains, 3, SEED, RESOLUTION, augmentation)
        .skip(first_step)
        .take(4)
    )
    started = data.translation_batches(domains, 3, SEED, RESOLUTION, augmentation, first_step).take(
        4
    )
    for ours, theirs in zip(started, skipped, strict=True):
        for name in ("a", "b"):
            np.testing.assert_array_equal(ours[name], theirs[name])


def test_the_batch_size_does_not_change_what_is_shown():
    small = translation("crop_and_flip", 12, batch_size=1)
    large = translation("crop_and_flip", 3, batch_size=4)
    for name in ("a", "b"):
        np.testing.assert_array_equal(small[name], large[name])


def test_translation_starts_late_at_once():
    began = time.monotonic()
    next(
        iter(
            data.translation_batches(make_domains(36), 3, SEED, RESOLUTION, "crop_and_flip", 10**10)
        )
    )
    assert time.monotonic() - began < 10


def test_translation_batches_have_static_shapes():
    spec = data.translation_batches(
        make_domains(36), 3, SEED, RESOLUTION, "crop_and_flip"
    ).element_spec
    assert spec["a"].shape == spec["b"].shape == (3, RESOLUTION, RESOLUTION, 3)


def test_images_of_another_size_and_unknown_augmentations_are_refused():
    with pytest.raises(
        UsageError, match="images of places:trainA are 32x32: 'crop_and_flip' to 32x32 takes 36x36"
    ):
        data.translation_batches(make_domains(32), 1, SEED, RESOLUTION, "crop_and_flip")
    with pytest.raises(
        UsageError, match="unknown augmentation 'crop': did you mean 'crop_and_flip'"
    ):
        data.load_resolution("crop", 256)
