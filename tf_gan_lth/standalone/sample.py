r"""Draws pictures with an exported generator, or translates a folder of them.

    python scripts/sample.py --model=ticket/generator.tflite --count=16 --output=drawn
    python scripts/sample.py --model=runs/stripes/replicate_0/round_05/saved_model_a2b \
        --images=photographs --output=translated

This file needs NumPy, Pillow and what the model needs, not the package that it comes with: copy it
to where the generator is used. A SavedModel needs TensorFlow, a .tflite file ai-edge-litert or
TensorFlow, an .onnx file onnxruntime.

A generator that draws gets latents from N(0, 1) of --seed, the same ones in every format, and
writes `<output>/0000.png` and so on. One that translates reads PNG, JPEG, WebP, TIFF or BMP files,
8-bit grey or RGB as those that it was trained on, which need not be of one size. Sides that are no
multiples of 4 are mirrored at the right and the bottom up to the next one, and the translation is
cut back; --nopad refuses such pictures. Each becomes `<output>/<name>.png`. All of them are read
before the first one is translated. All pictures are written, or none; nothing is overwritten. The
exit code is 1 if a picture or the model is not as it should be, 2 if the command is not.
"""

import argparse
import contextlib
import difflib
import hashlib
import json
import logging
import os
import pathlib
import re
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from typing import NamedTuple, NoReturn

import numpy as np
from PIL import Image, ImageOps

VERSION = "0.1.0"  # of the package that this file comes with
REQUIRED = {
    "model": (str, None, "SavedModel, .tflite or .onnx file of a generator; required"),
    "output": (str, None, "folder to write the pictures to; required"),
}
OPTIONS = {
    "images": (str, None, "folder of pictures to translate; of a generator that translates"),
    "count": (int, 64, "how many pictures to draw"),
    "seed": (int, 0, "what the latents are drawn from"),
    "label": (int, None, "class to draw, from 0; unset: all of them, one after the other"),
    "classes": (
        int,
        None,
        "number of classes, of a generator that takes labels; unset: what its card tells",
    ),
}
SWITCHES = {
    "pad": (True, "mirror sides up to a multiple of 4, and cut the translation back"),
    "trust_models": (False, "load a SavedModel also if it reaches files, processes or the network"),
}
HELP_FLAGS = {"--help", "-help", "-h", "--helpshort", "-?", "--helpfull"}
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")
FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP")  # by content, whatever the name says
BESIDE = {"desktop.ini", "thumbs.db", "labels.csv"}  # no pictures, but often beside them
CHANNELS = {"L": 1, "RGB": 3}
CONVERTED = {"1": "L", "P": "RGB"}  # bilevel and palette pictures hold the same colours another way
MULTIPLE = 4
SMALLEST = 8  # below it, the generator's inner maps are smaller than what it mirrors
PARTIAL = ".pictures.partial"
BATCH = 64  # pictures drawn at a time
DESCRIPTION = "assets.extra/ticket.json"
CARD = "card.json"
FILES = ("saved_model.*", "fingerprint.pb", "variables/*", "assets/*")

# Operations of every SavedModel's own functions for saving and restoring.
SAVING = {"SaveV2", "RestoreV2", "MergeV2Checkpoints", "ShardedFilename"}
# Operations that TensorFlow calls stateful, and whose state lies within the model: variables,
# random numbers, tables, control flow. Other stateful operations are refused.
HARMLESS = re.compile(
    r"_?VarHandles?Op|_?ReadVariables?Op|Assign(Add|Sub)?VariableOp|VarIsInitializedOp"
    r"|VariableShape|Variable(V2)?|TemporaryVariable|DestroyResourceOp|DisableCopyOnRead"
    r"|Resource(Sparse)?(Apply|Scatter|Gather)\w*|ResourceStridedSliceAssign|ResourceCountUpTo"
    r"|StatefulPartitionedCall|_?If|_?While|Case|Assert|CheckNumerics(V2)?|_(Device)?(Arg|Retval)"
    r"|Random(Uniform|UniformInt|StandardNormal|Shuffle|Gamma|Poisson|PoissonV2|Crop)"
    r"|(Parameterized)?TruncatedNormal|Multinomial|StatelessRandomGetAlg|NonDeterministicInts"
    r"|Rng(ReadAnd)?Skip|Stateful(StandardNormal|TruncatedNormal|Uniform|RandomBinomial)\w*"
    r"|SampleDistortedBoundingBox(V2)?|(Anonymous)?(Mutable)?(Dense)?HashTable(OfTensors)?(V2)?"
    r"|LookupTable(Find|Size|Insert|Remove|Export|Import)V2|InitializeTableV2"
    r"|TensorArray(Grad|Read|Write|Gather|Scatter|Size|Close|Concat|Split|GradWithShape)?V3"
    r"|Stack(Push|Pop|Close)?V2|CudnnRNN(Backprop)?(V[23])?|GuaranteeConst|DeepCopy|Empty"
    r"|DeviceIndex|Timestamp|IsTensorFloat32Enabled"
)
# Operations that TensorFlow calls stateless, though they reach out of the model.
REACHING_OUT = re.compile(
    r"ReadFile|MatchingFiles|ShardedFile\w*|PyFuncStateless|ImmutableConst|GenerateVocabRemapping"
    r"|(De|En)codeProto\w*|InitializeTableFromTextFile|Abort|Copy(Host)?|Debug\w*|Reader\w*"
    r"|\w*Dataset\w*|\w*Iterator\w*"
)
STREAMS = {b"", b"stdout", b"stderr", b"log(info)", b"log(warning)", b"log(error)"}


