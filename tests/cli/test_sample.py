"""sample.py: every picture is read before the first is translated, and each fault is one line."""

import io
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
import tensorflow as tf
from absl import flags
from PIL import Image

from tf_gan_lth.evaluation import saved_models
from tf_gan_lth.experiment.artifacts import Record
from tf_gan_lth.experiment.version import VERSION
from tf_gan_lth.standalone import sample

SCRIPT = pathlib.Path(__file__).parents[2] / "scripts" / "sample.py"


class Negative(tf.Module):
    """A generator that returns the negative; NaN for a black first pixel."""

    def __init__(self, channels):
        super().__init__()
        self.sign = tf.Variable(-1.0)
        spec = tf.TensorSpec([None, None, None, channels], name="images")
        self.__call__ = tf.function(self.negative, input_signature=[spec])

    def negative(self, images):
        tf.debugging.assert_equal(tf.shape(images)[1:3] % 4, 0)
        return images * self.sign + tf.where(images[:, :1, :1] == -1.0, np.nan, 0.0)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    for channels in (1, 3):
        module = Negative(channels)
        path = folder / f"saved_model_{channels}"
        tf.saved_model.save(module, str(path), signatures=module.__call__)
        saved_models.describe(path, {})
    return folder


class Shade(tf.Module):
    """A generator of grey 4x4 pictures, each as bright as its label says."""

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, 2], name="latents"),
            tf.TensorSpec([None], tf.int32, name="labels"),
        ]
    )
    def __call__(self, latents, labels):
        shade = tf.cast(labels, tf.float32)[:, None, None, None] / 127.5 - 1.0
        return shade + 0.0 * latents[:, :1, None, None] + tf.zeros([1, 4, 4, 1])


class Noise(tf.Module):
    """Draws the first of two latents as one shade."""

    @tf.function(input_signature=[tf.TensorSpec([None, 2], name="latents")])
    def __call__(self, latents):
        return tf.tanh(latents[:, :1, None, None]) + tf.zeros([1, 4, 4, 1])


@pytest.fixture
def colours():
    return np.random.default_rng(0).integers(1, 256, [8, 12, 3], dtype=np.uint8)


