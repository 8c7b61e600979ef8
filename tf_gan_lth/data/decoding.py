"""Files of pictures to pixels: 8-bit grey or RGB; other files are refused by their names.

What a file is, its content says, not its name: PNG, JPEG, WebP, TIFF or BMP. Pillow knows more
formats, some of which start other programs, and these are left to nobody's pictures. A photograph
stored lying is turned as its EXIF data ask, as every viewer does.
"""

import io
import pathlib
import re
import stat
import warnings

import numpy as np
from PIL import Image, UnidentifiedImageError

from tf_gan_lth.experiment.errors import DataError

CHANNELS = {"L": 1, "RGB": 3}
FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP")
CONVERTED = {"1": "L", "P": "RGB"}  # bilevel and palette pictures hold the same colours another way
MAX_BYTES = 2**29  # of a file: twice what Pillow's largest picture takes without any compression
# EXIF's orientations, as what turns the picture upright.
ORIENTATION = 0x0112
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def decode(file: pathlib.Path, contents: bytes | None = None) -> np.ndarray:
    """The pixels of a picture.

    Args:
      file: the picture.
      contents: of the file, if they were read already.

    Returns:
      `(H, W, C)` uint8, C is 1 or 3.

    Raises:
      DataError: the file is broken or cannot be read, or holds transparency, more than 8 bits,
        another colour space, several pictures or more than Pillow's limit of 89 million pixels.
    """
    if contents is None:
        contents = read_file(file)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is odd in a file, and yet can be read
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return _pixels(file, contents)
    except DataError:
        raise
    except UnidentifiedImageError:  # its message names the contents' place in memory
        raise DataError(f"{file} is broken: no picture can be found in it") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DataError(
            f"{file} declares more than {Image.MAX_IMAGE_PIXELS:,} pixels: a decompression bomb, or"
            " too large; make it smaller"
        ) from None
    except MemoryError:
        raise DataError(f"there is not enough memory to decode {file}: make it smaller") from None
    except Exception as error:  # of broken files Pillow raises whatever its decoders run into
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{file} is broken: {reason}") from None


def read_file(file: pathlib.Path) -> bytes:
    """The contents of a file that may be a picture. Raises `DataError` as `check_regular`."""
    check_regular(file)
    try:
        return file.read_bytes()
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror or error}") from None


def check_regular(file: pathlib.Path) -> None:
    """Asks what a file is, without opening it: to open a pipe may take for ever.

    Raises:
      DataError: it is no regular file, cannot be reached, or is larger than a picture can be.
    """
    try:
        about = file.stat()
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror or error}") from None
    if not stat.S_ISREG(about.st_mode):
        raise DataError(f"{file} is not a file that can be read as a picture")
    if about.st_size > MAX_BYTES:
        raise DataError(
            f"{file} has {about.st_size:,} bytes: no picture takes more than {MAX_BYTES:,}"
        )


def _pixels(file: pathlib.Path, contents: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(contents), formats=FORMATS) as picture:
        _check(file, picture)
        if picture.mode == "P" and not picture.palette:
            raise DataError(f"{file} is broken: there is no palette before its pixels")
        picture.load()
        _check(file, picture)  # again, as a file may say what is transparent after its pixels
        turn = UPRIGHT.get(picture.getexif().get(ORIENTATION))
        upright = picture if turn is None else picture.transpose(turn)
        mode = CONVERTED.get(upright.mode, upright.mode)
        pixels = np.asarray(upright.convert(mode) if mode != upright.mode else upright)
    return pixels.reshape(*pixels.shape[:2], CHANNELS[mode])


def _check(file: pathlib.Path, picture: Image.Image) -> None:
    """Raises `DataError` for what Pillow would drop without a word."""
    expected = "expected 8-bit grey (L) or RGB without transparency"
    if CONVERTED.get(picture.mode, picture.mode) not in CHANNELS:
        raise DataError(f"{file} holds {picture.mode} pixels: {expected}")
    if "transparency" in picture.info:
        raise DataError(f"{file} holds transparent pixels: {expected}")
    layouts = [str(part) for tile in picture.tile for part in tile]
    if any(re.search(";16", layout) for layout in layouts):
        raise DataError(f"{file} holds 16-bit pixels: {expected}")
    if picture.format == "TIFF" and any("RGBX" in layout for layout in layouts):
        raise DataError(f"{file} holds a fourth channel: {expected}")
    # A JPEG may carry its preview as a second picture.
    if picture.format in ("PNG", "WEBP", "TIFF") and getattr(picture, "n_frames", 1) > 1:
        raise DataError(f"{file} holds {picture.n_frames} pictures: expected one")


def in_colour(pixels: np.ndarray) -> np.ndarray:
    """A picture `(H, W, C)` as RGB, which of a grey one are three equal channels."""
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels


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
