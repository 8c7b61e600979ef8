import numpy as np
import pytest
import tensorflow as tf
from sklearn import datasets

from tf_gan_lth import data
from tf_gan_lth.experiment.errors import UsageError


def test_digits_are_the_real_ones_split_in_two(tiny_options):
    train, test = (
        data.load("digits", split, 8, tiny_options["data_dir"]) for split in ("train", "test")
    )
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


def test_images_are_resized_and_stay_uint8(tiny_options):
    image_set = data.load("digits", "test", 16, tiny_options["data_dir"])
    assert (
        image_set.images.shape[1:] == (16, 16, 1)
        and image_set.images.dtype == np.uint8
        and image_set.channels == 1
    )


def test_an_unknown_data_set_is_answered_with_the_known_ones():
    with pytest.raises(
        UsageError,
        match=(
            "unknown dataset 'digit': did you mean 'digits'.*Known: cifar10, digits, folder:PATH,"
            " stl10"
        ),
    ):
        data.load("digit", "train", 8)


def test_a_grid_has_every_pixel_in_its_place():
    images = np.linspace(-1, 1, 16 * 4, dtype=np.float32).reshape(16, 2, 2, 1)
    sheet = tf.io.decode_png(data.grid(images, columns=8, zoom=3, border=1)).numpy()
    assert sheet.shape == (2 * 8, 8 * 8, 1)
    expected = np.round((images + 1) * 127.5)
    assert (
        sheet[8 + 1, 3 * 8 + 1, 0] == expected[11, 0, 0, 0]
        and sheet[8 + 6, 3 * 8 + 6, 0] == expected[11, 1, 1, 0]
    )
    assert not sheet[7].any()
