"""Drift drawn: which columns moved and how far, and what moved inside one."""

from __future__ import annotations

from core.charts.drift import column_dots, share_bars
from core.charts.frame import LIGHT, Chart
from core.drift.shares import BinShare
from core.measure import Family, Interval, Measure, Status
from core.stats.binning import Special


def psi(column: str, value: float | None, status: Status, interval: Interval | None = None) -> Measure:
    return Measure(
        family=Family.DATA_DRIFT, measure="psi", value=value, n=10, convention="", status=status, why="w",
        column=column, interval=interval,
    )  # fmt: skip


def dots(*columns: Measure) -> Chart:
    written = ["—" if column.value is None else f"{column.value:.2f}" for column in columns]
    return column_dots(list(columns), palette=LIGHT, written=written)


MOVED = psi("a", 0.4, Status.CRITICAL, Interval(low=0.3, high=0.5))
CHANGED = psi("b", 0.2, Status.WARNING, Interval(low=0.05, high=0.3))
STILL = psi("c", 0.0, Status.OK, Interval(low=0.0, high=0.01))
UNKNOWN = psi("d", None, Status.UNDEFINED)


def test_shape_and_colour_carry_the_verdict() -> None:
    chart = dots(MOVED, CHANGED, STILL)
    marks = next(trace for trace in chart.figure.data if trace.mode == "markers")
    assert list(marks.marker.symbol) == ["circle", "diamond", "circle-open"]
    assert list(marks.marker.color) == [LIGHT.critical, LIGHT.warning, LIGHT.faint]
    assert list(marks.marker.line.color) == list(marks.marker.color)


def test_columns_stand_in_the_order_given_from_the_top() -> None:
    chart = dots(MOVED, CHANGED, STILL)
    axis = chart.figure.layout.yaxis
    assert dict(zip(axis.ticktext, axis.tickvals, strict=True)) == {"a": 2, "b": 1, "c": 0}
    marks = next(trace for trace in chart.figure.data if trace.mode == "markers")
    assert list(marks.y) == [2, 1, 0]


def test_a_column_without_value_is_named_and_has_no_dot() -> None:
    chart = dots(MOVED, UNKNOWN)
    marks = next(trace for trace in chart.figure.data if trace.mode == "markers")
    assert list(marks.x) == [0.4]
    assert "no value" in [annotation.text for annotation in chart.figure.layout.annotations]


def test_intervals_are_drawn_and_fit_on_the_axis() -> None:
    chart = dots(MOVED, CHANGED)
    spans = [list(trace.x) for trace in chart.figure.data if trace.mode == "lines"]
    assert spans == [[0.3, 0.5], [0.05, 0.3]]
    low, high = chart.figure.layout.xaxis.range
    assert low < 0
    assert high > 0.5
    assert dots(STILL).figure.layout.xaxis.range[1] >= 0.05, "what hardly moved doesn't fill the axis"


def test_no_column_at_all_is_drawn_too() -> None:
    chart = dots()
    assert chart.alt.endswith("None has an alarm.")


def test_the_words_name_the_columns_with_an_alarm() -> None:
    assert dots(MOVED, CHANGED, STILL).alt.endswith("With an alarm: a, b.")


def test_long_and_evil_names_are_shortened_and_harmless() -> None:
    chart = dots(psi("<b>" + "x" * 100, 0.4, Status.CRITICAL))
    tick = chart.figure.layout.yaxis.ticktext[0]
    assert tick.startswith("&lt;b&gt;xx")
    assert tick.endswith("…")
    assert all("<b>x" not in str(trace.text) for trace in chart.figure.data)


def share(name: str, reference: float, current: float, *, low: float | None = None, **more: object) -> BinShare:
    return BinShare(
        name=name,
        n_reference=int(1_000 * reference),
        n_current=int(100 * current),
        reference=reference,
        current=current,
        low=low,
        **more,  # type: ignore[arg-type]
    )


def test_shares_are_bars_for_the_window_and_dashes_for_the_reference() -> None:
    chart = share_bars(
        [share("a", 0.6, 0.1), share("b", 0.4, 0.9)], palette=LIGHT, column="colour", current_name="week of 5 Jan"
    )
    assert list(chart.figure.data[0].y) == [0.1, 0.9]
    assert [shape.y0 for shape in chart.figure.layout.shapes] == [0.6, 0.4]
    assert chart.alt == "Shares of colour in 2 bins. The largest difference is a: 60.0% to 10.0%."


def test_a_side_without_rows_leaves_nothing_to_draw() -> None:
    empty = BinShare(name="a", n_reference=10, n_current=0, reference=1.0, current=None)
    chart = share_bars([empty], palette=LIGHT, column="colour", current_name="w")
    assert len(chart.figure.data[0].y or ()) == 0
    assert chart.alt == "Shares of colour in 0 bins."


def test_numeric_bins_are_labelled_at_their_left_edge_and_missing_by_name() -> None:
    bins = [share(f"{1000 * k} to", 0.1, 0.05, low=1000.0 * k) for k in range(10)]
    missing = share("Missing", 0.0, 0.5, special=Special.MISSING)
    axis = share_bars([*bins, missing], palette=LIGHT, column="income", current_name="w").figure.layout.xaxis
    ticks = dict(zip(axis.ticktext, axis.tickvals, strict=True))
    assert ticks["0"] == -0.5
    assert ticks["3k"] == 2.5
    assert ticks["Missing"] == 10


def test_names_of_categories_cannot_be_markup() -> None:
    chart = share_bars([share("<i>x</i>", 0.5, 0.5)], palette=LIGHT, column="c", current_name="<u>w</u>")
    assert "<i>" not in str(chart.figure.layout.xaxis.ticktext)
    assert "<i>" not in str(chart.figure.data[0].text)
    assert "<u>" not in str(chart.figure.data[0].text)
