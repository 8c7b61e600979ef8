"""Data sets by name."""

import dataclasses
import functools
import pathlib
import re
from collections.abc import Iterable

import numpy as np
import tensorflow_datasets as tfds

from tf_gan_lth.data import class_folders, npz, prepared, room
from tf_gan_lth.data.digits import Digits
from tf_gan_lth.data.folders import ImageFolder
from tf_gan_lth.data.image_set import MIN_COUNT, ImageSet
from tf_gan_lth.data.pixels import fit
from tf_gan_lth.experiment import paths
from tf_gan_lth.experiment.errors import DataError, UsageError, check_known, error_reason
from tf_gan_lth.experiment.sections import CROPS

BUILDERS = {
    "digits": Digits,
    "cifar10": functools.partial(tfds.builder, "cifar10"),
    "stl10": functools.partial(tfds.builder, "stl10"),  # `train` are the 5,000 images with labels
}
FOLDER = "folder:"
NPZ = "npz:"
TFDS = "tfds:"
_made_in_python: dict[str, ImageSet] = {}


def remember(images: ImageSet) -> None:
    """Makes images that were given in Python a data set under their name, in this process."""
    if images.dataset in BUILDERS or ":" in images.dataset:
        raise UsageError(f"'{images.dataset}' is the name of another data set: give yours its own")
    _made_in_python[images.dataset] = images


def load(
    name: str,
    split: str,
    resolution: int | None,
    data_dir: str | None = None,
    crop: str = "none",
) -> ImageSet:
    """Loads a split into memory: of a data set of TFDS, of a folder or of an .npz file.

    TFDS prepares a data set on first use.

    Args:
      name: one of `BUILDERS`; `tfds:NAME` or `tfds:NAME/CONFIG`, any set of TFDS that has images,
        of which `@SPLIT` at its end, such as `@train[:80%]`, is what serves as every split;
        `folder:PATH`, whose layouts `class_folders.read` describes; or
        `npz:PATH`, see `npz.read`.
      split: `train` or `test`, or what else the data set, the folder or the file has.
      resolution: height and width to resize to (bilinear, antialiased), in pixels: an image that is
        not square is squashed to one. None leaves the images as they are.
      data_dir: folder of prepared data sets; None is TFDS's own. Nothing to a folder or a file.
      crop: see `pixels.fit`.

    Raises:
      UsageError: the name, the split, the folder or the file is unknown.
      DataError: the data set cannot be prepared, or the folder or the file holds something else.
    """
    check_known("crop", crop, CROPS)
    if name in _made_in_python:
        return _read_made(_made_in_python[name], split, resolution)
    if name.startswith(NPZ):
        images, labels, classes = npz.read(_path(name, NPZ), split, resolution, crop)
        return ImageSet(name, split, images, labels, classes=classes)
    if name.startswith(FOLDER):
        images, labels, names = class_folders.read(folder_path(name), split, resolution, crop)
    else:
        if not name.startswith(TFDS):
            check_name("dataset", name, BUILDERS, (FOLDER, NPZ, TFDS))
        images, labels, names = _read_prepared(name, split, resolution, data_dir, crop)
    classes = len(names)
    return ImageSet(name, split, images, labels, classes=classes, class_names=names or None)


def _read_made(images: ImageSet, split: str, resolution: int | None) -> ImageSet:
    if split != images.split:
        raise UsageError(
            f"{images.dataset} was given in Python as its split '{images.split}': there is no"
            f" '{split}'"
        )
    if resolution in (None, images.shape[0]):
        return images
    return dataclasses.replace(images, images=fit(images.images, resolution))


