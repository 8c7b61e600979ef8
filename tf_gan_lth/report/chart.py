"""Line charts as SVG text, for a page of its own: no library, no file, no network.

Colours are classes of `assets.STYLE`, so that a chart follows the page's light or dark scheme.
Every point has a `<title>`; `assets.SCRIPT` shows it at once.
"""

import dataclasses
import html
import math
from collections.abc import Sequence

from tf_gan_lth.report.axes import Axis

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 68, 14, 14, 64
LOG_FROM = 4.0  # an axis is logarithmic where its highest value is this many times its lowest
MULTIPLES = (
    (1, 1.5, 2, 3, 5, 7),
    (1, 2, 5),
    (1, 3),
    (1,),
)  # ticks of a logarithmic axis, by decade
NEAR, NEAR_ON_NARROW = 52, 95  # labels that are nearer than this would overlap


@dataclasses.dataclass(frozen=True)
class Point:
    """A point of a series.

    Attributes:
      x, y: where it is.
      low, high: ends of its error bar; None if it has none.
      title: what it says when it is pointed at.
      single: values that y is the mean of.
      floor, ceiling: ends of the series' band here; None if it has none.
    """

    x: float
    y: float
    title: str
    low: float | None = None
    high: float | None = None
    single: tuple[float, ...] = ()
    floor: float | None = None
    ceiling: float | None = None

    @property
    def ends(self) -> list[float]:
        """What is to have room: where it is, and its error bar.

        One that ends below zero, of a score above, is cut: it would forbid a logarithmic axis.
        """
        low = None if self.low is not None and self.low <= 0.0 < self.y else self.low
        return [end for end in (self.y, low, self.high) if end is not None]


@dataclasses.dataclass(frozen=True)
class Series:
    """A line through points; `style` numbers its colour, and `marker` its shape."""

    name: str
    points: tuple[Point, ...]
    style: int = 0
    marker: str = "o"


