"""README: scores are TF-GAN's, and equal to what NumPy computes from the definitions."""

import numpy as np
import pytest

from tf_gan_lth.evaluation.feature_networks import Activations
from tf_gan_lth.evaluation.scores import compare


def activations(seed, count, features=64, shift=0.0):
    draw = np.random.default_rng(seed)
    mixed = draw.normal(size=(count, features)) @ np.random.default_rng(9).normal(size=(features, features)) + shift
    return Activations(mixed.astype(np.float32), draw.normal(size=(count, 10)).astype(np.float32))


def frechet(first, second):
    """FID in NumPy, by the eigenvalues of the product of the covariances."""
    a, b = first.features.astype(np.float64), second.features.astype(np.float64)
    covariances = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    roots = np.sqrt(np.maximum(np.linalg.eigvals(covariances[0] @ covariances[1]).real, 0)).sum()
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(covariances[0]) + np.trace(covariances[1]) - 2 * roots


def kernel_distance(first, second):
    """KID in NumPy: the unbiased squared MMD of the cubic kernel, in one block."""
    a, b = first.features.astype(np.float64), second.features.astype(np.float64)
    aa, bb, ab = ((x @ y.T / a.shape[1] + 1) ** 3 for x, y in ((a, a), (b, b), (a, b)))
    m, n = len(a), len(b)
    return (aa.sum() - np.trace(aa)) / (m * (m - 1)) + (bb.sum() - np.trace(bb)) / (n * (n - 1)) - 2 * ab.mean()


@pytest.mark.parametrize(("count", "shift"), [(500, 0.0), (500, 1.0), (50, 0.3)])
def test_fid_and_kid_equal_a_numpy_computation(count, shift):
    real, generated = activations(1, 400), activations(2, count, shift=shift)
    scores = compare(real, generated)
    assert scores["fid"] == pytest.approx(frechet(real, generated), rel=1e-3)
    assert scores["kid"] == pytest.approx(kernel_distance(real, generated), rel=1e-3, abs=1e-3)


def test_inception_score_equals_a_numpy_computation():
    generated = activations(1, 300)
    p = np.exp(generated.logits.astype(np.float64))
    p /= p.sum(1, keepdims=True)
    expected = np.exp((p * (np.log(p) - np.log(p.mean(0)))).sum(1).mean())
    assert compare(generated, generated)["inception_score"] == pytest.approx(expected, rel=1e-4)


def test_identical_sets_have_distance_zero():
    assert abs(compare(activations(1, 400), activations(1, 400))["fid"]) < 1e-3
