"""The names that an option takes, read from the files that define them without importing these.

Such files import TensorFlow, which takes many seconds: far too long to hear of a slip of the
finger. What is read here is what the registries hold when nothing of a user's own is added, so a
command line that names `--plugins` or a GAN of one's own is left to them.
"""

import ast
import dataclasses
import functools
import importlib.util
import pathlib
from collections.abc import Callable, Iterator, Sequence

from tf_gan_lth.experiment.errors import UsageError, check_known

PACKAGE = pathlib.Path(__file__).parents[1]
# What follows the colon of a data set's name, by the word before it; PATH for the others.
REST = {"tfds:": "NAME"}


@dataclasses.dataclass(frozen=True)
class Chosen:
    """What else the command line says, on which names depend.

    Attributes:
      gan: name of the GAN; empty for a command that has none.
      own: whether Python files of the user's are read, which may add names.
    """

    gan: str = ""
    own: bool = False

    @property
    def task(self) -> str | None:
        """What the GAN is for; None if only its file knows."""
        return spec_of(self.gan).get("task") if self.gan in gans() else None


@dataclasses.dataclass(frozen=True)
class Accepted:
    """What an option takes.

    Attributes:
      kind: what messages call one of its values, as the registry does.
      names: a function of what else is chosen that returns the names.
      forms: likewise what may be written instead of a name, such as `folder:PATH`.
      takes: whether a word is taken beside these; what is wrong with it, its reader says.
      extendable: whether a user's own Python files may add names.
      weighted: whether values are NAME:WEIGHT.
      by_comma: whether one text may hold several names.
    """

    kind: str
    names: Callable[[Chosen], Sequence[str]]
    forms: Callable[[Chosen], Sequence[str]] = lambda chosen: ()
    takes: Callable[[str], bool] = lambda word: False
    extendable: bool = False
    weighted: bool = False
    by_comma: bool = False

    def check(self, value: object, chosen: Chosen) -> None:
        """Raises `UsageError`, with the nearest name, for a value that is none of these.

        Args:
          value: of the flag; None if it is unset.
          chosen: what else is chosen.
        """
        if value is None or (self.extendable and chosen.own):
            return
        words = value if isinstance(value, (list, tuple)) else [value]
        if self.by_comma:
            words = [part for word in words for part in word.split(",")]
        forms = self.forms(chosen)
        prefixes = tuple(form.partition(":")[0] + ":" for form in forms if ":" in form)
        for word in words:
            name = word.partition(":")[0] if self.weighted else word
            if not name.startswith(prefixes) and not self.takes(name):
                _check_is_no_path(name, forms)
                check_known(self.kind, name, [*self.names(chosen), *forms])

    def listed(self, chosen: Chosen) -> str:
        """All of it, for `--help`."""
        names = [f"{name}:WEIGHT" if self.weighted else name for name in self.names(chosen)]
        return ", ".join([*sorted(names), *self.forms(chosen)])


def _check_is_no_path(word: str, forms: Sequence[str]) -> None:
    """Raises `UsageError` for a path that lacks the word before it."""
    path = pathlib.Path(word)
    if "folder:PATH" in forms and path.is_dir():
        raise UsageError(f"'{word}' is a folder: write folder:{word}")
    if "npz:PATH" in forms and path.suffix.lower() == ".npz" and path.is_file():
        raise UsageError(f"'{word}' is an .npz file: write npz:{word}")


# ---- What files say.


@functools.cache
def _tree(file: pathlib.Path) -> ast.Module:
    return ast.parse(file.read_bytes(), str(file))


def _file(name: str) -> ast.Module:
    return _tree(PACKAGE / name)


def registered(name: str, registry: str | None = None) -> list[str]:
    """The names that a file of the package registers, in its order.

    Args:
      name: of the file, relative to the package.
      registry: variable of the registry; None takes whatever is called `register`.
    """
    found = []
    for node in _file(name).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            calls = node.decorator_list
        elif isinstance(node, ast.Expr):
            calls = [node.value]
        else:
            continue
        for call in calls:
            if _registers(call.func if isinstance(call, ast.Call) else call, registry):
                found.append(_keyword(call, "name") or node.name)
    return found


