"""Do what was approved: the steps of jobs, each safe to begin again where a killed worker left it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.actions.retrain.eligibility import BATCH, Eligible
from core.actions.targets.registry import RegistryTarget
from core.errors import ConflictError, InputError
from core.governance.identity import Actor, Right, allowed
from core.governance.proposals import ProposalKind, ProposalState
from core.measure import Status
from core.record import ID, LABEL, LABEL_TIME, TIMESTAMP, BatchRole
from core.schema import ModelSchema, Role
from core.services.alerts import AlertService
from core.services.analysis import AnalysisService
from core.services.batches import BatchService
from core.services.jobs import JobCancelledError, JobState
from core.services.learnable import learnable_records
from core.services.mitigation_curve import check_made
from core.services.placement import PlacementService
from core.services.profiles import SAMPLES, ProfileService
from core.services.proposal import ProposalInfo
from core.services.proposals import ProposalService
from core.services.records import RecordService
from core.services.retraining import excluded_windows, recipe_of
from core.services.signing_policy import put_in_force
from core.services.sources import SourceService
from core.services.versions import VersionInfo, VersionService, VersionState, deployed
from core.services.watch_changes import CHANGES_WATCH, staged_change, watch_change
from core.storage.database import Database
from core.storage.files import WorkspaceFiles, sha256_of
from core.storage.ledger import append
from core.storage.repository import Repository
from core.storage.signing import JobRow, ProposalRow
from core.storage.tables import ModelRow, VersionRow

if TYPE_CHECKING:
    from core.actions.retrain.trainer import Trained

__all__ = ["ExecutionService"]

LOG = logging.getLogger(__name__)
Say = Callable[[str, float], None]
SAYS_EVERY = 10  # windows


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionService:
    """What a worker does; each call is one step of a job, and has its effect once however often it is begun."""

    database: Database
    files: WorkspaceFiles
    analysis: AnalysisService
    alerts: AlertService
    profiles: ProfileService
    sources: SourceService
    batches: BatchService
    records: RecordService
    versions: VersionService
    proposals: ProposalService
    registry: RegistryTarget
    placement: PlacementService
    clock: Callable[[], datetime]

    @allowed(Right.RUN_JOBS)
    def deploy(self, actor: Actor, job_id: str) -> str:
        """Put in force what a running job's proposal asks for; what was done, in words."""
        with self.database.read() as session:
            proposal = _running(session, job_id)
            model_id, proposal_id = proposal.model_id, proposal.id
            is_of_watch = proposal.kind in CHANGES_WATCH
        if is_of_watch:
            return self._change_watch(actor, model_id, job_id)
        placed = self.placement.carry_out(actor, proposal_id, job_id)
        with self.database.write(f"model {model_id}") as session:
            proposal = _running(session, job_id)
            model = session.get_one(ModelRow, model_id)
            if proposal.kind == ProposalKind.POLICY:
                put_in_force(session, proposal, actor, job_id=job_id, at=self.clock())
                return f"The policy that proposal {proposal.id} asked for is in force."
            if proposal.kind == ProposalKind.RENEW:
                return f"The approval of {proposal.version} is renewed."
            before = deployed(session, model)
            name_before = before.name if before else None
            after = proposal.version
            if proposal.kind == ProposalKind.RETIRE:
                retired = Repository(session).version(model, proposal.version or "")
                if before is None or before.id != retired.id:
                    retired.state = VersionState.RETIRED
                    return f"{retired.name} is retired."
                after = None
            if self.registry.deploy(session, proposal, after):
                append(
                    session,
                    at=self.clock(),
                    actor=actor.name,
                    action="version.deploy",
                    objects={
                        "model": model.name,
                        "version": after,
                        "before": name_before,
                        "proposal": proposal.id,
                        "evidence": proposal.evidence_sha256,
                        "job": job_id,
                    },
                )
            return f"{after or 'No version'} is in force; before it was {name_before or 'none'}. {placed}".strip()

    @allowed(Right.RUN_JOBS)
    def train(self, actor: Actor, job_id: str, *, say: Say) -> str:
        """Train a candidate as a retraining proposal asks, and register it; the candidate's name."""
        from core.actions.retrain.trainer import train  # scikit-learn takes a second to import: not for every command

        proposal = self._proposal(actor, job_id)
        with self.database.read() as session:
            made = session.scalar(select(VersionRow.name).where(VersionRow.origin == _origin(proposal)))
        if made is not None:
            say(f"{made} was registered before the interruption.", 0.7)
            return made
        curve = self.proposals.report(actor, proposal.evidence_sha256).report.get("mitigation")
        schema, found = self._eligible(proposal, None if curve is None else datetime.fromisoformat(curve["as_known"]))
        for exclusion in found.exclusions:
            if exclusion.n:
                say(f"Left out {exclusion.n:,} records: {exclusion.reason}", 0.1)
        say(f"Trains on {found.n:,} of {found.n_given:,} records.", 0.15)
        recipe = recipe_of(schema, proposal.arguments)
        trained = train(schema, recipe, found.rows)
        if curve is not None:
            check_made(curve, trained)
        for note in trained.notes:
            say(note, 0.5)
        say("Registers the candidate.", 0.6)  # and stops here if somebody cancelled the job while it trained
        return self._register(actor, proposal, trained, found, schema).name

    @allowed(Right.RUN_JOBS)
    def propose_promotion(self, actor: Actor, job_id: str, version: str) -> ProposalInfo:
        """Ask, for whoever asked for the retraining, that its candidate be promoted."""
        proposal = self._proposal(actor, job_id)
        return self.proposals.open_by_job(
            actor,
            proposal.model,
            ProposalKind.PROMOTE,
            version,
            reason=f"{version} was retrained as proposal {proposal.id} asked: {proposal.reason}",
            requester=proposal.requester,
            origin=f"promote {_origin(proposal)}",
        )

    @allowed(Right.RUN_JOBS)
    def analyse(self, actor: Actor, job_id: str, *, say: Say) -> str:
        """Count and judge what is new; an alarm leaves a draft of a retraining proposal, once a window."""
        with self.database.read() as session:
            model = session.get_one(ModelRow, session.get_one(JobRow, job_id).model_id).name

        def counted(name: str, done: int, total: int) -> None:
            if name != SAMPLES:
                say(f"Counted {Path(name).name}.", 0.4 * done / total)
            elif done % SAYS_EVERY == 0 or done == total:
                say(f"Looked at the sampled rows of {done:,} of {total:,} windows.", 0.4 + 0.4 * done / total)

        if self.sources.list(actor, model):
            found = self.sources.read(actor, model, progress=counted)
            for finding in found.source.findings:
                say(f"{found.source.table}: {finding}.", 0.8)
        else:
            self.profiles.refresh(actor, model, progress=counted)
            self.profiles.refresh(actor, model)  # what came in meanwhile was left to this job
        return self.judge(actor, model)

    @allowed(Right.RUN_JOBS)
    def judge(self, actor: Actor, model: str) -> str:
        """Leave a draft of a retraining proposal if the model is in a critical state; what was found, in words."""
        summary = self.analysis.summary(actor, model)
        if summary is None or summary.status is not Status.CRITICAL:
            return f"{model} is {summary.status if summary else 'without a reference'}; nothing was proposed."
        out = [alert for alert in self.alerts.list(actor, model, live_only=True) if alert.is_out]
        if out:
            reason = f"Alert {out[0].id}, {out[0].window.name}: {out[0].title}"
            origin = f"alert {out[0].id}"
        else:  # a gap between groups: it is judged over a span, and fires no alert
            leading = summary.leading
            window = leading.window.name if leading.window else "the latest window"
            why = f" {leading.measure.measure}: {leading.measure.why}." if leading.measure else ""
            reason = f"{leading.family.replace('_', ' ').capitalize()} is critical in {window}.{why}"
            origin = f"alarm {model} {leading.family} {window}"
        try:
            drafted = self.proposals.open_by_job(
                actor,
                model,
                ProposalKind.RETRAIN,
                reason=reason,
                requester=None,
                origin=origin,
            )
        except (ConflictError, InputError) as error:  # it is asked for already, or nothing could be learnt from here
            return f"{reason} {error}"
        return f"{reason} Proposal {drafted.id} asks for a retraining."

    def _change_watch(self, actor: Actor, model_id: int, job_id: str) -> str:
        """Change what a model is watched for, and judge by it from the next window on; what was done, in words."""
        with self.files.staging() as folder:
            with self.database.read() as session:
                staged = staged_change(session, self.files, _running(session, job_id), folder)
            with self.database.write(f"model {model_id}") as session:
                proposal = _running(session, job_id)
                model = session.get_one(ModelRow, model_id).name
                said = watch_change(session, self.files, proposal, actor, staged, job_id=job_id, at=self.clock())
        try:
            self.profiles.refresh(actor, model)
        except Exception as error:  # it is in force all the same, and so done: whoever counts next judges by it
            LOG.exception("What a decision changed could not be counted at once.")
            said = f"{said} It is judged by when the model is counted next: {error}"
        return said

    def _proposal(self, actor: Actor, job_id: str) -> ProposalInfo:
        with self.database.read() as session:
            job = session.get_one(JobRow, job_id)
            if job.state == JobState.CANCELLED:
                raise JobCancelledError(job.message)
            proposal_id = job.proposal_id
        found = self.proposals.show(actor, proposal_id or 0)
        if found.state is not ProposalState.RUNNING:
            raise ConflictError(f"Proposal {found.id} is {found.state}: its job may do nothing.")
        return found

    def _eligible(self, proposal: ProposalInfo, as_known: datetime | None) -> tuple[ModelSchema, Eligible]:
        """The records that may be learnt from; of a mitigation those that its curve was measured on."""
        with self.database.read() as session:
            return learnable_records(
                session,
                self.files,
                proposal.model,
                now=as_known or self.clock(),
                windows=excluded_windows(proposal.arguments),
                as_known=as_known,
            )

    def _register(
        self, actor: Actor, proposal: ProposalInfo, trained: Trained, found: Eligible, schema: ModelSchema
    ) -> VersionInfo:
        from core.actions.retrain.artefact import save

        name = f"retrained-{proposal.id}"
        champion = self.versions.in_force(actor, proposal.model)
        batches = sorted(int(batch) for batch in found.rows[BATCH].unique())
        with self.files.staging() as folder:
            artefact = folder / "model.skops"
            save(trained.pipeline, artefact)
            rows = found.rows.set_index(ID).loc[list(trained.held_out_rows.prediction_id)].reset_index()
            evaluation = folder / f"held-out of {name}.parquet"
            pq.write_table(_evaluation_table(schema, rows, trained, name), evaluation)
            self._add_evaluation(actor, proposal.model, evaluation, name)
            return self.versions.add(
                actor,
                proposal.model,
                name,
                artefact=artefact,
                parameters=trained.to_dict(),
                training={"batches": batches, **found.to_dict()},
                parent=champion.version if champion else None,
                origin=_origin(proposal),
            )

    def _add_evaluation(self, actor: Actor, model: str, file: Path, version: str) -> None:
        """Take in what a candidate says of the held-out records, in place of what an attempt before it had said."""
        digest = sha256_of(file)
        for batch in self.batches.list(actor, model):
            is_earlier = batch.evaluated_version == version and batch.source_sha256 != digest
            if is_earlier and batch.retracted_at is None:
                self.batches.retract(actor, batch.id, reason=f"An interrupted attempt to train {version} left it.")
        outcome = self.records.add(actor, model, [file], role=BatchRole.EVALUATION, version=version, names=[file.name])[
            0
        ]
        if outcome.error is not None or outcome.n_rejected:
            why = outcome.error or "; ".join(f"{n:,} x {reason} in {column}" for reason, column, n in outcome.reasons)
            raise ConflictError(f"The held-out records of {version} can't be taken in: {why}")


