"""One model in five families of verdicts, and all models in one list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.measure import Family, Measure, Status
from core.schema import ModelSchema
from core.services.alarms import Alarm, Subject, begun
from core.services.concept import ConceptReport, concept_report
from core.services.drift import ColumnReport, DriftReport, drift_report
from core.services.fairness import AttributeReport, FairnessReport, fairness_report
from core.services.observations import Context, Observations, WindowInfo
from core.services.performance import LOWER_IS_BETTER, PerformanceReport, performance_report
from core.services.quality import QualityReport, quality_report
from core.services.verdicts import ALARMS, SEVERITY, of_many, since_when, worst
from core.services.watch_report import WatchReport

__all__ = ["FamilyVerdict", "FleetRow", "ModelSummary", "fleet_row", "model_summary"]

SELECTION_GAP = "selection_rate_difference"
CONCEPT = ("mean_residual", "residual_effect")


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyVerdict:
    """What one family says of the window it looks at (and those before it), and the measure that says it."""

    family: Family
    status: Status
    measure: Measure | None
    window: WindowInfo | None
    since: WindowInfo | None
    n_windows: int = 1

    @property
    def is_alarm(self) -> bool:
        """Whether something moved."""
        return self.status in ALARMS


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSummary:
    """What a model's page needs, and a line of the fleet is cut from."""

    schema: ModelSchema
    context: Context
    drift: DriftReport
    performance: PerformanceReport
    concept: ConceptReport
    fairness: FairnessReport
    quality: QualityReport
    watch: WatchReport | None

    @property
    def is_judged(self) -> bool:
        """Whether there is something to judge, and alarms are armed."""
        context = self.context
        return context.arming.is_armed and not context.arming.asks and not context.shows_reference

    @property
    def status(self) -> Status:
        """The verdict on the model: the worst alarm of any family; else whether no alarm means anything.

        Nothing is called stable while nothing is armed, or while performance or drift can't be told. Concept and
        quality look closer at what these two cover, and a gap between groups is no change: their alarms count,
        their silence doesn't.
        """
        if not self.is_judged:
            return Status.INSUFFICIENT
        alarms = [verdict.status for verdict in self.verdicts if verdict.is_alarm]
        if alarms:
            return worst(alarms)
        told = [self._performance.status, self._drift.status]
        return Status.INSUFFICIENT if Status.UNDEFINED in told else worst(told)

    @property
    def verdicts(self) -> tuple[FamilyVerdict, ...]:
        """The five families, the one that matters most first."""
        return (self._performance, self._fairness, self._concept, self._drift, self._quality)

    @property
    def leading(self) -> FamilyVerdict:
        """The family that speaks for the model: the worst, and of equals the one that matters most."""
        alarms = [verdict for verdict in self.verdicts if verdict.is_alarm]
        if alarms:
            return min(alarms, key=lambda verdict: SEVERITY[verdict.status])
        untold = [verdict for verdict in (self._performance, self._drift) if verdict.status is not Status.OK]
        return untold[0] if untold else self._performance

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """Where alarms began, the earliest first; none while nothing is armed."""
        if not self.is_judged:
            return ()
        return begun(list(self._subjects()), self.context.windows)

    @property
    def moved(self) -> tuple[ColumnReport, ...]:
        """Columns with an alarm, the worst first."""
        return self.drift.having(*ALARMS)

    @property
    def largest_psi(self) -> tuple[float | None, ...]:
        """The largest PSI of a column, window by window."""
        trends = [column.trend for column in self.drift.columns]
        return tuple(
            max((measure.value for measure in window if measure.value is not None), default=None)
            for window in zip(*trends, strict=True)
        )

    @property
    def complete(self) -> Measure | None:
        """The share of cells that hold a usable value, in the window looked at."""
        focus, complete = self.context.focus, self.quality.complete
        return complete[self.context.windows.index(focus)] if complete and focus else None

    @property
    def widest_gap(self) -> tuple[AttributeReport, Measure] | None:
        """The largest difference that is a disparity; without one, the largest in selection rates."""
        gaps = [(report, gap) for report in self.fairness.attributes for gap in _whole(report.measures)]
        beyond = [pair for pair in gaps if pair[1].status in ALARMS]
        rates = [pair for pair in gaps if pair[1].measure == SELECTION_GAP]
        valued = [pair for pair in beyond or rates if pair[1].value is not None]
        return max(valued, key=lambda pair: pair[1].value or 0.0, default=None)

    @property
    def farthest_group(self) -> Measure | None:
        """Of the widest gap, where it is a disparity: the group that is farthest from the rest."""
        found = self.widest_gap
        if found is None:
            return None
        report, gap = found
        groups = [m for m in report.measures if m.measure == f"{gap.measure}_to_rest" and m.status is gap.status]
        return max(groups, key=lambda m: abs(m.value or 0.0), default=None)

    def gap_trend(self, attribute: str, measure: str) -> tuple[Measure, ...]:
        """One gap window by window."""
        trend = self.fairness.attribute(attribute).trend
        return tuple(next(m for m in _whole(window) if m.measure == measure) for window in trend)

    @property
    def primary(self) -> Measure | None:
        """The measure that speaks for the model's performance."""
        return self.performance.measure(self.performance.primary)

    @property
    def primary_reference(self) -> Measure | None:
        """The same measure on the reference; its interval is where windows can be expected."""
        return next((m for m in self.performance.reference if m.measure == self.performance.primary), None)

    def limit_of(self, measure: Measure) -> float | None:
        """Where the margin of a performance measure ends: of the primary on the worse side, else where it went."""
        if measure.reference is None or measure.margin is None or measure.value is None:
            return None
        is_up = measure.measure in LOWER_IS_BETTER
        if measure.measure != self.performance.primary:
            is_up = measure.value > measure.reference
        return measure.reference + (measure.margin if is_up else -measure.margin)

    @property
    def _performance(self) -> FamilyVerdict:
        report = self.performance
        judged = [m for m in report.measures if m.margin is not None and not m.column]
        chief = _chief(judged, report.status, report.primary) or self.primary
        series = report.series(chief.measure) if chief else ()
        return self._verdict(Family.PERFORMANCE, report.status, chief, series, report.focus)

    @property
    def _concept(self) -> FamilyVerdict:
        report = self.concept
        chief = _chief(report.measures, report.status, "mean_residual")
        series = report.series(chief.measure) if chief else ()
        return self._verdict(Family.CONCEPT_DRIFT, report.status, chief, series, report.focus)

    @property
    def _drift(self) -> FamilyVerdict:
        first = self.drift.columns[0] if self.drift.columns else None
        chief, series = (first.psi, first.trend) if first else (None, ())
        return self._verdict(Family.DATA_DRIFT, self.drift.status, chief, series, self.context.focus)

    @property
    def _fairness(self) -> FamilyVerdict:
        found = self.widest_gap
        span = (
            self.fairness.labelled_span
            if found and not found[1].measure.startswith("selection_rate")
            else self.fairness.span
        )
        return FamilyVerdict(
            family=Family.FAIRNESS,
            status=self.fairness.status,
            measure=found[1] if found else None,
            window=span[-1] if span else None,
            since=None,  # taken over a span of windows, it has no first one
            n_windows=len(span),
        )

    @property
    def _quality(self) -> FamilyVerdict:
        focus = self.context.focus
        place = self.context.windows.index(focus) if focus else 0
        trends = [trend for trend in self.quality.shares if trend[place].value is not None]
        series = min(trends, key=lambda t: (SEVERITY[t[place].status], -_size(t[place])), default=())
        status = of_many(trend[place].status for trend in trends)
        return self._verdict(Family.DATA_QUALITY, status, series[place] if series else None, series, focus)

    def _verdict(
        self, family: Family, status: Status, chief: Measure | None, series: Sequence[Measure], focus: WindowInfo | None
    ) -> FamilyVerdict:
        windows = self.context.windows
        since = since_when(series, windows, windows.index(focus)) if series and focus else None
        return FamilyVerdict(family=family, status=status, measure=chief, window=focus, since=since)

    def _subjects(self) -> Iterator[Subject]:
        """What can alarm: performance and concept each as a whole, every column and attribute by itself."""
        judged = [m.measure for m in self.performance.measures if m.margin is not None and not m.column]
        judged.sort(key=lambda name: name != self.performance.primary)
        yield Subject(family=Family.PERFORMANCE, series=tuple(map(self.performance.series, judged)))
        if self.concept.trend:
            yield Subject(family=Family.CONCEPT_DRIFT, series=tuple(map(self.concept.series, CONCEPT)))
        for report in self.fairness.attributes:
            gaps = tuple(zip(*map(_whole, report.trend), strict=True))
            yield Subject(family=Family.FAIRNESS, series=gaps)
        for column in self.drift.columns:
            yield Subject(family=Family.DATA_DRIFT, series=(column.trend,))
        by_column: dict[str, list[tuple[Measure, ...]]] = {}
        for series in self.quality.shares:
            by_column.setdefault(series[0].column, []).append(series)
        for shares in by_column.values():
            yield Subject(family=Family.DATA_QUALITY, series=tuple(shares))


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetRow:
    """A model in the fleet; `summary` is None while it can't be monitored, and `why` says why."""

    model: str
    schema: ModelSchema
    summary: ModelSummary | None
    why: str

    @property
    def status(self) -> Status:
        """The verdict on the model."""
        return self.summary.status if self.summary else Status.UNDEFINED

    def rank(self) -> tuple[int, str]:
        """Worst first; models that can't be monitored last."""
        return (SEVERITY[self.status] if self.summary else len(SEVERITY), self.model)


