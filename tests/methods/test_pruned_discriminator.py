"""IMP_GD: the discriminator is pruned too, and its dense twin may teach it (KD)."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import equal, run_lottery, set_up

from tf_gan_lth import findings, gans
from tf_gan_lth.pruning.masks import Elements
from tf_gan_lth.training import Start
from tf_gan_lth.training.losses import divergence
from tf_gan_lth.training.terms import StepContext, distill_scores

BOTH = ("generator", "discriminator")


@pytest.fixture(scope="module")
def distilled(tiny_options, tmp_path_factory):
    """IMP_GD with KD, two rounds."""
    options = {
        **tiny_options,
        "prune": BOTH,
        "kd_weight": 1.0,
        "rounds": 2,
        "branches": ("random_init",),
    }
    return run_lottery(options, tmp_path_factory.mktemp("study") / "kd")


def test_a_pruned_discriminator_has_its_own_masks_ranked_on_the_raw_kernels(distilled):
    for number in (1, 2):
        before = distilled.replicate.round(number - 1)
        here = distilled.replicate.round(number)
        for network in BOTH:
            mask = here.masks.get()[network]
            old = before.masks.get()[network]
            trained = before.weights.get()[network]
            counted = Elements(mask)
            assert counted.remaining == round(0.8**number * counted.total)
            kept = np.concatenate([np.abs(trained[path][mask[path]]) for path in mask])
            lost = np.concatenate([np.abs(trained[path][old[path] & ~mask[path]]) for path in mask])
            assert lost.size and lost.max() <= kept.min()
            weights = here.weights.get()[network]
            assert not any(np.any(weights[path][~stays]) for path, stays in mask.items())
        assert "score/kernel" not in here.masks.get()["discriminator"]
    results = findings.read_results(distilled.run)
    shares = [round(1 - result.discriminator_sparsity, 2) for result in results]
    assert shares == [1.0, 0.8, 0.64, 0.64]


def test_the_dense_discriminator_teaches_the_pruned_rounds_only(distilled):
    beginnings = distilled.recorder.beginnings.values()
    assert distilled.recorder.order == [(0, "main"), (1, "main"), (2, "main"), (2, "random_init")]
    assert [beginning.teaching for beginning in beginnings] == [0.0, 1.0, 1.0, 1.0]
    teacher = gans.take_snapshot(distilled.bench.trainer.model.teachers["discriminator"])
    assert equal(teacher, distilled.replicate.round(0).weights.get()["discriminator"])


def test_distillation_is_the_divergence_of_two_coins():
    teacher = np.array([[0.3], [-2.0]])
    student = np.array([[1.0], [0.5]])
    p, q = (1 / (1 + np.exp(-scores)) for scores in (teacher, student))
    expected = np.mean(p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q)))
    found = float(divergence(tf.constant(teacher), tf.constant(student)))
    assert found == pytest.approx(expected, rel=1e-6)
    same = float(divergence(tf.constant(teacher), tf.constant(teacher)))
    assert same == pytest.approx(0, abs=1e-9)


def test_a_quarter_of_the_distillation_is_that_of_the_papers_code():
    """There it is the mean over both classes of all images, real and generated together."""
    random = np.random.default_rng(0)
    scores = {name: random.normal(size=[6, 1]) for name in ("real", "fake", "t_real", "t_fake")}
    chances = {name: 1 / (1 + np.exp(-value)) for name, value in scores.items()}
    classes = {name: np.concatenate([p, 1 - p], axis=1) for name, p in chances.items()}
    student = np.concatenate([classes["real"], classes["fake"]])
    teacher = np.concatenate([classes["t_real"], classes["t_fake"]])
    theirs = np.mean(teacher * (np.log(teacher) - np.log(student)))

    images = {name: tf.constant(values, tf.float32) for name, values in scores.items()}
    context = StepContext(
        network=None,
        teacher=lambda inputs, training: tf.concat([images["t_real"], images["t_fake"]], 0),
        judge=None,
        inputs=(),
        fake=images["fake"],
        fake_scores=images["fake"],
        real=images["real"],
        real_scores=images["real"],
    )
    found = 0.25 * float(distill_scores(context))
    assert found == pytest.approx(theirs, rel=1e-5)


def test_distillation_moves_the_discriminator_towards_its_teacher(tiny_options, tmp_path):
    """With a teacher that calls everything real and a large weight, the student comes to do so
    too.
    """
    options = {
        **tiny_options,
        "prune": BOTH,
        "kd_weight": 1000.0,
        "steps": 30,
        "discriminator_width": 8,
    }
    bench = set_up(options, tmp_path / "run").bench
    weights = bench.fresh_weights(0)
    student = weights["discriminator"]
    teacher = {**student, "score/kernel": np.abs(student["score/kernel"])}
    seed = np.array([1, 2], np.int32)
    snapshots = {"teacher": teacher}
    for name, teachers in [("kd", {"discriminator": teacher}), ("plain", {})]:
        trained = bench.trainer.train(Start(weights, {}, seed, teachers=teachers))
        snapshots[name] = trained.weights["discriminator"]
    network = bench.gan.networks["discriminator"]
    images = bench.task.images.training.images[:64] / 127.5 - 1
    scores = {}
    for name, snapshot in snapshots.items():
        gans.load_snapshot(network, snapshot)
        scores[name] = network(images).numpy().mean()
    assert abs(scores["kd"] - scores["teacher"]) < 0.7 * abs(scores["plain"] - scores["teacher"])
