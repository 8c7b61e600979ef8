"""Exported generators as functions of arrays: TensorFlow Lite and ONNX files of anybody.

    model = exported.open_model(pathlib.Path("ticket/generator.tflite"), threads=2)
    images = model(latents)         # (N, H, W, C) float32; latents (N, Z) float32

Such files only compute: unlike SavedModels they need no trust. What `export` wrote has a card
beside it, `card.json`, whose digest of the file is compared.
"""

import abc
import dataclasses
import hashlib
import pathlib
import warnings
from collections.abc import Sequence

import numpy as np

from tf_gan_lth.experiment import quiet
from tf_gan_lth.experiment.artifacts import Record
from tf_gan_lth.experiment.errors import (
    ArtifactError,
    EvaluationError,
    ToolkitError,
    UsageError,
    error_reason,
)

CARD = "card.json"
SUFFIXES = {"tflite": ".tflite", "onnx": ".onnx"}  # by the prefix of --images


@dataclasses.dataclass(frozen=True)
class Input:
    """An input of a model.

    Attributes:
      name: what the file calls it.
      shape: None where any size is taken, as the batch's.
      dtype: of NumPy.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: np.dtype


class Model(abc.ABC):
    """A function of arrays.

    Args:
      path: of the file.
      threads: how many it computes with.

    Attributes:
      inputs: what it takes, latents before labels.
      output_shape: of its images, with None where it depends on the inputs.
    """

    inputs: tuple[Input, ...]
    output_shape: tuple[int | None, ...]

    @abc.abstractmethod
    def run(self, *arrays: np.ndarray) -> np.ndarray:
        """What the library computes; raises what the library raises."""

    def __init__(self, path: pathlib.Path, threads: int):
        self.path = path
        try:
            self._open(path.read_bytes(), threads)
        except (ToolkitError, OSError):
            raise
        # These libraries raise whatever their parsers meet in a broken file.
        except Exception as error:
            raise EvaluationError(
                f"{path} is not a model that can be read: {error_reason(error)}"
            ) from None

    @abc.abstractmethod
    def _open(self, content: bytes, threads: int) -> None:
        """Reads the file; sets `inputs` and `output_shape`."""

    def __call__(self, *arrays: np.ndarray) -> np.ndarray:
        """Its images, `(N, H, W, C)` float32.

        Args:
          *arrays: of `inputs`, in their order.

        Raises:
          EvaluationError: it does not take these, or fails.
        """
        try:
            return self.run(*(np.asarray(array) for array in arrays))
        except Exception as error:  # whatever the library raises is about this file
            shapes = ", ".join(str(np.shape(array)) for array in arrays)
            raise EvaluationError(
                f"{self.path} failed on {shapes}: {error_reason(error)}"
            ) from None


class LiteModel(Model):
    """A `.tflite` file, by the interpreter of `ai-edge-litert` or else that of TensorFlow."""

    def _open(self, content: bytes, threads: int) -> None:
        interpreter_class = _interpreter_class()
        with warnings.catch_warnings(), quiet.no_standard_error():
            warnings.simplefilter("ignore")  # TensorFlow's own is deprecated
            self._interpreter = interpreter_class(model_content=content, num_threads=threads)
        details = self._interpreter.get_input_details()
        self._details = sorted(details, key=lambda detail: -len(detail["shape"]))
        self.inputs = tuple(
            Input(detail["name"], _free(detail["shape_signature"]), np.dtype(detail["dtype"]))
            for detail in self._details
        )
        [self._output] = self._interpreter.get_output_details()
        self.output_shape = _free(self._output["shape_signature"])
        self._shapes: list[tuple[int, ...]] = []

    def run(self, *arrays: np.ndarray) -> np.ndarray:
        shapes = [array.shape for array in arrays]
        if shapes != self._shapes:
            self._shapes = []  # until the new ones are taken
            for detail, shape in zip(self._details, shapes, strict=True):
                self._interpreter.resize_tensor_input(detail["index"], shape)
            with quiet.no_standard_error():
                self._interpreter.allocate_tensors()
            self._shapes = shapes
        for detail, array in zip(self._details, arrays, strict=True):
            self._interpreter.set_tensor(detail["index"], array.astype(detail["dtype"]))
        self._interpreter.invoke()
        return self._interpreter.get_tensor(self._output["index"])


class OnnxModel(Model):
    """An `.onnx` file, by onnxruntime."""

    def _open(self, content: bytes, threads: int) -> None:
        try:
            import onnxruntime
        except ModuleNotFoundError:
            raise UsageError(
                f"{self.path}: reading ONNX needs onnxruntime: pip install onnxruntime"
            ) from None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 4
        self._session = onnxruntime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"]
        )
        inputs = sorted(self._session.get_inputs(), key=lambda spec: -len(spec.shape))
        dtypes = {"tensor(float)": np.float32, "tensor(int32)": np.int32}
        self.inputs = tuple(
            Input(spec.name, _free(spec.shape), np.dtype(dtypes[spec.type])) for spec in inputs
        )
        [output] = self._session.get_outputs()
        self.output_shape = _free(output.shape)

    def run(self, *arrays: np.ndarray) -> np.ndarray:
        feeds = {
            spec.name: array.astype(spec.dtype)
            for spec, array in zip(self.inputs, arrays, strict=True)
        }
        return self._session.run(None, feeds)[0]


MODELS = {"tflite": LiteModel, "onnx": OnnxModel}


def open_model(path: pathlib.Path, threads: int = 1) -> Model:
    """Opens a `.tflite` or `.onnx` file.

    Args:
      path: of the file.
      threads: how many it computes with.

    Raises:
      UsageError: there is no such file, or nothing that reads it is installed.
      EvaluationError: it is broken, or another one than the card beside it describes.
      OSError: it cannot be read.
    """
    if not path.is_file():
        raise UsageError(f"there is no file {path}")
    kinds = [kind for kind, suffix in SUFFIXES.items() if path.suffix.lower() == suffix]
    if not kinds:
        raise UsageError(f"{path} must end in {' or '.join(SUFFIXES.values())}")
    card_of(path)
    return MODELS[kinds[0]](path, threads)


def card_of(path: pathlib.Path) -> dict | None:
    """The card beside an exported file, whose digest of it is checked; None without a card.

    Raises:
      EvaluationError: the card is broken, or the file is not the one that it describes.
    """
    record = Record(path.parent / CARD)
    if not record.exists():
        return None
    try:
        card = record.get()
        files = {
            name: sizes["sha256"]
            for entry in card["formats"].values()
            for name, sizes in entry["files"].items()
        }
    except ArtifactError as error:
        raise EvaluationError(str(error)) from None
    if path.name not in files:
        return None
    if hashlib.sha256(path.read_bytes()).hexdigest() != files[path.name]:
        raise EvaluationError(
            f"{path} is not as {record.path} describes it: it was changed or exchanged; copy it"
            " again"
        )
    return card


def _interpreter_class():
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ModuleNotFoundError:
        from tensorflow.lite.python.interpreter import Interpreter
    return Interpreter


def _free(shape: Sequence) -> tuple[int | None, ...]:
    """A shape with None for what is free: -1 in TensorFlow Lite, a name in ONNX."""
    sizes = [size if isinstance(size, (int, np.integer)) else -1 for size in shape]
    return tuple(int(size) if size >= 0 else None for size in sizes)