class SampleError(Exception):
    """A picture or the model is not as it should be; the message says what."""

    exit_code = 1


class UsageError(SampleError):
    """The command asks for something impossible."""

    exit_code = 2


def find_pictures(folder: pathlib.Path) -> list[pathlib.Path]:
    """The pictures in a folder, by name; hidden files and folders are left out."""
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}")
    files = sorted(
        file
        for file in folder.iterdir()
        if not (file.name.startswith(".") or file.name.lower() in BESIDE or file.is_dir())
    )
    for file in files:
        if not file.is_file():
            raise SampleError(f"{file} is no regular file: remove it from {folder}")
        if file.suffix.lower() not in SUFFIXES:
            raise SampleError(
                f"{file} is not a picture: expected {', '.join(SUFFIXES)} and nothing else in"
                f" {folder}"
            )
    if not files:
        raise UsageError(f"{folder} has no pictures ({', '.join(SUFFIXES)})")
    return files


def read_picture(file: pathlib.Path) -> np.ndarray:
    """The pixels of a picture as viewers show it, `(H, W, 1 or 3)` uint8."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file, formats=FORMATS) as picture:
                problem = _problem(picture)
                if not problem:
                    mode = CONVERTED.get(picture.mode, picture.mode)
                    pixels = np.asarray(ImageOps.exif_transpose(picture).convert(mode))
                    return pixels.reshape(*pixels.shape[:2], CHANNELS[mode])
    except Image.UnidentifiedImageError:
        raise SampleError(f"{file} is broken, or is none of {', '.join(FORMATS)}") from None
    # Pillow raises whatever its decoders meet in a broken file.
    except Exception as error:
        failed = "cannot be read" if getattr(error, "errno", None) else "is broken"
        raise SampleError(f"{file} {failed}: {error or type(error).__name__}") from None
    raise SampleError(f"{file} {problem}: expected 8-bit grey (L) or RGB without transparency")


def _problem(picture: Image.Image) -> str:
    """What cannot be kept of a picture that was opened and not yet decoded; empty if nothing."""
    if CONVERTED.get(picture.mode, picture.mode) not in CHANNELS:
        return f"holds {picture.mode} pixels"
    if "transparency" in picture.info:
        return "holds transparency"
    if picture.mode == "P" and not picture.palette:
        return "has no palette before its pixels"
    if any(";16" in str(tile[3]) for tile in picture.tile):
        return "holds 16 bits per channel"
    if picture.format in ("PNG", "WEBP", "TIFF") and getattr(picture, "n_frames", 1) > 1:
        return f"holds {picture.n_frames} pictures"
    return ""


def check_picture(file: pathlib.Path, pad: bool) -> int:
    """Reads a picture whole, and returns its number of channels.

    Raises:
      SampleError: it is broken, or cannot be translated as it is.
    """
    height, width, channels = read_picture(file).shape
    if not pad and (width % MULTIPLE or height % MULTIPLE):
        raise SampleError(
            f"{file} is {width}x{height}: width and height must be multiples of {MULTIPLE}; crop or"
            " resize it, or leave out --nopad"
        )
    return channels


def plan(files: list[pathlib.Path], output: pathlib.Path) -> dict[pathlib.Path, pathlib.Path]:
    """{picture: where its translation goes}."""
    targets: dict[pathlib.Path, pathlib.Path] = {}
    for file in files:
        target = output / f"{file.stem}.png"
        if target in targets:
            raise UsageError(
                f"{file} and {targets[target]} would both become {target}: rename one of them"
            )
        _check_free(target)
        targets[target] = file
    return {file: target for target, file in targets.items()}


class Input(NamedTuple):
    """What a model takes: its name, its shape with None for any size, and NumPy's dtype."""

    name: str
    shape: tuple[int | None, ...]
    dtype: np.dtype


