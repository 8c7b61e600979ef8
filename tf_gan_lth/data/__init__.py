"""Images by name, through TFDS, as `tf.data` batches in [-1, 1]. No networks."""

from tf_gan_lth.data.datasets import ImageSet, load
from tf_gan_lth.data.pictures import grid
from tf_gan_lth.data.pipeline import scale, training_batches

__all__ = ["ImageSet", "grid", "load", "scale", "training_batches"]
