"""Groups within groups: the map of two or three attributes, and its worst cells in words."""

from __future__ import annotations

import streamlit as st

from core.charts.crossing import CellMark, crossing_map
from core.fairness.comparisons import Comparison
from core.fairness.support import Cell
from core.measure import Status
from core.services.audits import AuditRequest
from core.services.fairness import FairnessReport
from core.services.fairness_crossings import CrossingReport, IntersectionReport
from dashboard import cached
from dashboard.components.gaps import p_words
from dashboard.components.groups import gap_words, limit_words, rate_name, span_words
from dashboard.components.numbers import show_chart, show_numbers
from dashboard.components.pickers import pick
from dashboard.text import DASH, capital, count, in_cell, in_sentence, listed, muted, number, plain, plural, signed
from dashboard.theme import palette

__all__ = ["show_crossings"]

MOST_ACROSS = 7
STATES = {
    Cell.LOW_SUPPORT: "too few rows",
    Cell.UNDEFINED: "no such rate",
    Cell.NOT_ESTIMABLE: "not estimable",
}


def show_crossings(report: FairnessReport, request: AuditRequest, rate: str) -> None:
    """The map, its sentence, and its numbers."""
    if len(report.attributes) < 2:
        return
    st.subheader("And groups within groups?", anchor=False)
    found = cached.intersections(request)
    if found is None or found.why:
        st.markdown(plain(found.why) if found is not None else "Nothing is counted yet.")
        return
    named = {each.name: each for each in found.crossings}
    crossing = named[pick("Attributes", list(named), "crossing")]
    marks = _marks(crossing, rate, is_armed=report.context.arming.is_armed)
    beyond = _beyond(crossing, rate)
    st.markdown(plain(_sentence(report, found, crossing, rate, beyond)))
    title = f"{capital(rate_name(report, rate))} by {crossing.name}"
    show_chart(crossing_map(marks, palette=palette(), title=title), key="crossing_map")
    spread = crossing.spread(rate)
    worth = "" if spread.epsilon is None else f" Largest log ratio of smoothed chances (epsilon): {spread.epsilon:.2f}."
    cut = f" Not counted: {plain(listed(list(found.cut), most=6))}." if found.cut else ""
    st.markdown(
        muted(
            f"{plain(span_words(report, rate))}. The darker, the higher. Frame and dot: a disparity against the rest. "
            f"Hatched: fewer than {report.policy.min_support} rows of its own denominator; crosswise: no such rate. "
            f"Judged as a family of their own: {count(crossing.audit.n_comparisons)} comparisons.{worth}{cut}"
        )
    )
    _numbers(report, crossing, rate)


def _beyond(crossing: CrossingReport, rate: str) -> list[Comparison]:
    found = [c for c in crossing.audit.of(crossing.key, rate) if c.verdict.status is Status.CRITICAL]
    return sorted(found, key=lambda c: -abs(c.difference or 0.0))


def _sentence(
    report: FairnessReport, found: IntersectionReport, crossing: CrossingReport, rate: str, beyond: list[Comparison]
) -> str:
    """The worst cell, or that none is known to be."""
    coverage = crossing.coverage(rate).replace("groups", "cells")
    if not report.context.arming.is_armed:
        return f"Not judged: {report.context.arming.reason} {coverage}"
    if beyond:
        more = f" {plural(len(beyond) - 1, 'more cell')} beyond it too." if len(beyond) > 1 else ""
        return f"{capital(gap_words(report, rate, beyond[0]))}, beyond {limit_words(found.policy)}.{more} {coverage}"
    comparisons = crossing.audit.of(crossing.key, rate)
    if not any(c.verdict.is_judged for c in comparisons):
        return f"Not judged: the policy sets no limit here. {coverage}"
    open_ = sum(c.verdict.status is Status.INSUFFICIENT and c.verdict.is_judged for c in comparisons)
    told = sum(c.verdict.status is Status.OK for c in comparisons)
    return (
        f"No disparity is found; of {plural(open_, 'cell')} nobody can tell, {count(told)} show no evidence. {coverage}"
    )


def _marks(crossing: CrossingReport, rate: str, *, is_armed: bool) -> list[CellMark]:
    """Cells as the map shows them, with few enough columns for a phone and, of three attributes, not too many rows."""
    beyond = {c.group.group for c in _beyond(crossing, rate)} if is_armed else set()
    sizes = [len({cell[place] for cell in crossing.cells}) for place in range(len(crossing.attributes))]
    across = min(range(len(sizes)), key=lambda place: (sizes[place], place))
    if len(sizes) > 2:
        fitting = [place for place in range(len(sizes)) if sizes[place] <= MOST_ACROSS]
        across = max(fitting, key=sizes.__getitem__, default=across)
    marks = []
    for cell, mean in zip(crossing.cells, crossing.of(rate), strict=True):
        is_told = mean.cell is Cell.OK
        state = f", {STATES[mean.cell]}" if not is_told else ""
        marks.append(
            CellMark(
                row=" / ".join(group for place, group in enumerate(cell) if place != across),
                column=cell[across],
                value=mean.value if is_told else None,
                text=number(mean.value) if is_told else f"n {count(mean.n)}" if mean.n else DASH,
                hover=f"{' / '.join(cell)}: {number(mean.value) if is_told else DASH} "
                f"{in_sentence(mean.interval) if is_told else ''} n {count(mean.n)}{state}",
                cell=mean.cell,
                is_disparity=mean.group in beyond,
            )
        )
    return marks


def _numbers(report: FairnessReport, crossing: CrossingReport, rate: str) -> None:
    by_group = {c.group.group: c for c in crossing.audit.of(crossing.key, rate)}
    smoothed = {each.group: each for each in crossing.smoothed(rate)}
    rows = []
    for cell, mean in zip(crossing.cells, crossing.of(rate), strict=True):
        gap, guess = by_group.get(mean.group), smoothed.get(mean.group)
        is_told = mean.cell is Cell.OK and gap is not None
        rows.append(
            (
                " / ".join(cell),
                number(mean.value) if is_told else DASH,
                in_cell(mean.interval) if is_told else DASH,
                count(mean.n),
                signed(gap.difference) if is_told and gap is not None else DASH,
                p_words(gap.p_value) if gap is not None else DASH,
                f"{number(guess.value)} ({in_cell(guess.interval)})" if guess is not None else DASH,
                mean.why or (gap.verdict.why if gap is not None else ""),
            )
        )
    title = capital(rate_name(report, rate))
    show_numbers(
        ["Cell", title, "95% interval", "n", "Against the rest", "By chance?", "Drawn towards the whole", "Reason"],
        rows,
        alt=f"{title} by {crossing.name}",
    )