class Model:
    """A function of arrays, and the inputs that it takes, latents before labels."""

    def __init__(self, call, inputs: list[Input]):
        self.call, self.inputs = call, inputs

    @property
    def translates(self) -> bool:
        """Whether it takes pictures."""
        return [len(each.shape) for each in self.inputs] == [4]

    @property
    def draws(self) -> bool:
        """Whether it takes latents, and perhaps labels."""
        return [len(each.shape) for each in self.inputs] in ([2], [2, 1])


def load_model(path: pathlib.Path, trust: bool) -> Model:
    """Opens a SavedModel, a .tflite or an .onnx file."""
    files = {".tflite": _load_lite, ".onnx": _load_onnx}
    kind = path.suffix.lower()
    if path.is_dir():
        model = _load_saved_model(path, trust)
    elif not path.is_file():
        raise UsageError(f"there is no SavedModel, .tflite or .onnx file at {path}")
    elif kind not in files:
        raise UsageError(f"{path} is no SavedModel, and does not end in .tflite or .onnx")
    else:
        check_card(path)
        try:
            model = files[kind](path.read_bytes())
        except ModuleNotFoundError as error:
            raise SampleError(f"{path} needs {error.name}: pip install {error.name}") from None
        # These libraries raise whatever their parsers meet in a broken file.
        except Exception as error:
            raise SampleError(f"{path} is not a model that can be read: {_reason(error)}") from None
    if not (model.draws or model.translates):
        takes = ", ".join(str(each.shape) for each in model.inputs)
        raise SampleError(f"{path} neither draws nor translates pictures: it takes {takes}")
    return model


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Discards what C++ parts of libraries say as they start; what goes wrong, Python raises."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _load_saved_model(path: pathlib.Path, trust: bool) -> Model:
    with _silent():
        import tensorflow as tf

    try:
        check_files(path)
        unsafe = [] if trust else unsafe_operations(_read_graphs(path))
        # Under a plain name: TensorFlow takes `*`, `?` and brackets in a path as a pattern.
        with tempfile.TemporaryDirectory() as folder:
            link = pathlib.Path(folder) / "saved_model"
            link.symlink_to(path.absolute(), target_is_directory=True)
            loaded = None if unsafe else tf.saved_model.load(str(link))
        function = loaded and loaded.signatures["serving_default"]
    except SampleError:
        raise
    # TensorFlow raises whatever its parsers meet in a broken file.
    except Exception as error:
        raise SampleError(
            f"{path} is not a SavedModel that a run exported: {_reason(error)}"
        ) from None
    if unsafe:
        raise SampleError(
            f"{path} does more than compute: its operations {', '.join(unsafe)} reach files,"
            " processes, the network or Python; if you trust whoever made it, give --trust_models"
        )
    specs = tf.nest.flatten(function.structured_input_signature)
    inputs = [Input(s.name, tuple(s.shape), np.dtype(s.dtype.as_numpy_dtype)) for s in specs]

    def call(arrays: dict[str, np.ndarray], owner: object = loaded) -> np.ndarray:
        del owner  # kept, as a signature alone does not keep the model's variables
        tensors = {name: tf.constant(array) for name, array in arrays.items()}
        return tf.nest.flatten(function(**tensors))[0].numpy()

    return Model(call, _in_order(inputs))


