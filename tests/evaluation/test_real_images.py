"""On real photographs the scores order what an eye would order. Needs data that the project does
not ship.
"""

import os
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from tf_gan_lth import data
from tf_gan_lth.evaluation import Evaluator, Extractor, feature_networks, protocols, reference

VARIABLE = "TF_GAN_LTH_REAL_DATA"


@pytest.mark.skipif(VARIABLE not in os.environ, reason=f"{VARIABLE} is not set")
def test_real_photographs_are_ordered_by_how_much_they_were_spoilt():
    root = pathlib.Path(os.environ[VARIABLE])
    extractor = Extractor(feature_networks.load(str(root / "cifar10_resnet20")), "bilinear_tf1")
    real = reference.of_images(data.ImageFolder(root / "cifar10", split="train"), extractor)
    test = np.concatenate(list(data.ImageFolder(root / "cifar10" / "test").batches()))
    evaluator = Evaluator(protocols.get("paper"), extractor, real)
    noise = tf.random.stateless_uniform(test.shape, [1, 2], -1, 1)
    sets = [test, tf.nn.avg_pool2d(test, 2, 1, "SAME"), tf.nn.avg_pool2d(test, 4, 1, "SAME"), noise]
    scores = [evaluator.score("images", [images], len(test), None) for images in sets]
    assert scores[0]["fid"] < 0.2 and scores[-1]["fid"] > 30
    for name, sign in [
        ("fid", 1),
        ("kid", 1),
        ("inception_score", -1),
        ("recall", -1),
        ("coverage", -1),
    ]:
        values = [sign * record[name] for record in scores]
        assert values == sorted(values), name
