"""A control chart draws the reference's windows, then production's, each between its own limits."""

from __future__ import annotations

import pytest

from core.charts.control import control_chart
from core.charts.frame import LIGHT
from core.spc.attributes import p_chart

REFERENCE = ([10, 12, 9, 11, 10, 8, 10], [100] * 7)
HOSTILE = "<a href='http://evil'>x</a>"


def chart_of(k: list[int], n: list[int], *, names: list[str] | None = None, focus: int | None = None):
    names = names or [f"day {place}" for place in range(len(k))]
    reference_names = [f"before {place}" for place in range(7)]
    charts = [
        p_chart(a, b, reference_k=REFERENCE[0], reference_n=REFERENCE[1], names=of, unit="day")
        for a, b, of in ((k, n, names), (*REFERENCE, reference_names))
    ]
    return charts[0], control_chart(
        charts[0],
        reference=charts[1].points,
        names=names,
        reference_names=reference_names,
        ticks=[*reference_names, *names],
        palette=LIGHT,
        title="Error rate by day",
        focus=focus,
    )


def test_shares_limits_and_rows_of_both_phases_are_drawn_in_order() -> None:
    chart, drawn = chart_of([10, 40], [100, 400])
    low, high, before, after, bars = (drawn.figure.data[place] for place in (0, 1, 2, 3, -1))
    assert list(before.y) == pytest.approx([k / 100 for k in REFERENCE[0]])
    assert list(after.y) == pytest.approx([0.1, 0.1])
    assert list(after.x) == [7, 8]
    assert [high.y[7], high.y[8]] == pytest.approx([chart.points[0].high, chart.points[1].high])
    assert high.y[8] - low.y[8] < high.y[7] - low.y[7]
    assert list(bars.y) == [100] * 7 + [100, 400]


def test_a_signal_is_a_diamond_and_named_in_the_words() -> None:
    _, drawn = chart_of([10, 40], [100, 100], focus=1)
    scatters = [trace for trace in drawn.figure.data if trace.type == "scatter"]
    diamonds = [trace for trace in scatters if trace.marker.symbol == "diamond"]
    assert [(list(trace.x), list(trace.y)) for trace in diamonds] == [([8], [0.4])]
    assert drawn.alt.endswith("Outside: day 1.")


def test_a_window_without_rows_leaves_a_gap_and_no_zero() -> None:
    _, drawn = chart_of([10, 0, 12], [100, 0, 100])
    assert list(drawn.figure.data[3].y) == [pytest.approx(0.1), None, pytest.approx(0.12)]
    assert "then 2 of production" in drawn.alt
    assert drawn.alt.endswith("None of production is marked outside.")


def test_names_from_data_are_escaped() -> None:
    _, drawn = chart_of([10], [100], names=[HOSTILE])
    assert "<a" not in drawn.figure.to_json()
