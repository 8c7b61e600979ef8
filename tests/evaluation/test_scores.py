"""Scores in the expected order, with their protocol, and errors or reasons instead of numbers that
mean nothing.
"""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tf_gan_lth import data
from tf_gan_lth.evaluation import (
    SCORES,
    Evaluator,
    Extractor,
    feature_networks,
    metrics,
    protocols,
    reference,
)
from tf_gan_lth.experiment.errors import EvaluationError, ToolkitWarning


@pytest.fixture(scope="module")
def digits(tiny_options):
    return {
        split: data.load("digits", split, 16, tiny_options["data_dir"])
        for split in ("train", "test")
    }


@pytest.fixture(scope="module")
def evaluator(digits):
    extractor = Extractor.of(protocols.get("digits"))
    return Evaluator(
        protocols.get("digits"), extractor, reference.of_images(digits["train"], extractor)
    )


def test_the_order_of_distances_is_as_expected(digits, evaluator):
    real = data.scale(digits["test"].images)
    noise = tf.random.stateless_uniform(real.shape, [1, 2], -1, 1)
    blurred = tf.nn.avg_pool2d(real, 5, 1, "SAME")
    scores = [evaluator.score("images", [images], 360, True) for images in (real, blurred, noise)]
    assert scores[0]["fid"] < 1 < scores[1]["fid"] < scores[2]["fid"]
    assert scores[0]["kid"] < scores[1]["kid"] < scores[2]["kid"]
    assert all(
        scores[0][name] > 0.6 > 0.1 > scores[2][name]
        for name in ("precision", "recall", "density", "coverage")
    )


def test_scores_do_not_depend_on_the_batches(digits, evaluator):
    real = data.scale(digits["test"].images)
    whole, parts = (
        evaluator.score("images", batches, 360, True) for batches in ([real], tf.split(real, 9))
    )
    assert {name: whole[name] for name in SCORES} == pytest.approx(
        {name: parts[name] for name in SCORES}, rel=1e-4, abs=1e-5
    )


def test_a_score_carries_its_protocol_and_what_differs_from_it(digits, evaluator):
    scores = evaluator.score("images", [data.scale(digits["test"].images)], 360, None)
    details = scores["protocol_details"]
    assert (
        details["name"] == "digits+num_images=360"
        and details["ema"] is None
        and details["generated_images"] == 360
    )
    assert (details["reference"], details["reference_split"], details["reference_images"]) == (
        "digits:train",
        "train",
        1437,
    )
    digests = (details["feature_network_digest"], details["reference_digest"])
    assert scores["protocol"] == f"{details['name']}/{digests[0][:8]}/{digests[1][:8]}"
    assert evaluator.identity == scores["protocol"].replace("+num_images=360", "")
    assert not scores["warnings"] and set(SCORES) <= scores.keys()


def test_another_resolution_network_or_protocol_is_another_identity(
    tiny_options, digits, evaluator
):
    extractor = evaluator.extractor
    coarse = data.load("digits", "train", 8, tiny_options["data_dir"])
    other_network = Extractor(
        dataclasses.replace(extractor.network, name="mine", digest="abcdefgh"), "bilinear_tf1"
    )
    others = [
        Evaluator(protocols.get("digits"), extractor, reference.of_images(coarse, extractor)),
        Evaluator(protocols.get("digits").but(num_images=360), extractor, evaluator.reference),
        Evaluator(protocols.get("digits"), other_network, evaluator.reference),
    ]
    assert others[2].protocol.name == "digits+feature_network=mine"
    assert len({evaluator.identity, *(other.identity for other in others)}) == 4