def _registers(function: ast.expr, registry: str | None) -> bool:
    if isinstance(function, ast.Attribute) and function.attr == "register":
        return registry is None or getattr(function.value, "id", None) == registry
    return registry is None and getattr(function, "id", None) == "register"


def _keyword(call: ast.expr, name: str) -> str | None:
    for keyword in getattr(call, "keywords", ()):
        if keyword.arg == name and isinstance(keyword.value, ast.Constant):
            return keyword.value.value
    return None


def _assigned(tree: ast.Module, name: str) -> ast.expr:
    """What a file assigns to a name at its top."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == name:
            return node.value
    raise LookupError(name)


def constant(file: str, name: str) -> tuple[str, ...]:
    """A tuple of words that a file of the package assigns at its top; of a dict, its keys."""
    value = _assigned(_file(file), name)
    if isinstance(value, ast.Dict):
        return tuple(key.value for key in value.keys)
    return tuple(ast.literal_eval(value))


def _calls(tree: ast.AST, name: str) -> Iterator[ast.Call]:
    """The calls of a function, wherever they stand."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == name:
            yield node


# ---- GANs.


@functools.cache
def gans() -> tuple[str, ...]:
    """The GANs of the package: each file that assigns `gan` at its top."""
    found = []
    for file in sorted((PACKAGE / "gans").glob("*.py")):
        assigns = (node for node in _tree(file).body if isinstance(node, ast.Assign))
        if any(getattr(node.targets[0], "id", None) == "gan" for node in assigns):
            found.append(file.stem)
    return tuple(found)


@functools.cache
def spec_of(gan: str) -> dict[str, str]:
    """The words of a GAN's `GANSpec`, such as its task. `gan` is one of `gans()`."""
    call = _assigned(_file(f"gans/{gan}.py"), "gan")
    return {k.arg: k.value.value for k in call.keywords if isinstance(k.value, ast.Constant)}


@functools.cache
def roles_of(gan: str) -> tuple[str, ...]:
    """The roles that a GAN's networks have."""
    call = _assigned(_file(f"gans/{gan}.py"), "gan")
    return tuple(dict.fromkeys(network.args[0].value for network in _calls(call, "Network")))


@functools.cache
def usual_of(gan: str) -> dict[str, object]:
    """What is usual for a GAN where an option is unset; None where it has no such option."""
    fields = {}
    for node in _file("gans/spec.py").body:
        if isinstance(node, ast.ClassDef) and node.name == "Hyperparameters":
            for field in node.body:
                if isinstance(field, ast.AnnAssign) and field.value is not None:
                    fields[field.target.id] = ast.literal_eval(field.value)
    [usual] = _calls(_assigned(_file(f"gans/{gan}.py"), "gan"), "Hyperparameters")
    # Numbers may be written as products: an expression of literals alone.
    values = {k.arg: ast.unparse(k.value) for k in usual.keywords}
    return fields | {name: eval(text, {"__builtins__": {}}) for name, text in values.items()}


# ---- Names of each kind.


def image_sets() -> tuple[str, ...]:
    """The data sets of single images."""
    return constant("data/datasets.py", "BUILDERS")


def domains() -> tuple[str, ...]:
    """The data sets of two domains: that of the package, and the pairs of TFDS."""
    name = ast.literal_eval(_assigned(_file("data/shapes2stripes.py"), "NAME"))
    return (name, *(f"cycle_gan/{pair}" for pair in _cycle_gan_pairs()))


@functools.cache
def _cycle_gan_pairs() -> tuple[str, ...]:
    found = importlib.util.find_spec("tensorflow_datasets")
    folder = pathlib.Path(found.submodule_search_locations[0])
    tree = _tree(folder / "image_classification" / "cycle_gan.py")
    return tuple(ast.literal_eval(_assigned(tree, "_DATA_OPTIONS")))


def _data_sets(chosen: Chosen) -> tuple[str, ...]:
    if chosen.task == "image_to_image":
        return domains()
    # What a GAN of one's own is for, its file knows.
    unknown_task = chosen.gan and chosen.task is None
    return (*image_sets(), *domains()) if unknown_task else image_sets()


