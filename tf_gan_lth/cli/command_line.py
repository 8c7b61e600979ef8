"""Flags from config fields, help by concern, errors as one line.

The package below takes a `Config`; nothing in it reads flags.
"""

import dataclasses
import functools
import logging
import os
import pathlib
import sys
import textwrap
import traceback
import types
import typing
import warnings
from collections.abc import Callable, Iterable, Sequence

import absl.logging
from absl import app, flags

from tf_gan_lth.cli import declared, flag_files, stopping
from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.errors import ToolkitError, ToolkitWarning, UsageError
from tf_gan_lth.experiment.paths import Path

HELP_FLAGS = {"--help", "-help", "-h", "--helpshort", "-?", "--helpfull"}
# What declared flags are listed under beside their concern; no capital, so `--help` leaves it out.
DECLARED = "declared by GANs and methods"

DEFINE = {
    str: flags.DEFINE_string,
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    bool: flags.DEFINE_bool,
    tuple: flags.DEFINE_list,
}


def define_flag(
    values: flags.FlagValues, concern: str, name: str, kind: type, default: object, help: str
) -> None:
    """Defines a flag that `--help` lists under `concern`."""
    default = ",".join(map(str, default)) if isinstance(default, tuple) else default
    DEFINE[kind](name, default, help, flag_values=values, module_name=concern)


def define_config_flags(values: flags.FlagValues) -> None:
    """Defines a flag for every option of `Config`, and those that GANs and methods declare."""
    for section in configs.sections().values():
        hints = typing.get_type_hints(section)
        for field in dataclasses.fields(section):
            if not field.metadata["flag"]:
                continue
            kind = configs.value_type(hints[field.name])
            define_flag(
                values, section.__doc__, field.name, kind, field.default, field.metadata["help"]
            )
    seed = next(field for field in dataclasses.fields(configs.Config) if field.name == "seed")
    define_flag(values, "Run", "seed", int, seed.default, seed.metadata["help"])
    define_declared_flags(values, declared.package_files())


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
    define_flag(values, "Run", "strategy", str, "auto", strategy)
    flags.mark_flag_as_required("run_dir", flag_values=values)


def config_from_flags(values: flags.FlagValues) -> configs.Config:
    """The config that the parsed flags say.

    Raises:
      UsageError: a value is out of range.
    """
    known = configs.to_options(configs.Config())
    options = {name: values[name].value for name in known if name in values}
    # Unset ones are left out: what they mean is the GAN's or method's to say.
    extras = {f.name: f.value for f in _declared_flags(values) if f.value is not None}
    return configs.from_options({**options, **extras})


def check_free(path: Path, flag: str, suffix: str = "") -> None:
    """Raises `UsageError` if an output file is there already, or lacks the suffix."""
    if path.exists():
        raise UsageError(f"{path} exists and is not overwritten: give another --{flag}")
    if suffix and path.suffix != suffix:
        raise UsageError(f"--{flag}={path} must end in {suffix}")


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
    run(command.main, values, command.__doc__, argv)


def run(
    main: Callable[[flags.FlagValues], None],
    values: flags.FlagValues,
    doc: str | None = None,
    argv: Sequence[str] | None = None,
) -> typing.NoReturn:
    """Parses the command line and runs `main`, then exits.

    The code is 0, 1 (it failed) or 2 (it was called wrongly). A `ToolkitError` is printed as one
    line, without a traceback unless `--verbosity=1`.

    Args:
      main: takes the parsed flags.
      values: the program's flags; absl's own are added.
      doc: the program's help; unset: the docstring of the script.
      argv: the program and its arguments; unset: `sys.argv`.
    """
    # TensorFlow's start-up messages hide ours; it reads this when it is imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    doc = sys.modules["__main__"].__doc__ if doc is None else doc

    def parse(argv: Sequence[str]) -> list[str]:
        try:
            return _parse(argv, values, doc or "")
        except (ToolkitError, OSError, flags.Error, ValueError) as error:
            fail(error, UsageError.exit_code)

    def guarded(argv: list[str]) -> None:
        del argv
        warnings.showwarning = functools.partial(_show_warning, warnings.showwarning)
        chatty = values.verbosity >= 1
        if not chatty:
            absl.logging.set_verbosity(absl.logging.WARNING)
            logging.getLogger("tensorflow").setLevel(logging.ERROR)
        try:
            main(values)
        except (ToolkitError, OSError) as error:
            if chatty:
                traceback.print_exc()
            fail(error)
        except KeyboardInterrupt as stop:
            reason = str(stop) or "stopped"
            # A bar on a terminal has not ended its line.
            print(end="\n" if sys.stderr.isatty() else "", file=sys.stderr)
            fail(
                f"{reason}; run the same command again to continue", getattr(stop, "exit_code", 130)
            )

    with stopping.when_asked():
        app.run(guarded, argv=argv, flags_parser=parse)


def _parse(argv: Sequence[str], values: flags.FlagValues, doc: str) -> list[str]:
    arguments = flag_files.expand(argv[1:])
    if "gan" in values:  # the flags of a config are among them
        own = declared.own_files(arguments)
        if own:
            define_declared_flags(values, [*declared.package_files(), *own])
    if HELP_FLAGS & set(arguments):
        print(help_text(doc, values))
        sys.exit(0)
    if values is not flags.FLAGS:
        # The same flag objects: what absl reads of them, it finds.
        values.append_flag_values(flags.FLAGS)
        flags.FLAGS.mark_as_parsed()
    rest = values([argv[0], *arguments])
    if rest[1:]:
        raise UsageError(f"unexpected argument '{rest[1]}': options are written --name=value")
    return rest


def help_text(doc: str, values: flags.FlagValues) -> str:
    """The program's docstring and its flags, grouped by concern, each with its default."""
    lines = [doc.strip(), ""]
    for concern, members in values.flags_by_module_dict().items():
        if not concern[0].isupper():  # a module's, such as absl's own
            continue
        lines.append(f"{concern}:")
        for flag in members:
            default = "unset" if flag.value is None else flag.default_as_str.strip("'")
            lines.append(f"  --{flag.name}  (default: {default})")
            lines.append(
                textwrap.fill(flag.help, 100, initial_indent=" " * 6, subsequent_indent=" " * 6)
            )
        lines.append("")
    lines.append(
        "Also: --flagfile=PATH reads flags from a file, or a preset by its name;\n"
        "--verbosity=1 shows tracebacks."
    )
    return "\n".join(lines)


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
