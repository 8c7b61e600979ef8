"""Artifacts: the files of a run, written whole or not at all and checked when they are read.

On a disk an artifact is written under a temporary name, flushed and renamed. In an object store,
where a file appears whole, an artifact exists once the last of its files does. Either way, an
artifact that exists is complete; a broken one is reported, never silently recomputed.

What a checksum covers includes the artifact's place: of which run, replicate, round and branch it
is, and what kind it is of. So one that was copied to another place is reported too. Artifacts of
earlier versions have no place and are read as they are.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

import numpy as np

from tf_gan_lth.experiment import paths
from tf_gan_lth.experiment.array_files import Arrays, from_npz, to_npz
from tf_gan_lth.experiment.errors import ArtifactError, RunFolderError, ToolkitWarning
from tf_gan_lth.experiment.paths import Path, RemotePath

Place = dict[str, object]  # {"run", "replicate", "round", "branch", "kind"}; None is no part of it
CHECKSUM = "sha256"
PLACE = "place"
RECORD = "checksums.json"
DIGEST_SIZE = 64
PNG = b"\x89PNG\r\n\x1a\n"


class Artifact:
    """The result of one stage, at a path: read it, write it, or make it if it is missing.

    Args:
      path: where it is.
      place: returns where it belongs; None belongs anywhere.
    """

    def __init__(self, path: Path, place: Callable[[], Place] | None = None):
        self.path = path
        self.place = place

    def exists(self) -> bool:
        """Whether it is there; raises `ArtifactError` where that cannot be told."""
        return _exists(self.path)

    def _check_place(self, stored: Place | None) -> None:
        """Raises `ArtifactError` if the artifact says that it belongs elsewhere."""
        if self.place is None or stored is None:
            return
        here = self.place()
        if not isinstance(stored, dict):
            raise _broken(self.path, f"its place is {stored!r}")
        # The run of an artifact that was made without a config is unknown.
        known = {"run"} if None in (stored.get("run"), here.get("run")) else set()
        names = (stored.keys() | here.keys()) - known
        if any(stored.get(name) != here.get(name) for name in names):
            raise ArtifactError(
                f"{self.path} is in the wrong place: it is {_described(stored)}, and here belongs"
                f" {_described(here)}; move it back, or restore what was here from a copy"
            )

    def get(self):
        """Reads and checks the artifact.

        Raises:
          ArtifactError: it is missing or broken.
        """
        if not self.exists():
            raise ArtifactError(
                f"{self.path} is missing; the command that started this run makes it again"
            )
        return self._read(self.path)

    def put(self, value):
        """Writes the artifact and returns the value that was passed in.

        Raises:
          RunFolderError: it cannot be written; what was there before is unchanged.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self._becoming_whole() as path:
                self._write(path, value)
        except OSError as error:
            raise RunFolderError(
                f"cannot write {self.path}: {error.strerror or error}; what is finished is kept: "
                "make room or give the rights, then run the same command again"
            ) from None
        return value

    @contextlib.contextmanager
    def _becoming_whole(self) -> Iterator[Path]:
        """Yields the path to write to; the artifact appears at its own path when the block ends."""
        if isinstance(self.path, RemotePath):
            yield self.path
            return
        partial = self._partial()
        try:
            paths.remove(partial)  # left over from an interrupted write
            yield partial
            partial.replace(self.path)
            paths.flush(self.path.parent)
        except OSError:
            with contextlib.suppress(OSError):
                paths.remove(partial)
            raise

    def _partial(self) -> pathlib.Path:
        return self.path.with_name(self.path.name + ".partial")

    def clear(self) -> None:
        """Removes what a process left that was killed while it wrote; nobody may be writing."""
        if not isinstance(self.path, RemotePath):
            with contextlib.suppress(OSError):  # it does no harm where it is
                paths.remove(self._partial())

    def get_or(self, make: Callable, *args):
        """Returns the artifact if it exists; otherwise writes and returns `make(*args)`."""
        return self.get() if self.exists() else self.put(make(*args))


class Record(Artifact):
    """A JSON object; the file holds its checksum as one more field."""

    def _read(self, path: Path) -> dict:
        record = self._stored()
        self._check_place(record.pop(PLACE, None))
        return record

    def _stored(self) -> dict:
        """What the file holds, with its place if it has one."""
        path = self.path
        try:
            record = json.loads(_read_bytes(path), object_hook=lambda read: _Fields(path, read))
        except (ValueError, RecursionError) as error:
            raise _broken(path, error) from None
        if not isinstance(record, dict) or record.pop(CHECKSUM, None) != _json_digest(record):
            raise _broken(path, "its checksum does not fit its content")
        return record

    def _write(self, path: Path, value: dict) -> None:
        placed = {**value, PLACE: self.place()} if self.place else value
        text = json.dumps({**placed, CHECKSUM: _json_digest(placed)}, indent=2) + "\n"
        _write_bytes(path, text.encode())


class _Fields(dict):
    """What a record holds; asking it for a field that it lacks names the record's file."""

    def __init__(self, path: Path, fields: dict):
        super().__init__(fields)
        self._path = path

    def __missing__(self, name: str) -> object:
        raise _broken(self._path, f"it has no field '{name}'")


