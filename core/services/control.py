"""Control charts of a model: show them, see all series at once, and keep their phases I with who, when and why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.errors import ConflictError, InputError, NotAllowedError, UnknownNameError
from core.governance.identity import Actor, Right, UserRole, allowed, check_fresh
from core.services.admissible import checked_text
from core.services.chart_assembly import chart_report
from core.services.chart_changes import changed_phases, find_window
from core.services.chart_marks import chart_marks
from core.services.chart_options import DEFAULT_OPTIONS, ChartOptions
from core.services.chart_overview import SeriesOverview, series_overview
from core.services.chart_phases import (
    Exclusion,
    Phase,
    PhaseRecord,
    PhaseStep,
    phase_records,
)
from core.services.chart_report import ChartReport
from core.services.chart_series import SeriesSource
from core.services.observations import Observations, Selection
from core.storage.charting import ControlPhaseDecisionRow, ControlPhaseRow, digest_of_phases
from core.storage.database import Database
from core.storage.ledger import append
from core.storage.repository import Repository
from core.storage.signing import DeploymentRow, ProposalMoveRow
from core.storage.tables import ModelRow

__all__ = ["ChartService"]

ALL_ROWS = Selection()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Loaded:
    """What a change of phase I starts from: if it isn't so any more when that is written, it is refused."""

    model: str
    model_id: int
    source: SeriesSource
    records: tuple[PhaseRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartService:
    """Charts are drawn and explained; nothing here opens an alert."""

    database: Database
    clock: Callable[[], datetime]

    @allowed(Right.READ)
    def state(self, actor: Actor, model: str) -> str:  # noqa: ARG002 (every service call takes the actor)
        """Names the phases and marks that a model's charts rest on, beside its records: for a cache's key."""
        with self.database.read() as session:
            row = Repository(session).model(model)
            counted = (
                select(func.count()).select_from(ControlPhaseRow).where(ControlPhaseRow.model_id == row.id),
                select(func.count()).select_from(ControlPhaseDecisionRow),
                select(func.count()).select_from(DeploymentRow).where(DeploymentRow.model_id == row.id),
                select(func.count()).select_from(ProposalMoveRow),
            )
            return ":".join(str(session.scalar(query)) for query in counted)

    @allowed(Right.READ)
    def show(
        self,
        actor: Actor,  # noqa: ARG002
        model: str,
        selection: Selection = ALL_ROWS,
        *,
        series: str | None = None,
        options: ChartOptions = DEFAULT_OPTIONS,
    ) -> ChartReport | None:
        """One series charted, the first without a name; None while the model has no reference.

        Raises
        ------
        UnknownNameError
            If there is no such model, series, segment or window.
        """
        with self.database.read() as session:
            row = Repository(session).model(model)
            found = Observations.load(session, row, selection)
            records, marks = phase_records(session, row, selection), chart_marks(session, row)
        if found is None:
            return None
        source = SeriesSource(found)
        name = source.find(series)
        return None if name is None else chart_report(source, name, options=options, records=records, marks=marks)

    @allowed(Right.READ)
    def overview(
        self,
        actor: Actor,  # noqa: ARG002
        model: str,
        selection: Selection = ALL_ROWS,
    ) -> tuple[SeriesOverview, ...] | None:
        """Every series in small on its phase I in force, the worst first; None while the model has no reference."""
        with self.database.read() as session:
            row = Repository(session).model(model)
            found = Observations.load(session, row, selection)
            records = phase_records(session, row, selection)
        if found is None:
            return None
        source = SeriesSource(found)
        charted = [series_overview(chart_report(source, name, records=records)) for name in source.names]
        return tuple(sorted(charted, key=lambda each: each.rank))

    @allowed(Right.CONFIGURE)
    def fit(
        self,
        actor: Actor,
        model: str,
        series: str | None,
        *,
        first: str,
        last: str,
        reason: str,
        selection: Selection = ALL_ROWS,
        options: ChartOptions = DEFAULT_OPTIONS,
    ) -> PhaseRecord:
        """Rest a series' limits (or all series', for None) on a period of the reference; it holds at once.

        Parameters
        ----------
        first, last : str
            Windows of the reference: '2026-W02'.

        Raises
        ------
        NotAllowedError
            If the period reaches into production: that takes a second person's decision.
        InputError
            Without a reason, or with fewer than 7 points left.
        """
        text = checked_text(reason, "Say why phase I shall be that period: it is kept in the ledger.")
        loaded = self._load(model, selection)
        source, records = loaded.source, loaded.records
        period = find_window(source, first), find_window(source, last)
        if any(place.role != "reference" for place in period):
            raise NotAllowedError(
                "Limits that rest on production records take a second person: propose that phase I instead."
            )
        phases = changed_phases(source, series, records, options, period=period)
        return self._keep(actor, PhaseStep.FIT, phases, loaded=loaded, selection=selection, text=text)

    @allowed(Right.CONFIGURE)
    def exclude(
        self,
        actor: Actor,
        model: str,
        series: str | None,
        windows: Sequence[str],
        *,
        reason: str,
        selection: Selection = ALL_ROWS,
        options: ChartOptions = DEFAULT_OPTIONS,
    ) -> PhaseRecord:
        """Leave points out of phase I for an assignable cause, and fit the limits anew; both versions stay.

        Raises
        ------
        InputError
            Without a reason, if a window isn't in phase I, or with fewer than 7 points left.
        """
        text = checked_text(reason, "A point is left out for an assignable cause: say which.")
        loaded = self._load(model, selection)
        source, records = loaded.source, loaded.records
        at = self.clock()
        new = tuple(Exclusion(place=find_window(source, w), reason=text, by=actor.name, at=at) for w in windows)
        if not new:
            raise InputError("Name at least one window to leave out.")
        phases = changed_phases(source, series, records, options, exclude=new)
        return self._keep(actor, PhaseStep.EXCLUDE, phases, loaded=loaded, selection=selection, text=text)

    @allowed(Right.CONFIGURE)
    def include(
        self,
        actor: Actor,
        model: str,
        series: str | None,
        windows: Sequence[str],
        *,
        reason: str,
        selection: Selection = ALL_ROWS,
        options: ChartOptions = DEFAULT_OPTIONS,
    ) -> PhaseRecord:
        """Take points back into phase I that were left out, and fit the limits anew; all versions stay."""
        text = checked_text(reason, "Say why the point belongs to phase I after all.")
        loaded = self._load(model, selection)
        source, records = loaded.source, loaded.records
        phases = changed_phases(
            source, series, records, options, include=tuple(find_window(source, w) for w in windows)
        )
        return self._keep(actor, PhaseStep.INCLUDE, phases, loaded=loaded, selection=selection, text=text)

    @allowed(Right.PROPOSE)
    def propose(
        self,
        actor: Actor,
        model: str,
        series: str | None,
        *,
        first: str,
        last: str,
        reason: str,
        selection: Selection = ALL_ROWS,
        options: ChartOptions = DEFAULT_OPTIONS,
    ) -> PhaseRecord:
        """Propose a new phase I, as after an approved change; it holds once somebody else has adopted it.

        Raises
        ------
        NotAllowedError
            For the local operator: who proposes must be known, so that somebody else decides.
        InputError
            Without a reason, or with fewer than 7 points.
        """
        if UserRole.OPERATOR in actor.roles:
            raise NotAllowedError(
                "A new phase I takes two people, so the one who proposes it must be known: sign in, or set "
                "PLUMBLINE_TOKEN."
            )
        text = checked_text(reason, "Say why phase I shall be that period: who decides on it reads that.")
        loaded = self._load(model, selection)
        source, records = loaded.source, loaded.records
        period = find_window(source, first), find_window(source, last)
        phases = changed_phases(source, series, records, options, period=period)
        return self._keep(actor, PhaseStep.PROPOSE, phases, loaded=loaded, selection=selection, text=text)

    @allowed(Right.DECIDE)
    def decide(self, actor: Actor, model: str, phase_id: int, step: PhaseStep, *, reason: str) -> PhaseRecord:
        """Adopt or reject a proposed phase I; its limits are those that were proposed.

        Raises
        ------
        NotAllowedError
            For the one who proposed it.
        ConflictError
            If it was decided already.
        SignInAgainError
            If the actor gave the password over 15 minutes ago.
        """
        check_fresh(actor, now=self.clock())
        if step not in (PhaseStep.ADOPT, PhaseStep.REJECT):
            raise InputError(f"{step} is no decision on a phase I; it is adopt or reject.")
        text = checked_text(reason, "A decision needs a reason.")
        with self.database.read() as session:
            model_id = Repository(session).model(model).id
        with self.database.write(f"model {model_id}") as session:
            row = session.get(ControlPhaseRow, phase_id)
            if row is None or row.model_id != model_id or row.step != PhaseStep.PROPOSE:
                raise UnknownNameError("proposed phase I", str(phase_id), _waiting_ids(session, model_id))
            if row.created_by == actor.name:
                raise NotAllowedError("You proposed this phase I: somebody else decides on it.")
            decided = session.scalar(
                select(ControlPhaseDecisionRow).where(ControlPhaseDecisionRow.phase_id == phase_id)
            )
            if decided is not None:
                raise ConflictError(
                    f"{decided.decided_by} chose to {decided.step} it at {decided.decided_at:%Y-%m-%d %H:%M} UTC; "
                    "nothing was changed."
                )
            at = self.clock()
            receipt = append(
                session,
                at=at,
                actor=actor.name,
                action=f"phase.{step}",
                objects={"model": model, "phase": phase_id, "series": _told(list(row.phases)), "text": text},
            )
            session.add(
                ControlPhaseDecisionRow(
                    phase_id=phase_id,
                    step=step,
                    reason=text,
                    decided_at=at,
                    decided_by=actor.name,
                    ledger_seq=receipt.seq,
                )
            )
            session.flush()
            selection = Selection(segment=row.segment, version=row.version or None)
            found = phase_records(session, session.get_one(ModelRow, model_id), selection)
            return next(record for record in found if record.id == phase_id)

    def _load(self, model: str, selection: Selection) -> _Loaded:
        with self.database.read() as session:
            row = Repository(session).model(model)
            found = Observations.load(session, row, selection)
            records, row_id = phase_records(session, row, selection), row.id
        if found is None:
            raise InputError(f"{model} has no reference yet, so there is no chart and no phase I.")
        return _Loaded(model=model, model_id=row_id, source=SeriesSource(found), records=records)

    def _keep(
        self,
        actor: Actor,
        step: PhaseStep,
        phases: dict[str, Phase],
        *,
        loaded: _Loaded,
        selection: Selection,
        text: str,
    ) -> PhaseRecord:
        """Write a version of phase I and its entry in the ledger; refused if another was made meanwhile."""
        with self.database.write(f"model {loaded.model_id}") as session:
            model_row = session.get_one(ModelRow, loaded.model_id)
            if _versions(phase_records(session, model_row, selection)) != _versions(loaded.records):
                raise ConflictError("Somebody changed a phase I of this model meanwhile: look at it, then try again.")
            at = self.clock()
            row = ControlPhaseRow(
                model_id=loaded.model_id,
                version=selection.version or "",
                segment=selection.segment,
                step=step,
                phases={name: phase.to_dict() for name, phase in phases.items()},
                reason=text,
                created_at=at,
                created_by=actor.name,
            )
            receipt = append(
                session,
                at=at,
                actor=actor.name,
                action=f"phase.{step}",
                objects={
                    "model": loaded.model,
                    "series": _told(list(phases)),
                    "digest": digest_of_phases(row),
                    "text": text,
                },
            )
            row.ledger_seq = receipt.seq
            session.add(row)
            session.flush()
            return phase_records(session, model_row, selection)[-1]


def _versions(records: Sequence[PhaseRecord]) -> list[tuple[int, bool]]:
    """Which versions of phase I there are, and which of them are decided."""
    return [(record.id, record.decision is not None) for record in records]


def _told(series: Sequence[str]) -> str:
    """Which series an entry speaks of."""
    return series[0] if len(series) == 1 else f"{len(series)} series"


def _waiting_ids(session: Session, model_id: int) -> list[str]:
    decided = select(ControlPhaseDecisionRow.phase_id)
    query = select(ControlPhaseRow.id).where(
        ControlPhaseRow.model_id == model_id,
        ControlPhaseRow.step == PhaseStep.PROPOSE,
        ControlPhaseRow.id.not_in(decided),
    )
    return [str(found) for found in session.scalars(query)]
