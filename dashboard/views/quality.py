"""Can I trust the other pages for this window?"""

from __future__ import annotations

import streamlit as st

from core.charts.trend import Limit, positions, trend_chart
from core.measure import Measure, Status
from core.services.quality import ColumnRow, QualityCheck, QualityReport
from core.services.verdicts import ALARMS
from dashboard import cached
from dashboard.components.frame import header, rests_on, usable
from dashboard.components.numbers import cell_table, how_computed, show_chart, show_numbers
from dashboard.components.promise import show_promise
from dashboard.components.verdict import verdict_card
from dashboard.components.watched import shown_words
from dashboard.state import select
from dashboard.text import (
    DASH,
    chip,
    count,
    digest,
    in_cell,
    in_sentence,
    listed,
    muted,
    number,
    plain,
    plural,
    spoken,
    value_cell,
    window_name,
)
from dashboard.theme import palette

SHARES = ("missing_share", "invalid_share", "outside_share")
HEADS = ("Missing", "Unreadable", "Outside the reference")
CHECKED = {Status.CRITICAL: "Fails", Status.WARNING: "Look", Status.OK: "Holds", Status.INSUFFICIENT: "Can't tell"}
MOST_ROWS = 25


def verdict(report: QualityReport) -> None:
    """What broke, in a sentence."""
    counted = [check for check in report.checks if not check.is_about_now]
    failed = [check for check in counted if check.status is Status.CRITICAL]
    look = [check for check in counted if check.status is Status.WARNING]
    untold = sum(check.status is Status.INSUFFICIENT for check in counted)
    arming, basis = report.context.arming, rests_on(report.context)
    names = [f"**{plain(row.column)}**" for row in report.columns if row.status in ALARMS]
    status = report.status
    if failed:
        fail = "fails" if len(failed) == 1 else "fail"
        sentence = f"{len(failed)} of {plural(len(counted), 'check')} {fail} in this window."
    elif look:
        sentence = f"{plural(len(look), 'check')} of {len(counted)} to look at in this window."
    elif not arming.is_armed or arming.asks:
        sentence = "Nothing is broken that shows at once; nothing is watched here."
    elif status is Status.INSUFFICIENT:
        sentence = f"Nothing is broken that shows at once; {untold} of {plural(len(counted), 'check')} can't be told."
    else:
        more = f"; {untold} of {plural(len(counted), 'check')} can't be told" if untold else ""
        sentence = f"Nothing is broken in this window{more}."
    detail = f"Columns: {listed(names, most=5)}." if names else ""
    outside = outside_now(report)
    if outside is not None and outside.value is not None:
        expected = f"; {number(outside.reference)} in the reference" if outside.reference is not None else ""
        line = f"{number(outside.value)} {in_sentence(outside.interval)} of rows lie outside anything seen{expected}."
        detail = f"{detail}  \n{line}" if detail else line
    words = None
    if status is Status.INSUFFICIENT and not arming.is_armed:
        words = "Not armed"
    elif status is Status.INSUFFICIENT and arming.asks:
        words = "Not watched"
    verdict_card(status, sentence, detail=detail, basis=basis, chip_words=words)


def outside_now(report: QualityReport) -> Measure | None:
    """The share of rows outside anything seen, in the window looked at."""
    focus = report.context.focus
    return report.outside[report.context.windows.index(focus)] if focus and report.outside else None


def checks(report: QualityReport) -> None:
    """The list: what was asked, how it was answered, and what was found."""
    st.subheader("What was checked?", anchor=False)
    order = (Status.CRITICAL, Status.WARNING, Status.INSUFFICIENT, Status.UNDEFINED, Status.OK)
    for check in sorted(report.checks, key=lambda c: order.index(c.status)):
        line(check)


def line(check: QualityCheck) -> None:
    """One check, with the first of what it found."""
    st.markdown(f"{chip(check.status, CHECKED.get(check.status))} {check.title}")
    if check.words:
        more = f" And {len(check.words) - 3} more, below." if len(check.words) > 3 else ""
        st.markdown("\n".join(f"- {plain(words)}" for words in check.words[:3]) + (f"\n- {more}" if more else ""))


def columns(report: QualityReport) -> None:
    """Every column: missing, unreadable and new values against the reference."""
    st.subheader("Which columns are usable?", anchor=False)
    order = {status: place for place, status in enumerate((Status.CRITICAL, Status.WARNING, Status.INSUFFICIENT))}
    rows = sorted(report.columns, key=lambda row: (order.get(row.status, 3), -largest_change(row)))
    cell_table(
        ["Column", "Verdict", *HEADS],
        [
            [
                f"**{plain(row.column)}**  \n{muted(str(row.kind))}",
                chip(row.status, "Left out" if row.left_out else shown_words(worst_of(row), report.context)),
                *(share_cell(row.measure(share)) for share in SHARES),
            ]
            for row in rows[:MOST_ROWS]
        ],
        alt="Columns with their unusable cells",
    )
    st.markdown(muted("In bold: this window. Below: its 95% interval, and the reference's share."))
    show_numbers(
        ["Column", "Type", "Share", "Window", "95% interval", "Reference", "n", "Verdict", "Reason"],
        [
            (
                row.column,
                str(row.kind),
                measure.measure.replace("_", " "),
                number(measure.value),
                in_cell(measure.interval),
                number(measure.reference),
                count(measure.n),
                shown_words(measure, report.context),
                row.left_out or measure.why,
            )
            for row in rows
            for measure in row.measures
        ],
        alt="Every share of every column",
        label="Show all shares",
    )
    findings = [(row.column, finding.words) for row in rows for finding in row.quality.findings]
    if findings:
        show_numbers(["Column", "What was found"], findings, alt="Findings by column", label="Show all findings")


