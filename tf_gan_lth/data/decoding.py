"""Files of pictures to pixels: 8-bit grey or RGB; other files are refused by their names.

What a file is, its content says, not its name: PNG, JPEG, WebP, TIFF or BMP. Pillow knows more
formats, some of which start other programs, and these are left to nobody's pictures. A photograph
stored lying is turned as its EXIF data ask, as every viewer does.
"""

import io
import pathlib
import re

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from tf_gan_lth.experiment.errors import DataError

CHANNELS = {"L": 1, "RGB": 3}
FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP")
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
# What systems and people put beside pictures, by lower-case names and suffixes.
BESIDE = {"__macosx", "desktop.ini", "thumbs.db"}
BESIDE_SUFFIXES = {".csv", ".json", ".xml"}
CONVERTED = {"1": "L", "P": "RGB"}  # bilevel and palette pictures hold the same colours another way


def decode(file: pathlib.Path, contents: bytes | None = None) -> np.ndarray:
    """The pixels of a picture.

    Args:
      file: the picture.
      contents: of the file, if they were read already.

    Returns:
      `(H, W, C)` uint8, C is 1 or 3.

    Raises:
      DataError: the file is broken or cannot be read, or holds transparency, more than 8 bits,
        another colour space or several pictures.
    """
    if contents is None:
        contents = _contents(file)
    try:
        with Image.open(io.BytesIO(contents), formats=FORMATS) as picture:
            _check(file, picture)
            mode = CONVERTED.get(picture.mode, picture.mode)
            turned = ImageOps.exif_transpose(picture)
            pixels = np.asarray(turned.convert(mode) if mode != turned.mode else turned)
    except DataError:
        raise
    except UnidentifiedImageError:  # its message names the contents' place in memory
        raise DataError(f"{file} is broken: no picture can be found in it") from None
    except Exception as error:  # of broken files Pillow raises whatever its decoders run into
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{file} is broken: {reason}") from None
    return pixels.reshape(*pixels.shape[:2], CHANNELS[mode])


def _contents(file: pathlib.Path) -> bytes:
    try:
        if not file.is_file():  # reading a pipe would wait for ever
            raise DataError(f"{file} is not a file that can be read as a picture")
        return file.read_bytes()
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror or error}") from None


def _check(file: pathlib.Path, picture: Image.Image) -> None:
    """Raises `DataError` for what Pillow would drop without a word."""
    expected = "expected 8-bit grey (L) or RGB without transparency"
    if CONVERTED.get(picture.mode, picture.mode) not in CHANNELS:
        raise DataError(f"{file} holds {picture.mode} pixels: {expected}")
    if "transparency" in picture.info:
        raise DataError(f"{file} holds transparent pixels: {expected}")
    if any(re.search(";16", str(part)) for tile in picture.tile for part in tile):
        raise DataError(f"{file} holds 16-bit pixels: {expected}")
    # A JPEG may carry its preview as a second picture.
    if picture.format in ("PNG", "WEBP", "TIFF") and getattr(picture, "n_frames", 1) > 1:
        raise DataError(f"{file} holds {picture.n_frames} pictures: expected one")


def is_beside(name: str) -> bool:
    """Whether something in a folder of pictures is none, and nobody expects it to be one.

    One rule for what is trained on and what is scored: hidden files, what systems leave behind, and
    tables of labels.
    """
    suffix = pathlib.PurePath(name).suffix.lower()
    return name.startswith(".") or name.lower() in BESIDE or suffix in BESIDE_SUFFIXES


def is_picture(name: str) -> bool:
    """Whether a file is called as pictures are."""
    return pathlib.PurePath(name).suffix.lower() in SUFFIXES


def check_shape(
    file: pathlib.Path,
    shape: tuple[int, int, int],
    first: pathlib.Path,
    expected: tuple[int, int, int],
) -> None:
    """Raises `DataError` for another shape `(H, W, C)` than the first picture of a folder has."""
    if shape == expected:
        return
    resizable = shape[:2] != expected[:2] and shape[2] == expected[2]
    advice = "; --resolution resizes them" if resizable else ""
    raise DataError(
        f"{file} is {_size(shape)} and {first.name} is {_size(expected)}: expected one"
        f" shape{advice}"
    )


def _size(shape: tuple[int, int, int]) -> str:
    height, width, channels = shape
    return f"{height}x{width} with {channels} channel{'s' if channels > 1 else ''}"
