"""Bad names are refused before anything is written."""

import pytest
import tensorflow as tf

from tf_gan_lth import lottery
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.errors import EvaluationError, RunFolderError, UsageError
from tf_gan_lth.experiment.run_folder import RunFolder


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("dataset", "digit", "unknown dataset 'digit': did you mean 'digits'"),
        ("gan", "sgan", "unknown GAN 'sgan': did you mean 'sngan'"),
        (
            "branches",
            ["random_msk"],
            (
                "unknown branch 'random_msk': did you mean 'random_mask'. Known:"
                " dense_discriminator, not_rewound, "
            ),
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
        lottery.Laboratory(
            configs.from_options({**tiny_options, option: value}), RunFolder(tmp_path / "run")
        )
    assert not (tmp_path / "run").exists()


def test_a_feature_network_that_does_not_take_the_images_is_refused_before_the_folder_is_claimed(
    tiny_options, tmp_path
):
    module = tf.Module()
    module.f = tf.function(
        lambda x: {"pool_3": x[:, 0, 0], "logits": x[:, 0, 0]},
        input_signature=[tf.TensorSpec([None, None, None, 3])],
    )
    tf.saved_model.save(module, str(tmp_path / "colours"), signatures=module.f)
    config = configs.from_options({**tiny_options, "feature_network": str(tmp_path / "colours")})
    with pytest.raises(
        EvaluationError,
        match="digits:train: the number of channels is 1, feature network .* takes 3",
    ):
        lottery.Laboratory(config, RunFolder(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_a_run_scored_under_another_protocol_is_refused(finished):
    scores = finished.run.replicate(0).untrained_scores.get()
    finished.lab.check_protocol(scores)
    with pytest.raises(RunFolderError, match="the feature network or the reference images changed"):
        finished.lab.check_protocol({**scores, "protocol": "inception"})


def test_sparsity_is_reported_over_prunable_weights_and_beside_it_over_all(finished):
    report = finished.run.replicate(0).round(3).sparsity.get()
    generator, discriminator = report["generator"], report["discriminator"]
    assert generator["remaining"] == round(0.8**3 * generator["total"])
    assert generator["sparsity"] == 1 - generator["remaining"] / generator["total"]
    assert (
        generator["parameters_left"]
        == generator["parameters"] - generator["total"] + generator["remaining"]
    )
    assert discriminator["sparsity"] == 0 and discriminator["total"] > 0
    assert (
        sum(layer["remaining"] for layer in generator["layers"].values()) == generator["remaining"]
    )
