r"""Translates a folder of pictures with a generator that a run exported.

    python scripts/sample.py --model=runs/stripes/replicate_0/round_05/saved_model_a2b \
        --images=photographs --output=translated

This file needs TensorFlow, Pillow and absl, not the package that it comes with: copy it to where
the generator is used. Pictures may have any height and width that are multiples of 4, and need not
be of one size; they are 8-bit grey or RGB, as those that the generator was trained on. Each becomes
`<output>/<name>.png`. All of them are checked before the first one is translated, and nothing is
overwritten.
"""

import os
import pathlib
import sys
from typing import NoReturn

import numpy as np
from absl import app, flags
from PIL import Image, UnidentifiedImageError

FLAGS = {
    "model": "SavedModel of a generator that translates; required",
    "images": "folder of pictures to translate; required",
    "output": "folder to write the translations to; required",
}
HELP_FLAGS = {"--help", "-help", "-h", "--helpshort", "-?", "--helpfull"}
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
CHANNELS = {"L": 1, "RGB": 3}
MULTIPLE = 4


class SampleError(Exception):
    """Something is not as it should be; the message says what."""


def find_pictures(folder: pathlib.Path) -> list[pathlib.Path]:
    """The pictures in a folder, by name; hidden files are left out."""
    if not folder.is_dir():
        raise SampleError(f"there is no folder {folder}")
    files = sorted(
        file for file in folder.iterdir() if file.is_file() and not file.name.startswith(".")
    )
    for file in files:
        if file.suffix.lower() not in SUFFIXES:
            raise SampleError(
                f"{file} is not a picture: expected {', '.join(SUFFIXES)} and nothing else in"
                f" {folder}"
            )
    if not files:
        raise SampleError(f"{folder} has no pictures ({', '.join(SUFFIXES)})")
    return files


def check_picture(file: pathlib.Path, channels: int) -> None:
    """Raises `SampleError` for a picture that the generator does not take. Reads its head only."""
    try:
        with Image.open(file) as picture:
            (width, height), mode = picture.size, picture.mode
    except (OSError, UnidentifiedImageError) as error:
        raise SampleError(f"{file} is broken: {error}") from None
    if CHANNELS.get(mode) != channels:
        expected = next(name for name, count in CHANNELS.items() if count == channels)
        raise SampleError(
            f"{file} holds {mode} pixels: the generator takes 8-bit {expected} without transparency"
        )
    if width % MULTIPLE or height % MULTIPLE:
        raise SampleError(
            f"{file} is {width}x{height}: width and height must be multiples of {MULTIPLE}; crop or"
            " resize it"
        )


def plan(files: list[pathlib.Path], output: pathlib.Path) -> dict[pathlib.Path, pathlib.Path]:
    """{picture: where its translation goes}."""
    targets: dict[pathlib.Path, pathlib.Path] = {}
    for file in files:
        target = output / f"{file.stem}.png"
        if target in targets:
            raise SampleError(
                f"{file} and {targets[target]} would both become {target}: rename one of them"
            )
        if target.exists():
            raise SampleError(f"{target} exists and is not overwritten: give another --output")
        targets[target] = file
    return {file: target for target, file in targets.items()}


def load_generator(path: pathlib.Path):
    """A SavedModel that maps images to images, and the number of channels that it takes."""
    import tensorflow as tf

    if not path.is_dir():
        raise SampleError(f"there is no SavedModel at {path}")
    try:
        loaded = tf.saved_model.load(str(path))
        function = loaded.signatures["serving_default"]
    except (OSError, KeyError, ValueError, tf.errors.OpError):
        raise SampleError(f"{path} is not a SavedModel that a run exported") from None
    inputs = tf.nest.flatten(function.structured_input_signature)
    if (
        len(inputs) != 1
        or inputs[0].shape.rank != 4
        or inputs[0].shape[-1] not in CHANNELS.values()
    ):
        raise SampleError(
            f"{path} does not translate pictures: it takes"
            f" {', '.join(str(spec.shape) for spec in inputs)}"
        )
    return loaded, inputs[0].shape[-1]


def translate(generator, file: pathlib.Path) -> Image.Image:
    """A picture as the generator translates it."""
    try:
        with Image.open(file) as picture:
            pixels = np.asarray(picture, np.float32)
    except OSError as error:
        raise SampleError(f"{file} is broken: {error}") from None
    image = pixels.reshape(1, *pixels.shape[:2], -1) / 127.5 - 1.0
    translated = np.clip(generator(image).numpy()[0], -1.0, 1.0)
    return Image.fromarray(np.uint8(np.round((translated + 1.0) * 127.5)).squeeze())


def define(values: flags.FlagValues) -> None:
    """Defines the flags of this command."""
    for name, text in FLAGS.items():
        flags.DEFINE_string(name, None, text, flag_values=values, module_name="Pictures")
    flags.mark_flags_as_required(list(FLAGS), flag_values=values)


def main(values: flags.FlagValues) -> None:
    """Does what the flags say; exits with 2 if it cannot."""
    try:
        files = find_pictures(pathlib.Path(values.images).expanduser())
        output = pathlib.Path(values.output).expanduser()
        targets = plan(files, output)
        generator, channels = load_generator(pathlib.Path(values.model).expanduser())
        for file in files:
            check_picture(file, channels)
        output.mkdir(parents=True, exist_ok=True)
        for file, target in targets.items():
            translate(generator, file).save(target)
    except (SampleError, OSError) as error:
        _fail(error)
    print(f"{len(files)} translated to {output}")


def _parse(argv: list[str]) -> list[str]:
    if HELP_FLAGS & set(argv):
        print(__doc__)
        for name, text in FLAGS.items():
            print(f"  --{name}\n      {text}")
        sys.exit(0)
    try:
        rest = flags.FLAGS(argv)
    except (flags.Error, ValueError) as error:
        _fail(error)
    if rest[1:]:
        _fail(f"unexpected argument '{rest[1]}': options are written --name=value")
    return rest


def _fail(error: Exception | str) -> NoReturn:
    print("error:", " ".join(str(error).split()), file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    define(flags.FLAGS)
    app.run(lambda argv: main(flags.FLAGS), flags_parser=_parse)
