"""Images by name, through TFDS, as `tf.data` batches in [-1, 1]. No networks."""

from tf_gan_lth.data.datasets import FOLDER, ImageSet, load, open_images
from tf_gan_lth.data.folders import ImageFolder
from tf_gan_lth.data.pictures import grid
from tf_gan_lth.data.pipeline import training_batches
from tf_gan_lth.data.pixels import quantize, scale

__all__ = ["FOLDER", "ImageFolder", "ImageSet", "grid", "load", "open_images", "quantize", "scale", "training_batches"]
