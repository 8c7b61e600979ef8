"""Formats that a ticket is exported in: each a function that writes files, found by its name.

Every converter reads the SavedModel, which was compared with the ticket's weights bit for bit.
TensorFlow's own converts to TensorFlow Lite: the layers of this package lower to ordinary
operations, so a file needs no delegate and no custom operation. To add a format, write the function
and register it; `--format` and the error for unknown names follow.
"""

import dataclasses
import pathlib
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tf_gan_lth.evaluation import saved_models
from tf_gan_lth.experiment import array_files, quiet
from tf_gan_lth.experiment.artifacts import open_flushed
from tf_gan_lth.experiment.errors import ExportError, ToolkitError, UsageError, error_reason
from tf_gan_lth.export.saved_model import SavedModel
from tf_gan_lth.export.tickets import Ticket

MODEL = "saved_model"
OPSET = 17
CALIBRATION = 200  # inputs that a whole 8-bit model learns its ranges from


@dataclasses.dataclass(frozen=True)
class Source:
    """What is converted.

    Attributes:
      ticket: its weights.
      saved_model: the same as a SavedModel.
      inputs: a function of a number that returns as many inputs of the generator.
    """

    ticket: Ticket
    saved_model: pathlib.Path
    inputs: Callable[[int], tuple[np.ndarray, ...]]


@dataclasses.dataclass(frozen=True)
class Format:
    """A format.

    Attributes:
      files: that it writes; the first is the one that runs.
      write: writes them to a folder.
      tolerance: root mean square of what its images may differ by from Keras's on the same inputs,
        over the standard deviation of these; None of a format that does not run.
    """

    files: tuple[str, ...]
    write: Callable[[Source, pathlib.Path], None]
    tolerance: float | None


FORMATS: dict[str, Format] = {}


def register(*files: str, tolerance: float | None):
    """A decorator for the function that writes a format, which gives it its name."""

    def add(write: Callable[[Source, pathlib.Path], None]):
        FORMATS[write.__name__] = Format(files, write, tolerance)
        return write

    return add


@register(MODEL, tolerance=1e-4)
def saved_model(source: Source, folder: pathlib.Path) -> None:
    """What TensorFlow, TF Serving and Keras 3 read, and what other formats are made of."""
    del source, folder  # it is there


@register("generator.tflite", tolerance=1e-4)
def tflite(source: Source, folder: pathlib.Path) -> None:
    """TensorFlow Lite in float32."""
    _write(folder / "generator.tflite", _lite(source))


@register("generator_float16.tflite", tolerance=2e-2)
def tflite_float16(source: Source, folder: pathlib.Path) -> None:
    """Weights in 16 bits, computed with in 32."""
    converter = {"optimizations": [tf.lite.Optimize.DEFAULT]}
    _write(folder / "generator_float16.tflite", _lite(source, converter, [tf.float16]))


@register("generator_dynamic.tflite", tolerance=0.2)
def tflite_dynamic(source: Source, folder: pathlib.Path) -> None:
    """Weights in 8 bits; what they are multiplied by is quantised as it comes."""
    converter = {"optimizations": [tf.lite.Optimize.DEFAULT]}
    _write(folder / "generator_dynamic.tflite", _lite(source, converter))


@register("generator_int8.tflite", tolerance=0.5)
def tflite_int8(source: Source, folder: pathlib.Path) -> None:
    """Weights and maps in 8 bits, with ranges from what the run draws or translates."""
    names = [spec.name for spec in saved_models.Served(source.saved_model).inputs]

    def examples() -> Iterator[dict[str, np.ndarray]]:
        drawn = source.inputs(CALIBRATION)
        for number in range(CALIBRATION):
            parts = [part[number : number + 1] for part in drawn]
            yield dict(zip(names, parts, strict=True))

    converter = {
        "optimizations": [tf.lite.Optimize.DEFAULT],
        "representative_dataset": examples,
    }
    operations = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    content = _lite(source, converter, operations=operations)
    _write(folder / "generator_int8.tflite", content)


@register("generator_sparse.tflite", tolerance=1e-4)
def tflite_sparse(source: Source, folder: pathlib.Path) -> None:
    """Float32 with sparse kernels stored by what is not zero: small on the disk, dense in memory.

    The runtime unpacks them when it loads the file, so it takes as long as the dense one. The same
    in 16 bits returned NaN, and in 8 bits did not load.
    """
    converter = {"optimizations": [tf.lite.Optimize.EXPERIMENTAL_SPARSITY]}
    _write(folder / "generator_sparse.tflite", _lite(source, converter))