@dataclasses.dataclass(frozen=True)
class Scale:
    """Maps values to places on an axis, linearly or by their logarithm."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high = self._raw(self.low), self._raw(self.high)
        share = (self._raw(value) - low) / (high - low)
        return self.start + share * (self.end - self.start)

    def _raw(self, value: float) -> float:
        return math.log10(value) if self.log else value

    def ticks(self) -> list[float]:
        """Round values on the axis."""
        if self.log:
            # As many as have room: powers of ten alone are few where scores span one or two.
            found = [self._powers(multiples) for multiples in MULTIPLES]
            fewest = next((ticks for ticks in found if len(ticks) < 10), found[-1])
            if len(fewest) > 2:
                return fewest
        step = 10.0 ** math.floor(math.log10((self.high - self.low) / 3))
        # Rounding may leave a little less than three steps.
        step *= next((m for m in (5, 2) if (self.high - self.low) / (m * step) >= 3), 1)
        first = math.ceil(self.low / step)
        return [n * step for n in range(first, math.floor(self.high / step + 1e-9) + 1)]

    def _powers(self, multiples: Sequence[float]) -> list[float]:
        """The multiples of powers of ten on the axis."""
        exponents = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        found = [m * 10.0**e for e in exponents for m in multiples]
        return [value for value in found if self.low <= value <= self.high]


def fitted(values: Sequence[float], start: float, end: float) -> Scale:
    """A scale that shows all values with some air, logarithmic where they span much."""
    low, high = min(values), max(values)
    if low > 0 and high / low > LOG_FROM:
        air = (high / low) ** 0.06
        return Scale(low / air, high * air, start, end, log=True)
    air = 0.08 * (high - low) or 0.1 * abs(high) or 1.0
    return Scale(low - air, high + air, start, end)


@dataclasses.dataclass(frozen=True)
class Frame:
    """The two scales of a chart, and what it says of itself."""

    x: Scale
    y: Scale
    axis: Axis
    alt: str
    x_ticks: tuple[float, ...]


def over(axis: Axis, series: Sequence[Series], levels: Sequence[float], alt: str) -> Frame:
    """A frame for scores by what remains, from all at left to little.

    Args:
      axis: what the points' x are of.
      series: what is to have room.
      levels: further values that are to have some.
      alt: what the chart says of itself.
    """
    places = sorted({round(point.x, 2) for each in series for point in each.points})
    widest = max(places[-1], axis.whole or 0)
    narrowest = places[0]
    if narrowest == widest:
        narrowest = widest / 2
    air = (widest / narrowest) ** 0.04
    x = Scale(widest * air, narrowest / air, LEFT, WIDTH - RIGHT, log=True)
    ends = [end for each in series for p in each.points for end in (*p.ends, *p.single)]
    y = fitted([*ends, *levels], HEIGHT - BOTTOM, TOP)
    return Frame(x, y, axis, alt, tuple(places))


def zoomed(frame: Frame, series: Sequence[Series], low: float, high: float) -> Frame | None:
    """The frame with an axis that ends at `high`, or None if nothing is beyond that.

    Args:
      frame: with all scores.
      series: what is drawn.
      low, high: what the axis shows in any case; None is returned if there is nothing between, as
        without a margin.
    """
    if frame.y.high <= high or high <= low:
        return None
    inside = [p.y for each in series for p in each.points if p.y <= high]
    start = min([*inside, low])
    air = 0.08 * (high - start)
    y = Scale(start - air, high, frame.y.start, frame.y.end)
    return dataclasses.replace(frame, y=y)


def draw(
    frame: Frame,
    series: Sequence[Series],
    margin: tuple[float, float] | None = None,
    rules: Sequence[tuple[float, str, int]] = (),
    front: Sequence[tuple[float, float]] = (),
) -> str:
    """The chart as an `<svg>`.

    Args:
      frame: its axes.
      series: what is drawn, the first above the others.
      margin: range of values that is shaded.
      rules: horizontal lines as (value, what it is, style).
      front: (x, y) of the Pareto front, from the largest x to the smallest.
    """
    parts = [
        f'<svg class="chart" role="img" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' aria-label="{html.escape(frame.alt)}"><title>{html.escape(frame.alt)}</title>'
    ]
    if margin is not None:
        low, high = (_inside(frame.y, value) for value in margin)
        parts.append(
            f'<rect class="margin" x="{LEFT}" width="{WIDTH - LEFT - RIGHT}"'
            f' y="{high:.1f}" height="{max(low - high, 0):.1f}"/>'
        )
    parts += [*_axes(frame), *(_rule(frame.y, *rule) for rule in rules), _front(frame, front)]
    for each in reversed(series):
        parts += [_band(frame, each), *_line(frame, each)]
    for each in reversed(series):
        parts += [_point(frame, each, point) for point in each.points]
    return "".join([*parts, "</svg>"])


def legend(entries: Sequence[tuple[str, int, str]], others: Sequence[str] = ()) -> str:
    """What the colours mean, as HTML; each entry is (name, style, marker), `others` are HTML."""
    items = [
        f'<li class="s{style}"><svg viewBox="-8 -8 16 16" aria-hidden="true">'
        f"{_shape(marker, 0, 0)}</svg>{html.escape(name)}</li>"
        for name, style, marker in entries
    ]
    return f'<ul class="legend">{"".join([*items, *others])}</ul>'


def number(value: float) -> str:
    """A value in few digits."""
    return f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


def _axes(frame: Frame) -> list[str]:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = []
    for value in frame.y.ticks():
        y = frame.y(value)
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{right}"/>')
        parts.append(f'<text class="end" x="{LEFT - 9}" y="{y:.1f}" dy=".35em">{value:g}</text>')
    last = kept = -math.inf
    for value in reversed(frame.x_ticks):
        x = frame.x(value)
        parts.append(f'<path class="tick" d="M{x:.1f} {bottom}v5"/>')
        if x - last >= NEAR:
            often = "" if x - kept >= NEAR_ON_NARROW else ' class="often"'
            parts.append(
                f'<text{often} x="{x:.1f}" y="{bottom + 22}">{frame.axis.text(value)}</text>'
            )
            last, kept = x, kept if often else x
    parts.append(f'<path class="axis" d="M{LEFT} {bottom}H{right}"/>')
    middle = (LEFT + right) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 10}">{html.escape(frame.axis.title)}</text>')
    return parts


def _rule(scale: Scale, value: float, title: str, style: int) -> str:
    if not scale.low <= value <= scale.high:
        return ""
    y = scale(value)
    return (
        f'<g class="rule s{style}"><title>{html.escape(title)}</title>'
        f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/></g>'
    )


def _inside(scale: Scale, value: float) -> float:
    return scale(min(max(value, scale.low), scale.high))


def _front(frame: Frame, front: Sequence[tuple[float, float]]) -> str:
    """Steps through the points: of a budget between two, the cheaper one is the best there is."""
    if not front:
        return ""
    places = [(frame.x(x), _inside(frame.y, y)) for x, y in front]
    path = [f"M{LEFT} {places[0][1]:.1f}", *(f"H{x:.1f}V{y:.1f}" for x, y in _corners(places))]
    return f'<path class="front" d="{"".join(path)}V{TOP}"/>'


def _corners(places: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Where steps turn: at each place, up to the height of the next one."""
    heights = [y for _, y in places[1:]] + [places[-1][1]]
    return [(x, height) for (x, _), height in zip(places, heights, strict=True)]


