"""Statistics are made once, kept with their origin, and refused where they do not belong."""

import dataclasses

import numpy as np
import pytest

from tf_gan_lth import data
from tf_gan_lth.evaluation import Evaluator, Extractor, feature_networks, protocols, reference
from tf_gan_lth.evaluation.reference import ReferenceFile
from tf_gan_lth.experiment import cache
from tf_gan_lth.experiment.errors import ArtifactError, EvaluationError, ToolkitWarning


@pytest.fixture
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def extractor():
    return Extractor(feature_networks.load("digits"), "bilinear_tf1")


@pytest.fixture(scope="module")
def digits(tiny_options):
    return data.load("digits", "test", 16, tiny_options["data_dir"])


@pytest.fixture
def made(own_cache, extractor, digits):
    return reference.of_images(digits, extractor)


def test_statistics_are_the_mean_and_the_unbiased_covariance_of_all_images(made, digits):
    features = feature_networks.load("digits").function(data.scale(digits.images))["pool_3"].numpy()
    assert np.allclose(made.gaussian.mu, features.mean(0), atol=1e-5)
    assert np.allclose(made.gaussian.sigma, np.cov(features, rowvar=False), atol=1e-5)


def test_features_come_in_an_order_that_mixes_classes(made, digits):
    order = np.argsort(digits.labels, kind="stable")
    by_class = data.ImageSet("digits", "sorted", digits.images[order], digits.labels[order])
    images = np.concatenate([batch.numpy() for batch in by_class.batches()])
    place = {
        image.tobytes(): label
        for image, label in zip(data.scale(digits.images).numpy(), digits.labels, strict=True)
    }
    labels = np.array([place[image.tobytes()] for image in images])
    assert all(len(set(block)) >= 8 for block in np.split(labels, 9))


def test_the_cache_answers_for_the_same_images_network_and_filter_only(
    own_cache, made, extractor, digits
):
    files = list((own_cache / "references").iterdir())
    assert [file.name for file in files] == [f"{made.origin.digest}.npz"]

    def fail(*args):
        raise ValueError("the cache was not asked")

    blind = Extractor(dataclasses.replace(extractor.network, function=fail), "bilinear_tf1")
    again = reference.of_images(dataclasses.replace(digits, dataset="copy"), blind)
    assert np.array_equal(again.features, made.features)
    assert (
        again.origin == dataclasses.replace(made.origin, images="copy:test")
        and again.origin.digest == made.origin.digest
    )
    others = [
        (dataclasses.replace(digits, images=digits.images[1:]), extractor),
        (dataclasses.replace(digits, images=255 - digits.images), extractor),
        (digits, Extractor(dataclasses.replace(extractor.network, digest="other"), "bilinear_tf1")),
        (digits, Extractor(dataclasses.replace(extractor.network, size=(16, 16)), "bicubic")),
    ]
    digests = {reference.of_images(images, other).origin.digest for images, other in others}
    assert len(digests | {made.origin.digest}) == 5


def test_a_file_of_statistics_gives_back_what_was_written(tmp_path, made, extractor):
    file = ReferenceFile(tmp_path / "stats.npz")
    file.put(made)
    read = reference.read(file.path, extractor)
    assert read.origin == made.origin and np.array_equal(read.gaussian.sigma, made.gaussian.sigma)
    file.put(dataclasses.replace(made, features=None))
    assert reference.read(file.path, extractor).features is None


def test_the_mu_and_sigma_of_another_tool_are_read_and_scores_against_them_warn(
    tmp_path, made, extractor, digits
):
    np.savez(tmp_path / "fid_stats.npz", mu=made.gaussian.mu, sigma=made.gaussian.sigma)
    read = reference.read(tmp_path / "fid_stats.npz", extractor)
    assert np.array_equal(read.gaussian.mu, made.gaussian.mu) and read.origin.count is None
    evaluator = Evaluator(protocols.get("digits"), extractor, read)
    does_not_say, no_others = (
        "fid_stats.npz does not say which feature network",
        "no KID, .*: fid_stats.npz holds only mean",
    )
    with (
        pytest.warns(ToolkitWarning, match=does_not_say),
        pytest.warns(ToolkitWarning, match=no_others),
    ):
        scores = evaluator.score("digits", digits.batches(), digits.count, None)
    assert scores["fid"] < 1e-3 and len(scores["warnings"]) == 2 and scores["kid"] is None


