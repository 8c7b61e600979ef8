"""The edge between a terminal and the package: flags from config fields, help by concern, errors as
one line.

The package below takes a `Config`; nothing in it reads flags.
"""

import dataclasses
import functools
import logging
import os
import sys
import textwrap
import traceback
import typing
import warnings
from collections.abc import Callable

import absl.logging
from absl import app, flags

from tf_gan_lth.experiment import config as configs
from tf_gan_lth.experiment.errors import ToolkitError, ToolkitWarning, UsageError
from tf_gan_lth.experiment.paths import Path

HELP_FLAGS = {"--help", "-help", "-h", "--helpshort", "-?", "--helpfull"}

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
    """Defines a flag for every option of `Config`, with the field's default and help."""
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
    return configs.from_options(
        {
            name: values[name].value
            for name in configs.to_options(configs.Config())
            if name in values
        }
    )


def check_free(path: Path, flag: str, suffix: str = "") -> None:
    """Raises `UsageError` if an output file is there already, or has another suffix than it
    should.
    """
    if path.exists():
        raise UsageError(f"{path} exists and is not overwritten: give another --{flag}")
    if suffix and path.suffix != suffix:
        raise UsageError(f"--{flag}={path} must end in {suffix}")


def run(main: Callable[[flags.FlagValues], None], values: flags.FlagValues) -> None:
    """Parses the command line and runs `main`; exits with 0, 1 (it failed) or 2 (it was called
    wrongly).

    A `ToolkitError` is printed as one line, without a traceback unless `--verbosity=1`.
    """
    # TensorFlow's start-up messages hide ours; it reads this when it is imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

    def parse(argv: list[str]) -> list[str]:
        if HELP_FLAGS & set(argv):
            print(help_text(sys.modules["__main__"].__doc__ or "", values))
            sys.exit(0)
        try:
            rest = values(argv)
        except flags.Error as error:
            _fail(str(error), UsageError.exit_code)
        if rest[1:]:
            _fail(
                f"unexpected argument '{rest[1]}': options are written --name=value",
                UsageError.exit_code,
            )
        return rest

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
            _fail(str(error), getattr(error, "exit_code", ToolkitError.exit_code))
        except KeyboardInterrupt:
            _fail("stopped; run the same command again to continue", 130)

    app.run(guarded, flags_parser=parse)


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
    lines.append("Also: --flagfile=PATH reads flags from a file; --verbosity=1 shows tracebacks.")
    return "\n".join(lines)


def _show_warning(
    others: Callable, message: Warning, category: type[Warning], *rest, **named
) -> None:
    if issubclass(category, ToolkitWarning):
        print("warning:", message, file=sys.stderr)
    else:
        others(message, category, *rest, **named)


def _fail(message: str, code: int) -> typing.NoReturn:
    print("error:", " ".join(message.split()), file=sys.stderr)
    sys.exit(code)
