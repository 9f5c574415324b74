"""Where a model is worst: its segments and its versions, as tables."""

from __future__ import annotations

import streamlit as st

from core.services.observations import Context
from core.services.performance import PerformanceSlices, Slice
from dashboard.components.measures import change_cell, count_cell, held, verdict_chip
from dashboard.components.numbers import cell_table
from dashboard.text import measure_name, muted, number, plain, plural, window_name

__all__ = ["segment_table", "version_table"]

MOST = 8


def segment_table(found: PerformanceSlices) -> None:
    """The primary measure of each segment in the window looked at, the worst first."""
    if found.context.selection.segment:
        st.markdown(
            "One segment is selected. Counts are kept by one segment column at a time; select everyone to compare."
        )
        return
    if not found.segments:
        st.markdown("No segment column is declared (`segment = true` in the model schema), or none has records here.")
        return
    name = measure_name(found.primary)
    rows = [_cells(part, f"{part.by} = {part.name}", found.context) for part in found.segments]
    head = ["Segment", "Verdict", f"{name}, 95% interval, n", "Reference", "Change"]
    cell_table(head, rows[:MOST], alt=f"{name} of the worst segments")
    worst = f"The {MOST} worst of {len(rows)} segments" if len(rows) > MOST else plural(len(rows), "segment")
    st.markdown(muted(f"{worst}, alarms first, judged together. Each is set against its own rows of the reference."))
    if len(rows) > MOST:
        with st.expander("Show all segments", type="compact"):
            cell_table(head, rows, alt=f"{name} of all segments")


def version_table(found: PerformanceSlices) -> None:
    """The primary measure of each version over its own last windows."""
    name = measure_name(found.primary)
    rows = []
    for part in found.versions:
        cells = _cells(part, part.name, found.context)
        rows.append([f"**{cells[0]}**  \n{muted(held(_span(part)))}", *cells[1:]])
    head = ["Version", "Verdict", f"{name}, 95% interval, n", "Reference", "Change"]
    cell_table(head, rows, alt=f"{name} of each version")
    st.markdown(muted("Each version over its last 13 windows with labels. They served at different times."))


def _cells(part: Slice, name: str, context: Context) -> list[str]:
    measure = part.measure
    return [
        held(plain(name)),
        verdict_chip(measure, context),
        count_cell(measure),
        number(measure.reference, measure.measure),
        change_cell(measure),
    ]


def _span(part: Slice) -> str:
    last = plain(window_name(part.windows[-1].window))
    return f"{plural(len(part.windows), 'window')} to {last}"
