"""Whatever is in a file that is called a picture: its pixels as every viewer shows them, or one
line that names it.
"""

import os
import pathlib
import shutil
import struct
import tempfile
import zlib

import numpy as np
import pytest
from PIL import Image

from tf_gan_lth import data
from tf_gan_lth.data.decoding import decode
from tf_gan_lth.experiment.errors import DataError

COLOURS = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind, content):
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def png(rows, depth, extra=b"", size=(32, 32), before=b""):
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, depth, 2, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows)))
    return SIGNATURE + header + before + pixels + extra + chunk(b"IEND", b"")


ROWS = [row.tobytes() for row in COLOURS]
KEY = chunk(b"tRNS", struct.pack(">HHH", *(int(value) for value in COLOURS[0, 0])))
TEXT = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"x" * 2_000_000))
REFUSED = {
    "16 bits": (png([b"\0" + row[:191] for row in 2 * ROWS][:32], 16), "broken|16-bit"),
    "deep": (png([row + row for row in ROWS], 16), "holds 16-bit pixels: expected 8-bit"),
    "colour key": (png(ROWS, 8, before=KEY), "holds transparent pixels: expected 8-bit"),
    "text": (png(ROWS, 8, before=TEXT), "is broken: .*ecompressed"),
    "bomb": (png([b"\0" * 1000], 8, size=(50_000, 50_000)), "is broken: .*decompression bomb"),
    "chunk": (png(ROWS, 8).replace(b"IDAT", b"\x9fV\x9ff"), "is broken"),
    "cut": (png(ROWS, 8)[:-900], "is broken"),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 32 32\nshowpage\n", "no picture"),
    "ppm": (b"P6\n\x9f!\x9f 32 255\n" + COLOURS.tobytes(), "no picture"),
    "whole ppm": (b"P6\n32 32\n255\n" + COLOURS.tobytes(), "no picture can be found"),
    "text file": (b"no picture", "no picture can be found"),
    "nothing": (b"", "no picture can be found"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_8_bit_picture_is_one_line_with_its_name(tmp_path, name):
    content, message = REFUSED[name]
    file = tmp_path / "a.png"
    file.write_bytes(content)
    with pytest.raises(DataError, match=f"^{file} .*({message})") as caught:
        decode(file)
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL.*")
def test_2000_changed_pictures_are_pixels_or_one_line(tmp_path):
    """Bytes of pictures of every format, changed, cut, doubled at random."""
    draw = np.random.default_rng(1)
    whole = []
    for form, options in (("PNG", {}), ("JPEG", {}), ("WEBP", {}), ("TIFF", {}), ("BMP", {})):
        Image.fromarray(COLOURS).save(tmp_path / "whole", form, **options)
        whole.append((tmp_path / "whole").read_bytes())
    Image.fromarray(COLOURS).quantize(16).save(tmp_path / "whole", "PNG")
    whole.append((tmp_path / "whole").read_bytes())
    refused = 0
    for number in range(2000):
        content = bytearray(whole[number % len(whole)])
        for _ in range(int(draw.integers(1, 6))):
            at, kind = int(draw.integers(0, len(content))), draw.integers(0, 3)
            if kind == 0:
                content[at] = int(draw.integers(0, 256))
            elif kind == 1 and number % 7 == 0:
                del content[at:]
                content += b"\0"
            else:
                content[at:at] = content[at : at + 4]
        try:
            assert decode(tmp_path / "a.png", bytes(content)).dtype == np.uint8
        except DataError as error:
            refused += 1
            assert str(error).startswith(f"{tmp_path / 'a.png'} ") and "\n" not in str(error)
    assert refused > 500


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF", "BMP"])
def test_every_lossless_format_has_the_same_pixels_whatever_the_name(tmp_path, form):
    options = {"lossless": True} if form == "WEBP" else {}
    Image.fromarray(COLOURS).save(tmp_path / "a.jpg", form, **options)
    np.testing.assert_array_equal(decode(tmp_path / "a.jpg"), COLOURS)


def test_a_photograph_stored_lying_is_turned(tmp_path):
    lying = np.zeros((32, 64, 3), np.uint8)
    lying[:, :8] = 255  # the sky: at the top for every viewer
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(lying).save(tmp_path / "a.jpg", exif=exif, quality=95)
    pixels = decode(tmp_path / "a.jpg")
    assert pixels.shape == (64, 32, 3) and pixels[:7].min() > 240 and pixels[10:].max() < 20


def test_palettes_are_colours_unless_they_are_transparent(tmp_path):
    palette = Image.fromarray(COLOURS).quantize(16)
    palette.save(tmp_path / "a.png")
    np.testing.assert_array_equal(decode(tmp_path / "a.png"), np.asarray(palette.convert("RGB")))
    palette.save(tmp_path / "b.png", transparency=3)
    with pytest.raises(DataError, match="b.png holds transparent pixels"):
        decode(tmp_path / "b.png")


def test_an_animation_is_refused(tmp_path):
    frames = [Image.fromarray(COLOURS), Image.fromarray(255 - COLOURS)]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:])
    with pytest.raises(DataError, match="a.webp holds 2 pictures: expected one"):
        decode(tmp_path / "a.webp")


