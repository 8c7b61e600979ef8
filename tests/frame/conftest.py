"""What a plugin registers in one test module is unknown to the others of the process."""

import pytest

from tf_gan_lth.evaluation.feature_networks import OWN
from tf_gan_lth.evaluation.scores import SCORES
from tf_gan_lth.experiment import plugins
from tf_gan_lth.methods.branches import BRANCHES
from tf_gan_lth.methods.criteria import CRITERIA
from tf_gan_lth.methods.method import METHODS
from tf_gan_lth.training.augmentations import AUGMENTATIONS
from tf_gan_lth.training.losses import LOSSES
from tf_gan_lth.training.terms import TERMS
from tf_gan_lth.training.updates import UPDATES

REGISTRIES = (OWN, SCORES, BRANCHES, CRITERIA, METHODS, AUGMENTATIONS, LOSSES, TERMS, UPDATES)


@pytest.fixture(scope="module", autouse=True)
def registries():
    names = [set(registry) for registry in REGISTRIES]
    yield
    for registry, kept in zip(REGISTRIES, names, strict=True):
        for name in set(registry) - kept:
            registry.remove(name)
    plugins.forget()