def _running(session: Session, job_id: str) -> ProposalRow:
    """The proposal of a job that runs; raises JobCancelledError or ConflictError where it doesn't."""
    job = session.get_one(JobRow, job_id)
    if job.state == JobState.CANCELLED:
        raise JobCancelledError(job.message)
    proposal = session.get_one(ProposalRow, job.proposal_id)
    if proposal.state != ProposalState.RUNNING or job.state != JobState.RUNNING:
        raise ConflictError(f"Proposal {proposal.id} is {proposal.state}: nothing may be put in force for it.")
    return proposal


def _origin(proposal: ProposalInfo) -> str:
    return f"proposal {proposal.id}"


def _evaluation_table(schema: ModelSchema, rows: pd.DataFrame, trained: Trained, version: str) -> pa.Table:
    """The held-out records as the model's log has them, with what the candidate says of each."""
    scored = trained.held_out_rows.scored.to_columns()
    stored = {
        Role.ID: rows[ID],
        Role.LABEL: rows[LABEL],
        Role.VERSION: pd.Series([version] * len(rows)),
        Role.PREDICTION: pd.Series(scored["@prediction"]),
    }
    for role, name in ((Role.TIMESTAMP, TIMESTAMP), (Role.LABEL_TIME, LABEL_TIME)):
        if name in rows.columns:
            stored[role] = rows[name]
    columns: dict[str, pd.Series] = {}
    for name, spec in schema.columns.items():
        if spec.role in stored:
            columns[name] = stored[spec.role]
        elif spec.role in (Role.FEATURE, Role.ATTRIBUTE) and name in rows.columns:
            columns[name] = rows[name]
        elif spec.role is Role.SCORE:
            key = f"@score:{spec.class_}" if spec.class_ else "@score"
            if key in scored:
                columns[name] = pd.Series(scored[key])
    return pa.Table.from_pandas(pd.DataFrame(columns), preserve_index=False)
