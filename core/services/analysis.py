"""Ask how a model does: one report a question, and everything at once for gates and scripts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from core.concept.detectors import DETECTORS
from core.errors import InputError, UnknownNameError
from core.governance.identity import Actor, Right, allowed
from core.measure import Measure, Status
from core.profile.spec import CALIBRATION, column_table, joint_table, loss_table, score_table
from core.profile.windows import WindowPlan
from core.services.ageing import VersionAgeing, version_ageing
from core.services.arrivals import load_intake
from core.services.chart_measures import charted
from core.services.chart_phases import phase_records
from core.services.concept import ConceptReport, concept_report
from core.services.drift import DriftReport, drift_report, drift_trends
from core.services.estimates import EstimateReport, estimate_report
from core.services.fairness import FairnessReport, fairness_report
from core.services.fleet import FleetRow, ModelSummary, fleet_row, model_summary
from core.services.observations import Context, Observations, Selection, profile_of, state_of
from core.services.performance import (
    PerformanceReport,
    PerformanceSlices,
    performance_report,
    performance_slices,
)
from core.services.places import Places, places_of
from core.services.promise import FleetPromise
from core.services.quality import QualityReport, quality_report
from core.services.watch_report import WatchReport, fleet_promise, load_watch, policy_of
from core.storage.database import Database
from core.storage.repository import Repository

__all__ = ["Analysis", "AnalysisService"]

ALARMS = (Status.CRITICAL, Status.WARNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """All measures of some windows, and the findings among them."""

    context: Context
    measures: tuple[Measure, ...]
    findings: tuple[Measure, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisService:
    """Reports from count tables; nothing here reads a record."""

    database: Database
    clock: Callable[[], datetime]

    @allowed(Right.READ)
    def state(self, actor: Actor, model: str) -> str:  # noqa: ARG002 (every service call takes the actor)
        """Names what the reports of a model rest on: a cache keyed by it is never stale."""
        with self.database.read() as session:
            return state_of(session, Repository(session).model(model))

    @allowed(Right.READ)
    def context(self, actor: Actor, model: str, selection: Selection = Selection()) -> Context | None:  # noqa: ARG002, B008
        """Which windows, versions and segments there are; None while the model has no reference."""
        found = self._load(model, selection, names=())
        return None if found is None else found.context

    @allowed(Right.READ)
    def summary(self, actor: Actor, model: str, selection: Selection = Selection()) -> ModelSummary | None:  # noqa: ARG002, B008
        """Is the model still fit for its purpose, and if not, why?"""
        found = self._load(model, selection)
        return None if found is None else model_summary(found)

    @allowed(Right.READ)
    def fleet(self, actor: Actor) -> tuple[FleetRow, ...]:  # noqa: ARG002
        """All models, the one that needs somebody first."""
        with self.database.read() as session:
            models = Repository(session).models()
            rows = [
                fleet_row(model.name, Repository(session).schema(model), Observations.load(session, model, Selection()))
                for model in models
            ]
        return tuple(sorted(rows, key=FleetRow.rank))

    @allowed(Right.READ)
    def drift(
        self,
        actor: Actor,  # noqa: ARG002
        model: str,
        selection: Selection = Selection(),  # noqa: B008 (frozen)
        *,
        columns: Sequence[str] | None = None,
    ) -> DriftReport | None:
        """Which inputs moved, how far, and since when?"""
        found = self._load(model, selection)
        return None if found is None else drift_report(found, columns=columns)

    @allowed(Right.READ)
    def quality(
        self,
        actor: Actor,  # noqa: ARG002
        model: str,
        selection: Selection = Selection(),  # noqa: B008
    ) -> QualityReport | None:
        """Can what came in be trusted?"""
        with self.database.read() as session:
            row = Repository(session).model(model)
            found = Observations.load(session, row, selection)
            if found is None:
                return None
            profile = profile_of(session, row, found)
            plan = WindowPlan.of(found.schema.window, found.schema.timezone)
            intake = load_intake(session, row, profile, found.context, plan)
        return quality_report(found, intake, now=self.clock())

    @allowed(Right.READ)
    def places(
        self,
        actor: Actor,  # noqa: ARG002
        model: str,
        selection: Selection = Selection(),  # noqa: B008
        *,
        column: str,
    ) -> Places | None:
        """In which segments and versions did a column move, and did it when a version was deployed?"""
        with self.database.read() as session:
            row = Repository(session).model(model)
            found = Observations.load(session, row, selection, names=[column_table(column)])
            if found is None:
                return None
            if column not in found.spec.columns:
                raise UnknownNameError("column", column, found.spec.columns)
            return places_of(session, profile_of(session, row, found), found, column)

    @allowed(Right.READ)
    def watch(self, actor: Actor, model: str) -> WatchReport | None:  # noqa: ARG002
        """What is watched of a model, what fired, and what is promised."""
        with self.database.read() as session:
            row = Repository(session).model(model)
            schema = Repository(session).schema(row)
            plan = WindowPlan.of(schema.window, schema.timezone)
            return load_watch(session, row, plan, policy_of(session, row), wealth=False)

    @allowed(Right.READ)
    def promises(self, actor: Actor) -> FleetPromise:  # noqa: ARG002
        """How many alerts of the whole fleet may be false in a year, in expectation."""
        with self.database.read() as session:
            return fleet_promise(session)

    @allowed(Right.READ)
    def performance(
        self,
        actor: Actor,  # noqa: ARG002
        model: str,
        selection: Selection = Selection(),  # noqa: B008
    ) -> PerformanceReport | None:
        """How well does the model do, how sure are we?"""
        found = self._load(model, selection, outcomes_only=True)
        return None if found is None else performance_report(found)

    @allowed(Right.READ)
    def estimates(
        self,
        actor: Actor,  # noqa: ARG002
        model: str,
        selection: Selection = Selection(),  # noqa: B008
    ) -> EstimateReport | None:
        """What will the labels show that aren't in yet, and what became of such estimates?"""
        found = self._load(model, selection, outcomes_only=True)
        return None if found is None else estimate_report(found)

    @allowed(Right.READ)
    def performance_slices(
        self,
        actor: Actor,  # noqa: ARG002
        model: str,
        selection: Selection = Selection(),  # noqa: B008
    ) -> PerformanceSlices | None:
        """In which segment, under which version is the model worst?"""
        whole = self._load(model, selection, outcomes_only=True)
        if whole is None:
            return None

        def rows(**of: str) -> Observations | None:
            return self._load(model, replace(selection, window=None, **of), outcomes_only=True)

        segments = {} if selection.segment else {name: rows(segment=name) for name in whole.context.segments}
        versions = {} if selection.version else {name: rows(version=name) for name in whole.context.versions}
        return performance_slices(
            whole,
            segments={name: found for name, found in segments.items() if found is not None},
            versions={name: found for name, found in versions.items() if found is not None},
        )

    @allowed(Right.READ)
    def concept(
        self,
        actor: Actor,  # noqa: ARG002
        model: str,
        selection: Selection = Selection(),  # noqa: B008
        *,
        river: bool = False,
    ) -> ConceptReport | None:
        """Do outcomes still follow the score as they did on the reference? With River's detectors beside, if asked."""
        found = self._load(model, selection, outcomes_only=True)
        if found is None or not river:
            return None if found is None else concept_report(found)
        from core.concept.river import river_detectors

        return concept_report(found, detectors=(*DETECTORS.values(), *river_detectors().values()))

    @allowed(Right.READ)
    def ageing(
        self,
        actor: Actor,  # noqa: ARG002
        model: str,
        selection: Selection = Selection(),  # noqa: B008
    ) -> tuple[VersionAgeing, ...]:
        """What does each version lose a month, and when would it reach its floor?"""
        whole = self._load(model, selection, outcomes_only=True)
        if whole is None or whole.context.shows_reference:
            return ()
        names = [selection.version] if selection.version else whole.context.versions
        rows = {
            name: self._load(model, replace(selection, window=None, version=name), outcomes_only=True) for name in names
        }
        return version_ageing(whole, {name: found for name, found in rows.items() if found is not None})

    @allowed(Right.READ)
    def fairness(
        self,
        actor: Actor,  # noqa: ARG002
        model: str,
        selection: Selection = Selection(),  # noqa: B008
    ) -> FairnessReport | None:
        """Who is treated differently, by how much, signal or noise?"""
        found = self._load(model, selection)
        return None if found is None else fairness_report(found)

    @allowed(Right.READ)
    def analyse(
        self,
        actor: Actor,  # noqa: ARG002
        model: str,
        selection: Selection = Selection(),  # noqa: B008
        *,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> Analysis:
        """Every family's measures in every window that overlaps [start, end); raises InputError without a reference."""
        found = self._load(model, selection)
        if found is None:
            raise InputError(
                f"{model} has no reference yet; give it one with `plumbline ingest {model} FILE --as reference`."
            )
        with self.database.read() as session:
            records = phase_records(session, Repository(session).model(model), selection)
        measures = [m for m in [*_measures(found), *charted(found, records)] if _overlaps(m, start, end)]
        is_judged = found.context.arming.is_armed and not found.context.shows_reference
        findings = [m for m in measures if m.status in ALARMS] if is_judged else []
        return Analysis(context=found.context, measures=tuple(measures), findings=tuple(findings))

    def _load(
        self,
        model: str,
        selection: Selection,
        *,
        names: Sequence[str] | None = None,
        outcomes_only: bool = False,
    ) -> Observations | None:
        with self.database.read() as session:
            row = Repository(session).model(model)
            if outcomes_only:
                schema = Repository(session).schema(row)
                names = [joint_table(), loss_table(), CALIBRATION, *(score_table(c) for c in schema.outcome.classes)]
            return Observations.load(session, row, selection, names=names)


def _measures(observations: Observations) -> list[Measure]:
    context = observations.context
    found: list[Measure] = []
    if not context.shows_reference:
        found += [measure for trend in drift_trends(observations).values() for measure in trend]
        found += [measure for series in quality_report(observations).shares for measure in series]
        found += [measure for window in concept_report(observations).trend for measure in window]
    found += [measure for window in performance_report(observations).trend for measure in window]
    for report in fairness_report(observations).attributes:
        found += [measure for window in report.trend for measure in window]
    return found


def _overlaps(measure: Measure, start: datetime | None, end: datetime | None) -> bool:
    if measure.window_start is None or measure.window_end is None:
        return True
    return (start is None or measure.window_end > start) and (end is None or measure.window_start < end)
