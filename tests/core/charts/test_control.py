"""A control chart draws every window in order between limits that may step, and names what it marks."""

from __future__ import annotations

import math

import pytest

from core.charts.control import control_chart
from core.charts.control_design import TradeLine, trade_chart
from core.charts.control_plot import ChartLines, LaneMark, PlotPoint, Since, SpreadPanel
from core.charts.control_small import small_control_chart
from core.charts.frame import DARK, LIGHT

HOSTILE = "<a href='http://evil'>x</a>"
LINES = ChartLines(centre=("expected", "10%"))


def point(value: float | None, **more: object) -> PlotPoint:
    half = 0.05
    limits = {"centre": None, "low": None, "high": None} if value is None else {}
    kept = {"centre": 0.1, "low": 0.1 - half, "high": 0.1 + half, **limits}
    words = {"n": 100, "said": "a day", "tick": "1 Jan", "is_reference": False, "is_base": False}
    return PlotPoint(value=value, **{**kept, **words, **more})  # type: ignore[arg-type]


def drawn(points: list[PlotPoint], **more: object):
    given = {"palette": LIGHT, "title": "Error rate by day", "axis": "percent", "lines": LINES, **more}
    return control_chart(points, **given)  # type: ignore[arg-type]


BEFORE = [point(0.1 + 0.01 * (place % 3), is_reference=True, is_base=True, tick=f"{place} Dec") for place in range(7)]


def traces(chart, kind: str = "scatter"):
    return [trace for trace in chart.figure.data if trace.type == kind]


def test_values_limits_and_rows_are_drawn_in_order() -> None:
    wide = point(0.12, n=400, low=0.08, high=0.12)
    chart = drawn([*BEFORE, point(0.1), wide])
    line = next(t for t in traces(chart) if t.line.color == LIGHT.current and t.mode == "lines+markers")
    assert (list(line.x), list(line.y)) == ([7, 8], [0.1, 0.12])
    steps = [t for t in traces(chart) if t.line.shape == "hvh"]
    assert [list(t.y)[-2:] for t in steps] == [[0.05, 0.08], [pytest.approx(0.15), 0.12], [0.1, 0.1]]
    assert list(traces(chart, "bar")[0].y) == [100] * 8 + [400]
    assert chart.alt.startswith("Error rate by day: 9 windows, limits from 7 of them. None signals.")


def test_zones_lie_a_third_and_two_thirds_of_the_way_to_each_limit() -> None:
    chart = drawn([point(0.1), point(0.1)])
    zones = [t for t in traces(chart) if t.fill == "toself"]
    assert [max(t.y) for t in zones] == pytest.approx([0.15, 0.1 + 0.1 / 3, 0.1 + 0.05 / 3])
    assert len([t for t in traces(drawn([point(0.1)], zones=False)) if t.fill == "toself"]) == 1


def test_a_signal_is_a_diamond_with_its_rules_numbers_where_a_run_begins() -> None:
    twice = point(0.2, signals=True, rules="1,2")
    run = [twice, twice, point(0.01, signals=True, rules="5")]
    chart = drawn([*BEFORE, *run])
    diamonds = next(t for t in traces(chart) if t.marker.symbol == "diamond")
    assert (list(diamonds.x), list(diamonds.text)) == ([7, 8, 9], ["1,2", "", "5"])
    assert list(diamonds.textposition) == ["top center", "top center", "bottom center"]
    assert "3 signal: 1 Jan, 1 Jan, 1 Jan." in chart.alt


def test_a_window_without_rows_leaves_a_gap_and_no_zero() -> None:
    chart = drawn([*BEFORE, point(0.1), point(None, n=0), point(0.12)])
    line = next(t for t in traces(chart) if t.line.color == LIGHT.current and t.mode == "lines+markers")
    assert list(line.y) == [0.1, None, 0.12]
    assert line.connectgaps is False
    assert "9 windows" in chart.alt


def test_phases_onset_left_out_points_and_young_windows_are_marked() -> None:
    left_out = point(0.3, is_reference=True, is_excluded=True)
    points = [*BEFORE, left_out, point(0.1), point(0.2), point(None, is_young=True)]
    since = Since(first=9, earliest=8, latest=9, words="off since 3 Jan")
    chart = drawn(points, since=since)
    said = [annotation.text for annotation in chart.figure.layout.annotations]
    assert {"phase I", "phase II", "off since 3 Jan", "labels still<br>arriving"} <= set(said)
    boundary = next(shape for shape in chart.figure.layout.shapes if shape.type == "line")
    assert boundary.x0 == 7.5
    before = next(t for t in traces(chart) if t.line.color == LIGHT.reference and t.mode == "lines+markers")
    assert list(before.marker.symbol)[-1] == "x-thin-open"
    assert "off since 3 Jan" in chart.alt


