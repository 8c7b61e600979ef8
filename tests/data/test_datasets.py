"""Data sets by name: the right images, labels and classes, and grids of them."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from sklearn import datasets

from tf_gan_lth import data
from tf_gan_lth.experiment.errors import DataError, UsageError


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


def test_a_split_of_tfds_or_a_part_of_it_is_named_behind_the_set(data_dir):
    train = data.load("tfds:digits", "train", 8, data_dir)
    test = data.load("tfds:digits", "test", 8, data_dir)
    for split in ("train", "test"):
        np.testing.assert_array_equal(
            data.load("tfds:digits@test", split, 8, data_dir).images, test.images
        )
    part = data.load("tfds:digits@train[:100]", "train", 8, data_dir)
    np.testing.assert_array_equal(part.images, train.images[:100])
    both = data.load("tfds:digits@train+test", "train", 8, data_dir)
    assert both.count == 1797


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tfds:digits@tets", "unknown split of tfds:digits@tets 'tets': did you mean 'test'"),
        ("tfds:digits@train[", r"tfds:digits@train\[ names no split .*: expected @test, @train"),
        ("tfds:digits@train[:abc]", "names no split"),
        ("tfds:digits@train+tets", "names no split"),
    ],
)
def test_what_is_no_split_of_tfds_is_one_line(data_dir, name, message):
    with pytest.raises(UsageError, match=message) as caught:
        data.load(name, "train", 8, data_dir)
    assert "\n" not in str(caught.value)


def test_too_few_images_of_tfds_are_refused(data_dir):
    with pytest.raises(DataError, match="@train.:1. has 1 images: expected at least 2"):
        data.load("tfds:digits@train[:1]", "train", 8, data_dir)


def test_a_name_that_tfds_has_not_is_one_line():
    with pytest.raises(UsageError, match="^tfds:nosuch: TFDS has no such data set or config"):
        data.load("tfds:nosuch", "train", 16)


def test_a_path_is_never_a_pattern(tmp_path):
    place = tmp_path / "a [1]*?\\b"
    pictures = place / "pictures" / "train" / "class [x]*"
    pictures.mkdir(parents=True)
    for number in range(3):
        picture = Image.new("L", (8, 8), 9 * number)
        picture.save(pictures / f"{number} [y]*?.png")
    np.savez(place / "[z]*.npz", images=np.zeros((4, 8, 8), np.uint8))
    for _ in range(2):  # prepared, then read as prepared
        assert data.load("digits", "train", 8, str(place / "tfds")).count == 1437
    images = data.load(f"folder:{place / 'pictures'}", "train", 8)
    assert (images.count, images.class_names) == (3, ("class [x]*",))
    assert data.ImageFolder(place / "pictures", 8).count == 3
    assert data.load(f"npz:{place / '[z]*.npz'}", "train", 8).count == 4
