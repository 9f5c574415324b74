"""Every series of a model as a small control chart, the worst first."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.charts.control_small import small_control_chart
from core.measure import Status
from core.services.chart_overview import SeriesOverview
from core.services.observations import Context
from dashboard.components.chart_words import series_label, unit_of, value_words
from dashboard.text import DASH, chip, muted, plain, plural
from dashboard.theme import palette

__all__ = ["counted_states", "show_gallery"]

FIRST = 12


def counted_states(overview: Sequence[SeriesOverview]) -> tuple[int, int, int]:
    """How many series are off now, signalled before, and are quiet."""
    charted = [each for each in overview if not each.why and each.is_armed]
    off = sum(each.is_off for each in charted)
    before = sum(bool(each.n_signals) and not each.is_off for each in charted)
    return off, before, len(charted) - off - before


def show_gallery(overview: Sequence[SeriesOverview], context: Context, model: str) -> None:
    """The worst series at once, the others behind a button; each leads to its chart."""
    st.subheader("All series, worst first", anchor=False)
    off, before, quiet = counted_states(overview)
    unit = unit_of(context)
    st.markdown(
        muted(
            f"{off} out of control now, {before} signalled earlier, {quiet} quiet. Each against limits of its own "
            f"phase I; grey line: where that ends; diamonds: {unit}s that signal by Nelson 1 or 2."
        )
    )
    shown = [each for each in overview if not each.why]
    loud = [each for each in shown if each.is_off or each.n_signals]
    first = loud[:FIRST] or shown[:FIRST]
    _grid(first, model)
    rest = [each for each in shown if each not in first]
    if rest and st.toggle(f"Show the other {len(rest)}", key="all_series"):
        _grid(rest, model)
    missing = [each for each in overview if each.why]
    if missing:
        names = ", ".join(plain(series_label(each.series)) for each in missing[:6])
        more = f" and {len(missing) - 6} more" if len(missing) > 6 else ""
        st.markdown(muted(f"Not charted, as the reference has no value: {names}{more}."))


def _grid(overview: Sequence[SeriesOverview], model: str) -> None:
    grid = st.grid(3, min_column_width=230, border=True)
    for each in overview:
        with grid.cell(), st.container(gap="xxsmall"):
            st.page_link(
                "views/control_chart.py",
                label=plain(series_label(each.series)),
                query_params={"model": model, "series": series_label(each.series)},
            )
            drawn = small_control_chart(
                each.values,
                centres=each.centres,
                lows=each.lows,
                highs=each.highs,
                signals=each.signals,
                first_later=each.first_later,
                palette=palette(),
                is_off=each.is_off,
            )
            if drawn:
                st.image(drawn, width="stretch", alt=_alt(each))
            st.markdown(_said(each))


def _said(each: SeriesOverview) -> str:
    last = next((value for value in reversed(each.values) if value is not None), None)
    value = value_words(each.series, last) if last is not None else DASH
    if not each.is_armed:
        return f"**{value}** {chip(Status.INSUFFICIENT, 'Not armed')}"
    if each.is_off:
        return f"**{value}** {chip(Status.WARNING, 'Out of control')}"
    if each.n_signals:
        return f"**{value}** {muted(plural(each.n_signals, 'signal') + ', in control now')}"
    return f"**{value}** {muted('in control')}"


def _alt(each: SeriesOverview) -> str:
    state = "out of control now" if each.is_off else "in control"
    return f"{series_label(each.series)}: {plural(each.n_signals, 'signal')} after phase I, {state}"
