"""Rows that were set aside: how many for which reason, and the first of them as they were written."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.services.intake import Outcome, Problem
from dashboard.components.numbers import cell_table, show_numbers
from dashboard.text import DASH, count, plain, plural

__all__ = ["row_counts", "show_notes", "show_problems"]

RAW_SHOWN = 120


def row_counts(outcome: Outcome, verb: str) -> str:
    """How many rows a file gives: taken in, set aside, known already, matched."""
    parts = [f"{plural(outcome.n_rows, 'row')} {verb}"]
    if outcome.n_matched is not None:
        parts.append(f"{count(outcome.n_matched)} of them for a record that is here")
    parts.append(f"{count(outcome.n_rejected)} set aside")
    if outcome.n_duplicates:
        parts.append(f"{count(outcome.n_duplicates)} known already")
    return ", ".join(parts)


def show_notes(file: str, notes: Sequence[str]) -> None:
    """What else is to be said of a file."""
    for note in notes:
        st.markdown(f":material/info: {plain(file)}: {plain(note)}.")


def show_problems(
    reasons: Sequence[tuple[str, str, int]], first: Sequence[Problem], n_problems: int, *, of: str
) -> None:
    """Why rows were set aside, and the first of them."""
    if not reasons:
        return
    cell_table(
        ["Reason", "Column", "Rows"],
        [[plain(reason), plain(column) or DASH, count(n)] for reason, column, n in reasons[:50]],
        alt=f"Why rows of {of} were set aside",
    )
    show_numbers(
        ["Line", "Column", "Reason", "What is wrong", "As it was written"],
        [(count(p.line), p.column or DASH, p.reason, p.message, _cut(p.raw)) for p in first],
        alt=f"Rows of {of} that were set aside",
        label=f"Show {'the first ' if n_problems > len(first) else ''}{plural(len(first), 'problem')}",
    )


def _cut(raw: str) -> str:
    """The beginning of a row; the download has more of it."""
    return raw if len(raw) <= RAW_SHOWN else f"{raw[:RAW_SHOWN]}…"
