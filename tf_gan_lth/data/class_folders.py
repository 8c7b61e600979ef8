"""Folders of pictures to train on, `PATH/<split>/<class>/*.jpg`, read into memory."""

import os
import pathlib
from collections.abc import Iterator

import numpy as np

from tf_gan_lth.data.decoding import SUFFIXES, check_shape, decode, is_beside, is_picture
from tf_gan_lth.data.image_set import MIN_COUNT
from tf_gan_lth.data.pixels import resize
from tf_gan_lth.experiment.errors import DataError, UsageError, check_known

# Pictures that are decoded, and resized together, at a time: 16 photographs of 12 megapixels fill
# 1 GB.
CHUNK = 16


def read(
    root: pathlib.Path, split: str, resolution: int | None
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """All pictures of a split, in the order of their paths.

    What `is_beside` pictures is left out. A class is a folder of any split, so that its number is
    the same in all of them. Of the split that is asked for, each class folder must have a picture:
    an empty one is most likely a copy that was cut short.

    Args:
      root: the folder; it has a folder for each split, and that one for each class.
      split: name of the split.
      resolution: height and width to resize to (bilinear, antialiased), in pixels: a picture that
        is not square is squashed to one. None leaves the pictures as they are; they must be of one
        size then.

    Returns:
      `(N, H, W, C)` uint8 images, `(N,)` int64 numbers of their classes, and the sorted names of
      the classes that these count.

    Raises:
      UsageError: there is no such folder or split.
      DataError: the folder has another layout, fewer than two pictures, or something that is no
        picture like the others.
    """
    if not root.is_dir():
        raise UsageError(f"there is no folder {root}")
    splits = [name for name in _names(root) if _has_folders(root / name)]
    files = _files(root, split, splits)
    images = _images(files, resolution)
    names = _class_names(root, splits)
    numbers = {name: number for number, name in enumerate(names)}
    labels = np.array([numbers[file.parent.name] for file in files], np.int64)
    return images, labels, names


def _has_folders(folder: pathlib.Path) -> bool:
    return folder.is_dir() and any((folder / name).is_dir() for name in _names(folder))


def _files(root: pathlib.Path, split: str, splits: list[str]) -> list[pathlib.Path]:
    """The pictures of a split, sorted, once its layout is checked.

    `splits` are the folders that have class folders.
    """
    layout = (
        f"expected {root}/{split}/<class>/*.jpg or .png; if there are no classes, put all pictures"
        " into one"
    )
    folder = root / split
    if split not in splits:
        if folder.is_dir() and split in _names(root):
            raise DataError(f"{folder} has no class folders: {layout}")
        if not splits:
            raise DataError(f"{root} has no split '{split}' with class folders: {layout}")
        check_known(f"split of folder:{root}", split, splits)
    files = []
    for entry in sorted(folder / name for name in _names(folder)):
        if entry.is_dir():
            files.extend(_pictures(entry))
        elif is_picture(entry.name):
            raise DataError(f"{entry} is outside the class folders: {layout}")
    if len(files) < MIN_COUNT:
        raise DataError(
            f"{folder} has {len(files)} picture{'s' * (len(files) != 1)}: expected at least"
            f" {MIN_COUNT} to train on"
        )
    return files


def _class_names(root: pathlib.Path, splits: list[str]) -> tuple[str, ...]:
    """The sorted names of the class folders of all splits."""
    folders = [root / split / name for split in splits for name in _names(root / split)]
    return tuple(sorted({folder.name for folder in folders if folder.is_dir()}))


def _pictures(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """The pictures of a class."""
    names = _names(folder)
    if not names:
        raise DataError(f"{folder} has no pictures ({', '.join(SUFFIXES)}): fill it or remove it")
    for name in names:
        file = folder / name
        if not is_picture(name) or not file.is_file():
            raise DataError(
                f"{file} is not a picture: expected {', '.join(SUFFIXES)} and nothing else in"
                f" {folder}"
            )
        yield file


def _images(files: list[pathlib.Path], resolution: int | None) -> np.ndarray:
    """The pictures, in their order."""
    images = None
    for at in range(0, len(files), CHUNK):
        chunk = files[at : at + CHUNK]
        pictures = _resized([decode(file) for file in chunk], resolution)
        if images is None:
            images = np.empty((len(files), *pictures[0].shape), np.uint8)
        for number, (file, picture) in enumerate(zip(chunk, pictures, strict=True), at):
            check_shape(file, picture.shape, files[0], images.shape[1:])
            images[number] = picture
    return images


def _resized(pictures: list[np.ndarray], resolution: int | None) -> list[np.ndarray]:
    """The pictures as squares.

    Where they are of one shape, together is eight times as fast as one by one.
    """
    if not resolution:
        return pictures
    if len({picture.shape for picture in pictures}) == 1:
        return list(resize(np.stack(pictures), resolution))
    return [resize(picture, resolution) for picture in pictures]


def _names(folder: pathlib.Path) -> list[str]:
    """What is in a folder, without what is beside pictures."""
    try:
        names = sorted(path.name for path in folder.iterdir() if not is_beside(path.name))
        for name in names:
            name.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"{folder} has something whose name is not UTF-8: rename {os.fsencode(error.object)!r}"
        ) from None
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror or error}") from None
    return names
