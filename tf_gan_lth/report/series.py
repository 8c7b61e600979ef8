"""What the figures show, for the page and for a paper: scores over what remains."""

from collections.abc import Sequence

from tf_gan_lth.findings.comparison import Comparison, in_words
from tf_gan_lth.findings.results import Result
from tf_gan_lth.findings.verdict import Verdict
from tf_gan_lth.report.axes import SHARE, Axis, costs
from tf_gan_lth.report.chart import Point, Series

# The colour, by its number in `assets.STYLE` and `figures.COLORS`, and the marker of each branch.
BRANCHES = {
    "main": (0, "o"),
    "random_mask": (1, "s"),
    "random_init": (2, "^"),
    "one_shot": (3, "v"),
    "snip": (4, "P"),
    "not_rewound": (5, "X"),
    "dense_discriminator": (6, "v"),
    "random_ticket": (2, "D"),
    "dense_generator": (6, "s"),
    "second_discriminator": (7, "^"),
    "random_mask_by_layer": (7, "s"),
}
OTHER = (3, "D")
STYLES = 8  # colours that there are
DENSE_STYLE = 8


def curves(results: Sequence[Result], verdict: Verdict, axis: Axis = SHARE) -> list[Series]:
    """The tickets, with the dense GAN before them, and each kind of control.

    Args:
      results: those of the verdict's generator.
      verdict: with the interval of each ticket.
      axis: results without a place on it are left out.
    """
    results = [result for result in results if axis.read(result) is not None]
    branches = ["main", *sorted({r.branch for r in results} - {"main"})]
    return [_curve(results, verdict, branch, axis) for branch in branches]


def _curve(results: Sequence[Result], verdict: Verdict, branch: str, axis: Axis) -> Series:
    style, marker = BRANCHES.get(branch, OTHER)
    name = "ticket" if branch == "main" else branch.replace("_", " ")
    rounds: dict[int, list[Result]] = {}
    for result in results:
        if result.branch == branch:
            rounds.setdefault(result.round, []).append(result)
    points = (
        _point(found, verdict, verdict.comparisons[number, branch], name, axis)
        for number, found in rounds.items()
    )
    ordered = tuple(sorted(points, key=lambda point: -point.x))
    return Series(name, ordered, style, marker)


def _point(
    found: list[Result], verdict: Verdict, compared: Comparison, name: str, axis: Axis
) -> Point:
    first = found[0]
    # All that there are, as the table of results shows; the comparison may judge fewer.
    fids = tuple(result.fid for result in found)
    mean = sum(fids) / len(fids)
    deviation = None
    if len(fids) > 1:
        deviation = (sum((fid - mean) ** 2 for fid in fids) / (len(fids) - 1)) ** 0.5
    title = [
        f"{'dense GAN' if name == 'ticket' and not first.round else name}, round {first.round}",
        f"{SHARE.mean(found):.1f}% of what is prunable remains",
        costs(found),
        f"FID {mean:.2f}" + ("" if deviation is None else f" ± {deviation:.2f}"),
    ]
    if len(fids) > 1:
        title.append(f"{len(fids)} replicates")
    floor = ceiling = None
    if first.branch == "main" and first.round:
        title.append(in_words(compared))
        if compared.fid_ratio_low is not None:
            # The dense mean that it was compared with: at its look, or in its pairs.
            dense = compared.fid_mean / compared.fid_ratio
            floor = compared.fid_ratio_low * dense
            ceiling = compared.fid_ratio_high * dense
            title.append(
                f"{compared.fid_ratio:.2f} of the dense FID"
                f" ({compared.fid_ratio_low:.2f} to {compared.fid_ratio_high:.2f})"
            )
    return Point(
        x=axis.mean(found),
        y=mean,
        title="\n".join(title),
        low=None if deviation is None else mean - deviation,
        high=None if deviation is None else mean + deviation,
        single=fids,
        floor=floor,
        ceiling=ceiling,
    )