def model_summary(observations: Observations) -> ModelSummary:
    """All of a model's reports on one selection."""
    return ModelSummary(
        schema=observations.schema,
        context=observations.context,
        drift=drift_report(observations),
        performance=performance_report(observations),
        concept=concept_report(observations),
        fairness=fairness_report(observations),
        quality=quality_report(observations),
        watch=observations.watch,
    )


def fleet_row(model: str, schema: ModelSchema, observations: Observations | None) -> FleetRow:
    """A model's line in the fleet."""
    if observations is None:
        return FleetRow(model=model, schema=schema, summary=None, why="It has no reference.")
    return FleetRow(model=model, schema=schema, summary=model_summary(observations), why="")


def _whole(measures: Sequence[Measure]) -> tuple[Measure, ...]:
    """Of an attribute's gaps, the differences over all groups."""
    return tuple(m for m in measures if m.measure.endswith("_difference") and not m.segment)


def _chief(measures: Sequence[Measure], status: Status, preferred: str) -> Measure | None:
    """Of the measures with a verdict the preferred one, else the one that is furthest beyond its margin."""
    having = [measure for measure in measures if measure.status is status]
    return max(having, key=lambda m: (m.measure == preferred, _size(m)), default=None)


def _size(measure: Measure) -> float:
    """How many margins a measure has changed by."""
    if measure.value is None or not measure.margin:
        return 0.0
    return abs(measure.value - (measure.reference or 0.0)) / measure.margin
