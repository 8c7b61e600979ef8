"""Folders of pictures to train on: pictures, classes, and a clear word on every other layout."""

import os
import pathlib
import re
import shutil
import sys

import numpy as np
import pytest
from PIL import Image

from tf_gan_lth import data
from tf_gan_lth.data import class_folders
from tf_gan_lth.experiment.errors import DataError, ToolkitError, UsageError

COUNTS = {"train/bird": 5, "train/cat": 40, "test/ant": 3, "test/cat": 2}


@pytest.fixture
def folder(tmp_path):
    draw = np.random.default_rng(0)
    for place, count in COUNTS.items():
        path = tmp_path / "pictures" / place
        path.mkdir(parents=True)
        for number in range(count):
            Image.fromarray(draw.integers(0, 256, (6, 8, 3), np.uint8)).save(path / f"{number}.png")
    return tmp_path / "pictures"


def load(folder, split="train", resolution=None):
    return data.load(f"folder:{folder}", split, resolution)


def test_every_picture_comes_as_it_is_stored_in_the_order_of_paths_with_its_class(folder):
    images = load(folder)
    stored = [np.asarray(Image.open(path)) for path in sorted(folder.glob("train/*/*.png"))]
    np.testing.assert_array_equal(images.images, stored)
    assert images.images.dtype == np.uint8 and images.labels.dtype == np.int64
    assert (images.name, images.count, images.shape) == (f"folder:{folder}:train", 45, (6, 8, 3))


def test_a_class_has_the_same_number_in_every_split(folder):
    assert np.bincount(load(folder).labels).tolist() == [0, 5, 40]
    assert load(folder, "test").labels.tolist() == [0, 0, 0, 2, 2]


def test_classes_are_the_class_folders_of_all_splits(folder):
    for split in ("train", "test"):
        images = load(folder, split)
        assert images.classes == 3
        assert images.class_names == ("ant", "bird", "cat")


def test_without_class_folders_there_are_no_classes(folder):
    expected = load(folder).images
    flatten(folder, "train")
    images = load(folder)
    assert (images.classes, images.class_names, images.count) == (0, None, 45)
    assert sorted(map(bytes, images.images)) == sorted(map(bytes, expected))
    assert data.ImageFolder(folder, None, "train").count == 45


def test_without_splits_all_pictures_are_every_split(folder):
    (folder / "train").rename(folder.parent / "all")
    whole = folder.parent / "all"
    (whole / "readme.txt").write_text("x")
    for split in ("train", "test"):
        images = load(whole, split)
        assert (images.count, images.class_names) == (45, ("bird", "cat"))
    assert data.ImageFolder(whole).count == 45
    flatten(whole, ".")
    (whole / "readme.txt").unlink()
    images = load(whole)
    assert (images.count, images.classes) == (45, 0)
    np.testing.assert_array_equal(images.images, data.ImageFolder(whole).read())


def test_center_takes_the_square_in_the_middle(folder):
    whole = load(folder)
    square = data.load(f"folder:{folder}", "train", None, crop="center")
    np.testing.assert_array_equal(square.images, whole.images[:, :, 1:7])
    resized = data.load(f"folder:{folder}", "train", 16, crop="center")
    np.testing.assert_array_equal(resized.images, data.pixels.resize(square.images, 16))
    scored = data.ImageFolder(folder, 16, "train", "center")
    assert sorted(map(bytes, scored.read())) == sorted(map(bytes, resized.images))
    assert scored.digest != data.ImageFolder(folder, 16, "train").digest
    with pytest.raises(UsageError, match="unknown crop 'centre': did you mean 'center'"):
        data.load(f"folder:{folder}", "train", 16, crop="centre")


def test_large_pictures_are_decoded_a_few_at_a_time(folder, monkeypatch):
    expected = load(folder, resolution=4).images
    monkeypatch.setattr(class_folders, "CHUNK_BYTES", 2 * 6 * 8 * 3)
    held = []
    chunks = class_folders._chunks
    monkeypatch.setattr(
        class_folders, "_chunks", lambda files: (held.append(len(c)) or c for c in chunks(files))
    )
    np.testing.assert_array_equal(load(folder, resolution=4).images, expected)
    assert max(held) == 2


def test_one_class_folder_is_one_class(folder):
    for place in ("train/bird", "test/ant", "test/cat"):
        shutil.rmtree(folder / place)
    images = load(folder)
    assert images.classes == 1 and images.labels.tolist() == [0] * 40


def test_pictures_deep_below_have_no_classes(folder):
    expected = load(folder).images
    for number, file in enumerate(sorted(folder.glob("train/*/*.png"))):
        place = folder.parent / "deep" / f"{number % 3}" / "a" / f"{number % 2}"
        place.mkdir(parents=True, exist_ok=True)
        file.rename(place / f"{file.parent.name}_{file.name}")
    images = load(folder.parent / "deep")
    assert (images.count, images.classes, images.class_names) == (45, 0, None)
    assert sorted(map(bytes, images.images)) == sorted(map(bytes, expected))
    (folder.parent / "deep" / "1" / "a" / "1" / "notes.txt").write_text("x")
    with pytest.raises(DataError, match="1/a/1/notes.txt is not a picture"):
        load(folder.parent / "deep")


