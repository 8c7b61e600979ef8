"""README: scores are TF-GAN's, and equal to what NumPy computes from the definitions."""

import numpy as np
import pytest
import tensorflow as tf

from tf_gan_lth.evaluation import metrics
from tf_gan_lth.training import tfgan


def features(seed, count, size=64, shift=0.0):
    """Correlated float32 features, always of the same mixing matrix."""
    mixing = np.random.default_rng(9).normal(size=(size, size)) / np.sqrt(size)
    return (np.random.default_rng(seed).normal(size=(count, size)) @ mixing + shift).astype(
        np.float32
    )


def fid(a, b):
    return metrics.frechet_distance(metrics.fit_gaussian(a), metrics.fit_gaussian(b))


def tfgan_fid(a, b):
    arguments = (tf.constant(x, tf.float64) for x in (a, b))
    return float(tfgan.metrics.frechet_classifier_distance_from_activations(*arguments))


@pytest.mark.parametrize(
    ("size", "real", "generated", "shift"),
    [
        (64, 400, 500, 0.0),
        (64, 400, 500, 1.0),
        (64, 40, 30, 0.3),
        pytest.param(2048, 2500, 2300, 0.1, marks=pytest.mark.slow),
        (512, 90, 70, 0.1),
    ],
)
def test_fid_from_means_and_covariances_is_tf_gans_fid_from_activations(
    size, real, generated, shift
):
    a, b = features(1, real, size), features(2, generated, size, shift)
    assert fid(a, b) == pytest.approx(tfgan_fid(a, b), rel=1e-4)


@pytest.mark.parametrize(("size", "count"), [(64, 400), (64, 40), (512, 90)])
def test_identical_sets_have_distance_zero(size, count):
    a = features(1, count, size)
    assert fid(a, a) < 1e-3
    assert fid(a, a[::-1]) < 1e-3


def test_fid_equals_a_numpy_computation():
    a, b = features(1, 400), features(2, 300, shift=0.5)
    covariances = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    roots = np.sqrt(np.maximum(np.linalg.eigvals(covariances[0] @ covariances[1]).real, 0)).sum()
    means = ((a.mean(0, dtype=np.float64) - b.mean(0, dtype=np.float64)) ** 2).sum()
    assert fid(a, b) == pytest.approx(
        means + np.trace(covariances[0] + covariances[1]) - 2 * roots, rel=1e-6
    )


@pytest.mark.parametrize(
    ("size", "real", "generated", "block"),
    [(64, 500, 333, 100), (2048, 120, 150, 50), (64, 90, 80, 1000)],
)
def test_kid_and_its_standard_error_are_tf_gans(size, real, generated, block):
    a, b = features(1, real, size), features(2, generated, size, 0.1)
    arguments = (tf.constant(x, tf.float64) for x in (a, b))
    expected = [
        float(x)
        for x in tfgan.metrics.kernel_classifier_distance_and_std_from_activations(
            *arguments, max_block_size=block
        )
    ]
    kid, error = metrics.kernel_distance(a, b, block)
    assert kid == pytest.approx(expected[0], rel=1e-6)
    assert error == pytest.approx(expected[1], rel=1e-6) if block < 1000 else error is None


def test_kid_equals_a_numpy_computation():
    a, b = features(1, 90).astype(np.float64), features(2, 80, shift=0.3).astype(np.float64)
    aa, bb, ab = ((x @ y.T / a.shape[1] + 1) ** 3 for x, y in ((a, a), (b, b), (a, b)))
    m, n = len(a), len(b)
    expected = (
        (aa.sum() - np.trace(aa)) / (m * (m - 1))
        + (bb.sum() - np.trace(bb)) / (n * (n - 1))
        - 2 * ab.mean()
    )
    assert metrics.kernel_distance(a, b, 1000)[0] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("batch", [1, 7, 100, 305])
def test_inception_score_equals_a_numpy_computation_whatever_the_batches(batch):
    logits = np.random.default_rng(1).normal(size=(305, 10)).astype(np.float32)
    p = np.exp(logits.astype(np.float64))
    p /= p.sum(1, keepdims=True)
    ends = [305 * k // 10 for k in range(11)]
    parts = [p[low:high] for low, high in zip(ends[:-1], ends[1:], strict=True)]
    expected = [np.exp((q * (np.log(q) - np.log(q.mean(0)))).sum(1).mean()) for q in parts]
    score = metrics.InceptionScore(305, 10)
    for at in range(0, 305, batch):
        score.add(logits[at : at + batch])
    assert score.result() == pytest.approx((np.mean(expected), np.std(expected)), rel=1e-6)


def test_precision_recall_density_and_coverage_equal_a_numpy_computation():
    real, generated, k = features(1, 150, 8), features(2, 120, 8, 0.3), 5

    def distances(a, b):
        return np.sqrt(((a[:, None].astype(np.float64) - b[None]) ** 2).sum(-1))

    def radii(a):
        return np.sort(distances(a, a), axis=1)[:, k]  # column 0 is the point itself

    between = distances(real, generated)
    inside_real, inside_generated = between < radii(real)[:, None], between < radii(generated)[None]
    expected = {
        "precision": inside_real.any(0).mean(),
        "recall": inside_generated.any(1).mean(),
        "density": inside_real.sum(0).mean() / k,
        "coverage": (between.min(1) < radii(real)).mean(),
    }
    assert 0 < expected["recall"] < 1 and 0 < expected["coverage"] < 1
    manifolds = [metrics.fit_manifold(part, k) for part in (real, generated)]
    assert metrics.manifold_scores(*manifolds) == pytest.approx(expected, rel=1e-9)
    assert metrics.manifold_scores(manifolds[0], manifolds[0])["precision"] == 1
