"""Figures with their numbers: every chart has its words, a table under it, and how it was computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from core.charts.frame import Chart
from dashboard.text import plain

__all__ = ["cell_table", "facts", "how_computed", "show_chart", "show_numbers"]

CONFIG = {"displayModeBar": False, "scrollZoom": False, "showSendToCloud": False, "displaylogo": False}
MOST_ROWS = 50


def show_chart(chart: Chart, *, key: str) -> None:
    """A figure with its description for those who can't see it."""
    st.plotly_chart(chart.figure, theme=None, key=key, config=CONFIG, alt=chart.alt)


def show_numbers(
    header: Sequence[str], rows: Sequence[Sequence[object]], *, alt: str, label: str = "Show numbers"
) -> None:
    """The numbers behind a figure, folded away; names and cells are plain text and are escaped here."""
    with st.expander(label, type="compact"):
        cell_table([*map(plain, header)], [[plain(cell) for cell in row] for row in rows[:MOST_ROWS]], alt=alt)
        if len(rows) > MOST_ROWS:
            frame = pd.DataFrame(rows, columns=list(header)).astype(str)
            st.dataframe(frame, hide_index=True, height=300, alt=f"{alt}, all {len(rows)} rows")


def cell_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, alt: str) -> None:
    """A table whose cells are Markdown already escaped."""
    st.table(pd.DataFrame(rows, columns=list(header)), border="horizontal", hide_index=True, alt=alt)


def facts(pairs: Mapping[str, str], *, alt: str) -> None:
    """A list of facts: name and value; values are Markdown already escaped."""
    frame = pd.DataFrame([[f":gray[{name}]", value] for name, value in pairs.items()], columns=["", " "])
    st.table(frame, border="horizontal", hide_index=True, hide_header=True, alt=alt)


def how_computed(sentence: str, pairs: Mapping[str, str], codes: Mapping[str, str], *, key: str) -> None:
    """A button that opens a drawer: method, parameters, n, reference, digest. Texts are Markdown already escaped."""

    @st.dialog("How computed", position="right", width="small")
    def drawer() -> None:
        st.markdown(sentence)
        facts(pairs, alt="How computed")
        for name, code in codes.items():
            st.markdown(f":gray[{name}]")
            st.code(code, language=None, wrap_lines=True)

    if st.button("How computed", icon=":material/function:", type="tertiary", key=key):
        drawer()
