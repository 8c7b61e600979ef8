"""SavedModels as files of others: checked before they are loaded, with errors of one line.

A SavedModel is a program. Its graph may write files, start servers or call Python, when it is
called and also when it is loaded. `load` refuses such graphs, unless the user trusts them. Exports
of this package hold a description, with a digest of each file, that is checked too.

`scripts/sample.py`, which needs no package, holds `unsafe_operations` and what it calls once more:
a test keeps the two the same.
"""

import contextlib
import hashlib
import pathlib
import re
import tempfile
from collections.abc import Iterable, Iterator

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from tf_gan_lth.experiment import paths, trust
from tf_gan_lth.experiment.artifacts import Record
from tf_gan_lth.experiment.errors import ArtifactError, EvaluationError, error_reason
from tf_gan_lth.experiment.paths import Path, RemotePath

DESCRIPTION = "ticket.json"
DESCRIPTION_FOLDER = "assets.extra"
FILES = ("saved_model.*", "fingerprint.pb", "variables/*", "assets/*")
SPECIAL = set("*?[]\\")  # TensorFlow takes paths with these characters as patterns

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
