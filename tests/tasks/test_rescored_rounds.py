"""A round is compared with the real images that its run compares with, and says what drew it."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from helpers import run_lottery
from PIL import Image

from tf_gan_lth.evaluation import SCORES
from tf_gan_lth.tasks.rescoring import Request, evaluate


@pytest.fixture(scope="module")
def options(tiny_options, tmp_path_factory):
    """Of a dense GAN of 8x8 from wide pictures, whose reference is their middle, 16x16."""
    place = tmp_path_factory.mktemp("wide")
    draw = np.random.default_rng(0)
    for number in range(40):
        picture = Image.fromarray(draw.integers(0, 256, (20, 30), np.uint8))
        path = place / "pictures" / ("train" if number % 2 else "test") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path)

    def outputs(images):
        quarters = tf.reshape(tf.nn.avg_pool2d(images, 5, 5, "VALID"), [-1, 4])
        return {"pool_3": quarters, "logits": quarters}

    module = tf.Module()
    module.f = tf.function(outputs, input_signature=[tf.TensorSpec([None, 10, 10, 1], tf.float32)])
    tf.saved_model.save(module, str(place / "network"), signatures=module.f)
    return {
        **tiny_options,
        "dataset": f"folder:{place / 'pictures'}",
        "crop": "center",
        "reference_resolution": 16,
        "feature_network": str(place / "network"),
        "rounds": 0,
        "branches": (),
        "branch_rounds": (),
    }


@pytest.fixture(scope="module")
def dense(options, tmp_path_factory):
    return run_lottery(options, tmp_path_factory.mktemp("runs") / "dense").replicate.round(0)


def only_scores(record):
    return {name: record[name] for name in SCORES}


def test_a_runs_own_pictures_are_taken_as_the_run_takes_them(options, dense, monkeypatch):
    """Cropped, and of the size that its scores compare with; however the folder is called."""
    expected = dense.scores.get()["generator"]
    request = Request(f"round:{dense.path}", options["dataset"])
    [record] = evaluate(request)["scores"]
    assert only_scores(record) == only_scores(expected)
    assert record["protocol"] == expected["protocol"]
    place, _, name = options["dataset"].removeprefix("folder:").rpartition("/")
    monkeypatch.chdir(place)
    again = evaluate(dataclasses.replace(request, reference=f"folder:{name}"))["scores"][0]
    assert again["protocol"] == expected["protocol"]


def test_a_network_of_any_size_sees_real_images_of_the_size_of_generated_ones(options, dense):
    request = Request(f"round:{dense.path}", options["dataset"], feature_network="digits")
    with pytest.warns(match="20 reference images for 64 features"):
        details = evaluate(request)["scores"][0]["protocol_details"]
    assert details["reference_images"] == 20


def test_a_named_protocol_keeps_the_crop_of_the_run(options, dense):
    network = options["feature_network"]
    request = Request(f"round:{dense.path}", options["dataset"], "digits", network, num_images=100)
    [record] = evaluate(request)["scores"]
    assert record["protocol"] == dense.scores.get()["generator"]["protocol"]
    assert "+crop=center" in record["protocol"]
    [squashed] = evaluate(dataclasses.replace(request, crop="none"))["scores"]
    assert "crop" not in squashed["protocol"] and squashed["fid"] != record["fid"]


def test_a_generator_without_averages_is_not_said_to_be_averaged(finished):
    """The protocol asks for averages; what an import or a GAN of one's own lacks cannot be."""
    weights, task = finished.replicate.round(1).weights.get(), finished.bench.task
    live = {name: arrays for name, arrays in weights.items() if name != "generator_ema"}
    records = [task.score(each, 0)["generator"] for each in (weights, live)]
    assert [record["protocol_details"]["ema"] for record in records] == [True, False]
    assert records[0]["fid"] != records[1]["fid"]
