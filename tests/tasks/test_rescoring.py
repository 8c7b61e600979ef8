"""Any images under any protocol: rounds, exported generators and folders give the scores that they
should.
"""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tf_gan_lth import data, export, findings
from tf_gan_lth.evaluation import SCORES
from tf_gan_lth.experiment.errors import (
    ArtifactError,
    DataError,
    EvaluationError,
    ToolkitWarning,
    UsageError,
)
from tf_gan_lth.experiment.run_folder import RunFolder
from tf_gan_lth.tasks.image_sources import RoundImages, open_source
from tf_gan_lth.tasks.noise_to_image import sampling_seed
from tf_gan_lth.tasks.rescoring import Request, evaluate, table


@pytest.fixture(scope="module")
def round_2(finished):
    return f"{finished.run.path}/replicate_0/round_02"


@pytest.fixture(scope="module")
def saved_model(finished, tmp_path_factory):
    """The generator of round 2, exported from a copy of its run."""
    run = RunFolder(tmp_path_factory.mktemp("runs") / "exported")
    run.config.put(finished.run.config.get())
    folder = run.replicate(0).round(2)
    folder.masks.put(finished.replicate.round(2).masks.get())
    folder.weights.put(finished.replicate.round(2).weights.get())
    verdict = dataclasses.replace(findings.judge_run(finished.run)[1]["generator"], best=2)
    return str(export.export_tickets(run, {"generator": verdict})[0])


def only_scores(record):
    return {name: record[name] for name in SCORES}


@pytest.mark.parametrize("branch", ["", "/branches/random_mask"])
def test_a_round_gets_the_very_scores_that_its_run_gave_it(tiny_options, finished, round_2, branch):
    evaluation = evaluate(
        Request(f"round:{round_2}{branch}", "digits", data_dir=tiny_options["data_dir"])
    )
    folder = finished.replicate.round(2)
    folder = folder.branch("random_mask") if branch else folder
    expected = folder.scores.get()["generator"]
    [record] = evaluation["scores"]
    assert only_scores(record) == only_scores(expected)
    assert record["protocol"] == expected["protocol"]


def test_a_round_that_collapsed_is_scored_with_a_warning(tiny_options, finished, tmp_path):
    run = RunFolder(tmp_path / "run")
    run.config.put(finished.run.config.get())
    folder = run.replicate(0).round(2)
    folder.masks.put(finished.replicate.round(2).masks.get())
    weights = finished.replicate.round(2).weights.get()
    still = {path: np.zeros_like(array) for path, array in weights["generator_ema"].items()}
    folder.weights.put({**weights, "generator_ema": still})
    request = Request(f"round:{folder.path}", "digits", data_dir=tiny_options["data_dir"])
    with pytest.warns(ToolkitWarning, match="alike"):
        evaluation = evaluate(request)
    assert evaluation["mean"]["fid"] > 0


def test_a_protocol_can_ask_for_the_live_generator(tiny_options, finished, round_2):
    request = Request(
        f"round:{round_2}", "digits", "cyclegan", "digits", 100, data_dir=tiny_options["data_dir"]
    )
    details = evaluate(request)["scores"][0]["protocol_details"]
    assert (
        details["name"] == "cyclegan+feature_network=digits+num_images=100" and not details["ema"]
    )
    task = finished.bench.task
    live = task.evaluators["generator"].protocol.but(ema=False)
    weights = finished.replicate.round(2).weights.get()
    seed = sampling_seed(finished.bench.config, 0)
    for protocol, name in [(None, "generator_ema"), (live, "generator")]:
        source = RoundImages(round_2, protocol)
        drawn = next(task.sampler.batches(weights[name], 10, seed))
        assert np.array_equal(next(source.batches(10, 0)), drawn)


def test_the_pictures_of_a_generator_score_as_the_generator_does(
    tiny_options, saved_model, tmp_path
):
    request = Request(
        f"saved_model:{saved_model}",
        "digits",
        "digits",
        num_images=100,
        data_dir=tiny_options["data_dir"],
    )
    drawn = evaluate(request)["scores"][0]
    source = open_source(request.images, None, request.seed)
    order = np.argsort(
        data.pixels.mixed_order(100)
    )  # a folder is read in mixed order: undone, so that blocks are the same
    pictures = np.uint8(data.quantize(next(source.batches(100, 0))))[order]
    for number, picture in enumerate(pictures):
        Image.fromarray(picture[..., 0]).save(tmp_path / f"{number:03}.png")
    stored = evaluate(
        Request(f"folder:{tmp_path}", "digits", "digits", data_dir=tiny_options["data_dir"])
    )["scores"][0]
    assert only_scores(stored) == pytest.approx(only_scores(drawn), rel=1e-6)
    assert stored["protocol"] == drawn["protocol"]


