"""Paths of a run: on a disk, or in an object store (`gs://bucket/run`) through `tf.io.gfile`.

An object store has no folders, renames or locks. It must guarantee that a file appears whole, once
writing it has ended, as `gs://` does.
"""

import contextlib
import fnmatch
import os
import pathlib
import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import BinaryIO

from tf_gan_lth.experiment.errors import UsageError


class RemotePath:
    """A file or folder in an object store, with the part of `pathlib.Path` that a run needs.

    Methods that read or write raise `OSError` instead of TensorFlow's own errors.

    Args:
      url: `scheme://name/name/...`, with a scheme that TensorFlow reads.
    """

    def __init__(self, url: str):
        self._scheme, _, name = url.partition("://")
        self._name = pathlib.PurePosixPath(name)

    def __str__(self) -> str:
        return f"{self._scheme}://{self._name}"

    __fspath__ = __str__

    def __repr__(self) -> str:
        return f"RemotePath({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemotePath) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __lt__(self, other: "RemotePath") -> bool:
        return str(self) < str(other)

    def __truediv__(self, name: str) -> "RemotePath":
        return RemotePath(f"{self}/{name}")

    @property
    def name(self) -> str:
        return self._name.name

    @property
    def stem(self) -> str:
        return self._name.stem

    @property
    def suffix(self) -> str:
        return self._name.suffix

    @property
    def parent(self) -> "RemotePath":
        return RemotePath(f"{self._scheme}://{self._name.parent}")

    def absolute(self) -> "RemotePath":
        return self

    def exists(self) -> bool:
        with _gfile() as gfile:
            return gfile.exists(str(self))

    def is_dir(self) -> bool:
        with _gfile() as gfile:
            return gfile.isdir(str(self))

    def iterdir(self) -> Iterator["RemotePath"]:
        with _gfile() as gfile:
            names = gfile.listdir(str(self)) if gfile.isdir(str(self)) else []
        yield from (self / name.rstrip("/") for name in names)

    def glob(self, pattern: str) -> Iterator["RemotePath"]:
        yield from (path for path in self.iterdir() if fnmatch.fnmatchcase(path.name, pattern))

    def mkdir(self, parents: bool = False, exist_ok: bool = False) -> None:
        """Makes the folder and its parents; it may exist, since object stores do not tell."""
        del parents, exist_ok
        with _gfile() as gfile:
            gfile.makedirs(str(self))

    @contextlib.contextmanager
    def open(self, mode: str) -> Iterator[BinaryIO]:
        with _gfile() as gfile, gfile.GFile(str(self), mode) as file:
            yield file

    def read_bytes(self) -> bytes:
        with self.open("rb") as file:
            return file.read()

    def read_text(self, encoding: str = "utf-8") -> str:
        return self.read_bytes().decode(encoding)

    def unlink(self, missing_ok: bool = False) -> None:
        try:
            with _gfile() as gfile:
                gfile.remove(str(self))
        except FileNotFoundError:
            if not missing_ok:
                raise


Path = pathlib.Path | RemotePath


def expand(text: str | os.PathLike) -> pathlib.Path:
    """The path on a disk that a string names, with `~` and `~user` as the shell reads them.

    Raises:
      UsageError: there is no such user, or nobody knows where the home folder is.
    """
    path = pathlib.Path(text)
    try:
        return path.expanduser()
    except RuntimeError:
        home = path.parts[0]
        reason = "HOME is not set, and the user has no home folder"
        if home != "~":
            reason = f"there is no user '{home[1:]}'; for a folder of that name write ./{home}"
        raise UsageError(f"{text}: {reason}") from None


def on_disk(text: str | os.PathLike) -> pathlib.Path:
    """As `expand`, for what is written to a disk alone: a URL is no name of a folder there.

    Raises:
      UsageError: it is a URL; and as of `expand`.
    """
    if "://" in str(text):
        raise UsageError(f"{text} is in an object store, and this is written to a disk alone")
    return expand(text)


def check_is_no_path(word: str, prefixes: Collection[str]) -> None:
    """Raises `UsageError`, with what to write instead, for a path without the word before it.

    Args:
      word: what is no known name.
      prefixes: words that may stand before a path: of `folder:` and `npz:` the path is known.
    """
    path = expand(word)
    if "folder:" in prefixes and path.is_dir():
        raise UsageError(f"'{word}' is a folder: write folder:{word}")
    if "npz:" in prefixes and path.suffix.lower() == ".npz" and path.is_file():
        raise UsageError(f"'{word}' is an .npz file: write npz:{word}")


def has_home() -> bool:
    """Whether `~` is a folder: not in a container that is run under a number alone."""
    try:
        expand("~")
    except UsageError:
        return False
    return True


def parse(text: str | os.PathLike) -> Path:
    """The path that a string names: `~/runs/a` or `gs://bucket/a`.

    Raises:
      UsageError: TensorFlow does not read the URL's scheme, or the user of `~user` is unknown.
    """
    if "://" not in str(text):
        return expand(text)
    import tensorflow as tf  # takes seconds, which paths on a disk do not need

    scheme = str(text).partition("://")[0]
    known = set(tf.io.gfile.get_registered_schemes()) - {""}
    if scheme not in known:
        raise UsageError(
            f"{text}: TensorFlow reads no {scheme}://; it has"
            f" {', '.join(f'{name}://' for name in sorted(known))}"
        )
    return RemotePath(str(text))


def check_different(given: Sequence[Path]) -> None:
    """Raises `UsageError` if two paths lead to one place."""
    real = [os.path.realpath(str(path)) for path in given]
    twice = next((path for path in real if real.count(path) > 1), None)
    if twice is not None:
        raise UsageError(f"{twice} is given twice")


def remove(path: Path) -> None:
    """Deletes a file, or a folder with everything in it, if it exists; of a link, the link."""
    if isinstance(path, RemotePath):
        with _gfile() as gfile:
            if gfile.isdir(str(path)):
                gfile.rmtree(str(path))
            elif gfile.exists(str(path)):
                gfile.remove(str(path))
    elif path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def flush(path: Path) -> None:
    """Makes a file, or the names in a folder, survive a power cut; a store does so by itself."""
    if isinstance(path, RemotePath):
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def copy_folder(source: Path, target: pathlib.Path, without: Callable[[Path], bool]) -> None:
    """Copies a folder to a disk, except the files and folders for which `without` is true."""
    target.mkdir(parents=True)
    for path in source.iterdir():
        if without(path):
            continue
        if path.is_dir():
            copy_folder(path, target / path.name, without)
        else:
            (target / path.name).write_bytes(path.read_bytes())


@contextlib.contextmanager
def _gfile() -> Iterator:
    """Yields `tf.io.gfile`; TensorFlow's errors in the block become `OSError`."""
    import tensorflow as tf

    try:
        yield tf.io.gfile
    except tf.errors.NotFoundError as error:
        raise FileNotFoundError(error.message) from None
    except tf.errors.OpError as error:
        raise OSError(error.message) from None
