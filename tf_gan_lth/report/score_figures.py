"""The main figures: FID against what remains, of one run or of several."""

import html
from collections.abc import Collection, Sequence

from tf_gan_lth.findings.results import Result, by_generator
from tf_gan_lth.findings.verdict import kept
from tf_gan_lth.report import chart
from tf_gan_lth.report.axes import Axis, axes_for
from tf_gan_lth.report.judged import Judged, titled
from tf_gan_lth.report.series import DENSE_STYLE, STYLES, curves

MARKERS = "os^vPXD"
MARGINS = 3.5  # how many margins above the dense FID the closer view ends
UNITS = {  # what a run prunes: in words, and its marker beside runs that prune something else
    "element": ("single weights", "o"),
    "channel": ("channels", "s"),
    "2:4": ("two of four weights", "^"),
}


def of_generator(judged: Judged, generator: str, prefix: str) -> list[str]:
    """The figure of a generator: its tickets and controls beside the dense GAN.

    `prefix` tells the ids of a run from those of another one in the same page.
    """
    verdict = judged.verdicts[generator]
    results = judged.of(generator)
    dense = verdict.dense_fid
    rules = [(dense, f"dense GAN: FID {dense:.2f}", DENSE_STYLE)]
    figures = {}
    lottery = judged.config.lottery
    for axis in axes_for({lottery.unit}, results, {lottery.budget}):
        drawn = curves(results, verdict, axis)
        last = [f"{each.name} {_point(each.points[-1], axis)}" for each in drawn]
        alt = f"FID against {axis.title}. Dense GAN {dense:.2f}; {', '.join(last)}"
        # All scores and, where these reach far, what is around the margin.
        frame = chart.over(axis, drawn, [dense, verdict.limit], alt)
        closer = chart.zoomed(frame, drawn, dense, dense + MARGINS * (verdict.limit - dense))
        for view, shown in (("all", frame), ("around the margin", closer)):
            if shown is not None:
                drawing = chart.draw(shown, drawn, (dense, verdict.limit), rules)
                figures[axis.name, view] = drawn_with_unit(shown, drawing)
    return [
        f"<h2>{html.escape(titled(generator, 'FID against what remains'))}</h2>",
        switched(figures, f"{prefix}{generator}"),
        _legend(curves(results, verdict), judged.config.lottery.margin),
        *_not_counted(results),
        f'<p class="note">{html.escape(_protocol(judged, generator))}</p>',
    ]


def together(generator: str, members: Sequence[tuple[int, Judged]], prefix: str = "") -> str:
    """The tickets of several runs, each with a line at its dense FID, and what each found.

    Args:
      generator: name of the generator.
      members: the runs with their numbers in the page.
      prefix: tells its ids from those of another such figure in the page.
    """
    lotteries = [judged.config.lottery for _, judged in members]
    units = {lottery.unit for lottery in lotteries}
    results = [result for _, judged in members for result in judged.of(generator)]
    rules = []
    for number, judged in members:
        dense = judged.verdicts[generator].dense_fid
        rules.append((dense, f"dense GAN of {judged.name}: FID {dense:.2f}", number % STYLES))
    figures = {}
    for axis in axes_for(units, results, {lottery.budget for lottery in lotteries}):
        drawn = [_tickets(judged, generator, number, units, axis) for number, judged in members]
        alt = f"FID against {axis.title}, of {', '.join(series.name for series in drawn)}"
        frame = chart.over(axis, drawn, [value for value, _, _ in rules], alt)
        figures[axis.name, "all"] = drawn_with_unit(frame, chart.draw(frame, drawn, None, rules))
    entries = [(series.name, series.style, series.marker) for series in drawn]
    key = chart.legend([*entries, ("a run's dense GAN", DENSE_STYLE, "-")])
    notes = _not_counted(results)
    if len(units) > 1:
        notes.append(
            '<p class="note">These runs prune different things, so shares of what is prunable do'
            " not compare: MACs, parameters and bytes do. Channels that went spare their MACs; of"
            " single weights, dense hardware multiplies by the zeros.</p>"
        )
    found = "".join(
        f'<li><a href="#run-{number}">{html.escape(judged.name)}</a>:'
        f" {html.escape(judged.verdicts[generator].sentence)}</li>"
        for number, judged in members
    )
    shown = switched(figures, f"{prefix}together-{generator}")
    return f"{shown}{key}{''.join(notes)}<ul>{found}</ul>"


