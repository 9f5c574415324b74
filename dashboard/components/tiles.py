"""Tiles: a value with its interval, its margin, a line of windows and a chip; and the five that a model has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from core.charts.sparkline import sparkline
from core.measure import Family, Interval, Measure, Status
from core.services.fleet import FamilyVerdict, ModelSummary
from dashboard.components.measures import NOT_YET, differs
from dashboard.components.summary import (
    FAMILY_NAMES,
    columns_out,
    format_key,
    gap_name,
    in_points,
    shown,
    unjudged_words,
)
from dashboard.text import DASH, FEW, chip, count, headline, in_cell, measure_name, muted, number, plain, signed
from dashboard.theme import palette

__all__ = ["Tile", "model_tiles", "performance_line", "show_tiles"]

PAGES = {
    Family.PERFORMANCE: "views/performance.py",
    Family.CONCEPT_DRIFT: "views/concept.py",
    Family.DATA_DRIFT: "views/drift.py",
    Family.FAIRNESS: "views/fairness.py",
    Family.DATA_QUALITY: "views/quality.py",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One tile. Lines and chip are Markdown already escaped; the line is SVG, with its words."""

    title: str
    page: str
    value: str
    lines: tuple[str, ...]
    chip: str
    line: str = ""
    alt: str = ""


def show_tiles(tiles: Sequence[Tile], *, parameters: dict[str, str]) -> None:
    """The tiles side by side; each title leads to the page that says more."""
    grid = st.grid(len(tiles), min_column_width=150, border=True, key="tiles")
    for tile in tiles:
        with grid.cell(), st.container(gap="xxsmall"):
            st.page_link(tile.page, label=f":blue[**{tile.title}**]", query_params=parameters)
            st.metric(tile.title, tile.value, label_visibility="collapsed")
            st.markdown("  \n".join(muted(line) for line in tile.lines))
            if tile.line:
                st.image(tile.line, width="stretch", alt=tile.alt)
            st.markdown(tile.chip)


def performance_line(summary: ModelSummary, measure: Measure, *, width: int = 140) -> str:
    """A measure's windows up to the one looked at, with the reference's interval and the end of the margin."""
    report, name = summary.performance, measure.measure
    if report.focus is None:
        return ""
    place = summary.context.windows.index(report.focus)
    reference = next((m for m in report.reference if m.measure == name and not m.column), None)
    windows = list(zip(report.series(name), summary.context.windows, strict=True))[: place + 1]
    return sparkline(
        [m.value if window.is_mature or window is report.focus else None for m, window in windows],
        palette=palette(),
        status=shown(summary, measure.status),
        band=reference.interval if reference else None,
        limit=summary.limit_of(measure),
        width=width,
    )


def model_tiles(summary: ModelSummary) -> tuple[Tile, ...]:
    """Performance, concept, drift, fairness and data quality."""
    makers = {
        Family.PERFORMANCE: _performance,
        Family.CONCEPT_DRIFT: _concept,
        Family.DATA_DRIFT: _drift,
        Family.FAIRNESS: _fairness,
        Family.DATA_QUALITY: _quality,
    }
    verdicts = {verdict.family: verdict for verdict in summary.verdicts}
    return tuple(make(summary, verdicts[family]) for family, make in makers.items())


def _performance(summary: ModelSummary, verdict: FamilyVerdict) -> Tile:
    measure = verdict.measure if verdict.is_alarm else summary.primary
    if measure is None or measure.value is None:
        return _without(summary, verdict, measure.why if measure else "No label has come.")
    name = measure.measure
    lines = [
        measure_name(name),
        in_cell(measure.interval, name) or "no interval",
        f"reference {number(measure.reference, name)}" if measure.reference is not None else "the reference itself",
    ]
    if measure.margin is not None:
        lines.append(f"margin {in_points(measure.margin, name)}")
    lines.append(f"n {count(measure.n)}")
    line = performance_line(summary, measure)
    value = headline(measure.value, name, n=measure.n)
    words = NOT_YET if verdict.status is Status.OK and differs(measure) else None
    return _tile(summary, verdict, value, lines, (line, f"{measure_name(name)} by window"), words=words)


