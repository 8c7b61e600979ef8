"""Images to scores: feature networks and FID, KID, IS through TF-GAN. Knows nothing of masks or rounds."""

from tf_gan_lth.evaluation import feature_networks
from tf_gan_lth.evaluation.scores import Evaluator, Protocol

__all__ = ["Evaluator", "Protocol", "feature_networks"]
