"""Bad names are refused before anything is written."""

import pytest
import tensorflow as tf
from helpers import set_up

from tf_gan_lth.experiment.errors import (
    EvaluationError,
    RunFolderError,
    TrainingError,
    UsageError,
)
from tf_gan_lth.methods import loop
from tf_gan_lth.methods.bench import one_line_errors


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("dataset", "digit", "unknown dataset 'digit': did you mean 'digits'"),
        ("gan", "sgan", "unknown GAN 'sgan': did you mean 'sngan'"),
        ("method", "imq", "unknown method 'imq': did you mean 'imp'"),
        (
            "branches",
            ["random_msk"],
            "unknown branch 'random_msk': did you mean 'random_mask'. Known:"
            " dense_discriminator, dense_generator, not_rewound, ",
        ),
        ("feature_network", "digts", "unknown feature network 'digts': did you mean 'digits'"),
        ("rounds", 60, "--rounds=60 at --rate=0.2 leaves none of the generator's"),
        ("resolution", 24, "--resolution=24 .* power of two"),
    ],
)
def test_unknown_names_are_answered_with_the_known_ones(
    tiny_options, tmp_path, option, value, message
):
    with pytest.raises(UsageError, match=message):
        set_up({**tiny_options, option: value}, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_feature_network_that_does_not_take_the_images_is_refused_before_the_folder_is_claimed(
    tiny_options, tmp_path
):
    module = tf.Module()
    module.f = tf.function(
        lambda x: {"pool_3": x[:, 0, 0], "logits": x[:, 0, 0]},
        input_signature=[tf.TensorSpec([None, None, None, 2])],
    )
    tf.saved_model.save(module, str(tmp_path / "colours"), signatures=module.f)
    with pytest.raises(
        EvaluationError,
        match="digits:train: the number of channels is 1, feature network .* takes 2",
    ):
        set_up({**tiny_options, "feature_network": str(tmp_path / "colours")}, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_scored_under_another_protocol_is_refused(finished):
    scores = finished.replicate.untrained_scores.get()
    loop.check_protocol(finished.bench, scores, finished.run.path)
    other = {"generator": {**scores["generator"], "protocol": "inception"}}
    with pytest.raises(RunFolderError, match="the feature network or the reference images changed"):
        loop.check_protocol(finished.bench, other, finished.run.path)


def test_sparsity_is_reported_over_prunable_weights_and_beside_it_over_all(finished):
    report = finished.replicate.round(3).sparsity.get()
    generator = report["generator"]
    discriminator = report["discriminator"]
    assert generator["remaining"] == round(0.8**3 * generator["total"])
    assert generator["sparsity"] == 1 - generator["remaining"] / generator["total"]
    pruned = generator["total"] - generator["remaining"]
    assert generator["parameters_left"] == generator["parameters"] - pruned
    assert discriminator["sparsity"] == 0 and discriminator["total"] > 0
    layers = generator["layers"].values()
    assert sum(layer["remaining"] for layer in layers) == generator["remaining"]


def test_what_a_generator_costs_and_who_judges_it_stand_beside_its_sparsity(finished):
    dense = finished.replicate.round(0).sparsity.get()
    sparse = finished.replicate.round(3).sparsity.get()
    assert dense["generator"]["judge"] == "discriminator" and "judge" not in dense["discriminator"]
    for report in (dense, sparse):
        # Of a 3x3 convolution from 4 channels to 1 on 8x8 pixels, and so on: see test_cost.py.
        assert report["generator"]["macs"] == dense["generator"]["macs"] > 8 * 8 * 9 * 4
    assert dense["generator"]["macs_left"] == dense["generator"]["macs"]
    assert sparse["generator"]["macs_left"] < dense["generator"]["macs"]


def test_a_device_that_is_gone_is_one_line():
    told = pytest.raises(TrainingError, match="round 1 stopped: Socket closed; what is finished")
    with told, one_line_errors("round 1"):
        raise tf.errors.UnavailableError(None, None, "Socket closed")
