"""Options: fields of dataclasses, and their values from flags, JSON or Python as these types."""

import dataclasses
import math
import types
import typing

from tf_gan_lth.experiment.errors import UsageError, check_known

LARGEST = 2**31 - 1  # TensorFlow counts steps, images and sides in 32 bits
WORDS = {"true": True, "1": True, "false": False, "0": False}
SHOWN = 80  # characters of a value in a message


def option(
    default: object,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    extends: bool = False,
    flag: bool = True,
):
    """Makes a config field.

    Args:
      default: the default value; None means "what is usual for the GAN".
      help: one sentence, with the unit if there is one.
      low, high: smallest and largest allowed value, both inclusive.
      choices: allowed values of the field, or of each item if it is a tuple; empty allows all.
      extends: whether the field only adds to a run and leaves what is there unchanged, so that it
        is not part of the run's identity.
      flag: whether the field has a command-line flag; fields without one are set by programs.
    """
    return dataclasses.field(
        default=default,
        metadata={
            "help": help,
            "low": low,
            "high": high,
            "choices": choices,
            "extends": extends,
            "flag": flag,
        },
    )


def check_value(field: dataclasses.Field, name: str, value: object) -> None:
    """Raises `UsageError` if an option's value is out of range or not one of its choices."""
    limits = field.metadata
    for item in value if isinstance(value, tuple) else [value]:
        _check_range(name, item, limits["low"], limits["high"])
        if limits["choices"]:
            check_known(f"value of --{name}", item, limits["choices"])


def _check_range(name: str, item: object, low: float | None, high: float | None) -> None:
    if isinstance(item, str) or item is None:
        return
    if isinstance(item, float) and not math.isfinite(item):
        raise UsageError(f"--{name}={item} is not a finite number")
    if high is None and type(item) is int and item > LARGEST and name != "seed":
        high = LARGEST
    if (low is not None and item < low) or (high is not None and item > high):
        bounds = [bound for bound in (low, high) if bound is not None]
        allowed = f"from {low} to {high}" if len(bounds) == 2 else f"at least {low}"
        if low is None:
            allowed = f"at most {high}"
        raise UsageError(f"--{name}={_shown(item)} is out of range: it must be {allowed}")


def value_type(hint: object) -> type:
    """The plain type of a field: `int` for `int | None`, `tuple` for `tuple[int, ...]`."""
    if isinstance(hint, types.UnionType):
        hint = next(arg for arg in typing.get_args(hint) if arg is not type(None))
    return typing.get_origin(hint) or hint


def read_value(name: str, value: object, hint: object) -> object:
    """A value as the type of its field; a string stands for what it spells, a list for a tuple.

    Raises:
      UsageError: it is of another type.
    """
    kind = value_type(hint)
    item_kind = typing.get_args(hint)[0] if kind is tuple else kind
    expected = item_kind.__name__
    if kind is tuple:
        expected = f"a list of {expected}, separated by commas"
    try:
        if kind is tuple:
            items = [word for word in value.split(",") if word] if type(value) is str else value
            return tuple(_read_item(item, item_kind) for item in items)
        return _read_item(value, kind)
    except (ValueError, TypeError, OverflowError):
        raise UsageError(
            f"--{name}={_shown(value)} is not understood: expected {expected}"
        ) from None


def _read_item(item: object, kind: type) -> object:
    if kind is bool and isinstance(item, str):
        item = WORDS.get(item.lower(), item)
    if kind is bool and item not in (False, True):
        raise ValueError(item)
    if kind is str and not isinstance(item, str | int | float):
        # A path, as `pathlib` has them.
        return str(item.__fspath__()) if hasattr(item, "__fspath__") else _refuse(item)
    if kind is int and not isinstance(item, str) and item != int(item):
        raise ValueError(item)  # 2.5 steps
    return kind(item)


def _refuse(item: object) -> typing.NoReturn:
    raise TypeError(type(item).__name__)


def _shown(value: object) -> str:
    """A value on one line of bounded length; Python refuses to spell out very long numbers."""
    try:
        text = " ".join(str(value).split())
    except ValueError:
        return "a number of thousands of digits"
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
