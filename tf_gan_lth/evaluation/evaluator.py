"""Scores generated images against a reference; each record names its protocol."""

import dataclasses
import time
import warnings
from collections.abc import Iterable

import numpy as np
import tensorflow as tf

from tf_gan_lth.evaluation import metrics
from tf_gan_lth.evaluation.extraction import Extractor
from tf_gan_lth.evaluation.labels import Labels, Seen, classes_of
from tf_gan_lth.evaluation.measured import Measured
from tf_gan_lth.evaluation.protocols import Protocol
from tf_gan_lth.evaluation.reference import Reference
from tf_gan_lth.evaluation.scores import CLASS_SCORES, SCORES
from tf_gan_lth.experiment.errors import (
    EvaluationError,
    ToolkitWarning,
    UsageError,
    check_known,
)
from tf_gan_lth.experiment.sections import LABELS
from tf_gan_lth.gans import Prior


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
      UsageError: the protocol's way to draw labels is unknown.
    """

    def __init__(self, protocol: Protocol, extractor: Extractor, reference: Reference):
        check_known("drawing of labels", protocol.labels, LABELS)
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

    def prior(self, prior: Prior) -> Prior:
        """What the protocol draws from, for a generator of that prior: it says which labels.

        Raises:
          UsageError: labels are to be drawn as in the data, and the generator takes none, or the
            reference does not know those of as many classes.
        """
        if self.protocol.labels == "uniform":
            return prior
        if not prior.classes:
            raise UsageError(
                "labels are to be drawn as in the data, and the generator takes none: leave that"
                " out, or score a conditional one"
            )
        name, labels = self.reference.origin.images, self.reference.labels
        if labels is None or labels.classes != prior.classes:
            known = "no labels" if labels is None else f"{labels.classes} classes"
            raise UsageError(
                f"labels are to be drawn as in the data, and {name} has {known}, the generator"
                f" {prior.classes} classes: choose another reference, or draw them uniformly"
            )
        return dataclasses.replace(prior, shares=labels.shares)

    @property
    def identity(self) -> str:
        """The `protocol` of records whose number of images is the protocol's."""
        return self._identity(self.protocol)

    def _identity(self, protocol: Protocol) -> str:
        network, images = self.extractor.network.digest, self.reference.origin.digest
        return f"{protocol.name}/{network[:8]}/{images[:8]}"

    def _details(
        self, protocol: Protocol, ema: bool | None, labels: Labels | None
    ) -> dict[str, object]:
        """Everything that the identity stands for, spelled out for people and other programs."""
        origin = self.reference.origin
        return {
            **dataclasses.asdict(protocol),
            "labels": protocol.labels if labels else None,
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
        self,
        name: str,
        batches: Iterable[tf.Tensor],
        count: int,
        ema: bool | None,
        labels: Labels | None = None,
        trained: bool = False,
    ) -> dict[str, object]:
        """Scores a stream of images.

        Args:
          name: what error messages call the images.
          batches: images `(n, H, W, C)` in [-1, 1], in random order.
          count: total number of images; if it is not the protocol's, the protocol's name in the
            record says so.
          ema: whether averaged parameters generated the images; None if unknown.
          labels: what a conditional generator was asked for; None if it was not asked, or nobody
            knows.
          trained: whether they are of a GAN that trains here, which may come to images that are all
            alike, or bright all over: then that is a warning, so that its run goes on.

        Returns:
          The record: a value for each of `SCORES` (None if these images or this reference do not
          allow it; `warnings` says why), `warnings`, `protocol` (one word, equal for scores that
          are comparable), `protocol_details` and `eval_seconds`. Where labels, logits and reference
          have the same number of classes, likewise each of `CLASS_SCORES`, and `classes`: see
          `Measured.by_class`.

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
        doubts: list[str] | None = [] if trained else None
        measured = self._measure(name, batches, count, protocol, labels, doubts)
        asked = {**SCORES, **(CLASS_SCORES if measured.classes else {})}
        scores = {title: score.function(measured) for title, score in asked.items()}
        for title, value in scores.items():
            if value is not None and not np.isfinite(value):
                raise EvaluationError(
                    f"{title} of {count} images of {name} against"
                    f" {self.reference.origin.images} is {value}"
                )

        # Report what is missing, and build the record.
        notes = [*(doubts or ()), *measured.notes]
        for note in notes:
            warnings.warn(note, ToolkitWarning, stacklevel=2)
        return {
            **scores,
            **({"classes": measured.by_class} if measured.classes else {}),
            "warnings": notes,
            "protocol": self._identity(protocol),
            "protocol_details": self._details(protocol, ema, labels),
            "eval_seconds": time.monotonic() - began,
        }

    def _measure(
        self,
        name: str,
        batches: Iterable[tf.Tensor],
        count: int,
        protocol: Protocol,
        labels: Labels | None,
        doubts: list[str] | None,
    ) -> Measured:
        """Runs the feature network over the images."""
        seen = Seen()
        inception = None
        if count >= protocol.inception_splits:
            inception = metrics.InceptionScore(count, protocol.inception_splits)

        def see(logits: np.ndarray) -> None:
            seen.add(logits)
            if inception:
                inception.add(logits)

        size = self.reference.origin.size
        features = self.extractor.features(name, batches, count, size, see, doubts)
        return Measured(
            features,
            self.reference,
            protocol,
            inception,
            self._real_manifold,
            classes_of(labels, seen, self.reference.labels, self.extractor.network.class_names),
        )
