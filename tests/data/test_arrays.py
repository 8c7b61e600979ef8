"""A user's own arrays and `tf.data` sets: their pixels and labels, or one line on what is wrong."""

import warnings

import numpy as np
import pytest
import tensorflow as tf

from tf_gan_lth import data
from tf_gan_lth.experiment.errors import DataError, ToolkitWarning

SIZE = 6


def levels(count=5, channels=3, size=SIZE):
    return np.random.default_rng(0).integers(0, 256, (count, size, size, channels), np.uint8)


def floats(low, high):
    """Five images whose smallest and largest values are these."""
    return np.linspace(low, high, 5 * SIZE * SIZE, dtype=np.float32).reshape(5, SIZE, SIZE, 1)


def spoiled(value):
    images = floats(-1, 1)
    images[3, 2, 1] = value
    return images


def objects(images):
    """The images as an array of arrays, as NumPy makes it of those that differ in size."""
    array = np.empty(len(images), object)
    for position, image in enumerate(images):
        array[position] = image
    return array


@pytest.mark.parametrize("channels", [1, 3])
def test_levels_stay_as_they_are(channels):
    images = levels(channels=channels)
    found = data.from_array(images)
    np.testing.assert_array_equal(found.images, images)
    assert found.images.dtype == np.uint8 and found.shape == (SIZE, SIZE, channels)
    assert found.name == "array:train"
    assert (found.classes, found.class_names) == (0, None)
    assert found.labels.dtype == np.int64 and found.labels.tolist() == [0] * 5


def test_the_user_names_the_set_and_its_digest_is_that_of_the_pixels():
    found = data.from_array(levels(), name="faces", split="test")
    assert found.name == "faces:test"
    labelled = data.from_array(levels(), [0, 1, 2, 3, 4])
    assert found.digest == labelled.digest != data.from_array(levels() // 2).digest
    assert found.digest == data.ImageSet("x", "y", levels(), np.zeros(5, np.int64)).digest


def test_images_without_a_channel_axis_are_grey():
    images = levels(channels=1)
    np.testing.assert_array_equal(data.from_array(images[..., 0]).images, images)


@pytest.mark.parametrize("dtype", [np.int64, np.int16, np.uint16, np.uint32])
def test_other_integers_are_levels_if_they_fit(dtype):
    found = data.from_array(levels().astype(dtype)).images
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, levels())


@pytest.mark.parametrize("make", [np.ndarray.tolist, list, tf.constant, np.asfortranarray])
def test_whatever_numpy_takes_is_taken(make):
    np.testing.assert_array_equal(data.from_array(make(levels())).images, levels())


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_are_rounded_to_levels_as_quantize_does(dtype):
    images = np.random.default_rng(1).uniform(-1, 1, (600, 4, 4, 3)).astype(dtype)
    expected = data.quantize(images.astype(np.float32)).numpy()
    found = data.from_array(images).images
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, expected)


def test_levels_that_were_scaled_come_back_exactly():
    every = np.arange(512, dtype=np.uint16).astype(np.uint8).reshape(2, 16, 16, 1)
    np.testing.assert_array_equal(data.from_array(data.scale(every)).images, every)


def test_rounding_errors_beyond_the_range_are_no_mistake():
    found = data.from_array(floats(-1.00001, 1.00001)).images
    assert (found.min(), found.max()) == (0, 255)


def test_floats_of_half_the_range_are_taken_with_a_warning():
    with pytest.warns(ToolkitWarning, match=r"images of array seem to be floats in \[0, 1\]"):
        found = data.from_array(floats(0, 1)).images
    assert (found.min(), found.max()) == (128, 255)


