"""Streams of images to features.

Every image is checked, rounded to 8 bits, resized once and passed through the feature network.
"""

import functools
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import tensorflow as tf

from tf_gan_lth.data import quantize
from tf_gan_lth.data.pixels import PIXELS
from tf_gan_lth.evaluation import feature_networks
from tf_gan_lth.evaluation.feature_networks import FeatureNetwork
from tf_gan_lth.evaluation.protocols import Protocol
from tf_gan_lth.experiment.errors import EvaluationError, check_known, error_reason
from tf_gan_lth.training import replicas

# Functions of float images and a height and width. TensorFlow 1's bilinear filter is the one that
# the frozen Inception graph itself uses.
RESIZE_FILTERS: dict[str, Callable[[tf.Tensor, tuple[int, int]], tf.Tensor]] = {
    "bilinear_tf1": tf.compat.v1.image.resize_bilinear,
    "bilinear": functools.partial(tf.image.resize, method="bilinear", antialias=True),
    "bicubic": functools.partial(tf.image.resize, method="bicubic", antialias=True),
}
# Incremented whenever the way from images to features changes, so that statistics cached before are
# not reused.
VERSION = 1
TOLERANCE = 1e-3  # excess over [-1, 1] that counts as rounding


class Extractor:
    """Runs a feature network over images, on the replicas of the strategy in use.

    Args:
      network: the feature network, loaded under the same strategy.
      resize_filter: a key of `RESIZE_FILTERS`: how images are resized to the network's size, if it
        takes only one.
      channels: of the images that are to be scored; None if unknown.

    Attributes:
      grey: `repeated` if these are grey and the network takes colour: then grey images are given
        three equal channels. Else None.

    Raises:
      UsageError: the filter is unknown.
    """

    def __init__(self, network: FeatureNetwork, resize_filter: str, channels: int | None = None):
        check_known("resize filter", resize_filter, RESIZE_FILTERS)
        self.network = network
        self.resize_filter = resize_filter
        self.grey = "repeated" if (channels, network.channels) == (1, 3) else None
        self._step = replicas.share(self._activations)

    @classmethod
    def of(cls, protocol: Protocol, channels: int | None = None) -> "Extractor":
        """Makes an extractor with a protocol's feature network and resizing."""
        network = feature_networks.load(protocol.feature_network)
        return cls(network, protocol.resize_filter, channels)

    def _activations(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        # Rounded as if saved as PNG, so that a generator and a folder of its pictures get the same
        # score.
        return self.network.function(self.resize(quantize(images) / 127.5 - 1.0))

    def resize(self, images: tf.Tensor) -> tf.Tensor:
        """Resizes float images to the size that the network takes; unchanged if it takes any."""
        if not self.network.size:
            return images
        return RESIZE_FILTERS[self.resize_filter](images, self.network.size)

    def features(
        self,
        name: str,
        batches: Iterable[tf.Tensor],
        count: int,
        size: tuple[int, int] | None = None,
        logits: Callable[[np.ndarray], None] | None = None,
        doubts: list[str] | None = None,
    ) -> np.ndarray:
        """Computes the features of a stream of images; nothing else of the images is kept.

        Args:
          name: what error messages call the images.
          batches: images `(n, H, W, C)` in [-1, 1], tensors or arrays.
          count: total number of images.
          size: height and width that the images must have if the network takes any; None allows
            any.
          logits: called with the logits `(n, K)` of each part of the stream.
          doubts: gets what makes all images together look wrong; None raises it instead.

        Returns:
          `(count, D)` float32, in the order of the images.

        Raises:
          EvaluationError: another number of images; values that are not finite or out of range;
            images that the network does not take; unless there are `doubts`, images that are all
            alike or seem to lie in [0, 1].
        """
        features, seen, lowest = None, 0, np.inf
        for images in batches:
            images = tf.cast(images, tf.float32)
            if self.grey and images.shape[-1] == 1:
                images = tf.repeat(images, 3, axis=-1)
            lowest = min(lowest, self._check(name, images, size))
            # Split the batch so that the network never sees more than `PIXELS` at a time.
            height, width = self.network.size or images.shape[1:3]
            rows = max(1, PIXELS // (height * width))
            for part in (images[at : at + rows] for at in range(0, len(images), rows)):
                outputs = self._run(name, part)
                found = outputs["pool_3"].numpy()
                if features is None:
                    features = np.empty([count, found.shape[1]], np.float32)
                if seen + len(found) <= count:
                    features[seen : seen + len(found)] = found
                seen += len(found)
                if logits and seen <= count:
                    logits(outputs["logits"].numpy())
        if seen != count:
            raise EvaluationError(f"{name}: {seen} images came, {count} were expected")
        if not np.isfinite(features).all():
            raise EvaluationError(
                f"{name}: the feature network returned values that are not finite"
            )
        for doubt in _doubts(name, features, lowest):
            if doubts is None:
                raise EvaluationError(doubt)
            doubts.append(doubt)
        return features

    def _check(self, name: str, images: tf.Tensor, size: tuple[int, int] | None) -> float:
        """Checks shape, values, channels and size of a batch, and returns its lowest value.

        Of bright pictures that is -1: from files of 8 bits, they cannot be floats in [0, 1].
        """
        network = self.network
        if images.shape.rank != 4:
            raise EvaluationError(
                f"{name}: images come as {images.shape}, expected (n, height, width, channels)"
            )
        # Checked on the images, because a ReLU turns NaN into 0 and hides it from every score.
        if not tf.reduce_all(tf.math.is_finite(images)):
            raise EvaluationError(
                f"{name}: an image holds values that are not finite; if it was generated, training"
                " diverged"
            )
        low = float(tf.reduce_min(images))
        high = float(tf.reduce_max(images))
        if low < -1.0 - TOLERANCE or high > 1.0 + TOLERANCE:
            raise EvaluationError(
                f"{name}: images hold values from {low:g} to {high:g}, expected [-1, 1]"
            )
        self.check_channels(name, images.shape[-1])
        found = tuple(images.shape[1:3])
        if size and not network.size and found != size:
            raise EvaluationError(
                f"{name}: {found[0]}x{found[1]} pixels, the reference was made of"
                f" {size[0]}x{size[1]}: feature network '{network.name}' takes any size, so both"
                " must have the same; make the reference at another --resolution"
            )
        return -1.0 if low >= 0.0 and _are_eight_bit(images) else low

    def check_channels(self, name: str, channels: int) -> None:
        """Raises `EvaluationError` if the network does not take images of so many channels."""
        network = self.network
        if network.channels in (None, channels) or (self.grey and channels == 1):
            return
        raise EvaluationError(
            f"{name}: the number of channels is {channels}, feature network '{network.name}' takes"
            f" {network.channels}; choose another --feature_network or --protocol"
        )

    def _run(self, name: str, images: tf.Tensor) -> dict[str, tf.Tensor]:
        try:
            return self._step(images)
        except (ValueError, TypeError, tf.errors.OpError) as error:
            raise EvaluationError(
                f"{name}: feature network '{self.network.name}' failed on images of shape"
                f" {images.shape}: {error_reason(error)}"
            ) from error


def _are_eight_bit(images: tf.Tensor) -> bool:
    """Whether all values are those of 8-bit pictures, scaled to [-1, 1].

    Half of those that are scaled to [0, 1] are between two of them.
    """
    levels = (images + 1.0) * 127.5
    return bool(tf.reduce_all(tf.abs(levels - tf.round(levels)) < 1e-2))


def _doubts(name: str, features: np.ndarray, lowest: float) -> Iterator[str]:
    """What makes a whole stream look as if it were not the images that are meant."""
    high = features.max(axis=0)
    low = features.min(axis=0)
    if (high - low).max() <= 1e-6 * max(high.max(), -low.min()):
        yield f"{name}: all {len(features)} images are alike (they have the same features)"
    if lowest >= 0.0:
        yield (
            f"{name}: no image has a value below 0, so they seem to lie in [0, 1]; expected [-1, 1]"
        )
