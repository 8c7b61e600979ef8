"""Scores of conditional generators: the class that is asked for, and FID within each class."""

import dataclasses
import warnings

import numpy as np
import pytest
import scipy.linalg
import tensorflow as tf

from tf_gan_lth import data
from tf_gan_lth.evaluation import SCORES, Evaluator, Extractor, protocols, reference
from tf_gan_lth.evaluation.labels import Labels
from tf_gan_lth.experiment.errors import ArtifactError, ToolkitWarning, UsageError
from tf_gan_lth.gans import Prior
from tf_gan_lth.training.sampler import labels_of, sample

COUNT = 1000  # of the images that stand for generated ones
SEED = np.array([3, 4], np.int32)


@pytest.fixture(scope="module")
def digits(tiny_options):
    return data.load("digits", "train", 16, tiny_options["data_dir"])


@pytest.fixture(scope="module")
def extractor():
    return Extractor.of(protocols.get("digits"))


@pytest.fixture(scope="module")
def evaluator(digits, extractor):
    real = reference.of_images(digits, extractor)
    return Evaluator(protocols.get("digits"), extractor, real)


@pytest.fixture(scope="module")
def generated(digits):
    """Blurred digits, and labels a quarter of which are wrong."""
    images = tf.nn.avg_pool2d(data.scale(digits.images[:COUNT]), 2, 1, "SAME")
    labels = digits.labels[:COUNT].copy()
    labels[::4] = (labels[::4] + 3) % 10
    return images, Labels(labels, 10)


@pytest.fixture(scope="module")
def scores(evaluator, generated):
    images, labels = generated
    return evaluator.score("images", [images], COUNT, True, labels)


def by_scipy(real, fake):
    """FID by NumPy and SciPy alone, by the root of a matrix."""
    real, fake = (np.asarray(part, np.float64) for part in (real, fake))
    sigmas = [np.cov(part, rowvar=False) for part in (real, fake)]
    root = scipy.linalg.sqrtm(sigmas[0] @ sigmas[1]).real
    means = real.mean(0) - fake.mean(0)
    return means @ means + np.trace(sigmas[0] + sigmas[1] - 2 * root)


def test_fid_within_classes_is_that_of_numpy_and_scipy(
    digits, extractor, generated, scores, evaluator
):
    images, labels = generated
    network = extractor.network.function
    fake = network(data.quantize(images) / 127.5 - 1.0)["pool_3"].numpy()
    real = network(data.scale(digits.images))["pool_3"].numpy()
    expected = [
        by_scipy(real[digits.labels == number], fake[labels.numbers == number])
        for number in range(10)
    ]
    found = [scores["classes"][str(number)]["fid"] for number in range(10)]
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    assert scores["class_fid"] == pytest.approx(np.mean(expected), rel=1e-4)
    assert len(set(expected)) == 10 and scores["class_fid"] > scores["fid"]


def test_label_accuracy_is_the_share_of_images_seen_as_what_was_asked(extractor, generated, scores):
    images, labels = generated
    logits = extractor.network.function(data.quantize(images) / 127.5 - 1.0)["logits"].numpy()
    right = [int(row.argmax() == asked) for row, asked in zip(logits, labels.numbers, strict=True)]
    assert scores["label_accuracy"] == sum(right) / COUNT
    assert 0.5 < scores["label_accuracy"] < 0.8
    threes = [one for one, asked in zip(right, labels.numbers, strict=True) if asked == 3]
    assert scores["classes"]["3"]["label_accuracy"] == sum(threes) / len(threes)
    assert sum(entry["generated"] for entry in scores["classes"].values()) == COUNT


def test_the_other_scores_and_the_identity_are_as_without_labels(evaluator, generated, scores):
    without = evaluator.score("images", [generated[0]], COUNT, True)
    assert {name: scores[name] for name in SCORES} == {name: without[name] for name in SCORES}
    assert scores["protocol"] == without["protocol"]
    assert "class_fid" not in without and "classes" not in without
    assert scores["protocol_details"]["labels"] == "uniform"
    assert without["protocol_details"]["labels"] is None


@pytest.mark.parametrize("of", ["generator", "reference", "network"])
def test_there_are_none_where_numbers_of_classes_differ(evaluator, generated, of):
    images, labels = generated
    real, extractor = evaluator.reference, evaluator.extractor
    if of == "generator":
        labels = Labels(labels.numbers % 9, 9)
    elif of == "reference":
        real = dataclasses.replace(real, labels=Labels(real.labels.numbers, 11))
    else:
        function = extractor.network.function

        def nine(batch):
            outputs = function(batch)
            return {**outputs, "logits": outputs["logits"][:, :9]}

        network = dataclasses.replace(extractor.network, function=nine)
        extractor = Extractor(network, extractor.resize_filter)
    found = Evaluator(evaluator.protocol, extractor, real)
    record = found.score("images", [images], COUNT, True, labels)
    assert not {"label_accuracy", "class_fid", "classes"} & record.keys()


