"""Image sets of a user's own arrays and `tf.data` sets, checked before anything is trained."""

import warnings
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from tf_gan_lth.data.image_set import MIN_COUNT, ImageSet
from tf_gan_lth.data.pixels import BATCH, quantize
from tf_gan_lth.experiment.errors import DataError, ToolkitWarning

CHANNELS = (1, 3)
ALPHA = {2: 1, 4: 3}  # channels with transparency: those without it
TOLERANCE = 1e-4  # what rounding may add to floats in [-1, 1]; a level is 80 times as wide
MIDDLE = 128  # the level of 0.0
MAX_LABEL = 2**31 - 2  # batches hold labels as int32, and their number too must fit


def from_array(
    images: ArrayLike, labels: ArrayLike | None = None, name: str = "array", split: str = "train"
) -> ImageSet:
    """An image set of an array.

    Args:
      images: `(N, H, W, C)` with H = W and C 1 (grey) or 3 (RGB), or `(N, H, W)`, which is grey;
        N is at least 2. Integers are levels 0..255. Floats are in [-1, 1] and are kept as 8 bits,
        rounded as `quantize` does. An array of uint8 is not copied.
      labels: `(N,)` or `(N, 1)` class numbers, integers that count from 0; None: no classes.
      name: what to call the data set.
      split: what to call this part of it.

    Returns:
      The images and labels. Its classes are those up to the largest label.

    Raises:
      DataError: images or labels are something else than that.

    Warns:
      ToolkitWarning: floats lie in [0, 1], which is most likely a mistake.
    """
    pixels = checked_images(f"images of {name}", images)
    numbers, classes = checked_labels(f"labels of {name}", labels, len(pixels))
    return ImageSet(name, split, pixels, numbers, classes=classes)


def from_dataset(dataset: tf.data.Dataset, name: str = "dataset", split: str = "train") -> ImageSet:
    """An image set of a finite `tf.data` set, which is read into memory.

    The images keep the order in which they come. A data set that shuffles gives another order, and
    so another digest, each time it is read.

    Args:
      dataset: its elements are images, pairs `(image, label)` or dicts with `image` and maybe
        `label`, one by one or in batches. Images and labels are what `from_array` takes, but
        batches of three grey images need a channel axis or labels. A data set of unknown length
        is read to its end.
      name: what to call the data set.
      split: what to call this part of it.

    Returns:
      As `from_array`.

    Raises:
      DataError: the data set is infinite or cannot be read, its elements are something else, or
        its images differ in size.

    Warns:
      ToolkitWarning: as `from_array`.
    """
    what = f"images of {name}"
    spec = _check_elements(name, dataset)
    try:
        levels, labels = _read(what, dataset)
    except tf.errors.OpError as error:
        # Without the places in TensorFlow's graph and code.
        reason = str(error.message).splitlines()[0].rsplit("}} ", 1)[-1].split(" [Op:")[0]
        raise DataError(f"{name} cannot be read: {reason}") from None
    pixels = checked_images(what, levels)
    if spec.dtype.is_floating:
        _warn_of_half_range(what, pixels)
    numbers, classes = checked_labels(f"labels of {name}", labels, len(pixels))
    return ImageSet(name, split, pixels, numbers, classes=classes)


def checked_images(what: str, images: ArrayLike, square: bool = True) -> np.ndarray:
    """The images as `(N, H, W, C)` uint8.

    Args:
      what: what messages call the images.
      images: as in `from_array`.
      square: whether to refuse those that are not.

    Raises:
      DataError: as `from_array`.
    """
    if isinstance(images, list | tuple):
        _refuse_two_sizes(what, images)
    array = _as_array(what, images)
    if array.dtype == object or array.ndim == 0:
        raise _not_numbers(what, array)
    array = _with_channels(what, array)
    count, height, width, _ = array.shape
    if count < MIN_COUNT:
        raise _too_few(what, count)
    if not height * width:
        raise DataError(f"{what} are {height}x{width}: there is no pixel in them")
    if square and height != width:
        raise DataError(
            f"{what} are {height}x{width}, not square: crop them, or resize them with"
            " tf.image.resize"
        )
    levels = _levels(what, array)
    if array.dtype.kind == "f":
        _warn_of_half_range(what, levels)
    return levels


