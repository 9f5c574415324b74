"""Which inputs moved, how far, since when, and does it matter?"""

from collections.abc import Sequence

import streamlit as st

from core.charts.drift import column_dots, share_bars
from core.charts.trend import positions, trend_chart
from core.measure import Measure, Status
from core.services.drift import ColumnReport, DriftReport, WholeRowsTrend
from core.services.promise_words import margin_words
from core.services.verdicts import ALARMS
from dashboard import cached
from dashboard.components.frame import header, rests_on, usable
from dashboard.components.measures import NOT_YET
from dashboard.components.numbers import how_computed, show_chart, show_numbers
from dashboard.components.places import show_places
from dashboard.components.promise import show_promise
from dashboard.components.verdict import verdict_card
from dashboard.components.watched import incident_words, is_grey, shown_words
from dashboard.state import Selected, in_address, select
from dashboard.text import (
    capital,
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

MOST_STORIES = 2
SHOWN = ("With an alarm", "Top 12", "All")
WHOLE_ROWS = {
    "classifier": "Whole rows: how well a classifier tells them from the reference's",
    "reconstruction": "Whole rows: what the reference's structure leaves unexplained",
}


def verdict(report: DriftReport) -> None:
    """How many columns moved, which, and what that rests on."""
    moved, changed = report.having(Status.CRITICAL), report.having(Status.WARNING)
    grey = [column for column in report.columns if column.status in (Status.INSUFFICIENT, Status.UNDEFINED)]
    of, basis = f"of {plural(report.n_columns, 'column')}", rests_on(report.context)
    arming = report.context.arming
    if not arming.is_armed or arming.asks:
        answer = report.answer
        sentence = f"No alarms here: {plain(arming.asks)} only." if arming.asks else "No verdict: nothing is armed."
        detail = f"Asked of this window alone: {plain(answer.sentence)}" if answer else ""
        words = "Asked" if arming.asks else "Not armed"
        verdict_card(Status.INSUFFICIENT, sentence, detail=detail, basis=basis, chip_words=words)
        return
    if moved:
        sentence = f"{len(moved)} {of} moved by more than the margin."
        if changed:
            sentence += f" {len(changed)} more changed, within it so far."
        status = Status.CRITICAL
    elif changed:
        sentence = f"{len(changed)} {of} changed, none by more than the margin so far."
        status = Status.WARNING
    elif report.status is Status.INSUFFICIENT:
        sentence = f"No evidence of change, but {len(grey)} {of} can't be told."
        status = Status.INSUFFICIENT
    else:
        sentence = f"No evidence of change in any {of}."
        status = Status.OK
    verdict_card(status, sentence, detail=detail_of(report, grey), basis=basis)


def detail_of(report: DriftReport, grey: Sequence[ColumnReport]) -> str:
    """Stories, what they carry of the model's importance, whole rows, and what lies outside anything seen."""
    lines = [plain(story.sentence) for story in report.stories[:MOST_STORIES]]
    if len(report.stories) > MOST_STORIES:
        more = len(report.stories) - MOST_STORIES
        lines[-1] += f" {plural(more, 'more story', 'more stories')} below."
    moved = report.having(*ALARMS)
    shares = [column.importance for column in moved if column.importance is not None]
    total = sum(column.importance or 0.0 for column in report.columns)
    if shares and total:
        lines.append(f"Together they carry {number(sum(shares) / total)} of the model's importance.")
    for series in report.whole_rows:
        focus = measure_at_focus(report, series)
        if series.name == "classifier" and focus is not None and focus.value is not None:
            lines.append(
                f"A classifier tells this window's rows from the reference's with AUC {number(focus.value, 'roc_auc')} "
                f"{in_sentence(focus.interval, 'roc_auc')}; 0.5 would be no difference."
            )
    if grey and moved:
        lines.append(f"{plural(len(grey), 'column')} can't be told.")
    outside = report.outside
    if outside is not None and outside.value is not None:
        expected = f", {number(outside.reference)} in the reference" if outside.reference is not None else ""
        interval = f" {in_sentence(outside.interval)}" if outside.interval else ""
        lines.append(f"{number(outside.value)}{interval} of rows lie outside anything seen{expected}.")
    return "  \n".join(lines)


def stories(report: DriftReport) -> None:
    """Every story, where the verdict tells the first ones only: columns that move together are one."""
    if len(report.stories) > MOST_STORIES:
        rows = [(", ".join(story.columns), story.sentence) for story in report.stories]
        label = f"Show all {len(rows)} stories"
        show_numbers(["Columns", "What moved"], rows, alt="Columns that moved together, each a story", label=label)


def measure_at_focus(report: DriftReport, series: WholeRowsTrend) -> Measure | None:
    """The number of the window looked at."""
    windows, focus = report.context.windows, report.context.focus
    return series.trend[windows.index(focus)] if focus else None


def computed(report: DriftReport, model: str) -> None:
    """The drawer: what is watched, bins, zero rule, interval, alarm, n, reference, digest."""
    psi, context = report.columns[0].psi, report.context
    watch = cached.watch(model)
    margin = margin_words(watch.promise) if watch and watch.promise else "none"
    how_computed(
        "An alarm watches **location, spread and the share of every bin** of a column, as means of bounded scores of "
        "rows: each window is held against the reference by an e-value, their wealth is carried on from window to "
        "window, and a column alarms when it is rich enough among all (e-BH). **PSI** says how far it moved, less the "
        "bias that samples of these sizes have.",
        {
            "PSI": plain(psi.convention),
            "Margin": margin,
            "Alarms": plain(context.arming.reason),
            "Importance": plain(report.facts.convention if report.facts else "none"),
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
        st.markdown("No column has an alarm in this window.")
        columns = report.columns[:12]
    written = [number(column.psi.value, "psi") for column in columns]
    show_chart(column_dots([column.psi for column in columns], palette=palette(), written=written), key="dots")
    st.markdown(
        muted(
            "Filled: moved by more than its margin. Diamond: changed. Open: no evidence, or not watched. Line: 95% "
            "interval of the PSI. Order: verdict, then effect times importance."
        )
    )
    show_numbers(
        ["Column", "Verdict", "PSI", "95% interval", "Importance", "n", "Since", "Reason"],
        [
            (
                column.column,
                shown_words(column.psi, report.context),
                number(column.psi.value, "psi"),
                in_cell(column.psi.interval, "psi"),
                "" if column.importance is None else number(column.importance),
                count(column.psi.n),
                window_name(column.since.window) if column.since else "",
                column.psi.why,
            )
            for column in report.columns
        ],
        alt="PSI of every column",
    )
    asked(report)
    left_out(report)
    names = [column.column for column in report.columns]
    return in_address("Look into a column", names, key="column")


def asked(report: DriftReport) -> None:
    """Is this one window different? An answer with its correction, kept apart from alarms."""
    answer = report.answer
    if answer is None:
        return
    rows = [
        (
            found.column,
            str(found.verdict.verdict),
            "" if found.verdict.w is None else number(found.verdict.w, "cohens_w"),
            in_cell(found.verdict.interval, "cohens_w"),
            "" if found.p_value is None else f"{found.p_value:.2g}",
            "" if found.adjusted_p_value is None else f"{found.adjusted_p_value:.2g}",
            found.verdict.reason,
        )
        for found in answer.columns
    ]
    header_row = ["Column", "Verdict", "Cohen's w", "95% interval", "p", "Adjusted p", "Reason"]
    show_numbers(header_row, rows, alt="Is this one window different?", label="Is this one window different?")


def left_out(report: DriftReport) -> None:
    """What isn't watched, and why."""
    grey = [(column.column, column.psi.why) for column in report.columns if is_grey(column.psi)]
    rows = [*report.left_out, *grey]
    if rows:
        label = f"Not watched: {plural(len(rows), 'column')}"
        show_numbers(["Column", "Why"], rows, alt="Columns that are not watched", label=label)


def column_card(report: DriftReport, column: ColumnReport, selected: Selected) -> None:
    """What moved inside one column, when, and where."""
    importance = "" if column.importance is None else f", importance {number(column.importance)}"
    focus = report.context.focus
    window = window_name(focus.window) if focus else "window"
    with st.container(border=True):
        words = shown_words(column.psi, report.context)
        st.markdown(f"**{plain(column.column)}** {muted(f'{column.kind}{importance}')} {chip(column.status, words)}")
        if column.incident is not None and column.since is not None:
            st.markdown(f"{incident_words(column.incident, column.subject)} Since {spoken(column.since.window)}.")
        else:
            st.markdown(f"{plain(column.psi.why[:1].upper())}{plain(column.psi.why[1:].rstrip('.'))}.")
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
        show_places(selected, column.column)
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
            ["Measure", "Value", "95% interval", "p", "Convention"],
            [*map(measure_row, column.drift.measures), *named(column)],
            alt=f"All measures of {column.column}",
            label="Show all measures",
        )


def measure_row(measure: Measure) -> tuple[str, str, str, str, str]:
    """One measure as a row of text."""
    value = number(measure.value, "psi") if measure.value is not None else f"undefined: {measure.why}"
    p = "" if measure.p_value is None else f"{measure.p_value:.2g}"
    return (measure_name(measure.measure), value, in_cell(measure.interval, "psi"), p, measure.convention)


def named(column: ColumnReport) -> list[tuple[str, str, str, str, str]]:
    """What other monitors would print for this column."""
    return [
        (name, f"{value:.4f}", "", "", f"as {name.split('.')[0]} computes it")
        for name, value in column.conventions.items()
    ]


def trend(report: DriftReport, column: ColumnReport) -> None:
    """The column's PSI window by window."""
    written = [f"PSI {number(m.value, 'psi')} {in_sentence(m.interval, 'psi')}, n {count(m.n)}" for m in column.trend]
    onset = report.context.windows.index(column.since) if column.since else None
    show_trend(report, column.trend, written, title=f"PSI by {report.context.unit}", key="psi_trend", onset=onset)


def show_trend(
    report: DriftReport, measures: Sequence[Measure], written: Sequence[str], *, title: str, key: str, onset: int | None
) -> None:
    """A number window by window."""
    windows = report.context.windows
    names = [window_name(window.window) for window in windows]
    points = positions(
        [w.window.start_at for w in windows], names, [w.window.key for w in windows], [True] * len(windows)
    )
    chart = trend_chart(
        measures,
        points,
        palette=palette(),
        title=title,
        written=written,
        height=170,
        focus=windows.index(report.context.focus) if report.context.focus else None,
        onset=onset,
    )
    show_chart(chart, key=key)


def whole_rows(report: DriftReport) -> None:
    """What no column shows by itself: rows as a whole."""
    if not report.whole_rows:
        return
    st.space(4)
    st.subheader("Do rows as a whole still look like the reference's?", anchor=False)
    for column, series in zip(st.columns(2, gap="medium"), report.whole_rows, strict=False):
        with column, st.container(border=True):
            focus = measure_at_focus(report, series)
            status = focus.status if focus is not None else Status.UNDEFINED
            words = NOT_YET if focus is not None and status is Status.OK and _lies_elsewhere(focus) else None
            st.markdown(f"**{WHOLE_ROWS[series.name]}** {chip(status, words)}")
            key = "roc_auc" if series.name == "classifier" else "wasserstein"
            written = [f"{number(m.value, key)} {in_sentence(m.interval, key)}, n {count(m.n)}" for m in series.trend]
            title = "AUC" if series.name == "classifier" else "Mean error of a row"
            show_trend(report, series.trend, written, title=title, key=series.name, onset=None)
            if series.drivers:
                named_columns = [f"{plain(name)} ({number(share)})" for name, share in series.drivers]
                st.markdown(f"Driven by {listed(named_columns, most=5)}.")
            unit = report.context.unit
            st.markdown(muted(f"{capital(series.words)}; from samples of rows, {unit} by {unit}."))


def _lies_elsewhere(measure: Measure) -> bool:
    """Whether the window's interval leaves out what reference windows gave on average."""
    interval, usual = measure.interval, measure.reference
    return interval is not None and usual is not None and not interval.low <= usual <= interval.high


def page() -> None:
    selected = select()
    report = cached.drift(selected.model, selected.selection) if selected and selected.context else None
    has_columns = report is not None and bool(report.columns)
    action = (lambda: computed(report, selected.model)) if report and has_columns and selected else None
    header("Drift", selected, actions=action)
    if usable(selected) is None or report is None or selected is None:
        return
    if not has_columns:
        if report.context.shows_reference:
            st.markdown("Drift sets production records against the reference. There are no production records yet.")
        else:
            st.markdown("No column is watched.")
            left_out(report)
        return
    verdict(report)
    stories(report)
    show_promise(selected.model, report.context)
    left, right = st.columns([11, 9], gap="medium")
    with left:
        name = column_list(report)
    with right:
        column_card(report, next(column for column in report.columns if column.column == name), selected)
    whole_rows(report)


page()
