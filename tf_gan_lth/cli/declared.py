"""The options that a GAN or a method alone has, read from its file without importing it.

Such a file imports TensorFlow, which takes seconds. Its class `Options` needs nothing but
`dataclasses` and `option`, so the class is compiled by itself.
"""

import ast
import dataclasses
import functools
import importlib.machinery
import pathlib
import sys
import typing
from collections.abc import Iterable, Sequence

from tf_gan_lth.experiment import paths
from tf_gan_lth.experiment.config import option
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.experiment.option_values import value_type

PACKAGE = pathlib.Path(__file__).parents[1]
FOLDERS = ("gans", "methods")
CLASS = "Options"
KINDS = (str, int, float, bool, tuple)
OTHER_CONCERN = "Options of its own"


@dataclasses.dataclass(frozen=True)
class DeclaredFlag:
    """A flag that one or several files declare.

    Attributes:
      name: of the option, which all of them share.
      kind: str, int, float, bool or tuple.
      concern: what `--help` lists it under: the docstring of the first `Options` that has it.
      help: what it is, and its default, for each file that declares it.
      owners: those files, by their name without `.py`.
    """

    name: str
    kind: type
    concern: str
    help: str
    owners: tuple[str, ...]


def declared_options(path: pathlib.Path) -> type | None:
    """The class `Options` at the top level of a Python file, of which nothing else is run.

    Args:
      path: of the file.

    Returns:
      A dataclass whose fields are made by `option`; None if the file has no such class.

    Raises:
      UsageError: the file cannot be read, or its class is no dataclass of options, or needs more
        than `dataclasses` and `option`.
    """
    found = None
    for node in _parse(path).body:
        if isinstance(node, ast.ClassDef) and node.name == CLASS:
            found = node
    if found is None:
        return None
    # All that the class may use. `__name__` is where a dataclass looks its types up.
    names = {"dataclasses": dataclasses, "dataclass": dataclasses.dataclass, "option": option}
    namespace = {**names, "__name__": __name__}
    try:
        exec(compile(ast.Module([found], []), str(path), "exec", dont_inherit=True), namespace)
    except Exception as error:  # whatever a user's class does
        raise UsageError(
            f"{path}, line {found.lineno}: class {CLASS}: {type(error).__name__}: {error}; it is"
            " read by itself and may use literals, dataclasses and option alone"
        ) from error
    _check(path, namespace[CLASS])
    return namespace[CLASS]


def package_files() -> list[pathlib.Path]:
    """The files of this package that may declare options."""
    return [path for folder in FOLDERS for path in sorted((PACKAGE / folder).glob("*.py"))]


def file_of(gan: str) -> pathlib.Path:
    """Where a GAN of the package is defined."""
    return PACKAGE / "gans" / f"{gan}.py"


@functools.cache
def own_fields(gan: str) -> dict[str, dataclasses.Field]:
    """{option: field} of the options that a GAN of the package alone has; none of another's."""
    path = file_of(gan)
    options = declared_options(path) if path in package_files() else None
    return {field.name: field for field in dataclasses.fields(options)} if options else {}


def own_files(arguments: Sequence[str]) -> list[pathlib.Path]:
    """A user's files that a command line names: `--gan=my_gan.py:NAME`, `--plugins=a.py,b.py`.

    Args:
      arguments: without the program's name, flag files expanded. They need not be valid.

    Raises:
      UsageError: a file is not there.
    """
    place, colon, _ = last(arguments, "gan").rpartition(":")
    files = [file for file in last(arguments, "plugins").split(",") if file]
    if place.endswith(".py"):
        files.insert(0, place)
    found = [paths.expand(file) for file in files]
    for path in found:
        if not path.is_file():
            raise UsageError(f"there is no file {path}")
    if colon and not place.endswith(".py"):
        # A module that is not found is an error of whoever imports it.
        module = _source_of(place)
        found += [module] if module else []
    return list(dict.fromkeys(path.resolve() for path in found))


