"""Artifacts: the files of a run. Written whole or not at all, checked when read, never recomputed silently.

An artifact is written under a temporary name, flushed to the disk and renamed. Whoever finds it finds all of it.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import struct
import zipfile
from collections.abc import Callable

import numpy as np

from tf_gan_lth.experiment.errors import ArtifactError, RunFolderError

Arrays = dict[str, np.ndarray]
CHECKSUM = "sha256"


class Artifact:
    """One stage's result at a path: `get` it, `put` it, or `get_or` make it."""

    def __init__(self, path: pathlib.Path):
        self.path = path

    def exists(self) -> bool:
        return self.path.exists()

    def get(self):
        """Reads and checks the artifact. Raises `ArtifactError` if it is missing or broken."""
        if not self.exists():
            raise ArtifactError(f"{self.path} is missing; run the command that makes it first")
        return self._read(self.path)

    def put(self, value):
        """Writes the artifact whole, or raises `RunFolderError` and leaves what was there."""
        partial = self.path.with_name(self.path.name + ".partial")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            _remove(partial)
            self._write(partial, value)
            partial.replace(self.path)
            _sync(self.path.parent)
        except OSError as error:
            with contextlib.suppress(OSError):
                _remove(partial)
            raise RunFolderError(
                f"cannot write {self.path}: {error.strerror or error}; what is finished is kept: "
                "make room or give the rights, then run the same command again"
            ) from None
        return value

    def get_or(self, make: Callable, *args):
        """The artifact if it is there; otherwise `make(*args)`, written."""
        return self.get() if self.exists() else self.put(make(*args))


class Record(Artifact):
    """A JSON object, with its checksum as one more field in the file."""

    def _read(self, path: pathlib.Path) -> dict:
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise _broken(path, error) from None
        if not isinstance(record, dict) or record.pop(CHECKSUM, None) != _json_digest(record):
            raise _broken(path, "its checksum does not fit its content")
        return record

    def _write(self, path: pathlib.Path, value: dict) -> None:
        text = json.dumps({**value, CHECKSUM: _json_digest(value)}, indent=2) + "\n"
        _write_bytes(path, text.encode())


class Snapshots(Artifact):
    """A folder with one npz a network: {network: {variable path: array}}. The folder appears when all of it is there."""

    def _read(self, path: pathlib.Path) -> dict[str, Arrays]:
        return {file.stem: _read_arrays(file) for file in sorted(path.glob("*.npz"))}

    def _write(self, path: pathlib.Path, value: dict[str, Arrays]) -> None:
        path.mkdir()
        for network, arrays in value.items():
            _write_arrays(path / f"{network}.npz", arrays)
        _sync(path)


class File(Artifact):
    """Bytes that can be made again from other artifacts: a picture, a table, a page."""

    def _read(self, path: pathlib.Path) -> bytes:
        return path.read_bytes()

    def _write(self, path: pathlib.Path, value: bytes) -> None:
        _write_bytes(path, value)


def array_digest(arrays: Arrays) -> str:
    """SHA-256 over names, dtypes, shapes and values, in the order of the names."""
    state = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        state.update(json.dumps([name, array.dtype.str, array.shape]).encode())
        state.update(array.data)
    return state.hexdigest()


def _read_arrays(path: pathlib.Path) -> Arrays:
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except (OSError, ValueError, KeyError, EOFError, struct.error, zipfile.BadZipFile, NotImplementedError) as error:
        raise _broken(path, error) from None
    if str(arrays.pop(CHECKSUM, None)) != array_digest(arrays):
        raise _broken(path, "its checksum does not fit its content")
    return arrays


def _write_arrays(path: pathlib.Path, arrays: Arrays) -> None:
    with path.open("wb") as file:
        np.savez(file, **arrays, **{CHECKSUM: np.array(array_digest(arrays))})
        file.flush()
        os.fsync(file.fileno())


def _broken(path: pathlib.Path, reason: object) -> ArtifactError:
    return ArtifactError(f"{path} is broken ({reason}); restore it from a copy, or delete it to have it made again")


def _json_digest(record: dict) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def _write_bytes(path: pathlib.Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: pathlib.Path) -> None:
    """Makes a rename or a new file in the folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove(path: pathlib.Path) -> None:
    """Clears what an interrupted write left."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
