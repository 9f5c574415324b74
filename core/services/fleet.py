"""One model in five tiles, and all models in one list."""

from __future__ import annotations

from dataclasses import dataclass

from core.measure import Interval, Measure, Status
from core.schema import ModelSchema
from core.services.drift import SEVERITY, ColumnReport, DriftReport, drift_report, worst
from core.services.fairness import AttributeReport, FairnessReport, fairness_report
from core.services.observations import Context, Observations
from core.services.performance import PerformanceReport, performance_report

__all__ = ["FleetRow", "ModelSummary", "fleet_row", "model_summary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSummary:
    """What a model's page needs, and a line of the fleet is cut from."""

    schema: ModelSchema
    context: Context
    drift: DriftReport
    performance: PerformanceReport
    fairness: FairnessReport

    @property
    def status(self) -> Status:
        """The worst of the families that have a verdict; nothing can be called stable while nothing is armed."""
        if not self.context.arming.is_armed:
            return Status.INSUFFICIENT
        verdicts = [self.drift.status, self.performance.status, self.fairness.status]
        return worst(status for status in verdicts if status is not Status.UNDEFINED)

    @property
    def moved(self) -> tuple[ColumnReport, ...]:
        """Columns with an alarm, the worst first."""
        return self.drift.having(Status.CRITICAL, Status.WARNING)

    @property
    def complete_share(self) -> float | None:
        """The share of cells that hold a usable value, in the window looked at."""
        n_cells = sum(column.quality.n_current for column in self.drift.columns)
        if not n_cells:
            return None
        unusable = sum(
            (column.quality.measure(name).value or 0.0) * column.quality.n_current
            for column in self.drift.columns
            for name in ("missing_share", "invalid_share")
        )
        return 1 - unusable / n_cells

    @property
    def widest_gap(self) -> tuple[AttributeReport, Measure] | None:
        """The largest difference in selection rates over the protected attributes."""
        gaps = [(report, report.measure("selection_rate_difference")) for report in self.fairness.attributes]
        valued = [(report, gap) for report, gap in gaps if gap is not None and gap.value is not None]
        return max(valued, key=lambda pair: pair[1].value or 0.0, default=None)

    @property
    def primary(self) -> Measure | None:
        """The measure that speaks for the model's performance."""
        return self.performance.measure(self.performance.primary)

    @property
    def primary_band(self) -> Interval | None:
        """Where the reference's windows can be expected: its value's interval."""
        found = next((m for m in self.performance.reference if m.measure == self.performance.primary), None)
        return found.interval if found else None


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
        fairness=fairness_report(observations),
    )


def fleet_row(model: str, schema: ModelSchema, observations: Observations | None) -> FleetRow:
    """A model's line in the fleet."""
    if observations is None:
        return FleetRow(model=model, schema=schema, summary=None, why="It has no reference.")
    return FleetRow(model=model, schema=schema, summary=model_summary(observations), why="")
