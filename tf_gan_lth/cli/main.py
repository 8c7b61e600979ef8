"""The console command: `tf-gan-lth COMMAND --flags`."""

import importlib
import sys
import textwrap
import types
from collections.abc import Sequence

from tf_gan_lth import __version__
from tf_gan_lth.cli import command_line, flag_files, help_text
from tf_gan_lth.experiment.errors import UsageError, check_known

COMMANDS = (
    "find_ticket",
    "transfer",
    "compress",
    "compare",
    "evaluate",
    "export",
    "make_statistics",
    "sample",
    "report",
    "runs",
    "clean",
    "import_gan_lth",
    "train_feature_network",
    "gans",
)
WIDTH = 100


def main(argv: Sequence[str] | None = None) -> None:
    """Runs a command, or lists them all.

    Args:
      argv: program, command and flags; unset: `sys.argv`.

    Exits with the command's code, or with 2 if there is no such command.
    """
    arguments = list(sys.argv if argv is None else argv)[1:]
    first = arguments[0] if arguments else "--help"
    if first in help_text.FLAGS:
        help_text.show(overview())
    elif first == "--version":
        help_text.show(f"tf-gan-lth {__version__}")
    else:
        try:
            command = find(first)
        except UsageError as error:
            command_line.fail(error)
        command_line.run_command(command, [f"tf-gan-lth {first}", *arguments[1:]])


def overview() -> str:
    """The commands, each with the first line of its docstring, and the presets."""
    lines = [
        f"tf-gan-lth {__version__}: lottery tickets in GANs, on TensorFlow and Keras",
        "",
        "  tf-gan-lth COMMAND --flag=value ...",
        "  tf-gan-lth COMMAND --help",
        "",
    ]
    column = max(map(len, COMMANDS))
    for name in COMMANDS:
        summary = (find(name).__doc__ or "").splitlines()[0]
        lines.append(f"  {name:<{column}}  {summary}")
    names = textwrap.fill(
        ", ".join(flag_files.presets()),
        WIDTH,
        initial_indent="  ",
        subsequent_indent="  ",
        break_on_hyphens=False,
    )
    return "\n".join([*lines, "", "Presets, for --flagfile=NAME:", "", names])


def find(name: str) -> types.ModuleType:
    """The module of a command. Raises `UsageError`, with the nearest name, if there is none."""
    if name.startswith("-"):
        raise UsageError(f"{name} stands before the command: tf-gan-lth COMMAND --flag=value")
    check_known("command", name, COMMANDS)
    return importlib.import_module(f"tf_gan_lth.cli.{name}")
