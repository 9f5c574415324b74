"""A workspace: one folder and one database; the only place that constructs services."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from core.errors import InputError
from core.governance.identity import WORKER, Actor, Right, allowed
from core.storage.database import Database
from core.storage.files import WorkspaceFiles
from core.storage.queue import JobQueue
from core.storage.repository import Repository
from core.storage.worker import WorkerLock

if TYPE_CHECKING:
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
    from core.services.identities import IdentityService
    from core.services.jobs import JobService
    from core.services.labels import LabelService
    from core.services.ledger import LedgerService
    from core.services.ledger_signing import LedgerSigner
    from core.services.lineage import LineageService
    from core.services.loss_change import LossChangeService
    from core.services.maturity import MaturityService
    from core.services.mitigation import MitigationService
    from core.services.models import ModelService
    from core.services.notifications import NotificationService
    from core.services.policies import SigningPolicyService
    from core.services.predictions import PredictionService
    from core.services.profiles import ProfileService
    from core.services.proposals import ProposalService
    from core.services.recipe_grid import RecipeGridService
    from core.services.records import RecordService
    from core.services.samples import SampleService
    from core.services.selective import SelectiveService
    from core.services.sources import SourceService
    from core.services.targets import TargetService
    from core.services.versions import VersionService
    from core.services.watching import WatchService
    from core.services.worst_slices import WorstSlicesService

__all__ = ["Workspace"]

DATABASE_VARIABLE = "PLUMBLINE_DATABASE_URL"


class Workspace:
    """Plumbline's services on one folder; each is imported and built when it is first asked for.

    A command pays for what it uses only: to list models loads no statistics.
    """

    def __init__(self, folder: Path, database: Database, *, clock: Callable[[], datetime]) -> None:
        self.folder = folder
        self.database = database
        self.clock = clock
        self.files = WorkspaceFiles(folder / "records")
        self.artefacts = WorkspaceFiles(folder / "artefacts", suffix=".skops")
        self.queue = JobQueue(database)
        self.worker_lock = WorkerLock(folder=folder, database=database)
        self.reader: Actor | None = None  # of a workspace of the past: who asked for it

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
        workspace = cls(folder, database, clock=clock or (lambda: datetime.now(UTC)))
        workspace._sweep()
        return workspace

    def _sweep(self) -> None:
        """Delete what killed processes left behind."""
        with self.database.read() as session:
            repository = Repository(session)
            leftovers = self.files.leftovers(repository.known_files())
            leftovers += self.artefacts.leftovers(repository.known_artefacts())
        if leftovers:
            with self.database.write("files") as session:
                repository = Repository(session)
                self.files.sweep(repository.known_files())
                self.artefacts.sweep(repository.known_artefacts())

    @contextmanager
    @allowed(Right.READ)
    def as_known(self, actor: Actor, model: str, at: datetime) -> Iterator[Workspace]:
        """A workspace that holds of a model what had been taken in by an instant, counted and judged; gone afterwards.

        Parameters
        ----------
        actor : Actor
            Who asks; its ``reader``.
        model : str
        at : datetime
            Aware.

        Raises
        ------
        InputError
            If nothing was known of the model by then.
        """
        from core.services.past import copy_known

        with TemporaryDirectory(prefix="plumbline-past-") as name:
            past = Workspace.open(Path(name), database_url=f"sqlite:///{name}/plumbline.db", clock=lambda: at)
            try:
                copy_known(self.database, self.files, past.database, past.files, model=model, at=at)
                past.profiles.refresh(WORKER, model)
                past.reader = actor
                yield past
            finally:
                past.close()

    def close(self) -> None:
        """Give back the database connections."""
        self.database.close()

    @cached_property
    def models(self) -> ModelService:
        """Models and their schemas."""
        from core.services.models import ModelService

        return ModelService(database=self.database, clock=self.clock)

    @cached_property
    def records(self) -> RecordService:
        """Predictions taken in, and what was refused."""
        from core.services.records import RecordService

        return RecordService(database=self.database, files=self.files, clock=self.clock)

    @cached_property
    def labels(self) -> LabelService:
        """Outcomes that came later."""
        from core.services.labels import LabelService

        return LabelService(database=self.database, files=self.files, clock=self.clock)

    @cached_property
    def batches(self) -> BatchService:
        """What was taken in, file by file."""
        from core.services.batches import BatchService

        return BatchService(database=self.database, files=self.files, clock=self.clock)

    @cached_property
    def _watch(self) -> WatchService:
        """Series watched, and the alarms they raise."""
        from core.services.watching import WatchService

        return WatchService(database=self.database, clock=self.clock)

    @cached_property
    def profiles(self) -> ProfileService:
        """Count tables of each window."""
        from core.services.profiles import ProfileService

        return ProfileService(database=self.database, files=self.files, watch=self._watch, clock=self.clock)

    @cached_property
    def samples(self) -> SampleService:
        """Rows kept for what counts can't answer."""
        from core.services.samples import SampleService

        return SampleService(database=self.database, files=self.files)

    @cached_property
    def alerts(self) -> AlertService:
        """Alerts and what was decided on them."""
        from core.services.alerts import AlertService

        return AlertService(database=self.database, clock=self.clock)

    @cached_property
    def alarm_policies(self) -> AlarmPolicyService:
        """What each model is watched for."""
        from core.services.alarm_policies import AlarmPolicyService

        return AlarmPolicyService(database=self.database, watch=self._watch, clock=self.clock)

    @cached_property
    def analysis(self) -> AnalysisService:
        """Reports of drift, quality, performance, concept and fairness."""
        from core.services.analysis import AnalysisService

        return AnalysisService(database=self.database, clock=self.clock)

    @cached_property
    def charts(self) -> ChartService:
        """Control charts and their phases."""
        from core.services.control import ChartService

        return ChartService(database=self.database, clock=self.clock)

    @cached_property
    def audits(self) -> FairnessAuditService:
        """Fairness audits from counts."""
        from core.services.audits import FairnessAuditService

        return FairnessAuditService(database=self.database, folder=self.folder / "fairness")

    @cached_property
    def audited_rows(self) -> AuditedRowsService:
        """Fairness questions that need rows."""
        from core.services.audited_rows import AuditedRowsService

        return AuditedRowsService(database=self.database, samples=self.samples, folder=self.folder / "fairness")

    @cached_property
    def loss_changes(self) -> LossChangeService:
        """Why a loss changed, asked of rows."""
        from core.services.loss_change import LossChangeService

        return LossChangeService(database=self.database, samples=self.samples)

    @cached_property
    def maturity(self) -> MaturityService:
        """How complete labels are, asked of rows."""
        from core.services.maturity import MaturityService

        return MaturityService(database=self.database, samples=self.samples)

    @cached_property
    def worst_slices(self) -> WorstSlicesService:
        """Where a model does worst, asked of rows."""
        from core.services.worst_slices import WorstSlicesService

        return WorstSlicesService(database=self.database, samples=self.samples)

    @cached_property
    def accounts(self) -> AccountService:
        """People, roles and tokens."""
        from core.services.accounts import AccountService

        return AccountService(database=self.database, clock=self.clock)

    @cached_property
    def identities(self) -> IdentityService:
        """Who people are to an identity provider."""
        from core.services.identities import IdentityService
        from core.services.provider import Provider

        return IdentityService(database=self.database, load=Provider.from_environment, clock=self.clock)

    @cached_property
    def versions(self) -> VersionService:
        """Versions of models and their artefacts."""
        from core.services.versions import VersionService

        return VersionService(database=self.database, artefacts=self.artefacts, clock=self.clock)

    @cached_property
    def lineage(self) -> LineageService:
        """Where versions come from."""
        from core.services.lineage import LineageService

        return LineageService(database=self.database)

    @cached_property
    def recipe_grids(self) -> RecipeGridService:
        """Whether a gain would come from data or recipe."""
        from core.services.recipe_grid import RecipeGridService

        return RecipeGridService(database=self.database, files=self.files, clock=self.clock)

    @cached_property
    def mitigations(self) -> MitigationService:
        """What treating groups more alike would cost."""
        from core.services.mitigation import MitigationService

        return MitigationService(database=self.database, files=self.files, proposals=self.proposals, clock=self.clock)

    @cached_property
    def predictions(self) -> PredictionService:
        """Single predictions, by their id."""
        from core.services.predictions import PredictionService

        return PredictionService(
            database=self.database,
            files=self.files,
            versions=self.versions,
            alerts=self.alerts,
            analysis=self.analysis,
        )

    @cached_property
    def comparisons(self) -> ComparisonService:
        """Two versions on the same records."""
        from core.services.comparison import ComparisonService

        return ComparisonService(database=self.database, files=self.files)

    @cached_property
    def selective(self) -> SelectiveService:
        """Whether the model's decisions choose which labels come."""
        from core.services.selective import SelectiveService

        return SelectiveService(database=self.database)

    @cached_property
    def _evidence(self) -> EvidenceService:
        """What a decision rests on, frozen."""
        from core.services.evidence import EvidenceService

        return EvidenceService(
            database=self.database,
            files=self.files,
            artefacts=self.artefacts,
            profiles=self.profiles,
            analysis=self.analysis,
            comparisons=self.comparisons,
            maturity=self.maturity,
            selective=self.selective,
            clock=self.clock,
        )

    @cached_property
    def proposals(self) -> ProposalService:
        """What is asked for, and who signed."""
        from core.services.proposals import ProposalService

        return ProposalService(
            database=self.database,
            evidence=self._evidence,
            queue=self.queue,
            signer=self._signer,
            clock=self.clock,
        )

    @cached_property
    def policies(self) -> SigningPolicyService:
        """Who must sign what, on which evidence."""
        from core.services.policies import SigningPolicyService

        return SigningPolicyService(database=self.database)

    @cached_property
    def sources(self) -> SourceService:
        """Tables that are monitored where they lie."""
        from core.services.sources import SourceService

        return SourceService(database=self.database, files=self.files, profiles=self.profiles, clock=self.clock)

    @cached_property
    def targets(self) -> TargetService:
        """Where versions are put in force."""
        from core.services.targets import TargetService

        return TargetService(database=self.database, clock=self.clock)

    @cached_property
    def notifications(self) -> NotificationService:
        """Who is told what, and how that went."""
        from core.services.notifications import NotificationService

        return NotificationService(database=self.database, clock=self.clock)

    @cached_property
    def jobs(self) -> JobService:
        """Approved work and how it went."""
        from core.services.jobs import JobService

        return JobService(
            database=self.database,
            evidence=self._evidence,
            queue=self.queue,
            worker_lock=self.worker_lock,
            clock=self.clock,
        )

    @cached_property
    def _signer(self) -> LedgerSigner:
        """What signs the ledger's head."""
        from core.governance.signing_key import FILE_VARIABLE, SigningKey
        from core.services.ledger_signing import LedgerSigner

        key_file = os.environ.get(FILE_VARIABLE)
        witness = Path(f"{key_file}.signed") if key_file else None
        return LedgerSigner(load=SigningKey.from_environment, witness=witness)

    @cached_property
    def ledger(self) -> LedgerService:
        """The chain of everything decided."""
        from core.services.ledger import LedgerService

        return LedgerService(database=self.database, signer=self._signer, clock=self.clock)

    @cached_property
    def execution(self) -> ExecutionService:
        """Doing what was approved."""
        from core.actions.targets.registry import RegistryTarget
        from core.services.execution import ExecutionService
        from core.services.placement import PlacementService

        return ExecutionService(
            database=self.database,
            files=self.files,
            analysis=self.analysis,
            alerts=self.alerts,
            profiles=self.profiles,
            sources=self.sources,
            batches=self.batches,
            records=self.records,
            versions=self.versions,
            proposals=self.proposals,
            registry=RegistryTarget(clock=self.clock),
            placement=PlacementService(database=self.database, clock=self.clock),
            clock=self.clock,
        )
