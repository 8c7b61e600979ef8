"""What files of the package say, and a user's file of a GAN, read without running them.

They import TensorFlow, which takes many seconds.
"""

import ast
import functools
import pathlib
from collections.abc import Iterator

from tf_gan_lth.experiment import paths

PACKAGE = pathlib.Path(__file__).parents[1]
ASK = "what its file says"


@functools.cache
def parsed(file: pathlib.Path) -> ast.Module:
    """The tree of a file."""
    return ast.parse(file.read_bytes(), str(file))


def tree_of(name: str) -> ast.Module:
    """The tree of a file of the package, by its path there."""
    return parsed(PACKAGE / name)


def registered(name: str, registry: str | None = None) -> list[str]:
    """The names that a file of the package registers, in its order.

    Args:
      name: of the file, relative to the package.
      registry: variable of the registry; None takes whatever is called `register`.
    """
    found = []
    for node in tree_of(name).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            calls = node.decorator_list
        elif isinstance(node, ast.Expr):
            calls = [node.value]
        else:
            continue
        for call in calls:
            if _registers(call.func if isinstance(call, ast.Call) else call, registry):
                found.append(keyword_of(call, "name") or node.name)
    return found


def _registers(function: ast.expr, registry: str | None) -> bool:
    if isinstance(function, ast.Attribute) and function.attr == "register":
        return registry is None or getattr(function.value, "id", None) == registry
    return registry is None and getattr(function, "id", None) == "register"


def keyword_of(call: ast.expr, name: str) -> str | None:
    """The constant that a call gives an argument of that name; None if it gives none."""
    for keyword in getattr(call, "keywords", ()):
        if keyword.arg == name and isinstance(keyword.value, ast.Constant):
            return keyword.value.value
    return None


def assigned(tree: ast.Module, name: str) -> ast.expr:
    """What a file assigns to a name at its top."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == name:
            return node.value
    raise LookupError(name)


def constant(file: str, name: str) -> tuple[str, ...]:
    """A tuple of words that a file of the package assigns at its top; of a dict, its keys."""
    value = assigned(tree_of(file), name)
    if isinstance(value, ast.Dict):
        return tuple(key.value for key in value.keys)
    return tuple(ast.literal_eval(value))


def calls_of(tree: ast.AST, name: str) -> Iterator[ast.Call]:
    """The calls of a function, wherever they stand."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == name:
            yield node


@functools.cache
def gans() -> tuple[str, ...]:
    """The GANs of the package: each file that assigns `gan` at its top."""
    found = []
    for file in sorted((PACKAGE / "gans").glob("*.py")):
        assigns = (node for node in parsed(file).body if isinstance(node, ast.Assign))
        if any(getattr(node.targets[0], "id", None) == "gan" for node in assigns):
            found.append(file.stem)
    return tuple(found)


@functools.cache
def spec_of(gan: str) -> dict[str, str]:
    """The words of a GAN's `GANSpec`, such as its task. `gan` is one of `gans()`."""
    call = assigned(tree_of(f"gans/{gan}.py"), "gan")
    return {k.arg: k.value.value for k in call.keywords if isinstance(k.value, ast.Constant)}


@functools.cache
def roles_of(gan: str) -> tuple[str, ...]:
    """The roles that a GAN's networks have."""
    call = assigned(tree_of(f"gans/{gan}.py"), "gan")
    return tuple(dict.fromkeys(network.args[0].value for network in calls_of(call, "Network")))


@functools.cache
def usual_of(gan: str) -> dict[str, object]:
    """What is usual for a GAN where an option is unset; None where it has no such option.

    Args:
      gan: one of `gans()`; or `my_gan.py:NAME`, of which only what is called `GAN(...)` there, with
        plain values, is known, and else nothing.
    """
    if gan in gans():
        return _defaults() | _values(assigned(tree_of(f"gans/{gan}.py"), "gan"))
    place, _, name = gan.rpartition(":")
    if not place.endswith(".py"):
        return {}
    calls = list(_own_calls(ast.parse(paths.expand(place).read_bytes()), name))
    if len(calls) != 1:
        return {}
    known = _defaults() | _values(assigned(tree_of("gans/own.py"), "USUAL"))
    own = {keyword.arg: keyword.value for keyword in calls[0].keywords}
    if len(calls[0].args) > 2:
        own["loss"] = calls[0].args[2]
    for option in known.keys() & own.keys():
        known[option] = _literal(own[option])
    return known


def _own_calls(tree: ast.Module, name: str) -> Iterator[ast.Call]:
    """The calls `GAN(...)` in what a file assigns to a name, or in the function of that name."""
    for node in tree.body:
        assigns = isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == name
        if assigns or (isinstance(node, ast.FunctionDef) and node.name == name):
            for call in ast.walk(node):
                if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("GAN"):
                    yield call


def _literal(value: ast.expr) -> object:
    """A number, a word or a product of such; `ASK` of what is not known without running it."""
    fine = (ast.Constant, ast.BinOp, ast.UnaryOp, ast.Tuple, ast.operator, ast.unaryop, ast.Load)
    if not all(isinstance(node, fine) for node in ast.walk(value)):
        return ASK
    return eval(ast.unparse(value), {"__builtins__": {}})


def _values(tree: ast.expr) -> dict[str, object]:
    """The arguments of the only call of `Hyperparameters` in an expression."""
    [usual] = calls_of(tree, "Hyperparameters")
    return {keyword.arg: _literal(keyword.value) for keyword in usual.keywords}


def _defaults() -> dict[str, object]:
    """The fields of `Hyperparameters` that have a default."""
    fields = {}
    for node in tree_of("gans/spec.py").body:
        if isinstance(node, ast.ClassDef) and node.name == "Hyperparameters":
            for field in node.body:
                if isinstance(field, ast.AnnAssign) and field.value is not None:
                    fields[field.target.id] = ast.literal_eval(field.value)
    return fields
