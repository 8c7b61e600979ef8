"""Arrays are read as they were written, bit for bit, and what is pruned takes no room."""

import io
import zipfile

import numpy as np
import pytest
from helpers import equal

from tf_gan_lth.experiment.array_files import from_npz, to_npz


def drawn(shape, sparsity=0.0, dtype=np.float32):
    draw = np.random.default_rng(0)
    return (draw.normal(size=shape) * (draw.random(shape) >= sparsity)).astype(dtype)


ARRAYS = {
    "dense/kernel": drawn((3, 3, 4, 5)),
    "sparse/kernel": drawn((3, 3, 16, 8), 0.9),
    "halves": drawn((40, 3), 0.9, np.float16),
    "doubles": drawn((40, 3), 0.9, np.float64),
    "odd": np.array([0.0, -0.0, np.nan, np.inf, 1e-45] + 60 * [0.0], np.float32),
    "transposed": drawn((7, 64), 0.95).T,
    "nothing": np.zeros((4, 9), np.float32),
    "empty": np.zeros((0, 3), np.float32),
    "scalar": np.float32(3.0) * np.ones(()),
    "zero": np.zeros((), np.float32),
    "flag": np.array(True),
    "mask": drawn((3, 3, 5, 7)) > 0,
    "ones": np.ones((2, 3), bool),
    "step": np.array(3, np.int32),
    "with#sign": np.arange(3),
    "words": np.array("a place"),
}


def test_every_array_comes_back_bit_for_bit():
    found = from_npz(to_npz(ARRAYS))
    assert equal(found, ARRAYS)
    assert to_npz(found) == to_npz(ARRAYS)


def test_a_variable_of_one_number_that_is_zero_is_kept():
    """TensorFlow returns it as NumPy's scalar: such as the scale that an attention begins with."""
    found = from_npz(to_npz({"attention/scale": np.float32(0.0)}))["attention/scale"]
    assert (found.shape, found.dtype, float(found)) == ((), np.float32, 0.0)


def test_a_mask_takes_a_bit_a_weight_and_pruned_weights_next_to_nothing():
    shape = (3, 3, 256, 256)
    size = np.prod(shape)
    mask = np.random.default_rng(1).random(shape) < 0.1
    assert len(to_npz({"kernel": mask})) < 1.01 * size / 8
    weights = np.where(mask, drawn(shape), np.float32(0))
    assert len(to_npz({"kernel": weights})) < 1.02 * (size / 8 + 4 * np.count_nonzero(mask))
    dense = drawn(shape)
    assert len(to_npz({"kernel": dense})) < 4 * size + 1000


def test_files_of_earlier_versions_are_read():
    plain = {name: array for name, array in ARRAYS.items() if name != "with#sign"}
    content = io.BytesIO()
    np.savez(content, **plain)
    assert equal(from_npz(content.getvalue()), plain)


@pytest.mark.parametrize("content", [b"", b"no npz", to_npz(ARRAYS)[:-30]])
def test_what_is_no_npz_is_an_error_that_its_readers_know(content):
    with pytest.raises((OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)):
        from_npz(content)