def _load_lite(content: bytes) -> Model:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ModuleNotFoundError:
        try:
            from tensorflow.lite.python.interpreter import Interpreter
        except ModuleNotFoundError:
            raise ModuleNotFoundError(name="ai-edge-litert") from None
    with warnings.catch_warnings(), _silent():
        warnings.simplefilter("ignore")  # TensorFlow's own is deprecated
        interpreter = Interpreter(model_content=content)
    details = {detail["name"]: detail for detail in interpreter.get_input_details()}
    inputs = [
        Input(name, _any_size(detail["shape_signature"]), np.dtype(detail["dtype"]))
        for name, detail in details.items()
    ]
    [output] = interpreter.get_output_details()

    def call(arrays: dict[str, np.ndarray]) -> np.ndarray:
        for name, array in arrays.items():
            interpreter.resize_tensor_input(details[name]["index"], array.shape)
        with _silent():
            interpreter.allocate_tensors()
        for name, array in arrays.items():
            interpreter.set_tensor(details[name]["index"], array)
        interpreter.invoke()
        return interpreter.get_tensor(output["index"])

    return Model(call, _in_order(inputs))


def _load_onnx(content: bytes) -> Model:
    import onnxruntime

    dtypes = {"tensor(float)": np.float32, "tensor(int32)": np.int32}
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    inputs = [
        Input(each.name, _any_size(each.shape), np.dtype(dtypes[each.type]))
        for each in session.get_inputs()
    ]
    return Model(lambda arrays: session.run(None, arrays)[0], _in_order(inputs))


def _in_order(inputs: list[Input]) -> list[Input]:
    return sorted(inputs, key=lambda each: -len(each.shape))


def _any_size(shape) -> tuple[int | None, ...]:
    return tuple(int(n) if isinstance(n, (int, np.integer)) and n >= 0 else None for n in shape)


def _reason(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:300] or type(error).__name__


def check_card(path: pathlib.Path) -> None:
    """Raises `SampleError` for a file that is not as the card beside it says, if there is one."""
    record = _record_of(path)
    if record is None:
        return
    described = record["formats"].values()
    files = {name: sizes["sha256"] for entry in described for name, sizes in entry["files"].items()}
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if files.get(path.name, found) != found:
        raise SampleError(f"{path} is not as {path.with_name(CARD)} describes it: copy it again")


def told_classes(path: pathlib.Path) -> int | None:
    """The number of classes that a model's description, or the card beside it, tells, if any."""
    record = _record_of(path)
    if record is None:
        return None
    if path.is_dir():
        return record.get("classes")
    described = any(path.name in entry["files"] for entry in record["formats"].values())
    return record["ticket"].get("classes") if described else None


def labels_of(path: pathlib.Path, count: int, label: int | None, classes: int | None) -> np.ndarray:
    """`(count,)` labels to draw pictures of: one, or all classes one after the other.

    Args:
      path: of the model.
      count: how many.
      label: class to draw; None draws all.
      classes: how many there are, or the first so many of them; None is what the model tells.

    Raises:
      UsageError: nobody knows how many classes there are, or there is no such class.
    """
    told = told_classes(path)
    if classes is not None and told is not None and classes > told:
        raise UsageError(f"--classes={classes}, and {path} knows {told}: leave it out")
    classes = told if classes is None else classes
    if classes is None:
        raise UsageError(
            f"{path} takes labels, and no card beside it tells how many classes there are: give"
            " --classes"
        )
    if label is None:
        return np.arange(count) % classes
    if not 0 <= label < classes:
        raise UsageError(f"--label={label} is not in 0 to {classes - 1}")
    return np.full(count, label)


def _record_of(path: pathlib.Path) -> dict | None:
    """The description in a SavedModel, or the card beside a file; None without one."""
    told = path / DESCRIPTION if path.is_dir() else path.with_name(CARD)
    return _read_record(told) if told.exists() else None


