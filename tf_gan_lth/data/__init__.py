"""Images by name, through TFDS, as `tf.data` batches in [-1, 1]. No networks."""

from tf_gan_lth.data.datasets import FOLDER, ImageSet, load, open_images
from tf_gan_lth.data.domains import Domains, known_domains, load_domains
from tf_gan_lth.data.folders import ImageFolder
from tf_gan_lth.data.pictures import grid
from tf_gan_lth.data.pipeline import (
    AUGMENTATIONS,
    load_resolution,
    training_batches,
    translation_batches,
)
from tf_gan_lth.data.pixels import quantize, scale

__all__ = [
    "AUGMENTATIONS",
    "FOLDER",
    "Domains",
    "ImageFolder",
    "ImageSet",
    "grid",
    "known_domains",
    "load",
    "load_domains",
    "load_resolution",
    "open_images",
    "quantize",
    "scale",
    "training_batches",
    "translation_batches",
]