def merge(files: Iterable[pathlib.Path]) -> list[DeclaredFlag]:
    """The flags that files declare together; a name that several declare is one flag.

    Raises:
      UsageError: one of them cannot be read, or two declare a name with different types.
    """
    declared: dict[str, list[tuple[str, type, dataclasses.Field]]] = {}
    for path in files:
        options = declared_options(path)
        for field in dataclasses.fields(options) if options else ():
            declared.setdefault(field.name, []).append((path.stem, options, field))
    return [_flag(name, several) for name, several in declared.items()]


def _flag(name: str, several: list[tuple[str, type, dataclasses.Field]]) -> DeclaredFlag:
    kinds = {owner: _kind(options, field) for owner, options, field in several}
    first, kind = next(iter(kinds.items()))
    for owner, other in kinds.items():
        if other is not kind:
            raise UsageError(
                f"--{name} is of type {kind.__name__} in {first} and of type {other.__name__} in"
                f" {owner}: rename one of them"
            )
    helps: dict[str, list[str]] = {}
    for owner, _, field in several:
        helps.setdefault(field.metadata["help"], []).append(f"{owner}{_default(field)}")
    text = "; ".join(f"{help} ({'; '.join(owners)})" for help, owners in helps.items())
    return DeclaredFlag(name, kind, _concern(several[0][1]), text, tuple(kinds))


def _default(field: dataclasses.Field) -> str:
    if field.default is None:  # its help says what that means
        return ""
    value = field.default
    return f": {','.join(map(str, value)) if isinstance(value, tuple) else value}"


def _concern(options: type) -> str:
    doc = (options.__doc__ or "").strip().partition("\n")[0].rstrip(".")
    # A dataclass without a docstring gets its signature for one.
    return doc if doc[:1].isupper() and not doc.startswith(f"{CLASS}(") else OTHER_CONCERN


def _kind(options: type, field: dataclasses.Field) -> type:
    return value_type(typing.get_type_hints(options)[field.name])


def _parse(path: pathlib.Path) -> ast.Module:
    try:
        return ast.parse(path.read_bytes(), str(path))
    except SyntaxError as error:
        line = f", line {error.lineno}" if error.lineno else ""
        raise UsageError(f"{path}{line}: {error.msg}") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {path}: {error}") from None


def _check(path: pathlib.Path, options: type) -> None:
    if not dataclasses.is_dataclass(options):
        raise UsageError(
            f"{path}: {CLASS} must be a dataclass: @dataclasses.dataclass(frozen=True)"
        )
    for field in dataclasses.fields(options):
        if "help" not in field.metadata:
            raise UsageError(
                f"{path}: {CLASS}.{field.name} says no more than a default: write"
                f' {field.name}: type = option(default, "what it is")'
            )
        kind = _kind(options, field)
        if kind not in KINDS:
            known = ", ".join(each.__name__ for each in KINDS)
            raise UsageError(f"{path}: {CLASS}.{field.name} is a {kind}: a flag is one of {known}")


def last(arguments: Sequence[str], name: str) -> str:
    """The value that arguments give a flag, as the last one counts; empty if they give none."""
    value = ""
    for number, argument in enumerate(arguments):
        flag, equals, text = argument.partition("=")
        if flag in (f"--{name}", f"-{name}"):
            value = text if equals else "".join(arguments[number + 1 : number + 2])
    return value


def _source_of(module: str) -> pathlib.Path | None:
    """The file of a module, found without importing the packages that it is in."""
    names = module.split(".")
    if not all(names):
        return None
    where = None
    for depth in range(1, len(names) + 1):
        spec = _find_spec(".".join(names[:depth]), where)
        if spec is None or (depth < len(names) and spec.submodule_search_locations is None):
            return None
        where = spec.submodule_search_locations
    return pathlib.Path(spec.origin) if (spec.origin or "").endswith(".py") else None


def _find_spec(name: str, where: Sequence[str] | None) -> importlib.machinery.ModuleSpec | None:
    found = (finder.find_spec(name, where) for finder in sys.meta_path)
    return next((spec for spec in found if spec is not None), None)
