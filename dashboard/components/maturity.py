"""When labels are there, of which windows they aren't yet, and for whom they come later."""

from __future__ import annotations

import streamlit as st

from core.charts.maturity import label_curve_chart
from core.measure import Status
from core.services.maturity import Completeness, MaturityReport
from dashboard.components.measures import dated
from dashboard.components.numbers import cell_table, show_chart, show_numbers
from dashboard.text import capital, chip, count, in_sentence, muted, number, plain
from dashboard.theme import palette

__all__ = ["show_maturity"]

CHIPS = {
    Status.WARNING: "Differs",
    Status.OK: "Alike",
    Status.INSUFFICIENT: "Can't be told",
}
MOST_WINDOWS = 8


def show_maturity(report: MaturityReport) -> None:
    """The curve of labels by age, the windows that still wait, and the groups whose labels come otherwise."""
    st.subheader("Are the labels in?", anchor=False)
    curve = report.curve
    if curve is None:
        st.markdown(muted(plain(report.why)))
        return
    with st.container(border=True):
        late = chip(Status.WARNING, "Judged too soon") + " " if report.is_judged_too_soon else ""
        st.markdown(late + plain(report.words))
        st.markdown("  \n".join(_window_words(each) for each in report.windows[-MOST_WINDOWS:]))
        chart = label_curve_chart(
            curve, judged_at=report.judged_at, usual=report.usual_age, unit=report.unit, palette=palette()
        )
        show_chart(chart, key="label_curve")
        untimed = f" {count(report.n_untimed)} labels without a time are left out." if report.n_untimed else ""
        basis = plain(report.basis.words) if report.basis is not None else ""
        st.markdown(muted(f"{plain(curve.convention)}. n {count(curve.n)}. {basis}{untimed}"))
    if report.gaps:
        rows = [
            [plain(gap.attribute), chip(gap.status, CHIPS[gap.status]), plain(report.gap_words(gap))]
            for gap in report.gaps
        ]
        cell_table(["Groups of", "Labels come", "Widest gap"], rows, alt="Whether labels of groups come alike")
        show_numbers(
            ["Groups of", "Group", "Labelled in the end", "95% of them after", "n"],
            _groups(report),
            alt="Labels by group",
        )


def _window_words(each: Completeness) -> str:
    window = each.window
    seen = f"{count(window.n_labelled)} of {count(window.n)} records have a label"
    if each.part is None:
        return f"{capital(dated(window))}: {seen}."
    span = "" if each.interval is None or not window.n_labelled else f" {in_sentence(each.interval, 'accuracy')}"
    return f"{capital(dated(window))}: labels **{number(each.part, 'accuracy')}**{plain(span)} complete, {seen}."


def _groups(report: MaturityReport) -> list[tuple[str, ...]]:
    """One row a group."""
    rows = []
    for gap in report.gaps:
        for group in gap.groups:
            curve = group.curve
            if curve is None:
                rows.append((gap.attribute, group.name, "too few", "", count(group.n)))
                continue
            share, interval = curve.at(curve.last_age)
            usual = curve.age_of(0.95)
            after = "still coming" if usual is None else report.ages(usual)
            value = f"{number(share, 'accuracy')} {in_sentence(interval, 'accuracy')}"
            rows.append((gap.attribute, group.name, value, after, count(group.n)))
    return rows
