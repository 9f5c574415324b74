"""The timeline: a measure, the records behind it and numbered marks, on one axis."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from core.charts.frame import DARK, LIGHT, Chart
from core.charts.timeline import Mark, merged, timeline_chart
from core.charts.trend import Limit, Point
from core.measure import Family, Interval, Measure, Status

LANES = ("Versions", "Inputs", "Outcomes")
START = datetime(2026, 3, 30, tzinfo=UTC)


def points(n: int) -> list[Point]:
    return [Point(at=START + timedelta(weeks=place), name=f"week {place}") for place in range(n)]


def measures(n: int, *, status: Status = Status.OK) -> list[Measure]:
    return [
        Measure(
            family=Family.PERFORMANCE,
            measure="roc_auc",
            value=0.8 + place / 1000,
            n=100,
            convention="",
            status=status,
            interval=Interval(low=0.79 + place / 1000, high=0.82 + place / 1000),
        )
        for place in range(n)
    ]


def mark(
    number: int, first: int, *, last: int | None = None, lane: str = "Inputs", status: Status | None = None
) -> Mark:
    return Mark(number=number, lane=lane, first=first, last=first if last is None else last, words="w", status=status)


def drawn(n: int = 26, marks: list[Mark] | None = None, **options: object) -> Chart:
    values, at = options.pop("values", measures(n)), options.pop("at", points(n))
    return timeline_chart(
        values,  # type: ignore[arg-type]
        at,  # type: ignore[arg-type]
        [1_000 + place for place in range(n)],
        marks or [],
        palette=LIGHT,
        title="AUC, 95% interval",
        unit="week",
        lanes=LANES,
        written=[f"AUC {place}" for place in range(n)],
        **options,  # type: ignore[arg-type]
    )


def markers(chart: Chart) -> list[dict[str, object]]:
    """Every marker of a lane: its text, place, height, shape and colour."""
    return [
        {
            "text": trace.text[0],
            "x": trace.x[0],
            "y": trace.y[0],
            "symbol": trace.marker.symbol,
            "color": trace.marker.color,
        }
        for trace in chart.figure.data
        if trace.type == "scatter" and trace.mode == "markers+text"
    ]


def test_three_panels_share_one_time_axis_and_do_not_overlap() -> None:
    layout = drawn().figure.layout
    domains = [layout.yaxis.domain, layout.yaxis2.domain, layout.yaxis3.domain]
    assert domains[2][0] == 0
    assert domains[0][1] == 1
    assert domains[2][1] < domains[1][0] < domains[1][1] < domains[0][0]
    assert {trace.xaxis for trace in drawn().figure.data} <= {None, "x"}


def test_the_records_of_every_window_are_bars() -> None:
    bars = next(trace for trace in drawn().figure.data if trace.type == "bar")
    assert list(bars.y) == [1_000 + place for place in range(26)]
    assert bars.yaxis == "y2"
    assert bars.text[0] == "week 0<br>1,000 records"


def test_windows_that_are_not_judged_are_hatched_in_the_upper_panel_alone() -> None:
    young = [replace(point, is_mature=place < 21) for place, point in enumerate(points(26))]
    figure = drawn(at=young).figure
    [hatched] = [trace for trace in figure.data if trace.type == "scatter" and trace.fillpattern.shape]
    axis = figure.layout[hatched.yaxis.replace("y", "yaxis")]
    assert (axis.overlaying, axis.visible) == ("y", False)
    assert [trace.type for trace in figure.data if trace.yaxis == hatched.yaxis] == ["scatter"]
    assert figure.layout.yaxis2.overlaying is None, "the records' bars have a panel of their own"
    assert (figure.layout.yaxis.domain[0], figure.layout.yaxis2.domain[1]) == (
        drawn().figure.layout.yaxis.domain[0],
        drawn().figure.layout.yaxis2.domain[1],
    )


def test_each_mark_stands_in_its_lane_where_it_began_with_its_number() -> None:
    marks = [
        mark(1, 0, lane="Versions"),
        mark(2, 10, status=Status.CRITICAL),
        mark(3, 20, lane="Outcomes", status=Status.WARNING),
    ]
    found = markers(drawn(marks=marks))
    assert [(m["text"], m["x"], m["y"], m["symbol"]) for m in found] == [
        ("1", START, 2, "square"),
        ("2", START + timedelta(weeks=10), 1, "circle"),
        ("3", START + timedelta(weeks=20), 0, "diamond"),
    ]
    assert [m["color"] for m in found] == [LIGHT.current, LIGHT.critical, LIGHT.warning]
    assert list(drawn().figure.layout.yaxis3.ticktext) == list(LANES)


def test_what_lasted_is_a_bar_as_long_as_it_did() -> None:
    chart = drawn(marks=[mark(1, 4, last=9, status=Status.CRITICAL)])
    bar = next(trace for trace in chart.figure.data if trace.yaxis == "y3" and trace.mode == "lines")
    assert list(bar.x) == [START + timedelta(weeks=4), START + timedelta(weeks=9)]


def test_marks_too_close_to_stand_side_by_side_become_one_that_shows_the_worst() -> None:
    chart = drawn(marks=[mark(1, 3, status=Status.WARNING), mark(2, 4, status=Status.CRITICAL), mark(3, 12)])
    found = markers(chart)
    assert [(m["text"], m["symbol"]) for m in found] == [("1+", "circle"), ("3", "square")]


@given(st.lists(st.integers(0, 25), max_size=30))
def test_merging_loses_no_mark_and_leaves_none_too_close(firsts: list[int]) -> None:
    marks = [mark(number, first) for number, first in enumerate(firsts)]
    groups = merged(marks, points(26))
    assert sorted(m.number for group in groups for m in group) == [m.number for m in marks]
    starts = [group[0].first for group in groups]
    assert all((late - early) * 11 >= 25 for early, late in pairwise(starts))


def test_marks_of_one_window_that_is_all_there_is_become_one() -> None:
    assert len(markers(drawn(1, [mark(1, 0), mark(2, 0)]))) == 1


def test_without_a_value_the_records_and_marks_still_show() -> None:
    nothing = [replace(m, value=None, interval=None, status=Status.UNDEFINED, why="No label.") for m in measures(5)]
    chart = drawn(5, [mark(1, 2, status=Status.CRITICAL)], values=nothing)
    texts = [annotation.text for annotation in chart.figure.layout.annotations]
    assert "no value in any window" in texts
    assert len(markers(chart)) == 1
    assert "no window has a value" in chart.alt


def test_the_onset_goes_through_all_panels() -> None:
    lines = [shape for shape in drawn(onset=7).figure.layout.shapes if shape.yref == "paper"]
    assert [(line.x0, line.y0, line.y1) for line in lines] == [(START + timedelta(weeks=7), 0, 1)]


def test_the_words_say_what_the_picture_does() -> None:
    chart = drawn(marks=[mark(1, 2)], reference=Limit(value=0.81, words=("reference", "0.810")))
    assert "AUC, 95% interval: 26 windows, first AUC 0 (week 0), last AUC 25 (week 25)." in chart.alt
    assert "Records by week: 1,000 to 1,025." in chart.alt
    assert "1 marks, numbered as in the list below." in chart.alt
    assert "No version or alarm is marked." in drawn().alt


def test_text_from_data_cannot_be_markup() -> None:
    evil = replace(mark(1, 2), words="<a href='javascript:1'>x</a>")
    trace = next(t for t in drawn(marks=[evil]).figure.data if t.type == "scatter" and t.mode == "markers+text")
    assert trace.hovertext == "1 &lt;a href='javascript:1'&gt;x&lt;/a&gt;"


def test_the_dark_palette_is_used_throughout() -> None:
    chart = timeline_chart(
        measures(3),
        points(3),
        [1, 2, 3],
        [mark(1, 1)],
        palette=DARK,
        title="t",
        unit="week",
        lanes=LANES,
        written=["", "", ""],
    )
    assert LIGHT.current not in chart.figure.to_json()
