"""GANs by name: Keras graphs, what is usual for training them, snapshots, networks on replicas. No training, no pruning."""

from tf_gan_lth.models.registry import GAN, Hyperparameters, build
from tf_gan_lth.models.snapshots import load_snapshot, take_snapshot, variables

__all__ = ["GAN", "Hyperparameters", "build", "load_snapshot", "take_snapshot", "variables"]
