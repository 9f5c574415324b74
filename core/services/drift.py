"""Which inputs moved, how far, since when, and which of them tell one story."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.drift.columns import ColumnDrift, column_drift, column_drifts
from core.drift.counted import counted_scores
from core.drift.question import Answer, ColumnAnswer, which_columns_differ
from core.drift.stories import Associations, MovedColumn, RankedColumn, Story, rank_columns, stories
from core.measure import Family, Interval, Measure, Status
from core.profile.fitting import measured_type
from core.quality.columns import ColumnQuality, column_quality
from core.schema import ColumnType, Role
from core.services.observations import Context, Observations, WindowInfo
from core.services.panel import subject_key
from core.services.promise import SubjectInfo
from core.services.quality import rows_outside
from core.services.reference_facts import ReferenceFacts
from core.services.verdicts import ALARMS, SEVERITY, located, of_many, since_when
from core.services.watch_report import IncidentInfo

__all__ = ["ColumnReport", "DriftReport", "WholeRowsTrend", "drift_report", "drift_trends"]

SUBJECTS = ("values", "outside", "missing", "invalid")  # all of a column's cells
WHOLE_ROWS = {
    "classifier": "how well a classifier tells the window's rows from the reference's, out of fold",
    "reconstruction": "what principal components of the reference leave out of a row",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnReport:
    """One column in the window looked at, and its PSI in every window.

    ``answer`` is to "does this one window differ?", asked of all columns at once, apart from alarms.
    """

    column: str
    kind: ColumnType
    role: Role
    importance: float | None
    impact: float
    psi: Measure
    drift: ColumnDrift
    quality: ColumnQuality
    trend: tuple[Measure, ...]
    since: WindowInfo | None
    incident: IncidentInfo | None
    subject: SubjectInfo | None
    answer: ColumnAnswer | None
    conventions: Mapping[str, float]

    @property
    def status(self) -> Status:
        """The verdict on the column's drift."""
        return self.psi.status


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeRowsTrend:
    """A number that is read from whole sampled rows, window by window, and which columns drive it now."""

    name: str
    words: str
    trend: tuple[Measure, ...]
    drivers: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftReport:
    """All columns that are watched, the worst first; those that are left out, and why; what reads as one story."""

    context: Context
    columns: tuple[ColumnReport, ...]
    n_columns: int
    left_out: tuple[tuple[str, str], ...]
    stories: tuple[Story, ...]
    whole_rows: tuple[WholeRowsTrend, ...]
    answer: Answer | None
    outside: Measure | None
    facts: ReferenceFacts | None

    def having(self, *statuses: Status) -> tuple[ColumnReport, ...]:
        """The columns with one of these verdicts."""
        return tuple(column for column in self.columns if column.status in statuses)

    @property
    def status(self) -> Status:
        """The verdict on the columns together."""
        return of_many(column.status for column in self.columns)


def drift_report(observations: Observations, *, columns: Sequence[str] | None = None) -> DriftReport:
    """How far has each column moved in the window looked at, since when, and which go together?

    Parameters
    ----------
    columns : sequence of str or None
        The columns to report in full; verdicts are the watch's, whichever are asked for.
    """
    context, spec = observations.context, observations.spec
    left_out = [(name, reason) for name in spec.columns if (reason := observations.left_out(name))]
    watched = [name for name in spec.columns if not observations.left_out(name)]
    if context.shows_reference or context.focus is None:
        return DriftReport(
            context=context,
            columns=(),
            n_columns=len(watched),
            left_out=tuple(left_out),
            stories=(),
            whole_rows=(),
            answer=None,
            outside=None,
            facts=observations.facts,
        )
    answer = _asked(observations, watched)
    trends = drift_trends(observations)
    place = context.windows.index(context.focus)
    facts = observations.facts
    importances = {name: _importance(observations, name) for name in watched}
    effects = {found.column: found.verdict.w or 0.0 for found in answer.columns}
    standings = {
        found.column: _Standing(ranked=ranked, answer=found)
        for ranked in rank_columns(effects, importances)
        for found in answer.columns
        if found.column == ranked.column
    }
    wanted = [name for name in watched if columns is None or name in columns]
    reports = [_column(observations, name, place, trends[name], standings[name]) for name in wanted]
    reports.sort(key=lambda report: (SEVERITY[report.status], -report.impact, report.column))
    return DriftReport(
        context=context,
        columns=tuple(reports),
        n_columns=len(watched),
        left_out=tuple(left_out),
        stories=_stories(reports, facts),
        whole_rows=tuple(_whole_rows(observations)),
        answer=answer,
        outside=rows_outside(observations)[place],
        facts=facts,
    )