def _concept(summary: ModelSummary, verdict: FamilyVerdict) -> Tile:
    report = summary.concept
    measure = next((m for m in report.measures if m.measure == "mean_residual"), None)
    if measure is None or measure.value is None:
        why = measure.why if measure else report.why or "There are no production records yet."
        return _without(summary, verdict, why)
    key = format_key(measure, summary.context.task)
    lines = [
        "mean residual",
        in_cell(measure.interval, key) or "no interval",
        f"by {report.by}",
        f"margin {in_points(measure.margin or 0.0, key)}",
        f"n {count(measure.n)}",
    ]
    limit = (measure.margin or 0.0) * (1 if measure.value >= 0 else -1)
    line = _line(summary, report.series("mean_residual"), verdict, band=Interval(low=0.0, high=0.0), limit=limit)
    value = signed(measure.value, key) if measure.n >= FEW else DASH
    return _tile(summary, verdict, value, lines, (line, "Mean residual by window"))


def _drift(summary: ModelSummary, verdict: FamilyVerdict) -> Tile:
    columns, psi = summary.drift.columns, verdict.measure
    if not columns or psi is None:
        return _without(summary, verdict, "There are no production records yet.")
    largest = max((column.psi for column in columns), key=lambda m: -1.0 if m.value is None else m.value)
    n_out, words = columns_out(summary)
    lines = [
        words,
        f"largest PSI {number(largest.value, 'psi')}",
        in_cell(largest.interval, "psi") or plain(largest.why),
        f"n {count(psi.n)}",
    ]
    place = summary.context.windows.index(verdict.window) if verdict.window else 0
    line = sparkline(
        summary.largest_psi[: place + 1],
        palette=palette(),
        status=shown(summary, verdict.status),
    )
    value = DASH if n_out is None else f"{n_out} of {summary.drift.n_columns}"
    return _tile(summary, verdict, value, lines, (line, "Largest PSI of a column by window"))


def _fairness(summary: ModelSummary, verdict: FamilyVerdict) -> Tile:
    found = summary.widest_gap
    if not summary.fairness.attributes:
        return _without(summary, verdict, "The schema declares no protected attribute.", "Not declared")
    if found is None:
        why = "There is no rate to compare; the Fairness page shows errors by group."
        return _without(summary, verdict, why, "Not judged")
    measure = found[1]
    lines = [
        gap_name(measure),
        in_cell(measure.interval) or "no interval",
        f"by {plain(measure.column)}",
        f"margin {in_points(measure.margin or 0.0, measure.measure)}",
        f"n {count(measure.n)}",
    ]
    line = _line(summary, summary.gap_trend(measure.column, measure.measure), verdict)
    value = in_points(measure.value or 0.0, measure.measure) if measure.n >= FEW else DASH
    return _tile(summary, verdict, value, lines, (line, f"Gap in {gap_name(measure)} by window"))


def _quality(summary: ModelSummary, verdict: FamilyVerdict) -> Tile:
    measure = summary.complete
    if measure is None or measure.value is None:
        return _without(summary, verdict, "There are no production records yet.")
    outside = summary.drift.outside
    lines = [
        "complete cells",
        in_cell(measure.interval),
        f"reference {number(measure.reference)}",
        f"rows outside anything seen {number(outside.value)}" if outside is not None else "",
        f"n {count(measure.n)}",
    ]
    before = measure.reference
    band = Interval(low=before, high=before) if before is not None else None
    line = _line(summary, summary.quality.complete, verdict, band=band)
    value = headline(measure.value, n=measure.n)
    return _tile(summary, verdict, value, lines, (line, "Complete cells by window"))


def _line(
    summary: ModelSummary,
    series: Sequence[Measure],
    verdict: FamilyVerdict,
    *,
    band: Interval | None = None,
    limit: float | None = None,
) -> str:
    """The windows up to the one that the verdict is on."""
    if verdict.window is None:
        return ""
    place = summary.context.windows.index(verdict.window)
    values = [measure.value for measure in series[: place + 1]]
    return sparkline(values, palette=palette(), status=shown(summary, verdict.status), band=band, limit=limit)


def _tile(
    summary: ModelSummary,
    verdict: FamilyVerdict,
    value: str,
    lines: Sequence[str],
    line: tuple[str, str],
    *,
    words: str | None = None,
) -> Tile:
    return Tile(
        title=FAMILY_NAMES[verdict.family],
        page=PAGES[verdict.family],
        value=value,
        lines=tuple(filter(None, lines)),
        chip=chip(shown(summary, verdict.status), unjudged_words(summary) or words),
        line=line[0],
        alt=f"{line[1]}, last {value}",
    )


def _without(summary: ModelSummary, verdict: FamilyVerdict, why: str, words: str | None = None) -> Tile:
    """A tile of a family that has no value: a dash and the reason."""
    return Tile(
        title=FAMILY_NAMES[verdict.family],
        page=PAGES[verdict.family],
        value=DASH,
        lines=(plain(why),),
        chip=chip(Status.UNDEFINED, words or unjudged_words(summary)),
    )
