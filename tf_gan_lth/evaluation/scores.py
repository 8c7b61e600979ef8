"""Scores of generated images against a reference, each with the protocol it was computed under."""

import dataclasses
import time
import warnings
from collections.abc import Iterable

import numpy as np
import tensorflow as tf

from tf_gan_lth.evaluation import metrics
from tf_gan_lth.evaluation.extraction import Extractor
from tf_gan_lth.evaluation.protocols import Protocol
from tf_gan_lth.evaluation.reference import Reference
from tf_gan_lth.experiment.errors import EvaluationError, ToolkitWarning

# What a score record holds, in the order that tables show it.
SCORES = (
    "fid",
    "kid",
    "kid_standard_error",
    "inception_score",
    "inception_score_std",
    "precision",
    "recall",
    "density",
    "coverage",
)


class Evaluator:
    """Scores images against one reference under one protocol.

    Args:
      protocol: how; its name will say so if the extractor's feature network is another one.
      extractor: the feature network and resizing.
      reference: statistics of the real images.

    Raises:
      EvaluationError: the reference is of another split than the protocol's, or of another number
        of features than the network's.
    """

    def __init__(self, protocol: Protocol, extractor: Extractor, reference: Reference):
        origin, width = reference.origin, extractor.network.width
        # Of two domains to translate between, trainA and trainB are the train split.
        if origin.split is not None and origin.split.rstrip("AB") != protocol.reference_split:
            raise EvaluationError(
                f"{origin.images} is of split '{origin.split}', protocol {protocol.name} compares"
                f" with '{protocol.reference_split}': choose another --protocol or --reference"
            )
        if width not in (None, len(reference.gaussian.mu)):
            raise EvaluationError(
                f"{origin.images} has statistics of {len(reference.gaussian.mu)} features, feature"
                f" network '{extractor.network.name}' has {width}"
            )
        self.protocol = protocol.but(feature_network=extractor.network.name)
        self.extractor, self.reference = extractor, reference
        self._manifold: metrics.Manifold | None = None

    @property
    def identity(self) -> str:
        """What scores of as many images as the protocol says have as their `protocol`."""
        return self._identity(self.protocol)

    def _identity(self, protocol: Protocol) -> str:
        network, images = self.extractor.network.digest, self.reference.origin.digest
        return f"{protocol.name}/{network[:8]}/{images[:8]}"

    def _details(self, protocol: Protocol, ema: bool | None) -> dict[str, object]:
        """Everything that the identity stands for, for people and other programs."""
        origin = self.reference.origin
        return {
            **dataclasses.asdict(protocol),
            "feature_network_digest": self.extractor.network.digest,
            "reference": origin.images,
            "reference_split": origin.split,
            "reference_digest": origin.digest,
            "reference_images": origin.count,
            "generated_images": protocol.num_images,
            "ema": ema,
        }

    def _real_manifold(self, count: int) -> metrics.Manifold:
        """Of the first real images; made once, as long as the count stays."""
        if self._manifold is None or len(self._manifold.radii) != count:
            self._manifold = metrics.fit_manifold(
                self.reference.features[:count], self.protocol.neighbours
            )
        return self._manifold

    def score(
        self, name: str, batches: Iterable[tf.Tensor], count: int, ema: bool | None
    ) -> dict[str, object]:
        """Scores a stream of images.

        Args:
          name: what errors call the images.
          batches: images `(n, H, W, C)` in [-1, 1], in random order.
          count: how many images come; if that is not what the protocol says, its name in the record
            says so.
          ema: whether averaged parameters made them; None if that is unknown.

        Returns:
          Every one of `SCORES` (None where this many images or this reference cannot give it;
          `warnings` says why), `warnings`, `protocol` (one word, equal for scores that can be
          compared), `protocol_details`, `eval_seconds`.

        Raises:
          EvaluationError: fewer than two images, another number of images than promised, images
            that are not as they should be, or a score that is not finite.
        """
        began = time.monotonic()
        if count < 2:
            raise EvaluationError(
                f"{name}: {count} image; a score needs two, and is good from thousands on"
            )
        protocol, notes = self.protocol.but(num_images=count), []
        inception_score = None
        if count >= protocol.inception_splits:
            inception_score = metrics.InceptionScore(count, protocol.inception_splits)
        else:
            notes.append(
                f"no Inception score: its {protocol.inception_splits} splits need as many images,"
                f" {count} came"
            )
        features = self.extractor.features(
            name,
            batches,
            count,
            self.reference.origin.size,
            inception_score and inception_score.add,
        )
        scores = {**self._distances(features, notes), **_inception_fields(inception_score)}
        for score, value in scores.items():
            if value is not None and not np.isfinite(value):
                raise EvaluationError(
                    f"{score} of {count} images of {name} against {self.reference.origin.images} is"
                    f" {value}"
                )
        for note in notes:
            warnings.warn(note, ToolkitWarning, stacklevel=2)
        record = {
            "warnings": notes,
            "protocol": self._identity(protocol),
            "protocol_details": self._details(protocol, ema),
        }
        return {
            **{score: scores[score] for score in SCORES},
            **record,
            "eval_seconds": time.monotonic() - began,
        }

    def _distances(self, features: np.ndarray, notes: list[str]) -> dict[str, float | None]:
        real, protocol = self.reference, self.protocol
        size, expected = features.shape[1], len(real.gaussian.mu)
        if size != expected:  # of a network that did not say so before
            raise EvaluationError(
                f"{real.origin.images} has statistics of {expected} features, the feature network"
                f" has {size}"
            )
        if real.origin.feature_network is None:
            notes.append(
                f"{real.origin.images} does not say which feature network, resizing and images made"
                f" it: FID means something only if those were '{protocol.feature_network}',"
                f" '{protocol.resize_filter}' and of split '{protocol.reference_split}'"
            )
        for images, number in (("generated", len(features)), ("reference", real.origin.count)):
            if number is not None and number <= size:
                notes.append(
                    f"{number} {images} images for {size} features: FID is biased upwards; trust"
                    " KID, or use more images"
                )
        scores = {"fid": metrics.frechet_distance(real.gaussian, metrics.fit_gaussian(features))}
        kid = (None, None)
        manifold = dict.fromkeys(("precision", "recall", "density", "coverage"))
        if real.features is None:
            notes.append(
                f"no KID, precision, recall, density, coverage: {real.origin.images} holds only"
                " mean and covariance"
            )
        else:
            try:
                kid = metrics.kernel_distance(real.features, features, protocol.kid_block_size)
            except ValueError as error:
                notes.append(f"no KID: {error}")
            # As many real as generated images: all four depend on the numbers, coverage most.
            each = min(protocol.manifold_images, len(real.features), len(features))
            if each > protocol.neighbours:
                generated = metrics.fit_manifold(features[:each], protocol.neighbours)
                manifold = metrics.manifold_scores(self._real_manifold(each), generated)
            else:
                notes.append(
                    f"no precision, recall, density, coverage: {protocol.neighbours} neighbours"
                    " need more images than that"
                )
        return {**scores, "kid": kid[0], "kid_standard_error": kid[1], **manifold}


def _inception_fields(score: metrics.InceptionScore | None) -> dict[str, float | None]:
    mean, deviation = score.result() if score else (None, None)
    return {"inception_score": mean, "inception_score_std": deviation}
