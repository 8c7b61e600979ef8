"""Scores generated images against a reference; each record names its protocol."""

import dataclasses
import time
import warnings
from collections.abc import Iterable

import numpy as np
import tensorflow as tf

from tf_gan_lth.evaluation import metrics
from tf_gan_lth.evaluation.extraction import Extractor
from tf_gan_lth.evaluation.measured import Measured
from tf_gan_lth.evaluation.protocols import Protocol
from tf_gan_lth.evaluation.reference import Reference
from tf_gan_lth.evaluation.scores import SCORES
from tf_gan_lth.experiment.errors import EvaluationError, ToolkitWarning


class Evaluator:
    """Scores images against one reference under one protocol.

    Args:
      protocol: how scores are computed; if the extractor has another feature network, or repeats
        grey images, the protocol's name in the records says so.
      extractor: feature network and resizing.
      reference: statistics of the real images.

    Raises:
      EvaluationError: the reference is of another split than the protocol's, or has another number
        of features than the network.
    """

    def __init__(self, protocol: Protocol, extractor: Extractor, reference: Reference):
        origin, width = reference.origin, extractor.network.width
        # Where images are translated between two domains, the train split is trainA and trainB.
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
        self.protocol = protocol.but(feature_network=extractor.network.name, grey=extractor.grey)
        self.extractor, self.reference = extractor, reference
        self._manifold: metrics.Manifold | None = None

    @property
    def identity(self) -> str:
        """The `protocol` of records whose number of images is the protocol's."""
        return self._identity(self.protocol)

    def _identity(self, protocol: Protocol) -> str:
        network, images = self.extractor.network.digest, self.reference.origin.digest
        return f"{protocol.name}/{network[:8]}/{images[:8]}"

    def _details(self, protocol: Protocol, ema: bool | None) -> dict[str, object]:
        """Everything that the identity stands for, spelled out for people and other programs."""
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
        """The manifold of the first `count` real images, recomputed only if the count changes."""
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
          name: what error messages call the images.
          batches: images `(n, H, W, C)` in [-1, 1], in random order.
          count: total number of images; if it is not the protocol's, the protocol's name in the
            record says so.
          ema: whether averaged parameters generated the images; None if unknown.

        Returns:
          The record: a value for each of `SCORES` (None if these images or this reference do not
          allow it; `warnings` says why), `warnings`, `protocol` (one word, equal for scores that
          are comparable), `protocol_details` and `eval_seconds`.

        Raises:
          EvaluationError: fewer than two images, another number of images than `count`, images of
            the wrong shape or range, or a score that is not finite.
        """
        began = time.monotonic()
        if count < 2:
            raise EvaluationError(
                f"{name}: {count} image; a score needs two, and is good from thousands on"
            )

        # Compute the scores, and refuse values that are not finite.
        protocol = self.protocol.but(num_images=count)
        measured = self._measure(name, batches, count, protocol)
        scores = {title: score.function(measured) for title, score in SCORES.items()}
        for title, value in scores.items():
            if value is not None and not np.isfinite(value):
                raise EvaluationError(
                    f"{title} of {count} images of {name} against"
                    f" {self.reference.origin.images} is {value}"
                )

        # Report what is missing, and build the record.
        for note in measured.notes:
            warnings.warn(note, ToolkitWarning, stacklevel=2)
        return {
            **scores,
            "warnings": measured.notes,
            "protocol": self._identity(protocol),
            "protocol_details": self._details(protocol, ema),
            "eval_seconds": time.monotonic() - began,
        }

    def _measure(
        self, name: str, batches: Iterable[tf.Tensor], count: int, protocol: Protocol
    ) -> Measured:
        """Runs the feature network over the images."""
        inception = None
        if count >= protocol.inception_splits:
            inception = metrics.InceptionScore(count, protocol.inception_splits)
        see_logits = inception and inception.add
        size = self.reference.origin.size
        features = self.extractor.features(name, batches, count, size, see_logits)
        return Measured(features, self.reference, protocol, inception, self._real_manifold)