def test_a_network_of_other_classes_than_the_data_is_warned_of(digits, extractor, generated):
    """A network of digits is none of clothes, though it has as many logits."""
    images, labels = generated

    def notes(names):
        named = dataclasses.replace(digits, class_names=names)
        real = reference.of_images(named, extractor)
        judge = Evaluator(protocols.get("digits"), extractor, real)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ToolkitWarning)
            found = judge.score("images", [images], COUNT, True, labels)["warnings"]
        return [note for note in found if "label accuracy" in note]

    assert digits.class_names == tuple("0123456789") and not notes(digits.class_names)
    assert not notes(None)
    [note] = notes((*digits.class_names[:7], "shirt", "8", "bag"))
    assert "'digits' knows the data's classes: its class 7 is '7', theirs 'shirt'" in note


def test_few_images_of_a_class_are_one_line_with_the_number(evaluator, generated):
    images, labels = generated
    some = np.sort(np.argsort(labels.numbers, kind="stable")[: COUNT - 50])  # few nines
    asked = Labels(labels.numbers[some], 10)
    few = int((asked.numbers == 9).sum())
    assert 2 < few <= 64
    with pytest.warns(ToolkitWarning, match=f"class 9 has {few} generated images.*biased upwards"):
        record = evaluator.score("images", [tf.gather(images, some)], len(some), True, asked)
    assert len(record["warnings"]) == 1 and record["class_fid"] > 0


def test_a_class_without_two_images_has_no_fid_and_so_has_their_mean(evaluator, generated):
    images, labels = generated
    some = np.flatnonzero(labels.numbers != 9)
    some = np.append(some, np.flatnonzero(labels.numbers == 9)[0])
    asked = Labels(labels.numbers[some], 10)
    with pytest.warns(ToolkitWarning, match="no class FID: class 9 has 1 generated image, and a"):
        record = evaluator.score("images", [tf.gather(images, some)], len(some), True, asked)
    assert record["class_fid"] is None and record["classes"]["9"]["fid"] is None
    assert record["classes"]["8"]["fid"] > 0 and record["label_accuracy"] > 0.5


def test_labels_are_drawn_uniformly_or_as_in_the_data(evaluator, digits):
    prior = Prior(4, 10)
    assert evaluator.prior(prior) == prior
    counts = np.bincount(digits.labels)
    as_data = Evaluator(
        evaluator.protocol.but(labels="data"), evaluator.extractor, evaluator.reference
    )
    drawn = as_data.prior(prior)
    np.testing.assert_allclose(drawn.shares, counts / counts.sum())
    assert as_data.identity.startswith("digits+labels=data/")
    rare = dataclasses.replace(prior, shares=(0.0, 0.7, 0.0, 0.3, *[0.0] * 6))
    shares = np.bincount(labels_of(rare, 5000, SEED), minlength=10) / 5000
    np.testing.assert_allclose(shares, rare.shares, atol=0.02)
    assert not shares[[0, 2, 4, 9]].any()
    uniform = np.bincount(labels_of(prior, 5000, SEED), minlength=10) / 5000
    np.testing.assert_allclose(uniform, 0.1, atol=0.02)


@pytest.mark.parametrize("shares", [(), (0.2, 0.5, 0.3)])
def test_the_labels_are_those_of_the_images_beside_them(shares):
    prior = Prior(4, 3, shares)
    images = list(sample(lambda latents, labels: labels, prior, 1100, SEED))
    np.testing.assert_array_equal(np.concatenate(images), labels_of(prior, 1100, SEED))
    np.testing.assert_array_equal(labels_of(prior, 30, SEED), labels_of(prior, 1100, SEED)[:30])
    assert labels_of(Prior(4), 30, SEED) is None


def test_labels_as_in_the_data_need_labels_on_both_sides(evaluator):
    protocol = evaluator.protocol.but(labels="data")
    bare = dataclasses.replace(evaluator.reference, labels=None)
    found = Evaluator(protocol, evaluator.extractor, evaluator.reference)
    with pytest.raises(UsageError, match="the generator takes none"):
        found.prior(Prior(4))
    with pytest.raises(UsageError, match="digits:train has 10 classes, the generator 7 classes"):
        found.prior(Prior(4, 7))
    with pytest.raises(UsageError, match="digits:train has no labels, the generator 10 classes"):
        Evaluator(protocol, evaluator.extractor, bare).prior(Prior(4, 10))
    with pytest.raises(UsageError, match="unknown drawing of labels 'dta': did you mean 'data'"):
        Evaluator(protocol.but(labels="dta"), evaluator.extractor, bare)


def test_a_file_of_statistics_keeps_the_labels_of_its_features(tmp_path, evaluator):
    real = evaluator.reference
    named = dataclasses.replace(real.labels, names=tuple("abcdefghij"))
    path = tmp_path / "digits.npz"
    for labels in (named, dataclasses.replace(named, names=None)):
        reference.ReferenceFile(path).put(dataclasses.replace(real, labels=labels))
        found = reference.read(path, evaluator.extractor).labels
        np.testing.assert_array_equal(found.numbers, labels.numbers)
        assert (found.classes, found.names) == (10, labels.names)
    for change in ({"labels": labels.numbers[:-1]}, {"classes": np.array(3)}):
        arrays = {**np.load(path), **change}
        np.savez(path, **arrays)
        with pytest.raises(ArtifactError, match="holds labels that are not those of its 1437"):
            reference.read(path, evaluator.extractor)
