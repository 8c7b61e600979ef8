"""Data sets in an .npz file: by split or for all, and one line on what is none."""

import pathlib
import re
import zipfile

import numpy as np
import pytest

from tf_gan_lth import data
from tf_gan_lth.experiment.errors import DataError, ToolkitError, UsageError

DRAW = np.random.default_rng(0)
TRAIN = DRAW.integers(0, 256, (7, 6, 6, 3), np.uint8)
TEST = DRAW.integers(0, 256, (3, 6, 6, 3), np.uint8)
TRAIN_LABELS = np.array([4, 0, 1, 2, 3, 0, 0], np.uint8)
TEST_LABELS = np.array([1, 0, 9], np.uint8)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "my images.npz"


def load(file, split="train", resolution=None):
    return data.load(f"npz:{file}", split, resolution)


@pytest.mark.parametrize(
    ("images_key", "labels_key"), [("x_{}", "y_{}"), ("{}_images", "{}_labels")]
)
def test_a_split_has_its_own_images_and_labels(file, images_key, labels_key):
    arrays = {
        images_key.format("train"): TRAIN,
        labels_key.format("train"): TRAIN_LABELS,
        images_key.format("test"): TEST,
        labels_key.format("test"): TEST_LABELS[:, None],  # as those of CIFAR-10 in Keras
    }
    np.savez_compressed(file, **arrays)
    for split, images, labels, classes in (
        ("train", TRAIN, TRAIN_LABELS, 5),
        ("test", TEST, TEST_LABELS, 10),
    ):
        found = load(file, split)
        np.testing.assert_array_equal(found.images, images)
        np.testing.assert_array_equal(found.labels, labels)
        assert found.labels.dtype == np.int64 and found.images.dtype == np.uint8
        assert (found.classes, found.class_names) == (classes, None)
        assert (found.dataset, found.split) == (f"npz:{file}", split)


def test_a_file_without_splits_serves_every_one(file):
    np.savez(file, images=TRAIN, labels=TRAIN_LABELS)
    for split in ("train", "test", "validation"):
        found = load(file, split)
        np.testing.assert_array_equal(found.images, TRAIN)
        assert found.classes == 5 and found.name == f"npz:{file}:{split}"


def test_labels_may_be_absent_and_images_grey_without_a_channel_axis(file):
    np.savez(file, x_train=TRAIN[..., 0], y_test=TEST_LABELS)
    found = load(file)
    np.testing.assert_array_equal(found.images, TRAIN[..., :1])
    assert found.classes == 0 and found.labels.tolist() == [0] * 7


def test_images_are_resized_as_those_of_other_sets(file):
    np.savez(file, images=TRAIN[:, :4])
    assert load(file).shape == (4, 6, 3)
    expected = data.pixels.resize(TRAIN[:, :4], 5)
    np.testing.assert_array_equal(load(file, resolution=5).images, expected)
    assert load(file, resolution=5).shape == (5, 5, 3)


def test_floats_are_kept_as_levels(file):
    np.savez(file, images=data.scale(TRAIN).numpy())
    np.testing.assert_array_equal(load(file).images, TRAIN)


def test_images_to_score_are_read_too(file):
    np.savez(file, x_train=TRAIN, x_test=TEST)
    assert data.open_images(f"npz:{file}", None, None).count == 7
    assert data.open_images(f"npz:{file}", "test", 3).shape == (3, 3, 3)


def test_a_path_may_start_at_home(file, monkeypatch):
    monkeypatch.setenv("HOME", str(file.parent))
    np.savez(file, images=TRAIN)
    found = data.load(f"npz:~/{file.name}", "train", None)
    assert found.count == 7 and found.dataset == f"npz:~/{file.name}"


