"""A chart report drawn, with its marks listed, its numbers, and a file of them."""

from __future__ import annotations

from datetime import UTC

import streamlit as st

from core.charts.control import control_chart
from core.charts.control_plot import ChartLines, LaneMark, PlotPoint, Since, SpreadPanel
from core.report.spreadsheet import as_csv
from core.services.chart_marks import ChartMark
from core.services.chart_options import ChartType
from core.services.chart_report import ChartPoint, ChartReport
from core.services.observations import WindowInfo
from dashboard.components.chart_words import axis_of, pattern, series_label, side, unit_of, value_words
from dashboard.components.numbers import show_chart, show_numbers
from dashboard.text import DASH, MINUS, capital, count, day, first_day, instant, muted, plain, window_name
from dashboard.theme import palette

__all__ = ["chart_csv", "show_control_chart"]

TITLES = {
    ChartType.EWMA: "EWMA of {} by {}, in sigma",
    ChartType.CUSUM: "CUSUM of {} by {}: sums upwards and downwards, in sigma",
}
MOST_MARKS = 12


def show_control_chart(report: ChartReport) -> None:
    """The figure in its card, what its signs mean, the list of marks, the numbers and their file."""
    with st.container(border=True, gap="small"):
        marks = _placed(report)
        show_chart(_drawn(report, marks), key="control_chart")
        _list_marks(marks)
        st.markdown(muted(_legend(report)))
        with st.container(horizontal=True, vertical_alignment="top"):
            with st.container(width="stretch"):
                _numbers(report)
            _file(report)


def _drawn(report: ChartReport, marks: list[tuple[LaneMark, ChartMark]]) -> object:
    name, options = report.series, report.options
    is_memory = options.chart is not ChartType.SHEWHART
    unit = unit_of(report.context)
    title = TITLES.get(options.chart, "{} by {}").format(series_label(name), unit)
    points = [_plotted(report, point) for point in report.points]
    focus = report.context.focus
    place = next((i for i, p in enumerate(report.points) if not p.at.of_reference and p.at.window == focus), None)
    last = next((p for p in reversed(report.points) if p.centre is not None), None)
    centre = "0" if is_memory else value_words(name, last.centre if last else None)
    return control_chart(
        points,
        palette=palette(),
        title=title,
        axis="sigma" if is_memory else axis_of(name),  # type: ignore[arg-type]
        lines=ChartLines(centre=("centre", centre) if is_memory else ("expected", centre)),
        since=_since(report),
        spread=_spread(report),
        marks=[mark for mark, _ in marks],
        focus=None if is_memory else place,
        zones=not is_memory,
        rows_title=f"Records by {unit}" if name.measure == "count" else f"Rows it rests on, by {unit}",
    )


def _plotted(report: ChartReport, point: ChartPoint) -> PlotPoint:
    return PlotPoint(
        value=point.statistic,
        centre=point.centre,
        low=point.low,
        high=point.high,
        n=point.n,
        said="\n".join(_said(report, point)),
        tick=tick(point.at.window),
        is_reference=point.at.of_reference,
        is_base=point.is_base,
        is_excluded=point.exclusion is not None,
        signals=point.signals and point.exclusion is None,
        rules=",".join(str(rule.number) for rule in point.rules) if report.options.chart is ChartType.SHEWHART else "",
        low_value=point.low_statistic,
        is_young=report.series.waits(point.at.window) and not point.at.of_reference,
    )


def _said(report: ChartReport, point: ChartPoint) -> list[str]:
    name = report.series
    lines = [f"{capital(window_name(point.at.window.window))}{', reference' if point.at.of_reference else ''}"]
    if point.value is None:
        return [*lines, "labels still arriving" if not point.at.window.is_mature else "no value"]
    lines.append(f"{value_words(name, point.value)}, n {count(point.n)}")
    if report.options.chart is ChartType.SHEWHART and point.low is not None and point.high is not None:
        lines.append(f"limits {value_words(name, point.low)} to {value_words(name, point.high)}")
    lines += [pattern(report, rule) for rule in point.rules]
    if point.exclusion is not None:
        lines.append(f"left out of phase I: {point.exclusion.reason}")
    return lines


def _since(report: ChartReport) -> Since | None:
    found = report.since
    if found is None:
        return None
    start = report.points[found.first].at.window
    return Since(first=found.first, earliest=found.earliest, latest=found.latest, words=f"off since {tick(start)}")


