"""How well does the model do, how sure are we, where is it worst?"""

from dataclasses import replace

import streamlit as st

from core.charts.trend import Limit
from core.measure import Measure, Status
from core.schema import Task
from core.services.drift import SEVERITY
from core.services.estimate_report import EstimateReport
from core.services.performance import PerformanceReport
from dashboard import cached
from dashboard.components.curves import score_curves
from dashboard.components.estimated_gaps import show_estimated_gaps
from dashboard.components.estimates import estimated_series, estimates_in_words
from dashboard.components.frame import header, rests_on, usable
from dashboard.components.maturity import show_maturity
from dashboard.components.measures import (
    ALARMS,
    NOT_YET,
    change_cell,
    count_cell,
    dated,
    differs,
    held,
    margin_words,
    moved,
    titled,
    verdict_chip,
)
from dashboard.components.numbers import cell_table, how_computed
from dashboard.components.selective import show_selective
from dashboard.components.slices import segment_table, version_table
from dashboard.components.subgroups import show_worst_slices
from dashboard.components.summary import WATCHED
from dashboard.components.trends import around, show_trend
from dashboard.components.verdict import verdict_card
from dashboard.state import Selected, select
from dashboard.text import (
    capital,
    count,
    digest,
    in_sentence,
    listed,
    measure_name,
    muted,
    number,
    plain,
    plural,
    value_cell,
)

BY_CLASS = ("precision", "recall", "f1", "roc_auc")
MOST_CLASSES = 8  # a larger confusion table would not fit


def overall(report: PerformanceReport) -> list[Measure]:
    """The measures over all classes: alarms, then the primary one, then the others that are judged."""
    whole = [m for m in report.measures if not m.column]
    return sorted(
        whole,
        key=lambda m: (SEVERITY[m.status] if m.status in ALARMS else 5, m.measure != report.primary, m.margin is None),
    )


def verdict(report: PerformanceReport) -> None:
    """What moved, from where to where, since when; or what could have been seen."""
    context, first = report.context, overall(report)[0]
    sentence, detail = moved(first), ""
    if first.status in ALARMS:
        since = report.since_of(first.measure) if context.arming.is_armed else None
        detail = f"Since {dated(since)}." if since else ""
        others = [measure_name(m.measure) for m in overall(report)[1:] if m.status in ALARMS]
        detail += f" With it: {listed(others, most=6)}." if others else ""
    elif first.value is not None:
        unclear = [m for m in overall(report) if m.margin is not None and m.status is Status.INSUFFICIENT]
        if unclear and first not in unclear:
            detail = f"For {listed([measure_name(m.measure) for m in unclear])} there is too little data to tell."
    basis = rests_on(replace(context, focus=report.focus))
    if report.focus is not None:
        basis += f" Labels known for {count(report.focus.n_labelled)} of {count(report.focus.n)} records."
    later = [w for w in context.windows if report.focus and w.window.key > report.focus.window.key and not w.is_mature]
    if later:
        basis += f" The labels of {plural(len(later), 'later window')} are still arriving."
    words = None
    if first.value is not None and context.shows_reference:
        status, words = Status.INSUFFICIENT, "Reference only"
    elif first.value is not None and not context.arming.is_armed:
        status, words = Status.INSUFFICIENT, "Not armed"
    else:
        status = first.status if first.status is not Status.OK else report.status
        words = NOT_YET if status is Status.OK and differs(first) else None
    verdict_card(status, plain(sentence), detail=detail.strip(), basis=basis, chip_words=words)


def computed(report: PerformanceReport) -> None:
    """The drawer: conventions, margins, alarm, reference, digest."""
    context, first = report.context, overall(report)[0]
    primary = report.measure(report.primary) or first
    how_computed(
        f"**{plain(titled(primary))}** of the records whose label is known, window by window, against the reference. "
        "Labels are joined by prediction id whenever they come; windows younger than the label delay are not judged.",
        {
            "Convention": plain(primary.convention),
            "Margin": "none" if primary.margin is None else margin_words(primary.margin, primary.measure),
            "Alarm": f"{WATCHED} AUC, accuracy and Brier score, or MAE and bias, are; other measures are shown.",
            "False alarms": plain(context.arming.reason),
            "Reference": f"{plural(len(context.reference_windows), 'window')}, n {count(context.n_reference)}",
            "Windows": f"{plural(len(context.windows), 'window')} by {plain(context.unit)}, {plain(context.timezone)}",
        },
        {"Profile (SHA-256)": digest(context.profile_digest)},
        key="how_performance",
    )