@pytest.fixture
def translate(models, tmp_path, capsys):
    """A function that runs the command here: (exit code, standard error)."""
    (tmp_path / "in").mkdir()

    def run(*more, channels=3):
        values = flags.FlagValues()
        sample.define(values)
        command = {
            "model": models / f"saved_model_{channels}",
            "images": tmp_path / "in",
            "output": tmp_path / "out",
        }
        values(["sample", *(f"--{name}={value}" for name, value in command.items()), *more])
        try:
            sample.main(values)
        except SystemExit as stopped:
            return stopped.code, told(capsys.readouterr().err)
        return 0, told(capsys.readouterr().err)

    def told(text):
        """What comes after the line that says that the command was understood."""
        return text.rpartition(" ...\n")[2]

    return run


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(rows, width, depth, colour, extra=b"", height=None):
    header = struct.pack(">IIBBBBB", width, height or len(rows), depth, colour, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    chunks = chunk(b"IHDR", header) + extra + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def saved(image, form, **options):
    content = io.BytesIO()
    image.save(content, form, **options)
    return content.getvalue()


def test_alone_it_needs_no_package_and_helps(models, colours, tmp_path):
    shutil.copy(SCRIPT, tmp_path / "alone.py")
    (tmp_path / "in").mkdir()
    Image.fromarray(colours).save(tmp_path / "in" / "a.png")
    command = [sys.executable, "-P", tmp_path / "alone.py"]
    helped = subprocess.run([*command, "--help"], capture_output=True, text=True, cwd="/")
    assert helped.returncode == 0 and "--nopad" in helped.stdout and not helped.stderr
    arguments = [f"--model={models}/saved_model_3", f"--images={tmp_path}/in"]
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [*command, *arguments, f"--output={tmp_path}/out"],
        capture_output=True,
        text=True,
        cwd="/",
        env=environment,
    )
    told = f"sample: reading {tmp_path}/in and {models}/saved_model_3 ...\n"
    assert (done.returncode, done.stderr) == (0, told)
    with Image.open(tmp_path / "out" / "a.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), 255 - colours)


@pytest.mark.parametrize(
    ("facts", "more", "expected"),
    [
        ({"classes": 3}, [], [0, 1, 2, 0, 1]),
        ({"classes": 3}, ["--classes=2"], [0, 1, 0, 1, 0]),
        ({"classes": 3}, ["--label=2"], [2] * 5),
        ({"classes": 3}, ["--label=3"], "--label=3 is not in 0 to 2"),
        ({"classes": 3}, ["--label=-1"], "--label=-1 is not in 0 to 2"),
        ({"classes": 3}, ["--classes=9"], "knows 3: leave it out"),
        ({}, ["--classes=4"], [0, 1, 2, 3, 0]),
        ({}, [], "no card beside it tells how many classes there are: give --classes"),
        ({}, ["--classes=0"], "must be at least 1"),
    ],
)
def test_only_classes_that_the_generator_knows_are_drawn(tmp_path, capsys, facts, more, expected):
    model = Shade()
    tf.saved_model.save(model, str(tmp_path / "model"), signatures=model.__call__)
    saved_models.describe(tmp_path / "model", facts)
    values = flags.FlagValues()
    sample.define(values)
    command = [f"--model={tmp_path}/model", f"--output={tmp_path}/out", "--count=5"]
    values(["sample", *command, *more])
    if isinstance(expected, str):
        with pytest.raises(SystemExit):
            sample.main(values)
        assert expected in capsys.readouterr().err and not (tmp_path / "out").exists()
        return
    sample.main(values)
    for number, shade in enumerate(expected):
        with Image.open(tmp_path / "out" / f"{number:04}.png") as picture:
            assert np.unique(np.asarray(picture)).tolist() == [shade]


def test_the_card_beside_a_file_tells_its_classes(tmp_path):
    record = {
        "ticket": {"classes": 3},
        "formats": {"tflite": {"files": {"generator.tflite": {"sha256": "0"}}}},
    }
    Record(tmp_path / "card.json").put(record)
    assert sample.told_classes(tmp_path / "generator.tflite") == 3
    assert sample.told_classes(tmp_path / "another.tflite") is None


@pytest.mark.parametrize("option", ["count=3", "seed=1", "label=0", "classes=2"])
def test_options_of_drawing_are_refused_where_pictures_are_translated(translate, option):
    code, error = translate(f"--{option}")
    name = option.partition("=")[0]
    assert code == 2 and f"--{name} is for what draws pictures: leave it out" in error


def test_options_of_other_generators_are_refused_where_pictures_are_drawn(tmp_path, capsys):
    model = Noise()
    tf.saved_model.save(model, str(tmp_path / "model"), signatures=model.__call__)
    for option, line in {
        "nopad": "--nopad is for what translates pictures",
        "label=0": "takes no labels: leave out --label",
        "classes=2": "takes no labels: leave out --classes",
    }.items():
        values = flags.FlagValues()
        sample.define(values)
        values(["sample", f"--model={tmp_path}/model", f"--output={tmp_path}/out", f"--{option}"])
        with pytest.raises(SystemExit):
            sample.main(values)
        assert line in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_a_place_in_a_store_is_no_folder_on_a_disk(translate, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, error = translate("--output=gs://bucket/out")
    assert code == 2 and "gs://bucket/out is in an object store" in error
    assert not (tmp_path / "gs:").exists()


def test_sides_are_padded_and_cut_back_or_refused(translate, colours, tmp_path):
    Image.fromarray(colours[:7, :9]).save(tmp_path / "in" / "a.png")
    Image.fromarray(colours[:1, :2]).save(tmp_path / "in" / "b.png")
    assert translate("--nopad") == (
        1,
        f"error: {tmp_path}/in/a.png is 9x7: width and height must be multiples of 4; crop or"
        " resize it, or leave out --nopad\n",
    )
    assert not (tmp_path / "out").exists()
    assert translate() == (0, "")
    for name, expected in (("a", colours[:7, :9]), ("b", colours[:1, :2])):
        with Image.open(tmp_path / "out" / f"{name}.png") as picture:
            np.testing.assert_array_equal(np.asarray(picture), 255 - expected)


def test_pictures_are_taken_as_viewers_show_them(translate, colours, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned to the right
    Image.fromarray(colours).save(tmp_path / "in" / "turned.tif", exif=exif)
    palette = Image.fromarray(colours).quantize(16)
    palette.save(tmp_path / "in" / "palette.png")
    Image.fromarray(colours).save(tmp_path / "in" / "web.webp", lossless=True)
    (tmp_path / "in" / "desktop.ini").write_text("[ViewState]")
    assert translate() == (0, "")
    expected = {
        "turned": np.rot90(colours, -1),
        "palette": np.asarray(palette.convert("RGB")),
        "web": colours,
    }
    for name, pixels in expected.items():
        with Image.open(tmp_path / "out" / f"{name}.png") as picture:
            np.testing.assert_array_equal(np.asarray(picture), 255 - pixels)


def hostile(colours):
    image = Image.fromarray(colours)
    rows = [row.tobytes() for row in colours]
    palette = saved(image.quantize(16), "PNG")
    start = palette.index(b"PLTE") - 4
    size = 12 + struct.unpack(">I", palette[start : start + 4])[0]
    late = palette[:start] + palette[start + size : -12] + palette[start : start + size]
    text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"x" * 2_000_000))
    key = chunk(b"tRNS", struct.pack(">HHH", *map(int, colours[0, 0])))
    deep = [row.astype(">u2").tobytes() for row in colours]
    return {
        "16 bits": (png(deep, 12, 16, 2), "holds 16 bits per channel"),
        "palette with transparency": (
            saved(image.quantize(16), "PNG", transparency=3),
            "holds transparency",
        ),
        "colour key": (png(rows, 12, 8, 2, key), "holds transparency"),
        "alpha": (saved(image.convert("RGBA"), "PNG"), "holds RGBA pixels"),
        "cmyk": (saved(image.convert("CMYK"), "JPEG"), "holds CMYK pixels"),
        "late palette": (late + palette[-12:], "has no palette before its pixels"),
        "bomb": (png(rows[:1], 50_000, 8, 2, height=50_000), "is broken"),
        "text bomb": (png(rows, 12, 8, 2, text), "is broken"),
        "broken chunk": (png(rows, 12, 8, 2).replace(b"IDAT", b"\x9fV\x9ff"), "is broken"),
        "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n", "is none of PNG"),
        "ppm": (b"P6\n8 8 255\n" + bytes(192), "is none of PNG"),
        "gif": (saved(image.quantize(16), "GIF"), "is none of PNG"),
        "cut": (saved(image, "PNG")[:-60], "is broken"),
        "cut jpeg": (saved(image, "JPEG")[:-60], "is broken"),
        "empty": (b"", "is broken"),
        "animation": (saved(image, "PNG", save_all=True, append_images=[image.rotate(180)]), "2 p"),
    }


