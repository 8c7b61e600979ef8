"""Images by name or of one's own, and their labels, as batches in [-1, 1]. No networks."""

from tf_gan_lth.data.arrays import from_array, from_dataset
from tf_gan_lth.data.conditions import check_classes
from tf_gan_lth.data.datasets import FOLDER, NPZ, folder_path, load, open_images, remember
from tf_gan_lth.data.domains import Domains, known_domains, load_domains
from tf_gan_lth.data.folders import ImageFolder
from tf_gan_lth.data.image_set import ImageSet
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
    "NPZ",
    "Domains",
    "ImageFolder",
    "ImageSet",
    "check_classes",
    "folder_path",
    "from_array",
    "from_dataset",
    "grid",
    "known_domains",
    "load",
    "load_domains",
    "load_resolution",
    "open_images",
    "quantize",
    "remember",
    "scale",
    "training_batches",
    "translation_batches",
]
