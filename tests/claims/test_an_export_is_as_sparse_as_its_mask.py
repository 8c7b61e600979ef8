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
from helpers import run_lottery

from tf_gan_lth import export, findings, gans
from tf_gan_lth.experiment.errors import ArtifactError, MaskError
from tf_gan_lth.training import EMA


def exported(run, best):
    verdicts = findings.judge_run(run)[1]
    chosen = {name: dataclasses.replace(verdict, best=best) for name, verdict in verdicts.items()}
    return export.export_tickets(run, chosen)


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
    folder = finished.replicate.round(3)
    mask = folder.masks.get()["generator"]
    kernels = {
        variable.name.removesuffix(":0"): variable.numpy()
        for variable in tf.saved_model.load(str(saved_model)).weights
    }
    for path, kept in mask.items():
        np.testing.assert_array_equal(kernels[path] != 0, kept)
    found = export.verify(saved_model, folder.weights.get()["generator_ema"], mask)
    assert found == {path: pytest.approx(1 - kept.mean()) for path, kept in mask.items()}


def test_it_draws_what_the_run_scored(finished, saved_model):
    noise = tf.random.stateless_normal([4, 128], [1, 2])
    snapshot = finished.replicate.round(3).weights.get()["generator_ema"]
    images = gans.ImageShape(8, channels=1)
    gan = gans.build(gans.find("sngan"), finished.bench.config, images, seed=0)
    network = gan.networks["generator"]
    gans.load_snapshot(network, snapshot)
    expected = network(noise, training=False)
    np.testing.assert_allclose(
        tf.saved_model.load(str(saved_model))(noise), expected, rtol=1e-5, atol=1e-6
    )


def test_another_export_is_caught(finished, saved_model, tmp_path):
    folder = finished.replicate.round(3)
    snapshot = folder.weights.get()["generator_ema"]
    mask = folder.masks.get()["generator"]
    emptier = {path: np.zeros_like(kept) for path, kept in mask.items()}
    with pytest.raises(MaskError, match="pruned weights of"):
        export.verify(saved_model, snapshot, emptier)
    other = finished.replicate.round(2).weights.get()["generator_ema"]
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
    options = {**tiny_options, "rounds": 1, "branch_rounds": ()}
    mirrored = run_lottery(options, tmp_path / "mirrored", strategy=two_replicas)
    folder = mirrored.replicate.round(1)
    mask = folder.masks.get()["generator"]
    weights = folder.weights.get()
    for path, kept in mask.items():
        assert not np.any(weights["generator"][path][~kept])
        assert not np.any(weights["generator" + EMA][path][~kept])
    [saved] = exported(mirrored.run, best=1)
    found = export.verify(saved, weights["generator" + EMA], mask)
    assert found == {path: pytest.approx(1 - kept.mean()) for path, kept in mask.items()}
