"""What scores are computed from: features of generated images beside those of real ones."""

import functools

import numpy as np

from tf_gan_lth.evaluation import metrics
from tf_gan_lth.evaluation.labels import Classes
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
      classes: what scores of classes are computed from; None if there is not all of it.

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
        classes: Classes | None = None,
    ):
        self.features = features
        self.classes = classes
        self.reference = reference
        self.protocol = protocol
        self.notes: list[str] = []
        self._inception = inception
        self._real_manifold = real_manifold
        self._check_width()
        self._note_origin()
        self._note_other_classes()

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

    def _note_other_classes(self) -> None:
        """Notes that the feature network tells other things apart than the data do."""
        if not self.classes or not self.classes.real.names or not self.classes.known:
            return
        names = zip(self.classes.known, self.classes.real.names, strict=True)
        for number, (own, theirs) in enumerate(names):
            if own != theirs:
                self.notes.append(
                    "label accuracy means nothing unless feature network"
                    f" '{self.protocol.feature_network}' knows the data's classes: its class"
                    f" {number} is '{own}', theirs '{theirs}'"
                )
                return

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

    @property
    def label_accuracy(self) -> float:
        """The share of generated images that are seen as the class asked for."""
        return float(np.mean(self.classes.seen == self.classes.asked.numbers))

    @functools.cached_property
    def class_distances(self) -> list[float | None]:
        """FID within each class, between its real images and those asked to be of it.

        None where there are fewer than two of either.
        """
        found: list[float | None] = []
        for number in range(self.classes.real.classes):
            real = self.reference.features[self.classes.real.numbers == number]
            generated = self.features[self.classes.asked.numbers == number]
            distance = None
            if min(len(real), len(generated)) >= 2:
                distance = metrics.frechet_distance(
                    metrics.fit_gaussian(real), metrics.fit_gaussian(generated)
                )
            found.append(distance)
        self._note_small_classes()
        return found

    @property
    def class_distance(self) -> float | None:
        """The mean of `class_distances`; None if one is missing."""
        found = self.class_distances
        return None if None in found else float(np.mean(found))

    def _note_small_classes(self) -> None:
        """Notes classes of too few images, with the one that has the fewest."""
        asked, real = self.classes.asked.counts, self.classes.real.counts
        fewest = np.minimum(asked, real)
        lowest = int(fewest.argmin())
        size = self.features.shape[1]
        kind = "generated" if fewest[lowest] == asked[lowest] else "reference"
        noun = "image" if fewest[lowest] == 1 else "images"
        title = self.classes.real.titles[lowest]
        least = f"class {title} has {fewest[lowest]} {kind} {noun}"
        if fewest[lowest] < 2:
            self.notes.append(f"no class FID: {least}, and a covariance needs two")
        elif fewest[lowest] <= size:
            self.notes.append(
                f"{np.sum(fewest <= size)} of {len(fewest)} classes have no more images than there"
                f" are features, {size} ({least}): class FID is biased upwards; use more images"
            )

    @property
    def by_class(self) -> dict[str, dict[str, object]]:
        """Of each class, by its name or number: `fid`, `label_accuracy` and `generated` images.

        Either is None where there are too few.
        """
        asked = self.classes.asked
        right = np.bincount(
            asked.numbers[self.classes.seen == asked.numbers], minlength=asked.classes
        )
        return {
            title: {
                "fid": distance,
                "label_accuracy": float(found / count) if count else None,
                "generated": int(count),
            }
            for title, distance, found, count in zip(
                self.classes.real.titles, self.class_distances, right, asked.counts, strict=True
            )
        }
