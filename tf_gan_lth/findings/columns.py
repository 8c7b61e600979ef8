"""The columns of results: one list for the terminal, the page, `results.csv` and TensorBoard.

A score registers itself in `evaluation.scores`; a cost is a line here. Where a run has no value, as
those of earlier versions, a dash stands.
"""

import dataclasses
import operator
from collections.abc import Callable, Iterable

from tf_gan_lth.evaluation.scores import CLASS_SCORES, SCORES
from tf_gan_lth.experiment.replicate_folder import generator_label
from tf_gan_lth.findings.results import Result

SCORE, COST = "scores", "cost"


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of results.

    Attributes:
      name: in `results.csv` and in rows for programs.
      title: for people.
      form: how people see it, as in `format`.
      group: TensorBoard's group of a curve over rounds; None if it is no curve.
      in_terminal, in_page: whether it is shown there.
      optional: whether it is left out where no result has a value, instead of showing dashes.
      read: the value of a result; None if there is none.
      shown: of a value, what people see instead of it.
    """

    name: str
    title: str
    form: str = ""
    group: str | None = None
    in_terminal: bool = False
    in_page: bool = True
    optional: bool = False
    read: Callable[[Result], object] = None
    shown: Callable[[object], object] = lambda value: value

    def __post_init__(self):
        if self.read is None:
            object.__setattr__(self, "read", operator.attrgetter(self.name))

    def text(self, result: Result) -> str:
        """The value as people see it, or `-` where there is none."""
        value = self.read(result)
        return formatted(None if value is None else self.shown(value), self.form)


def _score(name: str, title: str, form: str, in_terminal: bool, optional: bool = False) -> Column:
    def read(result: Result) -> object:
        return result.scores.get(name)

    return Column(name, title, form, SCORE, in_terminal=in_terminal, optional=optional, read=read)


def columns(results: Iterable[Result] = ()) -> list[Column]:
    """All columns, in order; scores that were registered since are among them.

    Args:
      results: those that are shown: their scores of classes have columns, a score that is not
        registered, as its plugin is not loaded, has one too, and so has what the best along a
        training is the best of.
    """
    results = list(results)
    shown = _known_columns()
    found = {name for result in results for name in result.scores}
    more = [
        _score(name, s.title, s.form, s.in_terminal)
        for name, s in CLASS_SCORES.items()
        if name in found
    ]
    if any(result.best_of for result in results):
        more += [
            Column("best_of", "best of", in_terminal=True),
            Column("best_step", "at step", ",", in_terminal=True),
        ]
    place = [column.name for column in shown].index("protocol")
    shown[place:place] = more
    unknown = sorted(found - {column.name for column in shown})
    return shown + [_score(name, name, ".4g", in_terminal=False) for name in unknown]


def _known_columns() -> list[Column]:
    return [
        Column("replicate", "replicate", in_terminal=True),
        Column("round", "round", in_terminal=True),
        Column("branch", "branch", in_terminal=True),
        Column("generator", "direction", in_terminal=True, optional=True, shown=generator_label),
        Column(
            "generator_sparsity",
            "remaining",
            ".1%",
            in_terminal=True,
            shown=lambda sparsity: 1.0 - sparsity,
        ),
        Column("discriminator_sparsity", "D sparsity", ".1%", in_page=False),
        Column("generator_params_left", "parameters left", ",", group=COST),
        Column("macs_left", "MACs left", ",", group=COST),
        Column("macs", "MACs", ",", group=COST),
        *(_score(n, s.title, s.form, s.in_terminal) for n, s in SCORES.items()),
        # Where the true translations are known.
        _score("l1_inside", "L1 inside", ".3f", in_terminal=True, optional=True),
        _score("l1_outside", "L1 outside", ".3f", in_terminal=True, optional=True),
        Column("protocol", "protocol", in_page=False),
        Column("steps", "steps", ",", in_page=False),
        Column("seed", "seed", in_page=False),
        Column("train_seconds", "train s", ".0f", in_terminal=True),
        Column("eval_seconds", "eval s", ".1f", in_terminal=True),
    ]


def with_values(shown: list[Column], results: list[Result]) -> list[Column]:
    """The columns without those optional ones that are empty in every result."""
    return [
        column
        for column in shown
        if not column.optional or any(column.text(r) not in ("", "-") for r in results)
    ]


def rows(results: list[Result]) -> list[dict[str, object]]:
    """The results as {column name: value}, for programs."""
    shown = columns(results)
    return [{column.name: column.read(result) for column in shown} for result in results]


def table(results: list[Result]) -> str:
    """The results as lines for a terminal."""
    chosen = with_values([c for c in columns(results) if c.in_terminal], results)
    cells = [[c.title for c in chosen]]
    cells += [[c.text(result) for c in chosen] for result in results]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        padded = []
        for column, cell, width in zip(chosen, row, widths, strict=True):
            padded.append(cell.ljust(width) if column.name == "branch" else cell.rjust(width))
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def line(result: Result) -> str:
    """What a terminal shows of a training beside its title: `remaining 80.0%, FID 1.23, ...`."""
    chosen = with_values([c for c in columns([result]) if c.in_terminal], [result])
    told = ("replicate", "round", "branch")  # by the title
    return ", ".join(f"{c.title} {c.text(result)}" for c in chosen if c.name not in told)


def formatted(value: object, form: str) -> str:
    """The value as text, or `-` where there is none."""
    return "-" if value is None else format(value, form)
