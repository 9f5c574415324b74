"""A workspace: one folder and one database; the only place that constructs services."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from core.actions.targets.registry import RegistryTarget
from core.errors import InputError
from core.governance.policy import Policy
from core.services.accounts import AccountService
from core.services.alarm_policies import AlarmPolicyService
from core.services.alerts import AlertService
from core.services.analysis import AnalysisService
from core.services.audited_rows import AuditedRowsService
from core.services.audits import FairnessAuditService
from core.services.batches import BatchService
from core.services.comparison import ComparisonService
from core.services.control import ChartService
from core.services.evidence import EvidenceService
from core.services.execution import ExecutionService
from core.services.jobs import JobService
from core.services.labels import LabelService
from core.services.ledger import LedgerService
from core.services.loss_change import LossChangeService
from core.services.models import ModelService
from core.services.profiles import ProfileService
from core.services.proposals import ProposalService
from core.services.records import RecordService
from core.services.samples import SampleService
from core.services.versions import VersionService
from core.services.watching import WatchService
from core.storage.database import Database
from core.storage.files import WorkspaceFiles
from core.storage.queue import JobQueue
from core.storage.repository import Repository

__all__ = ["Workspace"]

DATABASE_VARIABLE = "PLUMBLINE_DATABASE_URL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """Plumbline's services on one folder."""

    folder: Path
    database: Database
    models: ModelService
    records: RecordService
    labels: LabelService
    batches: BatchService
    profiles: ProfileService
    samples: SampleService
    alerts: AlertService
    alarm_policies: AlarmPolicyService
    analysis: AnalysisService
    charts: ChartService
    audits: FairnessAuditService
    audited_rows: AuditedRowsService
    loss_changes: LossChangeService
    accounts: AccountService
    versions: VersionService
    comparisons: ComparisonService
    proposals: ProposalService
    jobs: JobService
    ledger: LedgerService
    execution: ExecutionService

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        database_url: str | None = None,
        clock: Callable[[], datetime] | None = None,
        create: bool = True,
    ) -> Workspace:
        """Open a workspace, made if need be; what killed processes left behind is swept.

        Parameters
        ----------
        folder : Path
            Holds the Parquet files and, unless a URL is given, the SQLite database.
        database_url : str or None
            SQLAlchemy URL; otherwise PLUMBLINE_DATABASE_URL, otherwise SQLite in the folder.
        clock : callable or None
            Gives the present as an aware datetime.
        create : bool
            Whether a folder that isn't there may be made; else InputError.
        """
        url = database_url or os.environ.get(DATABASE_VARIABLE)
        if not folder.is_dir():
            if not create:
                raise InputError(
                    f"{folder} is no workspace: there is no such folder. Make one with `plumbline demo --no-serve` or "
                    "`plumbline model add`, or name another with --workspace."
                )
            folder.mkdir(parents=True)
        database = Database(url or f"sqlite:///{folder.resolve() / 'plumbline.db'}")
        database.migrate()
        workspace = _built(folder, database, clock or (lambda: datetime.now(UTC)))
        workspace._sweep()
        return workspace

    def _sweep(self) -> None:
        """Delete what killed processes left behind."""
        with self.database.read() as session:
            repository = Repository(session)
            leftovers = self.records.files.leftovers(repository.known_files())
            leftovers += self.versions.artefacts.leftovers(repository.known_artefacts())
        if leftovers:
            with self.database.write("files") as session:
                repository = Repository(session)
                self.records.files.sweep(repository.known_files())
                self.versions.artefacts.sweep(repository.known_artefacts())

    def close(self) -> None:
        """Give back the database connections."""
        self.database.close()


def _built(folder: Path, database: Database, clock: Callable[[], datetime]) -> Workspace:
    """Every service, each given what it needs."""
    files = WorkspaceFiles(folder / "records")
    artefacts = WorkspaceFiles(folder / "artefacts", suffix=".skops")
    queue = JobQueue(database)
    alerts = AlertService(database=database, clock=clock)
    samples = SampleService(database=database, files=files)
    analysis = AnalysisService(database=database, clock=clock)
    batches = BatchService(database=database, files=files, clock=clock)
    watch = WatchService(database=database, clock=clock)
    profiles = ProfileService(database=database, files=files, watch=watch, clock=clock)
    comparisons = ComparisonService(database=database, files=files)
    evidence = EvidenceService(
        database=database,
        files=files,
        artefacts=artefacts,
        profiles=profiles,
        analysis=analysis,
        comparisons=comparisons,
        policy=Policy(),
        clock=clock,
    )
    records = RecordService(database=database, files=files, clock=clock)
    versions = VersionService(database=database, artefacts=artefacts, clock=clock)
    proposals = ProposalService(database=database, evidence=evidence, queue=queue, clock=clock)
    return Workspace(
        folder=folder,
        database=database,
        models=ModelService(database=database, clock=clock),
        records=records,
        labels=LabelService(database=database, files=files, clock=clock),
        batches=batches,
        profiles=profiles,
        samples=samples,
        alerts=alerts,
        alarm_policies=AlarmPolicyService(database=database, watch=watch, clock=clock),
        analysis=analysis,
        charts=ChartService(database=database, clock=clock),
        audits=FairnessAuditService(database=database, folder=folder / "fairness"),
        audited_rows=AuditedRowsService(database=database, samples=samples, folder=folder / "fairness"),
        loss_changes=LossChangeService(database=database, samples=samples),
        accounts=AccountService(database=database, clock=clock),
        versions=versions,
        comparisons=comparisons,
        proposals=proposals,
        jobs=JobService(database=database, evidence=evidence, queue=queue, clock=clock),
        ledger=LedgerService(database=database),
        execution=ExecutionService(
            database=database,
            files=files,
            analysis=analysis,
            alerts=alerts,
            profiles=profiles,
            batches=batches,
            records=records,
            versions=versions,
            proposals=proposals,
            target=RegistryTarget(clock=clock),
            clock=clock,
        ),
    )
