"""GANs by name: one file each, with what is usual for it; snapshots. No training, no pruning."""

from tf_gan_lth.gans.priors import Prior
from tf_gan_lth.gans.registry import build, find, known, options_of, remember
from tf_gan_lth.gans.snapshots import load_snapshot, named_variables, take_snapshot, variables
from tf_gan_lth.gans.spec import GAN, GANSpec, Hyperparameters, ImageShape, Network

__all__ = [
    "GAN",
    "GANSpec",
    "Hyperparameters",
    "ImageShape",
    "Network",
    "Prior",
    "build",
    "find",
    "known",
    "load_snapshot",
    "named_variables",
    "options_of",
    "remember",
    "take_snapshot",
    "variables",
]
