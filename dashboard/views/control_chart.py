"""Was this share in control?"""

import streamlit as st

from core.charts.control import control_chart
from core.measure import Status
from core.schema import Task
from core.services.control import ERROR_RATE, MISSING, SELECTION_RATE, ChartReport
from core.services.observations import WindowInfo
from core.spc.chart import ChartPoint, ControlChart
from dashboard import cached
from dashboard.components.frame import header, usable
from dashboard.components.measures import capital, dated, held
from dashboard.components.numbers import cell_table, how_computed, show_chart, show_numbers
from dashboard.components.verdict import verdict_card
from dashboard.state import Selected, select
from dashboard.text import DASH, count, day, digest, listed, muted, number, plain, plural, window_name
from dashboard.theme import palette

NOTHING = {
    ERROR_RATE: "no row has both a prediction and a label",
    SELECTION_RATE: "no row has a prediction",
}


def picked(selected: Selected, first: ChartReport) -> ChartReport | None:
    """The chart of the series that the reader chose."""
    series = st.selectbox(
        "Share of rows", first.choices, key="series", bind="query-params", format_func=capital, width=320
    )
    return first if series == first.series else cached.control_chart(selected.model, selected.selection, series)


def verdict(report: ChartReport, chart: ControlChart) -> None:
    """How many windows lie outside, on which side, since when, and what the limits are worth."""
    unit = chart.unit
    told = [point for point in chart.points if point.value is not None]
    what = subject(report)
    detail = [plain(chart.why)] if chart.why else []
    if chart.dispersion is not None:
        detail.append(chart.dispersion.words(unit))
    if report.waiting:
        are = "is" if len(report.waiting) == 1 else "are"
        detail.append(f"{plural(len(report.waiting), unit)} whose labels are still arriving {are} left out.")
    outside = [where for side in ("above", "below") if (where := lying(report, chart, side))]
    if not told:
        status, words = Status.UNDEFINED, None
        sentence = f"{what} is undefined: {NOTHING.get(report.series, 'no window has rows')}."
    elif not chart.armed:
        status, words = Status.INSUFFICIENT, "Not armed"
        sentence = f"{what} is charted for orientation only; nothing signals."
    elif outside:
        status, words, sentence = Status.WARNING, "Out of control", f"{what} lies {' and '.join(outside)}."
    elif not any(can_signal(point) for point in told):
        status, words = Status.INSUFFICIENT, None
        sentence = f"{what} can't be told from chance: with so few rows no share would lie outside the limits."
    else:
        status, words = Status.OK, "In control"
        sentence = f"{what} lies inside the limits in {'all of ' if len(told) > 1 else ''}{plural(len(told), unit)}."
        detail.insert(0, seen(told[-1], unit))
    verdict_card(status, plain(sentence), detail=" ".join(detail), basis=basis(report, chart), chip_words=words)


def subject(report: ChartReport) -> str:
    """The series at the head of a sentence."""
    column = report.series.removeprefix(MISSING)
    return f"The {report.series}" if column == report.series else f"The missing share of {column}"


def lying(report: ChartReport, chart: ControlChart, side: str) -> str:
    """In how many windows the share lies on one side of the limits, and the first of them; '' if in none."""
    told = [window for point, window in zip(chart.points, report.windows, strict=True) if point.signal == side]
    if not told:
        return ""
    n = sum(point.value is not None for point in chart.points)
    first = f"{'first ' if len(told) > 1 else ''}{dated(told[0])}"
    limit = "upper" if side == "above" else "lower"
    return f"{side} the {limit} limit in {len(told)} of {plural(n, chart.unit)}, {first}"


def can_signal(point: ChartPoint) -> bool:
    """Whether any share of this window's rows would lie outside its limits."""
    return point.low is not None and point.high is not None and (point.low > 0 or point.high < 1)


def seen(point: ChartPoint, unit: str) -> str:
    """What the last window would have shown."""
    ends = [f"above {share(point.high)}"] if point.high is not None and point.high < 1 else []
    ends += [f"below {share(point.low)}"] if point.low is not None and point.low > 0 else []
    return f"In the last {unit}, n {count(point.n)}, a share {' or '.join(ends)} would have been seen." if ends else ""


def basis(report: ChartReport, chart: ControlChart) -> str:
    """Which windows are charted, against which limits."""
    span = [window_name(report.windows[place].window) for place in (0, -1)] if report.windows else []
    n = sum(point.n for point in chart.points)
    charted = f"{capital(', to '.join(dict.fromkeys(span)))}; n {count(n)}. " if span else ""
    return plain(f"{charted}Limits: {chart.convention}.")


