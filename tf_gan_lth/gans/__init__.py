"""GANs by name: Keras graphs, what is usual for training them, snapshots, networks on replicas. No
training, no pruning.
"""

from tf_gan_lth.gans.registry import GAN, Hyperparameters, Kind, build, kind, role
from tf_gan_lth.gans.snapshots import load_snapshot, take_snapshot, variables

__all__ = [
    "GAN",
    "Hyperparameters",
    "Kind",
    "build",
    "kind",
    "load_snapshot",
    "role",
    "take_snapshot",
    "variables",
]
