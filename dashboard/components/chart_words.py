"""Series, values and signals of control charts in words; plain text, which whoever shows it escapes."""

from __future__ import annotations

from core.services.chart_phases import Place
from core.services.chart_report import ChartPoint, ChartReport
from core.services.chart_series import MEAN_SCORE, VOLUME, SeriesName
from core.services.observations import Context, WindowInfo
from core.spc.rules import Rule
from dashboard.components.measures import dated
from dashboard.text import DASH, MINUS, capital, count, measure_name, number, plural, signed, window_name

__all__ = [
    "axis_of",
    "lying",
    "pattern",
    "place_name",
    "series_label",
    "series_name",
    "side",
    "since_words",
    "unit_of",
    "value_words",
]

MISSING, MEAN, MEASURE, GAP = "missing: ", "mean: ", "measure: ", "gap: "


def series_name(name: SeriesName) -> str:
    """A series inside a sentence: 'the missing share of income', 'AUC'."""
    if name.name.startswith(MEASURE):
        return measure_name(name.column)
    if name.name.startswith(MISSING):
        return f"the missing share of {name.column}"
    if name.name.startswith(MEAN):
        return f"the mean of {name.column}"
    if name.name == MEAN_SCORE:
        return "the mean score"
    if name.name == VOLUME:
        return "the number of records"
    if name.group:
        rate = f"the share {name.word} of {name.column} = {name.group}"
        return f"{rate} less that of all others" if name.name.startswith(GAP) else rate
    return f"the {name.name}"


def series_label(name: SeriesName) -> str:
    """A series in a selector, and in the address."""
    return capital(measure_name(name.column)) if name.name.startswith(MEASURE) else capital(name.name)


def unit_of(context: Context) -> str:
    """What one window is called."""
    return "window" if " " in context.unit else context.unit


def value_words(name: SeriesName, value: float | None) -> str:
    """A value of the series, with digits enough for a rare share.

    Examples
    --------
    >>> from core.services.chart_series import SeriesFamily
    >>> rate = SeriesName(name="error rate", family=SeriesFamily.OUTCOMES, measure="")
    >>> value_words(rate, 0.176), value_words(rate, 0.0042), value_words(rate, None)
    ('17.6%', '0.42%', '—')
    """
    if value is None:
        return DASH
    if name.measure == "":
        return f"{value:.2%}" if abs(value) < 0.1 else number(value)
    if name.measure == "difference":
        return signed(value)
    if name.measure == "count":
        return count(round(value))
    if name.measure == "value":
        return f"{value:,.4g}".replace("-", MINUS) if abs(value) < 1e4 else f"{value:,.0f}".replace("-", MINUS)
    return number(value, name.measure)


def axis_of(name: SeriesName) -> str:
    """How the vertical axis is written."""
    return {"": "percent", "difference": "points", "count": "count"}.get(name.measure, "number")


def place_name(place: Place, context: Context) -> str:
    """A window that a phase names, as the screens say it."""
    windows: tuple[WindowInfo, ...] = context.reference_windows if place.role == "reference" else context.windows
    found = next((window for window in windows if window.window.key == place.key), None)
    return place.name if found is None else window_name(found.window)


def pattern(report: ChartReport, rule: Rule) -> str:
    """What made a point signal."""
    return rule.words if report.options.chart == "shewhart" else f"{report.options.chart.upper()} beyond its limit"


def lying(report: ChartReport) -> str:
    """How many windows signal after phase I, by which rules, and the first of them."""
    n, unit = len(report.later), unit_of(report.context)
    by_rule = {rule: [p for p in report.signals if rule in p.rules] for rule in Rule}
    parts = []
    for rule, points in by_rule.items():
        if not points:
            continue
        first = f"{'first ' if len(points) > 1 else ''}{dated(points[0].at.window)}"
        parts.append(f"{pattern(report, rule)} in {len(points)} of {plural(n, unit)}, {first}")
    return "; ".join(parts)


def side(point: ChartPoint) -> str:
    """Above or below the centre."""
    return {1: "above", -1: "below"}.get(point.side, "")


def since_words(report: ChartReport) -> str:
    """Since when the level is off, between which windows it changed, and where it lies; '' where it isn't."""
    found = report.since
    if found is None:
        return ""
    at = [report.points[place].at.window for place in (found.first, found.earliest, found.latest)]
    between = "" if at[1] == at[2] else f" (it changed between {dated(at[1])} and {dated(at[2])})"
    later = [p for p in report.points[found.first :] if p.value is not None and p.expected is not None]
    level = sum(p.value or 0.0 for p in later) / len(later)
    expected = sum(p.expected or 0.0 for p in later) / len(later)
    name = report.series
    return (
        f"Since {dated(at[0])}{between} it lies at {value_words(name, level)}, {value_words(name, expected)} expected."
    )