def chart_card(report: ChartReport, chart: ControlChart) -> None:
    """The chart, its legend in words, and its numbers."""
    before, after = report.context.reference_windows, report.windows
    names, reference_names = ([window_name(window.window) for window in windows] for windows in (after, before))
    focus = report.context.focus
    with st.container(border=True):
        drawn = control_chart(
            chart,
            reference=report.reference_points,
            names=names,
            reference_names=reference_names,
            ticks=[tick(window) for window in (*before, *after)],
            palette=palette(),
            title=capital(f"{report.series} by {chart.unit}"),
            focus=after.index(focus) if focus in after else None,
        )
        show_chart(drawn, key="control_chart")
        st.markdown(
            muted(
                "Dotted: the limits at each window's rows. Dashed: centre, the reference's share. Diamond: outside. "
                "Open: the reference."
            )
        )
        show_numbers(
            ["Window", "Phase", "Share", "Lower limit", "Upper limit", "n", "Signal"],
            [
                *(
                    point_row(p, name, "reference")
                    for p, name in zip(report.reference_points, reference_names, strict=True)
                ),
                *(point_row(p, name, "production") for p, name in zip(chart.points, names, strict=True)),
            ],
            alt=f"{report.series} of every window",
        )


def tick(window: WindowInfo) -> str:
    """A window's name, short enough for an axis."""
    start = window.window.start_at
    return window.name if start is None else day(start)


def share(value: float | None) -> str:
    """A share with digits enough for a rare one."""
    return DASH if value is None else f"{value:.2%}" if abs(value) < 0.1 else number(value)


def point_row(point: ChartPoint, name: str, phase: str) -> tuple[str, ...]:
    """One window as text."""
    return (name, phase, share(point.value), share(point.low), share(point.high), count(point.n), point.signal or "")


def signals(report: ChartReport, chart: ControlChart) -> None:
    """The windows outside, each with its limit."""
    outside = [(p, w) for p, w in zip(chart.points, report.windows, strict=True) if p.signal]
    if not outside:
        return
    st.subheader("Which windows lie outside?", anchor=False)
    rows = []
    for point, window in reversed(outside):
        limit = point.high if point.signal == "above" else point.low
        side = f":orange-badge[:material/change_history: {capital(point.signal or '')} the limit]"
        rows.append(
            [held(plain(capital(window_name(window.window)))), side, share(point.value), share(limit), count(point.n)]
        )
    cell_table(["Window", "Signal", "Share", "Limit", "n"], rows, alt="Windows outside the limits")


def meaning(report: ChartReport, chart: ControlChart) -> None:
    """What a chart is for, and what it isn't."""
    with st.container(border=True):
        st.markdown("**How to read it**")
        lines = [
            "A control chart explains; its signals page nobody. Whether a change matters is judged by margins, on the "
            "pages Performance, Drift and Fairness.",
            "While a share is stable, about 1 window in 370 lies outside 3-sigma limits by chance.",
        ]
        inside = [
            p for p in report.reference_points if p.value is not None and p.low is not None and p.high is not None
        ]
        off = [p for p in inside if p.low is not None and p.high is not None and not p.low <= (p.value or 0) <= p.high]
        if off:
            lines.append(
                f"{plural(len(off), chart.unit)} of the reference itself ({listed([plain(p.name) for p in off])}) "
                "lie outside: the limits may rest on a reference that was not in control."
            )
        st.markdown("\n".join(f"- {line}" for line in lines))


def computed(report: ChartReport, chart: ControlChart) -> None:
    """The drawer: chart, centre, limits, dispersion, digest."""
    context = report.context
    spread = DASH if chart.dispersion is None else f"sigma_z {chart.dispersion.sigma_z:.2f}"
    how_computed(
        f"**p chart** of the {plain(report.series)}: a share of each window's rows against limits that widen as rows "
        "get fewer. A point on a limit is inside.",
        {
            "Convention": plain(chart.convention),
            "Needed": f"{7} reference windows with rows; there are {chart.n_reference_windows}",
            "Dispersion (Laney)": spread,
            "Windows": f"{plural(len(report.windows), 'window')} by {plain(context.unit)}, {plain(context.timezone)}",
            "Reference": f"{plural(len(context.reference_windows), 'window')}, n {count(context.n_reference)}",
        },
        {"Profile (SHA-256)": digest(context.profile_digest)},
        key="how_chart",
    )


def page() -> None:
    selected = select()
    first = cached.control_chart(selected.model, selected.selection, None) if selected and selected.context else None
    place = st.container()
    report = None
    if selected is not None and first is not None:
        report = picked(selected, first)
    chart = report.chart if report is not None else None
    with place:
        shown = report is not None and chart is not None
        header("Control chart", selected, actions=(lambda: computed(report, chart)) if shown else None)
    if usable(selected) is None or report is None:
        return
    if report.context.task is Task.REGRESSION:
        st.markdown(muted("A regression has no classes: its error rate and selection rate are undefined."))
    if chart is None:
        verdict_card(Status.UNDEFINED, plain(f"{subject(report)} can't be charted."), detail=plain(report.why))
        return
    verdict(report, chart)
    chart_card(report, chart)
    signals(report, chart)
    meaning(report, chart)


page()
