"""Tiny-ImageNet's folders as they are downloaded.

    train/n01443537/images/*.JPEG, beside each a table of boxes
    val/images/*.JPEG and val/val_annotations.txt, a line `FILE<tab>CLASS<tab>...` a picture
    test/images/*.JPEG, without labels

Classes are the folders of `train`. Some pictures are grey, and are given three equal channels, as
the others are in colour.
"""

import pathlib

from tf_gan_lth.data import listing
from tf_gan_lth.experiment.errors import DataError, check_known

TRAIN = "train"
IMAGES = "images"


def is_one(root: pathlib.Path) -> bool:
    """Whether a folder is laid out like that: the classes of `train` have a folder `images`."""
    if not _has(root, TRAIN):
        return False
    return any(_has(path, IMAGES) for path in listing.entries(root / TRAIN)[0])


def _has(folder: pathlib.Path, name: str) -> bool:
    """Whether a folder has one of that name; not so where nobody may look into it."""
    try:
        return (folder / name).is_dir()
    except OSError:
        return False


def is_split(path: pathlib.Path) -> bool:
    """Whether a folder is a split of one that is laid out like that."""
    return path.name in listing.SPLITS and is_one(path.parent)


def read(root: pathlib.Path, split: str) -> dict[pathlib.Path, str | None]:
    """{picture: name of its class, None of a split without labels}, in the order of the paths.

    Args:
      root: a folder for which `is_one` holds.
      split: name of the split.

    Raises:
      UsageError: there is no such split.
      DataError: a class has no pictures, or the table does not tell the class of a picture.
    """
    folders, _ = listing.entries(root)
    check_known(f"split of folder:{root}", split, [path.name for path in folders])
    part = root / split
    if not (part / IMAGES).is_dir():  # a class a folder
        classes, _ = listing.entries(part)
        return {file: path.name for path in classes for file in _pictures(path / IMAGES)}
    pictures = _pictures(part / IMAGES)
    table = _table(part)
    if not table.is_file():
        return dict.fromkeys(pictures)
    told = _told(table)
    for file in pictures:
        if file.name not in told:
            raise DataError(f"{table} has no line for {file.name}: copy it again")
    return {file: told[file.name] for file in pictures}


def classes_by_split(root: pathlib.Path) -> dict[str, tuple[str, ...]]:
    """{split: sorted names of its classes}, without splits that have no labels."""
    found = {}
    for part in listing.entries(root)[0]:
        if (part / IMAGES).is_dir():
            told = _told(_table(part)).values() if _table(part).is_file() else ()
        else:
            told = [path.name for path in listing.entries(part)[0]]
        found[part.name] = tuple(sorted(set(told)))
    return {split: names for split, names in found.items() if names}


def _table(part: pathlib.Path) -> pathlib.Path:
    return part / f"{part.name}_annotations.txt"


def _told(table: pathlib.Path) -> dict[str, str]:
    """{name of a picture's file: name of its class}, as a table tells them."""
    try:
        lines = table.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{table} cannot be read: {error}") from None
    found = {}
    for number, line in enumerate(lines, 1):
        cells = line.split("\t")
        if len(cells) < 2:
            raise DataError(f"{table}, line {number}: expected FILE<tab>CLASS, not '{line[:80]}'")
        found[cells[0]] = cells[1]
    return found


def _pictures(folder: pathlib.Path) -> list[pathlib.Path]:
    suffixes = ", ".join(listing.SUFFIXES)
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}, where pictures ({suffixes}) are expected")
    folders, files = listing.entries(folder)
    for file in folders + files:
        if not listing.is_picture(file.name) or not file.is_file():
            raise DataError(
                f"{file} is not a picture: expected {suffixes} and nothing else in {folder}"
            )
    if not files:
        raise DataError(f"{folder} has no pictures ({suffixes}): fill it or remove its class")
    return files