@register("generator.onnx", tolerance=1e-4)
def onnx(source: Source, folder: pathlib.Path) -> None:
    """ONNX in float32, by tf2onnx. What a generator translates is called `pictures` there."""
    try:
        import tf2onnx
        from tf2onnx import optimizer
    except ModuleNotFoundError:
        raise UsageError(
            "--format=onnx needs tf2onnx and onnxruntime: pip install tf2onnx onnxruntime"
        ) from None
    served = saved_models.Served(source.saved_model)
    # tf2onnx takes no input and output of one name.
    specs = [
        tf.TensorSpec(spec.shape, spec.dtype, "pictures" if spec.name == "images" else spec.name)
        for spec in served.inputs
    ]
    inputs = [keras.Input(type_spec=spec, name=spec.name) for spec in specs]
    # One of tf2onnx's rewritings loses, in one of twenty conversions, the Squeeze that its own
    # Reshape of a grey picture needs. Only conversions of Keras models can do without it.
    steps = {
        name: step
        for name, step in optimizer._get_optimizers().items()
        if name != "reshape_optimizer"
    }
    tf2onnx.convert.from_keras(
        keras.Model(inputs, _Images(served)(inputs)),
        input_signature=specs,
        opset=OPSET,
        optimizers=steps,
        output_path=str(folder / "generator.onnx"),
    )


class _Images(keras.layers.Layer):
    """What a SavedModel serves, as a layer whose output has the name that files give it."""

    def __init__(self, served: saved_models.Served):
        super().__init__(name="images")
        self._served = served

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        return self._served(*inputs)


@register("weights.npz", "weights_packed.npz", tolerance=None)
def weights(source: Source, folder: pathlib.Path) -> None:
    """The weights by path, as NumPy has them, and once more with what is pruned left out."""
    snapshot = source.ticket.snapshot
    with open_flushed(folder / "weights.npz") as file:
        np.savez(file, **snapshot)
    _write(folder / "weights_packed.npz", array_files.to_npz(snapshot))


def write_all(
    ticket: Ticket,
    names: Iterable[str],
    folder: pathlib.Path,
    inputs: Callable[[int], tuple[np.ndarray, ...]],
) -> dict[str, list[pathlib.Path]]:
    """Writes a ticket in several formats.

    Args:
      ticket: what is written.
      names: of the formats.
      folder: to write to; it gets the SavedModel in any case.
      inputs: as of `Source`.

    Returns:
      {format: its files, the first of which runs}.

    Raises:
      ExportError: a converter failed; the message has its reason.
      UsageError: what converts to a format is not installed.
    """
    SavedModel(folder / MODEL).put(ticket)
    source = Source(ticket, folder / MODEL, inputs)
    for name in names:
        try:
            with quiet.no_standard_error():
                FORMATS[name].write(source, folder)
        except (ToolkitError, OSError):
            raise
        # Converters raise all kinds of errors; a network that they do not take is no fault of ours.
        except Exception as error:
            reason = error_reason(error)
            raise ExportError(f"--format={name}: the converter fails: {reason}") from error
    return {name: [folder / file for file in FORMATS[name].files] for name in names}


def _lite(
    source: Source, settings: dict | None = None, types: tuple = (), operations: tuple = ()
) -> bytes:
    """The content of a `.tflite` file.

    Args:
      source: what is converted.
      settings: {attribute of the converter: value}.
      types: that weights are stored in, if not float32.
      operations: sets of operations that are allowed, if not all builtins.
    """
    with saved_models.plain(source.saved_model) as name:
        converter = tf.lite.TFLiteConverter.from_saved_model(
            name, signature_keys=[saved_models.SIGNATURE]
        )
        for attribute, value in (settings or {}).items():
            setattr(converter, attribute, value)
        if types:
            converter.target_spec.supported_types = list(types)
        if operations:
            converter.target_spec.supported_ops = list(operations)
        return converter.convert()


def _write(path: pathlib.Path, content: bytes) -> None:
    with open_flushed(path) as file:
        file.write(content)
