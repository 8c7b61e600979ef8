"""FID, KID and Inception score of generated images, by TF-GAN, each stored with the protocol it was computed under."""

import dataclasses
import time
from collections.abc import Iterable

import numpy as np
import tensorflow as tf

from tf_gan_lth.data import ImageSet, scale
from tf_gan_lth.evaluation.feature_networks import Activations, FeatureNetwork
from tf_gan_lth.evaluation.tfgan import metrics
from tf_gan_lth.experiment.errors import EvaluationError

BATCH = 500


@dataclasses.dataclass(frozen=True)
class Protocol:
    """How a score was computed; scores of different protocols are not comparable.

    Attributes:
      feature_network, feature_network_digest: what turned images into features.
      reference, reference_split, reference_images: the real images, and how many.
      resolution: height and width of the images that are compared, in pixels.
      generated_images: how many generated images.
      ema: whether the generator's averaged parameters made them (with the live batch-norm statistics).
    """

    feature_network: str
    feature_network_digest: str
    reference: str
    reference_split: str
    reference_images: int
    resolution: int
    generated_images: int
    ema: bool

    @property
    def name(self) -> str:
        """Everything above in one word without commas, for tables."""
        sampler = "ema" if self.ema else "live"
        reference = f"{self.reference}:{self.reference_split}:{self.reference_images}x{self.resolution}px"
        return f"{self.feature_network}@{self.feature_network_digest[:8]}/{reference}/{sampler}:{self.generated_images}"


class Evaluator:
    """Scores generated images against one split of real images."""

    def __init__(self, network: FeatureNetwork, reference: ImageSet, num_images: int):
        real_images = (reference.name, reference.split, *reference.images.shape[:2])
        self.protocol = Protocol(network.name, network.digest, *real_images, num_images, ema=True)
        self.network = network
        real = (scale(reference.images[at : at + BATCH]) for at in range(0, len(reference.images), BATCH))
        self.reference = network.activations(real)

    def score(self, batches: Iterable[tf.Tensor]) -> dict[str, object]:
        """FID, KID and Inception score of the images in `batches`.

        Args:
          batches: tensors of images `(n, H, W, C)` in [-1, 1], `protocol.generated_images` of them in all.

        Returns:
          `fid`, `kid`, `kid_standard_error` (null with a single block), `inception_score`, `protocol` (its name),
          `protocol_details`, `eval_seconds`.

        Raises:
          EvaluationError: another number of images, or a score that is not finite.
        """
        began = time.monotonic()
        generated = self.network.activations(batches)
        if len(generated.features) != self.protocol.generated_images:
            raise EvaluationError(f"{len(generated.features)} images came, the protocol says {self.protocol.generated_images}")
        scores = compare(self.reference, generated)
        details = {"protocol": self.protocol.name, "protocol_details": dataclasses.asdict(self.protocol)}
        return {**scores, **details, "eval_seconds": time.monotonic() - began}


def compare(real: Activations, generated: Activations) -> dict[str, float | None]:
    """Scores of generated activations against real ones, all by TF-GAN, in float64.

    FID: Heusel et al. 2017. KID: Binkowski et al. 2018, blocks of 1,000, with its standard error. IS: Salimans et al. 2016.
    """
    a, b = (tf.constant(x.features, tf.float64) for x in (real, generated))
    kid, kid_error = metrics.kernel_classifier_distance_and_std_from_activations(a, b, max_block_size=1000)
    scores = {
        "fid": float(metrics.frechet_classifier_distance_from_activations(a, b)),
        "kid": float(kid),
        "inception_score": float(metrics.classifier_score_from_logits(tf.constant(generated.logits))),
    }
    for name, value in scores.items():
        if not np.isfinite(value):
            counts = f"{len(real.features)} real and {len(generated.features)} generated images"
            raise EvaluationError(f"{name} of {counts} is {value}: too few?")
    error = float(kid_error)
    return {**scores, "kid_standard_error": error if np.isfinite(error) else None}
