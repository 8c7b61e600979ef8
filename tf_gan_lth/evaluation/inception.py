"""The Inception network of 2015 that the field scores with.

It comes as TF-Hub's module or as the earlier frozen graph, which hold the same weights. The frozen
graph takes `(pixel - 128) / 128`, and its logits are without bias, as Salimans et al. 2016 use
them; the module takes images in [-1, 1].
"""

import pathlib
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from tf_gan_lth.evaluation import saved_models
from tf_gan_lth.experiment import cache
from tf_gan_lth.experiment.errors import EvaluationError

URL = "https://tfhub.dev/tensorflow/tfgan/eval/inception/1"
GRAPH = "classify_image_graph_def.pb"
GRAPH_URL = "http://download.tensorflow.org/models/image/imagenet/inception-2015-12-05.tgz"
SIZE = 299
FEATURES, CLASSES = 2048, 1008

# Nodes of the frozen graph: the input of the first convolution, the features, and the product of
# the features and the logits' weights.
INPUT, FINAL_POOL, LOGITS = "Mul", "pool_3", "softmax/logits/MatMul"


def find() -> pathlib.Path:
    """The path of the network on this machine; downloads the module if there is none.

    Raises:
      EvaluationError: the network is missing and cannot be downloaded.
    """
    here = cache.folder() / "feature_networks" / "inception"
    return here if here.is_dir() else download(URL)


def download(url: str) -> pathlib.Path:
    """The folder of a TF-Hub module, which is downloaded unless TF-Hub's cache has it.

    Raises:
      EvaluationError: it cannot be downloaded; the message says how to get it by hand.
    """
    import tensorflow_hub

    try:
        return pathlib.Path(tensorflow_hub.resolve(url))
    except (OSError, ValueError, RuntimeError, tf.errors.OpError) as error:
        reason = " ".join(str(error).split())[:200]
    by_hand = "download it elsewhere and give its folder as --feature_network=PATH"
    if url == URL:
        place = cache.folder() / "feature_networks" / "inception"
        by_hand = (
            f"download, elsewhere, either {URL}?tf-hub-format=compressed (the page {URL} describes"
            f" it) or {GRAPH_URL}, unpack it into {place}, so that saved_model.pb or {GRAPH} lies"
            " there, or give its place as --feature_network=PATH"
        )
    raise EvaluationError(f"feature network {url} cannot be downloaded ({reason}): {by_hand}")


def load_graph(path: pathlib.Path) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """Reads the frozen graph as a function of images `(N, 299, 299, 3)` in [-1, 1].

    Raises:
      EvaluationError: the file is not that graph.
    """
    graph = tf.compat.v1.GraphDef()
    try:
        graph.ParseFromString(path.read_bytes())
        nodes = {node.name: node for node in graph.node}
        weights = nodes[LOGITS].input[1]
        # Take only this part: the nodes before it decode a JPEG, those after it take one image.
        graph = tf.compat.v1.graph_util.extract_sub_graph(_modern(graph), [FINAL_POOL, weights])
        saved_models.check_graph(path, graph)

        def network(images: tf.Tensor) -> dict[str, tf.Tensor]:
            pixels = (images + 1.0) * 127.5
            elements = [f"{FINAL_POOL}:0", f"{weights}:0"]
            inputs = {f"{INPUT}:0": (pixels - 128.0) / 128.0}
            pool, kernel = tf.graph_util.import_graph_def(
                graph, input_map=inputs, return_elements=elements
            )
            features = tf.reshape(pool, [-1, FEATURES])
            return {"pool_3": features, "logits": tf.matmul(features, kernel)}

        return tf.compat.v1.wrap_function(network, [tf.TensorSpec([None, SIZE, SIZE, 3])])
    except (
        DecodeError,
        KeyError,
        IndexError,
        AssertionError,
        ValueError,
        tf.errors.OpError,
    ) as error:
        raise EvaluationError(
            f"{path} is not the frozen Inception graph of 2015, {GRAPH}: {error!r}"
        ) from None


def _modern(graph: tf.compat.v1.GraphDef) -> tf.compat.v1.GraphDef:
    """The graph with a placeholder as input and with batch normalizations of today's kind.

    TensorFlow has dropped the operation that the graph uses for batch normalization.
    """
    constants = {
        node.name: tf.make_ndarray(node.attr["value"].tensor)
        for node in graph.node
        if node.op == "Const"
    }
    modern = tf.compat.v1.GraphDef(versions=graph.versions)
    for node in graph.node:
        if node.name == INPUT:
            placeholder = modern.node.add(name=INPUT, op="Placeholder")
            placeholder.attr["dtype"].type = tf.float32.as_datatype_enum
            continue
        if node.op != "BatchNormWithGlobalNormalization":
            modern.node.append(node)
            continue

        # The old operation may leave out the scale; the new one may not, so it gets ones.
        values, mean, variance, offset, scale = node.input
        if not node.attr["scale_after_normalization"].b:
            ones = np.ones_like(constants[variance])
            scale = f"{node.name}/ones"
            constant = modern.node.add(name=scale, op="Const")
            constant.attr["dtype"].type = tf.float32.as_datatype_enum
            constant.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(ones))
        today = modern.node.add(
            name=node.name, op="FusedBatchNormV3", input=[values, scale, offset, mean, variance]
        )
        today.attr["T"].type = today.attr["U"].type = tf.float32.as_datatype_enum
        today.attr["epsilon"].f = node.attr["variance_epsilon"].f
        today.attr["is_training"].b = False
    return modern
