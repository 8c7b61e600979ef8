"""The config of an experiment.

Options that every experiment has are fields of its `sections`. Options of a single GAN or method
are fields of the class `Options` in its own file; the config carries them as `extras`, and their
owner reads them.

A run's identity is a hash of its config. Fields left at their default are not hashed, so a field
that is added later does not change the identity of earlier runs. Fields that only extend a run
(rounds, replicates, branches) are not hashed either.
"""

import dataclasses
import hashlib
import json
import typing

from tf_gan_lth.experiment.option_values import check_value, option, read_value
from tf_gan_lth.experiment.sections import (
    DataConfig,
    EvaluationConfig,
    LotteryConfig,
    NetworkConfig,
    TrainingConfig,
)

RENAMED = {"eval_every": "score_every"}  # what options were called, in runs and flags


@dataclasses.dataclass(frozen=True)
class Config:
    """Everything that determines the result of a run."""

    data: DataConfig = DataConfig()
    networks: NetworkConfig = NetworkConfig()
    training: TrainingConfig = TrainingConfig()
    lottery: LotteryConfig = LotteryConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    seed: int = option(0, "number that every random draw is derived from", low=0)
    extras: dict[str, object] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        for name, (field, value) in walk(self).items():
            check_value(field, name, value)

    @property
    def digest(self) -> str:
        """12 hex digits that identify the run: a hash of its identity as canonical JSON."""
        canonical = json.dumps(identity(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def sections() -> dict[str, type]:
    """The sections of the config, as {name: dataclass}."""
    return {f.name: f.type for f in dataclasses.fields(Config) if dataclasses.is_dataclass(f.type)}


def walk(config: Config) -> dict[str, tuple[dataclasses.Field, object]]:
    """All options but the extras, as {option name: (field, value)}.

    Names are unique across the sections.
    """
    found = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            found.update(_fields(value))
        elif field.name != "extras":
            found[field.name] = (field, value)
    return found


def _fields(section: object) -> dict[str, tuple[dataclasses.Field, object]]:
    return {f.name: (f, getattr(section, f.name)) for f in dataclasses.fields(section)}


def deciding(config: Config) -> dict[str, object]:
    """The options but the extras that results depend on; what only extends a run is left out."""
    options = walk(config)
    found = {n: value for n, (field, value) in options.items() if not field.metadata["extends"]}
    if config.evaluation.keep == "best":
        found["score_every"] = config.evaluation.score_every  # the best of how many
    return found


def identity(config: Config) -> dict[str, object]:
    """The options that tell experiments apart, without those left at their default."""
    usual = walk(Config())
    options = {n: value for n, value in deciding(config).items() if value != usual[n][1]}
    return {**options, **config.extras}


def from_options(options: dict[str, object]) -> Config:
    """Builds a config from {option name: value}; missing ones, and those that are None, get
    their default.

    Names that no section has become `extras`, unless their value is None; their owner, a GAN or a
    method, reads and checks them.

    Raises:
      UsageError: a value is out of range or not of the option's type.
    """
    earlier = {new: options[old] for old, new in RENAMED.items() if old in options}
    options = earlier | {n: value for n, value in options.items() if n not in RENAMED}
    concerns, known = {}, {"seed"}
    for name, kind in sections().items():
        hints = typing.get_type_hints(kind)
        given = {o: options.get(o) for o in hints}
        read = {o: read_value(o, v, hints[o]) for o, v in given.items() if v is not None}
        concerns[name] = kind(**read)
        known |= hints.keys()
    if options.get("seed") is not None:
        concerns["seed"] = read_value("seed", options["seed"], int)
    extras = {n: v for n, v in options.items() if n not in known and v is not None}
    return Config(**concerns, extras=extras)


def to_options(config: Config) -> dict[str, object]:
    """All options, extras included, as {option name: value}: the inverse of `from_options`."""
    return {name: value for name, (_, value) in walk(config).items()} | config.extras


def as_flag(name: str) -> str:
    """How people write an option: `--steps`; names that are none, with a dot, stay as they are."""
    return name if "." in name else f"--{name}"


@dataclasses.dataclass(frozen=True)
class NoOptions:
    """The options of a GAN or method that has none of its own."""


def read_extras(kind: type, extras: dict[str, object]) -> object:
    """Reads the options of a GAN or method into an instance of its class `Options`.

    Args:
      kind: the class, a frozen dataclass whose fields are made by `option`.
      extras: the extras of a config; names that the class does not have are ignored.

    Raises:
      UsageError: a value is out of range or not of the option's type.
    """
    hints = typing.get_type_hints(kind)
    read = kind(**{n: read_value(n, value, hints[n]) for n, value in extras.items() if n in hints})
    for name, (field, value) in _fields(read).items():
        check_value(field, name, value)
    return read