@pytest.mark.parametrize("images", [floats(-0.1, 1), floats(-1, 1), levels() // 2 + 128])
def test_what_uses_the_other_half_or_is_no_float_is_taken_without_one(images):
    with warnings.catch_warnings():
        warnings.simplefilter("error", ToolkitWarning)
        assert data.from_array(images).count == len(images)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
@pytest.mark.parametrize("shape", [(5,), (5, 1)])
def test_labels_count_classes_up_to_the_largest(dtype, shape):
    found = data.from_array(levels(), np.array([2, 0, 2, 6, 1], dtype).reshape(shape))
    assert found.labels.dtype == np.int64 and found.labels.tolist() == [2, 0, 2, 6, 1]
    assert found.classes == 7


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (
            [levels(1)[0], levels(1, size=8)[0]],
            "differ in size, 6x6x3 and 8x8x3: resize them to one size$",
        ),
        (
            objects([levels(1)[0], levels(1, size=8)[0]]),
            "differ in size, 6x6x3 and 8x8x3: resize them to one size$",
        ),
        (objects(list(levels())), r"have dtype object: stack them .* np.array\(list\(images\), "),
        (levels().astype(object), "have dtype object: stack them into one array of numbers"),
        (None, r"are of type NoneType: expected an array of shape \(N, H, W, C\)$"),
        ("cifar10", "are of type str: expected an array"),
        (levels() > 99, r"are bool: give uint8 in 0..255, or floats in \[-1, 1\]$"),
        (np.full((2, 4, 4), 1j), "are complex128: give uint8"),
        (
            levels().astype(np.uint16) * 257,
            r"are uint16 from \d+ to 6\d+: expected levels 0..255; scale them and give uint8$",
        ),
        (levels().astype(int) - 128, "are int64 from -128 to 127: expected levels 0..255"),
        (
            floats(0, 255),
            r"are floats from 0 to 255: expected \[-1, 1\]; divide by 127.5 and subtract 1, or"
            " give uint8$",
        ),
        (
            floats(-2.5, 3.25),
            r"are floats from -2.5 to 3.25: expected \[-1, 1\]; scale them$",
        ),
        (floats(-1, 1.001), r"are floats from -1 to 1.001: expected"),
        (spoiled(np.nan), "hold NaN or infinite values, first in image 3: leave such images out$"),
        (spoiled(-np.inf), "hold NaN or infinite values, first in image 3"),
        (levels()[0], r"have shape \(6, 6, 3\), which is one image: expected \(N, H, W, C\)"),
        (levels().reshape(5, -1), r"have shape \(5, 108\): expected \(N, H, W, C\) with C 1 or 3,"),
        (levels()[None], r"have shape \(1, 5, 6, 6, 3\): expected"),
        (
            levels().transpose(0, 3, 1, 2),
            r"have shape \(5, 3, 6, 6\), channels first: put them last with np.transpose\(images,"
            r" \(0, 2, 3, 1\)\)$",
        ),
        (
            levels(channels=4),
            r"have 4 channels: expected 1 \(grey\) or 3 \(RGB\); without .* images\[..., :3\]$",
        ),
        (levels(channels=2), r"have 2 channels: .* images\[..., :1\]$"),
        (levels(channels=5), r"have 5 channels: expected 1 \(grey\) or 3 \(RGB\)$"),
        (levels(1), "are too few, 1: expected at least 2 to train on$"),
        (levels(0), "are too few, 0: expected at least 2 to train on$"),
        (levels(size=0), "are 0x0: there is no pixel in them$"),
        (levels()[:, :4], "are 4x6, not square: crop them, or resize them with tf.image.resize$"),
    ],
)
def test_what_cannot_be_trained_on_is_refused_in_one_line(images, message):
    with pytest.raises(DataError, match=f"^images of mine {message}") as caught:
        data.from_array(images, name="mine")
    assert "\n" not in str(caught.value)


def test_a_keras_tensor_is_no_array():
    keras_tensor = tf.keras.Input((4, 4, 3))
    with pytest.raises(DataError, match="^images of array ") as caught:
        data.from_array(keras_tensor)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1], r"have shape \(2,\), but there are 5 images: expected one class number an image$"),
        (np.eye(5, dtype=int), r"have shape \(5, 5\), .*; for one-hot labels give labels.argmax"),
        (3, r"have shape \(\), but there are 5 images"),
        ([[0], [1, 2], [0], [0], [0]], "cannot become a NumPy array: "),
        ([0.0, 1.0, 2.0, 3.0, 4.0], "are float64: expected integers that count classes from 0; "),
        (list("abcde"), r"are <U1: expected .* np.unique\(labels, return_inverse=True\)\[1\]$"),
        ([True] * 5, "are bool: expected integers"),
        ([0, 1, -1, 2, 3], "hold -1 at position 2: expected integers that count classes from 0$"),
        ([0, 1, 2, 3, 2**40], f"hold {2**40} at position 4: expected integers"),
    ],
)
def test_what_are_no_class_numbers_is_refused_in_one_line(labels, message):
    with pytest.raises(DataError, match=f"^labels of mine {message}") as caught:
        data.from_array(levels(), labels, name="mine")
    assert "\n" not in str(caught.value)


LABELS = [3, 0, 1, 1, 0]


def elements(kind, images, labels):
    if kind == "images":
        return tf.data.Dataset.from_tensor_slices(images)
    if kind == "pairs":
        return tf.data.Dataset.from_tensor_slices((images, labels))
    more = {"image": images, "id": [str(number) for number in range(len(images))]}
    return tf.data.Dataset.from_tensor_slices(more if labels is None else {**more, "label": labels})


@pytest.mark.parametrize("batch", [None, 1, 2, 5])
@pytest.mark.parametrize("shape", [(5, SIZE, SIZE, 3), (5, SIZE, SIZE, 1), (5, SIZE, SIZE)])
@pytest.mark.parametrize("kind", ["images", "pairs", "dicts", "dicts without labels"])
def test_a_data_set_gives_what_its_array_gives(kind, shape, batch):
    images = levels(channels=3 if shape[-1] == 3 else 1).reshape(shape)
    labels = LABELS if kind in ("pairs", "dicts") else None
    dataset = elements(kind, images, labels)
    found = data.from_dataset(dataset.batch(batch) if batch else dataset, "mine", "test")
    expected = data.from_array(images, labels)
    np.testing.assert_array_equal(found.images, expected.images)
    np.testing.assert_array_equal(found.labels, expected.labels)
    assert found.labels.dtype == np.int64
    assert found.classes == expected.classes == (4 if labels else 0)
    assert found.name == "mine:test" and found.digest == expected.digest