def _spread(report: ChartReport) -> SpreadPanel | None:
    found = report.companion
    if found is None:
        return None
    return SpreadPanel(
        title=found.title,
        values=found.values,
        centres=found.centres,
        highs=found.highs,
        lows=found.lows,
        signals=found.signals,
    )


def _placed(report: ChartReport) -> list[tuple[LaneMark, ChartMark]]:
    """Deployments and decisions that fall into production's windows, numbered in the order of time."""
    found: list[tuple[LaneMark, ChartMark]] = []
    for mark in report.marks:
        place = _place(report, mark)
        if place is None:
            continue
        words = f"{day(mark.at)} {mark.words}"
        number = len(found) + 1
        found.append((LaneMark(number=number, place=place, words=words, is_deployment=mark.is_deployment), mark))
    return found


def _place(report: ChartReport, mark: ChartMark) -> int | None:
    for place, point in enumerate(report.points):
        window = point.at.window.window
        if point.at.of_reference or window.start_at is None or window.end_at is None:
            continue
        if window.start_at <= mark.at < window.end_at:
            return place
    return None


def _list_marks(marks: list[tuple[LaneMark, ChartMark]]) -> None:
    lines = []
    for lane, mark in marks[:MOST_MARKS]:
        badge = f":blue-badge[{lane.number}]" if mark.is_deployment else f":gray-badge[{lane.number}]"
        lines.append(f"{badge} {day(mark.at.astimezone(UTC))} {plain(mark.words)}")
    if len(marks) > MOST_MARKS:
        lines.append(muted(f"and {len(marks) - MOST_MARKS} more"))
    if lines:
        st.markdown("  \n".join(lines))


def _legend(report: ChartReport) -> str:
    if report.options.chart is not ChartType.SHEWHART:
        memory = "sums" if report.options.chart is ChartType.CUSUM else "average"
        return (
            f"Dotted: limits of the {memory}. Diamond: beyond them. Each window enters as its distance from what is "
            "expected, in standard errors. Open: the reference. Crossed: left out of phase I."
        )
    return (
        "Dotted: limits at each window's rows; shaded: one, two and three sigma. Dashed: what is expected. Diamond, "
        "with the rule's number: a signal. Open: the reference. Crossed: left out of phase I. Square: a version, "
        "circle: a decision."
    )


HEADER = ["Window", "Phase", "Value", "Expected", "Lower limit", "Upper limit", "Sigma", "n", "Signal"]


def _row(report: ChartReport, point: ChartPoint) -> list[str]:
    name = report.series
    is_memory = report.options.chart is not ChartType.SHEWHART
    limits = (point.low, point.high)
    shown = [_sigmas(end) if is_memory else value_words(name, end) for end in limits]
    return [
        f"{capital(window_name(point.at.window.window))}{' (reference)' if point.at.of_reference else ''}",
        point.phase,
        value_words(name, point.value),
        value_words(name, point.expected),
        *shown,
        _sigmas(point.score),
        count(point.n),
        "; ".join(f"{rule.label}, {side(point)}".rstrip(", ") for rule in point.rules),
    ]


def _sigmas(value: float | None) -> str:
    return DASH if value is None else f"{value:+.2f}".replace("-", MINUS)


def _numbers(report: ChartReport) -> None:
    rows = [_row(report, point) for point in report.points]
    show_numbers(HEADER, rows, alt=f"{series_label(report.series)} of every window")


FILED = ("window", "role", "starts_at", "phase", "value", "expected", "lower", "upper", "score", "n", "rules")


def chart_csv(report: ChartReport) -> bytes:
    """Every point with its limits and signals, unrounded; no cell is read as a formula."""
    rows = [
        [
            point.at.window.name,
            point.at.role,
            _start(point.at.window),
            point.phase,
            point.value,
            point.expected,
            point.low,
            point.high,
            point.score,
            point.n,
            " ".join(point.rules),
        ]
        for point in report.points
    ]
    return as_csv((list(FILED), rows))


def _file(report: ChartReport) -> None:
    st.download_button(
        "CSV",
        chart_csv(report),
        file_name="control-chart.csv",
        mime="text/csv",
        icon=":material/download:",
        type="tertiary",
        key="chart_csv",
        help="All points with their limits and signals, unrounded",
    )


def _start(window: WindowInfo) -> str:
    start = window.window.start_at
    return "" if start is None else start.astimezone(UTC).isoformat()


def tick(window: WindowInfo) -> str:
    """A window's name, short enough for an axis."""
    first = first_day(window.window)
    if first is None:
        return window.name
    return instant(window.window.start_at).replace(" UTC", "") if "T" in window.name else day(first)
