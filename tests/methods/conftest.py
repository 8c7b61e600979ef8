"""What the tests of translating GANs share: pictures of two domains, and options of a small run."""

import pathlib

import numpy as np
import pytest
from compressions import OPTIONS
from helpers import Finished, run_lottery
from PIL import Image

from tf_gan_lth.methods.branches import BRANCHES

SIZE = 24
PICTURES = 12


@pytest.fixture(scope="session")
def pictures(tmp_path_factory) -> pathlib.Path:
    """Grey clouds in four folders: small enough for a lottery in seconds, and for the feature
    network of the digits.
    """
    root = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    for domain in ("trainA", "trainB", "testA", "testB"):
        (root / domain).mkdir()
        for number in range(PICTURES):
            clouds = Image.fromarray(random.integers(0, 256, [4, 4], dtype=np.uint8))
            enlarged = clouds.resize((SIZE, SIZE), Image.Resampling.BICUBIC)
            enlarged.save(root / domain / f"{number}.png")
    return root


@pytest.fixture(scope="session")
def translation_options(pictures) -> dict[str, object]:
    """Options of a CycleGAN of 24x24, two steps a round, two rounds, every branch at the last."""
    return {
        "gan": "cyclegan",
        "dataset": f"folder:{pictures}",
        "resolution": SIZE,
        "width": 2,
        "blocks": 1,
        "steps": 2,
        "prune": ("generator", "discriminator"),
        "rounds": 2,
        "branches": tuple(BRANCHES),
        "branch_rounds": (2,),
        "protocol": "cyclegan",
        "feature_network": "digits",
    }


@pytest.fixture(scope="session")
def dense(tmp_path_factory) -> Finished:
    """A small dense GAN in two replicates, to be compressed."""
    return run_lottery(OPTIONS, tmp_path_factory.mktemp("compress") / "dense")
