"""Which files of a folder are pictures, and which folder holds a split.

One rule for what is trained on and what is scored.
"""

import os
import pathlib
from collections.abc import Iterator

from tf_gan_lth.experiment.errors import DataError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
SPLITS = ("train", "test", "validation", "val")
# What systems and people put beside pictures, by lower-case names and suffixes.
BESIDE = {"__macosx", "desktop.ini", "thumbs.db"}
BESIDE_SUFFIXES = {".csv", ".json", ".xml"}


def is_beside(name: str) -> bool:
    """Whether something in a folder of pictures is none, and nobody expects it to be one.

    These are hidden files, what systems leave behind, and tables of labels.
    """
    suffix = pathlib.PurePath(name).suffix.lower()
    return name.startswith(".") or name.lower() in BESIDE or suffix in BESIDE_SUFFIXES


def is_picture(name: str) -> bool:
    """Whether a file is called as pictures are."""
    return pathlib.PurePath(name).suffix.lower() in SUFFIXES


def entries(folder: pathlib.Path) -> tuple[list[pathlib.Path], list[pathlib.Path]]:
    """The folders and the files in a folder, sorted, without what `is_beside` pictures.

    Files that are no pictures are left out of a folder of folders too, such as a readme above the
    classes: there, nothing but a picture can be missed.

    Raises:
      DataError: the folder cannot be read, or holds a name that is not UTF-8.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if not is_beside(path.name))
        for path in paths:
            path.name.encode()
        folders = [path for path in paths if path.is_dir()]
    except UnicodeEncodeError as error:
        raise DataError(
            f"{folder} has something whose name is not UTF-8: rename {os.fsencode(error.object)!r}"
        ) from None
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror or error}") from None
    files = sorted(set(paths) - set(folders))
    if folders and not any(is_picture(path.name) for path in files):
        files = []
    return folders, files


def files_below(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields the files in a folder and its subfolders, those behind links too, but none twice."""
    yield from _files_below(folder, set())


def _files_below(folder: pathlib.Path, visited: set[str]) -> Iterator[pathlib.Path]:
    real = os.path.realpath(folder)
    if real in visited:  # a link that leads back
        return
    visited.add(real)
    folders, files = entries(folder)
    yield from files
    for subfolder in folders:
        yield from _files_below(subfolder, visited)
