"""A folder as a program's operations leave it, one after the other, and what a stop leaves of it.

Nothing is stopped here: operations that were recorded once are replayed. So every state is had
that a SIGKILL or a power cut can leave, and had again.
"""

import dataclasses
import hashlib
import pathlib
from collections.abc import Iterable, Iterator

State = dict[str, bytes | None]  # path below the folder: content of a file, None of a folder
KILLED = "killed"
IN_A_WRITE = "killed in the middle"
POWER_CUT = "power cut"


@dataclasses.dataclass(frozen=True)
class Operation:
    """One change of a folder, or what makes changes last.

    Attributes:
      kind: `folder` (made), `create` (an empty file, or one emptied), `write`, `truncate`,
        `rename`, `remove` (of a file or an empty folder), `sync`.
      path: below the folder that is recorded; empty for the folder itself.
      target: what is renamed to.
      position: of what is written; the length that is left by `truncate`.
      data: what is written.
    """

    kind: str
    path: str
    target: str = ""
    position: int = 0
    data: bytes = b""

    def half(self) -> "Operation":
        """The same write, stopped in its middle."""
        return dataclasses.replace(self, data=self.data[: len(self.data) // 2])


class Disk:
    """What a folder holds.

    Attributes:
      state: as the programs of a running machine see it.
      lasting: the content of files as it was when they were last flushed: what a power cut leaves.
    """

    def __init__(self):
        self.state: State = {}
        self.lasting: dict[str, bytes] = {}

    def apply(self, operation: Operation) -> None:
        """Does one operation."""
        path = operation.path
        if operation.kind == "folder":
            self.state[path] = None
        elif operation.kind == "create":
            self.state[path] = b""
        elif operation.kind == "write":
            before, end = self.state[path], operation.position + len(operation.data)
            filled = before[: operation.position].ljust(operation.position, b"\0")
            self.state[path] = filled + operation.data + before[end:]
        elif operation.kind == "truncate":
            self.state[path] = self.state[path][: operation.position]
        elif operation.kind == "remove":
            del self.state[path]
            self.lasting.pop(path, None)
        elif operation.kind == "rename":
            self._rename(path, operation.target)
        elif operation.kind == "sync" and self.state[path] is not None:
            self.lasting[path] = self.state[path]

    def _rename(self, old: str, new: str) -> None:
        for held in (self.state, self.lasting):
            held.pop(new, None)
            for path in [path for path in held if path == old or path.startswith(old + "/")]:
                held[new + path[len(old) :]] = held.pop(path)

    def after_power_cut(self) -> State:
        """Every file with no more than what was flushed; names are there, as a journal has them."""
        return {
            path: None if content is None else self.lasting.get(path, b"")
            for path, content in self.state.items()
        }


def stops(operations: Iterable[Operation]) -> Iterator[tuple[str, State]]:
    """Yields each different state in which a stop can leave the folder, in order, and its name.

    A program can be killed after each operation and in the middle of each write; after each
    operation the power can fail.
    """
    disk = Disk()
    seen = set()
    for number, operation in enumerate(operations):
        found = []
        if operation.kind == "write" and len(operation.data) > 1:
            half = Disk()
            half.state = dict(disk.state)
            half.apply(operation.half())
            found.append((IN_A_WRITE, half.state))
        disk.apply(operation)
        found += [(KILLED, dict(disk.state)), (POWER_CUT, disk.after_power_cut())]
        for how, state in found:
            key = digest(state)
            if key not in seen:
                seen.add(key)
                where = " to ".join(filter(None, [operation.path or ".", operation.target]))
                yield f"{number}, {how}: {operation.kind} {where}", state


def digest(state: State) -> bytes:
    """Equal states have equal ones."""
    found = hashlib.sha256()
    for path, content in sorted(state.items()):
        found.update(repr((path, content is None, len(content or b""))).encode())
        found.update(content or b"")
    return found.digest()


def restore(state: State, folder: pathlib.Path) -> None:
    """Writes a state to a folder that is not there."""
    folder.mkdir(parents=True)
    for path, content in sorted(state.items()):
        if content is None:
            (folder / path).mkdir(parents=True, exist_ok=True)
        else:
            (folder / path).write_bytes(content)


def read(folder: pathlib.Path) -> State:
    """The state of a folder."""
    return {
        str(path.relative_to(folder)): None if path.is_dir() else path.read_bytes()
        for path in folder.rglob("*")
    }
