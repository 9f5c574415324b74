"""Which inputs moved, how far, since when, and does it matter?"""

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from core.charts.drift import column_dots, share_bars
from core.charts.trend import Limit, positions, trend_chart
from core.drift.columns import MARGIN
from core.measure import Measure, Status
from core.services.drift import ColumnReport, DriftReport
from dashboard import cached
from dashboard.components.frame import header, rests_on, usable
from dashboard.components.numbers import how_computed, show_chart, show_numbers
from dashboard.components.verdict import verdict_card
from dashboard.state import in_address, select
from dashboard.text import (
    CHIP_WORDS,
    chip,
    count,
    digest,
    in_cell,
    in_sentence,
    listed,
    measure_name,
    muted,
    number,
    plain,
    plural,
    spoken,
    window_name,
)
from dashboard.theme import palette

ALARMS = (Status.CRITICAL, Status.WARNING)
SHOWN = ("With an alarm", "Top 12", "All")


def verdict(report: DriftReport) -> None:
    """How many columns moved, which, and what that rests on."""
    moved, changed = report.having(Status.CRITICAL), report.having(Status.WARNING)
    unclear = report.having(Status.INSUFFICIENT, Status.UNDEFINED)
    of = f"of {plural(report.n_columns, 'column')}"
    basis = rests_on(report.context)
    if not report.context.arming.is_armed:
        sentence = f"No verdict: nothing is armed. {len(moved)} {of} differ by more than the margin."
        verdict_card(Status.INSUFFICIENT, sentence, detail=first(moved), basis=basis, chip_words="Not armed")
        return
    if moved:
        sentence = f"{len(moved)} {of} moved by more than the margin."
        if changed:
            sentence += f" {len(changed)} more changed, not certainly by that much."
        status = Status.CRITICAL
    elif changed:
        sentence = f"{len(changed)} {of} changed, none certainly by more than the margin."
        status = Status.WARNING
    elif unclear:
        sentence = f"No evidence of change; for {len(unclear)} {of} there is too little data to tell."
        status = Status.INSUFFICIENT
    else:
        sentence = f"No evidence of change in any of {plural(report.n_columns, 'column')}."
        status = Status.OK
    detail = first((*moved, *changed))
    worst = (*moved, *changed)[:1]
    if worst and worst[0].since:
        detail += f" {plain(worst[0].column)} has been out since {spoken(worst[0].since.window)}."
    verdict_card(status, sentence, detail=detail, basis=basis)


def first(columns: Sequence[ColumnReport]) -> str:
    """The columns that come first."""
    names = [f"**{plain(column.column)}**" for column in columns]
    return f"{'First: ' if len(names) > 1 else ''}{listed(names)}." if names else ""


def as_shown(report: DriftReport) -> DriftReport:
    """The report without verdicts while nothing is armed."""
    if report.context.arming.is_armed:
        return report

    def grey(measure: Measure) -> Measure:
        return measure if measure.value is None else replace(measure, status=Status.INSUFFICIENT)

    columns = [
        replace(column, psi=grey(column.psi), trend=tuple(map(grey, column.trend)), since=None)
        for column in report.columns
    ]
    return replace(report, columns=tuple(columns))


def chip_words(report: DriftReport) -> str | None:
    """What every chip says while nothing is armed."""
    return None if report.context.arming.is_armed else "Not armed"


def computed(report: DriftReport) -> None:
    """The drawer: bins, zero rule, interval, alarm, n, reference, digest."""
    psi, context = report.columns[0].psi, report.context
    how_computed(
        "**Population stability index** between the reference and one window, in nats, less the bias that samples of "
        "these sizes have.",
        {
            "Convention": plain(psi.convention),
            "Margin": f"{MARGIN:.2f}",
            "Alarm": "the interval of change beyond the margin, and Benjamini-Hochberg over all columns of a window at "
            f"{context.arming.level:.2g}",
            "False alarms": plain(context.arming.reason),
            "Reference": f"{plural(len(context.reference_windows), 'window')}, n {count(context.n_reference)}",
            "Windows": f"{plural(len(context.windows), 'window')} by {plain(context.unit)}, {plain(context.timezone)}",
        },
        {"Profile (SHA-256)": digest(context.profile_digest)},
        key="how_drift",
    )


