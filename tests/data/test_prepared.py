"""Data sets that TFDS downloads: prepared ones are read offline, others are one clear line."""

import pathlib
import socket
import time

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tf_gan_lth import data
from tf_gan_lth.experiment.errors import DataError, UsageError

SIZES = {"cifar10": 32, "stl10": 96}
COUNTS = {"train": 20, "test": 7}
NAMES = tuple(f"class {letter}" for letter in "jihgfedcba")


def random_images(name, count):
    draw = np.random.default_rng(count)
    images = draw.integers(0, 256, (count, SIZES[name], SIZES[name], 3), np.uint8)
    extra = {"id": [f"train_{number:05}" for number in range(count)]} if name == "cifar10" else {}
    return {"image": images, "label": np.arange(count) % 10, **extra}


def prepare(name, folder, examples=None):
    """Random pictures, stored by TFDS where it looks for the data set, as if downloaded."""
    builder = tfds.builder(name, data_dir=folder)
    builder.info.features["label"].names = NAMES
    if examples is None:
        examples = {split: random_images(name, count) for split, count in COUNTS.items()}
    splits = {
        split: tf.data.Dataset.from_tensor_slices(images) for split, images in examples.items()
    }
    tfds.dataset_builders.store_as_tfds_dataset(
        name, builder.version, builder.info.features, splits, data_dir=folder
    )
    return pathlib.Path(builder.data_dir)


@pytest.fixture
def no_network(monkeypatch):
    """A proxy that refuses every connection: its port is taken, but nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(variable, f"http://127.0.0.1:{taken.getsockname()[1]}")
        for variable in ("no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.delenv(variable, raising=False)
        yield


@pytest.mark.parametrize("name", SIZES)
def test_prepared_images_are_read_with_their_labels_and_resized(name, tmp_path):
    prepare(name, tmp_path)
    size = SIZES[name]
    for split, count in COUNTS.items():
        stored = random_images(name, count)
        images = data.load(name, split, size, str(tmp_path))
        assert images.name == f"{name}:{split}"
        assert images.images.dtype == np.uint8 and images.labels.dtype == np.int64
        assert images.classes == 10 and images.class_names == NAMES
        found = sorted(
            (image.tobytes(), label)
            for image, label in zip(images.images, images.labels, strict=True)
        )
        assert found == sorted(
            (image.tobytes(), label)
            for image, label in zip(stored["image"], stored["label"], strict=True)
        )
    assert data.load(name, "train", 48, str(tmp_path)).shape == (48, 48, 3)
    digests = {data.load(name, "train", 48, str(tmp_path)).digest for _ in range(2)}
    assert len(digests) == 1
    with pytest.raises(
        UsageError,
        match=f"unknown split of {name} 'tran': did you mean 'train'.*Known: test, train",
    ):
        data.load(name, "tran", 48, str(tmp_path))


def test_a_split_without_labels_has_no_classes(tmp_path):
    images = {**random_images("stl10", 5), "label": np.full(5, -1)}
    prepare("stl10", tmp_path, {"unlabelled": images})
    found = data.load("stl10", "unlabelled", 8, str(tmp_path))
    assert (found.count, found.classes, found.class_names) == (5, 0, None)


@pytest.mark.parametrize("name", SIZES)
def test_a_failed_download_is_one_line_that_comes_soon(name, tmp_path, no_network, caplog):
    began = time.monotonic()
    with pytest.raises(
        DataError,
        match=f"{name} cannot be downloaded: .*onnection.*; prepare it once on a machine with",
    ) as caught:
        data.load(name, "train", 32, str(tmp_path))
    message = str(caught.value)
    assert f"--dataset={name}" in message and "--data_dir" in message
    assert "\n" not in message and "Max retries" not in message
    assert not [record for record in caplog.records if "urllib3" in record.name]
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("name", data.datasets.BUILDERS)
def test_a_folder_that_cannot_be_written_is_named(name, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(
        DataError,
        match=(
            f"{name} cannot be prepared in {tmp_path}/file/sub: .*Not a directory.*; give a folder"
            " with"
        ),
    ):
        data.load(name, "train", 32, str(tmp_path / "file" / "sub"))


def shorten(folder):
    for path in folder.glob("*train*"):
        path.write_bytes(path.read_bytes()[:500])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (shorten, "cifar10/.* cannot be read: .*truncated.*; delete it to have it prepared again$"),
        (
            lambda folder: [path.unlink() for path in folder.glob("*train*")],
            "cifar10/.* cannot be read: .*No such file.*; delete it",
        ),
        (
            lambda folder: (folder / "dataset_info.json").unlink(),
            "cifar10/.* holds no data: delete it to have it prepared again$",
        ),
        (
            lambda folder: (folder / "dataset_info.json").write_text("{"),
            "cifar10 cannot be prepared in .*JSON",
        ),
    ],
)
def test_prepared_data_that_are_broken_are_named(spoil, message, tmp_path):
    spoil(prepare("cifar10", tmp_path))
    with pytest.raises(DataError, match=message) as caught:
        data.load("cifar10", "train", 32, str(tmp_path))
    assert "\n" not in str(caught.value)
