"""A workspace: one folder and one database; the only place that constructs services."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from core.errors import InputError
from core.services.analysis import AnalysisService
from core.services.batches import BatchService
from core.services.labels import LabelService
from core.services.models import ModelService
from core.services.profiles import ProfileService
from core.services.records import RecordService
from core.storage.database import Database
from core.storage.files import WorkspaceFiles
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
    analysis: AnalysisService

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
        files = WorkspaceFiles(folder / "records")
        now = clock or (lambda: datetime.now(UTC))
        workspace = cls(
            folder=folder,
            database=database,
            models=ModelService(database=database, clock=now),
            records=RecordService(database=database, files=files, clock=now),
            labels=LabelService(database=database, files=files, clock=now),
            batches=BatchService(database=database, files=files, clock=now),
            profiles=ProfileService(database=database, files=files, clock=now),
            analysis=AnalysisService(database=database),
        )
        with database.read() as session:
            known = Repository(session).known_files()
        if files.leftovers(known):
            with database.write("files") as session:
                files.sweep(Repository(session).known_files())
        return workspace

    def close(self) -> None:
        """Give back the database connections."""
        self.database.close()
