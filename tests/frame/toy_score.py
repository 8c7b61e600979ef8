"""A score in one function and one line."""

import numpy as np

from tf_gan_lth.evaluation.scores import register


@register("spread", ".3f")
def feature_spread(images):
    """The mean standard deviation of the generated images' features."""
    return float(np.mean(np.std(images.features, axis=0)))
