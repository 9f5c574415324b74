"""Realised performance window by window, against the reference; immature windows are not judged."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from core.alarms.asked import judge
from core.measure import Family, Measure, Status
from core.performance.binary import BinaryCounts
from core.performance.cost import Costs
from core.performance.dispersion import Dispersion, window_dispersions, with_dispersion
from core.performance.identified import Basis, basis_of, identified_performance
from core.performance.measures import changes
from core.performance.multiclass import MulticlassCounts, multiclass_performance
from core.performance.regression import RegressionCounts, regression_performance
from core.performance.selective import NOT_TOLD, LabelRates, label_rates
from core.schema import Task
from core.services.observations import Context, Observations, OutcomeCounts, WindowInfo
from core.services.panel import subject_key
from core.services.verdicts import located, since_when, worst
from core.stats.calibration import CalibrationBin
from core.stats.ranking import ThresholdTable

__all__ = [
    "PRIMARY",
    "Confusion",
    "PerformanceReport",
    "PerformanceSlices",
    "Slice",
    "performance_over",
    "performance_report",
    "performance_slices",
]

PRIMARY = {
    Task.BINARY: ("roc_auc", "accuracy"),
    Task.MULTICLASS: ("accuracy", "macro_f1"),
    Task.REGRESSION: ("mae", "rmse"),
}  # those that are watched first: a verdict is theirs
IMMATURE = "Labels of this window are still arriving; it is not judged."
LOWER_IS_BETTER = frozenset({"mae", "rmse"})  # of the primary measures
SPAN = 13  # windows that a version's measure is taken over


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """Rows with both a prediction and a label: one row of counts a predicted class, one column a label."""

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


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
    confusion: Confusion | None
    positive: str | None
    operating_threshold: float | None
    decides_by_threshold: bool
    since: WindowInfo | None

    def measure(self, name: str) -> Measure | None:
        """The measure of that name over all classes, in the window looked at."""
        return next((m for m in self.measures if m.measure == name and not m.column), None)

    @property
    def is_of_chosen_rows(self) -> bool:
        """Whether labels of the window looked at come with one decision only: curves and tables are of those rows."""
        return any(basis_of(measure) is not Basis.OBSERVED for measure in self.measures)

    def series(self, name: str) -> tuple[Measure, ...]:
        """One measure in every window."""
        return tuple(next(m for m in window if m.measure == name and not m.column) for window in self.trend)

    def since_of(self, name: str) -> WindowInfo | None:
        """Where the unbroken run of alarms of one measure, up to the window looked at, began."""
        if self.focus is None:
            return None
        return since_when(self.series(name), self.context.windows, self.context.windows.index(self.focus))

    @property
    def status(self) -> Status:
        """The worst verdict over the measures that have a margin."""
        judged = [m.status for m in self.measures if m.margin is not None and not m.column]
        return worst(status for status in judged if status is not Status.UNDEFINED) if judged else Status.UNDEFINED


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """The primary measure of some of the rows: one value of a segment column, or one version."""

    by: str
    name: str
    windows: tuple[WindowInfo, ...]
    measure: Measure


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceSlices:
    """Where it is worst: segments in the window looked at, versions each over its own last windows."""

    context: Context
    focus: WindowInfo | None
    primary: str
    segments: tuple[Slice, ...]
    versions: tuple[Slice, ...]


def performance_report(observations: Observations) -> PerformanceReport:
    """How well does the model do where labels are known, and is that what it did on the reference?"""
    context = observations.context
    against = () if context.shows_reference else performance(observations.reference_outcomes(), observations.costs)
    reference = performance(observations.reference_outcomes(), observations.costs)
    dispersions = day_to_day(observations, reference)
    trend = tuple(_window(observations, window, against, dispersions) for window in context.windows)
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
        confusion=_confusion(counts),
        positive=observations.schema.positive,
        operating_threshold=observations.schema.outcome.threshold,
        decides_by_threshold=observations.schema.decides_by_threshold,
        since=None if place is None else since_when(series, context.windows, place),
    )


def performance_slices(
    whole: Observations, *, segments: Mapping[str, Observations], versions: Mapping[str, Observations]
) -> PerformanceSlices:
    """In which segment is the model worst, and how did each version do?

    Parameters
    ----------
    whole : Observations
        The selection itself: its window is looked at, its primary measure is taken.
    segments : mapping of 'column=value' to Observations
        Each is set against its own rows of the reference, in the window looked at.
    versions : mapping of version to Observations
        Each is set against the whole reference, over its last 13 mature windows up to the one looked at.

    Returns
    -------
    PerformanceSlices
        Worst first: alarms, then by value. Segments are judged together, and so are versions, so that the
        false alarms of many slices stay those of one window.
    """
    context = whole.context
    focus = mature_focus(context)
    reference = performance(whole.reference_outcomes(), whole.costs)
    dispersions = day_to_day(whole, reference)  # how days differ is the model's: of few rows it can't be told
    primary = _primary(context.task, performance(whole.outcomes([focus]), whole.costs) if focus else reference)
    by_segment, by_version = [], []
    for name, rows in segments.items() if focus else ():
        here = tuple(w for w in rows.context.windows if focus and w.window.key == focus.window.key)
        if here:
            column, _, value = name.partition("=")
            before = () if context.shows_reference else performance(rows.reference_outcomes(), rows.costs)
            by_segment.append(
                Slice(by=column, name=value, windows=here, measure=_of(rows, here, before, primary, dispersions))
            )
    for name, rows in versions.items() if focus else ():
        until = tuple(w for w in rows.mature if focus and w.window.key <= focus.window.key)[-SPAN:]
        if until:
            by_version.append(
                Slice(by="version", name=name, windows=until, measure=_of(rows, until, reference, primary, dispersions))
            )
    return PerformanceSlices(
        context=context,
        focus=focus,
        primary=primary,
        segments=_judged(by_segment, context, is_mature=focus is not None and focus.is_mature),
        versions=_judged(by_version, context, is_mature=True),
    )


def _of(
    rows: Observations,
    windows: Sequence[WindowInfo],
    reference: Sequence[Measure],
    primary: str,
    dispersions: Mapping[tuple[str, str], Dispersion],
) -> Measure:
    measures = changes(reference, performance(rows.outcomes(windows), rows.costs), margins=_margins(rows))
    measures = with_dispersion(measures, dispersions, n_windows=len(windows))
    measure = next(m for m in measures if m.measure == primary and not m.column)
    return located(measure, rows.context, windows[-1])


def performance_over(observations: Observations, windows: Sequence[WindowInfo]) -> tuple[Measure, ...]:
    """What some windows together show, held against the reference; not judged."""
    reference = performance(observations.reference_outcomes(), observations.costs)
    found = performance(observations.outcomes(windows), observations.costs)
    measures = changes(reference, found, margins=_margins(observations))
    measures = with_dispersion(measures, day_to_day(observations, reference), n_windows=len(windows))
    return tuple(located(measure, observations.context, windows[-1] if windows else None) for measure in measures)


def _judged(slices: Sequence[Slice], context: Context, *, is_mature: bool) -> tuple[Slice, ...]:
    """Slices with their verdicts, the worst first."""
    measures = [part.measure for part in slices]
    if is_mature:
        measures = list(judge(measures, level=context.arming.level))
    judged = [replace(part, measure=measure) for part, measure in zip(slices, measures, strict=True)]
    return tuple(sorted(judged, key=_badness))


def _badness(part: Slice) -> tuple[int, float]:
    measure = part.measure
    value = math.inf if measure.value is None else measure.value
    alarms = (Status.CRITICAL, Status.WARNING)
    rank = alarms.index(measure.status) if measure.status in alarms else 2 if measure.value is not None else 3
    return rank, -value if measure.measure in LOWER_IS_BETTER else value


def _confusion(counts: OutcomeCounts | None) -> Confusion | None:
    if isinstance(counts, BinaryCounts):
        table = counts.joint.sum(axis=0)[:2, :2]
    elif isinstance(counts, MulticlassCounts):
        table = counts.decided
    else:
        return None
    return Confusion(classes=tuple(counts.classes), counts=tuple(map(tuple, table.tolist())))


def performance(
    counts: OutcomeCounts, costs: Costs | None = None, *, before: LabelRates | None = None, is_mature: bool = True
) -> tuple[Measure, ...]:
    """The measures of whatever task the counts are of; of a binary model as far as its labels identify them."""
    if isinstance(counts, BinaryCounts):
        return identified_performance(counts, costs=costs, before=before, is_mature=is_mature)
    if isinstance(counts, MulticlassCounts):
        return multiclass_performance(counts, costs=costs)
    if isinstance(counts, RegressionCounts):
        return regression_performance(counts)
    raise TypeError(f"no performance of {type(counts).__name__}")


def _rates_before(observations: Observations, window: WindowInfo, counts: OutcomeCounts) -> LabelRates | None:
    """How labels went with decisions in the last 13 mature windows up to this one, where its own rows can't tell."""
    if not isinstance(counts, BinaryCounts) or (window.is_mature and label_rates(counts).labelling not in NOT_TOLD):
        return None
    upto = [w for w in observations.mature if w.window.key <= window.window.key][-SPAN:]
    lately = observations.outcomes(upto)
    return label_rates(lately) if upto and isinstance(lately, BinaryCounts) else None


