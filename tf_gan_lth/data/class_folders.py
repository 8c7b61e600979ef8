"""Folders of pictures to train on, `PATH/<split>/<class>/*.jpg`, read into memory."""

import pathlib
from collections.abc import Container, Iterable, Iterator

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from tf_gan_lth.data.decoding import check_shape, decode
from tf_gan_lth.data.image_set import MIN_COUNT
from tf_gan_lth.data.pixels import resize
from tf_gan_lth.experiment.errors import DataError, UsageError, check_known

SUFFIXES = (".jpg", ".jpeg", ".png")  # those that tfds.ImageFolder takes
# Pictures that are decoded, and resized together, at a time: 16 photographs of 12 megapixels fill
# 1 GB.
CHUNK = 16
Chunk = tuple[tuple[pathlib.Path, ...], tuple[bytes, ...]]  # names and contents of files


def read(
    root: pathlib.Path, split: str, resolution: int | None
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """All pictures of a split, in the order of their paths.

    Hidden files and folders are left out. A class is a folder of any split, so that its number is
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
    builder = _builder(root)
    splits = [name for name in builder.info.splits if _visible(name)]
    files = _files(root, split, splits)
    images = _images(root, files, _stored(builder, split, set(files)), resolution)
    names = _class_names(root, splits)
    numbers = {name: number for number, name in enumerate(names)}
    labels = np.array([numbers[file.parent.name] for file in files], np.int64)
    return images, labels, names


def _builder(root: pathlib.Path) -> tfds.ImageFolder:
    try:
        return tfds.ImageFolder(str(root))
    except UnicodeDecodeError as error:
        raise DataError(
            f"{root} has something whose name is not UTF-8: rename {error.object!r}"
        ) from None
    except tf.errors.OpError as error:
        raise DataError(f"{root} cannot be read: {_reason(error)}") from None


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
        elif entry.suffix.lower() in SUFFIXES:
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
        if file.suffix.lower() not in SUFFIXES or not file.is_file():
            raise DataError(
                f"{file} is not a picture: expected {', '.join(SUFFIXES)} and nothing else in"
                f" {folder}"
            )
        yield file


def _images(
    root: pathlib.Path,
    files: list[pathlib.Path],
    chunks: Iterable[Chunk],
    resolution: int | None,
) -> np.ndarray:
    """The pictures `files`, in their order, from the chunks that hold them in some other order."""
    positions = {file: position for position, file in enumerate(files)}
    missing = set(files)
    images = None
    for names, contents in chunks:
        pictures = _resized(
            [decode(*stored) for stored in zip(names, contents, strict=True)], resolution
        )
        if images is None:
            first = names[0]
            images = np.empty((len(files), *pictures[0].shape), np.uint8)
        for file, picture in zip(names, pictures, strict=True):
            check_shape(file, picture.shape, first, images.shape[1:])
            images[positions[file]] = picture
        missing.difference_update(names)
    if missing:
        raise DataError(f"{min(missing)} appeared while {root} was read: try again")
    return images


def _stored(builder: tfds.ImageFolder, split: str, files: Container) -> Iterator[Chunk]:
    """Yields the names and contents of `files` in chunks, in the order of `tfds.ImageFolder`.

    That order mixes classes.
    """
    stored = builder.as_dataset(split=split, decoders={"image": tfds.decode.SkipDecoding()})
    try:
        for chunk in tfds.as_numpy(stored.batch(CHUNK)):
            names = (pathlib.Path(name.decode()) for name in chunk["image/filename"])
            visible = [
                (file, contents)
                for file, contents in zip(names, chunk["image"], strict=True)
                if file in files
            ]
            if visible:
                yield tuple(zip(*visible, strict=True))
    except tf.errors.OpError as error:
        raise DataError(f"a picture cannot be read: {_reason(error)}") from None


def _reason(error: tf.errors.OpError) -> str:
    """`<path>; <what the operating system says>`, without the place in TensorFlow's graph."""
    return str(error.message).splitlines()[0].rsplit(": ", 1)[-1]


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
    """What is in a folder, without what is hidden."""
    return sorted(path.name for path in folder.iterdir() if _visible(path.name))


def _visible(name: str) -> bool:
    return not name.startswith(".")