def checked_labels(what: str, labels: ArrayLike | None, count: int) -> tuple[np.ndarray, int]:
    """The labels of `count` images as `(N,)` int64, and the number of their classes.

    Without labels they are zeros, and there are no classes.

    Args:
      what: what messages call the labels.
      labels: as in `from_array`.

    Raises:
      DataError: as `from_array`.
    """
    if labels is None:
        return np.zeros(count, np.int64), 0
    array = _as_array(what, labels)
    if array.ndim == 2 and array.shape[1] == 1:  # as Keras has those of CIFAR-10
        array = array[:, 0]
    if array.shape != (count,):
        advice = "; for one-hot labels give labels.argmax(-1)" if array.ndim == 2 else ""
        raise DataError(
            f"{what} have shape {array.shape}, but there are {count} images: expected one class"
            f" number an image{advice}"
        )
    if array.dtype.kind not in "iu":
        raise DataError(
            f"{what} are {array.dtype}: expected integers that count classes from 0; give"
            " np.unique(labels, return_inverse=True)[1]"
        )
    for position in (array.argmin(), array.argmax()):
        if not 0 <= array[position] <= MAX_LABEL:
            raise DataError(
                f"{what} hold {array[position]} at position {position}: expected integers that"
                " count classes from 0"
            )
    return array.astype(np.int64), int(array.max()) + 1


def _as_array(what: str, values: ArrayLike) -> np.ndarray:
    try:
        return np.asarray(values)
    except (ValueError, TypeError, RuntimeError) as error:  # of lists, of Keras, of PyTorch
        reason = str(error).splitlines()[0]
        raise DataError(f"{what} cannot become a NumPy array: {reason}") from None


def _not_numbers(what: str, array: np.ndarray) -> DataError:
    """The error for what NumPy takes for objects, or for a single one."""
    if array.ndim == 0:
        kind = type(array.item()).__name__
        return DataError(f"{what} are of type {kind}: expected an array of shape (N, H, W, C)")
    _refuse_two_sizes(what, array)
    return DataError(
        f"{what} have dtype object: stack them into one array of numbers, e.g. with"
        " np.array(list(images), np.uint8)"
    )


def _refuse_two_sizes(what: str, images: ArrayLike) -> None:
    """Raises `DataError` if the images are a sequence of arrays that differ in shape."""
    try:
        shapes = list(dict.fromkeys(np.shape(image) for image in images))
    except (ValueError, TypeError, RuntimeError):  # they are no arrays
        return
    if len(shapes) > 1:
        raise _two_sizes(what, *shapes[:2])


def _with_channels(what: str, array: np.ndarray) -> np.ndarray:
    """The array with a channel axis at its end; refuses another rank or number of channels."""
    shape = array.shape
    expected = "expected (N, H, W, C) with C 1 or 3, or (N, H, W)"
    if array.ndim == 3 and shape[2] in CHANNELS and shape[1] != shape[2]:
        raise DataError(f"{what} have shape {shape}, which is one image: {expected}")
    if array.ndim == 3:
        return array[..., None]
    if array.ndim != 4:
        raise DataError(f"{what} have shape {shape}: {expected}")
    if shape[3] in CHANNELS:
        return array
    if shape[1] in CHANNELS:
        raise DataError(
            f"{what} have shape {shape}, channels first: put them last with"
            " np.transpose(images, (0, 2, 3, 1))"
        )
    if shape[3] in ALPHA:
        raise DataError(
            f"{what} have {shape[3]} channels: expected 1 (grey) or 3 (RGB); without transparency"
            f" they are images[..., :{ALPHA[shape[3]]}]"
        )
    raise DataError(f"{what} have {shape[3]} channels: expected 1 (grey) or 3 (RGB)")


def _levels(what: str, images: np.ndarray, first: int = 0) -> np.ndarray:
    """Images `(N, ...)` of any dtype as uint8 levels; `first` is the number of the first one."""
    if images.dtype == np.uint8 or not images.size:
        return images.astype(np.uint8, copy=False)
    if images.dtype.kind not in "iuf":
        raise DataError(f"{what} are {images.dtype}: give uint8 in 0..255, or floats in [-1, 1]")
    low = images.min()
    high = images.max()
    if images.dtype.kind != "f":
        if low < 0 or high > 255:
            raise DataError(
                f"{what} are {images.dtype} from {low} to {high}: expected levels 0..255; scale"
                " them and give uint8"
            )
        return images.astype(np.uint8)
    if not np.isfinite([low, high]).all():
        finite = np.isfinite(images).reshape(len(images), -1).all(1)
        raise DataError(
            f"{what} hold NaN or infinite values, first in image {first + finite.argmin()}: leave"
            " such images out"
        )
    if low < -1 - TOLERANCE or high > 1 + TOLERANCE:
        are_levels = low >= 0 and high <= 255
        advice = "divide by 127.5 and subtract 1, or give uint8" if are_levels else "scale them"
        raise DataError(
            f"{what} are floats from {low:.6g} to {high:.6g}: expected [-1, 1]; {advice}"
        )
    levels = np.empty(images.shape, np.uint8)
    for at in range(0, len(images), BATCH):
        levels[at : at + BATCH] = quantize(images[at : at + BATCH].astype(np.float32))
    return levels


