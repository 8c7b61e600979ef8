"""Images to scores: feature networks, reference statistics, protocols, metrics.

Knows nothing of masks or rounds.
"""

from tf_gan_lth.evaluation import feature_networks, protocols, reference
from tf_gan_lth.evaluation.evaluator import Evaluator
from tf_gan_lth.evaluation.extraction import Extractor
from tf_gan_lth.evaluation.labels import Labels
from tf_gan_lth.evaluation.protocols import Protocol
from tf_gan_lth.evaluation.scores import CLASS_SCORES, SCORES

__all__ = [
    "CLASS_SCORES",
    "SCORES",
    "Evaluator",
    "Extractor",
    "Labels",
    "Protocol",
    "feature_networks",
    "protocols",
    "reference",
]
