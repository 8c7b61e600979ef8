"""The commands and programs of the docs: blocks of bash and Python, and the commands in them."""

import dataclasses
import pathlib
import re
import shlex
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).parents[2]
# What a scheduler puts in, of the variables that blocks use.
VARIABLES = {"SLURM_ARRAY_TASK_ID": "0"}
FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CONTINUED = re.compile(r"\\\n\s*")
LOOP = re.compile(r"^for (\w+) in ([^;]+); do\n(.*?)^done$", re.MULTILINE | re.DOTALL)
ASSIGNED = re.compile(r'^(\w+)="(.*)"$')


@dataclasses.dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Attributes:
      page: its path from the root of the repository.
      language: bash, python, yaml ...
      text: without the fences.
      line: of the page that it begins at, from 1.
    """

    page: str
    language: str
    text: str
    line: int

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[str]:
    """Every page for users, README first."""
    docs = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))
    return ["README.md", "CONTRIBUTING.md", *docs]


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = (ROOT / page).read_text("utf-8")
    return [
        Block(page, match[1], match[2], text.count("\n", 0, match.start()) + 1)
        for match in FENCED.finditer(text)
    ]


def commands(block: Block) -> Iterator[list[str]]:
    """The words of each command in a block of bash; what only steers the shell is left out."""
    variables = dict(VARIABLES)
    for line in LOOP.sub(_unrolled, CONTINUED.sub(" ", block.text)).splitlines():
        line = line.strip()
        assigned = ASSIGNED.match(line)
        if assigned:
            variables[assigned[1]] = assigned[2]
            continue
        for name, value in variables.items():
            line = line.replace(f"${name}", value)
        for part in re.split(r"&&|;|\|", line) if "'" not in line else [line]:
            words = shlex.split(part, comments=True) if _is_command(part) else []
            yield from [words] if words else []


def _unrolled(loop: re.Match) -> str:
    """The lines of a loop, once for each value."""
    name, values, body = loop.groups()
    body = body.replace(f"${{{name}}}", f"${name}")
    return "".join(body.replace(f"${name}", value) for value in values.split())


def _is_command(part: str) -> bool:
    first = part.strip().split(" ")[0]
    return first in ("tf-gan-lth", "srun", "python", "bash", "pip", "source", "tensorboard")
