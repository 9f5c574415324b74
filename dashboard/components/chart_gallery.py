"""Every series of a model as a small control chart, the worst first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from core.charts.control_small import small_control_chart
from core.measure import Status
from core.services.chart_overview import SeriesOverview
from core.services.chart_report import ChartState
from core.services.observations import Context
from dashboard.components.chart_words import series_label, unit_of, value_words
from dashboard.text import DASH, capital, chip, muted, plain, plural
from dashboard.theme import palette

__all__ = ["show_gallery"]

FIRST = 12
COUNTED = {
    ChartState.OFF: "out of control now",
    ChartState.SIGNALLED: "signalled earlier",
    ChartState.QUIET: "quiet",
    ChartState.EMPTY: "with nothing after phase I",
    ChartState.NOT_ARMED: "not armed",
}
ALWAYS = (ChartState.OFF, ChartState.SIGNALLED, ChartState.QUIET)
CHIPS = {ChartState.OFF: Status.WARNING, ChartState.NOT_ARMED: Status.INSUFFICIENT}


def show_gallery(overview: Sequence[SeriesOverview], context: Context, model: str) -> None:
    """The worst series at once, the others behind a button; each leads to its chart."""
    st.subheader("All series, worst first", anchor=False)
    states = Counter(each.state for each in overview)
    counted = [f"{states[state]} {words}" for state, words in COUNTED.items() if states[state] or state in ALWAYS]
    st.markdown(
        muted(
            f"{', '.join(counted)}. Each against limits of its own phase I; grey line: where that ends; diamonds: "
            f"{unit_of(context)}s that signal by Nelson 1 or 2."
        )
    )
    shown = [each for each in overview if not each.why]
    loud = [each for each in shown if each.state in (ChartState.OFF, ChartState.SIGNALLED)]
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
                is_off=each.state is ChartState.OFF,
            )
            if drawn:
                st.image(drawn, width="stretch", alt=_alt(each))
            st.markdown(_said(each))


def _said(each: SeriesOverview) -> str:
    last = next((value for value in reversed(each.values) if value is not None), None)
    value = value_words(each.series, last) if last is not None else DASH
    if each.state in CHIPS:
        return f"**{value}** {chip(CHIPS[each.state], capital(each.state))}"
    signals = f"{plural(each.n_signals, 'signal')}, " if each.state is ChartState.SIGNALLED else ""
    return f"**{value}** {muted(signals + each.state)}"


def _alt(each: SeriesOverview) -> str:
    return f"{series_label(each.series)}: {plural(each.n_signals, 'signal')} after phase I, {each.state}"
