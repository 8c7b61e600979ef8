"""What scores are computed from: features of generated images beside those of real ones."""

import functools

import numpy as np

from tf_gan_lth.evaluation import metrics
from tf_gan_lth.evaluation.protocols import Protocol
from tf_gan_lth.evaluation.reference import Reference
from tf_gan_lth.experiment.errors import EvaluationError

MANIFOLD = ("precision", "recall", "density", "coverage")


class Measured:
    """The argument of every score; quantities that several scores share are computed once.

    Args:
      features: features of the generated images, `(N, D)` float32.
      reference: statistics of the real images, with or without their features.
      protocol: how scores are computed.
      inception: Inception score of the generated images, which has been given all their logits;
        None if there are too few images.
      real_manifold: a function of a count that returns the manifold of that many real images.

    Attributes:
      notes: why a score is None, or what to know about it, one line each.
    """

    def __init__(
        self,
        features: np.ndarray,
        reference: Reference,
        protocol: Protocol,
        inception: metrics.InceptionScore | None,
        real_manifold,
    ):
        self.features = features
        self.reference = reference
        self.protocol = protocol
        self.notes: list[str] = []
        self._inception = inception
        self._real_manifold = real_manifold
        self._check_width()
        self._note_origin()

    def _check_width(self) -> None:
        size = self.features.shape[1]
        expected = len(self.reference.gaussian.mu)
        # Networks that do not state their number of features were not checked before.
        if size != expected:
            raise EvaluationError(
                f"{self.reference.origin.images} has statistics of {expected} features, the feature"
                f" network has {size}"
            )

    def _note_origin(self) -> None:
        origin, size = self.reference.origin, self.features.shape[1]
        if self._inception is None:
            self.notes.append(
                f"no Inception score: its {self.protocol.inception_splits} splits need as many"
                f" images, {len(self.features)} came"
            )
        if origin.feature_network is None:
            self.notes.append(
                f"{origin.images} does not say which feature network, resizing and images made it:"
                f" FID means something only if those were '{self.protocol.feature_network}',"
                f" '{self.protocol.resize_filter}' and of split '{self.protocol.reference_split}'"
            )
        for images, number in (("generated", len(self.features)), ("reference", origin.count)):
            if number is not None and number <= size:
                self.notes.append(
                    f"{number} {images} images for {size} features: FID is biased upwards; trust"
                    " KID, or use more images"
                )
        if self.reference.features is None:
            self.notes.append(
                f"no KID, precision, recall, density, coverage: {origin.images} holds only mean and"
                " covariance"
            )

    @functools.cached_property
    def frechet_distance(self) -> float:
        return metrics.frechet_distance(
            self.reference.gaussian, metrics.fit_gaussian(self.features)
        )

    @functools.cached_property
    def kernel_distance(self) -> tuple[float | None, float | None]:
        """KID and its standard error."""
        real = self.reference.features
        if real is None:
            return None, None
        try:
            return metrics.kernel_distance(real, self.features, self.protocol.kid_block_size)
        except ValueError as error:
            self.notes.append(f"no KID: {error}")
            return None, None

    @functools.cached_property
    def inception_score(self) -> tuple[float | None, float | None]:
        """The Inception score and its standard deviation over splits of the images."""
        return self._inception.result() if self._inception else (None, None)

    @functools.cached_property
    def manifold(self) -> dict[str, float | None]:
        """Precision, recall, density and coverage, from equally many real and generated images.

        All four depend on the numbers of images, coverage most of all.
        """
        real, protocol = self.reference.features, self.protocol
        if real is None:
            return dict.fromkeys(MANIFOLD)
        count = min(protocol.manifold_images, len(real), len(self.features))
        if count <= protocol.neighbours:
            self.notes.append(
                f"no precision, recall, density, coverage: {protocol.neighbours} neighbours need"
                " more images than that"
            )
            return dict.fromkeys(MANIFOLD)
        generated = metrics.fit_manifold(self.features[:count], protocol.neighbours)
        return metrics.manifold_scores(self._real_manifold(count), generated)
