"""A measure by window: line, interval, limits, verdicts, and what is not judged yet."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from core.charts.frame import LIGHT, Chart
from core.charts.trend import Limit, Point, positions, trend_chart
from core.measure import Family, Interval, Measure, Status

START = datetime(2026, 1, 5, tzinfo=UTC)
UNDEFINED = Measure(
    family=Family.PERFORMANCE, measure="m", value=None, n=0, convention="", status=Status.UNDEFINED, why="No label."
)


def value(number: float, status: Status = Status.OK) -> Measure:
    return Measure(
        family=Family.PERFORMANCE,
        measure="m",
        value=number,
        n=10,
        convention="",
        status=status,
        interval=Interval(low=number - 0.1, high=number + 0.1),
    )


def weeks(n: int, *, mature: int | None = None) -> list[Point]:
    return [
        Point(at=START + timedelta(weeks=k), name=f"w{k}", is_mature=mature is None or k < mature) for k in range(n)
    ]


def drawn(measures: list[Measure], points: list[Point] | None = None, **options: object) -> Chart:
    return trend_chart(
        measures,
        points or weeks(len(measures)),
        palette=LIGHT,
        title="M",
        written=[f"M {place}" for place in range(len(measures))],
        **options,  # type: ignore[arg-type]
    )


def lines(chart: Chart) -> list[list[float | None]]:
    return [list(trace.y) for trace in chart.figure.data if trace.mode in ("lines+markers", "lines") and not trace.fill]


def bands(chart: Chart) -> list[list[float]]:
    return [list(trace.y) for trace in chart.figure.data if trace.fill == "toself" and not trace.yaxis]


def test_a_window_without_value_breaks_line_and_band() -> None:
    chart = drawn([value(1.0), value(2.0), UNDEFINED, value(3.0), value(4.0)])
    assert lines(chart) == [[1.0, 2.0, None, 3.0, 4.0]]
    assert bands(chart) == [[1.1, 2.1, 1.9, 0.9], [3.1, 4.1, 3.9, 2.9]]
    assert chart.figure.data[-1].connectgaps in (False, None)


def test_windows_whose_labels_are_still_coming_are_open_and_not_on_the_line() -> None:
    chart = drawn([value(1.0), value(2.0), value(3.0)], weeks(3, mature=2))
    assert lines(chart) == [[1.0, 2.0, None]]
    early = [trace for trace in chart.figure.data if trace.marker.symbol == "circle-open"]
    assert [list(trace.y) for trace in early] == [[3.0]]
    assert "labels incomplete" in early[0].text[0]
    assert "labels still<br>arriving" in [annotation.text for annotation in chart.figure.layout.annotations]


def test_the_hatched_zone_covers_the_windows_it_speaks_of_be_it_one() -> None:
    for mature in (1, 2):
        chart = drawn([value(1.0), value(2.0), value(3.0)], weeks(3, mature=mature))
        zone = next(trace for trace in chart.figure.data if trace.fillpattern.shape == "/")
        week = 7 * 24 * 3_600_000
        start, end = min(zone.x), max(zone.x)
        assert end - start == (3 - mature) * week
        assert start < (START + mature * timedelta(weeks=1)).timestamp() * 1_000 < end


def test_estimates_are_dashed_between_dotted_limits_and_break_where_one_is_withheld() -> None:
    estimates = [value(1.0), UNDEFINED, value(3.0)]
    chart = drawn([value(1.5), UNDEFINED, UNDEFINED], estimates=estimates, estimates_written=["E 0", "—", "E 2"])
    by_dash = {trace.line.dash: list(trace.y) for trace in chart.figure.data if trace.line.dash}
    assert by_dash["4px,3px"] == [1.0, None, 3.0]
    dotted = [list(trace.y) for trace in chart.figure.data if trace.line.dash == "dot"]
    assert dotted == [[0.9, None, 2.9], [1.1, None, 3.1]]
    assert "estimated without labels in 2 windows" in chart.alt
    [dashed] = [trace for trace in chart.figure.data if trace.line.dash == "4px,3px"]
    assert dashed.text[2] == "w2<br>E 2, estimated"


def test_alarms_have_a_shape_as_well_as_a_colour() -> None:
    chart = drawn(
        [value(1.0, Status.CRITICAL), value(2.0, Status.WARNING), value(3.0), value(4.0, Status.INSUFFICIENT)]
    )
    marked = {
        trace.marker.symbol: list(trace.y)
        for trace in chart.figure.data
        if trace.marker.symbol in ("circle", "diamond")
    }
    assert marked == {"circle": [1.0], "diamond": [2.0]}


def test_only_a_crossed_limit_is_red() -> None:
    limits = [Limit(value=0.9, words=("margin", "0.90"), is_crossed=True), Limit(value=5.0, words=("upper", "5"))]
    chart = drawn([value(1.0)], reference=Limit(value=1.0, words=("reference", "1")), limits=limits)
    found = {shape.y0: (shape.line.color, shape.line.dash) for shape in chart.figure.layout.shapes}
    assert found == {0.9: (LIGHT.critical, "dot"), 5.0: (LIGHT.muted, "dot"), 1.0: (LIGHT.reference, "dash")}


def test_words_at_the_ends_of_close_lines_do_not_overlap() -> None:
    limits = [Limit(value=1.0 + place / 1000, words=(f"limit {place}", "1.00")) for place in range(3)]
    chart = drawn([value(0.0), value(2.0)], limits=limits, height=220)
    heights = [note.y for note in chart.figure.layout.annotations if "limit" in note.text]
    span = 2.2
    pixels = [(late - early) / span * (220 - 40) for early, late in pairwise(sorted(heights))]
    assert min(pixels) >= 29


@pytest.mark.parametrize("n", [0, 1])
def test_no_window_and_one_window_are_drawn(n: int) -> None:
    chart = drawn([value(1.0)] * n)
    assert f"M: {n} windows" in chart.alt


def test_windows_of_rows_lie_at_their_number() -> None:
    points = positions([None, None], ["rows 0 to 9", "rows 10 to 19"], [0, 1], [True, True])
    chart = drawn([value(1.0), value(2.0)], list(points))
    assert list(chart.figure.data[-1].x) == [0, 1]
    assert chart.figure.layout.xaxis.type == "linear"


def test_the_words_say_first_and_last() -> None:
    chart = drawn([UNDEFINED, value(1.0), value(2.0), UNDEFINED])
    assert chart.alt == "M: 2 windows, first M 1 (w1), last M 2 (w2)."


def test_the_window_looked_at_is_ringed_unless_it_has_no_value() -> None:
    def rings(focus: int) -> list[float]:
        chart = drawn([value(1.0), UNDEFINED], focus=focus)
        return [trace.y[0] for trace in chart.figure.data if trace.marker.size == 11]

    assert rings(0) == [1.0]
    assert rings(1) == []


def test_text_from_data_cannot_be_markup() -> None:
    point = replace(weeks(1)[0], name="<script>alert(1)</script>")
    chart = drawn([value(1.0)], [point])
    assert any("&lt;script&gt;" in str(trace.text) for trace in chart.figure.data)
    assert all("<script" not in str(trace.text) for trace in chart.figure.data)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Los_Angeles"])
def test_over_a_short_time_ticks_stand_at_windows_and_name_their_local_day(zone: str) -> None:
    starts = [datetime(2026, 8, 24, tzinfo=ZoneInfo(zone)) + timedelta(weeks=k) for k in range(5)]
    points = positions([start.astimezone(UTC) for start in starts], ["w"] * 5, list(range(5)), [True] * 5)
    axis = drawn([value(1.0)] * 5, list(points)).figure.layout.xaxis
    assert list(axis.ticktext) == ["24 Aug", "31 Aug", "7 Sep", "14 Sep", "21 Sep"]
    assert len(axis.tickvals) == 5


def test_over_a_long_time_ticks_are_few_months() -> None:
    axis = drawn([value(1.0)] * 26).figure.layout.xaxis
    assert (axis.tickvals, axis.tickformat, axis.nticks) == (None, "%b", 6)


def test_many_days_have_at_most_six_ticks() -> None:
    days = [Point(at=START + timedelta(days=k), name="d") for k in range(60)]
    assert len(drawn([value(1.0)] * 60, days).figure.layout.xaxis.tickvals) == 6


def test_what_was_done_is_marked_where_it_was_done() -> None:
    points = positions([None] * 3, ["a", "b", "c"], [0, 1, 2], [True] * 3)
    gap = Measure(family=Family.FAIRNESS, measure="gap", value=0.1, n=10, convention="")
    chart = trend_chart([gap] * 3, points, palette=LIGHT, title="Gap", written=["x"] * 3, marks=[(1, "v7 <b>")])
    assert [shape.x0 for shape in chart.figure.layout.shapes] == [1]
    assert "v7 &lt;b&gt;" in [note.text for note in chart.figure.layout.annotations]
    assert chart.alt.endswith("; v7 <b> from b.")
