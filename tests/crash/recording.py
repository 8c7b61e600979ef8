"""Records what a command does to a folder, by `strace`: whatever writes, Python or TensorFlow.

A recording is checked: replayed, it gives the folder that the command left, byte for byte.
"""

import pathlib
import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence

from disk import Disk, Operation, read

CALLS = (
    "openat,open,creat,write,pwrite64,writev,lseek,ftruncate,truncate,rename,renameat,renameat2,"
    "unlink,unlinkat,rmdir,mkdir,mkdirat,fsync,fdatasync,link,linkat,symlink,symlinkat,fallocate,"
    "copy_file_range,sendfile"
)
STRACE = ["strace", "-f", "--seccomp-bpf", "-y", "-xx", "-s", "1000000000", "-e", "signal=none"]
CALL = re.compile(r"(\w+)\((.*)\)\s+= (\d+)")
RESUMED = re.compile(r"<\.\.\. \w+ resumed>")
UNFINISHED = " <unfinished ...>"
TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
HANDLE = re.compile(r"(?:AT_FDCWD|\d+)<((?:\\x[0-9a-f]{2})*)>")


def record(
    command: Sequence[str], folder: pathlib.Path, environment: dict[str, str]
) -> list[Operation]:
    """Runs a command, and returns what it did below a folder, in order.

    Args:
      command: of a program that makes the folder.
      folder: an absolute path where nothing is.
      environment: of the program.

    Raises:
      RuntimeError: the command failed, or the folder is not what the recording says.
    """
    trace = folder.with_name(folder.name + ".trace")
    done = subprocess.run(
        [*STRACE, "-e", f"trace={CALLS}", "-o", str(trace), *command],
        env=environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{command} failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    with trace.open() as lines:
        operations = list(_Reader(str(folder)).operations(lines))
    trace.unlink()
    replayed = Disk()
    for operation in operations:
        replayed.apply(operation)
    there = read(folder)
    replayed.state.pop("", None)
    if replayed.state != there:
        differ = {p for p in replayed.state.keys() | there if replayed.state.get(p) != there.get(p)}
        raise RuntimeError(f"the recording does not give {sorted(differ)}")
    return operations


class _Reader:
    """Turns lines of `strace` into operations.

    Args:
      folder: what is recorded.
    """

    def __init__(self, folder: str):
        self._folder = folder
        self._there: set[str] = set()  # files that were made
        self._length: dict[str, int] = {}
        self._positions: dict[tuple[str, str], int] = {}  # by descriptor and path
        self._appends: set[tuple[str, str]] = set()

    def operations(self, lines: Iterable[str]) -> Iterator[Operation]:
        """What the calls changed, in their order."""
        for name, arguments, result in _calls(lines):
            yield from self._replayed(name, arguments, result)

    def _replayed(self, name: str, arguments: str, result: int) -> Iterator[Operation]:
        paths = [self._below(path) for path in _paths(name, arguments)]
        handle = (arguments.partition("<")[0], paths[0] if paths else None)
        if not any(path is not None for path in paths):
            return
        if None in paths or name in ("link", "linkat", "symlink", "symlinkat", "fallocate"):
            raise RuntimeError(f"{name} of {paths} is not replayed")
        path = paths[0]
        if name in ("open", "openat", "creat"):
            yield from self._open(path, arguments, str(result))
        elif name in ("write", "pwrite64", "writev"):
            yield self._write(name, path, handle, arguments, result)
        elif name == "lseek":
            self._positions[handle] = result
        elif name in ("truncate", "ftruncate"):
            size = int(arguments.rpartition(", ")[2])
            self._length[path] = size
            yield Operation("truncate", path, position=size)
        elif name.startswith("rename"):
            self._move(path, paths[1])
            yield Operation("rename", path, paths[1])
        elif name.startswith("mkdir"):
            yield Operation("folder", path)
        elif name in ("unlink", "unlinkat", "rmdir"):
            self._there.discard(path)
            yield Operation("remove", path)
        else:
            yield Operation("sync", path)

    def _open(self, path: str, arguments: str, descriptor: str) -> Iterator[Operation]:
        self._positions[descriptor, path] = 0
        self._appends.discard((descriptor, path))
        if "O_APPEND" in arguments:
            self._appends.add((descriptor, path))
        made = "O_CREAT" in arguments and path not in self._there
        if made or "O_TRUNC" in arguments:
            self._there.add(path)
            self._length[path] = 0
            yield Operation("create", path)

    def _write(
        self, name: str, path: str, handle: tuple[str, str], arguments: str, result: int
    ) -> Operation:
        data = b"".join(_decoded(text) for text in TEXT.findall(arguments))[:result]
        if name == "pwrite64":
            position = int(arguments.rpartition(", ")[2])
        elif handle in self._appends:
            position = self._length[path]
        else:
            position = self._positions[handle]
            self._positions[handle] += result
        self._length[path] = max(self._length[path], position + result)
        return Operation("write", path, position=position, data=data)

    def _move(self, old: str, new: str) -> None:
        def moved(path: str) -> str:
            return new + path[len(old) :] if path == old or path.startswith(old + "/") else path

        self._there = {moved(path) for path in self._there}
        self._length = {moved(path): size for path, size in self._length.items()}
        self._positions = {(d, moved(path)): p for (d, path), p in self._positions.items()}
        self._appends = {(d, moved(path)) for d, path in self._appends}

    def _below(self, path: str) -> str | None:
        """A path below the folder; None of one that is elsewhere."""
        if path == self._folder:
            return ""
        return path[len(self._folder) + 1 :] if path.startswith(self._folder + "/") else None


def _calls(lines: Iterable[str]) -> Iterator[tuple[str, str, int]]:
    """Name, arguments and result of each call that succeeded; threads may interrupt each other."""
    pending: dict[str, str] = {}
    for line in lines:
        thread, _, rest = line.rstrip("\n").partition(" ")
        rest = rest.strip()
        if rest.endswith(UNFINISHED):
            pending[thread] = rest.removesuffix(UNFINISHED)
            continue
        rest = RESUMED.sub(lambda _, thread=thread: pending.pop(thread), rest, count=1)
        if match := CALL.match(rest):
            yield match[1], match[2], int(match[3])


def _paths(name: str, arguments: str) -> list[str]:
    """What a call works on: two paths of one that renames, otherwise one."""
    handles = [_decoded(text).decode() for text in HANDLE.findall(arguments)]
    if name in ("write", "pwrite64", "writev", "lseek", "ftruncate", "fsync", "fdatasync"):
        return handles
    texts = [_decoded(text).decode() for text in TEXT.findall(arguments)]
    if len(handles) == len(texts):  # relative to an open folder each
        texts = [str(pathlib.Path(*pair)) for pair in zip(handles, texts, strict=True)]
    return texts


def _decoded(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))
