"""Statistics that were changed on the disk are refused in one line."""

import pathlib

import numpy as np
import pytest

from tf_gan_lth.evaluation.metrics import Gaussian
from tf_gan_lth.evaluation.reference import Origin, Reference, ReferenceFile, _CachedReference
from tf_gan_lth.experiment.errors import ArtifactError


def made(path: pathlib.Path, name: str) -> Origin:
    origin = Origin(name, name, "train", 4, (8, 8), "net", "d", "bilinear", 1)
    features = np.zeros((4, 3), np.float32)
    _CachedReference(path).put(Reference(origin, Gaussian(np.zeros(3), np.eye(3)), features))
    return origin


def test_two_thousand_mutations_are_read_or_refused_in_one_line(tmp_path):
    file = tmp_path / "s.npz"
    made(file, "a")
    content, random = file.read_bytes(), np.random.default_rng(0)
    refused = 0
    for _ in range(2000):
        changed = bytearray(content)
        for position in random.integers(len(content), size=random.integers(1, 4)):
            changed[position] = random.integers(256)
        file.write_bytes(
            bytes(changed[: random.integers(len(content))] if random.random() < 0.2 else changed)
        )
        try:
            ReferenceFile(file).get()
        except ArtifactError as error:
            assert str(file) in str(error) and "\n" not in str(error)
            refused += 1
    assert refused > 1000


def test_cached_statistics_that_were_exchanged_are_refused(tmp_path):
    one, two = made(tmp_path / "one.npz", "a"), made(tmp_path / "two.npz", "b")
    assert _CachedReference(tmp_path / "one.npz").get_of(one).origin == one
    with pytest.raises(ArtifactError, match="one.npz holds statistics of a .*, not of b"):
        _CachedReference(tmp_path / "one.npz").get_of(two)
