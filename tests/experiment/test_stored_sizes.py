"""Masks take a bit a weight, sparse weights little more than what remains of them."""

import io

import numpy as np
import pytest

from tf_gan_lth.experiment.artifacts import Snapshots

GENERATOR = np.random.default_rng(0).normal(size=(256, 3, 3, 256)).astype(np.float32)
KEPT = np.random.default_rng(1).random(GENERATOR.shape) < 0.1


def size_of(artifact):
    return (artifact.path / "generator.npz").stat().st_size


def test_a_mask_takes_a_bit_a_weight(tmp_path):
    half = np.random.default_rng(2).random(GENERATOR.shape) < 0.5
    artifact = Snapshots(tmp_path / "masks")
    artifact.put({"generator": {"a/kernel": half}})
    assert size_of(artifact) < half.size / 8 + 1000
    read = artifact.get()["generator"]["a/kernel"]
    assert read.dtype == bool and np.array_equal(read, half)


def test_sparse_weights_are_compressed(tmp_path):
    sparse = np.where(KEPT, GENERATOR, np.float32(0))
    artifact = Snapshots(tmp_path / "weights")
    artifact.put({"generator": {"a/kernel": sparse}})
    assert size_of(artifact) < 4.0 / 17.1 * sparse.nbytes
    read = artifact.get()["generator"]["a/kernel"]
    assert read.dtype == np.float32 and read.tobytes() == sparse.tobytes()


def test_dense_weights_are_stored_as_they_are(tmp_path):
    artifact = Snapshots(tmp_path / "weights")
    artifact.put({"generator": {"a/kernel": GENERATOR}})
    assert GENERATOR.nbytes < size_of(artifact) < GENERATOR.nbytes + 1000


@pytest.mark.parametrize("shape", [(), (0,), (1,), (7,), (2, 3), (3, 3, 1, 5)])
@pytest.mark.parametrize("value", [True, False])
def test_masks_of_any_shape_are_read_as_they_were(tmp_path, shape, value):
    artifact = Snapshots(tmp_path / "masks")
    artifact.put({"d": {"m": np.full(shape, value)}})
    read = artifact.get()["d"]["m"]
    assert read.shape == shape and read.dtype == bool and (read == value).all()


def test_an_npz_of_an_earlier_version_is_read():
    from tf_gan_lth.experiment.artifacts import _parse

    content = io.BytesIO()
    np.savez(content, **{"a/kernel": KEPT[:2]})
    assert np.array_equal(_parse(content.getvalue())["a/kernel"], KEPT[:2])
