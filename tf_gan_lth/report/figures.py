"""Figures for a paper: SVG, PDF and PNG files by Matplotlib, with their data as CSV beside."""

import csv
import dataclasses
import io
import itertools
import math
import re
from collections.abc import Callable, Sequence

import matplotlib
from matplotlib.figure import Figure

from tf_gan_lth.experiment.artifacts import File
from tf_gan_lth.experiment.errors import UsageError
from tf_gan_lth.experiment.paths import Path
from tf_gan_lth.findings.judging import Found, told_apart
from tf_gan_lth.report import chart
from tf_gan_lth.report.axes import SHARE, SHARES, Axis
from tf_gan_lth.report.chart import LOG_FROM, Series
from tf_gan_lth.report.series import curves

# A fixed salt for ids, so that the same results give the same files.
STYLE = {
    "svg.hashsalt": "tf_gan_lth",
    "svg.fonttype": "none",
    "pdf.fonttype": 42,  # text that stays text: publishers ask for it
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "savefig.dpi": 300,
}
COLORS = (
    "#2563a8",
    "#c2410c",
    "#15803d",
    "#7c3aed",
    "#be185d",
    "#0f766e",
    "#64748b",
    "#a16207",
)
DENSE = "#4b5563"
SHARED = 3  # runs whose tickets one pair of axes can hold
COLUMNS = 3  # of the axes that more runs have each
DATA = ("fid", "fid_low", "fid_high", "replicates", "band_low", "band_high")


def write(found: Sequence[Found], folder: Path, axis: str = "units") -> list[Path]:
    """Writes FID over what remains: a figure for each generator of each run.

    Of several runs there is one more for each protocol that two or more of them share: the tickets
    of up to three in the same axes; of more, each run in axes of its own.

    Args:
      found: the runs.
      folder: where the files go: `<name>.svg`, `.pdf`, `.png` and `.csv`.
      axis: what remains of what: a name of `axes.SHARES`.

    Returns:
      The paths that were written.

    Raises:
      UsageError: a run does not know it, as an earlier version made it.
    """
    over = SHARES[axis]
    for judged in found:
        if not over.has(judged.results):
            raise UsageError(f"--axis={axis}: {judged.name} does not say how many {axis} it keeps")
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, groups in _groups(found, over).items():
        written += save(folder / name, _data(groups, over), _draw, groups, over)
    return written


def save(path: Path, data: bytes, draw: Callable[..., Figure], *arguments: object) -> list[Path]:
    """Writes a figure, drawn in this style.

    Args:
      path: of its files, without their suffixes.
      data: of its CSV file.
      draw: a function that draws it.
      *arguments: of the function.

    Returns:
      The paths that were written.
    """
    files = {".csv": data}
    with matplotlib.rc_context(STYLE):
        figure = draw(*arguments)
        for suffix, metadata in (
            (".svg", {"Date": None}),
            (".pdf", {"CreationDate": None}),
            (".png", {}),
        ):
            content = io.BytesIO()
            figure.savefig(content, format=suffix[1:], bbox_inches="tight", metadata=metadata)
            files[suffix] = content.getvalue()
    paths = {path.parent / f"{path.name}{suffix}": content for suffix, content in files.items()}
    for file, content in paths.items():
        File(file).put(content)
    return list(paths)


class Panel:
    """The curves of a run's generator in a figure, with its dense FID and margin."""

    def __init__(self, judged: Found, generator: str, over: Axis, style: int | None = None):
        """`style` is the colour of its tickets, which then are alone; None draws controls too."""
        verdict = judged.verdicts[generator]
        drawn = curves(judged.of(generator), verdict, over)
        self.run = judged.name
        self.series: list[Series] = drawn
        self.color = DENSE
        if style is not None:
            self.series = [Series(judged.name, drawn[0].points, style)]
            self.color = COLORS[style]
        self.dense = verdict.dense_fid
        self.limit = verdict.limit if style is None else None


def names(found: Sequence[Found]) -> list[str]:
    """What the figures of each run are called: a file of its own each, whatever a table says."""
    files = [dataclasses.replace(f, name=re.sub(r"[/\\\0]", "_", f.name)) for f in found]
    return [judged.name for judged in told_apart(files)]


def _groups(found: Sequence[Found], over: Axis) -> dict[str, list[list[Panel]]]:
    """{name of the figure: what is in each of its axes}."""
    figures: dict[str, list[list[Panel]]] = {}
    shared: dict[tuple[str, str], list[Found]] = {}
    for name, judged in zip(names(found), found, strict=True):
        for generator in judged.verdicts:
            figures[f"{name}_{generator}"] = [[Panel(judged, generator, over)]]
            shared.setdefault((generator, judged.protocol(generator)), []).append(judged)
    together = [(key, members) for key, members in shared.items() if len(members) > 1]
    for number, ((generator, _), members) in enumerate(together, 1):
        if len(members) > SHARED:
            groups = [[Panel(judged, generator, over)] for judged in members]
        else:
            groups = [[Panel(judged, generator, over, n) for n, judged in enumerate(members)]]
        figures[f"together_{number}_{generator}"] = groups
    return figures


