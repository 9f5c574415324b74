"""The drift and quality of every column, window by window, judged together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.alarms.engine import judge
from core.drift.columns import ColumnDrift, column_drift, column_drifts
from core.drift.counted import counted_scores
from core.measure import Measure, Status
from core.profile.fitting import measured_type
from core.quality.columns import ColumnQuality, column_quality
from core.schema import ColumnType, Role
from core.services.observations import Context, Observations, WindowInfo

__all__ = ["ColumnReport", "DriftReport", "drift_report"]

SEVERITY = {Status.CRITICAL: 0, Status.WARNING: 1, Status.INSUFFICIENT: 2, Status.UNDEFINED: 3, Status.OK: 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnReport:
    """One column in the window looked at, and its PSI in every window."""

    column: str
    kind: ColumnType
    role: Role
    importance: float | None
    psi: Measure
    drift: ColumnDrift
    quality: ColumnQuality
    trend: tuple[Measure, ...]
    since: WindowInfo | None
    conventions: Mapping[str, float]

    @property
    def status(self) -> Status:
        """The verdict on the column's drift."""
        return self.psi.status


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftReport:
    """All columns, the worst first."""

    context: Context
    columns: tuple[ColumnReport, ...]
    n_columns: int

    def having(self, *statuses: Status) -> tuple[ColumnReport, ...]:
        """The columns with one of these verdicts."""
        return tuple(column for column in self.columns if column.status in statuses)

    @property
    def status(self) -> Status:
        """The worst verdict; not enough data outranks stable."""
        return worst(column.status for column in self.columns)


def worst(statuses: Iterable[Status]) -> Status:
    """The verdict that speaks for several: an alarm first, then what can't be told, then stable."""
    return min(statuses, key=SEVERITY.__getitem__, default=Status.UNDEFINED)


def drift_report(observations: Observations, *, columns: Sequence[str] | None = None) -> DriftReport:
    """How far has each column moved in the window looked at, and since when?

    Parameters
    ----------
    columns : sequence of str or None
        The columns to report in full; verdicts are always made over all of them.
    """
    context = observations.context
    names = tuple(observations.spec.columns)
    if context.shows_reference or context.focus is None:
        return DriftReport(context=context, columns=(), n_columns=len(names))
    trends = judged_trends(observations)
    place = context.windows.index(context.focus)
    reports = [_column(observations, name, trends[name], place) for name in names if columns is None or name in columns]
    reports.sort(key=_rank)
    return DriftReport(context=context, columns=tuple(reports), n_columns=len(names))


def judged_trends(observations: Observations) -> dict[str, tuple[Measure, ...]]:
    """The PSI of every column in every window, each window judged over all its columns."""
    context, spec = observations.context, observations.spec
    trends = {}
    for name, bins in spec.columns.items():
        windows = [observations.column(name, [window]) for window in context.windows]
        measures = column_drifts(observations.reference_column(name), np.stack(windows), bins)
        trends[name] = [
            located(replace(measure, column=name), context, window)
            for measure, window in zip(measures, context.windows, strict=True)
        ]
    judged: dict[str, list[Measure]] = {name: [] for name in trends}
    for place in range(len(context.windows)):
        verdicts = judge([trend[place] for trend in trends.values()], level=context.arming.level)
        for name, measure in zip(trends, verdicts, strict=True):
            judged[name].append(measure)
    return {name: tuple(measures) for name, measures in judged.items()}


def located(measure: Measure, context: Context, window: WindowInfo | None) -> Measure:
    """The measure with the model, selection and window it is about."""
    return replace(
        measure,
        model=context.model,
        version=context.selection.version or "",
        segment=measure.segment or context.selection.segment,
        window=window.name if window else "",
        window_start=window.window.start_at if window else None,
        window_end=window.window.end_at if window else None,
    )


def since_when(trend: Sequence[Measure], windows: Sequence[WindowInfo], place: int) -> WindowInfo | None:
    """Where the unbroken run of alarms that reaches the window at `place` began; None if it has no alarm."""
    begin = place
    while begin >= 0 and trend[begin].status in (Status.CRITICAL, Status.WARNING):
        begin -= 1
    return windows[begin + 1] if begin < place else None


def _column(observations: Observations, name: str, trend: tuple[Measure, ...], place: int) -> ColumnReport:
    context, bins, schema = observations.context, observations.spec.columns[name], observations.schema
    window = context.windows[place]
    reference, current = observations.reference_column(name), observations.column(name, [window])
    drift = column_drift(reference, current, bins, kind=measured_type(schema, name))
    measures = tuple(
        trend[place] if measure.measure == "psi" else located(replace(measure, column=name), context, window)
        for measure in drift.measures
    )
    return ColumnReport(
        column=name,
        kind=measured_type(schema, name),
        role=schema.columns[name].role,
        importance=schema.columns[name].importance,
        psi=trend[place],
        drift=replace(drift, measures=measures),
        quality=column_quality(reference, current, bins),
        trend=trend,
        since=since_when(trend, context.windows, place),
        conventions=counted_scores(reference, current, bins),
    )


def _rank(report: ColumnReport) -> tuple[int, float]:
    return (SEVERITY[report.status], -(report.psi.value or 0.0))
