"""Files of pictures to pixels: 8-bit grey or RGB; other files are refused by their names."""

import io
import pathlib

import numpy as np
from PIL import Image, UnidentifiedImageError

from tf_gan_lth.experiment.errors import DataError

CHANNELS = {"L": 1, "RGB": 3}
CONVERTED = {"1": "L", "P": "RGB"}  # bilevel and palette pictures hold the same colours another way


def decode(file: pathlib.Path, contents: bytes | None = None) -> np.ndarray:
    """The pixels of a picture.

    Args:
      file: the picture.
      contents: of the file, if they were read already.

    Returns:
      `(H, W, C)` uint8, C is 1 or 3.

    Raises:
      DataError: the file is broken, or holds transparency, more than 8 bits or another colour
        space.
    """
    try:
        with Image.open(file if contents is None else io.BytesIO(contents)) as picture:
            mode = CONVERTED.get(picture.mode, picture.mode)
            if mode not in CHANNELS:
                raise DataError(
                    f"{file} holds {picture.mode} pixels: expected 8-bit grey (L) or RGB without"
                    " transparency"
                )
            pixels = np.asarray(picture.convert(mode) if mode != picture.mode else picture)
    except UnidentifiedImageError:  # its message names the file, or the contents' place in memory
        raise DataError(f"{file} is broken: no picture can be found in it") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{file} is broken: {error}") from None
    return pixels.reshape(*pixels.shape[:2], CHANNELS[mode])


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
