"""The figures of the report, as SVG text."""

import io
import re
import statistics

import matplotlib
from matplotlib.figure import Figure

from tf_gan_lth.findings.comparison import tickets
from tf_gan_lth.findings.results import Result
from tf_gan_lth.findings.verdict import Verdict

# A fixed salt for ids, so that the same results give the same SVG.
STYLE = {
    "svg.hashsalt": "tf_gan_lth",
    "svg.fonttype": "none",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
MAIN, DENSE = "#1f5fa8", "#555555"
BRANCHES = {
    "random_mask": ("#c2410c", "s"),
    "random_mask_by_layer": ("#f59e0b", "s"),
    "random_init": ("#15803d", "^"),
    "one_shot": ("#7c3aed", "v"),
    "snip": ("#be185d", "P"),
    "not_rewound": ("#0f766e", "X"),
    "dense_discriminator": ("#64748b", "<"),
    "second_discriminator": ("#a16207", ">"),
}
OTHER = ("#7c3aed", "D")


def fid_by_remaining(results: list[Result], verdict: Verdict) -> str:
    """Plots FID against the share of remaining weights: tickets, controls and the dense line.

    With two replicates or more, the band around the tickets is the confidence interval of their
    ratio to the dense GAN, times its mean.
    """
    with matplotlib.rc_context(STYLE):
        # The dense GAN and the margin.
        figure = Figure(figsize=(7.5, 4.2))
        axes = figure.subplots()
        axes.axhline(verdict.dense_fid, color=DENSE, linestyle="--", linewidth=1, label="dense")
        axes.axhspan(
            verdict.dense_fid,
            verdict.limit,
            color=DENSE,
            alpha=0.12,
            linewidth=0,
            label="within the margin",
        )

        # The tickets, then each kind of control.
        for branch in ["main", *sorted({r.branch for r in results} - {"main"})]:
            fids: dict[float, list[float]] = {}
            for r in results:
                if r.branch == branch:
                    fids.setdefault((1 - r.generator_sparsity) * 100, []).append(r.fid)
            color, marker = (MAIN, "o") if branch == "main" else BRANCHES.get(branch, OTHER)
            name = "ticket" if branch == "main" else branch.replace("_", " ")
            # A point for each replicate, and a line through the means.
            axes.plot(
                [x for x in fids for _ in fids[x]],
                [y for ys in fids.values() for y in ys],
                marker,
                color=color,
                label=name,
            )
            means = sorted((x, statistics.mean(ys)) for x, ys in fids.items())
            axes.plot(*zip(*means, strict=True), color=color, linewidth=1)

        _remaining_axis(axes, results)
        axes.set_ylabel("FID (lower is better)")
        # With an axis from 0, Matplotlib's own margin is too small for the highest point. The
        # points make the axis: a band may have no upper end.
        top = 1.05 * axes.get_ylim()[1]
        _band(axes, results, verdict, top)
        axes.set_ylim(0, top)
        # Outside the plot, since points may be anywhere in it.
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
        return _svg(figure)


def remaining_by_layer(layers: dict[int, dict[str, dict[str, int]]]) -> str:
    """Draws the share of each layer's weights that remains, by round.

    Args:
      layers: {round: {kernel path: {"total": ..., "remaining": ...}}}.
    """
    rounds = sorted(layers)
    names = list(layers[rounds[0]])
    shares = [
        [
            100 * layers[number][name]["remaining"] / layers[number][name]["total"]
            for number in rounds
        ]
        for name in names
    ]
    with matplotlib.rc_context(STYLE):
        # A cell for each layer and round, with its share in numbers.
        figure = Figure(figsize=(7.5, 0.8 + 0.32 * len(names)))
        axes = figure.subplots()
        axes.imshow(shares, vmin=0, vmax=100, cmap="Blues", aspect="auto")
        for row, values in enumerate(shares):
            for column, value in enumerate(values):
                color = "white" if value > 55 else "black"
                axes.text(
                    column, row, f"{value:.0f}", ha="center", va="center", fontsize=8, color=color
                )

        axes.set_xticks(range(len(rounds)), rounds)
        labels = [
            f"{name.removesuffix('/kernel')}  ({layers[rounds[0]][name]['total']:,})"
            for name in names
        ]
        axes.set_yticks(range(len(names)), labels)
        axes.set_xlabel("round")
        return _svg(figure)


def _band(axes, results: list[Result], verdict: Verdict, top: float) -> None:
    """The interval of each ticket, as far as it is below `top`."""
    remaining = {r.round: (1 - r.generator_sparsity) * 100 for r in results if r.branch == "main"}
    ends = [
        (
            remaining[number],
            c.fid_ratio_low * verdict.dense_fid,
            c.fid_ratio_high * verdict.dense_fid,
        )
        for number, c in tickets(verdict.comparisons).items()
        if c.fid_ratio_low is not None
    ]
    if ends:
        xs, low, high = zip(*ends, strict=True)
        # Twice the axis: an edge that is beyond it is not drawn at its top.
        low = [min(end, 2 * top) for end in low]
        high = [min(end, 2 * top) for end in high]
        axes.fill_between(xs, low, high, color=MAIN, alpha=0.15, label="interval of the ticket")


def _remaining_axis(axes, results: list[Result]) -> None:
    ticks = sorted(
        {round((1 - r.generator_sparsity) * 100, 1) for r in results if r.branch == "main"}
    )
    axes.set_xscale("log")
    axes.invert_xaxis()
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel("weights that remain, % of the prunable ones")


def _svg(figure: Figure) -> str:
    text = io.StringIO()
    figure.savefig(text, format="svg", bbox_inches="tight", metadata={"Date": None})
    return re.sub(r"^.*?(?=<svg)", "", text.getvalue(), flags=re.DOTALL)
