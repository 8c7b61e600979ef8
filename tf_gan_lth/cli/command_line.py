"""Flags from config fields, names checked before TensorFlow is there, errors as one line.

The package below takes a `Config`; nothing in it reads flags.
"""

import dataclasses
import functools
import importlib
import logging
import os
import pathlib
import re
import sys
import traceback
import types
import typing
import warnings
from collections.abc import Callable, Iterable, Sequence

import absl.logging
from absl import app, flags

from tf_gan_lth.cli import declared, flag_files, help_text, names, sources, stopping
from tf_gan_lth.experiment import cache, option_values, paths, quiet, trust
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.errors import ToolkitError, ToolkitWarning, UsageError
from tf_gan_lth.experiment.version import VERSION

# What declared flags are listed under beside their concern; no capital, so `--help` leaves it out.
DECLARED = "declared by GANs and methods"
EARLIER = "earlier names"  # likewise

DEFINE = {
    str: flags.DEFINE_string,
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    bool: flags.DEFINE_bool,
    tuple: flags.DEFINE_list,
}


def define_flag(
    values: flags.FlagValues,
    concern: str,
    name: str,
    kind: type,
    default: object,
    help: str,
    accepts: names.Accepted | None = None,
    word: bool = False,
) -> None:
    """Defines a flag that `--help` lists under `concern`.

    Args:
      values: the flags of the program.
      concern: what it is about.
      name, kind, default, help: of the flag; kind is str, int, float, bool or tuple.
      accepts: the names that it takes, if these are known.
      word: whether it can be given as a word without its name too, in the order in which such flags
        are defined; a tuple takes all the words that are left.
    """
    default = ",".join(map(str, default)) if isinstance(default, tuple) else default
    DEFINE[kind](name, default, help, flag_values=values, module_name=concern)
    values[name].accepts = accepts
    values[name].word = word


def define_config_flags(values: flags.FlagValues) -> None:
    """Defines a flag for every option of `Config`, and those that GANs and methods declare."""
    for section in configs.sections().values():
        hints = typing.get_type_hints(section)
        for field in dataclasses.fields(section):
            if not field.metadata["flag"]:
                continue
            define_flag(
                values,
                section.__doc__,
                field.name,
                option_values.value_type(hints[field.name]),
                field.default,
                field.metadata["help"],
                _accepted(field),
            )
            values[field.name].field = field
    for old, new in configs.RENAMED.items():
        flags.DEFINE_alias(old, new, flag_values=values, module_name=EARLIER)
    seed = next(field for field in dataclasses.fields(configs.Config) if field.name == "seed")
    define_flag(values, "Run", "seed", int, seed.default, seed.metadata["help"])
    define_declared_flags(values, declared.package_files())


def _accepted(field: dataclasses.Field) -> names.Accepted | None:
    choices = field.metadata["choices"]
    if choices:
        return names.words(f"value of --{field.name}", choices)
    return names.OPTIONS.get(field.name)


def define_declared_flags(values: flags.FlagValues, files: Iterable[pathlib.Path]) -> None:
    """Defines a flag for each option that files declare; None, unless it is set.

    Flags that earlier files declared get the help of these.

    Raises:
      UsageError: a file is wrong, or declares a name that is no GAN's or method's to declare.
    """
    for flag in declared.merge(files):
        if flag.name not in values:
            define_flag(values, flag.concern, flag.name, flag.kind, None, flag.help)
            values.register_flag_by_module(DECLARED, values[flag.name])
        elif values[flag.name] in _declared_flags(values):
            values[flag.name].help = flag.help
        else:
            raise UsageError(
                f"--{flag.name}, which {' and '.join(flag.owners)} declares, is a flag of every"
                " run: rename it in its class Options"
            )


def define_run_flags(values: flags.FlagValues, run_dir: str) -> None:
    """Defines the flags of a program that trains, which are no part of what it trains.

    Args:
      run_dir: what `--run_dir` is.
    """
    define_flag(values, "Run", "run_dir", str, None, f"{run_dir}, on a disk or gs://...; required")
    strategy = (
        "devices to compute on: auto, one_device, mirrored (all GPUs here), multi_worker (TF_CONFIG"
        " or Slurm) or tpu"
    )
    define_flag(values, "Run", "strategy", str, "auto", strategy, names.STRATEGY)
    flags.mark_flag_as_required("run_dir", flag_values=values)


def config_from_flags(values: flags.FlagValues) -> configs.Config:
    """The config that the parsed flags say.

    Raises:
      UsageError: a value is out of range, or an option is another GAN's.
    """
    known = configs.to_options(configs.Config())
    options = {name: values[name].value for name in known if name in values}
    # Unset ones are left out: what they mean is the GAN's or method's to say.
    extras = {f.name: f.value for f in _declared_flags(values) if f.value is not None}
    config = configs.from_options({**options, **extras})
    _check_own(config)
    return config


