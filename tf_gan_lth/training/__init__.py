"""Training and sampling: `keras.Model`s with a `train_step`, losses, EMA, callbacks.

Knows nothing of rounds or branches.
"""

from tf_gan_lth.training import image_to_image, noise_to_image  # noqa: F401  they register
from tf_gan_lth.training.sampler import Inference, Sampler
from tf_gan_lth.training.trainer import EMA, Kept, Start, Trained, Trainer, Weights

__all__ = ["EMA", "Inference", "Kept", "Sampler", "Start", "Trained", "Trainer", "Weights"]
