"""Training and sampling: `keras.Model`s with a `train_step`, losses, EMA, callbacks. Knows nothing of rounds or branches."""

from tf_gan_lth.training.sampler import Sampler
from tf_gan_lth.training.trainer import EMA, Masks, Trainer, Weights

__all__ = ["EMA", "Masks", "Sampler", "Trainer", "Weights"]