def drift_trends(observations: Observations) -> dict[str, tuple[Measure, ...]]:
    """The PSI of every column in every window, with the watch's verdict on the column's cells.

    Of some rows only there is no watch: each window's columns are asked of together, with p-values.
    """
    context, trends = observations.context, {}
    for name, bins in observations.spec.columns.items():
        if observations.left_out(name):
            continue
        windows = [observations.column(name, [window]) for window in context.windows]
        found = column_drifts(
            observations.reference_column(name),
            np.stack(windows) if windows else np.zeros((0, bins.size), dtype=np.int64),
            bins,
            margin=None,
            dispersion=_dispersion(observations, name),
        )
        measures = [
            located(replace(measure, column=name), context, window)
            for measure, window in zip(found, context.windows, strict=True)
        ]
        trends[name] = [
            observations.judged(measure, _speaking(observations, name, window), window)
            for measure, window in zip(measures, context.windows, strict=True)
        ]
    if context.arming.asks:
        for place, window in enumerate(context.windows):
            asked = {found.column: found for found in _asked(observations, list(trends), window=window).columns}
            for name, trend in trends.items():
                trend[place] = _answered(trend[place], asked[name], context.arming.asks)
    return {name: tuple(trend) for name, trend in trends.items()}


def _asked(observations: Observations, names: Sequence[str], *, window: WindowInfo | None = None) -> Answer:
    """Does one window differ, and in which columns? Asked of all columns at once."""
    focus = window or observations.context.focus
    windows = [focus] if focus else []
    return which_columns_differ(
        {
            name: (
                observations.reference_column(name),
                observations.column(name, windows),
                observations.spec.columns[name],
            )
            for name in names
        },
        dispersion={name: _dispersion(observations, name) for name in names},
    )


def _answered(measure: Measure, answer: ColumnAnswer, asks: str) -> Measure:
    """An answer on the scale of verdicts: it is never an alarm."""
    if measure.value is None:
        return measure
    p = "" if answer.adjusted_p_value is None else f", adjusted p {answer.adjusted_p_value:.2g}"
    why = f"asked of {asks} in this window alone: {answer.verdict.reason}{p}"
    if answer.differs:
        return measure.judged(Status.WARNING, why)
    return measure.judged(Status.OK if answer.verdict.status is Status.OK else Status.INSUFFICIENT, why)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Standing:
    """A column among all: what its shift is worth, and the answer on it."""

    ranked: RankedColumn
    answer: ColumnAnswer


