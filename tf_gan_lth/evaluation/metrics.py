"""Metrics of activations: FID, KID, Inception score, precision, recall, density and coverage.

No images and no networks. KID and the Inception score are TF-GAN's, called block by block to keep
memory small. TF-GAN computes FID from activations only, with two singular value decompositions for
the square roots; here it is computed from means and covariances, which can be stored, to the same
value.
"""

import dataclasses
import functools

import numpy as np
import scipy.linalg
import sklearn.metrics
import sklearn.neighbors
import tensorflow as tf

from tf_gan_lth.training import tfgan

ROWS = 1000  # rows of features that are processed at a time


@dataclasses.dataclass(frozen=True)
class Gaussian:
    """A normal distribution fitted to activations.

    Attributes:
      mu: mean, `(D,)` float64.
      sigma: unbiased covariance, `(D, D)` float64.
    """

    mu: np.ndarray
    sigma: np.ndarray

    @functools.cached_property
    def factor(self) -> np.ndarray:
        """F with sigma = F F^T; cached, so that a reference computes it only once."""
        values, vectors = scipy.linalg.eigh(self.sigma, check_finite=False)
        return vectors * np.sqrt(np.maximum(values, 0.0))


def fit_gaussian(features: np.ndarray) -> Gaussian:
    """Fits a normal distribution to features `(N, D)`, with N at least 2."""
    mu = features.mean(axis=0, dtype=np.float64)
    sigma = np.zeros([len(mu), len(mu)])
    for at in range(0, len(features), ROWS):
        centred = features[at : at + ROWS] - mu
        sigma += centred.T @ centred
    return Gaussian(mu, sigma / (len(features) - 1))


def frechet_distance(a: Gaussian, b: Gaussian) -> float:
    """FID: |mu_a - mu_b|^2 + tr(sigma_a + sigma_b - 2 (sigma_a sigma_b)^(1/2)).

    The trace of the root is the sum of the singular values of A^T B, where sigma_a = A A^T and
    sigma_b = B B^T. Unlike the square roots of the product's eigenvalues, these are exact up to
    rounding even for singular covariances.

    Source: Heusel et al. 2017; the identity is that of the Bures distance, Bhatia et al. 2019.
    """
    roots = scipy.linalg.svdvals(a.factor.T @ b.factor).sum()
    distance = np.sum((a.mu - b.mu) ** 2) + np.trace(a.sigma) + np.trace(b.sigma) - 2.0 * roots
    # Only rounding makes it negative. NaN stays NaN.
    return float(np.maximum(distance, 0.0))


