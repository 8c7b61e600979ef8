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
from collections.abc import Callable, Sequence

from tf_gan_lth.cli import sources
from tf_gan_lth.experiment import paths
from tf_gan_lth.experiment.errors import check_known

TFDS = "tfds:"  # what comes after it, TFDS knows


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
        return sources.spec_of(self.gan).get("task") if self.gan in sources.gans() else None


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
                known = [*self.names(chosen), *forms]
                if name not in known:
                    paths.check_is_no_path(name, prefixes)
                check_known(self.kind, name, known)

    def listed(self, chosen: Chosen) -> str:
        """All of it, for `--help`."""
        names = [f"{name}:WEIGHT" if self.weighted else name for name in self.names(chosen)]
        return ", ".join([*sorted(names), *self.forms(chosen)])


def image_sets() -> tuple[str, ...]:
    """The data sets of single images."""
    return sources.constant("data/datasets.py", "BUILDERS")


def domains() -> tuple[str, ...]:
    """The data sets of two domains: that of the package, and the pairs of TFDS."""
    name = ast.literal_eval(sources.assigned(sources.tree_of("data/shapes2stripes.py"), "NAME"))
    return (name, *(f"cycle_gan/{pair}" for pair in _cycle_gan_pairs()))


@functools.cache
def _cycle_gan_pairs() -> tuple[str, ...]:
    found = importlib.util.find_spec("tensorflow_datasets")
    folder = pathlib.Path(found.submodule_search_locations[0])
    tree = sources.parsed(folder / "image_classification" / "cycle_gan.py")
    return tuple(ast.literal_eval(sources.assigned(tree, "_DATA_OPTIONS")))


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
    for node in sources.tree_of("data/datasets.py").body:
        value = getattr(node, "value", None)
        if isinstance(node, ast.Assign) and isinstance(value, ast.Constant):
            text = value.value
            prefixes += [text] if isinstance(text, str) and text.endswith(":") else []
    return [prefix + ("NAME" if prefix == TFDS else "PATH") for prefix in prefixes]


def protocols() -> list[str]:
    """The names of the protocols."""
    tree = sources.tree_of("evaluation/protocols.py")
    made = [call.args[0].value for call in sources.calls_of(tree, "Protocol")]
    varied = [
        sources.keyword_of(call, "name") for call in sources.calls_of(tree, "dataclasses.replace")
    ]
    return [name for name in [*made, *varied] if name]


def embedded() -> list[str]:
    """The feature networks that ship with the package, by the data sets that they know."""
    networks = sources.assigned(sources.tree_of("evaluation/embedded.py"), "NETWORKS")
    return [call.args[0].value for call in sources.calls_of(networks, "Embedded")]


def methods() -> list[str]:
    """The names of the methods."""
    files = sorted((sources.PACKAGE / "methods").glob("*.py"))
    return [name for f in files for name in sources.registered(f"methods/{f.name}", "METHODS")]


def _augmentations(chosen: Chosen) -> list[str]:
    seen = ["none", *sources.registered("training/augmentations.py")]
    if chosen.task == "noise_to_image":
        return seen
    drawn = sources.constant("data/pipeline.py", "AUGMENTATIONS")
    return list(drawn if chosen.task else dict.fromkeys([*seen, *drawn]))


def _roles(chosen: Chosen) -> tuple[str, ...]:
    return (
        sources.roles_of(chosen.gan)
        if chosen.gan in sources.gans()
        else ("generator", "discriminator")
    )


def words(kind: str, names: Sequence[str]) -> Accepted:
    """One of some words that depend on nothing."""
    return Accepted(kind, lambda chosen: names)


def _own(kind: str, file: str, registry: str | None = None, **options: bool) -> Accepted:
    """What a file of the package registers, and a user's own files may."""
    return Accepted(
        kind, lambda chosen: sources.registered(file, registry), extendable=True, **options
    )


DATASET = Accepted("dataset", _data_sets, _data_forms, takes=lambda word: word.startswith(TFDS))
PREPARED_DATASET = Accepted("dataset", lambda chosen: image_sets())
EMBEDDED_DATASET = Accepted("dataset", lambda chosen: embedded())
REFERENCE = Accepted(
    "reference",
    lambda chosen: image_sets(),
    lambda chosen: [*_data_forms(chosen), "FILE.npz"],
    takes=lambda word: word.lower().endswith(".npz") or word in domains() or word.startswith(TFDS),
)
DIRECTION = words("direction", ("a2b", "b2a"))
PROTOCOL = Accepted("protocol", lambda chosen: protocols())
FEATURE_NETWORK = Accepted(
    "feature network",
    lambda chosen: [*embedded(), "inception"],
    lambda chosen: ["PATH", "URL"],
    takes=lambda word: "/" in word or pathlib.Path(word).exists(),
    extendable=True,
)
STRATEGY = Accepted(
    "strategy", lambda chosen: sources.constant("training/devices.py", "STRATEGIES")
)
WEIGHTS = Accepted(
    "value of --weights", lambda chosen: sources.constant("methods/parent.py", "WEIGHTS")
)
COMPRESSOR = Accepted(
    "compressor", lambda chosen: [n for n in methods() if n != "imp"], extendable=True
)
BRANCH = Accepted(
    "branch", lambda chosen: ["main", *sources.registered("methods/branches.py")], extendable=True
)
GAN = Accepted("GAN", lambda chosen: sources.gans())

# Of the options of a config, by name; what others take, their `choices` say.
OPTIONS = {
    "gan": Accepted(
        "GAN",
        lambda chosen: sources.gans(),
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
