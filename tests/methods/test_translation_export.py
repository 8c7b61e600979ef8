"""Generators that translate, exported: a SavedModel each, and folders translated with them."""

import dataclasses
import pathlib
import subprocess
import sys

import numpy as np
import onnx
import pytest
import tensorflow as tf
from helpers import run_lottery
from PIL import Image

from tf_gan_lth import export, findings, gans
from tf_gan_lth.export import tickets

SAMPLE = pathlib.Path(__file__).parents[2] / "scripts" / "sample.py"
pytestmark = pytest.mark.filterwarnings("ignore:12 .* images for 64 features")


@pytest.fixture(scope="module")
def translated(translation_options, tmp_path_factory):
    options = {**translation_options, "rounds": 1, "branches": ()}
    return run_lottery(options, tmp_path_factory.mktemp("runs") / "translated")


@pytest.fixture(scope="module")
def saved_models(translated):
    verdicts = findings.judge_run(translated.run)[1]
    chosen = {name: dataclasses.replace(verdict, best=1) for name, verdict in verdicts.items()}
    return export.export_tickets(translated.run, chosen)


def test_both_generators_are_exported_and_translate_any_size(translated, saved_models):
    assert [path.name for path in saved_models] == ["saved_model_a2b", "saved_model_b2a"]
    snapshot = translated.replicate.round(1).weights.get()["generator_b2a"]
    any_size = gans.ImageShape(None, channels=1)
    gan = gans.build(gans.find("cyclegan"), translated.bench.config, any_size, seed=0)
    network = gan.networks["generator_b2a"]
    gans.load_snapshot(network, snapshot)
    images = tf.random.stateless_uniform([2, 40, 28, 1], [1, 2], -1, 1)
    loaded = tf.saved_model.load(str(saved_models[1]))
    np.testing.assert_allclose(loaded(images), network(images), atol=1e-6)


def sample(*arguments):
    command = [sys.executable, "-P", str(SAMPLE), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd="/")


def write_noise(path, seed, height, width):
    pixels = np.random.default_rng(seed).integers(0, 256, [height, width], dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def test_a_folder_is_translated_without_this_package(saved_models, tmp_path):
    (tmp_path / "in").mkdir()
    write_noise(tmp_path / "in" / "one.png", 1, 32, 20)
    write_noise(tmp_path / "in" / "two.bmp", 2, 8, 8)
    arguments = [
        f"--model={saved_models[0]}",
        f"--images={tmp_path / 'in'}",
        f"--output={tmp_path / 'out'}",
    ]
    result = sample(*arguments)
    assert result.returncode == 0, result.stderr
    assert "tf_gan_lth" not in SAMPLE.read_text().replace("runs/", "")
    with Image.open(tmp_path / "out" / "one.png") as picture:
        assert picture.size == (20, 32) and picture.mode == "L"
        pixels = np.asarray(picture, np.float32)
    with Image.open(tmp_path / "in" / "one.png") as picture:
        image = np.asarray(picture, np.float32)[None, ..., None] / 127.5 - 1
    expected = (tf.saved_model.load(str(saved_models[0]))(image).numpy()[0, ..., 0] + 1) * 127.5
    assert np.abs(pixels - expected).max() <= 0.51
    again = sample(*arguments)
    assert again.returncode == 2 and "one.png exists and is not overwritten" in again.stderr


def test_pictures_that_do_not_fit_are_refused_by_name_before_any_is_translated(
    saved_models, tmp_path
):
    (tmp_path / "in").mkdir()
    arguments = [
        f"--model={saved_models[0]}",
        f"--images={tmp_path / 'in'}",
        f"--output={tmp_path / 'out'}",
    ]
    Image.new("L", (8, 8)).save(tmp_path / "in" / "a.png")
    Image.new("L", (10, 8)).save(tmp_path / "in" / "b.png")
    result = sample(*arguments, "--nopad")
    assert result.returncode == 1
    assert "b.png is 10x8: width and height must be multiples of 4" in result.stderr
    named = [line[:7] for line in result.stderr.splitlines() if "b.png" in line]
    assert named == ["error: "]
    assert not (tmp_path / "out").exists()
    Image.new("RGBA", (8, 8)).save(tmp_path / "in" / "b.png")
    assert "b.png holds RGBA pixels" in sample(*arguments).stderr


def test_every_format_translates_pictures_of_any_size_alike(translated, tmp_path):
    found = tickets.find(f"{translated.run.path}/replicate_0/round_01", "b2a")
    formats = ["saved_model", "tflite", "tflite_float16", "tflite_int8", "onnx"]
    card = export.export(found, formats, tmp_path / "b2a", ["scores"])
    # Scored as the run itself was, on its test pictures.
    scores = translated.replicate.round(1).scores.get()["generator_b2a"]
    for name in ("saved_model", "tflite", "onnx"):
        assert card["formats"][name]["scores"]["fid"] == pytest.approx(scores["fid"], rel=1e-3)
    (tmp_path / "in").mkdir()
    drawn = np.random.default_rng(0)
    for number, (height, width) in enumerate([(16, 16), (22, 13)]):
        pixels = drawn.integers(0, 256, [height, width], np.uint8)
        Image.fromarray(pixels).save(tmp_path / "in" / f"{number}.png")
    made = {}
    for file in ("saved_model", "generator.tflite", "generator.onnx"):
        done = sample(
            f"--model={tmp_path / 'b2a' / file}",
            f"--images={tmp_path / 'in'}",
            f"--output={tmp_path / file}",
        )
        assert done.returncode == 0, done.stderr
        made[file] = [
            np.asarray(Image.open(tmp_path / file / f"{number}.png")).astype(int)
            for number in range(2)
        ]
    assert [image.shape for image in made["saved_model"]] == [(16, 16), (22, 13)]
    for images in made.values():
        for image, expected in zip(images, made["saved_model"], strict=True):
            assert np.abs(image - expected).max() <= 1
    check_last_reshape(tmp_path / "b2a" / "generator.onnx")


def check_last_reshape(path):
    """Raises if a grey picture's last shape is not computed from its own.

    Where tf2onnx writes it as a constant, it needs a Squeeze, which is lost in some conversions.
    """
    graph = onnx.load(str(path)).graph
    assert graph.node[-1].op_type == "Reshape"
    assert graph.node[-1].input[1] not in [tensor.name for tensor in graph.initializer]