class Snapshots(Artifact):
    """A folder with one npz file per network, and a record of the files' checksums.

    Its value is {network: {variable path: array}}. On a disk the folder appears once it is
    complete; in an object store the record is written last. A file that is missing, unexpected or
    changed is detected before any file is parsed.
    """

    def exists(self) -> bool:
        return _exists(self.path / RECORD if isinstance(self.path, RemotePath) else self.path)

    def _read(self, path: Path) -> dict[str, Arrays]:
        if not _exists(path / RECORD):
            raise _broken(path, f"it has no {RECORD}")
        recorded = self._recorded(path).get()
        found = {file.stem for file in path.glob("*.npz")}
        if found != recorded.keys():
            raise _broken(path, f"it should hold {sorted(recorded)} and holds {sorted(found)}")
        return {
            network: _read_arrays(path / f"{network}.npz", recorded[network])
            for network in sorted(recorded)
        }

    def _write(self, path: Path, value: dict[str, Arrays]) -> None:
        path.mkdir()
        recorded = {}
        for network, arrays in value.items():
            content = to_npz(arrays)
            _write_bytes(path / f"{network}.npz", content)
            recorded[network] = hashlib.sha256(content).hexdigest()
        self._recorded(path).put(recorded)

    def checksums(self) -> dict[str, str]:
        """{network: checksum of its file}, without reading any; equal arrays have equal ones."""
        return self._recorded(self.path).get()

    def knows_its_place(self) -> bool:
        """Whether it says where it belongs, which those of earlier versions do not."""
        return PLACE in Record(self.path / RECORD)._stored()

    def _recorded(self, path: Path) -> "Record":
        return Record(path / RECORD, self.place)


class ArrayFile(Artifact):
    """Arrays by name in a single file, which may be overwritten: a checksum, then an npz."""

    def _read(self, path: Path) -> Arrays:
        content = _read_bytes(path)
        digest, stored = content[:DIGEST_SIZE], content[DIGEST_SIZE:]
        if hashlib.sha256(stored).hexdigest().encode() != digest:
            raise _broken(path, "its checksum does not fit its content")
        arrays = _parse(path, stored)
        place = arrays.pop(PLACE, None)
        self._check_place(None if place is None else json.loads(str(place)))
        return arrays

    def _write(self, path: Path, value: Arrays) -> None:
        place = {PLACE: np.array(json.dumps(self.place()))} if self.place else {}
        stored = to_npz({**value, **place})
        _write_bytes(path, hashlib.sha256(stored).hexdigest().encode() + stored)

    def remove(self) -> None:
        """Deletes the file if it exists."""
        self.path.unlink(missing_ok=True)


class File(Artifact):
    """Bytes that can be remade from other artifacts: a picture, a table, a page."""

    def _read(self, path: Path) -> bytes:
        return _read_bytes(path)

    def _write(self, path: Path, value: bytes) -> None:
        _write_bytes(path, value)


class Picture(File):
    """A PNG. It has checksums of its own, by which one that is broken is found."""

    def get_or(self, make: Callable, *args) -> bytes:
        """As of any artifact, but a broken one is made again: `make` knows all that it holds.

        Warns:
          ToolkitWarning: it is broken.
        """
        broken = _png_problem(_read_bytes(self.path)) if self.exists() else ""
        if broken:
            warnings.warn(
                f"{self.path} is broken ({broken}) and is made again", ToolkitWarning, stacklevel=2
            )
            return self.put(make(*args))
        return super().get_or(make, *args)

    def _read(self, path: Path) -> bytes:
        content = super()._read(path)
        broken = _png_problem(content)
        if broken:
            raise _broken(path, broken)
        return content


def _png_problem(content: bytes) -> str:
    """What is wrong with a PNG, chunk by chunk; empty if nothing is."""
    if not content.startswith(PNG):
        return "it is no PNG" if content else "it is empty"
    at, kind = len(PNG), b""
    while at < len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        kind, end = content[at + 4 : at + 8], at + 8 + size
        if content[end : end + 4] != struct.pack(">I", zlib.crc32(content[at + 4 : end])):
            return "it was cut, or a checksum does not fit its content"
        at = end + 4
    return "" if kind == b"IEND" else "its end is missing"


def _read_arrays(path: Path, checksum: str) -> Arrays:
    content = _read_bytes(path)
    if hashlib.sha256(content).hexdigest() != checksum:
        raise _broken(path.parent, f"the checksum of {path.name} does not fit its content")
    return _parse(path, content)


def _parse(path: Path, content: bytes) -> Arrays:
    """The arrays of a file whose checksum fits."""
    try:
        return from_npz(content)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise _broken(path, error) from None


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        raise _unreadable(path, error) from None


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> ArtifactError:
    """What is said of a file that may be good: nobody should delete it."""
    return ArtifactError(
        f"cannot read {path}: {error.strerror or error}; see to its rights and its disk, then run"
        " the same command again"
    )


def _described(place: Place) -> str:
    """E.g. `masks of replicate 0, round 5, main`."""
    parts = [f"{name} {place[name]}" for name in ("replicate", "round") if name in place]
    if "round" in place:
        parts.append(str(place.get("branch") or "main"))
    run = f" of run {place['run']}" if place.get("run") else ""
    return f"{place.get('kind')} of {', '.join(parts)}{run}"


def _broken(path: Path, reason: object) -> ArtifactError:
    return ArtifactError(
        f"{path} is broken ({reason}); restore it from a copy, or delete it and run the same"
        " command again"
    )


def _json_digest(record: dict) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


@contextlib.contextmanager
def open_flushed(path: Path) -> Iterator[BinaryIO]:
    """Opens a new file for writing; its content is on the disk when the block ends.

    On a disk nothing of that name may be there, so that no link is followed.
    """
    with path.open("xb" if isinstance(path, pathlib.Path) else "wb") as file:
        yield file
        if isinstance(path, pathlib.Path):
            file.flush()
            os.fsync(file.fileno())


def _write_bytes(path: Path, content: bytes) -> None:
    with open_flushed(path) as file:
        file.write(content)
