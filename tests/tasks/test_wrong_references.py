"""Real images that nobody means to compare with are refused, not scored against."""

import numpy as np
import pytest
from PIL import Image

from tf_gan_lth import data
from tf_gan_lth.evaluation import Extractor, feature_networks, reference
from tf_gan_lth.experiment.errors import EvaluationError, UsageError
from tf_gan_lth.tasks.rescoring import Request, evaluate

pytestmark = pytest.mark.filterwarnings("ignore:[0-9]+ .* images for 64 features")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Twelve pictures in grey, the same in colour, and those in four folders of two domains."""
    root = tmp_path_factory.mktemp("pictures")
    draw = np.random.default_rng(0)
    for number in range(12):
        picture = Image.fromarray(draw.integers(0, 256, (16, 16), np.uint8))
        domain = ("trainA", "trainB", "testA", "testB")[number % 4]
        for folder, kind in (("grey", "L"), ("colour", "RGB"), (f"domains/{domain}", "RGB")):
            (root / folder).mkdir(parents=True, exist_ok=True)
            picture.convert(kind).save(root / folder / f"{number}.png")
    return root


def score(images, against):
    request = Request(f"folder:{images}", str(against), "quick", "shapes2stripes")
    return evaluate(request)["scores"][0]


def test_two_domains_are_no_reference(pictures):
    domains = pictures / "domains"
    message = f"{domains} holds two domains, in trainA, trainB, .*such as folder:{domains}/trainB"
    with pytest.raises(UsageError, match=message):
        score(pictures / "colour", f"folder:{domains}")
    one = score(pictures / "colour", f"folder:{domains}/trainB")
    assert one["protocol_details"]["reference_images"] == 3
    assert data.open_images(f"folder:{domains}", "trainB", None).count == 3
    with pytest.raises(UsageError, match="--reference=shapes2stripes has two domains"):
        score(pictures / "colour", "shapes2stripes")


def test_statistics_of_grey_images_are_for_grey_ones(pictures, tmp_path):
    network = feature_networks.load("shapes2stripes")
    files = {}
    for kind, channels in (("grey", 1), ("colour", 3)):
        extractor = Extractor(network, "bilinear_tf1", channels)
        made = reference.of_images(data.ImageFolder(pictures / kind), extractor)
        files[kind] = tmp_path / f"{kind}.npz"
        reference.ReferenceFile(files[kind]).put(made)
    fids = [score(pictures / "grey", file)["fid"] for file in files.values()]
    assert fids == pytest.approx([0.0, 0.0], abs=1e-5)
    assert score(pictures / "colour", files["colour"])["fid"] == pytest.approx(0.0, abs=1e-5)
    with pytest.raises(EvaluationError, match="grey.npz: the number of channels is 1, .* takes 3"):
        score(pictures / "colour", files["grey"])
