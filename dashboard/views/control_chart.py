"""Is this series in control, by which rules, and since when not?"""

import streamlit as st

from core.measure import Status
from core.schema import Task
from core.services.chart_design import chart_design
from core.services.chart_options import ChartType
from core.services.chart_report import ChartPoint, ChartReport, ChartState
from dashboard import cached
from dashboard.components.chart_choices import chosen_options, pick_chart, pick_series
from dashboard.components.chart_drawing import show_control_chart
from dashboard.components.chart_gallery import show_gallery
from dashboard.components.chart_phases import show_phases, show_rebaseline, worth_words
from dashboard.components.chart_price import rate_words, show_price
from dashboard.components.chart_words import (
    lying,
    pattern,
    place_name,
    series_label,
    series_name,
    side,
    since_words,
    unit_of,
    value_words,
)
from dashboard.components.frame import header, usable
from dashboard.components.measures import dated, held
from dashboard.components.numbers import cell_table, how_computed
from dashboard.components.verdict import verdict_card
from dashboard.state import Selected, select
from dashboard.text import capital, count, digest, listed, muted, plain, plural, window_name

MOST_LISTED = 12


def verdict(report: ChartReport) -> None:
    """Whether the series is in control now, since when not, and what the limits are worth."""
    unit, subject = unit_of(report.context), capital(series_name(report.series))
    detail = []
    newest = report.later[-1] if report.later else None
    last = max((p.at.window.window.key, p) for p in report.signals)[1] if report.signals else None
    if newest is None and not any(p.is_later and not report.series.waits(p.at.window) for p in report.points):
        status, words = Status.INSUFFICIENT, "Just begun"
        ends = "" if report.phase is None else f", which ends with {place_name(report.phase.last, report.context)}"
        sentence = f"{subject} has no {unit} after phase I yet{ends}."
    elif newest is None:
        status, words = Status.UNDEFINED, None
        sentence = f"{subject} is undefined after phase I: {report.series.nothing}."
    elif not report.is_armed:
        status, words = Status.INSUFFICIENT, "Not armed"
        sentence = f"{subject} is charted for orientation only; nothing signals."
        detail.append(capital(worth_words(report)) + ".")
    elif report.is_off:
        status, words = Status.WARNING, "Out of control"
        sentence = f"{subject} is out of control: {lying(report)}."
        detail.append(since_words(report))
    elif last is not None:
        status, words = Status.OK, "In control now"
        where = dated(last.at.window)
        sentence = (
            f"{subject} is in control now; it signalled in {len(report.signals)} of {plural(len(report.later), unit)}, "
            f"last {where}."
        )
        detail.append(capital(lying(report)) + ".")
    elif not any(can_signal(point) for point in report.later):
        status, words = Status.INSUFFICIENT, None
        sentence = f"{subject} can't be told from chance: with so few rows no value would lie outside the limits."
    else:
        status, words = Status.OK, "In control"
        sentence = f"{subject} is in control: no rule signals in {plural(len(report.later), unit)} after phase I."
        detail.append(seen(report, newest))
    if report.n_waiting:
        are = "is" if report.n_waiting == 1 else "are"
        detail.append(f"{plural(report.n_waiting, unit)} whose labels are still arriving {are} left out.")
    if not report.is_frozen:
        detail.append("You look at limits of your own choice, not at those in force.")
    verdict_card(
        status,
        plain(sentence),
        detail=plain(" ".join(filter(None, detail))),
        basis=plain(basis(report)),
        chip_words=words,
    )


def can_signal(point: ChartPoint) -> bool:
    """Whether any value of this window would lie outside its limits."""
    if point.low is None or point.high is None:
        return False
    return point.low > 0 or point.high < 1 or point.at.window.n == 0


def seen(report: ChartReport, point: ChartPoint) -> str:
    """What the newest window would have shown."""
    name = report.series
    if report.options.chart is not ChartType.SHEWHART or point.low is None or point.high is None:
        return ""
    is_share = name.measure == ""
    ends = [f"above {value_words(name, point.high)}"] if not is_share or point.high < 1 else []
    ends += [f"below {value_words(name, point.low)}"] if not is_share or point.low > 0 else []
    unit = unit_of(report.context)
    where = f"In the newest {unit}, n {count(point.n)}"
    return f"{where}, a value {' or '.join(ends)} would have been seen." if ends else ""


def basis(report: ChartReport) -> str:
    """Which windows are charted, against which limits."""
    later = [point.at.window for point in report.points if not point.at.of_reference]
    span = [window_name(later[place].window) for place in (0, -1)] if later else []
    n = sum(point.n for point in report.points if not point.at.of_reference)
    charted = f"{capital(', to '.join(dict.fromkeys(span)))}; n {count(n)}. " if span else ""
    return f"{charted}{capital(report.convention)}."