def _read_record(path: pathlib.Path) -> dict:
    """A JSON file that holds a checksum of itself."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        checksum = record.pop("sha256", None)
        text = json.dumps(record, sort_keys=True)
        whole = checksum == hashlib.sha256(text.encode()).hexdigest()
    except (ValueError, AttributeError):
        whole = False
    if not whole:
        raise SampleError(f"{path} is broken: copy the model again")
    return record


def check_files(path: pathlib.Path) -> None:
    """Raises `SampleError` for a SavedModel that is not as its description says, if it has one."""
    description = _record_of(path)
    if description is None:
        return
    files = sorted(file for part in FILES for file in path.glob(part))
    found = {
        file.relative_to(path).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
    }
    for name in sorted(found.keys() | description["files"].keys()):
        if found.get(name) != description["files"].get(name):
            raise SampleError(
                f"{path} is not as it was exported: {name} is missing, changed or too much; copy it"
                " again"
            )


def _read_graphs(path: pathlib.Path):
    from tensorflow.core.protobuf import saved_model_pb2

    if (path / "saved_model.cpb").exists():
        raise SampleError(f"{path} is split in parts (saved_model.cpb), which is not read")
    saved_model = saved_model_pb2.SavedModel()
    saved_model.ParseFromString((path / "saved_model.pb").read_bytes())
    return saved_model


def unsafe_operations(saved_model) -> list[str]:
    """The names of a SavedModel's operations that reach files, processes, the network or Python.

    Those that save and restore the model's variables are allowed where nothing but its saver calls
    them: TensorFlow's loader reads variables by itself, and never runs them in a file of others.
    """
    found = set()
    for graph in saved_model.meta_graphs:
        library = {
            function.signature.name: function for function in graph.graph_def.library.function
        }
        nodes = {node.name: node for node in graph.graph_def.node}
        saver_ends = [graph.saver_def.save_tensor_name, graph.saver_def.restore_op_name]
        other_ends = [
            info.name
            for definition in graph.signature_def.values()
            for info in definition.outputs.values()
        ]
        for collection in graph.collection_def.values():
            other_ends += collection.node_list.value
        saver = _ancestors(nodes, saver_ends) - _ancestors(nodes, other_ends)
        savers_own = _callees([nodes[name] for name in saver], library)
        called = [nodes[name] for name in nodes.keys() - saver]
        for name in library.keys() - savers_own | set(graph.object_graph_def.concrete_functions):
            called += library[name].node_def if name in library else []
        public = _callees(called, library)
        for name in public:
            called += library[name].node_def
        saving = [nodes[name] for name in saver]
        for name in savers_own - public:
            saving += library[name].node_def
        found |= {name for node in called if (name := _unsafe(node, library))}
        found |= {name for node in saving if (name := _unsafe(node, library))} - SAVING
    return sorted(found)


def _unsafe(node, library: dict) -> str:
    """The name of a node's operation if that may reach out of the model, else an empty text."""
    from tensorflow.python.framework import op_def_registry

    if node.op in library:  # a function, called by its name
        return ""
    if node.op in ("Print", "PrintV2"):
        return "" if node.attr["output_stream"].s in STREAMS else f"{node.op} to a file"
    definition = op_def_registry.get(node.op)
    if definition is None:
        return f"{node.op} (unknown)"
    pattern = HARMLESS if definition.is_stateful else REACHING_OUT
    return node.op if bool(pattern.fullmatch(node.op)) != definition.is_stateful else ""


def _ancestors(nodes: dict, ends: Iterable[str]) -> set[str]:
    """The names of the nodes that tensors are computed from."""
    found, waiting = set(), list(ends)
    while waiting:
        name = waiting.pop().removeprefix("^").partition(":")[0]
        if name in nodes and name not in found:
            found.add(name)
            waiting += nodes[name].input
    return found


def _callees(nodes: Iterable, library: dict) -> set[str]:
    """The names of the functions that nodes call, and of those that these call."""
    found, waiting = set(), list(nodes)
    while waiting:
        node = waiting.pop()
        names = {node.op}
        for value in node.attr.values():
            names |= {value.func.name, *(function.name for function in value.list.func)}
        for name in names & library.keys() - found:
            found.add(name)
            waiting += library[name].node_def
    return found


