"""Training and sampling: `keras.Model`s with a `train_step`, losses, EMA, callbacks. Knows nothing
of rounds or branches.
"""

from tf_gan_lth.training.sampler import Inference, Sampler
from tf_gan_lth.training.trainer import EMA, Masks, Trainer, Weights

__all__ = ["EMA", "Inference", "Masks", "Sampler", "Trainer", "Weights"]