def kernel_distance(
    real: np.ndarray, generated: np.ndarray, block_size: int
) -> tuple[float, float | None]:
    """KID by TF-GAN, block by block, and its standard error.

    Args:
      real, generated: features `(M, D)` and `(N, D)`, each in random order.
      block_size: largest number of images in a block.

    Returns:
      The mean over blocks of the unbiased estimate of the squared maximum mean discrepancy, and
      its standard error (None with a single block).

    Raises:
      ValueError: a block would have fewer than two images of one of the sets.

    Source: Binkowski et al. 2018, with TF-GAN's blocks.
    """
    blocks = -(-max(len(real), len(generated)) // block_size)
    if min(len(real), len(generated)) < 2 * blocks:
        raise ValueError(f"{blocks} blocks need {2 * blocks} images of each set")
    estimates = []
    for a, b in zip(_blocks(real, blocks), _blocks(generated, blocks), strict=True):
        estimates.append(
            float(_block_distance(tf.constant(a, tf.float64), tf.constant(b, tf.float64)))
        )
    error = np.std(estimates, ddof=1) / np.sqrt(blocks) if blocks > 1 else None
    return float(np.mean(estimates)), None if error is None else float(error)


@tf.function  # several times faster: eager TensorFlow cubes with a general power
def _block_distance(real: tf.Tensor, generated: tf.Tensor) -> tf.Tensor:
    return tfgan.metrics.kernel_classifier_distance_from_activations(
        real, generated, max_block_size=2**30
    )


def _blocks(features: np.ndarray, number: int) -> list[np.ndarray]:
    """Splits as TF-GAN does: into blocks that differ by at most one row, smaller ones first."""
    size, larger = divmod(len(features), number)
    return np.split(features, np.cumsum([size] * (number - larger) + [size + 1] * larger)[:-1])


class InceptionScore:
    """The Inception score by TF-GAN over equal splits, from logits in batches of any size.

    Only the logits of the current split are kept in memory.

    Args:
      count: total number of images.
      splits: number of splits.

    Raises:
      ValueError: fewer images than splits.

    Source: Salimans et al. 2016.
    """

    def __init__(self, count: int, splits: int):
        if count < splits:
            raise ValueError(f"{splits} splits need {splits} images")
        self._ends = [count * (split + 1) // splits for split in range(splits)]
        self._seen = 0
        self._logits: list[np.ndarray] = []
        self._scores: list[float] = []

    def add(self, logits: np.ndarray) -> None:
        """Adds the next logits, `(n, K)`."""
        while len(logits):
            part = logits[: self._ends[len(self._scores)] - self._seen]
            self._logits.append(part)
            self._seen += len(part)
            logits = logits[len(part) :]
            if self._seen == self._ends[len(self._scores)]:
                whole = tf.constant(np.concatenate(self._logits), tf.float64)
                self._scores.append(float(tfgan.metrics.classifier_score_from_logits(whole)))
                self._logits = []

    def result(self) -> tuple[float, float]:
        """Mean and (population) standard deviation over the splits; call after the last `add`."""
        return float(np.mean(self._scores)), float(np.std(self._scores))


@dataclasses.dataclass(frozen=True)
class Manifold:
    """Where images lie: a ball around each, with the k-th nearest neighbour on its surface.

    Attributes:
      features: centres of the balls, `(N, D)` float64.
      radii: squared radii of the balls, `(N,)`.
      neighbours: k.
    """

    features: np.ndarray
    radii: np.ndarray
    neighbours: int


def fit_manifold(features: np.ndarray, neighbours: int) -> Manifold:
    """Fits balls around features `(N, D)`, with N greater than `neighbours`."""
    features = features.astype(np.float64)
    index = sklearn.neighbors.NearestNeighbors(
        n_neighbors=neighbours, algorithm="brute", metric="sqeuclidean"
    ).fit(features)
    # Without an argument, a point does not count as its own neighbour.
    distances, _ = index.kneighbors()
    return Manifold(features, distances[:, -1], neighbours)


def manifold_scores(real: Manifold, generated: Manifold) -> dict[str, float]:
    """Precision, recall, density and coverage of generated images.

    They count generated features in balls around real ones, or the reverse.

    Returns:
      `precision`, `recall` and `coverage` in [0, 1], and `density`, which is not negative.

    Source: Kynkaanniemi et al. 2019 (precision, recall); Naeem et al. 2020 (density, coverage).
    """
    balls = np.zeros(len(generated.radii), int)  # number of real balls around each generated image
    recalled = np.zeros(len(real.radii), bool)
    nearest = np.full(len(real.radii), np.inf)
    norms = np.sum(real.features**2, axis=1)
    for at in range(0, len(generated.radii), ROWS):
        rows = slice(at, at + ROWS)
        distances = sklearn.metrics.pairwise.euclidean_distances(
            generated.features[rows], real.features, Y_norm_squared=norms, squared=True
        )
        balls[rows] = np.count_nonzero(distances < real.radii, axis=1)
        recalled |= (distances < generated.radii[rows, None]).any(axis=0)
        nearest = np.minimum(nearest, distances.min(axis=0))
    return {
        "precision": float(np.mean(balls > 0)),
        "recall": float(np.mean(recalled)),
        "density": float(np.mean(balls) / real.neighbours),
        "coverage": float(np.mean(nearest < real.radii)),
    }
