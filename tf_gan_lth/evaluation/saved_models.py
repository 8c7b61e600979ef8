"""SavedModels as files of others: checked before they are loaded, with errors of one line.

A SavedModel is a program. Its graph may write files, start servers or call Python, when it is
called and also when it is loaded. `load` refuses such graphs, unless the user trusts them. Exports
of this package hold a description, with a digest of each file, that is checked too.

What reads the graphs is `standalone.sample`'s, which needs no package.
"""

import contextlib
import hashlib
import pathlib
import tempfile
from collections.abc import Iterator

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tf_gan_lth.experiment import paths, trust
from tf_gan_lth.experiment.artifacts import Record
from tf_gan_lth.experiment.errors import ArtifactError, EvaluationError, error_reason
from tf_gan_lth.experiment.paths import Path, RemotePath
from tf_gan_lth.standalone.sample import FILES, unsafe_operations

DESCRIPTION = "ticket.json"
DESCRIPTION_FOLDER = "assets.extra"
SIGNATURE = "serving_default"
SPECIAL = set("*?[]\\")  # TensorFlow takes paths with these characters as patterns


def load(path: Path):
    """Loads a SavedModel whose files are whole and whose graph only computes.

    Args:
      path: its folder.

    Returns:
      What `tf.saved_model.load` returns.

    Raises:
      EvaluationError: it is none, it is broken, it is another than its description says, or it has
        operations that reach out of the model and the user does not trust models.
      OSError: a file cannot be read.
    """
    check_files(path)
    check_operations(path)
    try:
        with plain(path) as name:
            return tf.saved_model.load(name)
    # TensorFlow raises whatever its parsers meet in a broken file.
    except Exception as error:
        raise _not_one(path, error) from None


class Served:
    """What a SavedModel serves, as a function of tensors in an order that holds for every model.

    Args:
      path: its folder.

    Attributes:
      inputs: what the function takes: latents before labels.
      outputs: what it returns.
      classes: of a conditional generator that this package exported; else None.

    Raises:
      As `load`, and `EvaluationError` if the model serves nothing.
    """

    def __init__(self, path: Path):
        # Kept, as a signature alone does not keep the model's variables.
        self._model = load(path)
        try:
            self._function = self._model.signatures[SIGNATURE]
        except (AttributeError, KeyError) as error:
            raise EvaluationError(
                f"{path} is not a SavedModel with a signature '{SIGNATURE}': {error_reason(error)}"
            ) from None
        inputs = tf.nest.flatten(self._function.structured_input_signature)
        self.inputs: list[tf.TensorSpec] = sorted(inputs, key=lambda spec: -(spec.shape.rank or 0))
        self.outputs: list[tf.TensorSpec] = tf.nest.flatten(self._function.structured_outputs)
        classes = getattr(self._model, "classes", None)
        self.classes = None if classes is None else int(classes)

    def __call__(self, *inputs: tf.Tensor) -> tf.Tensor:
        """The first of what it returns for `inputs`."""
        names = [spec.name for spec in self.inputs]
        return tf.nest.flatten(self._function(**dict(zip(names, inputs, strict=True))))[0]


def check_files(path: Path) -> dict | None:
    """Checks the files of a SavedModel against the digests of its description.

    Returns:
      The description; None if it has none: it was made elsewhere, or by an earlier version.

    Raises:
      EvaluationError: a file is missing, unexpected or changed.
    """
    description = Record(path / DESCRIPTION_FOLDER / DESCRIPTION)
    if not description.exists():
        return None
    try:
        found = description.get()
    except ArtifactError as error:
        raise EvaluationError(str(error)) from None
    recorded, present = found.get("files"), _digests(path)
    if recorded != present:
        recorded = recorded if isinstance(recorded, dict) else {}
        names = sorted(recorded.keys() | present.keys())
        [first, *_] = [name for name in names if recorded.get(name) != present.get(name)] or ["?"]
        raise EvaluationError(
            f"{path} is not as it was exported: {first} is missing, changed or too much; copy it"
            " again, or delete it and let the run export it again"
        )
    return found


def describe(path: Path, facts: dict) -> None:
    """Writes a description of a SavedModel, with the digests of its files."""
    folder = path / DESCRIPTION_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    Record(folder / DESCRIPTION).put({**facts, "files": _digests(path)})


def flush(path: Path) -> None:
    """Flushes the files and folders of a SavedModel, so that they survive a power cut."""
    files = _files(path)
    for each in [*files, *dict.fromkeys(file.parent for file in files)]:
        paths.flush(each)


@contextlib.contextmanager
def plain(path: Path) -> Iterator[str]:
    """Yields a path to the folder that TensorFlow does not take for a pattern."""
    if isinstance(path, RemotePath) or not SPECIAL & set(str(path)):
        yield str(path)
        return
    with tempfile.TemporaryDirectory() as folder:
        link = pathlib.Path(folder) / "saved_model"
        link.symlink_to(path.absolute(), target_is_directory=True)
        yield str(link)


def check_operations(path: Path) -> None:
    """Raises `EvaluationError` for a SavedModel that does more than compute.

    It does not if `TF_GAN_LTH_TRUST_MODELS=1`, which `--trust_models` sets.
    """
    file = path / "saved_model.pb"
    if (path / "saved_model.cpb").exists():
        raise EvaluationError(f"{path} is split in parts (saved_model.cpb), which is not read")
    if not file.exists():
        raise EvaluationError(f"{path} is not a SavedModel: it has no saved_model.pb")
    content = file.read_bytes()
    saved_model = saved_model_pb2.SavedModel()
    try:
        saved_model.ParseFromString(content)
        found = unsafe_operations(saved_model)
    # The parser raises several kinds of errors, none of them public.
    except Exception as error:
        raise _not_one(path, error) from None
    _refuse(path, found)


def check_graph(path: Path, graph: tf.compat.v1.GraphDef) -> None:
    """Raises `EvaluationError` for a graph, read from `path`, that does more than compute."""
    saved_model = saved_model_pb2.SavedModel()
    saved_model.meta_graphs.add().graph_def.CopyFrom(graph)
    _refuse(path, unsafe_operations(saved_model))


def _refuse(path: Path, operations: list[str]) -> None:
    if operations and not trust.given():
        raise EvaluationError(
            f"{path} does more than compute: its operations {', '.join(operations)} reach files,"
            " processes, the network or Python; if you trust whoever made it, give --trust_models"
        )


def _files(path: Path) -> list[Path]:
    return sorted(file for part in FILES for file in path.glob(part))


def _digests(path: Path) -> dict[str, str]:
    """{path below the SavedModel: SHA-256} of its files."""
    start = len(str(path)) + 1
    return {
        str(file)[start:]: hashlib.sha256(file.read_bytes()).hexdigest() for file in _files(path)
    }


def _not_one(path: Path, error: Exception) -> EvaluationError:
    return EvaluationError(f"{path} is not a SavedModel that can be loaded: {error_reason(error)}")
