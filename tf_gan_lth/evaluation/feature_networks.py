"""Feature networks, by name, path or URL.

Anything with the signature of TF-GAN's Inception module is one. To add one of your own in a file of
`--plugins`, write a function without arguments under `@register` that returns the path of a
SavedModel, or a Keras model that maps images `(N, H, W, C)` in [-1, 1] to `{"pool_3": features,
"logits": logits}`.
"""

import dataclasses
import functools
import pathlib
from collections.abc import Callable

import tensorflow as tf
import tf_keras as keras

from tf_gan_lth.evaluation import embedded, inception, saved_models
from tf_gan_lth.experiment import digests, paths
from tf_gan_lth.experiment.errors import EvaluationError, check_known, error_reason
from tf_gan_lth.experiment.registry import Registry
from tf_gan_lth.gans.snapshots import graph_text

NAMES = (*embedded.NETWORKS, "inception")
OUTPUTS = ("pool_3", "logits")
SAVED_MODEL = ("saved_model.pb", "variables/*", "assets/*")

OWN: Registry[Callable[[], str | keras.Model]] = Registry("feature network")
register = OWN.register


@dataclasses.dataclass(frozen=True)
class FeatureNetwork:
    """A loaded feature network.

    Attributes:
      name: its name, or the path or URL it was loaded from.
      digest: SHA-256 over its files, 16 hex digits.
      function: maps images `(N, H, W, channels)` float32 in [-1, 1] to `{"pool_3": (N, D),
        "logits": (N, K)}`, float32.
      size: height and width of the images it takes, in pixels; None if it takes any.
      channels: number of channels of the images it takes; None if unknown.
      width: D, the number of its features; None if unknown.
      class_names: names of the classes of its logits, in their order; None if unknown.
    """

    name: str
    digest: str
    function: Callable[[tf.Tensor], dict[str, tf.Tensor]]
    size: tuple[int, int] | None
    channels: int | None
    width: int | None
    class_names: tuple[str, ...] | None = None


def load(name: str) -> FeatureNetwork:
    """Loads a feature network onto the replicas of the strategy in use, once per process.

    Args:
      name: one of `NAMES` or of your own, the URL of a TF-Hub module, or the path of a SavedModel
        or of Inception's frozen graph.

    Raises:
      UsageError: `name` is neither a known name nor an existing path.
      EvaluationError: it cannot be downloaded, or is not a feature network.
    """
    return _load(name, tf.distribute.get_strategy())


@functools.cache
def _load(name: str, strategy: tf.distribute.Strategy) -> FeatureNetwork:
    del strategy  # part of the cache's key: variables are created under its scope
    made = OWN[name]() if name in OWN else None
    if isinstance(made, keras.Model):
        return _of_model(name, made)
    if name in OWN and not isinstance(made, (str, pathlib.PurePath)):
        raise EvaluationError(
            f"feature network '{name}' returns {made!r}: expected the path of a SavedModel, or a"
            " Keras model"
        )
    path = _locate(name if made is None else str(made))
    graph = path if path.is_file() else path / inception.GRAPH
    if graph.is_file():
        size = (inception.SIZE, inception.SIZE)
        return FeatureNetwork(
            name,
            _digest(graph),
            inception.load_graph(graph),
            size,
            channels=3,
            width=inception.FEATURES,
        )
    loaded = _load_saved_model(name, path)
    if name in embedded.NETWORKS:
        return dataclasses.replace(loaded, class_names=embedded.NETWORKS[name].class_names)
    return loaded


def _locate(name: str) -> pathlib.Path:
    if name in embedded.NETWORKS:
        return embedded.NETWORKS[name].path
    if name == "inception":
        return inception.find()
    if name.startswith(("https://", "http://")):
        return inception.download(name)
    path = paths.expand(name)
    if not path.exists():
        if "/" in name:
            raise EvaluationError(
                f"there is no feature network at {path}: expected a SavedModel's folder or"
                f" {inception.GRAPH}"
            )
        check_known("feature network", name, (*NAMES, *OWN))
    return path