def signals(report: ChartReport) -> None:
    """The windows that signal, the newest first, each with its rule's words."""
    found = sorted(report.signals, key=lambda point: point.at.window.window.key, reverse=True)
    if not found:
        return
    st.subheader("Which windows signal, and by what?", anchor=False)
    rows = []
    for point in found[:MOST_LISTED]:
        if report.options.chart is ChartType.SHEWHART:
            why = "  \n".join(f"{capital(rule.words)}  \n{muted(held(rule.label))}" for rule in point.rules)
        else:
            why = capital(pattern(report, point.rules[0]))
        limit = point.high if point.side > 0 else point.low
        is_memory = report.options.chart is not ChartType.SHEWHART
        shown = "" if limit is None else f"{limit:.2f} sigma" if is_memory else value_words(report.series, limit)
        rows.append(
            [
                held(plain(capital(window_name(point.at.window.window)))),
                why,
                value_words(report.series, point.value),
                f"{side(point)}, {shown}" if shown else side(point),
                count(point.n),
            ]
        )
    cell_table(["Window", "Signal", "Value", "Side, limit", "n"], rows, alt="Windows that signal")
    if len(found) > MOST_LISTED:
        st.markdown(muted(f"{len(found) - MOST_LISTED} earlier ones are in the numbers below the chart."))


def meaning(report: ChartReport, rate: str) -> None:
    """What a chart is for, and what it isn't."""
    with st.container(border=True):
        st.markdown("**How to read it**")
        lines = [
            "A control chart explains; it never opens an alert. Whether a change matters is judged by margins, on the "
            "pages Performance, Drift and Fairness.",
            rate,
        ]
        if report.base_signals:
            names = [plain(window_name(point.at.window.window)) for point in report.base_signals]
            are = "signals" if len(names) == 1 else "signal"
            lines.append(
                f"{plural(len(names), 'point')} of phase I itself ({listed(names)}) {are}: if there was a cause that "
                "won't recur, leave them out."
            )
        st.markdown("\n".join(f"- {line}" for line in lines))


def computed(report: ChartReport) -> None:
    """The drawer: chart, centre, limits, tests on phase I, digest."""
    context, baseline = report.context, report.baseline
    notes = baseline.notes if baseline is not None else ()
    how_computed(
        f"**{plain(series_label(report.series))}**, each window against limits made of phase I and frozen. A point "
        "exactly on a limit is inside; after a window without a value, rules begin to count anew.",
        {
            "Convention": plain(report.convention),
            "Tests": plain(" ".join(notes)) or "none",
            "Rules": "; ".join(f"{rule.label}: {rule.words}" for rule in report.options.rules) or "none",
            "Since when": "exact partition into levels, penalty log(n) + 2; the interval, of 90% or more, holds all "
            "places at most exp(3) times less likely than the best",
            "Windows": f"{plural(len(report.points), 'window')} by {plain(context.unit)}, {plain(context.timezone)}",
            "Reference": f"{plural(len(context.reference_windows), 'window')}, n {count(context.n_reference)}",
        },
        {"Profile (SHA-256)": digest(context.profile_digest)},
        key="how_chart",
    )


def elsewhere(report: ChartReport, selected: Selected) -> None:
    """How many other series are off, so that a choice of series hides none."""
    overview = cached.control_charts(selected.model, selected.selection) or ()
    off = [each for each in overview if each.state is ChartState.OFF]
    others = [each for each in off if each.series != report.series]
    if others:
        names = listed([plain(series_label(each.series)) for each in others])
        st.markdown(f":material/report: {len(off)} of {len(overview)} series are out of control now, also: {names}.")


def page() -> None:
    selected = select()
    place = st.container()
    if selected is None or selected.context is None:
        with place:
            header("Control charts", selected)
        usable(selected)
        return
    first = cached.control_chart(selected.model, selected.selection, None, chosen_options())
    if first is None:
        with place:
            header("Control charts", selected)
        usable(None)
        return
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        with st.container(width=320):
            series = pick_series(first.choices)
        pick_chart()
    report, options = first, chosen_options()
    if (series, options) != (first.series.name, first.options):
        report = cached.control_chart(selected.model, selected.selection, series, options) or first
    with place:
        header("Control charts", selected, actions=(lambda: computed(report)) if not report.why else None)
    if report.context.task is Task.REGRESSION:
        st.markdown(muted("A regression has no classes: its error rate and selection rate are undefined."))
    if report.why:
        subject = capital(series_name(report.series))
        verdict_card(Status.UNDEFINED, plain(f"{subject} can't be charted."), detail=plain(report.why))
    elif report.context.shows_reference:
        verdict_card(
            Status.INSUFFICIENT,
            "There are no production records yet; a chart sets them against the reference.",
            detail="What you see is the reference against its own limits.",
            chip_words="No records yet",
        )
        show_control_chart(report)
        show_phases(report, selected.selection)
    else:
        charted(report, selected)
    overview = cached.control_charts(selected.model, selected.selection)
    if overview:
        st.space(4)
        show_gallery(overview, report.context, selected.model)


def charted(report: ChartReport, selected: Selected) -> None:
    """Everything about one series."""
    design = chart_design(report.options, report.baseline, windows_per_year=report.windows_per_year)
    verdict(report)
    elsewhere(report, selected)
    show_control_chart(report)
    if report.signals:
        left, right = st.columns([13, 7], gap="medium")
        with left:
            signals(report)
        with right:
            meaning(report, rate_words(report, design))
    else:
        meaning(report, rate_words(report, design))
    st.space(4)
    show_phases(report, selected.selection)
    show_rebaseline(report, selected.selection)
    st.space(4)
    show_price(report, design)


page()