def test_what_is_hidden_is_left_out(folder):
    for place in (".git/a class", "train/.cache", "train/cat/.thumbnails"):
        (folder / place).mkdir(parents=True)
        (folder / place / "notes.txt").write_text("x")
    (folder / "train" / "cat" / "._0.jpg").write_text("x")
    (folder / "train" / "readme.txt").write_text("x")
    assert np.bincount(load(folder).labels).tolist() == [0, 5, 40]
    assert load(folder).classes == 3


def test_a_picture_is_the_same_whether_it_is_trained_on_or_scored(folder):
    Image.new("L", (20, 30), 7).convert("RGB").convert("P").save(
        folder / "train" / "cat" / "palette.png"
    )
    Image.new("RGB", (30, 20), (1, 2, 3)).save(folder / "train" / "cat" / "large.JPG", "JPEG")
    scored = data.ImageFolder(folder, 4, "train")
    pixels = np.concatenate([np.uint8(data.quantize(batch)) for batch in scored.batches()])
    trained = load(folder, resolution=4).images
    assert trained.shape == (47, 4, 4, 3)
    assert sorted(picture.tobytes() for picture in trained) == sorted(
        picture.tobytes() for picture in pixels
    )


def test_pictures_that_are_not_square_are_squashed(folder):
    stored = np.stack(
        [np.asarray(Image.open(path)) for path in sorted(folder.glob("train/*/*.png"))]
    )
    np.testing.assert_array_equal(
        load(folder, resolution=16).images, data.pixels.resize(stored, 16)
    )


def test_grey_and_bilevel_pictures_have_one_channel(folder):
    shutil.rmtree(folder / "train" / "bird")
    for path in folder.glob("train/cat/*.png"):
        Image.open(path).convert("1" if path.stem == "3" else "L").save(path)
    assert load(folder).shape == (6, 8, 1)


def test_a_tiny_folder_of_one_class_fills_batches_that_span_epochs(tmp_path):
    (tmp_path / "train" / "all").mkdir(parents=True)
    for level in (0, 100, 200):
        Image.new("L", (2, 2), level).save(tmp_path / "train" / "all" / f"{level}.png")
    batches = data.training_batches(load(tmp_path), 8, 1, np.array([1, 2], np.int32)).take(3)
    drawn = np.concatenate(
        [np.uint8(data.quantize(batch["image"]))[:, 0, 0, 0, 0] for batch in batches]
    )
    assert drawn.shape == (24,) and all(
        sorted(epoch) == [0, 100, 200] for epoch in drawn.reshape(8, 3)
    )


def remove_pictures(folder, place):
    for path in folder.glob(f"{place}/*.png"):
        path.unlink()


def flatten(folder, place):
    for path in sorted((folder / place).rglob("*.png")):
        path.rename(folder / place / "_".join(path.relative_to(folder).parts))
    for path in [path for path in (folder / place).iterdir() if path.is_dir()]:
        shutil.rmtree(path)


def flatten_all(folder):
    folder.mkdir()
    Image.new("RGB", (8, 6)).save(folder / "0.png")


def keep_one(folder):
    shutil.rmtree(folder / "train" / "cat")
    for path in sorted(folder.glob("train/bird/*.png"))[1:]:
        path.unlink()


def nest(folder, stays):
    """Classes without splits, of which `stays` has pictures and one has a folder in it."""
    for name in ("bird", "cat"):
        (folder / "train" / name).rename(folder / name)
        if name != stays:
            remove_pictures(folder, name)
    shutil.rmtree(folder / "train")
    shutil.rmtree(folder / "test")
    flatten_all(folder / "cat" / "more")


LAYOUT = (
    r"expected pictures in \S+/train/<class>/ or in \S+/train/; or, as every split, in"
    r" \S+/<class>/ or in \S+/$"
)