def _draw(groups: Sequence[Sequence[Panel]], over: Axis) -> Figure:
    """The figure: one pair of axes in the width of a text column of two, or a grid of them."""
    if len(groups) > 1:
        return _grid(groups, over)
    figure = Figure(figsize=(5.0, 3.2))
    axes = figure.subplots()
    _fill(axes, groups[0], over)
    axes.legend(frameon=False, fontsize=8)
    return figure


def _grid(groups: Sequence[Sequence[Panel]], over: Axis) -> Figure:
    """A pair of axes for each run, below what the lines of all of them mean."""
    rows = math.ceil(len(groups) / COLUMNS)
    figure = Figure(figsize=(3.1 * COLUMNS, 2.4 * rows), layout="constrained")
    grid = figure.subplots(rows, COLUMNS, squeeze=False).flat
    entries = {}
    for axes, group in itertools.zip_longest(grid, groups):
        if group is None:
            axes.axis("off")
            continue
        _fill(axes, group, over)
        axes.set_title(group[0].run, fontsize=9)
        axes.set(xlabel="", ylabel="")
        handles, labels = axes.get_legend_handles_labels()
        entries |= dict(zip(labels, handles, strict=True))
    figure.supxlabel(over.title, fontsize=9)
    figure.supylabel("FID", fontsize=9)
    figure.legend(entries.values(), entries, loc="outside upper center", ncols=5, frameon=False)
    return figure


def _fill(axes, panels: Sequence[Panel], over: Axis) -> None:
    """Draws runs into a pair of axes."""
    values, shares = [], set()
    for panel in panels:
        axes.axhline(panel.dense, color=panel.color, linestyle="--", linewidth=0.9, zorder=1)
        values.append(panel.dense)
        if panel.limit is not None:
            axes.axhspan(panel.dense, panel.limit, color=DENSE, alpha=0.14, linewidth=0)
            values.append(panel.limit)
        for series in panel.series:
            _curve(axes, series)
            values += [end for point in series.points for end in point.ends]
            shares |= {round(point.x, 1) for point in series.points}

    # The values make the axis: a band may have no upper end.
    fid_axis(axes, values)
    axes.set_xscale("log")
    axes.invert_xaxis()
    axes.set_xticks(*spaced(sorted(shares, reverse=True)))
    axes.minorticks_off()
    axes.set_xlabel(over.title)
    axes.plot([], [], "--", color=DENSE, linewidth=0.9, label="dense GAN")


def fid_axis(axes, values: Sequence[float]) -> None:
    """Makes the vertical axis one of FIDs, with room for values; logarithmic if they span much."""
    scale = chart.fitted(values, 0.0, 1.0)
    axes.set_ylim(scale.low, scale.high)
    if scale.log:
        axes.set_yscale("log")
        ticks = scale.ticks()
        axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_ylabel("FID")


def _curve(axes, series: Series) -> None:
    """A line through the means, error bars where there are replicates, and the tickets' band."""
    color = COLORS[series.style]
    points = series.points
    xs = [point.x for point in points]
    ys = [point.y for point in points]
    low = [0.0 if p.low is None else p.y - p.low for p in points]
    high = [0.0 if p.high is None else p.high - p.y for p in points]
    bars = [low, high] if any(p.low is not None for p in points) else None
    axes.errorbar(
        xs,
        ys,
        yerr=bars,
        color=color,
        marker=series.marker,
        markersize=4,
        linewidth=1.1,
        capsize=2,
        label=series.name,
        zorder=3,
    )
    band = [p for p in points if p.floor is not None]
    if band:
        top = LOG_FROM * max(ys)  # beyond the axis, where an interval has no end
        axes.fill_between(
            [p.x for p in band],
            [p.floor for p in band],
            [min(p.ceiling, top) for p in band],
            color=color,
            alpha=0.15,
            linewidth=0,
        )


def spaced(shares: Sequence[float]) -> tuple[list[float], list[str]]:
    """Ticks at all shares, with a label at those that have room."""
    labels, last = [], None
    for share in shares:
        has_room = last is None or share / last < 0.82
        labels.append(f"{share:g}" if has_room else "")
        last = share if has_room else last
    return list(shares), labels


def _data(groups: Sequence[Sequence[Panel]], over: Axis) -> bytes:
    """The points of a figure: a row for each, with the ends of its error bar and band."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    place = "remaining_percent" if over is SHARE else f"{over.name}_percent"
    writer.writerow(["run", "series", place, *DATA])
    for panel in itertools.chain(*groups):
        writer.writerow([panel.run, "dense", "", panel.dense, "", "", "", "", ""])
        for series in panel.series:
            for p in series.points:
                row = [panel.run, series.name, p.x, p.y, p.low, p.high, len(p.single)]
                row += [p.floor, p.ceiling]
                writer.writerow(["" if value is None else value for value in row])
    return text.getvalue().encode()
