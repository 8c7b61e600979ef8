"""Broken files and hostile values, each a function of a random generator."""

import io
import random
import struct
import zipfile

NUMBERS = (
    *(0, -1, 1, 2, 7, 2**31 - 1, 2**31, 2**63, 10**30, 10**400, -(2**40)),
    *(0.5, -0.0, 1e-320, -1.5, 1e308, float("nan"), float("inf")),
)
WORDS = (
    *("", " ", ",", "none", "None", "true", "0x10", "1e5", "١٢", "²", "nan", "inf", "-inf"),
    *("~", "~nobodyhere", "~nobodyhere/x", "/", ".", "..", "/dev/null", "a" * 5000, "$HOME"),
    *("digits", "folder:", "folder:/", "npz:", "npz:/dev/null", "npz:.", "tfds:", ":", "a:b"),
    *("round:", "saved_model:", "os:getcwd", "my_gan.py:gan", "x.y.z:q", "gs://", "nope://a"),
    *("[1]", "a[1]*?", "*", "generator/*", "[", "\\", "%s%n", "{}", "é" * 20),
    *("\n", "a\nb", "\t", "\0", "a\0b", "\ud800", "\u202eabc", "\x1b[2J"),
    *("r1", "r1:", "r1:x", "r1:nan", "r1:1,r1:1", "r1:-1", "r1:1e400", ":10"),
)
OBJECTS = (None, True, (), [], {}, b"x", [None], [[]], [1, "a"], (0.5,), object, 1j, {"a": 1})


def hostile_value(draw: random.Random) -> object:
    """A value that an option hardly expects."""
    kind = draw.random()
    if kind < 0.4:
        return draw.choice(WORDS)
    if kind < 0.8:
        return draw.choice(NUMBERS)
    if kind < 0.9:
        return [hostile_value(draw) for _ in range(draw.randrange(3))]
    return draw.choice(OBJECTS)


def mutated(content: bytes, draw: random.Random) -> bytes:
    """A file with a few of the faults that disks, networks and people make."""
    content = bytearray(content)
    for _ in range(draw.choice([1, 1, 1, 2, 5, 20])):
        if content:
            draw.choice(MUTATIONS)(content, draw)
    return bytes(content)


def mutated_member(content: bytes, draw: random.Random) -> bytes:
    """A zip file with a member that is mutated, under a checksum that fits."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w") as new:
        changed = draw.choice(old.namelist())
        for name in old.namelist():
            member = old.read(name)
            new.writestr(name, mutated(member, draw) if name == changed else member)
    return file.getvalue()


def _place(content: bytearray, draw: random.Random) -> int:
    # Heads and directories are at the ends.
    edge = min(len(content), 300)
    where = draw.random()
    if where < 0.3:
        return draw.randrange(edge)
    if where < 0.6:
        return len(content) - 1 - draw.randrange(edge)
    return draw.randrange(len(content))


def _flip(content: bytearray, draw: random.Random) -> None:
    content[_place(content, draw)] ^= 1 << draw.randrange(8)


def _byte(content: bytearray, draw: random.Random) -> None:
    content[_place(content, draw)] = draw.choice([0, 1, 0x7F, 0x80, 0xFF, draw.randrange(256)])


def _number(content: bytearray, draw: random.Random) -> None:
    at = _place(content, draw)
    value = draw.choice([0, 1, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF])
    new = struct.pack(draw.choice("<>") + "I", value)
    content[at : at + 4] = new[: len(content) - at]


def _cut(content: bytearray, draw: random.Random) -> None:
    del content[_place(content, draw) :]


def _drop(content: bytearray, draw: random.Random) -> None:
    at = _place(content, draw)
    del content[at : at + draw.choice([1, 4, 100])]


def _insert(content: bytearray, draw: random.Random) -> None:
    at = _place(content, draw)
    content[at:at] = draw.randbytes(draw.choice([1, 4, 100]))


def _repeat(content: bytearray, draw: random.Random) -> None:
    at = _place(content, draw)
    content[at:at] = content[at : at + draw.choice([4, 64, 1000])]


def _zeros(content: bytearray, draw: random.Random) -> None:
    at = _place(content, draw)
    size = min(draw.choice([4, 512, 4096]), len(content) - at)
    content[at : at + size] = bytes(size)


MUTATIONS = (_flip, _flip, _byte, _byte, _number, _cut, _drop, _insert, _repeat, _zeros)
