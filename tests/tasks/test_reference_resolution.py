"""Real images to compare with may be of another size than those that train, as STL-10's are."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import set_up

from tf_gan_lth import data
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.errors import UsageError


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """A SavedModel that takes 10x10 pixels, and returns means of its quarters."""

    def outputs(images):
        quarters = tf.reshape(tf.nn.avg_pool2d(images, 5, 5, "VALID"), [-1, 4])
        return {"pool_3": quarters, "logits": quarters}

    path = str(tmp_path_factory.mktemp("network") / "quarters")
    module = tf.Module()
    module.f = tf.function(outputs, input_signature=[tf.TensorSpec([None, 10, 10, 1], tf.float32)])
    tf.saved_model.save(module, path, signatures=module.f)
    return path


def evaluator_of(options, path):
    done = set_up(options, path)
    return done.bench.task.evaluators["generator"]


def test_statistics_are_of_real_images_of_the_size_that_is_asked_for(
    tiny_options, network, tmp_path
):
    options = {**tiny_options, "feature_network": network}
    usual = evaluator_of(options, tmp_path / "usual")
    larger = evaluator_of({**options, "reference_resolution": 16}, tmp_path / "larger")
    assert usual.reference.origin.size == (8, 8) and larger.reference.origin.size == (16, 16)
    images = data.load("digits", "train", 16, tiny_options["data_dir"]).images / 127.5 - 1
    resized = tf.compat.v1.image.resize_bilinear(tf.constant(images, tf.float32), (10, 10))
    quarters = tf.reshape(tf.nn.avg_pool2d(resized, 5, 5, "VALID"), [-1, 4]).numpy()
    np.testing.assert_allclose(larger.reference.gaussian.mu, quarters.mean(axis=0), atol=1e-5)
    assert usual.identity != larger.identity  # such scores do not compare


def test_what_is_as_large_anyway_is_no_other_reference(tiny_options, network, tmp_path):
    options = {**tiny_options, "feature_network": network}
    first = evaluator_of(options, tmp_path / "first")
    second = evaluator_of({**options, "reference_resolution": 8}, tmp_path / "second")
    assert first.identity == second.identity


def test_a_network_that_takes_any_size_is_refused_before_the_folder_is_claimed(
    tiny_options, tmp_path
):
    message = "--reference_resolution=16: feature network 'digits' takes any size"
    with pytest.raises(UsageError, match=message):
        set_up({**tiny_options, "reference_resolution": 16}, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_it_is_part_of_what_a_run_is():
    config = configs.from_options({"reference_resolution": 96})
    assert configs.identity(config) == {"reference_resolution": 96}