def column_list(report: DriftReport) -> str:
    """Dots of the columns, and the choice of one."""
    st.subheader("Which columns moved, how far?", anchor=False)
    shown = st.segmented_control(
        "Columns", SHOWN, default="Top 12", key="shown", required=True, label_visibility="collapsed"
    )
    with_alarm = report.having(*ALARMS)
    columns = {"With an alarm": with_alarm, "Top 12": report.columns[:12], "All": report.columns}[shown]
    if not columns:
        st.markdown(f"No column has an alarm in this window{'' if report.context.arming.is_armed else ': not armed'}.")
        columns = report.columns[:12]
    written = [number(column.psi.value, "psi") for column in columns]
    show_chart(
        column_dots([column.psi for column in columns], palette=palette(), margin=MARGIN, written=written), key="dots"
    )
    st.markdown(
        muted(
            "Filled: moved by more than the margin. Diamond: changed. Open: no evidence. Line: 95% interval of the PSI."
        )
    )
    show_numbers(
        ["Column", "Verdict", "PSI", "95% interval", "p", "n", "Reason"],
        [
            (
                column.column,
                chip_words(report) or CHIP_WORDS[column.status],
                number(column.psi.value, "psi"),
                in_cell(column.psi.interval, "psi"),
                "" if column.psi.p_value is None else f"{column.psi.p_value:.2g}",
                count(column.psi.n),
                column.psi.why,
            )
            for column in report.columns
        ],
        alt="PSI of every column",
    )
    names = [column.column for column in report.columns]
    return in_address("Look into a column", names, key="column")


def column_card(report: DriftReport, column: ColumnReport) -> None:
    """What moved inside one column, and when."""
    importance = "" if column.importance is None else f", importance {number(column.importance)}"
    focus = report.context.focus
    window = window_name(focus.window) if focus else "window"
    words = chip_words(report) if column.psi.value is not None else None
    with st.container(border=True):
        st.markdown(f"**{plain(column.column)}** {muted(f'{column.kind}{importance}')} {chip(column.status, words)}")
        psi = column.psi
        if psi.value is None:
            st.markdown(f"PSI is undefined: {plain(psi.why)}")
        else:
            st.markdown(f"PSI **{number(psi.value, 'psi')}** {in_sentence(psi.interval, 'psi')}: {plain(psi.why)}.")
        st.markdown(" ".join(map(plain, column.drift.words)))
        for finding in column.quality.findings:
            if finding.words not in column.drift.words:
                st.markdown(f":material/report: {plain(finding.words)}")
        show_chart(
            share_bars(column.drift.shares, palette=palette(), column=column.column, current_name=window),
            key="shares",
        )
        st.markdown(muted(f"Bars: {window}. Dashes: reference. Bins are the reference's."))
        trend(report, column)
        show_numbers(
            ["Bin", "Reference", "Window", "Reference n", "Window n"],
            [
                (s.name, number(s.reference), number(s.current), count(s.n_reference), count(s.n_current))
                for s in column.drift.shares
            ],
            alt=f"Shares of {column.column}",
            label="Show shares",
        )
        show_numbers(
            ["Measure", "Value", "95% interval", "Convention"],
            [*map(measure_row, column.drift.measures), *named(column)],
            alt=f"All measures of {column.column}",
            label="Show all measures",
        )


def measure_row(measure: Measure) -> tuple[str, str, str, str]:
    """One measure as a row of text."""
    value = number(measure.value, "psi") if measure.value is not None else f"undefined: {measure.why}"
    return (measure_name(measure.measure), value, in_cell(measure.interval, "psi"), measure.convention)


def named(column: ColumnReport) -> list[tuple[str, str, str, str]]:
    """What other monitors would print for this column."""
    return [
        (name, f"{value:.4f}", "", f"as {name.split('.')[0]} computes it") for name, value in column.conventions.items()
    ]


def trend(report: DriftReport, column: ColumnReport) -> None:
    """The column's PSI window by window."""
    windows = report.context.windows
    names = [window_name(window.window) for window in windows]
    points = positions(
        [w.window.start_at for w in windows], names, [w.window.key for w in windows], [True] * len(windows)
    )
    written = [f"PSI {number(m.value, 'psi')} {in_sentence(m.interval, 'psi')}, n {count(m.n)}" for m in column.trend]
    onset = windows.index(column.since) if column.since else None
    margin = Limit(value=MARGIN, words=("margin", f"{MARGIN:.2f}"), is_crossed=column.status is Status.CRITICAL)
    chart = trend_chart(
        column.trend,
        points,
        palette=palette(),
        title=f"PSI by {report.context.unit}",
        written=written,
        limits=[margin],
        height=170,
        focus=windows.index(report.context.focus) if report.context.focus else None,
        onset=onset,
    )
    show_chart(chart, key="psi_trend")


def page() -> None:
    selected = select()
    report = cached.drift(selected.model, selected.selection) if selected and selected.context else None
    has_columns = report is not None and bool(report.columns)
    header("Drift", selected, actions=(lambda: computed(report)) if report is not None and has_columns else None)
    if usable(selected) is None or report is None:
        return
    if not has_columns:
        st.markdown("Drift sets production records against the reference. There are no production records yet.")
        return
    verdict(report)
    report = as_shown(report)
    left, right = st.columns([11, 9], gap="medium")
    with left:
        name = column_list(report)
    with right:
        column_card(report, next(column for column in report.columns if column.column == name))


page()
