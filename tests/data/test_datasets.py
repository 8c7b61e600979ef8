"""Data sets by name: the right images, labels and classes, and grids of them."""

import numpy as np
import pytest
import tensorflow as tf
from sklearn import datasets

from tf_gan_lth import data
from tf_gan_lth.experiment.errors import UsageError


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return str(tmp_path_factory.mktemp("tfds"))


def test_digits_are_the_real_ones_split_in_two(data_dir):
    train = data.load("digits", "train", 8, data_dir)
    test = data.load("digits", "test", 8, data_dir)
    assert (train.images.shape, test.images.shape) == ((1437, 8, 8, 1), (360, 8, 8, 1))
    ours = sorted(
        image.tobytes() + bytes([label])
        for part in (train, test)
        for image, label in zip(part.images, part.labels, strict=True)
    )
    digits = datasets.load_digits()
    real = np.uint8(np.round(digits.images * 255 / 16))
    assert ours == sorted(
        image.tobytes() + bytes([label]) for image, label in zip(real, digits.target, strict=True)
    )
    assert np.bincount(test.labels).min() > 20


def test_digits_have_ten_classes_and_the_digest_of_their_pixels(data_dir):
    test = data.load("digits", "test", 8, data_dir)
    assert test.classes == 10
    assert test.class_names == tuple("0123456789")
    assert test.digest == "5f828a74dc2eb3f2"
    without = data.ImageSet("digits", "test", test.images, test.labels)
    assert (without.classes, without.class_names) == (0, None)
    assert without.digest == test.digest


def test_images_are_resized_and_stay_uint8(data_dir):
    image_set = data.load("digits", "test", 16, data_dir)
    assert image_set.images.shape[1:] == (16, 16, 1)
    assert image_set.images.dtype == np.uint8
    assert image_set.channels == 1


def test_an_unknown_data_set_is_answered_with_the_known_ones():
    message = (
        "unknown dataset 'digit': did you mean 'digits'.*Known: cifar10, digits, folder:PATH,"
        " npz:PATH, stl10, tfds:NAME$"
    )
    with pytest.raises(UsageError, match=message):
        data.load("digit", "train", 8)


def test_a_grid_has_every_pixel_in_its_place():
    images = np.linspace(-1, 1, 16 * 4, dtype=np.float32).reshape(16, 2, 2, 1)
    sheet = tf.io.decode_png(data.grid(images, columns=8, zoom=3, border=1)).numpy()
    assert sheet.shape == (2 * 8, 8 * 8, 1)
    expected = np.round((images + 1) * 127.5)
    assert sheet[8 + 1, 3 * 8 + 1, 0] == expected[11, 0, 0, 0]
    assert sheet[8 + 6, 3 * 8 + 6, 0] == expected[11, 1, 1, 0]
    assert not sheet[7].any()


def test_any_image_set_of_tfds_is_one_under_its_name(data_dir):
    ours = data.load("digits", "train", 16, data_dir)
    theirs = data.load("tfds:digits", "train", 16, data_dir)
    np.testing.assert_array_equal(ours.labels, theirs.labels)
    assert theirs.classes == 10 and theirs.class_names == ours.class_names
    # One by one they are resized as all together are.
    np.testing.assert_array_equal(ours.images, theirs.images)


def test_a_name_that_tfds_has_not_is_one_line():
    with pytest.raises(UsageError, match="^tfds:nosuch: TFDS has no such data set or config"):
        data.load("tfds:nosuch", "train", 16)