def _column(
    observations: Observations, name: str, place: int, trend: tuple[Measure, ...], standing: _Standing
) -> ColumnReport:
    context, bins, schema = observations.context, observations.spec.columns[name], observations.schema
    window, kind = context.windows[place], measured_type(schema, name)
    reference, current = observations.reference_column(name), observations.column(name, [window])
    drift = column_drift(reference, current, bins, dispersion=_dispersion(observations, name), kind=kind)
    measures = tuple(
        trend[place] if measure.measure == "psi" else located(replace(measure, column=name), context, window)
        for measure in drift.measures
    )
    key = _speaking(observations, name, window)
    watch = None if context.arming.asks else observations.watch
    return ColumnReport(
        column=name,
        kind=kind,
        role=schema.columns[name].role,
        importance=standing.ranked.importance,
        impact=standing.ranked.impact,
        psi=trend[place],
        drift=replace(drift, measures=measures),
        quality=column_quality(reference, current, bins),
        trend=trend,
        since=since_when(trend, context.windows, place),
        incident=watch.open_incident(key, window.window.key) if watch else None,
        subject=watch.subjects.get(key) if watch else None,
        answer=standing.answer,
        conventions=counted_scores(reference, current, bins),
    )


def _speaking(observations: Observations, column: str, window: WindowInfo) -> str:
    """The subject that speaks for a column: its values, unless its other cells have the worse verdict."""
    keys = [subject_key(kind, column) for kind in SUBJECTS]
    known = [key for key in keys if observations.watches(key)]
    ranks = [SEVERITY[status] if (status := observations.verdict(key, window)[0]) in ALARMS else 99 for key in known]
    return known[ranks.index(min(ranks))] if known else keys[0]


def _dispersion(observations: Observations, column: str) -> float:
    """How much more a column's shares vary between windows than rows explain, as its reference shows."""
    subject = observations.watch.subjects.get(subject_key("values", column)) if observations.watch else None
    return max(1.0, subject.dispersion or 1.0) if subject is not None else 1.0


def _importance(observations: Observations, column: str) -> float | None:
    """What the schema gives, else what a surrogate of the model shows."""
    given = observations.schema.columns[column].importance
    if given is not None or observations.facts is None:
        return given
    return observations.facts.importance.get(column)


def _stories(reports: Sequence[ColumnReport], facts: ReferenceFacts | None) -> tuple[Story, ...]:
    moved = [
        MovedColumn(
            column=report.column,
            effect=report.answer.verdict.w or 0.0 if report.answer else 0.0,
            importance=report.importance,
            words=report.drift.words[0] if report.drift.words else "",
        )
        for report in reports
        if report.status in ALARMS
    ]
    together = facts.associations if facts else Associations(columns=(), values=np.zeros((0, 0)))
    return stories(moved, together) if moved else ()


def _whole_rows(observations: Observations) -> Iterator[WholeRowsTrend]:
    """Numbers that are read from whole sampled rows, of the model as a whole."""
    context = observations.context
    if context.arming.asks:
        return
    for name, words in WHOLE_ROWS.items():
        series = observations.series.get(name)
        if series is None:
            continue
        trend = []
        for window in context.windows:
            found = series.current.get(window.window.key)
            measure = _whole_rows_measure(name, found.sums if found else None, series.reference_mean)
            trend.append(observations.judged(located(measure, context, window), subject_key(name), window))
        focus = series.current.get(context.focus.window.key) if context.focus else None
        drivers = tuple(focus.drivers) if focus else ()
        yield WholeRowsTrend(name=name, words=words, trend=tuple(trend), drivers=drivers)


def _whole_rows_measure(name: str, sums: tuple[float, float, float] | None, reference: float | None) -> Measure:
    convention = f"{WHOLE_ROWS[name]}; from the sample of rows of each window; 95% normal interval"
    if sums is None or sums[0] < 2:
        why = "There is no sample of this window's rows, or it is too small."
        return Measure(
            family=Family.DATA_DRIFT,
            measure=name,
            value=None,
            n=0,
            convention=convention,
            status=Status.UNDEFINED,
            why=why,
        )
    n, total, squares = sums
    mean = total / n
    half = 1.96 * (max(squares / n - mean**2, 0.0) / n) ** 0.5
    return Measure(
        family=Family.DATA_DRIFT,
        measure=name,
        value=mean,
        n=round(n),
        convention=convention,
        interval=Interval(low=mean - half, high=mean + half),
        reference=reference,
    )
