"""What `--help` prints: a command's flags by concern, what each takes, and what unset means."""

import os
import sys
import textwrap

from absl import flags

from tf_gan_lth.cli import declared, names, sources

FLAGS = {"--help", "-help", "-h", "--helpshort", "-?", "--helpfull"}
WIDTH = 100
INDENT = " " * 6


def show(text: str) -> None:
    """Prints a text; a reader that takes only its beginning, as `head` does, is no error."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        discard_output()


def discard_output() -> None:
    """Has what is printed from now on go nowhere, as nobody reads it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def help_text(doc: str, values: flags.FlagValues, chosen: names.Chosen | None = None) -> str:
    """The program's docstring and its flags, grouped by concern, each with its default.

    Args:
      doc: of the program.
      values: its flags.
      chosen: the GAN that the command line names, whose usual values are told.
    """
    chosen = chosen or names.Chosen()
    lines = [doc.strip(), ""]
    for concern, members in values.flags_by_module_dict().items():
        if not concern[0].isupper():  # a module's, such as absl's own
            continue
        lines.append(f"{concern}:")
        for flag in members:
            lines.append(f"  --{flag.name}  ({_default(flag, chosen)})")
            lines.append(_filled(flag.help))
            takes = _taken(flag, chosen)
            if takes:
                lines.append(_filled(f"Takes: {takes}"))
        lines.append("")
    lines.append(
        "Also: --flagfile=PATH reads flags from a file, or a preset by its name; --version;\n"
        "--verbosity=1 shows tracebacks, and what TensorFlow and its data sets say of themselves."
    )
    return "\n".join(lines)


def _filled(text: str) -> str:
    return textwrap.fill(
        text, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT, break_on_hyphens=False
    )


def _default(flag: flags.Flag, chosen: names.Chosen) -> str:
    if flag.value is not None:
        return "default: " + flag.default_as_str.strip("'")
    usual = sources.usual_of(chosen.gan)
    own = {name: field.default for name, field in declared.own_fields(chosen.gan).items()}
    others = {name for gan in sources.gans() for name in declared.own_fields(gan)}
    known = {**usual, **own}
    if flag.name not in known:
        return f"not for {chosen.gan}" if flag.name in others else "default: unset"
    value = known[flag.name]
    if value is None:
        # Of an option of its own, the help says what that means.
        return "default: unset" if flag.name in own else f"not for {chosen.gan}"
    return f"default: unset, which is {value} for {chosen.gan}"


def _taken(flag: flags.Flag, chosen: names.Chosen) -> str:
    """What a flag takes; empty where its type and its help say all that is known."""
    several = "; several by commas" if "list" in flag.flag_type() else ""
    accepts = getattr(flag, "accepts", None)
    if accepts:
        return accepts.listed(chosen) + several
    if flag.flag_type() == "bool":
        return f"--{flag.name} or --no{flag.name}"
    field = getattr(flag, "field", None) or declared.own_fields(chosen.gan).get(flag.name)
    limits = field.metadata if field else {"low": None, "high": None}
    low, high = limits["low"], limits["high"]
    if low is None and high is None:
        return ""
    numbers = f"from {low} to {high}" if high is not None else f"at least {low}"
    return numbers + several