def largest_change(row: ColumnRow) -> float:
    """How far a column's worst share lies from the reference's."""
    return max((abs((m.value or 0.0) - (m.reference or 0.0)) for m in row.measures), default=0.0)


def worst_of(row: ColumnRow) -> Measure:
    """The share that speaks for a column."""
    worst = (measure for measure in row.measures if measure.status is row.status)
    return next(worst, row.quality.measure(SHARES[0]))


def share_cell(measure: Measure | None) -> str:
    """A share in bold, its interval and the reference's below."""
    if measure is None:
        return DASH
    if measure.value is None:
        return value_cell(measure)
    reference = f", ref. {number(measure.reference)}" if measure.reference is not None else ""
    return f"**{number(measure.value)}**  \n{muted(in_cell(measure.interval) + reference)}"


def over_time(report: QualityReport) -> None:
    """Rows outside anything seen, and usable cells, window by window."""
    st.subheader("Is it new?", anchor=False)
    left, right = st.columns(2, gap="medium")
    with left:
        trend(report, report.outside, "Rows outside anything the reference had", "outside")
    with right:
        trend(report, report.complete, "Cells that can be used", "complete")


def trend(report: QualityReport, series: tuple[Measure, ...], title: str, key: str) -> None:
    """One share window by window, against the reference's."""
    windows = report.context.windows
    names = [window_name(window.window) for window in windows]
    points = positions(
        [w.window.start_at for w in windows], names, [w.window.key for w in windows], [True] * len(windows)
    )
    before = next((m.reference for m in series if m.reference is not None), None)
    reference = Limit(value=before, words=("reference", number(before))) if before is not None else None
    chart = trend_chart(
        series,
        points,
        palette=palette(),
        title=title,
        written=[f"{number(m.value)} {in_sentence(m.interval)}, n {count(m.n)}" for m in series],
        reference=reference,
        percent=True,
        height=200,
        focus=windows.index(report.context.focus) if report.context.focus else None,
    )
    show_chart(chart, key=key)


def arrivals(report: QualityReport) -> None:
    """How records came in, window by window."""
    st.subheader("How did records come in?", anchor=False)
    named = {window.name: window_name(window.window) for window in report.context.windows}
    rows = [
        (
            named.get(a.window, a.window),
            count(a.n),
            count(a.n_late),
            count(a.n_repeated),
            count(a.n_set_aside),
        )
        for a in reversed(report.arrivals)
    ]
    show_numbers(
        ["Window", "Records", "Late", "Known id", "Set aside"], rows, alt="How records came in", label="Show arrivals"
    )
    if report.gaps:
        st.markdown(f"No record at all in {plural(len(report.gaps), 'window')}: {plain(', '.join(report.gaps[-5:]))}.")
    st.markdown(
        muted(
            "Late: after a batch that reached beyond the window's end; it was computed anew. Known id: counted once. "
            "Set aside: see the Data page, with line and reason."
        )
    )


def computed(report: QualityReport) -> None:
    """The drawer."""
    outside, context = outside_now(report), report.context
    how_computed(
        "**Shares of unusable and new cells**, each watched by itself; the share of rows outside anything seen is "
        "shown whether or not anything is watched.",
        {
            "Rows outside": plain(outside.convention) if outside else DASH,
            "Usable cells": plain(report.complete[-1].convention) if report.complete else DASH,
            "Alarms": plain(context.arming.reason),
            "Reference": f"{plural(len(context.reference_windows), 'window')}, n {count(context.n_reference)}",
        },
        {"Profile (SHA-256)": digest(context.profile_digest)},
        key="how_quality",
    )


def page() -> None:
    selected = select()
    report = cached.quality(selected.model, selected.selection) if selected and selected.context else None
    header("Data quality", selected, actions=(lambda: computed(report)) if report and report.columns else None)
    if usable(selected) is None or report is None or selected is None:
        return
    if not report.columns:
        st.markdown("Data quality sets production records against the reference. There are no production records yet.")
        return
    verdict(report)
    show_promise(selected.model, report.context)
    checks(report)
    st.space(4)
    columns(report)
    st.space(4)
    over_time(report)
    st.space(4)
    arrivals(report)
    focus = report.context.focus
    if focus is not None:
        st.markdown(muted(f"Looked at: {spoken(focus.window)}."))


page()
