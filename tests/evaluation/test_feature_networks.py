"""Feature networks by name, path, graph and URL; what is none is refused."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from tf_gan_lth.evaluation import Extractor, embedded, feature_networks, inception
from tf_gan_lth.experiment import cache
from tf_gan_lth.experiment.errors import EvaluationError, UsageError


def save(path, function, shape, dtype=tf.float32):
    module = tf.Module()
    module.f = tf.function(function, input_signature=[tf.TensorSpec(shape, dtype)])
    tf.saved_model.save(module, str(path), signatures=module.f)
    return str(path)


def outputs(images):
    means = tf.reduce_mean(images, [1, 2])
    return {"pool_3": means[:, None, None], "logits": means}


def test_a_network_is_loaded_once_by_name_or_path():
    assert feature_networks.load("digits") is feature_networks.load("digits")
    by_path = feature_networks.load(str(embedded.NETWORKS["digits"].path))
    assert by_path.digest == feature_networks.load("digits").digest
    assert (by_path.size, by_path.channels) == (None, 1)


def test_a_saved_model_of_a_fixed_size_is_known_to_be_one(tmp_path):
    network = feature_networks.load(save(tmp_path / "m", outputs, [None, 12, 20, 3]))
    assert (network.size, network.channels) == ((12, 20), 3)
    features = Extractor(network, "bilinear").features(
        "images", [tf.random.stateless_uniform([5, 30, 30, 3], [1, 2], -1, 1)], 5
    )
    assert features.shape == (5, 3)  # flattened, as TF-GAN flattens what its module returns


def test_a_module_that_is_called_without_a_signature_is_one_too(tmp_path):
    module = tf.Module()
    module.__call__ = tf.function(outputs, input_signature=[tf.TensorSpec([None, None, None, 3])])
    tf.saved_model.save(module, str(tmp_path / "m"))
    network = feature_networks.load(str(tmp_path / "m"))
    assert network.size is None and network.function(tf.zeros([2, 8, 8, 3]))["pool_3"].shape == (
        2,
        3,
    )


def test_the_size_of_inception_is_known_by_its_outputs(tmp_path):
    def like_inception(images):
        means = tf.reduce_mean(images, [1, 2, 3])[:, None]
        return {"pool_3": tf.tile(means, [1, 2048]), "logits": tf.tile(means, [1, 1008])}

    network = feature_networks.load(save(tmp_path / "m", like_inception, [None, None, None, 3]))
    assert (network.size, network.channels) == ((299, 299), 3)


@pytest.mark.parametrize(
    ("function", "shape", "dtype", "message"),
    [
        (lambda x: {"pool_3": x}, [None, 8, 8, 3], tf.float32, r"lacks the outputs \['logits'\]"),
        (
            outputs,
            [None, 8, 8, 3],
            tf.float64,
            r"takes .*float64.*: a feature network takes float32 images",
        ),
        (
            lambda x: {"pool_3": x, "logits": x},
            [None, 8],
            tf.float32,
            r"takes .*\(None, 8\).*a feature network takes float32 images",
        ),
    ],
)
def test_a_saved_model_of_another_signature_is_refused(tmp_path, function, shape, dtype, message):
    with pytest.raises(EvaluationError, match=message):
        feature_networks.load(save(tmp_path / "m", function, shape, dtype))


def _of_vectors():
    vectors = keras.Input([4])
    return keras.Model(vectors, {"pool_3": vectors, "logits": vectors})


def _of_two_inputs():
    pair = {name: keras.Input([8, 8, 1]) for name in "ab"}
    features = keras.layers.Flatten()(pair["a"] - pair["b"])
    return keras.Model(pair, {"pool_3": features, "logits": features})


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (_of_vectors, r"takes \(None, 4\): it must take images \(N, H, W, C\)"),
        (_of_two_inputs, r"takes .*'b'.*: it must take images \(N, H, W, C\) and nothing else"),
        (lambda: None, "returns None: expected the path of a SavedModel, or a Keras model"),
    ],
)
def test_a_function_that_makes_no_feature_network_is_named(made, message):
    feature_networks.OWN.register(made, name="mine")
    try:
        with pytest.raises(EvaluationError, match=f"feature network 'mine' {message}"):
            feature_networks.load("mine")
    finally:
        feature_networks.OWN.remove("mine")


def test_what_is_not_there_or_no_network_is_refused(tmp_path):
    with pytest.raises(
        UsageError,
        match="unknown feature network 'digit': did you mean 'digits'. Known: digits, inception",
    ):
        feature_networks.load("digit")
    with pytest.raises(EvaluationError, match=f"there is no feature network at {tmp_path}/none"):
        feature_networks.load(f"{tmp_path}/none")
    with pytest.raises(EvaluationError, match="not a SavedModel"):
        feature_networks.load(str(tmp_path))


def test_inception_without_a_network_says_what_to_download_and_where_to_put_it(
    monkeypatch, tmp_path
):
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "hub"))
    monkeypatch.setattr(inception, "URL", "http://127.0.0.1:9/tensorflow/tfgan/eval/inception/1")
    with pytest.raises(EvaluationError) as caught:
        feature_networks.load("inception")
    message = str(caught.value)
    assert "cannot be downloaded" in message and "--feature_network=PATH" in message
    assert f"{tmp_path}/feature_networks/inception" in message and inception.GRAPH_URL in message


@pytest.fixture(scope="module")
def frozen_graph():
    """A graph with the names, shapes, operations and fixed batch of the real one around a single
    convolution.
    """
    draw = np.random.default_rng(0)
    graph = tf.compat.v1.GraphDef()
    graph.versions.producer = 8

    def node(name, op, *inputs, **attributes):
        made = graph.node.add(name=name, op=op, input=inputs)
        for key, value in {"T": tf.float32, **attributes}.items():
            if isinstance(value, tf.DType):
                made.attr[key].type = value.as_datatype_enum
            elif isinstance(value, list):
                made.attr[key].list.i.extend(value)
            elif isinstance(value, bytes):
                made.attr[key].s = value
            elif isinstance(value, bool):
                made.attr[key].b = value
            else:
                made.attr[key].f = value

    def constant(name, value):
        made = graph.node.add(name=name, op="Const")
        made.attr["dtype"].type = tf.as_dtype(value.dtype).as_datatype_enum
        made.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))

    parts = {
        "kernel": draw.normal(size=(3, 3, 3, 2048)).astype(np.float32),
        "mean": draw.normal(size=2048).astype(np.float32),
        "variance": draw.uniform(0.5, 2.0, 2048).astype(np.float32),
        "beta": draw.normal(size=2048).astype(np.float32),
        "gamma": draw.normal(size=2048).astype(np.float32),
        "weights": draw.normal(size=(2048, 1008)).astype(np.float32),
    }
    for name, value in parts.items():
        constant(f"part/{name}", value)
    constant("one_image", np.zeros([1, 10, 10, 3], np.float32))
    constant("size", np.array([299, 299], np.int32))
    constant("half", np.float32(128))
    constant("scale", np.float32(1 / 128))
    node("ResizeBilinear", "ResizeBilinear", "one_image", "size")
    node("Sub", "Sub", "ResizeBilinear", "half")
    node("Mul", "Mul", "Sub", "scale")
    node("conv", "Conv2D", "Mul", "part/kernel", strides=[1, 8, 8, 1], padding=b"VALID")
    names = [f"part/{name}" for name in ("mean", "variance", "beta", "gamma")]
    settings = {"variance_epsilon": 0.001, "scale_after_normalization": False}
    node("norm", "BatchNormWithGlobalNormalization", "conv", *names, **settings)
    node("relu", "Relu", "norm")
    node("pool_3", "AvgPool", "relu", ksize=[1, 38, 38, 1], strides=[1, 1, 1, 1], padding=b"VALID")
    constant("flat", np.array([1, 2048], np.int32))
    node("pool_3/_reshape", "Reshape", "pool_3", "flat")
    node("softmax/logits/MatMul", "MatMul", "pool_3/_reshape", "part/weights")
    return graph, parts


def test_the_frozen_graph_of_2015_runs_on_any_batch(tmp_path, frozen_graph):
    graph, parts = frozen_graph
    (tmp_path / inception.GRAPH).write_bytes(graph.SerializeToString())
    network = feature_networks.load(str(tmp_path / inception.GRAPH))
    assert feature_networks.load(str(tmp_path)).digest == network.digest
    images = tf.random.stateless_uniform([3, 299, 299, 3], [1, 2], -1, 1)
    found = network.function(images)
    convolved = tf.nn.conv2d(((images + 1.0) * 127.5 - 128.0) / 128.0, parts["kernel"], 8, "VALID")
    normalized = (convolved - parts["mean"]) / np.sqrt(parts["variance"] + 0.001) + parts["beta"]
    expected = tf.reduce_mean(tf.nn.relu(normalized), [1, 2])
    assert np.allclose(found["pool_3"], expected, rtol=1e-3, atol=1e-3)
    assert np.allclose(found["logits"], expected @ parts["weights"], rtol=1e-3, atol=0.05)


@pytest.mark.parametrize("content", [b"no graph", b""])
def test_a_file_that_is_not_the_graph_is_refused(tmp_path, content):
    (tmp_path / "other.pb").write_bytes(content)
    with pytest.raises(EvaluationError, match="other.pb is not the frozen Inception graph of 2015"):
        feature_networks.load(str(tmp_path / "other.pb"))