def _tickets(
    judged: Judged, generator: str, number: int, units: Collection[str], axis: Axis
) -> chart.Series:
    """The tickets of a run among others; where these prune different things, it says which."""
    unit = judged.config.lottery.unit
    points = curves(judged.of(generator), judged.verdicts[generator], axis)[0].points
    words, marker = UNITS[unit]
    if len(units) > 1:
        name = f"{judged.name} ({words})"
    else:
        # The ninth run has the colour of the first, and so another marker.
        name, marker = judged.name, MARKERS[number // STYLES % len(MARKERS)]
    return chart.Series(name, points, number % STYLES, marker)


def _not_counted(results: Sequence[Result]) -> list[str]:
    if all(result.macs_left for result in results):
        return []
    return [
        '<p class="note">There is no axis of MACs: a run was made by a version that did not count'
        " them.</p>"
    ]


def _point(point: chart.Point, axis: Axis) -> str:
    return f"{point.y:.2f} at {axis.text(point.x)}"


def drawn_with_unit(frame: chart.Frame, drawing: str, score: str = "FID") -> str:
    """A chart below what its vertical axis is."""
    unit = f"{score}, lower is better{'; logarithmic axis' if frame.y.log else ''}"
    return f'<div class="y">{unit}</div>{drawing}'


def switched(figures: dict[tuple[str, str], str], group: str, score: str = "FID") -> str:
    """The figures, {(axis, view): HTML}, one at a time, with buttons for both choices.

    No script is needed: the style shows the figure of the buttons that are checked.
    """
    names = [list(dict.fromkeys(key[place] for key in figures)) for place in (0, 1)]
    parts = [
        _buttons(f"{score} against", names[0], f"{group}-axis", "a"),
        _buttons("shown", names[1], f"{group}-view", "v"),
    ]
    for (axis, view), content in figures.items():
        style = f"a{names[0].index(axis)} v{names[1].index(view)}"
        parts.append(f'<figure class="{style}">{content}</figure>')
    return f'<div class="views">{"".join(parts)}</div>'


def _buttons(says: str, names: Sequence[str], group: str, style: str) -> str:
    """A row of buttons, of which one is checked; a single choice is made, and not seen."""
    if len(names) == 1:
        return f'<input type="radio" name="{group}" class="{style}0" hidden checked>'
    buttons = "".join(
        f'<input type="radio" name="{group}" id="{group}-{number}" class="{style}{number}"'
        f'{"" if number else " checked"}><label for="{group}-{number}">{html.escape(name)}</label>'
        for number, name in enumerate(names)
    )
    return f'<span class="by">{says}</span>{buttons}<br>'


def _legend(drawn: Sequence[chart.Series], margin: float) -> str:
    """What marks and shades mean."""
    entries = [(each.name, each.style, each.marker) for each in drawn]
    swatch = '<li class="s{}"><span class="swatch"></span>{}</li>'
    others = [swatch.format(DENSE_STYLE, f"within {margin:.0%} of it")]
    points = [point for each in drawn for point in each.points]
    if any(point.floor is not None for point in points):
        others.append(swatch.format(0, "interval of the ticket"))
    if any(point.low is not None for point in points):
        others.append("<li>bars: one standard deviation over replicates</li>")
    return chart.legend([*entries, ("dense GAN", DENSE_STYLE, "-")], others)


def _protocol(judged: Judged, generator: str) -> str:
    """How the scores were computed, and the score before training, in words."""
    replicate = judged.first
    scores = by_generator(replicate.round(0).scores.get())[generator]
    details = scores["protocol_details"]
    untrained = by_generator(replicate.untrained_scores.get())[generator]["fid"]
    parameters = "averaged" if details["ema"] else "live"
    remark = kept(judged.of(generator))
    remark = f" {remark[0].upper()}{remark[1:]}." if remark else ""
    return (
        f"Protocol {details['name']}: {details['generated_images']:,} images of the generator's"
        f" {parameters} parameters against {details['reference_images']:,} real images"
        f" ({details['reference']}, digest {details['reference_digest']}), features of"
        f" {details['feature_network']} (digest {details['feature_network_digest']}). Before"
        f" training, it scores {untrained:.1f}.{remark}"
    )