def test_a_data_set_of_floats_is_rounded_as_its_array_is():
    images = floats(-1, 1)
    for dataset in (elements("images", images, None), elements("images", images, None).batch(2)):
        found = data.from_dataset(dataset).images
        np.testing.assert_array_equal(found, data.from_array(images).images)
    with pytest.warns(ToolkitWarning, match="images of dataset seem to be floats in"):
        data.from_dataset(elements("images", floats(0, 1), None))


@pytest.mark.parametrize("batch", [None, 3])
def test_labels_in_a_column_are_those_of_the_images(batch):
    labels = np.array(LABELS)[:, None]  # as Keras has those of CIFAR-10
    for images in (levels(), levels(channels=1)[..., 0]):
        dataset = elements("pairs", images, labels)
        found = data.from_dataset(dataset.batch(batch) if batch else dataset)
        assert found.labels.tolist() == LABELS and found.count == 5


def test_a_data_set_of_unknown_length_and_shape_is_read_to_its_end():
    dataset = tf.data.Dataset.from_generator(
        lambda: iter(levels()), output_signature=tf.TensorSpec(None, tf.uint8)
    )
    np.testing.assert_array_equal(data.from_dataset(dataset).images, levels())


def of_two_sizes():
    images = [*levels(4), *levels(1, size=8)]
    return tf.data.Dataset.from_generator(
        lambda: iter(images), output_signature=tf.TensorSpec([None, None, 3], tf.uint8)
    )


def slices(*tensors):
    return tf.data.Dataset.from_tensor_slices(tensors if len(tensors) > 1 else tensors[0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: slices(levels()).repeat(),
            r"mine is infinite: give a finite part of it, dataset.take\(n\)$",
        ),
        (
            of_two_sizes,
            "images of mine differ in size, 6x6x3 and 8x8x3: resize them to one size$",
        ),
        (
            lambda: of_two_sizes().batch(1),
            "images of mine differ in size, 6x6x3 and 8x8x3: resize them to one size$",
        ),
        (
            lambda: of_two_sizes().batch(5),
            r"mine cannot be read: .*different shapes.*\[6,6,3\] .*\[8,8,3\].$",
        ),
        (lambda: list(levels()), "mine is of type list: expected a tf.data.Dataset$"),
        (
            lambda: slices({"picture": levels(), "id": range(5)}),
            r"elements of mine are dicts of picture, id: expected images, \(image, label\), or a "
            "dict with 'image' and maybe 'label'$",
        ),
        (
            lambda: slices(levels(), LABELS, LABELS),
            "elements of mine are tuples of 3: expected images, ",
        ),
        (
            lambda: slices({"image": {"left": levels()}}),
            "elements of mine hold dict, not plain tensors: expected images, ",
        ),
        (
            lambda: of_two_sizes().ragged_batch(2),
            "elements of mine hold RaggedTensorSpec, not plain tensors: expected images, ",
        ),
        (lambda: slices(["a", "b"]), "images of mine are strings: decode them, .*decode_image$"),
        (lambda: slices(levels()).take(0), "images of mine are too few, 0: expected at least 2"),
        (lambda: slices(levels()).take(1), "images of mine are too few, 1: expected at least 2"),
        (
            lambda: slices(levels().transpose(0, 3, 1, 2)),
            r"images of mine have shape \(5, 3, 6, 6\), channels first",
        ),
        (lambda: slices(levels()[:, :4]), "images of mine are 4x6, not square"),
        (lambda: slices(range(5)), r"images of mine have shape \(5,\): expected"),
        (lambda: slices(floats(0, 255)), "images of mine are floats from 0 to .*; divide by 127.5"),
        (
            lambda: slices(spoiled(np.nan)).batch(2),
            "images of mine hold NaN or infinite values, first in image 3",
        ),
        (
            lambda: slices(tf.cast(floats(-1, 1), tf.bfloat16)),
            "images of mine are bfloat16: give uint8",
        ),
        (lambda: slices(levels(), list("abcde")), "labels of mine are .*: expected integers"),
        (
            lambda: slices(levels(), np.eye(5)).batch(2),
            r"labels of mine have shape \(5, 5\), .* give labels.argmax",
        ),
        (
            lambda: slices(levels(), levels()),
            r"labels of mine have shape \(5, 6, 6, 3\), but there are 5 images",
        ),
    ],
)
def test_a_data_set_of_something_else_is_refused_in_one_line(make, message):
    with pytest.raises(DataError, match=f"^{message}") as caught:
        data.from_dataset(make(), name="mine")
    assert "\n" not in str(caught.value)


def test_what_fails_in_a_data_set_is_named():
    def fail():
        yield levels()[0]
        raise OSError("disk gone")

    dataset = tf.data.Dataset.from_generator(
        fail, output_signature=tf.TensorSpec([SIZE, SIZE, 3], tf.uint8)
    )
    with pytest.raises(DataError, match="^mine cannot be read: .*disk gone") as caught:
        data.from_dataset(dataset, name="mine")
    assert "\n" not in str(caught.value)
