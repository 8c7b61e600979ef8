"""Every image is rounded and resized once; work is shared over replicas; images are let go."""

import weakref

import numpy as np
import pytest
import tensorflow as tf

from tf_gan_lth import data
from tf_gan_lth.evaluation import Extractor, extraction, feature_networks
from tf_gan_lth.evaluation.feature_networks import FeatureNetwork
from tf_gan_lth.experiment.errors import UsageError


@pytest.fixture(scope="module")
def images(tiny_options):
    return data.scale(data.load("digits", "test", 16, tiny_options["data_dir"]).images)


def probe(size):
    """A network whose features are the pixels it sees."""

    def function(images):
        return {"pool_3": tf.reshape(images, [tf.shape(images)[0], -1]), "logits": images[:, 0, 0]}

    return FeatureNetwork("probe", "0", function, size, 1, None)


def test_images_are_seen_as_a_png_of_them_would_hold_them(images):
    seen = Extractor(probe(None), "bilinear").features("images", [images * 0.993], len(images))
    stored = data.quantize(images * 0.993).numpy()
    assert np.allclose(seen.reshape(stored.shape), stored / 127.5 - 1, atol=1e-6)
    assert np.array_equal(stored, np.round(stored)) and not np.allclose(
        stored, (images * 0.993 + 1) * 127.5, atol=0.1
    )


@pytest.mark.parametrize("name", extraction.RESIZE_FILTERS)
def test_a_network_of_a_fixed_size_gets_it_by_the_filter_that_is_named(images, name):
    seen = (
        Extractor(probe((29, 31)), name).features("images", [images[:9]], 9).reshape(9, 29, 31, 1)
    )
    exact = data.quantize(images[:9]) / 127.5 - 1.0
    assert np.allclose(seen, extraction.RESIZE_FILTERS[name](exact, (29, 31)), atol=1e-6)


def test_the_filter_of_the_frozen_inception_graph_samples_from_the_corner():
    image = tf.reshape(tf.constant([0.0, 1.0]), [1, 1, 2, 1])
    assert np.allclose(
        extraction.RESIZE_FILTERS["bilinear_tf1"](image, (1, 4)).numpy().ravel(), [0, 0.5, 1, 1]
    )
    with pytest.raises(
        UsageError, match="unknown resize filter 'bilinar': did you mean 'bilinear'"
    ):
        Extractor(probe(None), "bilinar")


def test_features_are_the_same_on_two_replicas(images, two_replicas):
    expected = Extractor(feature_networks.load("digits"), "bilinear_tf1").features(
        "images", [images[:51], images[51:]], len(images)
    )
    with two_replicas.scope():
        extractor = Extractor(feature_networks.load("digits"), "bilinear_tf1")
    shared = extractor.features("images", [images[:51], images[51:]], len(images))
    assert np.allclose(shared, expected, rtol=1e-4, atol=1e-5)
    assert extractor.network is not feature_networks.load("digits")


def test_both_replicas_work(images, two_replicas):
    rows = []

    def function(batch):
        rows.append(tf.distribute.get_replica_context().replica_id_in_sync_group)
        return probe(None).function(batch)

    with two_replicas.scope():
        extractor = Extractor(FeatureNetwork("probe", "0", function, None, 1, None), "bilinear")
    extractor.features("images", [images], len(images))
    assert [int(tf.get_static_value(row)) for row in rows] == [0, 1]


def test_images_are_let_go_once_their_features_are_there():
    kept = []

    def batches():
        for number in range(20):
            batch = tf.random.stateless_uniform([10, 16, 16, 1], [1, number], -1, 1)
            kept.append(weakref.ref(batch))
            yield batch
            del batch
            assert sum(reference() is not None for reference in kept) <= 2

    features = Extractor(feature_networks.load("digits"), "bilinear_tf1").features(
        "images", batches(), 200
    )
    assert features.shape == (200, 64) and features.dtype == np.float32


def test_large_images_go_through_the_network_in_parts(images, monkeypatch):
    expected = Extractor(feature_networks.load("digits"), "bilinear_tf1").features(
        "images", [images], len(images)
    )
    monkeypatch.setattr(extraction, "PIXELS", 16 * 16 * 7)
    parts = Extractor(feature_networks.load("digits"), "bilinear_tf1").features(
        "images", [images], len(images)
    )
    assert np.allclose(parts, expected, rtol=1e-4, atol=1e-5)
