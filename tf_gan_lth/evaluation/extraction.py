"""Streams of images to features: every image is checked, rounded to 8 bits, resized once and seen by the network."""

import functools
import warnings
from collections.abc import Callable, Iterable

import numpy as np
import tensorflow as tf

from tf_gan_lth.data import quantize
from tf_gan_lth.evaluation.feature_networks import FeatureNetwork
from tf_gan_lth.experiment.errors import EvaluationError, ToolkitWarning, check_known
from tf_gan_lth.training import replicas

# Height and width to resize to; images as float. TensorFlow 1's bilinear filter is the one inside the frozen Inception graph.
RESIZE_FILTERS: dict[str, Callable[[tf.Tensor, tuple[int, int]], tf.Tensor]] = {
    "bilinear_tf1": tf.compat.v1.image.resize_bilinear,
    "bilinear": functools.partial(tf.image.resize, method="bilinear", antialias=True),
    "bicubic": functools.partial(tf.image.resize, method="bicubic", antialias=True),
}
PIXELS = 2**23  # that the network sees at a time: bounds the memory of its activations
TOLERANCE = 1e-3  # beyond [-1, 1] that counts as rounding


class Extractor:
    """Runs a feature network over images, on the replicas of the strategy in use.

    Args:
      network: what turns images into features, loaded under the same strategy.
      resize_filter: how images become the size that the network takes, if it takes only one.
    """

    def __init__(self, network: FeatureNetwork, resize_filter: str):
        check_known("resize filter", resize_filter, RESIZE_FILTERS)
        self.network = network
        self.resize_filter = resize_filter
        self._step = replicas.share(self._activations)

    def _activations(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        # As if saved as PNG: a score is then the same for a generator and for the folder of its pictures.
        images = quantize(images) / 127.5 - 1.0
        if self.network.size:
            images = RESIZE_FILTERS[self.resize_filter](images, self.network.size)
        return self.network.function(images)

    def features(self, batches: Iterable[tf.Tensor], count: int, logits: Callable[[np.ndarray], None] | None = None) -> np.ndarray:
        """The features of a stream of images; nothing else of them is kept.

        Args:
          batches: images `(n, H, W, C)` in [-1, 1], tensors or arrays.
          count: how many images come.
          logits: called with the logits `(n, K)` of each part of the stream.

        Returns:
          `(count, D)` float32, in the order of the images.

        Raises:
          EvaluationError: another number of images; values that are not finite or out of range; images that the network
            does not take; images that are all alike.
        """
        features, seen, lowest = None, 0, np.inf
        for images in batches:
            images = tf.cast(images, tf.float32)
            lowest = min(lowest, self._check(images))
            height, width = self.network.size or images.shape[1:3]
            size = max(1, PIXELS // (height * width))
            for part in (images[at : at + size] for at in range(0, len(images), size)):
                outputs = self._run(part)
                found = outputs["pool_3"].numpy()
                if features is None:
                    features = np.empty([count, found.shape[1]], np.float32)
                if seen + len(found) <= count:
                    features[seen : seen + len(found)] = found
                seen += len(found)
                if logits and seen <= count:
                    logits(outputs["logits"].numpy())
        if seen != count:
            raise EvaluationError(f"{seen} images came, {count} were expected")
        _check_features(features, lowest)
        return features

    def _check(self, images: tf.Tensor) -> float:
        """Raises `EvaluationError` if the images are not as they should be; returns their lowest value."""
        # Asked of the images, because a ReLU turns NaN into 0 and hides it from every score.
        if not tf.reduce_all(tf.math.is_finite(images)):
            raise EvaluationError("an image holds values that are not finite: did the generator diverge?")
        if images.shape.rank != 4:
            raise EvaluationError(f"images come as {images.shape}: expected (n, height, width, channels)")
        low, high = float(tf.reduce_min(images)), float(tf.reduce_max(images))
        if low < -1.0 - TOLERANCE or high > 1.0 + TOLERANCE:
            raise EvaluationError(f"images hold values from {low:g} to {high:g}: expected [-1, 1]")
        channels = self.network.channels
        if channels not in (None, images.shape[-1]):
            raise EvaluationError(
                f"the images have {images.shape[-1]} channels, feature network '{self.network.name}' takes {channels}: "
                "choose another --feature_network or --protocol"
            )
        return low

    def _run(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        try:
            return self._step(images)
        except (ValueError, TypeError, tf.errors.InvalidArgumentError) as error:
            reason = str(error).strip().splitlines()[-1].strip()
            raise EvaluationError(
                f"feature network '{self.network.name}' does not take images of shape {images.shape[1:]}: {reason}"
            ) from None


def _check_features(features: np.ndarray, lowest: float) -> None:
    if not np.isfinite(features).all():
        raise EvaluationError("the feature network returned values that are not finite")
    spread, largest = np.ptp(features, axis=0).max(), np.abs(features).max()
    if spread <= 1e-6 * largest:
        raise EvaluationError(f"all {len(features)} images are alike (they have the same features): did the generator collapse?")
    if lowest >= 0.0:
        warnings.warn("no image has a value below 0: images should lie in [-1, 1], not [0, 1]", ToolkitWarning, stacklevel=3)