@pytest.mark.parametrize(
    ("spoil", "kind", "message"),
    [
        (shutil.rmtree, UsageError, "there is no folder .*pictures$"),
        (
            lambda folder: shutil.rmtree(folder / "train"),
            UsageError,
            "unknown split of folder:.* 'train'. Known: test",
        ),
        (
            lambda folder: (flatten(folder, "train"), flatten_all(folder / "bus")),
            DataError,
            "pictures has pictures in train and in bus: is train a split or a class?",
        ),
        (
            lambda folder: (folder / "train").rename(folder / "trainA"),
            UsageError,
            "unknown split of folder:.* 'train': did you mean 'trainA'",
        ),
        (
            lambda folder: (shutil.rmtree(folder), folder.mkdir()),
            DataError,
            f"pictures has no pictures: {LAYOUT}",
        ),
        (
            lambda folder: (shutil.rmtree(folder / "train"), (folder / "train").mkdir()),
            DataError,
            f"pictures/train has no pictures: {LAYOUT}",
        ),
        (
            lambda folder: (folder / "train/cat/0.png").rename(folder / "train/0.png"),
            DataError,
            f"train/0.png is outside the class folders: {LAYOUT}",
        ),
        (
            lambda folder: remove_pictures(folder, "train/cat"),
            DataError,
            "train/cat has no pictures .*: fill it or remove it$",
        ),
        (keep_one, DataError, "pictures/train has 1 picture: expected at least 2 to train on$"),
        (
            lambda folder: (folder / "train/cat/a.txt").write_text("x"),
            DataError,
            "cat/a.txt is not a picture: expected .png,",
        ),
        (
            lambda folder: Image.new("RGB", (8, 6)).save(folder / "train/cat/a.gif"),
            DataError,
            "cat/a.gif is not a picture",
        ),
        (
            lambda folder: (folder / "train/cat/more").mkdir(),
            DataError,
            "cat/more is not a picture: .* nothing else in .*train/cat$",
        ),
        (
            lambda folder: (folder / "train/cat/a.png").symlink_to("gone.png"),
            DataError,
            "cat/a.png is not a picture",
        ),
        (
            lambda folder: nest(folder, "bird"),
            DataError,
            "/cat/more is a folder, .* in .*/bird: if",
        ),
        (lambda folder: nest(folder, "cat"), DataError, "/cat/more is a folder, .* in .*/cat: if"),
    ],
)
def test_another_layout_is_refused_in_one_line(folder, spoil, kind, message):
    spoil(folder)
    with pytest.raises(kind, match=message) as caught:
        load(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:60]), r"cat/3.png is broken"),
        (
            lambda path: path.write_text("text"),
            r"cat/3.png is broken: no picture can be found in it$",
        ),
        (
            lambda path: path.write_bytes(b""),
            r"cat/3.png is broken: no picture can be found in it$",
        ),
        (
            lambda path: Image.new("RGB", (6, 6)).save(path),
            r"png is 6x\d with 3 channels and .*: expected one shape; --resolution",
        ),
        (
            lambda path: Image.new("L", (8, 6)).save(path),
            r"png is 6x8 with \d channels? and .*: expected one shape$",
        ),
        (
            lambda path: Image.new("RGBA", (8, 6)).save(path),
            r"cat/3.png holds RGBA pixels: expected 8-bit grey \(L\) or RGB",
        ),
        (
            lambda path: Image.new("I;16", (8, 6)).save(path),
            r"cat/3.png holds I;16 pixels: expected 8-bit grey",
        ),
        (
            lambda path: Image.new("CMYK", (8, 6)).save(path, "JPEG"),
            r"cat/3.png holds CMYK pixels: expected 8-bit grey",
        ),
    ],
)
def test_what_is_no_picture_like_the_others_is_named(folder, spoil, message):
    spoil(folder / "train" / "cat" / "3.png")
    with pytest.raises(DataError, match=message):
        load(folder)


def test_grey_among_colours_is_refused_at_any_resolution(folder):
    Image.new("L", (8, 6)).save(folder / "train" / "cat" / "3.png")
    with pytest.raises(
        DataError, match=r"png is 4x4 with \d channels? and .*: expected one shape$"
    ):
        load(folder, resolution=4)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_that_is_not_utf8_is_named(folder):
    (folder / "train" / "cat" / os.fsdecode(b"\xff.png")).write_bytes(
        (folder / "train" / "cat" / "3.png").read_bytes()
    )
    with pytest.raises(
        DataError, match=r"cat has something whose name is not UTF-8: rename b'\\xff.png'"
    ):
        load(folder)


def test_a_folder_without_its_prefix_is_answered_with_what_to_write(folder):
    with pytest.raises(
        ToolkitError, match=re.escape(f"'{folder}' is a folder: write folder:{folder}")
    ):
        data.load(str(folder), "train", 8)


REAL_DATA = os.environ.get("TF_GAN_LTH_REAL_DATA")


@pytest.mark.skipif(not REAL_DATA, reason="TF_GAN_LTH_REAL_DATA is not set")
def test_real_photographs_are_all_there_in_their_classes():
    root = pathlib.Path(REAL_DATA, "cifar10")
    classes = sorted(path.name for path in (root / "train").iterdir())
    images = load(root, resolution=32)
    assert images.shape == (32, 32, 3) and images.count == len(list(root.glob("train/*/*.jpg")))
    for number, name in enumerate(classes):
        file = min((root / "train" / name).glob("*.jpg"))
        first = np.flatnonzero(images.labels == number)[0]
        np.testing.assert_array_equal(images.images[first], np.asarray(Image.open(file)))
    assert len(np.unique(images.images.reshape(images.count, -1), axis=0)) > 0.99 * images.count
    assert class_folders.read(root, "test", 32)[0].shape[1:] == (32, 32, 3)
