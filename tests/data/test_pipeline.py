import time

import numpy as np
import pytest

from tf_gan_lth import data

COUNT, BATCH, GROUPS = 97, 10, 3


@pytest.fixture(scope="module")
def image_set():
    images = np.arange(COUNT, dtype=np.uint8).reshape(COUNT, 1, 1, 1)
    return data.ImageSet("numbers", "train", images, np.zeros(COUNT, np.int64))


def numbers(image_set, seed, steps):
    batches = data.training_batches(image_set, BATCH, GROUPS, np.array(seed, np.int32)).take(steps)
    return np.concatenate([np.round((batch["image"].numpy().ravel() + 1) * 127.5) for batch in batches]).astype(int)


def test_every_epoch_shows_every_image_once_in_an_order_of_its_own(image_set):
    drawn = numbers(image_set, [1, 2], 10)
    epochs = [drawn[at : at + COUNT] for at in range(0, 3 * COUNT, COUNT)]
    assert all(sorted(epoch) == list(range(COUNT)) for epoch in epochs)
    assert all(np.mean(a == b) < 0.1 for a, b in [(epochs[0], epochs[1]), (epochs[1], epochs[2]), (epochs[0], np.arange(COUNT))])


def test_the_order_is_a_function_of_the_seed(image_set):
    np.testing.assert_array_equal(numbers(image_set, [1, 2], 5), numbers(image_set, [1, 2], 5))
    assert np.mean(numbers(image_set, [1, 2], 5) == numbers(image_set, [1, 3], 5)) < 0.1


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
