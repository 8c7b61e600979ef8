"""Folders of pictures: all of them, as they are, and a clear word about what is none."""

import os
import pathlib

import numpy as np
import pytest
from PIL import Image

from tf_gan_lth import data
from tf_gan_lth.experiment.errors import DataError, UsageError


@pytest.fixture
def folder(tmp_path):
    draw = np.random.default_rng(0)
    for number in range(12):
        path = tmp_path / "pictures" / f"class_{number // 6}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw.integers(0, 256, (6, 8, 3), np.uint8)).save(path)
    return tmp_path / "pictures"


def pixels(images):
    return np.concatenate([np.uint8(data.quantize(batch)) for batch in images.batches()])


def test_every_picture_comes_once_as_it_is_stored_in_mixed_order(folder):
    images = data.open_images(f"folder:{folder}", None, None)
    stored = [np.asarray(Image.open(path)) for path in sorted(folder.rglob("*.png"))]
    found = pixels(images)
    assert images.count == 12 and images.shape == (6, 8, 3) and images.name == f"folder:{folder}"
    assert sorted(picture.tobytes() for picture in found) == sorted(
        picture.tobytes() for picture in stored
    )
    assert not np.array_equal(found, stored) and np.array_equal(
        found, pixels(data.ImageFolder(folder))
    )


def test_jpeg_and_bmp_grey_and_palette_are_read(tmp_path):
    grey = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8))
    grey.save(tmp_path / "a.bmp")
    assert np.array_equal(pixels(data.ImageFolder(tmp_path))[0, ..., 0], np.asarray(grey))
    (tmp_path / "a.bmp").unlink()
    colours = grey.convert("RGB")
    colours.save(tmp_path / "b.JPG", "JPEG")
    colours.convert("P").save(tmp_path / "c.png")
    assert pixels(data.ImageFolder(tmp_path)).shape == (2, 8, 8, 3)


def test_hidden_files_are_left_out_and_a_split_is_a_subfolder(folder):
    (folder / ".DS_Store").write_text("x")
    (folder / ".cache").mkdir()
    (folder / ".cache" / "notes.txt").write_text("x")
    assert data.open_images(f"folder:{folder}", "class_1", None).count == 6
    assert data.ImageFolder(folder).count == 12


def test_links_are_followed_but_not_in_circles(folder, tmp_path):
    (folder / "class_2").symlink_to(folder / "class_1")
    assert data.ImageFolder(folder).count == 12  # the folder behind the link is already there
    other = tmp_path / "linked"
    other.mkdir()
    (other / "all").symlink_to(folder)
    (folder / "back").symlink_to(other)
    assert data.ImageFolder(other).count == 12


def test_pictures_are_resized_if_asked(folder):
    Image.new("RGB", (20, 30)).save(folder / "large.png")
    images = data.ImageFolder(folder, 4)
    assert pixels(images).shape == (13, 4, 4, 3) and images.shape == (4, 4, 3)


def test_batches_of_large_pictures_are_bounded_by_bytes(folder, monkeypatch):
    expected = pixels(data.ImageFolder(folder))
    monkeypatch.setattr(data.pixels, "PIXELS", 6 * 8 * 2)
    monkeypatch.setattr(data.pixels, "BATCH", 9)
    batches = list(data.ImageFolder(folder).batches())
    assert [len(batch) for batch in batches] == [4, 4, 1, 3]
    np.testing.assert_array_equal(pixels(data.ImageFolder(folder)), expected)
    monkeypatch.setattr(data.pixels, "PIXELS", 1)
    assert max(len(batch) for batch in data.ImageFolder(folder).batches()) == 2


def test_what_is_above_pictures_is_left_out_and_a_name_that_is_not_utf8_is_named(folder):
    (folder / "readme.txt").write_text("x")
    assert data.ImageFolder(folder).count == 12
    (folder / "class_0" / os.fsdecode(b"\xff.png")).write_bytes(b"x")
    with pytest.raises(DataError, match=r"class_0 has something whose name is not UTF-8: rename"):
        data.ImageFolder(folder)


def test_a_link_to_nothing_and_what_cannot_be_a_picture_by_its_size_are_named(folder):
    (folder / "class_0" / "a.png").symlink_to("gone.png")
    with pytest.raises(DataError, match="a.png cannot be read: No such file or directory"):
        data.ImageFolder(folder)
    (folder / "class_0" / "a.png").unlink()
    with (folder / "class_0" / "a.png").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(DataError, match="a.png has 1,099,511,627,776 bytes: no picture takes"):
        data.ImageFolder(folder)


def test_the_digest_changes_with_content_names_and_resolution(folder):
    digests = {data.ImageFolder(folder).digest, data.ImageFolder(folder, 8).digest}
    first = next(folder.rglob("*.png"))
    first.rename(first.with_name("renamed.png"))
    digests.add(data.ImageFolder(folder).digest)
    Image.new("RGB", (8, 6)).save(first.with_name("renamed.png"))
    digests.add(data.ImageFolder(folder).digest)
    assert len(digests) == 4


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda path: path.with_name("notes.txt").write_text("x"),
            "notes.txt is not a picture: expected .png",
        ),
        (lambda path: path.write_bytes(path.read_bytes()[:60]), r"\d+.png is broken"),
        (lambda path: path.write_text("text"), r"\d+.png is broken"),
        (lambda path: path.write_bytes(b""), r"\d+.png is broken"),
        (
            lambda path: Image.new("RGB", (6, 6)).save(path),
            r"png is 6x6 with 3 channels and .*: expected one shape; --resolution",
        ),
        (
            lambda path: Image.new("L", (8, 6)).save(path),
            r"png is 6x8 with 1 channel and .*: expected one shape",
        ),
        (
            lambda path: Image.new("RGBA", (8, 6)).save(path),
            r"png holds RGBA pixels: expected 8-bit grey \(L\) or RGB",
        ),
    ],
)
def test_what_is_no_picture_like_the_others_is_named(folder, spoil, message):
    spoil(sorted(folder.rglob("*.png"))[3])
    with pytest.raises(DataError, match=message):
        pixels(data.ImageFolder(folder))


def test_a_folder_that_is_not_there_or_empty_is_refused(tmp_path):
    with pytest.raises(UsageError, match=f"there is no folder {tmp_path}/none"):
        data.open_images(f"folder:{tmp_path}/none", None, None)
    with pytest.raises(DataError, match="has no pictures"):
        data.ImageFolder(pathlib.Path(tmp_path))
    with pytest.raises(UsageError, match=f"is a folder: write folder:{tmp_path}"):
        data.open_images(str(tmp_path), None, None)
    with pytest.raises(UsageError, match="unknown split of digits 'tets': did you mean 'test'"):
        data.open_images("digits", "tets", None)
