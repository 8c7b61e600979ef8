"""Pictures that are many train and score as others do, from a file, and take no memory."""

import pathlib
import re
import sys
import warnings

import numpy as np
import pytest
from PIL import Image

from tf_gan_lth import data
from tf_gan_lth.data import room
from tf_gan_lth.experiment import memory
from tf_gan_lth.experiment.errors import DataError, ToolkitWarning

SEED = np.array([1, 2], np.int32)


@pytest.fixture
def folder(tmp_path):
    draw = np.random.default_rng(0)
    for domain in ("train", "trainA", "trainB", "testA", "testB"):
        (tmp_path / domain).mkdir()
        for number in range(12):
            picture = Image.fromarray(draw.integers(0, 256, (9, 12, 3), np.uint8))
            picture.save(tmp_path / domain / f"{number}.png")
    return tmp_path


@pytest.fixture
def full(monkeypatch):
    """A machine with ten bytes of free memory."""
    monkeypatch.setattr(memory, "available", lambda: 10)


def load(folder):
    return data.load(f"folder:{folder}", "train", 8)


def batches(images):
    return [batch["image"].numpy() for batch in data.training_batches(images, 5, 2, SEED).take(4)]


def test_pictures_in_a_file_give_the_same_batches_and_digests(folder, request):
    held = load(folder)
    expected = batches(held)
    request.getfixturevalue("full")
    with pytest.warns(ToolkitWarning, match="take 2.3 kB, of 10 B of memory that are free"):
        images = load(folder)
    assert isinstance(images.images, np.memmap) and not isinstance(held.images, np.memmap)
    assert images.digest == held.digest
    np.testing.assert_array_equal(batches(images), expected)
    for found, wanted in zip(images.batches(), held.batches(), strict=True):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.filterwarnings("ignore:the pictures of")
def test_domains_in_a_file_give_the_same_batches(folder, request):
    def load_batches():
        domains = data.load_domains(f"folder:{folder}", "train", 9)
        found = data.translation_batches(domains, 4, SEED, 8, "crop_and_flip").take(5)
        return [{name: image.numpy() for name, image in batch.items()} for batch in found]

    expected = load_batches()
    request.getfixturevalue("full")
    for found, wanted in zip(load_batches(), expected, strict=True):
        np.testing.assert_array_equal(found["a"], wanted["a"])
        np.testing.assert_array_equal(found["b"], wanted["b"])


def test_a_disk_without_room_is_one_line_with_all_numbers(full):
    message = (
        "^the pictures take 1,000 TB, of 10 B of memory that are free, and .* has no room"
        " for them .* free.: choose fewer pictures or a smaller resolution"
    )
    with pytest.raises(DataError, match=message):
        room.empty("the pictures", (10**6, 10**3, 10**3, 10**3))


def test_the_file_has_no_name_and_nothing_is_left(full, tmp_path, monkeypatch):
    monkeypatch.setenv("TF_GAN_LTH_CACHE", str(tmp_path / "cache"))
    with pytest.warns(ToolkitWarning, match="are kept in a file in .*cache as long as this"):
        array = room.empty("the pictures", (100, 4, 4, 3))
    array[:] = 7
    assert array.shape == (100, 4, 4, 3) and (array == 7).all()
    assert list((tmp_path / "cache").iterdir()) == []


def test_many_pictures_are_in_a_file_though_memory_has_room_and_nobody_is_warned(
    folder, monkeypatch
):
    held = load(folder)
    expected = batches(held)
    monkeypatch.setattr(room, "HELD", 12 * 8 * 8 * 3 - 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        images = load(folder)
    assert isinstance(images.images, np.memmap) and images.digest == held.digest
    np.testing.assert_array_equal(batches(images), expected)
    monkeypatch.setattr(room, "HELD", 12 * 8 * 8 * 3)
    assert not isinstance(load(folder).images, np.memmap)


def test_without_room_on_the_disk_they_are_held_where_memory_has_room(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "HELD", 0)
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("TF_GAN_LTH_CACHE", str(tmp_path / "file"))
    array = room.empty("the pictures", (10, 4, 4, 3))
    assert array.shape == (10, 4, 4, 3) and not isinstance(array, np.memmap)


def resident():
    status = pathlib.Path("/proc/self/status").read_text()
    return 1024 * int(re.search(r"VmRSS:\s+(\d+) kB", status)[1])


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_pictures_in_a_file_take_no_memory_while_they_are_written_read_and_digested(monkeypatch):
    monkeypatch.setattr(room, "HELD", 0)
    shape = (16384, 64, 64, 3)  # 201 MB
    array = room.empty("the pictures", shape)
    picture = np.random.default_rng(0).integers(0, 256, shape[1:], np.uint8)
    before, peaks = resident(), []
    for number in range(len(array)):
        room.put(array, number, picture)
        peaks.append(resident() if number % 100 == 0 else 0)
    images = data.ImageSet("mine", "train", array, np.zeros(len(array), np.int64))
    assert len(images.digest) == 16
    for batch in data.training_batches(images, 256, 1, SEED).take(64):
        assert batch["image"].shape == (256, 1, 64, 64, 3)
        peaks.append(resident())
    assert max(peaks) - before < 100e6
    np.testing.assert_array_equal(array[[0, 77, -1]], [picture] * 3)
