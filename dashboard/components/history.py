"""What happened to a model, and when: its primary measure, its records, and numbered marks with their list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import streamlit as st

from core.charts.frame import Chart
from core.charts.timeline import Mark, timeline_chart
from core.charts.trend import Limit, positions
from core.measure import Family, Measure, Status
from core.services.alarms import Alarm
from core.services.fleet import ModelSummary
from core.services.observations import WindowInfo
from dashboard.components.numbers import show_chart, show_numbers
from dashboard.components.summary import FAMILY_NAMES, gap_name, unjudged_words, unusable
from dashboard.text import (
    CHIP_WORDS,
    capital,
    count,
    day,
    first_day,
    in_cell,
    in_sentence,
    listed,
    measure_name,
    muted,
    number,
    plain,
    plural,
    window_name,
)
from dashboard.theme import palette

__all__ = ["show_history"]

VERSIONS, INPUTS, OUTCOMES = "Versions", "Inputs", "Outcomes"
LANES = (VERSIONS, INPUTS, OUTCOMES)
OF_INPUTS = (Family.DATA_DRIFT, Family.DATA_QUALITY)
BADGES = {None: ":blue-badge[{}]", Status.CRITICAL: ":red-badge[:material/error: {}]"}
CHANGED = ":orange-badge[:material/change_history: {}]"


def show_history(summary: ModelSummary, versions: Mapping[str, tuple[WindowInfo, ...]]) -> None:
    """The timeline, the list of its marks, and the numbers of both."""
    context = summary.context
    if not context.windows:
        return
    marks = _marks(summary, versions)
    with st.container(border=True, gap="small"):
        show_chart(_chart(summary, marks), key="timeline")
        _list(summary, marks)
        st.markdown(muted(_legend(summary)))
        _numbers(summary)


def _marks(summary: ModelSummary, versions: Mapping[str, tuple[WindowInfo, ...]]) -> list[Mark]:
    """Versions where they were first seen and alarms where they began, numbered lane by lane."""
    windows = summary.context.windows
    places = {window.window.key: place for place, window in enumerate(windows)}
    found = [
        Mark(number=0, lane=VERSIONS, first=places[seen[0].window.key], last=places[seen[0].window.key], words=name)
        for name, seen in versions.items()
        if seen and seen[0].window.key in places
    ]
    found += [
        Mark(
            number=0,
            lane=INPUTS if alarm.family in OF_INPUTS else OUTCOMES,
            first=places[alarm.first.window.key],
            last=places[alarm.last.window.key],
            words=f"{FAMILY_NAMES[alarm.family]}: {listed(_subjects(summary, alarm))}",
            status=alarm.status,
        )
        for alarm in summary.alarms
    ]
    found.sort(key=lambda mark: (LANES.index(mark.lane), mark.first))
    return [replace(mark, number=place + 1) for place, mark in enumerate(found)]


def _subjects(summary: ModelSummary, alarm: Alarm) -> list[str]:
    """What alarmed, each once, the worst first."""
    if alarm.family is Family.DATA_DRIFT:
        names = [measure.column for measure in alarm.measures]
    elif alarm.family is Family.DATA_QUALITY:
        names = [unusable(measure, measure.column) for measure in alarm.measures]
    elif alarm.family is Family.FAIRNESS:
        names = [f"{gap_name(measure)} by {measure.column}" for measure in alarm.measures]
    elif alarm.family is Family.CONCEPT_DRIFT:
        names = [
            f"{'errors' if summary.concept.by == 'predicted value' else 'outcomes'} at the same {summary.concept.by}"
        ]
    else:
        names = [measure_name(measure.measure) for measure in alarm.measures]
    return list(dict.fromkeys(names))


def _chart(summary: ModelSummary, marks: Sequence[Mark]) -> Chart:
    context, report, primary = summary.context, summary.performance, summary.performance.primary
    series = [_as_shown(summary, measure) for measure in report.series(primary)]
    names = [window_name(window.window) for window in context.windows]
    focus = report.focus
    onset = summary.leading.since if summary.is_judged and summary.leading.is_alarm else None
    before, now = summary.primary_reference, summary.primary
    reference = None
    if before is not None and before.value is not None and not context.shows_reference:
        reference = Limit(value=before.value, words=("reference", number(before.value, primary)))
    end = summary.limit_of(now) if now is not None else None
    limits = []
    if now is not None and end is not None:
        is_crossed = summary.is_judged and now.status is Status.CRITICAL
        limits.append(Limit(value=end, words=("margin", number(end, primary)), is_crossed=is_crossed))
    return timeline_chart(
        series,
        positions(
            [w.window.start_at for w in context.windows],
            names,
            [w.window.key for w in context.windows],
            [w.is_mature for w in context.windows],
        ),
        [w.n for w in context.windows],
        marks,
        palette=palette(),
        title=f"{capital(measure_name(primary))}, 95% interval",
        unit="window" if " " in context.unit else context.unit,
        lanes=LANES,
        written=[_written(measure) for measure in series],
        reference=reference,
        limits=limits,
        percent=number(0.5, primary).endswith("%"),
        focus=context.windows.index(focus) if focus else None,
        onset=context.windows.index(onset) if onset else None,
    )


def _as_shown(summary: ModelSummary, measure: Measure) -> Measure:
    """Without a verdict while nothing is armed."""
    if summary.is_judged or measure.status is Status.UNDEFINED:
        return measure
    return replace(measure, status=Status.INSUFFICIENT)


def _written(measure: Measure) -> str:
    if measure.value is None:
        return measure.why
    name, interval = measure.measure, in_sentence(measure.interval, measure.measure)
    return f"{measure_name(name)} {number(measure.value, name)} {interval}, n {count(measure.n)}"


def _list(summary: ModelSummary, marks: Sequence[Mark]) -> None:
    """Every mark in words, lane by lane."""
    if not marks:
        return
    for column, lane in zip(st.columns(len(LANES), gap="medium"), LANES, strict=True):
        lines = []
        for mark in marks:
            if mark.lane == lane:
                badge = BADGES.get(mark.status, CHANGED).format(mark.number)
                seen = "first seen" if mark.status is None else _lasted(summary, mark)
                lines.append(f"{badge} {_when(summary, mark)} {plain(mark.words)}, {muted(seen)}")
        with column:
            st.markdown(f"**{lane}**")
            st.markdown("  \n".join(lines) if lines else muted("None." if summary.is_judged else "None: not armed."))


def _when(summary: ModelSummary, mark: Mark) -> str:
    window = summary.context.windows[mark.first].window
    first = first_day(window)
    return plain(window.name) if first is None else day(first)


def _lasted(summary: ModelSummary, mark: Mark) -> str:
    unit = "window" if " " in summary.context.unit else summary.context.unit
    return plural(mark.last - mark.first + 1, unit).replace(" ", "\u00a0")


def _legend(summary: ModelSummary) -> str:
    windows = summary.context.windows
    mature = sum(window.is_mature for window in windows)
    labelled = sum(window.is_mature and window.n_labelled > 0 for window in windows)
    words = f"{labelled} of {plural(len(windows), 'window')} have labels that are complete"
    young = "; grey: labels still to come" if mature < len(windows) else ""
    return (
        f"{words}{young}. Dashed: the reference. Dotted: where the margin ends. Circle: material, diamond: changed, "
        "square: a version; +: more than one. Inputs: drift and data quality; outcomes: performance, concept, fairness."
    )


def _numbers(summary: ModelSummary) -> None:
    context, primary = summary.context, summary.performance.primary
    show_numbers(
        ["Window", measure_name(primary), "95% interval", "n", "Records", "Verdict"],
        [
            (
                window_name(window.window),
                number(measure.value, primary),
                in_cell(measure.interval, primary) or measure.why,
                count(measure.n),
                count(window.n),
                unjudged_words(summary) or CHIP_WORDS[measure.status],
            )
            for window, measure in zip(context.windows, summary.performance.series(primary), strict=True)
        ],
        alt=f"{measure_name(primary)} and records by window",
    )
    if summary.alarms:
        show_numbers(
            ["From", "To", "Family", "Verdict", "What alarmed"],
            [
                (
                    window_name(alarm.first.window),
                    window_name(alarm.last.window),
                    FAMILY_NAMES[alarm.family],
                    CHIP_WORDS[alarm.status],
                    ", ".join(_subjects(summary, alarm)),
                )
                for alarm in summary.alarms
            ],
            alt="Every run of alarms",
            label="Show all alarms",
        )