def test_repeats_are_other_sample_sets_with_their_mean_and_deviation(tiny_options, saved_model):
    request = Request(
        f"saved_model:{saved_model}",
        "digits",
        "digits",
        num_images=100,
        repeats=3,
        data_dir=tiny_options["data_dir"],
    )
    evaluation = evaluate(request)
    fids = [record["fid"] for record in evaluation["scores"]]
    assert len(set(fids)) == 3
    assert evaluation["mean"]["fid"] == pytest.approx(np.mean(fids))
    assert evaluation["standard_deviation"]["fid"] == pytest.approx(np.std(fids, ddof=1))
    assert evaluation == {**evaluate(request), "scores": evaluation["scores"]}
    text = table(evaluation)
    assert (
        "100, 3 sets of them" in text
        and f"{np.mean(fids):.4f}  +- {np.std(fids, ddof=1):.4f}" in text
    )
    assert json.loads(json.dumps(evaluation)) == evaluation


def test_a_folder_with_fewer_images_than_the_protocol_says_is_scored_under_that_name(
    tiny_options, tmp_path
):
    digits = data.load("digits", "test", 16, tiny_options["data_dir"])
    for number, picture in enumerate(digits.images[:80]):
        Image.fromarray(picture[..., 0]).save(tmp_path / f"{number}.png")
    request = Request(f"folder:{tmp_path}", "digits", "digits", data_dir=tiny_options["data_dir"])
    assert evaluate(request)["scores"][0]["protocol"].startswith("digits+num_images=80/")
    with pytest.warns(ToolkitWarning, match="50 generated images for 64 features"):
        record = evaluate(
            Request(**{**vars(request), "num_images": 50, "reference": f"folder:{tmp_path}"})
        )["scores"][0]
    assert (
        record["protocol_details"]["generated_images"] == 50
        and record["protocol_details"]["reference_images"] == 80
    )


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            {"images": "pictures"},
            UsageError,
            "--images=pictures is not understood: expected folder:PATH, saved_model:PATH,"
            " tflite:PATH, onnx:PATH or round:",
        ),
        (
            {"images": "round:{run}/replicate_0"},
            UsageError,
            "is not a round of a run: expected RUN/replicate_0/round_05",
        ),
        (
            {"images": "round:{run}/replicate_0/round_09"},
            ArtifactError,
            "round_09/weights is missing",
        ),
        ({"images": "saved_model:/none"}, UsageError, "there is no SavedModel at /none"),
        ({"images": "saved_model:{run}"}, EvaluationError, "is not a SavedModel"),
        ({"protocol": "digit"}, UsageError, "unknown protocol 'digit': did you mean 'digits'"),
        (
            {"protocol": None},
            UsageError,
            "say how to score with --protocol. Known: cyclegan, digits, paper, quick, test_split",
        ),
        (
            {"protocol": "cyclegan", "feature_network": "digits"},
            UsageError,
            "as many images as there are: say how many with --num_im",
        ),
        ({"reference": "digit"}, UsageError, "unknown dataset 'digit': did you mean 'digits'"),
        ({"reference": "/none.npz"}, UsageError, "there is no file /none.npz"),
        ({"reference": "{run}"}, UsageError, "is a folder: write folder:"),
        ({"num_images": 1}, UsageError, "--num_images=1 is out of range: it must be at least 2"),
        ({"repeats": 0}, UsageError, "--repeats=0 is out of range: it must be at least 1"),
    ],
)
def test_what_cannot_be_scored_is_said(tiny_options, finished, saved_model, change, error, message):
    options = {
        "images": f"saved_model:{saved_model}",
        "reference": "digits",
        "protocol": "digits",
        **change,
    }
    options = {
        name: value.format(run=finished.run.path) if isinstance(value, str) else value
        for name, value in options.items()
    }
    with pytest.raises(error, match=message):
        evaluate(Request(**options, data_dir=tiny_options["data_dir"]))