def _read_prepared(
    name: str, split: str, resolution: int | None, data_dir: str | None, crop: str
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Images, labels, and names of the classes, of a data set of TFDS."""
    if name.startswith(TFDS):
        return _read_any(name, split, resolution, data_dir, crop)
    builder = prepared.prepare(name, BUILDERS[name], split, data_dir)
    images, labels = prepared.read(builder, split)
    names = tuple(builder.info.features["label"].names)
    if labels.min() < 0:  # `unlabelled` of stl10 has -1 everywhere
        names = ()
    return fit(images, resolution, crop), labels, names


def _read_any(
    name: str, split: str, resolution: int | None, data_dir: str | None, crop: str
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """As `_read_prepared`, of `tfds:NAME`: images of any sizes, with labels or without."""
    wanted, _, own = name.removeprefix(TFDS).partition("@")
    split = own or split
    first = re.split(r"[+\[]", split)[0]
    builder = prepared.prepare(name, functools.partial(prepared.find, wanted), first, data_dir)
    count = _count(name, split, builder)
    features = builder.info.features
    features = dict(features.items()) if isinstance(features, tfds.features.FeaturesDict) else {}
    image = features.get("image")
    if image is None or np.dtype(image.np_dtype) != np.uint8 or len(image.shape or ()) != 3:
        raise DataError(f"{name} has no 8-bit feature 'image': it has {', '.join(features)}")
    label = features.get("label")
    labelled = isinstance(label, tfds.features.ClassLabel)
    images, labels = None, np.zeros(count, np.int64)
    for number, (picture, of_class) in enumerate(
        prepared.stream_labelled(builder, split, labelled)
    ):
        picture = fit(picture, resolution, crop)
        if images is None:
            images = room.empty(f"the images of {name}", (count, *picture.shape))
        if picture.shape != images.shape[1:]:
            raise DataError(
                f"{name} has images of {picture.shape} and of {images.shape[1:]}: expected one"
                " shape; --resolution resizes them"
            )
        room.put(images, number, picture)
        labels[number] = of_class
    names = tuple(label.names) if labelled and labels.min() >= 0 else ()
    return images, labels, names


def _count(name: str, split: str, builder: tfds.core.DatasetBuilder) -> int:
    """How many images a split has, or a part or sum of splits; `UsageError` if it is none."""
    try:
        count = builder.info.splits[split].num_examples
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise UsageError(
            f"{name} names no split ({error_reason(error)}): expected @test, @train[:80%] or"
            " @train+test"
        ) from None
    if count < MIN_COUNT:
        raise DataError(f"{name} has {count} images: expected at least {MIN_COUNT}")
    return count


def open_images(
    text: str,
    split: str | None,
    resolution: int | None,
    data_dir: str | None = None,
    crop: str = "none",
) -> ImageSet | ImageFolder:
    """Images to be read once, by what a user calls them.

    Args:
      text: name of a data set, `npz:PATH`, or `folder:PATH`, which may have any layout.
      split: of the data set; of a folder the subfolder of that name, None is the folder itself,
        unless it holds two domains, which nobody means together.
      resolution, data_dir, crop: as in `load`.

    Raises:
      UsageError: the name, the split, the folder or the file is unknown.
      DataError: the data set cannot be prepared, or the folder or the file holds something else.
    """
    if text.startswith(FOLDER):
        path = folder_path(text)
        domains = [name for name in class_folders.DOMAINS if (path / name).is_dir()]
        if split is None and len(domains) > 1:
            raise UsageError(
                f"{path} holds two domains, in {', '.join(domains)}: say which pictures are meant,"
                f" such as folder:{path / domains[1]}"
            )
        return ImageFolder(path, resolution, split, crop)
    return load(text, split or "train", resolution, data_dir, crop)


def check_name(
    kind: str, name: str, known: Iterable[str], prefixes: tuple[str, ...] = (FOLDER,)
) -> None:
    """Raises `UsageError`, with what to write instead, for a name that is not known.

    Args:
      kind: what the name is of, for the message.
      name: the name.
      known: the known ones.
      prefixes: those of `folder:PATH` and `npz:PATH` that the user may write instead.
    """
    if name not in known:
        paths.check_is_no_path(name, prefixes)
    forms = [f"{prefix}{'NAME' if prefix == TFDS else 'PATH'}" for prefix in prefixes]
    check_known(kind, name, [*known, *forms])


def folder_path(text: str) -> pathlib.Path:
    """The path of `folder:PATH`."""
    return _path(text, FOLDER)


def _path(text: str, prefix: str) -> pathlib.Path:
    return paths.expand(text.removeprefix(prefix))
