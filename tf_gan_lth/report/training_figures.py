"""Figures of FID along training: what the dense GAN and its tickets score after how many steps.

For runs that were scored within their trainings (`--score_every`).
"""

import csv
import io
import statistics
from collections.abc import Sequence

from matplotlib.figure import Figure

from tf_gan_lth.experiment.paths import Path
from tf_gan_lth.experiment.replicate_folder import TrainingFolder
from tf_gan_lth.findings.results import scored_folders
from tf_gan_lth.report import figures, score_curves
from tf_gan_lth.report.judged import Judged
from tf_gan_lth.report.series import BRANCHES, OTHER

DATA = ("run", "series", "step", "fid", "fid_low", "fid_high", "replicates")
Stage = tuple[int, str]  # round, branch
Curve = dict[int, list[float]]  # {step: FID of each replicate}


def write(found: Sequence[Judged], folder: Path) -> list[Path]:
    """Writes FID over steps: a figure for each generator of each run that has such scores.

    Drawn are the dense GAN and, of the sparsest round with controls (else of the last), its ticket
    and controls, as means over the replicates that have scores within all of these trainings.

    Args:
      found: the runs.
      folder: where the files go: `<name>_training.svg`, `.pdf`, `.png` and `.csv`.

    Returns:
      The paths that were written.
    """
    written = []
    for name, judged in zip(figures.names(found), found, strict=True):
        for generator in judged.verdicts:
            curves = _curves(judged, generator)
            if not curves:
                continue
            path = folder / f"{name}_{generator}_training"
            written += figures.save(path, _data(judged.name, curves), _draw, curves)
    return written


def _curves(judged: Judged, generator: str) -> dict[Stage, Curve]:
    """The FIDs of each stage that is drawn, at the steps that all its replicates have."""
    results = judged.of(generator)
    rounds = [r.round for r in results if r.branch != "main"] or [r.round for r in results]
    stages = list(
        dict.fromkeys(
            (r.round, r.branch)
            for r in sorted(results, key=lambda r: (r.round, r.branch != "main", r.branch))
            if r.round in {0, max(rounds)}
        )
    )
    read: dict[int, dict[Stage, dict[int, float]]] = {}
    for folder in scored_folders(judged.run):
        stage = folder.round_number, folder.branch_name
        if stage in stages:
            read.setdefault(folder.replicate, {})[stage] = _curve(folder, generator)
    whole = [curves for curves in read.values() if all(curves.get(stage) for stage in stages)]
    if not whole:
        return {}
    return {
        stage: {
            step: [curves[stage][step] for curves in whole]
            for step in whole[0][stage]
            if all(step in curves[stage] for curves in whole)
        }
        for stage in stages
    }


def _curve(folder: TrainingFolder, generator: str) -> dict[int, float]:
    """{step: FID} of a training; empty if it was scored at its end alone."""
    curves = score_curves.read(folder)
    label = score_curves.label(generator)
    steps, values = curves[label] if curves else ((), ())
    return {int(step): float(value) for step, value in zip(steps, values, strict=True)}


def _name(stage: Stage) -> str:
    number, branch = stage
    if not number:
        return "dense GAN"
    return f"{'ticket' if branch == 'main' else branch.replace('_', ' ')}, round {number}"


def _spread(values: Sequence[float]) -> tuple[float, float]:
    """Mean and standard deviation; that of a single value is 0 here, as it has no bar."""
    return statistics.mean(values), statistics.stdev(values) if len(values) > 1 else 0.0


def _draw(curves: dict[Stage, Curve]) -> Figure:
    figure = Figure(figsize=(5.0, 3.2))
    axes = figure.subplots()
    means = []
    for (number, branch), curve in curves.items():
        style, marker = BRANCHES.get(branch, OTHER)
        color = figures.COLORS[style] if number else figures.DENSE
        spreads = [_spread(values) for values in curve.values()]
        means += [mean for mean, _ in spreads]
        axes.errorbar(
            list(curve),
            [mean for mean, _ in spreads],
            yerr=[deviation for _, deviation in spreads],
            color=color,
            linestyle="-" if number else "--",
            marker=marker if number else None,
            markersize=4,
            linewidth=1.1,
            capsize=2,
            label=_name((number, branch)),
        )
    figures.fid_axis(axes, means)
    axes.set_xscale("log")
    steps = sorted({step for curve in curves.values() for step in curve})
    axes.set_xticks(*figures.spaced(steps[::-1]))
    axes.minorticks_off()
    axes.set_xlabel("generator steps")
    axes.legend(frameon=False, fontsize=8)
    return figure


def _data(run: str, curves: dict[Stage, Curve]) -> bytes:
    """The points of a figure: a row for each, with the ends of its error bar."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(DATA)
    for stage, curve in curves.items():
        for step, values in curve.items():
            mean, deviation = _spread(values)
            ends = mean - deviation, mean + deviation
            writer.writerow([run, _name(stage), step, mean, *ends, len(values)])
    return text.getvalue().encode()
