"""Arrays by name as the bytes of an npz file; what is pruned takes next to no room.

An array is stored as it is, or where that is smaller as several: `NAME#shape`, and

- `NAME#bits`, of bools: a bit each, first bit first, as `np.packbits` has them;
- `NAME#stored` and `NAME#values`, of numbers: bits that say where an entry is not +0, and these
  entries in order.

So masks take a bit a weight, and a snapshot of pruned weights what remains and a bit a weight.
Every array is read as it was written, bit for bit.
"""

import io

import numpy as np

Arrays = dict[str, np.ndarray]
SHAPE, BITS, STORED, VALUES = "#shape", "#bits", "#stored", "#values"
PAYS = 0.9  # of the bytes: a packed array that is larger is stored as it is


def to_npz(arrays: Arrays) -> bytes:
    """An npz file of arrays; equal arrays give equal bytes."""
    content = io.BytesIO()
    parts = {name: part for n, array in arrays.items() for name, part in _packed(n, array).items()}
    np.savez(content, **parts)
    return content.getvalue()


def from_npz(content: bytes) -> Arrays:
    """The arrays of an npz file, packed or not.

    Raises:
      ValueError, OSError, KeyError, zipfile.BadZipFile: it is not one.
    """
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        parts = {name: file[name] for name in file.files}
    arrays = {}
    for name, part in parts.items():
        base, _, kind = name.rpartition("#")
        if base + SHAPE not in parts:
            arrays[name] = part
        elif f"#{kind}" == SHAPE:
            arrays[base] = _unpacked(parts, base, tuple(part))
    return arrays


def _packed(name: str, array: np.ndarray) -> Arrays:
    shape = {name + SHAPE: np.array(array.shape, np.int64)}
    if array.dtype == bool:
        return shape | {name + BITS: np.packbits(array)}
    # One number takes no less room in parts.
    if array.dtype.kind != "f" or array.dtype.itemsize not in (2, 4, 8) or not array.shape:
        return {name: array}
    # By bits: -0 is not +0, and NaN is kept as it is.
    stored = np.ascontiguousarray(array).view(f"u{array.dtype.itemsize}") != 0
    size = np.count_nonzero(stored) * array.dtype.itemsize + array.size // 8
    if size > PAYS * array.nbytes:
        return {name: array}
    return shape | {name + STORED: np.packbits(stored), name + VALUES: array[stored]}


def _unpacked(parts: Arrays, name: str, shape: tuple[int, ...]) -> np.ndarray:
    size = int(np.prod(shape))
    if name + BITS in parts:
        return np.unpackbits(parts[name + BITS], count=size).astype(bool).reshape(shape)
    values = parts[name + VALUES]
    stored = np.unpackbits(parts[name + STORED], count=size).astype(bool)
    array = np.zeros(size, values.dtype)
    array[stored] = values
    return array.reshape(shape)