def _warn_of_half_range(what: str, levels: np.ndarray) -> None:
    """Warns if images that were floats in [-1, 1] are so in [0, 1] only."""
    if levels.min() >= MIDDLE:
        warnings.warn(
            f"{what} seem to be floats in [0, 1] and would look grey, as 0 is the middle of"
            " [-1, 1]: multiply by 2 and subtract 1",
            ToolkitWarning,
            stacklevel=4,
        )


def _two_sizes(what: str, first: tuple[int, ...], other: tuple[int, ...]) -> DataError:
    sizes = ("x".join(map(str, shape)) for shape in (first, other))
    return DataError(f"{what} differ in size, {' and '.join(sizes)}: resize them to one size")


def _too_few(what: str, count: int) -> DataError:
    return DataError(f"{what} are too few, {count}: expected at least {MIN_COUNT} to train on")


def _check_elements(name: str, dataset: tf.data.Dataset) -> tf.TensorSpec:
    """The spec of the images, of one or of a batch; refuses elements that are something else."""
    expected = "expected images, (image, label), or a dict with 'image' and maybe 'label'"
    if not isinstance(dataset, tf.data.Dataset):
        raise DataError(f"{name} is of type {type(dataset).__name__}: expected a tf.data.Dataset")
    if dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise DataError(f"{name} is infinite: give a finite part of it, dataset.take(n)")
    spec = dataset.element_spec
    if isinstance(spec, Mapping) and "image" not in spec:
        raise DataError(f"elements of {name} are dicts of {', '.join(map(str, spec))}: {expected}")
    if isinstance(spec, tuple) and len(spec) not in (1, 2):
        raise DataError(f"elements of {name} are tuples of {len(spec)}: {expected}")
    image, label = _split(spec)
    for part in (image, label):
        if part is not None and not isinstance(part, tf.TensorSpec):
            raise DataError(
                f"elements of {name} hold {type(part).__name__}, not plain tensors: {expected}"
            )
    if image.dtype == tf.string:
        raise DataError(f"images of {name} are strings: decode them, e.g. with tf.io.decode_image")
    return image


def _split(element: object) -> tuple:
    """Image and label of an element, or of its spec; None for no label."""
    if isinstance(element, Mapping):
        return element["image"], element.get("label")
    if isinstance(element, tuple):
        return element[0], element[1] if len(element) == 2 else None
    return element, None


def _read(what: str, dataset: tf.data.Dataset) -> tuple[np.ndarray, list | None]:
    """All images as uint8 levels, and their labels if there are any.

    Each element becomes 8 bits at once, as floats take four times as much memory.
    """
    parts, labels = [], []
    count = 0
    for element in dataset:
        image, label = (part if part is None else part.numpy() for part in _split(element))
        if not parts:
            batched = _is_batched(image, label)
        part = image if batched else image[None]
        if parts and part.shape[1:] != parts[0].shape[1:]:
            raise _two_sizes(what, parts[0].shape[1:], part.shape[1:])
        parts.append(_levels(what, part, count))
        count += len(part)
        if label is not None:
            labels.extend(np.atleast_1d(label) if batched else [label])
    if not parts:
        raise _too_few(what, 0)
    return np.concatenate(parts), labels or None


def _is_batched(image: np.ndarray, label: np.ndarray | None) -> bool:
    """Whether an element is a batch: `(B, H, W)` is one, `(H, W, C)` and `(3, H, W)` are not."""
    if image.ndim != 3:
        return image.ndim > 3
    if image.shape[2] in (*CHANNELS, *ALPHA):
        return False
    if label is not None:
        return label.shape[:1] == image.shape[:1]
    return image.shape[0] != 3
