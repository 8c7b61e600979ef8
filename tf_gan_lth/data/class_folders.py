"""Folders of pictures to train on, with classes or without, decoded."""

import pathlib
from collections.abc import Iterator

import numpy as np

from tf_gan_lth.data import listing, room, tiny_imagenet
from tf_gan_lth.data.decoding import check_shape, decode, in_colour
from tf_gan_lth.data.image_set import MIN_COUNT
from tf_gan_lth.data.pixels import fit
from tf_gan_lth.experiment.errors import DataError, UsageError, check_known

# Pictures that are decoded, and resized together, at a time, and the most bytes of them that are
# held meanwhile; one may be larger.
CHUNK = 16
CHUNK_BYTES = 2**27
DOMAINS = ("trainA", "trainB", "testA", "testB")
NAMES = frozenset({*listing.SPLITS, *DOMAINS})  # of folders that are no classes


def read(
    root: pathlib.Path, split: str, resolution: int | None, crop: str = "none"
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """All pictures of a split, in the order of their paths.

    Pictures are in `<root>/<split>/<class>/`, or without classes in `<root>/<split>/`; or there are
    no splits, and the pictures in `<root>` or `<root>/<class>/` serve as every split. What
    `listing.entries` leaves out is left out. A class is a folder of any split, so that its number
    is the same in all of them. Of the split that is asked for, each class folder must have a
    picture: an empty one is most likely a copy that was cut short. Folders may also be laid out as
    `tiny_imagenet` says. Pictures three folders or more below a root without splits, as LSUN's
    export leaves them, have no classes.

    Args:
      root: the folder.
      split: name of the split.
      resolution: height and width to resize to (bilinear, antialiased), in pixels: a picture that
        is not square is squashed to one. None leaves the pictures as they are; they must be of one
        size then.
      crop: see `pixels.fit`.

    Returns:
      `(N, H, W, C)` uint8 images, `(N,)` int64 numbers of their classes, and the sorted names of
      the classes that these count: none where there are no class folders.

    Raises:
      UsageError: there is no such folder or split.
      DataError: the folder has another layout, fewer than two pictures, or something that is no
        picture like the others.
    """
    if not root.is_dir():
        raise UsageError(f"there is no folder {root}")
    if tiny_imagenet.is_one(root):
        return _read_tiny_imagenet(root, split, resolution, crop)
    if tiny_imagenet.is_split(root):
        raise UsageError(f"folder:{root} is a split of folder:{root.parent}: give that one")
    splits = _splits(root)
    if _is_deep(root, splits):
        files = sorted(listing.files_below(root))
        images = _images(root, list(_pictures(root, files)), resolution, crop)
        return images, np.zeros(len(files), np.int64), ()
    if split not in splits and splits:
        _check_are_no_classes(root, splits)
        check_known(f"split of folder:{root}", split, splits)
    part = root / split if splits else root
    files = _files(root, split, part)
    if splits and files[0].parent == part:
        _check_is_no_class(root, split, splits)
    names = _class_names(root, splits) if files[0].parent != part else ()
    images = _images(root, files, resolution, crop)
    numbers = {name: number for number, name in enumerate(names)}
    labels = np.array([numbers.get(file.parent.name, 0) for file in files], np.int64)
    return images, labels, names


def _read_tiny_imagenet(
    root: pathlib.Path, split: str, resolution: int | None, crop: str
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    found = tiny_imagenet.read(root, split)
    known = tiny_imagenet.classes_by_split(root)[tiny_imagenet.TRAIN]
    numbers = {name: number for number, name in enumerate(known)}
    told = [name for name in found.values() if name is not None]
    for name in told:
        if name not in numbers:
            raise DataError(f"class {name} of {root / split} has no folder in {root}/train")
    if len(found) < MIN_COUNT:
        raise DataError(f"{root / split} has 1 picture: expected at least {MIN_COUNT} to train on")
    images = _images(root, list(found), resolution, crop, colour=True)
    labels = np.array([numbers[name] for name in told] or np.zeros(len(found)), np.int64)
    return images, labels, known if told else ()


def classes_by_split(root: pathlib.Path) -> dict[str, tuple[str, ...]]:
    """{split: sorted names of its classes}, without splits that have none.

    Args:
      root: a folder that `read` reads.
    """
    if tiny_imagenet.is_one(root):
        return tiny_imagenet.classes_by_split(root)
    found = {split: _class_names(root, [split]) for split in _splits(root)}
    return {split: names for split, names in found.items() if names}


def _splits(root: pathlib.Path) -> list[str]:
    """The names of the folders that are splits: those that are called so, or have class folders."""
    folders, _ = listing.entries(root)
    return [path.name for path in folders if path.name in NAMES or listing.entries(path)[0]]


def _is_deep(root: pathlib.Path, splits: list[str]) -> bool:
    """Whether folders say nothing: none is called as a split, and they are three or more deep."""
    if not splits or NAMES & set(splits):
        return False
    below = [path for name in splits for path in listing.entries(root / name)[0]]
    return any(listing.entries(path)[0] for path in below)


def _check_is_no_class(root: pathlib.Path, split: str, splits: list[str]) -> None:
    """Raises `DataError` if a split without classes may be a class: `train` beside `bus`."""
    for folder in listing.entries(root)[0]:
        if folder.name not in splits and listing.entries(folder)[1]:
            raise DataError(
                f"{root} has pictures in {split} and in {folder.name}: is {split} a split or a"
                " class? Move what is not of this split, or put classes into a folder for each"
                " split"
            )


def _check_are_no_classes(root: pathlib.Path, splits: list[str]) -> None:
    """Raises `DataError` if folders are taken for splits as a class has a folder in it."""
    if NAMES & set(splits):
        return
    for folder in listing.entries(root)[0]:
        if any(listing.is_picture(path.name) for path in listing.entries(folder)[1]):
            odd = listing.entries(root / splits[0])[0][0]
            raise DataError(
                f"{odd} is a folder, and pictures are in {folder}: if these are classes, nothing"
                " but pictures may be in each"
            )


def _files(root: pathlib.Path, split: str, part: pathlib.Path) -> list[pathlib.Path]:
    """The pictures of a split, which is the folder `part`, sorted, once its layout is checked."""
    layout = (
        f"expected pictures in {root}/{split}/<class>/ or in {root}/{split}/; or, as every split,"
        f" in {root}/<class>/ or in {root}/"
    )
    classes, files = listing.entries(part)
    if classes and files:
        raise DataError(f"{files[0]} is outside the class folders: {layout}")
    found = list(_pictures(part, files)) if files else []
    for folder in classes:
        subfolders, files = listing.entries(folder)
        found.extend(_pictures(folder, sorted(files + subfolders)))
    if not found:
        raise DataError(f"{part} has no pictures: {layout}")
    if len(found) < MIN_COUNT:
        raise DataError(f"{part} has 1 picture: expected at least {MIN_COUNT} to train on")
    return found


def _class_names(root: pathlib.Path, splits: list[str]) -> tuple[str, ...]:
    """The sorted names of the class folders, those of all splits if there are any."""
    parts = [root / split for split in splits] or [root]
    return tuple(sorted({path.name for part in parts for path in listing.entries(part)[0]}))


def _pictures(folder: pathlib.Path, found: list[pathlib.Path]) -> Iterator[pathlib.Path]:
    """What was found in a class, or in a split without classes, all of which must be pictures."""
    suffixes = ", ".join(listing.SUFFIXES)
    if not found:
        raise DataError(f"{folder} has no pictures ({suffixes}): fill it or remove it")
    for file in found:
        if not listing.is_picture(file.name) or not file.is_file():
            raise DataError(
                f"{file} is not a picture: expected {suffixes} and nothing else in {folder}"
            )
        yield file


def _images(
    root: pathlib.Path,
    files: list[pathlib.Path],
    resolution: int | None,
    crop: str,
    colour: bool = False,
) -> np.ndarray:
    """The pictures, in their order, all as RGB if `colour`."""
    images, number = None, 0
    for chunk in _chunks(files):
        chunk = [in_colour(picture) for picture in chunk] if colour else chunk
        for picture in _fitted(chunk, resolution, crop):
            if images is None:
                images = room.empty(f"the pictures of {root}", (len(files), *picture.shape))
            check_shape(files[number], picture.shape, files[0], images.shape[1:])
            room.put(images, number, picture)
            number += 1
    return images


def _chunks(files: list[pathlib.Path]) -> Iterator[list[np.ndarray]]:
    """Yields the pictures, some at a time."""
    chunk = []
    for file in files:
        chunk.append(decode(file))
        if len(chunk) == CHUNK or sum(picture.nbytes for picture in chunk) >= CHUNK_BYTES:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _fitted(pictures: list[np.ndarray], resolution: int | None, crop: str) -> list[np.ndarray]:
    """The pictures, cropped and resized where that is asked for.

    Where they are of one shape, together is eight times as fast as one by one.
    """
    if resolution and len({picture.shape for picture in pictures}) == 1:
        return list(fit(np.stack(pictures), resolution, crop))
    return [fit(picture, resolution, crop) for picture in pictures]
