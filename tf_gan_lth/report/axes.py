"""What scores are drawn against: how much of a generator remains, by several measures."""

import dataclasses
import statistics
from collections.abc import Callable, Collection, Iterable, Sequence

from tf_gan_lth.experiment import amounts
from tf_gan_lth.findings.results import BYTES, Result, most_measured

CHANNEL = "channel"


@dataclasses.dataclass(frozen=True)
class Axis:
    """A horizontal axis, from all at left to little at right.

    Attributes:
      name: on its button.
      title: below it.
      read: the value of a result; None where it is not known.
      text: of a value, as people see it.
      whole: a value that the axis shows in any case; None if its points alone decide.
    """

    name: str
    title: str
    read: Callable[[Result], float | None]
    text: Callable[[float], str]
    whole: float | None = None

    def has(self, results: Iterable[Result]) -> bool:
        """Whether every result has a place on it: it is logarithmic."""
        return all((self.read(result) or 0) > 0 for result in results)

    def mean(self, results: Sequence[Result]) -> float | None:
        """Where replicates are drawn; None if it is known of none of them."""
        known = [value for value in map(self.read, results) if value is not None]
        return statistics.fmean(known) if known else None


def _bytes(result: Result) -> float:
    return BYTES * result.generator_params_left


SHARE = Axis(
    "what is prunable",
    "what remains, % of what is prunable",
    lambda result: 100 * (1 - result.generator_sparsity),
    "{:.3g}".format,
    100.0,
)
PARAMETERS = Axis(
    "parameters",
    "parameters that remain",
    lambda result: result.generator_params_left,
    amounts.count,
)
SIZE = Axis("bytes", "bytes of the parameters that remain, as float32", _bytes, amounts.size)


def _share_of(name: str, title: str, part: str, whole: str) -> Axis:
    """An axis of what is left of the dense generator, by two attributes of results."""

    def read(result: Result) -> float | None:
        left, dense = getattr(result, part), getattr(result, whole)
        return 100 * left / dense if left and dense else None

    return Axis(name, f"{title}, % of the dense generator's", read, "{:.3g}".format, 100.0)


# What figures for a paper are drawn against, by the value of `--axis`: shares, so that networks of
# other sizes fit beside.
SHARES = {
    "units": SHARE,
    "macs": _share_of("macs", "MACs an image, of what is kept", "macs_left", "macs"),
    "parameters": _share_of(
        "parameters", "parameters that remain", "generator_params_left", "generator_params"
    ),
}


def _macs(units: Collection[str]) -> Axis:
    """What single weights spare is spared by no dense hardware: the axis says so."""
    title = "MACs an image, of what is kept"
    if CHANNEL not in units:
        title = "MACs of kept weights (dense hardware does all)"
    return Axis("MACs", title, lambda result: result.macs_left, amounts.count)


def _time(name: str) -> Axis:
    """Of an export in a format; the dense generator is what others are measured beside."""

    def read(result: Result) -> float | None:
        share = 1.0 if result.round == 0 else result.time_share.get(name)
        return share and 100 * share

    title = f"milliseconds an image, % of the dense generator's ({name}, 1 thread)"
    return Axis("milliseconds", title, read, "{:.3g}".format, 100.0)


def axes_for(
    units: Collection[str], results: Sequence[Result], budgets: Collection[str] = ()
) -> list[Axis]:
    """The axes that results can be drawn on, the one to begin with first.

    All have a place on each; on that of milliseconds those that were exported and measured.

    MACs come first where they are what rounds and controls have in common, as their budget, and
    where there are several units, whose shares do not compare.

    Args:
      units: what the runs prune, as `--unit` has it.
      results: theirs.
      budgets: what their rounds keep shares of, as `--budget` has it.
    """
    macs = _macs(units)
    order = [SHARE, macs, PARAMETERS, SIZE]
    if len(units) > 1 or "macs" in budgets:
        order = [macs, PARAMETERS, SIZE, SHARE]
    return [*(axis for axis in order if axis.has(results)), *_measured(results)]


def cost_axes(results: Sequence[Result]) -> list[Axis]:
    """The axes that channels are compared on: MACs, bytes and, once measured, milliseconds."""
    counted = [axis for axis in (_macs({CHANNEL}), SIZE) if axis.has(results)]
    return [*counted, *_measured(results)]


def _measured(results: Sequence[Result]) -> list[Axis]:
    """The axis of the format that most were measured in, if any was."""
    name = most_measured(results)
    return [] if name is None else [_time(name)]


def costs(results: Sequence[Result]) -> str:
    """What remains of a generator, beside the share, in words; without what is not known."""
    known = [axis for axis in (_macs(()), PARAMETERS) if axis.has(results)]
    said = [f"{axis.text(axis.mean(results))} {axis.name}" for axis in known]
    return ", ".join([*said, SIZE.text(SIZE.mean(results))])