def _band(frame: Frame, series: Series) -> str:
    """The area between the floors and ceilings of a series, cut at the axis."""
    ends = [point for point in series.points if point.floor is not None]
    if not ends:
        return ""
    above = [f"{frame.x(p.x):.1f},{_inside(frame.y, p.ceiling):.1f}" for p in ends]
    below = [f"{frame.x(p.x):.1f},{_inside(frame.y, p.floor):.1f}" for p in reversed(ends)]
    return f'<polygon class="band s{series.style}" points="{" ".join([*above, *below])}"/>'


def _line(frame: Frame, series: Series) -> list[str]:
    """The line through the means; where it leaves the axis, it ends at the edge."""
    places = [f"{frame.x(p.x):.1f},{_inside(frame.y, p.y):.1f}" for p in series.points]
    if len(places) < 2:
        return []
    return [f'<polyline class="line s{series.style}" points="{" ".join(places)}"/>']


def _point(frame: Frame, series: Series, point: Point) -> str:
    """A mean with its error bar and the values that it is of."""
    x = frame.x(point.x)
    beyond = not frame.y.low <= point.y <= frame.y.high
    parts = []
    if not beyond:
        if point.low is not None:
            ends = point.low, point.high
            low, high = (_inside(frame.y, end) for end in ends)
            caps = "".join(  # none where the axis cuts it
                f"M{x - 5:.1f} {frame.y(end):.1f}h10"
                for end in ends
                if frame.y.low <= end <= frame.y.high
            )
            parts.append(f'<path class="bar" d="M{x:.1f} {low:.1f}V{high:.1f}{caps}"/>')
        parts += [
            f'<circle class="single" cx="{x:.1f}" cy="{frame.y(value):.1f}" r="2.5"/>'
            for value in point.single
            if len(point.single) > 1 and frame.y.low <= value <= frame.y.high
        ]
    marker = "beyond" if beyond else series.marker
    y = _inside(frame.y, point.y) + (8 if beyond else 0)
    return (
        f'<g class="point s{series.style}" tabindex="0" role="img"'
        f' aria-label="{html.escape(point.title)}"><title>{html.escape(point.title)}</title>'
        f'{"".join(parts)}<circle class="reach" cx="{x:.1f}" cy="{y:.1f}" r="14"/>'
        f"{_shape(marker, x, y)}</g>"
    )


def _shape(marker: str, x: float, y: float) -> str:
    if marker == "-":
        return f'<path class="stroke" d="M{x - 7:.1f} {y:.1f}h14"/>'
    if marker == "o":
        return f'<circle class="mark" cx="{x:.1f}" cy="{y:.1f}" r="5"/>'
    paths = {
        "s": "M-4.5-4.5h9v9h-9z",
        "^": "M0-5.5L5.5 4.5h-11z",
        "v": "M0 5.5L5.5-4.5h-11z",
        "<": "M-5.5 0L4.5-5.5v11z",
        "D": "M0-6L6 0L0 6L-6 0z",
        "P": "M-2-6h4v4h4v4h-4v4h-4v-4h-4v-4h4z",
        "X": "M-5-5h3l2 3l2-3h3l-3.5 5l3.5 5h-3l-2-3l-2 3h-3l3.5-5z",
        "beyond": "M0-7L6 3h-12z",
    }
    # The style enlarges the mark itself on small screens.
    mark = f'<path class="mark" d="{paths[marker]}"/>'
    return f'<g transform="translate({x:.1f} {y:.1f})">{mark}</g>'