def test_statistics_of_another_network_or_filter_are_refused(tmp_path, made, extractor):
    ReferenceFile(tmp_path / "stats.npz").put(made)
    other = Extractor(
        dataclasses.replace(extractor.network, name="mine", digest="abc"), "bilinear_tf1"
    )
    with pytest.raises(
        EvaluationError,
        match="stats.npz holds statistics of feature network 'digits' .*, not of 'mine'",
    ):
        reference.read(tmp_path / "stats.npz", other)
    resized = Extractor(dataclasses.replace(extractor.network, size=(16, 16)), "bicubic")
    later = dataclasses.replace(made.origin, version=reference.VERSION + 1)
    ReferenceFile(tmp_path / "later.npz").put(dataclasses.replace(made, origin=later))
    with pytest.raises(
        EvaluationError, match="later.npz was made by version 2 of the extraction, this is 1"
    ):
        reference.read(tmp_path / "later.npz", extractor)
    with pytest.raises(
        EvaluationError, match="stats.npz was resized by 'None', the protocol's filter is 'bicubic'"
    ):
        reference.read(tmp_path / "stats.npz", resized)


def break_file(path, made):
    ReferenceFile(path).put(made)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip_a_bit(path, made):
    ReferenceFile(path).put(made)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (break_file, "is broken or no npz file"),
        (flip_a_bit, "is broken or no npz file"),
        (lambda path, made: path.write_text("text"), "is broken or no npz file"),
        (lambda path, made: path.write_bytes(b""), "is broken or no npz file"),
        (
            lambda path, made: np.savez(path, a=np.zeros(3)),
            r"holds \['a'\]: expected arrays mu and sigma",
        ),
        (
            lambda path, made: np.savez(path, mu=np.zeros(3), sigma=np.zeros((2, 2))),
            r"holds mu \(3,\) and sigma \(2, 2\)",
        ),
        (lambda path, made: np.savez(path, mu=np.full(3, np.nan), sigma=np.eye(3)), "not finite"),
        (
            lambda path, made: np.savez(
                path, mu=np.zeros(2), sigma=np.array([[1.0, 2.0], [0.0, 1.0]])
            ),
            "not a covariance",
        ),
        (
            lambda path, made: np.savez(
                path, mu=np.zeros(2), sigma=np.array([[1.0, 2.0], [2.0, 1.0]])
            ),
            "not a covariance",
        ),
        (
            lambda path, made: np.savez(path, mu=np.zeros(0), sigma=np.zeros((0, 0))),
            r"holds mu \(0,\)",
        ),
        (
            lambda path, made: np.savez(path, mu=np.zeros(2), sigma=np.eye(2), origin="{}"),
            "an origin that this version",
        ),
    ],
)
def test_a_file_that_holds_no_statistics_is_refused_by_name(
    tmp_path, made, extractor, spoil, message
):
    path = tmp_path / "stats.npz"
    spoil(path, made)
    with pytest.raises(ArtifactError, match=f"stats.npz.*{message}"):
        reference.read(path, extractor)


def test_a_broken_file_in_the_cache_is_named(own_cache, made, extractor, digits):
    path = own_cache / "references" / f"{made.origin.digest}.npz"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ArtifactError, match=f"{path} is broken .* if it is cached, delete it"):
        reference.of_images(digits, extractor)


def test_a_cache_that_cannot_be_written_is_warned_of_and_done_without(
    monkeypatch, tmp_path, extractor, digits
):
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "file" / "cache"))
    with pytest.warns(
        ToolkitWarning, match="statistics are not cached .*TF_GAN_LTH_CACHE names another folder"
    ):
        assert reference.of_images(digits, extractor).features.shape == (360, 64)


def test_one_image_is_no_reference(own_cache, extractor, digits):
    with pytest.raises(EvaluationError, match="digits:test has 1 image: statistics need two"):
        reference.of_images(dataclasses.replace(digits, images=digits.images[:1]), extractor)
    assert not (own_cache / "references").exists()