def test_a_folder_with_splits_gives_the_one_that_the_protocol_names(
    tiny_options, saved_model, tmp_path
):
    for split in ("train", "test"):
        digits = data.load("digits", split, 8, tiny_options["data_dir"])
        (tmp_path / split).mkdir()
        for number, picture in enumerate(digits.images[:70]):
            Image.fromarray(picture[..., 0]).save(tmp_path / split / f"{number}.png")
    request = Request(f"saved_model:{saved_model}", f"folder:{tmp_path}", "digits", num_images=100)
    details = evaluate(request)["scores"][0]["protocol_details"]
    assert (details["reference"], details["reference_split"], details["reference_images"]) == (
        f"folder:{tmp_path}/train",
        "train",
        70,
    )
    shutil.rmtree(tmp_path / "train")
    with pytest.raises(
        UsageError,
        match="has the splits test, the protocol compares with 'train': give folder:.*/test",
    ):
        evaluate(request)
    details = evaluate(Request(**{**vars(request), "reference": f"folder:{tmp_path}/test"}))[
        "scores"
    ][0]["protocol_details"]
    assert details["reference_split"] is None


def test_repeats_of_a_folder_and_more_images_than_it_has_are_refused(tmp_path):
    for number in range(3):
        Image.new("L", (8, 8), number * 100).save(tmp_path / f"{number}.png")
    with pytest.raises(UsageError, match="--repeats=2 needs a generator"):
        evaluate(Request(f"folder:{tmp_path}", "digits", "digits", repeats=2))
    with pytest.raises(UsageError, match=f"--num_images=4, but folder:{tmp_path} has 3"):
        evaluate(Request(f"folder:{tmp_path}", "digits", "digits", num_images=4))


@pytest.mark.parametrize(
    ("function", "shape", "dtype"),
    [
        (lambda x: {"y": x}, [None, 8, 8, 3], tf.float32),
        (lambda z: {"y": z}, [None, 8], tf.float32),
        (lambda z: {"y": z}, None, tf.float32),
        (lambda z: {"y": z[:, None, None]}, [16, 8], tf.float32),
        (lambda z: {"y": z[:, None, None]}, [None, 8], tf.float64),
        (lambda z: {"y": z[:, None, None], "w": z}, [None, 8], tf.float32),
    ],
)
def test_a_saved_model_that_is_no_generator_is_refused(tmp_path, function, shape, dtype):
    module = tf.Module()
    module.f = tf.function(function, input_signature=[tf.TensorSpec(shape, dtype)])
    tf.saved_model.save(module, str(tmp_path / "m"), signatures=module.f)
    with pytest.raises(
        EvaluationError, match=r"a generator maps float32 latents \(N, Z\) to images \(N, H, W, C\)"
    ):
        open_source(f"saved_model:{tmp_path / 'm'}", None, 0)


def test_a_generator_that_fails_is_named(tmp_path):
    module = tf.Module()
    module.f = tf.function(
        lambda z: tf.reshape(z, [3, 1, 1, -1]), input_signature=[tf.TensorSpec([None, 7])]
    )
    tf.saved_model.save(module, str(tmp_path / "m"), signatures=module.f)
    with pytest.raises(EvaluationError, match="saved_model:.* failed on latents .500, 7.: "):
        list(open_source(f"saved_model:{tmp_path / 'm'}", None, 0).batches(10, 0))


def test_sample_sets_are_the_same_on_two_replicas(saved_model, round_2, two_replicas):
    for images in (f"saved_model:{saved_model}", f"round:{round_2}"):
        expected = next(open_source(images, None, 0).batches(30, 1))
        with two_replicas.scope():
            source = open_source(images, None, 0)
        assert np.allclose(next(source.batches(30, 1)), expected, atol=1e-5)


def test_pictures_of_several_sizes_are_scored_where_a_resolution_is_given(tmp_path, tiny_options):
    draw = np.random.default_rng(0)
    for number in range(12):
        # Without a dark pixel: pictures cannot be mistaken for floats in [0, 1].
        levels = draw.integers(128, 256, (16 + number % 3, 20), np.uint8)
        Image.fromarray(levels).save(tmp_path / f"{number}.png")
    request = Request(f"folder:{tmp_path}", "digits", "digits", data_dir=tiny_options["data_dir"])
    with pytest.raises(DataError, match="expected one shape; --resolution resizes them"):
        evaluate(request)
    found = evaluate(dataclasses.replace(request, resolution=16))
    assert found["scores"][0]["protocol_details"]["generated_images"] == 12
    with pytest.raises(UsageError, match="--resolution=0 is out of range"):
        dataclasses.replace(request, resolution=0)