class Trap:
    """Unpickling it leaves a file behind."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return pathlib.Path.touch, (self.trace,)


def test_nothing_is_unpickled(file, tmp_path):
    trace = tmp_path / "unpickled"
    np.savez(file, images=np.array([Trap(trace)] * 3, object), labels=[0, 1, 2])
    with pytest.raises(DataError, match="images of .* holds pickled Python objects, which are not"):
        load(file)
    np.savez(file, images=TRAIN, labels=np.array([Trap(trace)] * 7, object))
    with pytest.raises(DataError, match="labels of .* holds pickled Python objects, which are not"):
        load(file)
    file.write_bytes(np.array([Trap(trace)], object).dumps())
    with pytest.raises(DataError, match="is no .npz file"):
        load(file)
    assert not trace.exists()


def flip(file, share):
    """Inverts a byte of the file."""
    content = bytearray(file.read_bytes())
    content[int(share * len(content))] ^= 255
    file.write_bytes(content)


def claim_too_much(file):
    """An array whose header has a shape that no memory holds."""
    header = {"descr": "|u1", "fortran_order": False, "shape": (10**17,)}
    with zipfile.ZipFile(file, "w") as archive, archive.open("images.npy", "w") as member:
        np.lib.format.write_array_header_1_0(member, header)


def add_text(file):
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("images", "text")


@pytest.mark.parametrize(
    ("spoil", "kind", "message"),
    [
        (pathlib.Path.unlink, UsageError, "there is no file .*my images.npz$"),
        (lambda file: file.write_bytes(b""), DataError, "images.npz is no .npz file, or was cut"),
        (lambda file: file.write_text("text"), DataError, "images.npz is no .npz file, or was"),
        (
            lambda file: file.write_bytes(file.read_bytes()[:-100]),
            DataError,
            "images.npz is no .npz file, or was cut short: write it with np.savez$",
        ),
        (lambda file: flip(file, 0.5), DataError, "^images of .*images.npz is broken: .*CRC"),
        (lambda file: np.save(file.open("wb"), TRAIN), DataError, "images.npz is no .npz file"),
        (
            lambda file: np.savez(file, mu=TRAIN, sigma=TRAIN),
            DataError,
            "images.npz has no images of split 'train': expected x_train or train_images or images,"
            " found mu, sigma$",
        ),
        (
            lambda file: np.savez(file, x_test=TRAIN, y_train=TRAIN_LABELS),
            DataError,
            "has no images of split 'train': .* found x_test, y_train$",
        ),
        (
            lambda file: np.savez(file, **{f"kernel_{n:02}": TRAIN for n in range(30)}),
            DataError,
            "found kernel_00, .*, kernel_11, ...$",
        ),
        (lambda file: np.savez(file), DataError, "found nothing$"),
        (claim_too_much, DataError, "^images of .*images.npz does not fit into memory$"),
        (add_text, DataError, "^images of .*images.npz are of type bytes: expected an array"),
        (
            lambda file: np.savez(file, train_images=TRAIN * np.float32(1)),
            DataError,
            "^train_images of .*images.npz are floats from 0 to 255: .* divide by 127.5",
        ),
        (
            lambda file: np.savez(file, x_train=TRAIN.transpose(0, 3, 1, 2)),
            DataError,
            "^x_train of .*images.npz have shape .*, channels first",
        ),
        (
            lambda file: np.savez(file, x_train=TRAIN, y_train=TRAIN_LABELS[1:]),
            DataError,
            r"^y_train of .*images.npz have shape \(6,\), but there are 7 images",
        ),
    ],
)
def test_what_is_no_data_set_is_refused_in_one_line(file, spoil, kind, message):
    np.savez(file, images=TRAIN)
    spoil(file)
    with pytest.raises(kind, match=message) as caught:
        load(file)
    assert "\n" not in str(caught.value)
    assert file.name in str(caught.value)


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(UsageError, match=f"there is no file {tmp_path}$"):
        load(tmp_path)


def test_a_file_without_its_prefix_is_answered_with_what_to_write(file):
    np.savez(file, images=TRAIN)
    with pytest.raises(
        ToolkitError, match=re.escape(f"'{file}' is an .npz file: write npz:{file}")
    ):
        data.load(str(file), "train", 8)
    with pytest.raises(UsageError, match=r"unknown dataset '.*' Known: .*npz:PATH|Known: .*npz:"):
        data.load(f"{file}.gone", "train", 8)


def test_pairs_of_domains_have_no_such_files(file):
    np.savez(file, images=TRAIN)
    with pytest.raises(UsageError, match="unknown pair of domains 'npz:") as caught:
        data.load_domains(f"npz:{file}", "train", 8)
    assert "npz:PATH" not in str(caught.value)