def _data_forms(chosen: Chosen) -> list[str]:
    """`folder:PATH`, `npz:PATH` and the like, as `data/datasets.py` names them at its top."""
    if chosen.task == "image_to_image":
        return ["folder:PATH"]
    prefixes = []
    for node in _file("data/datasets.py").body:
        value = getattr(node, "value", None)
        if isinstance(node, ast.Assign) and isinstance(value, ast.Constant):
            text = value.value
            prefixes += [text] if isinstance(text, str) and text.endswith(":") else []
    return [prefix + REST.get(prefix, "PATH") for prefix in prefixes]


def protocols() -> list[str]:
    """The names of the protocols."""
    tree = _file("evaluation/protocols.py")
    made = [call.args[0].value for call in _calls(tree, "Protocol")]
    varied = [_keyword(call, "name") for call in _calls(tree, "dataclasses.replace")]
    return [name for name in [*made, *varied] if name]


def embedded() -> list[str]:
    """The feature networks that ship with the package, by the data sets that they know."""
    networks = _assigned(_file("evaluation/embedded.py"), "NETWORKS")
    return [call.args[0].value for call in _calls(networks, "Embedded")]


def methods() -> list[str]:
    """The names of the methods."""
    files = sorted((PACKAGE / "methods").glob("*.py"))
    return [name for f in files for name in registered(f"methods/{f.name}", "METHODS")]


def _augmentations(chosen: Chosen) -> list[str]:
    seen = ["none", *registered("training/augmentations.py")]
    if chosen.task == "noise_to_image":
        return seen
    drawn = constant("data/pipeline.py", "AUGMENTATIONS")
    return list(drawn if chosen.task else dict.fromkeys([*seen, *drawn]))


def _roles(chosen: Chosen) -> tuple[str, ...]:
    return roles_of(chosen.gan) if chosen.gan in gans() else ("generator", "discriminator")


def words(kind: str, names: Sequence[str]) -> Accepted:
    """One of some words that depend on nothing."""
    return Accepted(kind, lambda chosen: names)


def _own(kind: str, file: str, registry: str | None = None, **options: bool) -> Accepted:
    """What a file of the package registers, and a user's own files may."""
    return Accepted(kind, lambda chosen: registered(file, registry), extendable=True, **options)


DATASET = Accepted("dataset", _data_sets, _data_forms)
PREPARED_DATASET = Accepted("dataset", lambda chosen: image_sets())
EMBEDDED_DATASET = Accepted("dataset", lambda chosen: embedded())
REFERENCE = Accepted(
    "reference",
    lambda chosen: image_sets(),
    lambda chosen: [*_data_forms(chosen), "FILE.npz"],
    takes=lambda word: word.lower().endswith(".npz") or word in domains(),
)
PROTOCOL = Accepted("protocol", lambda chosen: protocols())
FEATURE_NETWORK = Accepted(
    "feature network",
    lambda chosen: [*embedded(), "inception"],
    lambda chosen: ["PATH", "URL"],
    takes=lambda word: "/" in word or pathlib.Path(word).exists(),
    extendable=True,
)
STRATEGY = Accepted("strategy", lambda chosen: constant("training/devices.py", "STRATEGIES"))
WEIGHTS = Accepted("value of --weights", lambda chosen: constant("methods/parent.py", "WEIGHTS"))
BRANCH = Accepted(
    "branch", lambda chosen: ["main", *registered("methods/branches.py")], extendable=True
)

# Of the options of a config, by name; what others take, their `choices` say.
OPTIONS = {
    "gan": Accepted(
        "GAN",
        lambda chosen: gans(),
        lambda chosen: ["my_gan.py:NAME", "package.module:NAME"],
        takes=lambda word: ":" in word,
    ),
    "dataset": DATASET,
    "loss": _own("loss", "training/losses.py", "LOSSES"),
    "terms": _own("loss term", "training/terms.py", weighted=True),
    "augmentation": Accepted("augmentation", _augmentations, extendable=True, by_comma=True),
    "mask_update": _own("mask update", "training/updates.py"),
    "method": Accepted("method", lambda chosen: methods(), extendable=True),
    "criterion": _own("criterion", "methods/criteria.py"),
    "branches": _own("branch", "methods/branches.py"),
    "prune": Accepted("role", _roles, extendable=True),
    "protocol": PROTOCOL,
    "feature_network": FEATURE_NETWORK,
}
