"""Images to scores: feature networks, reference statistics, protocols, metrics.

Knows nothing of masks or rounds.
"""

from tf_gan_lth.evaluation import feature_networks, protocols, reference
from tf_gan_lth.evaluation.evaluator import Evaluator
from tf_gan_lth.evaluation.extraction import Extractor
from tf_gan_lth.evaluation.protocols import Protocol
from tf_gan_lth.evaluation.scores import SCORES

__all__ = [
    "SCORES",
    "Evaluator",
    "Extractor",
    "Protocol",
    "feature_networks",
    "protocols",
    "reference",
]
