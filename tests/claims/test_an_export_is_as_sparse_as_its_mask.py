"""README: an exported generator needs TensorFlow alone, and its kernels are exactly as sparse as
the mask.
"""

import dataclasses
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tf_gan_lth import export, lottery, models, training
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.errors import ArtifactError, MaskError
from tf_gan_lth.experiment.run_folder import RunFolder


def exported(run, best):
    verdicts = lottery.judge_run(run)[1]
    return export.export_tickets(
        run, {name: dataclasses.replace(verdict, best=best) for name, verdict in verdicts.items()}
    )


@pytest.fixture(scope="module")
def saved_model(finished):
    return exported(finished.run, best=3)[0]


def test_plain_tensorflow_samples_from_it_without_this_package(saved_model, tmp_path):
    script = f"""
import sys, numpy as np, tensorflow as tf
generator = tf.saved_model.load({str(saved_model)!r})
images = generator(tf.zeros([3, 128]))
assert images.shape == (3, 8, 8, 1) and np.abs(images).max() <= 1
assert generator.sample(5, tf.constant([1, 2])).shape == (5, 8, 8, 1)
needless = ("tf_gan_lth", "tensorflow_model_optimization")
assert not any(name.startswith(needless) for name in sys.modules)
"""
    result = subprocess.run(
        [sys.executable, "-P", "-c", script], capture_output=True, text=True, cwd=tmp_path
    )
    assert result.returncode == 0, result.stderr
    assert "WARNING:absl" not in result.stderr


def test_its_kernels_are_exactly_as_sparse_as_the_mask(finished, saved_model):
    mask = finished.run.replicate(0).round(3).masks.get()["generator"]
    kernels = {
        variable.name.removesuffix(":0"): variable.numpy()
        for variable in tf.saved_model.load(str(saved_model)).weights
    }
    for path, kept in mask.items():
        np.testing.assert_array_equal(kernels[path] != 0, kept)
    found = export.verify(
        saved_model, finished.run.replicate(0).round(3).weights.get()["generator_ema"], mask
    )
    assert found == {path: pytest.approx(1 - kept.mean()) for path, kept in mask.items()}


def test_it_draws_what_the_run_scored(finished, saved_model):
    noise = tf.random.stateless_normal([4, 128], [1, 2])
    snapshot = finished.run.replicate(0).round(3).weights.get()["generator_ema"]
    network = models.build(finished.lab.config.networks, 8, 1, seed=0).networks["generator"]
    models.load_snapshot(network, snapshot)
    expected = network(noise, training=False)
    np.testing.assert_allclose(
        tf.saved_model.load(str(saved_model))(noise), expected, rtol=1e-5, atol=1e-6
    )


def test_another_export_is_caught(finished, saved_model, tmp_path):
    place = finished.run.replicate(0).round(3)
    snapshot, mask = place.weights.get()["generator_ema"], place.masks.get()["generator"]
    emptier = {path: np.zeros_like(kept) for path, kept in mask.items()}
    with pytest.raises(MaskError, match="pruned weights of"):
        export.verify(saved_model, snapshot, emptier)
    other = finished.run.replicate(0).round(2).weights.get()["generator_ema"]
    with pytest.raises(ArtifactError, match="does not hold this ticket's"):
        export.verify(saved_model, other, mask)
    broken = tmp_path / "broken"
    shutil.copytree(saved_model, broken)
    (broken / "variables" / "variables.data-00000-of-00001").write_bytes(b"")
    with pytest.raises(ArtifactError, match="broken"):
        export.verify(broken, snapshot, mask)


def test_nothing_is_exported_without_a_matching_ticket(finished):
    assert exported(finished.run, best=None) == []


def test_a_ticket_trained_on_two_replicas_is_exported_as_sparse(
    tiny_options, two_replicas, tmp_path
):
    config = configs.from_options({**tiny_options, "rounds": 1, "branch_rounds": ()})
    run = RunFolder(tmp_path / "mirrored")
    lab = lottery.Laboratory(config, run, two_replicas)
    lottery.find_ticket(lab, 0, lambda place: None)
    place = run.replicate(0).round(1)
    mask, weights = place.masks.get()["generator"], place.weights.get()
    for path, kept in mask.items():
        assert not np.any(weights["generator"][path][~kept]) and not np.any(
            weights["generator" + training.EMA][path][~kept]
        )
    found = export.verify(exported(run, best=1)[0], weights["generator" + training.EMA], mask)
    assert found == {path: pytest.approx(1 - kept.mean()) for path, kept in mask.items()}
