"""Groups are drawn as dots with intervals; who has too few rows is never drawn as a rate."""

from __future__ import annotations

import pytest

from core.charts.axes import in_points, point_ticks
from core.charts.fairness import GroupMark, group_dots
from core.charts.frame import LIGHT
from core.charts.trend import positions, trend_chart
from core.fairness.groups import group_rate
from core.measure import Family, Interval, Measure, Status

HOSTILE = "<a href='http://evil'>x</a>"


def mark(group: str, k: int, n: int, *, status: Status = Status.OK, lacking: str = "") -> GroupMark:
    mean = group_rate(k, n, measure="selection_rate", group=group, n_rows=n)
    return GroupMark(mean=mean, status=status, written=f"{k} of {n}", note=f"n {n}", lacking=lacking)


def dots(chart):
    return next(trace for trace in chart.figure.data if trace.mode == "markers")


def test_each_group_has_a_dot_at_its_rate_and_its_interval() -> None:
    chart = group_dots([mark("f", 60, 100), mark("m", 80, 100)], palette=LIGHT, title="Share approved", everyone=0.7)
    assert list(dots(chart).x) == pytest.approx([0.6, 0.8])
    lines = [tuple(trace.x) for trace in chart.figure.data if trace.mode == "lines"]
    intervals = [group_rate(k, 100, measure="selection_rate", group="", n_rows=100).interval for k in (60, 80)]
    assert lines == [(i.low, i.high) for i in intervals if i]
    assert chart.alt == "Share approved by group: f 60 of 100; m 80 of 100."


def test_only_a_group_beyond_the_margin_is_filled() -> None:
    chart = group_dots(
        [mark("f", 60, 100, status=Status.CRITICAL), mark("m", 80, 100), mark("x", 7, 10, status=Status.INSUFFICIENT)],
        palette=LIGHT,
        title="Share approved",
    )
    assert tuple(dots(chart).marker.symbol) == ("circle", "circle-open", "circle-open")
    assert LIGHT.ok not in chart.figure.to_json()


def test_a_group_with_too_few_rows_has_words_and_a_dashed_line_instead_of_a_dot() -> None:
    chart = group_dots(
        [mark("f", 60, 100), mark("x", 3, 3, lacking="not enough data: n 3, 30 needed")],
        palette=LIGHT,
        title="Share approved",
    )
    assert list(dots(chart).x) == pytest.approx([0.6])
    assert [shape.line.dash for shape in chart.figure.layout.shapes] == ["dash"]
    assert "not enough data: n 3, 30 needed" in [note.text for note in chart.figure.layout.annotations]
    assert chart.alt.endswith("Not enough data: x.")


@pytest.mark.parametrize("marks", [[], [mark("x", 0, 0, lacking="not enough data: n 0, 30 needed")]])
def test_where_no_group_can_be_told_the_words_say_so(marks: list[GroupMark]) -> None:
    chart = group_dots(marks, palette=LIGHT, title="Share approved")
    assert chart.alt.startswith("Share approved by group: no group can be told.")
    assert len(dots(chart).x) == 0


def test_a_small_spread_is_not_blown_up_to_look_like_a_gap() -> None:
    chart = group_dots([mark("f", 50_000, 100_000), mark("m", 50_010, 100_000)], palette=LIGHT, title="Share")
    low, high = chart.figure.layout.xaxis.range
    assert high - low >= 0.02


def test_names_from_data_are_escaped_and_long_ones_cut() -> None:
    chart = group_dots([mark(HOSTILE, 60, 100), mark("a" * 80, 50, 100)], palette=LIGHT, title=HOSTILE)
    assert "<a" not in chart.figure.to_json()
    assert max(map(len, chart.figure.layout.yaxis.ticktext)) <= 40


@pytest.mark.parametrize(("low", "high"), [(-0.3, 0.3), (-0.001, 0.002), (0.0, 1.0), (-1.0, 1.0)])
def test_ticks_of_points_lie_inside_are_few_and_carry_the_unit(low: float, high: float) -> None:
    values, texts = point_ticks(low, high)
    assert 2 <= len(values) <= 6
    assert all(low - 1e-9 <= value <= high + 1e-9 for value in values)
    for value, text in zip(values, texts, strict=True):
        assert float(text.removesuffix(" pp").replace("−", "-")) == pytest.approx(value * 100)


def test_an_axis_in_points_leaves_room_above_for_words() -> None:
    gap = Measure(
        family=Family.FAIRNESS, measure="gap", value=0.02, n=10, convention="", interval=Interval(low=0.0, high=0.04)
    )
    points = positions([None], ["rows 0 to 9"], [0], [True])
    chart = trend_chart([gap], points, palette=LIGHT, title="Gap", written=["+2.0 pp"])
    low, high = in_points(chart, palette=LIGHT, low=-0.05, high=0.05).figure.layout.yaxis.range
    assert (-0.05 - low) < (high - 0.05)
