"""A binary score's two curves: whether it means what it says, and what each threshold would decide."""

from __future__ import annotations

import streamlit as st

from core.charts.performance import calibration_chart, threshold_chart
from core.services.performance import PerformanceReport
from dashboard.components.numbers import show_chart, show_numbers
from dashboard.text import count, in_cell, muted, number, plain, window_name
from dashboard.theme import palette

__all__ = ["score_curves"]


def score_curves(report: PerformanceReport) -> None:
    """Whether scores mean what they say, and what other thresholds would have done."""
    left, right = st.columns(2, gap="medium")
    with left:
        _calibration(report)
    with right:
        _thresholds(report)


def _calibration(report: PerformanceReport) -> None:
    st.subheader("Does a score of 30% mean 30%?", anchor=False)
    if not report.calibration:
        st.markdown("There is no score with labelled rows in this window, so calibration can't be shown.")
        return
    name = window_name(report.focus.window) if report.focus else "window"
    curve = calibration_chart(report.calibration, report.reference_calibration, palette=palette(), current_name=name)
    show_chart(curve, key="calibration")
    n = sum(b.n for b in report.calibration)
    st.markdown(muted(f"Dots: {plain(name)}, n {count(n)}, 95% Wilson intervals. Dashes: reference. Dotted: equal."))
    show_numbers(
        ["Scores up to", "Mean score", "Observed", "95% interval", "n"],
        [
            (f"{b.high:.3g}", number(b.mean_score), number(b.observed), in_cell(b.interval), count(b.n))
            for b in report.calibration
        ],
        alt="Observed share by score bin",
    )


def _thresholds(report: PerformanceReport) -> None:
    st.subheader("What would another threshold do?", anchor=False)
    table = report.thresholds
    if table is None or not int(table.true_positives[0]) + int(table.false_positives[0]):
        st.markdown("There is no score with labelled rows in this window, so thresholds can't be compared.")
        return
    positive = f"'{report.positive}'" if report.positive else "positive"
    chart = threshold_chart(table, palette=palette(), operating=report.operating_threshold, positive=positive)
    show_chart(chart, key="thresholds")
    in_force = "" if report.operating_threshold is not None else " The schema names no threshold in force."
    st.markdown(muted(f"Rows scored above a threshold are called {plain(positive)}. Labelled rows only.{in_force}"))
    step = max(1, len(table.threshold) // 20)
    show_numbers(
        ["Threshold", "True positives", "False positives", "False negatives", "True negatives"],
        [
            (
                f"{table.threshold[i]:.4g}",
                *(count(int(cells[i])) for cells in (table.true_positives, table.false_positives)),
                *(count(int(cells[i])) for cells in (table.false_negatives, table.true_negatives)),
            )
            for i in range(1, len(table.threshold), step)
        ],
        alt="Decisions at some thresholds",
    )
