import math
import re

import pytest

from tf_gan_lth.report import chart
from tf_gan_lth.report.axes import SHARE
from tf_gan_lth.report.chart import Point, Series


def series(*fids, spread=None, **more):
    points = []
    for number, fid in enumerate(fids):
        ends = {} if spread is None else {"low": fid - spread, "high": fid + spread}
        points.append(Point(100 * 0.8**number, fid, f"round {number}", **ends, **more))
    return Series("ticket", tuple(points))


def test_the_axis_shows_the_margin_and_does_not_begin_at_0():
    frame = chart.over(SHARE, [series(20.0, 20.5, 21.0)], [20.0, 22.0], "alt")
    assert not frame.y.log and 19 < frame.y.low < 20 and 22 < frame.y.high < 23
    margin = frame.y(20.0) - frame.y(22.0)
    assert margin > 0.6 * (chart.HEIGHT - chart.TOP - chart.BOTTOM)


def test_the_axis_is_logarithmic_where_scores_span_decades():
    frame = chart.over(SHARE, [series(2.0, 20.0, 400.0)], [2.0, 2.2], "alt")
    assert frame.y.log and frame.y.low > 0
    drawn = chart.draw(frame, [series(2.0, 20.0, 400.0)])
    ticks = [float(text) for text in re.findall(r'<text class="end"[^>]*>(.*?)</text>', drawn)]
    assert {10.0, 100.0} <= set(ticks)


def test_a_bar_that_ends_below_zero_leaves_the_axis_logarithmic():
    """As FID cannot be there; a score that is below zero itself makes the axis linear."""
    wide = series(2.0, 20.0, 40.0, spread=25.0)
    frame = chart.over(SHARE, [wide], [], "alt")
    assert frame.y.log and 1.0 < frame.y.low < 2.0 and 65.0 < frame.y.high < 90.0
    bars = re.findall('class="bar" d="(.*?)"', chart.draw(frame, [wide]))
    # The ends that are on the axis have caps.
    assert [bar.count("h10") for bar in bars] == [1, 1, 2] and "nan" not in "".join(bars)
    assert not chart.over(SHARE, [series(2.0, 20.0, -1.0)], [], "alt").y.log


@pytest.mark.parametrize(
    ("low", "high"), [(1.0, 1.0), (-0.5, 0.2), (0.0, 3.0), (1e-6, 2e-6), (3.0, 1e5), (0.9, 7.0)]
)
def test_every_axis_has_a_few_ticks_within_it(low, high):
    scale = chart.fitted([low, high], 0.0, 100.0)
    ticks = scale.ticks()
    assert 2 <= len(ticks) <= 10 and all(scale.low <= t <= scale.high for t in ticks)
    assert 0.0 <= scale(low) <= scale(high) <= 100.0


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (1.5, 60.0, [2, 5, 10, 20, 50]),
        (2.0, 9.0, [2, 3, 5, 7]),
        (1.2, 1500.0, [1, 3, 10, 30, 100, 300, 1000]),
        (0.02, 9e5, [0.01, 0.1, 1, 10, 100, 1e3, 1e4, 1e5, 1e6]),
    ],
)
def test_a_logarithmic_axis_has_ticks_between_powers_of_ten_where_they_have_room(low, high, ticks):
    assert chart.fitted([low, high], 0.0, 1.0).ticks() == pytest.approx(ticks)


def test_an_axis_of_three_steps_but_for_rounding_has_ticks():
    ticks = chart.Scale(0.0, math.nextafter(3e-7, 0.0), 0.0, 1.0).ticks()
    assert ticks == pytest.approx([0.0, 1e-7, 2e-7, 3e-7])


def test_without_a_margin_there_is_no_closer_view():
    """`--margin=0` asks for tickets that are no worse at all."""
    drawn = [series(1.5, 1.7, 2.0)]
    frame = chart.over(SHARE, drawn, [1.5, 1.5], "alt")
    assert chart.zoomed(frame, drawn, 1.5, 1.5) is None
    assert 'class="margin"' in chart.draw(frame, drawn, (1.5, 1.5))


def test_a_closer_view_shows_the_margin_and_marks_what_is_above():
    drawn = [series(1.7, 1.6, 9.8)]
    frame = chart.over(SHARE, drawn, [1.7, 1.87], "alt")
    closer = chart.zoomed(frame, drawn, 1.7, 2.3)
    assert closer.y.high == 2.3 and closer.y.low < 1.6
    text = chart.draw(closer, drawn, (1.7, 1.87))
    numbers = [float(n) for n in re.findall(r'c?y="([-\d.]+)"', text)]
    assert all(0 <= n <= chart.HEIGHT for n in numbers)
    assert text.count('class="point') == 3
    assert chart.zoomed(frame, drawn, 1.7, 100.0) is None


def test_points_have_error_bars_and_say_their_values():
    drawn = [series(20.0, 30.0, spread=2.0)]
    text = chart.draw(chart.over(SHARE, drawn, [20.0], "alt"), drawn)
    assert text.count('class="bar"') == 2 and "<title>round 1</title>" in text
    without = [series(20.0, 30.0)]
    assert 'class="bar"' not in chart.draw(chart.over(SHARE, without, [20.0], "alt"), without)


def test_a_band_without_an_upper_end_is_cut_at_the_axis():
    drawn = [series(20.0, 30.0, floor=15.0, ceiling=float("inf"))]
    text = chart.draw(chart.over(SHARE, drawn, [20.0], "alt"), drawn)
    (band,) = re.findall(r'<polygon class="band s0" points="(.*?)"', text)
    assert "inf" not in band and "nan" not in band


def test_a_single_round_can_be_drawn():
    drawn = [Series("ticket", (Point(100.0, 5.0, "round 0"),))]
    assert 'class="point' in chart.draw(chart.over(SHARE, drawn, [5.0, 5.5], "alt"), drawn)


def test_names_and_titles_are_escaped():
    drawn = [Series("<b>", (Point(100.0, 5.0, "<i>&"), Point(50.0, 6.0, "x")))]
    text = chart.draw(chart.over(SHARE, drawn, [5.0], '"<alt>'), drawn, None, [(5.5, "<r>", 8)])
    assert not re.search("<(b|i|r|alt)>", text + chart.legend([("<b>", 0, "o")]))