def given_options(values: flags.FlagValues) -> dict[str, object]:
    """{option: value} of those that the command line gives, for a config that is found elsewhere.

    Raises:
      UsageError: a value is out of range.
    """
    declared_names = [flag.name for flag in _declared_flags(values)]
    known = [name for name in configs.to_options(configs.Config()) if name in values]
    given = {n: values[n].value for n in [*known, *declared_names] if values[n].present}
    configs.from_options(given)
    return given


def _check_own(config: configs.Config) -> None:
    """Raises `UsageError` for an option that a GAN of the package has not, or cannot be so."""
    gan = config.networks.gan
    if gan not in sources.gans():
        return  # its file is not imported yet
    methods = declared.merge(p for p in declared.package_files() if p.parent.name != "gans")
    owned = {*declared.own_fields(gan), *(flag.name for flag in methods)}
    others = {name for other in sources.gans() for name in declared.own_fields(other)} - owned
    for name, value in config.extras.items():
        if name in others:
            raise UsageError(f"--{name}={value} is no option of {gan}: leave it out")
    configs.read_extras(declared.declared_options(declared.file_of(gan)), config.extras)


def spell(command: str) -> str:
    """How a user runs another command, in the way that this one was run."""
    program = pathlib.Path(sys.argv[0])
    if program.suffix == ".py" and program.stem != "__main__":
        return f"python {program.with_name(command)}.py"
    return f"tf-gan-lth {command}"


def run_command(command: types.ModuleType, argv: Sequence[str] | None = None) -> typing.NoReturn:
    """Runs a command, see `run`.

    Args:
      command: a module with `define` and `main`; its docstring is its help.
      argv: the program and its arguments; unset: `sys.argv`.
    """
    # A user's own package, `--gan=package.module:NAME`, may be where the command is run.
    sys.path.append("")
    values = flags.FlagValues()
    command.define(values)
    if "trust_models" not in values:
        trusted = "load SavedModels also if they reach files, processes or the network: SECURITY.md"
        define_flag(values, "Models of others", "trust_models", bool, False, trusted)
    run(command.main, values, command.__doc__, argv)


def run(
    main: Callable[[flags.FlagValues], None],
    values: flags.FlagValues,
    doc: str | None = None,
    argv: Sequence[str] | None = None,
) -> typing.NoReturn:
    """Parses the command line and runs `main`, then exits.

    The code is 0, 1 (it failed) or 2 (it was called wrongly). A `ToolkitError` is printed as one
    line, without a traceback unless `--verbosity=1`. A process may run several programs, one after
    the other, as notebooks do.

    Args:
      main: takes the parsed flags.
      values: the program's flags; absl's own are added.
      doc: the program's help; unset: the docstring of the script.
      argv: the program and its arguments; unset: `sys.argv`.
    """
    doc = sys.modules["__main__"].__doc__ if doc is None else doc

    def parse(argv: Sequence[str]) -> list[str]:
        try:
            return _parse(argv, values, doc or "")
        except (ToolkitError, OSError, flags.Error, ValueError) as error:
            fail(error, UsageError.exit_code)

    def guarded(argv: list[str]) -> None:
        del argv
        chatty = values.verbosity >= 1
        if "trust_models" in values and values.trust_models:
            trust.give()
        os.environ.setdefault(quiet.LEVEL, "0" if chatty else "3")
        if not chatty:
            absl.logging.set_verbosity(absl.logging.WARNING)
            logging.getLogger("tensorflow").setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.showwarning = functools.partial(_show_warning, warnings.showwarning)
            _main(main, values, chatty)

    with stopping.when_asked():
        try:
            app.run(guarded, argv=argv, flags_parser=parse)
        except KeyboardInterrupt as stop:
            _end(stop)


def _main(main: Callable[[flags.FlagValues], None], values: flags.FlagValues, chatty: bool) -> None:
    """Runs the program, its errors as one line."""
    try:
        main(values)
    except BrokenPipeError:
        help_text.discard_output()
        fail("nobody reads this output any more; run the same command again to continue")
    except (ToolkitError, OSError) as error:
        if chatty:
            traceback.print_exc()
        fail(error)


def _end(stop: KeyboardInterrupt) -> typing.NoReturn:
    reason = str(stop) or "stopped"
    # A bar on a terminal has not ended its line.
    print(end="\n" if sys.stderr.isatty() else "", file=sys.stderr)
    fail(f"{reason}; run the same command again to continue", getattr(stop, "exit_code", 130))


