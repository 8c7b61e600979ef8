"""What a generator draws from, by one function for training, scores, grids and exports."""

import dataclasses

import numpy as np
import tensorflow as tf

from tf_gan_lth.data import draws

LABELS = 1  # the draw of a stream that labels come from; latents are the stream's own


@dataclasses.dataclass(frozen=True)
class Prior:
    """Latents from N(0, I), and for a conditional generator labels.

    Attributes:
      dim: length of a latent vector.
      classes: number of classes; 0 if the generator takes no labels.
      shares: of each class among the labels, which sum to 1; empty draws them uniformly.
    """

    dim: int
    classes: int = 0
    shares: tuple[float, ...] = ()

    def draw(
        self, count: int | tf.Tensor, seed: tf.Tensor, labels: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, ...]:
        """What the generator takes, a function of the seed alone.

        Args:
          count: how many.
          seed: two int32.
          labels: `(count,)` int32 in [0, classes), instead of drawn ones; of a conditional prior.

        Returns:
          `(latents,)`, or `(latents, labels)`: `(count, dim)` float32 and `(count,)` int32.
        """
        latents = draws.normal([count, self.dim], seed)
        if not self.classes:
            return (latents,)
        if labels is None:
            labels = self._labels(count, draws.fold_in(seed, LABELS))
        return latents, labels

    def _labels(self, count: int | tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        if not self.shares:
            return draws.integers([count], seed, self.classes)
        # Class k has the values between what the classes before it have together, and that and k.
        ends = tf.constant(np.cumsum(self.shares)[:-1], tf.float32)
        return tf.searchsorted(ends, draws.uniform([count], seed), side="right")