def translate(model: Model, file: pathlib.Path) -> Image.Image:
    """A picture as the generator translates it."""
    pixels = read_picture(file)
    height, width, _ = pixels.shape
    edges = [(0, max(SMALLEST, -(-side // MULTIPLE) * MULTIPLE) - side) for side in (height, width)]
    image = np.pad(pixels, [*edges, (0, 0)], mode="reflect")[None].astype(np.float32) / 127.5 - 1.0
    [translated] = _call(model, [image], f"{file}, {width}x{height}, cannot be translated")
    return _picture(translated[:height, :width], str(file))


def draw(model: Model, count: int, seed: int, labels: np.ndarray) -> Iterator[Image.Image]:
    """Pictures of latents, the first ones the same whatever the count is.

    Args:
      model: draws.
      count: number of pictures.
      seed: of the latents.
      labels: `(count,)`, of a generator that takes some.
    """
    size = model.inputs[0].shape[1]
    latents = np.random.default_rng(seed).standard_normal((count, size), np.float32)
    for at in range(0, count, BATCH):
        parts = [part[at : at + BATCH] for part in (latents, labels)][: len(model.inputs)]
        for number, image in enumerate(_call(model, parts, "no pictures can be drawn")):
            yield _picture(image, f"picture {at + number}")


def _call(model: Model, arrays: list[np.ndarray], failed: str) -> np.ndarray:
    inputs = zip(model.inputs, arrays, strict=True)
    try:
        return model.call({each.name: array.astype(each.dtype) for each, array in inputs})
    # Whatever a library raises here, such as for too little memory, is about this picture.
    except Exception as error:
        raise SampleError(f"{failed}: {_reason(error)}") from None


def _picture(image: np.ndarray, what: str) -> Image.Image:
    """Values in [-1, 1] as a picture."""
    if not np.isfinite(image).all():
        raise SampleError(f"{what}: the generator returns values that are not finite for it")
    pixels = np.uint8(np.round((np.clip(image, -1.0, 1.0) + 1.0) * 127.5))
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def write_all(pictures: Iterable[Image.Image], targets: list[pathlib.Path]) -> None:
    """Writes pictures into a hidden folder, then moves them to where they belong."""
    output = targets[0].parent
    made = not output.exists()
    partial = output / PARTIAL
    output.mkdir(parents=True, exist_ok=True)
    try:
        if partial.exists():  # of a command that was killed
            shutil.rmtree(partial)
        partial.mkdir()
        for picture, target in zip(pictures, targets, strict=True):
            picture.save(partial / target.name)
        for target in targets:
            (partial / target.name).rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        if made:
            with contextlib.suppress(OSError):
                output.rmdir()  # only if it is empty


def define(values) -> None:
    """Defines the flags of this command, where the package runs it."""
    from absl import flags

    for name, (kind, default, text) in (REQUIRED | OPTIONS).items():
        add = flags.DEFINE_integer if kind is int else flags.DEFINE_string
        add(name, default, text, flag_values=values, module_name="Pictures")
    for name, (default, text) in SWITCHES.items():
        flags.DEFINE_bool(name, default, text, flag_values=values, module_name="Pictures")
    flags.mark_flags_as_required(list(REQUIRED), flag_values=values)


def main(values) -> None:
    """Does what the flags say; exits with 1 or 2 if it cannot.

    Args:
      values: what has the flags as attributes.
    """
    logging.getLogger("PIL").setLevel(logging.CRITICAL)
    try:
        classes = 1 if values.classes is None else values.classes
        if values.count < 1 or values.seed < 0 or classes < 1:
            raise UsageError("--count and --classes must be at least 1, --seed at least 0")
        output = _path(values.output)
        print(_translated(values, output) if values.images else _drawn(values, output))
    except (SampleError, OSError) as error:
        _fail(error, getattr(error, "exit_code", 1))


def _translated(values, output: pathlib.Path) -> str:
    """Translates a folder, and says so."""
    for name in ("count", "seed", "label", "classes"):
        if getattr(values, name) != OPTIONS[name][1]:
            raise UsageError(f"--{name} is for what draws pictures: leave it out with --images")
    files = find_pictures(_path(values.images))
    targets = plan(files, output)
    _tell(f"reading {values.images} and {values.model}")
    found = {file: check_picture(file, values.pad) for file in files}
    model = load_model(_path(values.model), values.trust_models)
    if not model.translates:
        raise UsageError(f"{values.model} draws pictures: leave out --images")
    channels = model.inputs[0].shape[-1]
    for file, number in found.items():
        if number != channels:
            raise SampleError(
                f"{file} has {number} channels and the generator takes {channels}: 1 is grey, 3 is"
                " RGB"
            )
    write_all((translate(model, file) for file in targets), list(targets.values()))
    return f"{len(files)} translated to {output}"


def _drawn(values, output: pathlib.Path) -> str:
    """Draws pictures, and says so."""
    if not values.pad:
        raise UsageError("--nopad is for what translates pictures: leave it out without --images")
    targets = [output / f"{number:04}.png" for number in range(values.count)]
    for target in targets:
        _check_free(target)
    _tell(f"reading {values.model}")
    model = load_model(_path(values.model), values.trust_models)
    if not model.draws:
        raise UsageError(f"{values.model} translates pictures: give a folder of them as --images")
    labels = np.zeros(values.count, int)
    if len(model.inputs) > 1:
        labels = labels_of(_path(values.model), values.count, values.label, values.classes)
    for name in ("label", "classes"):
        if len(model.inputs) == 1 and getattr(values, name) is not None:
            raise UsageError(f"{values.model} takes no labels: leave out --{name}")
    write_all(draw(model, values.count, values.seed, labels), targets)
    return f"{values.count} drawn to {output}"


def _tell(what: str) -> None:
    print(f"sample: {what} ...", file=sys.stderr, flush=True)


def _check_free(target: pathlib.Path) -> None:
    if target.exists():
        raise UsageError(f"{target} exists and is not overwritten: give another --output")


def _path(text: str) -> pathlib.Path:
    if "://" in text:
        raise UsageError(f"{text} is in an object store: copy it to a disk, or write to one")
    try:
        return pathlib.Path(text).expanduser()
    except RuntimeError:  # an unknown user, or no home
        raise UsageError(f"{text}: this user's home is not known") from None


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        _fail(message, 2)


def _parse(arguments: list[str]) -> argparse.Namespace:
    try:
        arguments = list(_expand(arguments))
    except (SampleError, OSError) as error:
        _fail(error, 2)
    if HELP_FLAGS & set(arguments):
        _show_help()
        sys.exit(0)
    if "--version" in arguments:
        print(f"tf-gan-lth {VERSION}")
        sys.exit(0)
    parser = _Parser(add_help=False, allow_abbrev=False)
    for name, (kind, default, _) in (REQUIRED | OPTIONS).items():
        parser.add_argument(f"--{name}", type=kind, default=default)
    for name, (default, _) in SWITCHES.items():
        parser.add_argument(f"--{name}", type=_switch, nargs="?", const=True, default=default)
        parser.add_argument(f"--no{name}", dest=name, action="store_false", default=default)
    values, unknown = parser.parse_known_args(arguments)
    if unknown:
        name = unknown[0].lstrip("-").partition("=")[0]
        near = difflib.get_close_matches(name, vars(values), n=1)
        guess = f"; did you mean --{near[0]}?" if near else ""
        _fail(f"unexpected argument '{unknown[0]}': options are written --name=value{guess}", 2)
    for name in REQUIRED:
        if getattr(values, name) is None:
            _fail(f"--{name} is required", 2)
    return values


def _show_help() -> None:
    lines = [__doc__]
    for name, (_, default, text) in (REQUIRED | OPTIONS).items():
        shown = "" if default is None else f"  (default: {default})"
        lines.append(f"  --{name}{shown}\n      {text}")
    for name, (default, text) in SWITCHES.items():
        lines.append(f"  --{name}  (default: {str(default).lower()})\n      {text}")
    try:
        print("\n".join(lines), flush=True)
    except BrokenPipeError:  # `head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _expand(arguments: Iterable[str], readers: tuple[pathlib.Path, ...] = ()) -> Iterator[str]:
    """The arguments, each `--flagfile=PATH` replaced by the lines of that file, one flag each.

    absl would read such files too, but as UTF-8 without a mark alone, and from the working folder.
    """
    for argument in arguments:
        name = re.fullmatch(r"--?flagfile=(.+)", argument)
        if not name:
            yield argument
            continue
        folder = readers[-1].parent if readers else pathlib.Path()
        path = next((p for p in (folder / _path(name[1]), _path(name[1])) if p.exists()), None)
        if path is None or path.resolve() in readers:
            problem = "reads itself" if path else "is not there"
            raise UsageError(f"flag file {name[1]} {problem}")
        content = path.read_bytes()
        encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        try:
            lines = [line.strip() for line in content.decode(encoding).splitlines()]
        except UnicodeDecodeError as error:
            number = content.count(b"\n", 0, error.start) + 1
            raise UsageError(f"flag file {path}, line {number}, is not UTF-8 text") from None
        own = (line for line in lines if line and not line.startswith(("#", "//")))
        yield from _expand(own, (*readers, path.resolve()))


def _switch(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"'{text}' is neither true nor false")
    return text.lower() == "true"


def _fail(error: Exception | str, code: int) -> NoReturn:
    print("error:", " ".join(str(error).split()), file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main(_parse(sys.argv[1:]))
