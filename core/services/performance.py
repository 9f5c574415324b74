"""Realised performance window by window, against the reference; immature windows are not judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.alarms.engine import judge
from core.measure import Measure, Status
from core.performance.binary import BinaryCounts, binary_performance
from core.performance.calibration import CalibrationBin
from core.performance.measures import changes
from core.performance.multiclass import MulticlassCounts, multiclass_performance
from core.performance.ranking import ThresholdTable
from core.performance.regression import RegressionCounts, regression_performance
from core.schema import Task
from core.services.drift import located, since_when, worst
from core.services.observations import Context, Observations, OutcomeCounts, WindowInfo

__all__ = ["PRIMARY", "PerformanceReport", "performance_report"]

PRIMARY = {
    Task.BINARY: ("roc_auc", "accuracy"),
    Task.MULTICLASS: ("macro_f1", "accuracy"),
    Task.REGRESSION: ("mae", "rmse"),
}
IMMATURE = "Labels of this window are still arriving; it is not judged."


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceReport:
    """Measures of the window looked at and of every window, the curves behind them, the reference's values."""

    context: Context
    focus: WindowInfo | None
    measures: tuple[Measure, ...]
    reference: tuple[Measure, ...]
    trend: tuple[tuple[Measure, ...], ...]
    primary: str
    calibration: tuple[CalibrationBin, ...]
    reference_calibration: tuple[CalibrationBin, ...]
    thresholds: ThresholdTable | None
    since: WindowInfo | None
    by_version: tuple[tuple[str, tuple[Measure, ...]], ...] = ()

    def measure(self, name: str) -> Measure | None:
        """The measure of that name over all classes, in the window looked at."""
        return next((m for m in self.measures if m.measure == name and not m.column), None)

    def series(self, name: str) -> tuple[Measure, ...]:
        """One measure in every window."""
        return tuple(next(m for m in window if m.measure == name and not m.column) for window in self.trend)

    @property
    def status(self) -> Status:
        """The worst verdict over the measures that have a margin."""
        judged = [m.status for m in self.measures if m.margin is not None and not m.column]
        return worst(status for status in judged if status is not Status.UNDEFINED) if judged else Status.UNDEFINED


def performance_report(observations: Observations) -> PerformanceReport:
    """How well does the model do where labels are known, and is that what it did on the reference?"""
    context = observations.context
    against = () if context.shows_reference else performance(observations.reference_outcomes())
    reference = performance(observations.reference_outcomes())
    trend = tuple(_window(observations, window, against) for window in context.windows)
    focus = mature_focus(context)
    place = context.windows.index(focus) if focus else None
    measures = trend[place] if place is not None else ()
    primary = _primary(context.task, measures or reference)
    counts = observations.outcomes([focus]) if focus else None
    is_binary = isinstance(counts, BinaryCounts)
    before = observations.reference_outcomes()
    series = [next(m for m in window if m.measure == primary and not m.column) for window in trend]
    return PerformanceReport(
        context=context,
        focus=focus,
        measures=measures,
        reference=reference,
        trend=trend,
        primary=primary,
        calibration=counts.calibration_curve() if is_binary and isinstance(counts, BinaryCounts) else (),
        reference_calibration=before.calibration_curve() if isinstance(before, BinaryCounts) else (),
        thresholds=counts.threshold_table() if isinstance(counts, BinaryCounts) else None,
        since=None if place is None else since_when(series, context.windows, place),
    )


def performance(counts: OutcomeCounts) -> tuple[Measure, ...]:
    """The measures of whatever task the counts are of."""
    if isinstance(counts, BinaryCounts):
        return binary_performance(counts)
    if isinstance(counts, MulticlassCounts):
        return multiclass_performance(counts)
    if isinstance(counts, RegressionCounts):
        return regression_performance(counts)
    raise TypeError(f"no performance of {type(counts).__name__}")


def mature_focus(context: Context) -> WindowInfo | None:
    """The window asked for, or the latest complete one whose labels should be in, if any has labels."""
    if context.selection.window is not None:
        return context.focus
    mature = [window for window in context.windows if window.is_mature and window.is_complete]
    labelled = [window for window in mature if window.n_labelled]
    return labelled[-1] if labelled else mature[-1] if mature else context.focus


def _window(observations: Observations, window: WindowInfo, reference: Sequence[Measure]) -> tuple[Measure, ...]:
    context = observations.context
    measures = changes(reference, performance(observations.outcomes([window])))
    measures = tuple(located(measure, context, window) for measure in measures)
    if window.is_mature:
        return judge(measures, level=context.arming.level)
    return tuple(
        measure if measure.status is Status.UNDEFINED else replace(measure, why=IMMATURE) for measure in measures
    )


def _primary(task: Task, measures: Sequence[Measure]) -> str:
    """The measure that speaks for the model: the first of the task's that has a value."""
    values = {measure.measure for measure in measures if measure.value is not None}
    return next((name for name in PRIMARY[task] if name in values), PRIMARY[task][0])