def test_a_reference_of_another_split_or_width_is_refused_before_images_are_drawn(
    digits, evaluator
):
    extractor = evaluator.extractor
    with pytest.raises(
        EvaluationError,
        match="digits:test is of split 'test', protocol digits compares with 'train'",
    ):
        Evaluator(
            protocols.get("digits"), extractor, reference.of_images(digits["test"], extractor)
        )
    narrow = metrics.Gaussian(np.zeros(3), np.eye(3))
    with pytest.raises(
        EvaluationError,
        match="digits:train has statistics of 3 features, feature network 'digits' has 64",
    ):
        Evaluator(
            protocols.get("digits"),
            extractor,
            dataclasses.replace(evaluator.reference, gaussian=narrow),
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda images: images[:5], "5 images came, 360 were expected"),
        (lambda images: tf.repeat(images, 2, axis=0), "720 images came, 360 were expected"),
        (lambda images: images * float("nan"), "images: an image holds values that are not finite"),
        (lambda images: (images + 1.0) * 127.5, r"from 0 to 255, expected \[-1, 1\]"),
        (
            lambda images: tf.repeat(images, 3, axis=-1),
            "number of channels is 3, feature network 'digits' takes 1",
        ),
        (
            lambda images: images[..., 0],
            r"come as \(360, 16, 16\), expected \(n, height, width, channels\)",
        ),
        (
            lambda images: images[:, ::2],
            (
                "8x16 pixels, the reference was made of 16x16: .* make the reference at another"
                " --resolution"
            ),
        ),
        (lambda images: (images + 1.0) / 2.0, r"seem to lie in \[0, 1\]; expected \[-1, 1\]"),
        (lambda images: tf.zeros_like(images), "all 360 images are alike"),
        (lambda images: tf.repeat(images[:1], 360, axis=0), "all 360 images are alike"),
    ],
)
def test_images_that_are_not_as_they_should_be_are_errors(digits, evaluator, change, message):
    with pytest.raises(EvaluationError, match=message):
        evaluator.score("images", [change(data.scale(digits["test"].images))], 360, True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda images: (images + 1.0) / 2.0, "no image has a value below 0"),
        (lambda images: tf.zeros_like(images) - 0.5, "all 360 images are alike"),
    ],
)
def test_what_a_training_comes_to_is_scored_with_a_warning(digits, evaluator, change, message):
    """A generator that collapsed must not end its run."""
    images = change(data.scale(digits["test"].images))
    with pytest.warns(ToolkitWarning, match=message):
        scores = evaluator.score("images", [images], 360, True, trained=True)
    assert any(message in warning for warning in scores["warnings"])
    assert all(np.isfinite(scores[name]) for name in SCORES if scores[name] is not None)
    assert scores["fid"] > 1


def test_few_images_are_warned_of_with_the_number_and_scores_that_need_more_are_null(
    digits, evaluator
):
    real = data.scale(digits["test"].images)
    with pytest.warns(ToolkitWarning, match="40 generated images for 64 features: FID is biased"):
        scores = evaluator.score("images", [real[:40]], 40, True)
    assert len(scores["warnings"]) == 1
    assert [name for name in SCORES if scores[name] is None] == []
    with pytest.warns(ToolkitWarning):
        scores = evaluator.score("images", [real[:3]], 3, True)
    missing = {name for name in SCORES if scores[name] is None}
    assert missing == set(SCORES) - {"fid"} and len(scores["warnings"]) == 4
    with pytest.raises(EvaluationError, match="images: 1 image; a score needs two"):
        evaluator.score("images", [real[:1]], 1, True)


def test_a_reference_of_means_and_covariances_gives_fid_and_says_that_it_gives_no_more(
    digits, evaluator
):
    bare = reference.Reference(
        evaluator.reference.origin, evaluator.reference.gaussian, features=None
    )
    batches = [data.scale(digits["test"].images)]
    with pytest.warns(
        ToolkitWarning, match="no KID, .*: digits:train holds only mean and covariance"
    ):
        scores = Evaluator(evaluator.protocol, evaluator.extractor, bare).score(
            "images", batches, 360, True
        )
    full = evaluator.score("images", batches, 360, True)
    assert scores["fid"] == full["fid"] and scores["inception_score"] == full["inception_score"]
    assert scores["kid"] is None and scores["coverage"] is None


def test_the_shipped_network_reads_held_out_digits(digits):
    logits = feature_networks.load("digits").function(data.scale(digits["test"].images))["logits"]
    assert np.mean(logits.numpy().argmax(1) == digits["test"].labels) >= 0.97