KINDS = list(hostile(np.arange(288, dtype=np.uint8).reshape(8, 12, 3)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_hostile_picture_is_one_line_with_its_name(translate, colours, tmp_path, kind):
    content, message = hostile(colours)[kind]
    Image.fromarray(colours).save(tmp_path / "in" / "a.png")
    (tmp_path / "in" / "b.png").write_bytes(content)
    code, error = translate()
    assert code == 1 and error.count("\n") == 1, error
    assert f"error: {tmp_path}/in/b.png" in error and message in error
    assert not (tmp_path / "out").exists()


def test_what_is_no_file_or_of_other_channels_is_named(translate, colours, tmp_path):
    Image.fromarray(colours).save(tmp_path / "in" / "a.png")
    code, error = translate(channels=1)
    assert code == 1 and "a.png has 3 channels and the generator takes 1" in error
    os.mkfifo(tmp_path / "in" / "b.png")
    code, error = translate()
    assert code == 1 and "b.png is no regular file" in error


def test_a_command_that_failed_can_be_repaired(translate, colours, tmp_path):
    Image.fromarray(colours).save(tmp_path / "in" / "a.png")
    dark = colours.copy()
    dark[0, 0] = 0
    Image.fromarray(dark).save(tmp_path / "in" / "b.png")
    code, error = translate()
    assert code == 1 and "b.png: the generator returns values that are not finite" in error
    assert not (tmp_path / "out").exists()
    Image.fromarray(colours).save(tmp_path / "in" / "b.png")
    (tmp_path / "out" / sample.PARTIAL).mkdir(parents=True)  # left by a kill
    assert translate() == (0, "")
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["a.png", "b.png"]
    code, error = translate()
    assert code == 2 and "a.png exists and is not overwritten" in error


def test_a_broken_or_dangerous_model_is_one_line(translate, models, colours, tmp_path):
    Image.fromarray(colours).save(tmp_path / "in" / "a.png")
    broken = shutil.copytree(models / "saved_model_3", tmp_path / "broken")
    data = broken / "variables" / "variables.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:-1])
    code, error = translate(f"--model={broken}")
    assert code == 1 and "variables.data-00000-of-00001 is missing, changed" in error
    shutil.rmtree(broken / "assets.extra")
    data.write_bytes(b"")
    code, error = translate(f"--model={broken}")
    assert code == 1 and error.count("\n") == 1 and f"{broken} is not a SavedModel" in error

    module = tf.Module()
    target = tmp_path / "target"

    def write(images):
        tf.io.write_file(str(target), "written")
        return images

    module.f = tf.function(write, input_signature=[tf.TensorSpec([None, None, None, 3])])
    tf.saved_model.save(module, str(tmp_path / "writes"), signatures=module.f)
    code, error = translate(f"--model={tmp_path}/writes")
    assert code == 1 and "operations WriteFile reach files" in error and not target.exists()
    assert translate(f"--model={tmp_path}/writes", "--trust_models") == (0, "")
    assert target.read_text() == "written"


def run_script(*arguments, folder):
    command = [sys.executable, str(SCRIPT), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_flag_files_are_read_as_those_of_other_commands(tmp_path, colours, encoding):
    (tmp_path / "in").mkdir()
    Image.fromarray(colours).save(tmp_path / "in" / "a.png")
    (tmp_path / "sub").mkdir()
    text = "# comment\n--images=in\n--model=nowhere\n"
    (tmp_path / "sub" / "a.flags").write_text(text, encoding=encoding)
    (tmp_path / "sub" / "b.flags").write_text("--flagfile=a.flags\n--output=out\n")
    found = run_script("--flagfile=sub/b.flags", folder=tmp_path)
    told = "sample: reading in and nowhere ...\n"
    assert (
        found.stderr == told + "error: there is no SavedModel, .tflite or .onnx file at nowhere\n"
    )
    assert found.returncode == 2


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"--pad\n# Caf\xe9\n", "a.flags, line 2, is not UTF-8 text"),
        (b"--flagfile=a.flags\n", "flag file a.flags reads itself"),
        (b"--flagfile=b.flags\n", "flag file b.flags is not there"),
    ],
)
def test_a_flag_file_that_cannot_be_read_is_named(tmp_path, content, line):
    (tmp_path / "a.flags").write_bytes(content)
    found = run_script("--flagfile=a.flags", folder=tmp_path)
    assert found.returncode == 2 and found.stderr.count("\n") == 1 and line in found.stderr


def test_it_tells_the_version_of_the_package(tmp_path):
    assert run_script("--version", folder=tmp_path).stdout == f"tf-gan-lth {VERSION}\n"


def test_help_of_which_only_the_head_is_read_is_no_error():
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, str(SCRIPT), "--help"]
    found = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(writer)
    assert (found.returncode, found.stderr) == (0, "")
