"""The figures of a comparison: scores of all methods against cost, with their Pareto front."""

import functools
import statistics
from collections.abc import Mapping, Sequence

from tf_gan_lth.findings.columns import Column
from tf_gan_lth.findings.comparison import in_words
from tf_gan_lth.findings.side_by_side import DENSE, Entry, SideBySide, on_front
from tf_gan_lth.report import chart
from tf_gan_lth.report.axes import Axis, cost_axes, costs
from tf_gan_lth.report.chart import Point, Series
from tf_gan_lth.report.score_figures import drawn_with_unit, switched
from tf_gan_lth.report.series import DENSE_STYLE

MARKERS = "os^vPX<"
COLORS = (0, 1, 2, 3, 4, 5, 7, 6)  # by their number; 6 is nearest to the dense GAN's, and last
FRONT = '<li><span class="steps"></span>Pareto front: nothing is as cheap and better</li>'
BARS = "<li>bars: one standard deviation over replicates</li>"


def figure(found: SideBySide, generator: str, score: Column) -> str:
    """A score of all methods against each cost, of which buttons choose one."""
    entries = [entry for entry in found.of(generator) if entry.scores(score.name)]
    looks = _looks(entries)
    figures = {}
    for axis in cost_axes([result for entry in entries for result in entry.results]):
        front = on_front(entries, functools.partial(_place, axis), score.name)
        placed = [entry for entry in entries if _place(axis, entry) is not None]
        drawn = _series(placed, axis, score, front, looks)
        steps = [(_place(axis, entry), _mean(entry, score)) for entry in front]
        named = ", ".join(f"{entry.method} {_mean(entry, score):.4g}" for entry in front)
        alt = f"{score.title} against {axis.title}. On the Pareto front: {named}"
        frame = chart.over(axis, drawn, [], alt)
        drawing = chart.draw(frame, drawn, front=steps)
        figures[axis.name, "all"] = drawn_with_unit(frame, drawing, score.title)
    key = [(name, *look) for name, look in looks.items()]
    bars = [BARS] if any(len(entry.results) > 1 for entry in entries) else []
    shown = switched(figures, f"{generator}-{score.name}", score.title)
    return shown + chart.legend(key, [FRONT, *bars])


def _looks(entries: Sequence[Entry]) -> dict[str, tuple[int, str]]:
    """{method: its colour and marker}, the same on every axis, also where some are not measured."""
    methods = dict.fromkeys(entry.method for entry in entries)
    others = [name for name in methods if name != DENSE]
    looks = {
        name: (COLORS[number % len(COLORS)], MARKERS[number % len(MARKERS)])
        for number, name in enumerate(others)
    }
    return {name: looks.get(name, (DENSE_STYLE, "D")) for name in methods}


def _series(
    entries: Sequence[Entry],
    axis: Axis,
    score: Column,
    front: Sequence[Entry],
    looks: Mapping[str, tuple[int, str]],
) -> list[Series]:
    """A line for each method, through its budgets, and a point for the dense GAN."""
    methods: dict[str, list[Entry]] = {}
    for entry in entries:
        methods.setdefault(entry.method, []).append(entry)
    series = []
    for name, own in methods.items():
        points = [_point(entry, axis, score, entry in front) for entry in own]
        ordered = tuple(sorted(points, key=lambda point: -point.x))
        series.append(Series(name, ordered, *looks[name]))
    return series


def _point(entry: Entry, axis: Axis, score: Column, is_on_front: bool) -> Point:
    values = entry.scores(score.name)
    mean = _mean(entry, score)
    deviation = statistics.stdev(values) if len(values) > 1 else None
    asked = "" if entry.budget is None else f", budget {entry.budget:.3g} of the MACs"
    spread = "" if deviation is None else f" ± {format(deviation, score.form)}"
    title = [f"{entry.method}{asked}"]
    if entry.macs_share is not None:
        title.append(f"{entry.macs_share:.1%} of the dense GAN's MACs")
    title += [costs(entry.results), f"{score.title} {format(mean, score.form)}{spread}"]
    if len(values) > 1:
        title.append(f"{len(values)} replicates")
    if entry.against_dense and score.name == "fid":
        title.append(f"against the dense GAN: {in_words(entry.against_dense)}")
    if is_on_front:
        title.append("on the Pareto front")
    return Point(
        x=_place(axis, entry),
        y=mean,
        title="\n".join(title),
        low=None if deviation is None else mean - deviation,
        high=None if deviation is None else mean + deviation,
        single=tuple(values),
    )


def _mean(entry: Entry, score: Column) -> float:
    return statistics.fmean(entry.scores(score.name))


def _place(axis: Axis, entry: Entry) -> float | None:
    """The mean over those replicates that have a place on the axis; None if none has."""
    return axis.mean(entry.results)
