"""The main figures: FID against the weights that remain, of one run or of several."""

import html
from collections.abc import Sequence

from tf_gan_lth.findings.results import by_generator
from tf_gan_lth.report import chart
from tf_gan_lth.report.judged import Judged, titled
from tf_gan_lth.report.series import DENSE_STYLE, STYLES, curves

MARGINS = 3.5  # how many margins above the dense FID the closer view ends
UNIT = "FID, lower is better"


def of_generator(judged: Judged, generator: str, prefix: str) -> list[str]:
    """The figure of a generator: its tickets and controls beside the dense GAN.

    `prefix` tells the ids of a run from those of another one in the same page.
    """
    verdict = judged.verdicts[generator]
    drawn = curves(judged.of(generator), verdict)
    dense = verdict.dense_fid

    # All scores and, where these reach far, what is around the margin.
    last = [f"{each.name} {_point(each.points[-1])}" for each in drawn]
    alt = f"FID against remaining weights. Dense GAN {dense:.2f}; {', '.join(last)}"
    frame = chart.by_share(drawn, [dense, verdict.limit], alt)
    views = {"all": frame}
    closer = chart.zoomed(frame, drawn, dense, dense + MARGINS * (verdict.limit - dense))
    if closer is not None:
        views["around the margin"] = closer

    rules = [(dense, f"dense GAN: FID {dense:.2f}", DENSE_STYLE)]
    figures = {
        name: _figure(view, chart.draw(view, drawn, (dense, verdict.limit), rules))
        for name, view in views.items()
    }
    return [
        f"<h2>{html.escape(titled(generator, 'FID against remaining weights'))}</h2>",
        _switched(figures, f"{prefix}view-{generator}"),
        _legend(drawn, judged.config.lottery.margin),
        f'<p class="note">{html.escape(_protocol(judged, generator))}</p>',
    ]


def together(generator: str, members: Sequence[tuple[int, Judged]]) -> str:
    """The tickets of several runs, each with a line at its dense FID, and what each found.

    Args:
      generator: name of the generator.
      members: the runs with their numbers in the page.
    """
    drawn, rules, found = [], [], []
    for number, judged in members:
        verdict = judged.verdicts[generator]
        style = number % STYLES
        tickets = curves(judged.of(generator), verdict)[0]
        drawn.append(chart.Series(judged.name, tickets.points, style))
        dense = f"dense GAN of {judged.name}: FID {verdict.dense_fid:.2f}"
        rules.append((verdict.dense_fid, dense, style))
        found.append(
            f'<li><a href="#run-{number}">{html.escape(judged.name)}</a>:'
            f" {html.escape(verdict.sentence)}</li>"
        )
    alt = f"FID against remaining weights of {', '.join(series.name for series in drawn)}"
    frame = chart.by_share(drawn, [value for value, _, _ in rules], alt)
    entries = [(series.name, series.style, "o") for series in drawn]
    key = chart.legend([*entries, ("a run's dense GAN", DENSE_STYLE, "-")])
    return f"{_figure(frame, chart.draw(frame, drawn, None, rules))}{key}<ul>{''.join(found)}</ul>"


def _point(point: chart.Point) -> str:
    return f"{point.y:.2f} at {point.x:.1f}%"


def _figure(frame: chart.Frame, drawing: str) -> str:
    unit = f"{UNIT}; logarithmic axis" if frame.y.log else UNIT
    return f'<figure><div class="y">{unit}</div>{drawing}</figure>'


def _switched(figures: dict[str, str], group: str) -> str:
    """The figures, one at a time, with a button for each; no script is needed."""
    if len(figures) == 1:
        return next(iter(figures.values()))
    buttons = "".join(
        f'<input type="radio" name="{group}" id="{group}-{number}"{"" if number else " checked"}>'
        f'<label for="{group}-{number}">{name}</label>'
        for number, name in enumerate(figures)
    )
    return f'<div class="views">{buttons}{"".join(figures.values())}</div>'


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
    return (
        f"Protocol {details['name']}: {details['generated_images']:,} images of the generator's"
        f" {parameters} parameters against {details['reference_images']:,} real images"
        f" ({details['reference']}, digest {details['reference_digest']}), features of"
        f" {details['feature_network']} (digest {details['feature_network_digest']}). Before"
        f" training, it scores {untrained:.1f}."
    )
