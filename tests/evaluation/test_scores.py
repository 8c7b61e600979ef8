"""Scores in the expected order, with their protocol, and errors instead of numbers."""

import numpy as np
import pytest
import tensorflow as tf

from tf_gan_lth import data
from tf_gan_lth.evaluation import Evaluator, feature_networks
from tf_gan_lth.experiment.errors import EvaluationError, UsageError


@pytest.fixture(scope="module")
def digits(tiny_options):
    return {split: data.load("digits", split, 16, tiny_options["data_dir"]) for split in ("train", "test")}


@pytest.fixture(scope="module")
def evaluator(digits):
    return Evaluator(feature_networks.load("digits"), digits["train"], 360)


def test_the_order_of_distances_is_as_expected(digits, evaluator):
    real = data.scale(digits["test"].images)
    noise = tf.random.stateless_uniform(real.shape, [1, 2], -1, 1)
    blurred = tf.nn.avg_pool2d(real, 5, 1, "SAME")
    fids = [evaluator.score([images])["fid"] for images in (real, blurred, noise)]
    assert fids[0] < 1 < fids[1] < fids[2]


def test_scores_do_not_depend_on_the_batch_size(digits, evaluator):
    real = data.scale(digits["test"].images)
    whole, parts = evaluator.score([real]), evaluator.score(tf.split(real, 9))
    assert whole["fid"] == pytest.approx(parts["fid"], rel=1e-4) and whole["kid"] == pytest.approx(parts["kid"], abs=1e-5)


def test_a_score_carries_its_protocol(digits, evaluator):
    scores = evaluator.score([data.scale(digits["test"].images)])
    details = scores["protocol_details"]
    assert details["reference_images"] == 1437 and details["generated_images"] == 360 and details["ema"]
    assert details["feature_network_digest"][:8] in scores["protocol"] and "," not in scores["protocol"]


def test_too_few_images_or_broken_ones_are_errors(digits, evaluator):
    real = data.scale(digits["test"].images)
    with pytest.raises(EvaluationError, match="5 images came, the protocol says 360"):
        evaluator.score([real[:5]])
    with pytest.raises(EvaluationError, match="not finite"):
        evaluator.score([real * float("nan")])
    with pytest.raises(EvaluationError, match="shape"):
        evaluator.score([tf.repeat(real, 3, axis=-1)])


def test_the_shipped_network_reads_held_out_digits(digits):
    logits = feature_networks.load("digits").activations([data.scale(digits["test"].images)]).logits
    assert np.mean(logits.argmax(1) == digits["test"].labels) >= 0.97


def test_feature_networks_are_loaded_once_by_name_or_path(tmp_path):
    assert feature_networks.load("digits") is feature_networks.load("digits")
    by_path = feature_networks.load(str(feature_networks.EMBEDDED["digits"]))
    assert by_path.digest == feature_networks.load("digits").digest
    with pytest.raises(UsageError, match="unknown feature network 'digit'"):
        feature_networks.load("digit")
    with pytest.raises(EvaluationError, match="not a SavedModel"):
        feature_networks.load(str(tmp_path))


def test_a_saved_model_without_the_outputs_is_refused(tmp_path):
    module = tf.Module()
    module.f = tf.function(lambda x: {"pool_3": x}, input_signature=[tf.TensorSpec([None, 8])])
    tf.saved_model.save(module, str(tmp_path / "m"), signatures=module.f)
    with pytest.raises(EvaluationError, match="logits"):
        feature_networks.load(str(tmp_path / "m"))