def test_a_phase_one_inside_production_has_a_line_at_either_end() -> None:
    points = [*[point(0.1, is_reference=True)] * 3, *[point(0.1, is_base=True)] * 7, point(0.1)]
    shapes = [shape.x0 for shape in drawn(points).figure.layout.shapes if shape.type == "line"]
    assert sorted(shapes) == [2.5, 9.5]


def test_close_marks_become_one_and_versions_have_a_line_through_the_points() -> None:
    marks = [
        LaneMark(number=1, place=1, words="v1", is_deployment=True),
        LaneMark(number=2, place=1, words=HOSTILE, is_deployment=False),
        LaneMark(number=3, place=30, words="v2", is_deployment=False),
    ]
    chart = drawn([point(0.1) for _ in range(40)], marks=marks)
    lane = [t for t in traces(chart) if t.yaxis == "y4"]
    assert [list(t.text) for t in lane] == [["1+"], ["3"]]
    assert [t.marker.symbol for t in lane] == ["square", "circle"]
    assert "<a" not in chart.figure.to_json()
    assert [shape.x0 for shape in chart.figure.layout.shapes if shape.line.dash == "dot"] == [1]


def test_a_cusum_shows_both_sums_and_a_signal_on_the_one_that_crossed() -> None:
    sums = {"centre": 0.0, "low": -5.0, "high": 5.0}
    points = [point(1.0, low_value=-0.5, **sums), point(0.0, low_value=-6.0, signals=True, **sums)]
    chart = drawn(points, axis="sigma", zones=False)
    assert [list(t.y) for t in traces(chart) if t.line.color == LIGHT.current and t.mode == "lines+markers"] == [
        [1.0, 0.0],
        [-0.5, -6.0],
    ]
    assert list(next(t for t in traces(chart) if t.marker.symbol == "diamond").y) == [-6.0]


def test_the_chart_of_spread_has_a_panel_of_its_own() -> None:
    spread = SpreadPanel(
        title="Moving range", values=[None, 1.0, 9.0], centres=[None, 1.0, 1.0], highs=[None, 3.0, 3.0],
        lows=[None, 0.0, 0.0], signals=[False, False, True],
    )  # fmt: skip
    chart = drawn([point(0.1)] * 3, spread=spread)
    below = [t for t in traces(chart) if t.yaxis == "y2"]
    assert list(below[-1].x) == [2]
    assert below[-1].marker.symbol == "diamond"
    top, middle = chart.figure.layout.yaxis.domain, chart.figure.layout.yaxis2.domain
    assert middle[1] < top[0]


@pytest.mark.parametrize(("axis", "ticks"), [("points", "pp"), ("percent", None), ("count", None), ("number", None)])
def test_the_axis_is_written_in_the_series_own_units(axis: str, ticks: str | None) -> None:
    layout = drawn([point(0.1), point(0.2)], axis=axis).figure.layout.yaxis
    if ticks:
        assert all(text.endswith(ticks) for text in layout.ticktext)
    else:
        assert layout.tickformat


def test_names_from_data_are_escaped() -> None:
    chart = drawn([point(0.1, said=HOSTILE, tick=HOSTILE)], title=HOSTILE, lines=ChartLines(centre=(HOSTILE,)))
    assert "<a" not in chart.figure.to_json()


def test_a_small_chart_shows_limits_signals_and_where_phase_one_ends() -> None:
    values = [1.0, 1.1, None, 0.9, 5.0]
    svg = small_control_chart(
        values,
        centres=[1.0] * 5,
        lows=[0.5] * 5,
        highs=[1.5] * 5,
        signals=[False] * 4 + [True],
        first_later=3,
        palette=DARK,
        is_off=True,
    )
    assert svg.count("<polygon") == 2, "limits and one diamond"
    assert DARK.warning in svg
    assert "<text" not in svg
    assert "NaN" not in svg
    nothing = {"centres": [None], "lows": [None], "highs": [None], "signals": [False]}
    assert small_control_chart([None], first_later=1, palette=LIGHT, is_off=False, **nothing) == ""


def test_the_price_is_drawn_on_logarithmic_scales_with_the_present_limits_marked() -> None:
    lines = [TradeLine(words="1 sigma", delays=[10.0, 20.0], present=15.0)]
    chart = trade_chart([2.0, 0.5], lines, present=1.0, palette=LIGHT, title="Days until found", unit="a year")
    marker = next(t for t in traces(chart) if t.mode == "markers")
    assert (list(marker.x), list(marker.y)) == ([1.0], [15.0])
    assert chart.figure.layout.xaxis.type == "log"
    assert chart.figure.layout.annotations[0].y == pytest.approx(math.log10(10.0))
    assert chart.alt == (
        "Days until found. With the present limits 1 false alarms a year, and found: 1 sigma after 15."
    )