def mature_focus(context: Context) -> WindowInfo | None:
    """The window asked for, or the latest complete one whose labels should be in, if any has labels."""
    if context.selection.window is not None:
        return context.focus
    mature = [window for window in context.windows if window.is_mature and window.is_complete]
    labelled = [window for window in mature if window.n_labelled]
    return labelled[-1] if labelled else mature[-1] if mature else context.focus


def day_to_day(observations: Observations, reference: Sequence[Measure]) -> Mapping[tuple[str, str], Dispersion]:
    """How much more each measure varies between windows of the reference than chance makes it."""
    keys = [window.window.key for window in observations.context.reference_windows]
    parts = [performance(observations.outcomes_of([key], of_reference=True), observations.costs) for key in keys]
    return window_dispersions(reference, parts)


def _window(
    observations: Observations,
    window: WindowInfo,
    reference: Sequence[Measure],
    dispersions: Mapping[tuple[str, str], Dispersion],
) -> tuple[Measure, ...]:
    """The measures of one window: those that are watched with the watch's verdict and margin, the others unjudged."""
    context = observations.context
    counts = observations.outcomes([window])
    before = _rates_before(observations, window, counts)
    found = performance(counts, observations.costs, before=before, is_mature=window.is_mature)
    measures = changes(reference, found, margins=_margins(observations))
    measures = with_dispersion(measures, dispersions)
    measures = tuple(located(measure, context, window) for measure in measures)
    if not window.is_mature:
        return tuple(
            measure if measure.status is Status.UNDEFINED else replace(measure, why=IMMATURE) for measure in measures
        )
    if context.arming.asks:
        return judge(measures, level=context.arming.level)
    return tuple(_watched(observations, measure, window) for measure in measures)


def _margins(observations: Observations) -> dict[str, float]:
    """What doesn't matter of the measures that are watched, as the watch has it: of some rows as of all."""
    subjects = observations.watch.subjects if observations.watch else {}
    found = {key: subject.margin_in_units for key, subject in subjects.items() if subject.family is Family.PERFORMANCE}
    start = subject_key("performance", "")
    return {key.removeprefix(f"{start}/"): margin for key, margin in found.items() if margin is not None}


def _watched(observations: Observations, measure: Measure, window: WindowInfo) -> Measure:
    key = subject_key("performance", measure.measure)
    if basis_of(measure) is Basis.WEIGHTED:
        return replace(measure, margin=None, why="told by explored rows alone; shown, not watched")
    if measure.column or observations.watch is None or key not in observations.watch.subjects:
        unjudged = measure.why or "shown, not watched"
        return measure if measure.value is None else replace(measure, margin=None, why=unjudged)
    return observations.judged(measure, key, window)


def _primary(task: Task, measures: Sequence[Measure]) -> str:
    """The measure that speaks for the model: the first of the task's that has a value."""
    values = {measure.measure for measure in measures if measure.value is not None}
    return next((name for name in PRIMARY[task] if name in values), PRIMARY[task][0])
