"""Data sets in an .npz file, as `np.savez` writes them. Nothing is ever unpickled."""

import contextlib
import pathlib
import zipfile
from collections.abc import Iterator

import numpy as np

from tf_gan_lth.data.arrays import checked_images, checked_labels
from tf_gan_lth.data.pixels import fit
from tf_gan_lth.experiment.errors import DataError, UsageError, error_reason

# Keys of images and labels: of Keras's own data sets, of MedMNIST, and of a file without splits.
LAYOUTS = (("x_{split}", "y_{split}"), ("{split}_images", "{split}_labels"), ("images", "labels"))
MAX_KEYS = 12  # that an error lists: a network's weights may be hundreds


def read(
    path: pathlib.Path, split: str, resolution: int | None, crop: str = "none"
) -> tuple[np.ndarray, np.ndarray, int]:
    """All images of a split, in the order in which they are stored.

    Args:
      path: the file. Its images are `x_<split>`, `<split>_images` or `images`, the first of these
        that it has; `images` serve every split. Their labels, if it has any, are `y_<split>`,
        `<split>_labels` or `labels` in turn. Both are as `arrays.from_array` takes them, except
        that images need not be square.
      split: name of the split.
      resolution: height and width to resize to (bilinear, antialiased), in pixels: an image that is
        not square is squashed to one. None leaves the images as they are.
      crop: see `pixels.fit`.

    Returns:
      `(N, H, W, C)` uint8 images, `(N,)` int64 labels, and how many classes these count.

    Raises:
      UsageError: there is no such file.
      DataError: it is broken, lacks images of the split, or holds something else.
    """
    with _open(path) as stored:
        image_key, label_key = _keys(path, stored.files, split)
        images = _array(path, stored, image_key)
        labels = _array(path, stored, label_key) if label_key in stored.files else None
    pixels = checked_images(f"{image_key} of {path}", images, square=False)
    numbers, classes = checked_labels(f"{label_key} of {path}", labels, len(pixels))
    return fit(pixels, resolution, crop), numbers, classes


@contextlib.contextmanager
def _open(path: pathlib.Path) -> Iterator[np.lib.npyio.NpzFile]:
    if not path.is_file():
        raise UsageError(f"there is no file {path}")
    try:
        with path.open("rb") as file:
            if not zipfile.is_zipfile(file):
                raise DataError(f"{path} is no .npz file, or was cut short: write it with np.savez")
            file.seek(0)
            with np.load(file, allow_pickle=False) as stored:
                yield stored
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} cannot be read: {error_reason(error)}") from None


def _keys(path: pathlib.Path, found: list[str], split: str) -> tuple[str, str]:
    """The keys of a split's images and labels; the file may lack the labels."""
    layouts = [tuple(key.format(split=split) for key in layout) for layout in LAYOUTS]
    for images, labels in layouts:
        if images in found:
            return images, labels
    keys = sorted(found)[:MAX_KEYS] + ["..."] * (len(found) > MAX_KEYS)
    expected = " or ".join(images for images, _ in layouts)
    raise DataError(
        f"{path} has no images of split '{split}': expected {expected}, found"
        f" {', '.join(keys) or 'nothing'}"
    )


def _array(path: pathlib.Path, stored: np.lib.npyio.NpzFile, key: str) -> np.ndarray:
    try:
        return stored[key]
    except MemoryError:
        raise DataError(f"{key} of {path} does not fit into memory") from None
    # For contents that are broken NumPy, zipfile and the tokenizer raise errors without a common
    # class.
    except Exception as error:
        if "allow_pickle" in str(error):
            raise DataError(
                f"{key} of {path} holds pickled Python objects, which are not read: save numbers"
                " of one shape, e.g. uint8 (N, H, W, C)"
            ) from None
        raise DataError(f"{key} of {path} is broken: {error_reason(error)}") from None