def _of_model(name: str, model: keras.Model) -> FeatureNetwork:
    """A user's Keras model; raises `EvaluationError` unless it is a feature network."""
    outputs = model.output if isinstance(model.output, dict) else {}
    missing = [output for output in OUTPUTS if output not in outputs]
    if missing:
        raise EvaluationError(
            f"feature network '{name}' lacks the outputs {missing}: give its keras.Model a dict of"
            f" {list(OUTPUTS)}"
        )
    shape = model.input_shape
    if not isinstance(shape, tuple) or len(shape) != 4:
        raise EvaluationError(
            f"feature network '{name}' takes {shape}: it must take images (N, H, W, C) and nothing"
            " else"
        )
    _, height, width, channels = shape
    arrays = [variable.numpy() for variable in model.variables]
    return FeatureNetwork(
        name,
        digests.short(graph_text(model), *arrays),
        functools.partial(_call, model, functools.partial(model, training=False)),
        (height, width) if height and width else None,
        channels,
        outputs["pool_3"].shape[1:].num_elements(),
    )


def _load_saved_model(name: str, path: pathlib.Path) -> FeatureNetwork:
    """Loads a SavedModel, and raises `EvaluationError` unless it is a feature network."""
    loaded = saved_models.load(path)
    try:
        signature = loaded.signatures.get("serving_default")
        concrete = signature or loaded.__call__.concrete_functions[0]
    except (AttributeError, IndexError, ValueError) as error:
        raise EvaluationError(
            f"{path} is not a SavedModel with a signature 'serving_default' or a call:"
            f" {error_reason(error)}"
        ) from None

    # Outputs: features and logits.
    outputs = concrete.structured_outputs
    missing = [
        output for output in OUTPUTS if not isinstance(outputs, dict) or output not in outputs
    ]
    if missing:
        raise EvaluationError(
            f"{path} lacks the outputs {missing}: a feature network returns {list(OUTPUTS)}"
        )

    # Inputs: float32 images only.
    inputs = [
        spec
        for spec in tf.nest.flatten(concrete.structured_input_signature)
        if isinstance(spec, tf.TensorSpec)
    ]
    if len(inputs) != 1 or inputs[0].dtype != tf.float32 or inputs[0].shape.rank not in (None, 4):
        expected = "float32 images (N, H, W, C) and nothing else"
        raise EvaluationError(
            f"{path} takes {[(str(spec.shape), spec.dtype.name) for spec in inputs]}: a feature"
            f" network takes {expected}"
        )

    # Image size and channels: Inception's, if the outputs are and no size is stated.
    _, *size, channels = inputs[0].shape if inputs[0].shape.rank else (None, None, None, None)
    if None in size:
        size = None
        if (outputs["pool_3"].shape[-1], outputs["logits"].shape[-1]) == (
            inception.FEATURES,
            inception.CLASSES,
        ):
            size, channels = (inception.SIZE, inception.SIZE), 3

    function = functools.partial(_call, loaded, signature or loaded)
    width = outputs["pool_3"].shape[1:].num_elements()
    return FeatureNetwork(
        name, _digest(path), function, tuple(size) if size else None, channels, width
    )


def _call(owner: object, function: Callable, images: tf.Tensor) -> dict[str, tf.Tensor]:
    # `owner` is an argument to keep the module, and so its variables, alive: a signature alone does
    # not.
    del owner
    outputs = function(images)
    return {name: tf.reshape(outputs[name], [tf.shape(images)[0], -1]) for name in OUTPUTS}


def _digest(path: pathlib.Path) -> str:
    """SHA-256 over a file, or over the files that make up a SavedModel and no others."""
    if path.is_file():
        return digests.short(path.read_bytes())
    files = sorted(file for part in SAVED_MODEL for file in path.glob(part) if file.is_file())
    return digests.short(*(f"{line}\n" for line in digests.file_lines(path, files)))