def start_tensorflow(values: flags.FlagValues, command: str) -> None:
    """Says that the command was understood, then imports TensorFlow, which takes many seconds.

    Args:
      values: the parsed flags.
      command: its name.
    """
    where = f", run folder {values.run_dir}" if "run_dir" in values else ""
    print(
        f"tf-gan-lth {VERSION}: {command}{where}; starting TensorFlow ...",
        file=sys.stderr,
        flush=True,
    )
    if not paths.has_home():  # Keras would make a folder that is called ~, and Matplotlib complain
        for variable, name in (("KERAS_HOME", "keras"), ("MPLCONFIGDIR", "matplotlib")):
            os.environ.setdefault(variable, str(cache.folder() / name))
    with quiet.tensorflow_import():
        importlib.import_module("tensorflow")
        importlib.import_module("tf_keras")


def _parse(argv: Sequence[str], values: flags.FlagValues, doc: str) -> list[str]:
    arguments = flag_files.expand(argv[1:])
    own = []
    if "gan" in values:  # the flags of a config are among them
        own = declared.own_files(arguments)
        if own:
            define_declared_flags(values, [*declared.package_files(), *own])
    if help_text.FLAGS & set(arguments):
        help_text.show(help_text.help_text(doc, values, _chosen(arguments, values)))
        sys.exit(0)
    if "--version" in arguments:
        help_text.show(f"tf-gan-lth {VERSION}")
        sys.exit(0)
    if values is not flags.FLAGS:
        # Of the flags that are there only absl's: by now a library may have defined others, of any
        # name. The same flag objects: what absl reads of them, it finds.
        for module in ("absl.app", "absl.logging"):
            for flag in flags.FLAGS.flags_by_module_dict()[module]:
                values[flag.name] = flag
        values["verbosity"].unparse()  # a program that ran before in this process may have set it
        flags.FLAGS.mark_as_parsed()
    rest = values([argv[0], *arguments])
    take_words(values, rest[1:])
    _check(values, _chosen(arguments, values))
    return rest


def take_words(values: flags.FlagValues, words: Sequence[str]) -> None:
    """Gives words that are no flags to the flags that can be given so, and are not given by name.

    Raises:
      UsageError: there are more words than such flags.
    """
    words = list(words)
    members = [flag for each in values.flags_by_module_dict().values() for flag in each]
    takers = [flag for flag in members if getattr(flag, "word", False)]
    for flag in takers:
        if words and not flag.present:
            several = isinstance(flag.value, list)
            flag.value = words if several else words[0]
            words = [] if several else words[1:]
    if words:
        given = " and ".join(f"--{flag.name}" for flag in takers if flag.present)
        beside = f" beside {given}" if given else ""
        raise UsageError(
            f"unexpected argument '{words[0]}'{beside}: options are written --name=value"
        )


def _check_home(name: str, home: str) -> None:
    try:
        paths.expand(home)
    except UsageError as error:
        raise UsageError(f"--{name}={error}") from None


def _chosen(arguments: Sequence[str], values: flags.FlagValues) -> names.Chosen:
    if "gan" not in values:
        return names.Chosen()
    gan = declared.last(arguments, "gan") or values["gan"].default
    return names.Chosen(gan, ":" in gan or bool(declared.last(arguments, "plugins")))


def _check(values: flags.FlagValues, chosen: names.Chosen) -> None:
    """Raises `UsageError` for what can be known to be wrong while TensorFlow is not there."""
    for flag in dict.fromkeys(values[name] for name in values):
        for word in flag.value if isinstance(flag.value, list) else [flag.value]:
            home = re.match(r"(?:\w+:)?(~[^/]*)", word) if isinstance(word, str) else None
            if home:
                _check_home(flag.name, home[1])
        if getattr(flag, "accepts", None):
            flag.accepts.check(flag.value, chosen)


def fail(error: Exception | str, code: int | None = None) -> typing.NoReturn:
    """Prints an error as one line and exits.

    Args:
      error: what went wrong.
      code: the exit code; unset: the error's own, or 1.
    """
    print("error:", " ".join(str(error).split()), file=sys.stderr)
    sys.exit(code or getattr(error, "exit_code", ToolkitError.exit_code))


def _declared_flags(values: flags.FlagValues) -> list[flags.Flag]:
    return values.flags_by_module_dict().get(DECLARED, [])


def _show_warning(
    others: Callable, message: Warning, category: type[Warning], *rest, **named
) -> None:
    if issubclass(category, ToolkitWarning):
        print("warning:", message, file=sys.stderr)
    else:
        others(message, category, *rest, **named)
