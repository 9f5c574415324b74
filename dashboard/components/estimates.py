"""What was estimated before labels came, in sentences: the latest, what past ones were worth, and why there is none."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.measure import Measure
from core.performance.estimated import PREFIX
from core.schema import Task
from core.services.estimate_report import EstimateReport
from core.services.observations import Context, WindowInfo
from dashboard.components.measures import dated
from dashboard.text import capital, in_sentence, measure_name, muted, number, plain, plural

__all__ = ["estimated_series", "estimates_in_words", "withheld_words"]

FROM = {
    Task.BINARY: ("the scores alone", "outcomes follow the score"),
    Task.MULTICLASS: ("the scores alone", "outcomes follow each class's score"),
    Task.REGRESSION: ("inputs and predictions of sampled rows", "errors follow them"),
}


def estimated_series(report: EstimateReport, name: str) -> tuple[Measure, ...]:
    """The estimates of a measure under its own name, so that they are written as it is; () where there are none."""
    return tuple(replace(m, measure=m.measure.removeprefix(PREFIX)) for m in report.series(name))


def estimates_in_words(report: EstimateReport, name: str) -> None:
    """The estimates of one measure: Markdown of its own."""
    if report.why:
        st.markdown(muted(plain(report.why)))
        return
    series = estimated_series(report, name)
    if not series:
        st.markdown(muted(f"{plain(capital(measure_name(name)))} isn't estimated without labels."))
        return
    said = [*_latest(report, series), _coverage(report, name), *_withheld(report, name)]
    if not report.context.arming.is_armed:
        said.append("Nothing is watched yet: that outcomes left the score would show only in estimates that miss.")
    st.markdown("  \n".join(said))
    basis, supposed = FROM[report.context.task]
    st.markdown(
        muted(
            f"Dashed: estimated from {basis}, between the dotted limits of what labels will show in 95 of 100 "
            f"windows, if {supposed} as they did in the reference."
        )
    )


def _latest(report: EstimateReport, series: tuple[Measure, ...]) -> list[str]:
    """The last window's estimate, while its labels aren't in."""
    place = len(series) - 1
    measure = series[place]
    if report.realised[place] or measure.value is None:
        return []
    value = f"{number(measure.value, measure.measure)} {in_sentence(measure.interval, measure.measure)}"
    name = plain(measure_name(measure.measure))
    return [f"**{capital(dated(report.context.windows[place]))}: {name} is estimated as {plain(value)}**, unlabelled."]


def _coverage(report: EstimateReport, name: str) -> str:
    held, known = report.coverage(name)
    if not known:
        return "No estimate could be checked yet."
    return f"Of {plural(known, 'estimate')} that could be checked, {held} held what the labels showed."


def _withheld(report: EstimateReport, name: str) -> list[str]:
    """Why there is no estimate, each reason with its windows."""
    return [
        f"No estimate for {_named(windows)}: {withheld_words(words, report.context)}"
        for words, windows in report.reasons(name).items()
    ]


def withheld_words(words: str, context: Context) -> str:
    """A reason as Markdown, with windows named as the page names them."""
    for window in context.windows:
        words = words.replace(f"from {window.name} on", f"from {dated(window)} on")
    return plain(words)


def _named(windows: tuple[WindowInfo, ...]) -> str:
    if len(windows) <= 2:
        return " and ".join(map(dated, windows))
    return f"{plural(len(windows), 'window')}, {dated(windows[0])} to {dated(windows[-1])}"