def test_grey_pictures_are_repeated_for_a_network_of_colours_and_the_name_says_so(tmp_path):
    draw = np.random.default_rng(0)
    levels = draw.integers(0, 256, (24, 64, 64), np.uint8)
    for name, convert in (("grey", "L"), ("colour", "RGB")):
        (tmp_path / name).mkdir()
        for number, picture in enumerate(levels):
            image = Image.fromarray(picture).convert(convert)
            image.save(tmp_path / name / f"{number}.png")
    colour, grey = (
        evaluate(
            Request(
                f"folder:{tmp_path / name}",
                f"folder:{tmp_path / 'colour'}",
                "quick",
                "shapes2stripes",
            )
        )["scores"][0]
        for name in ("colour", "grey")
    )
    assert only_scores(grey) == only_scores(colour)
    assert "+grey=repeated/" in grey["protocol"] and "grey" not in colour["protocol"]
    assert grey["protocol_details"]["grey"] == "repeated"
    both = Request(
        f"folder:{tmp_path / 'grey'}", f"folder:{tmp_path / 'grey'}", "quick", "shapes2stripes"
    )
    assert "+grey=repeated/" in evaluate(both)["scores"][0]["protocol"]
    with pytest.raises(EvaluationError, match="the number of channels is 1, .* takes 3"):
        evaluate(dataclasses.replace(both, images=f"folder:{tmp_path / 'colour'}"))


def test_cropped_pictures_are_scored_under_a_name_that_says_so(tmp_path, tiny_options):
    draw = np.random.default_rng(0)
    for number in range(12):
        levels = draw.integers(0, 256, (16, 20), np.uint8)
        for folder, picture in (("whole", levels), ("square", levels[:, 2:18])):
            (tmp_path / folder).mkdir(exist_ok=True)
            Image.fromarray(picture).save(tmp_path / folder / f"{number}.png")
    request = Request(
        f"folder:{tmp_path / 'whole'}",
        "digits",
        "digits",
        data_dir=tiny_options["data_dir"],
        resolution=16,
    )
    cropped = evaluate(dataclasses.replace(request, crop="center"))
    [record] = cropped["scores"]
    assert record["protocol"].startswith("digits+num_images=12+crop=center/")
    square = evaluate(dataclasses.replace(request, images=f"folder:{tmp_path / 'square'}"))
    assert only_scores(record) == only_scores(square["scores"][0])
    assert only_scores(record) != only_scores(evaluate(request)["scores"][0])
    assert "resized    to 16x16, bilinear, antialiased" in table(cropped)


def test_what_a_reference_may_be_is_said_and_suffixes_have_any_case(
    tmp_path, tiny_options, round_2
):
    digits = data.load("digits", "train", 8, tiny_options["data_dir"])
    np.savez(tmp_path / "pictures.npz", x_train=digits.images[:150])
    np.save(tmp_path / "stats.npy", np.zeros(3))
    request = Request(
        f"round:{round_2}", f"npz:{tmp_path / 'pictures.npz'}", data_dir=tiny_options["data_dir"]
    )
    assert evaluate(request)["scores"][0]["protocol_details"]["reference_images"] == 150
    with pytest.raises(UsageError, match="stats.npy is a single array: expected an npz file"):
        evaluate(dataclasses.replace(request, reference=str(tmp_path / "stats.npy")))
    features = np.random.default_rng(0).normal(size=(200, 64))
    with (tmp_path / "stats.NPZ").open("wb") as file:
        np.savez(file, mu=features.mean(0), sigma=np.cov(features.T))
    with pytest.warns(ToolkitWarning):
        found = evaluate(dataclasses.replace(request, reference=str(tmp_path / "stats.NPZ")))
    assert found["mean"]["fid"] > 0
    with pytest.raises(UsageError, match="--direction=a2b is for a round of a GAN that translates"):
        evaluate(dataclasses.replace(request, images=f"folder:{tmp_path}", direction="a2b"))
    with pytest.raises(UsageError, match="draws images: --direction is for GANs that translate"):
        evaluate(dataclasses.replace(request, direction="a2b"))