@pytest.fixture
def folder(tmp_path):
    """Pictures of two classes in `train`, with what people and systems leave beside them."""
    for place in ("train/cat", "train/dog"):
        path = tmp_path / "pictures" / place
        path.mkdir(parents=True)
        for number, suffix in enumerate((".png", ".WEBP", ".tif", ".tiff", ".jpeg", ".bmp")):
            Image.fromarray(COLOURS + np.uint8(number)).save(path / f"{number}{suffix}")
        for name in ("labels.csv", "desktop.ini", "Thumbs.db", ".DS_Store"):
            (path / name).write_text("x")
        (path.parent / "__MACOSX").mkdir(exist_ok=True)
        (path.parent / "__MACOSX" / "._0.png").write_text("x")
        (path.parents[1] / "labels.csv").write_text("x")
    return tmp_path / "pictures"


def test_what_lies_beside_pictures_is_left_out_of_training_and_of_scores_alike(folder):
    trained = data.load(f"folder:{folder}", "train", None)
    scored = data.ImageFolder(folder, None, "train")
    assert trained.count == scored.count == 12 and trained.class_names == ("cat", "dog")
    np.testing.assert_array_equal(trained.images, scored.read())


def test_a_pipe_among_pictures_is_named_and_nobody_waits(folder):
    os.mkfifo(folder / "train" / "cat" / "a.png")
    with pytest.raises(DataError, match="cat/a.png is not a file that can be read as a picture"):
        data.ImageFolder(folder, None, "train").read()
    with pytest.raises(DataError, match="cat/a.png is not a picture"):
        data.load(f"folder:{folder}", "train", None)


@pytest.fixture
def as_nobody():
    """A user who may read only what everybody may; the superuser may read everything."""
    superuser = os.geteuid() == 0
    if superuser:
        os.seteuid(65534)
    yield
    if superuser:
        os.seteuid(0)


def test_what_may_not_be_read_is_named(folder, request):
    with tempfile.TemporaryDirectory() as open_to_all:
        pathlib.Path(open_to_all).chmod(0o755)
        copy = pathlib.Path(shutil.copytree(folder, f"{open_to_all}/pictures"))
        closed = copy / "train" / "dog"
        closed.chmod(0)
        try:
            request.getfixturevalue("as_nobody")
            with pytest.raises(DataError, match="train/dog cannot be read: Permission denied"):
                data.ImageFolder(copy, None, "train")
            with pytest.raises(DataError, match="train/dog cannot be read: Permission denied"):
                data.load(f"folder:{copy}", "train", None)
        finally:
            if os.getuid() == 0:
                os.seteuid(0)
            closed.chmod(0o755)