def over_time(report: PerformanceReport, estimates: EstimateReport | None) -> None:
    """One measure over the windows, chosen by the reader, beside what it was estimated to be before labels."""
    st.subheader("How did it go over time?", anchor=False)
    names = [m.measure for m in report.measures if not m.column]
    names.sort(key=lambda name: name != report.primary)
    name = st.selectbox("Measure", names, key="measure", bind="query-params", format_func=measure_name, width=280)
    series = report.series(name)
    now = report.measure(name)
    told = now if now is not None and now.value is not None else series[-1]
    reference, limits = None, []
    is_bounded = told.value is None and told.interval is not None
    if now is not None and now.reference is not None:
        reference = Limit(value=now.reference, words=("reference", number(now.reference, name)))
        if now.margin is not None and not is_bounded:
            side = 0
            if now.status is Status.CRITICAL and report.context.arming.is_armed and now.value is not None:
                side = 1 if now.value > now.reference else -1
            limits = around(now.reference, now.margin, name, is_crossed=side)
    show_trend(
        report.context,
        series,
        title=f"{titled(series[0])} by {report.context.unit}, {'worst-case bounds' if is_bounded else '95% interval'}",
        key="measure_trend",
        written=lambda m: f"{number(m.value, m.measure)} {in_sentence(m.interval, m.measure)}, n {count(m.n)}",
        reference=reference,
        limits=limits,
        focus=report.focus,
        since=report.since_of(name),
        percent=number(0.5, name).endswith("%"),
        height=250,
        estimates=estimated_series(estimates, name) if estimates is not None else (),
        note=f"{plain(capital(told.convention))}. Hatched, open grey dots: labels still arriving, not judged.",
    )
    if estimates is not None and not report.context.shows_reference:
        estimates_in_words(estimates, name)


def measures(report: PerformanceReport) -> None:
    """Every measure with its interval, the worst first."""
    st.subheader("How did each measure do?", anchor=False)
    rows = [
        [
            held(plain(titled(m))),
            verdict_chip(m, report.context),
            value_cell(m),
            count(m.n),
            number(m.reference, m.measure),
            change_cell(m),
        ]
        for m in overall(report)
    ]
    header_row = ["Measure", "Verdict", "Value, 95% interval", "n", "Reference", "Change"]
    cell_table(header_row, rows, alt="Every measure of performance")


def confusion(report: PerformanceReport) -> None:
    """What was predicted against what turned out."""
    found = report.confusion
    if found is None or not sum(map(sum, found.counts)):
        return
    st.subheader("What was predicted, what turned out?", anchor=False)
    if len(found.classes) <= MOST_CLASSES:
        rows = []
        for name, cells in zip(found.classes, found.counts, strict=True):
            total = sum(cells)
            shares = [f"{count(k)}  \n{muted(number(k / total) if total else 'none predicted')}" for k in cells]
            rows.append([f"predicted **{plain(name)}**", *shares, count(total)])
        head = ["", *(f"was {plain(name)}" for name in found.classes), "n"]
        cell_table(head, rows, alt="Predictions against labels")
        made = "as they were made"
        if report.decides_by_threshold:
            made = (
                f"by score: {report.operating_threshold:g} or more is '{report.positive}', as no prediction is logged"
            )
        st.markdown(muted(f"Shares are of the row: of those predicted so, how many were so. Decisions {plain(made)}."))
    by_class = [m for m in report.measures if m.column]
    if by_class:
        st.subheader("Which class is hardest?", anchor=False)
        found = {(m.column, m.measure): m for m in by_class}
        shown = {name: [found[name, kind] for kind in BY_CLASS] for name in dict.fromkeys(m.column for m in by_class)}
        rows = []
        for name, (precision, recall, *others) in sorted(
            shown.items(), key=lambda item: min(m.value or 0 for m in item[1][:2])
        ):
            rows.append(
                [
                    plain(name),
                    *(cell for m in (precision, recall) for cell in (verdict_chip(m, report.context), count_cell(m))),
                    *(value_cell(m) for m in others),
                ]
            )
        head = ["Class", "Precision verdict", "Precision, n", "Recall verdict", "Recall, n", "F1", "AUC"]
        cell_table(head, rows, alt="Precision, recall, F1 and AUC of each class")


def slices(selected: Selected) -> None:
    """In which segment it is worst, and how each version did."""
    found = cached.performance_slices(selected.model, selected.selection)
    if found is None:
        return
    st.subheader("Where is it worst?", anchor=False)
    segment_table(found)
    if len(found.versions) > 1:
        st.subheader("How did each version do?", anchor=False)
        version_table(found)


def page() -> None:
    selected = select()
    report = cached.performance(selected.model, selected.selection) if selected and selected.context else None
    has_measures = report is not None and bool(report.measures)
    header("Performance", selected, actions=(lambda: computed(report)) if report is not None and has_measures else None)
    context = usable(selected)
    if selected is None or context is None or report is None:
        return
    if not has_measures:
        st.markdown("This selection has no window with records, so there is nothing to measure.")
        return
    verdict(report)
    with st.container(border=True):
        over_time(report, cached.estimates(selected.model, selected.selection))
    labels = st.container()  # filled last: rows are read for it
    measures(report)
    slices(selected)
    worst = st.container()  # so is this
    if report.is_of_chosen_rows:
        st.markdown(muted("What follows is of the rows with a label only: the model's decisions chose them."))
    if context.task is Task.BINARY:
        if context.attributes:
            show_estimated_gaps(selected, context, context.attributes)
        score_curves(report)
    confusion(report)
    with labels, st.spinner("Reading when labels came"):
        maturity = cached.maturity(selected.model, replace(selected.selection, window=None))
    if maturity is not None and not context.shows_reference:
        with labels:
            show_maturity(maturity)
            chosen = cached.selective(selected.model, selected.selection)
            if chosen is not None:
                show_selective(chosen)
    if not context.shows_reference:
        with worst:
            show_worst_slices(selected)


page()
