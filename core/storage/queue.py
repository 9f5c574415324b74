"""The durable queue: a job is enqueued in the transaction that decides it, and a worker takes it from there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import inspect
from sqlalchemy.orm import Session

from core.storage.database import Database

if TYPE_CHECKING:
    from dbos import DBOSClient

__all__ = ["APPLICATION_VERSION", "QUEUE", "JobQueue"]

QUEUE = "jobs"
APPLICATION_VERSION = "1"  # raised by hand when a workflow's steps change: pending jobs of another version rest


class JobQueue:
    """Enqueue, cancel and resume durable workflows; only a worker runs them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._client: DBOSClient | None = None

    def prepare(self) -> None:
        """Make the queue's own tables where they are missing; call it before the transaction that enqueues."""
        from dbos import DBOS  # imported late: it takes half a second, and most commands enqueue nothing

        schema = None if self._database.is_sqlite else "dbos"
        if not inspect(self._database.writer).has_table("dbos_migrations", schema=schema):
            DBOS.migrate(self._database.url.render_as_string(hide_password=False))

    def enqueue(self, session: Session, job_id: str, workflow: str, argument: str | int) -> None:
        """Enqueue in the caller's transaction: committed with it or gone with it; the same id again is one job."""
        from dbos import WorkflowSerializationFormat

        self._connected().enqueue_in_transaction(
            session,
            {
                "workflow_name": workflow,
                "queue_name": QUEUE,
                "workflow_id": job_id,
                "app_version": APPLICATION_VERSION,
                "serialization_type": WorkflowSerializationFormat.PORTABLE,
            },
            argument,
        )

    def cancel(self, job_id: str) -> None:
        """Keep a job from starting, or from beginning its next step."""
        self._connected().cancel_workflow(job_id)

    def _connected(self) -> DBOSClient:
        if self._client is None:
            from dbos import DBOSClient

            self._client = DBOSClient(system_database_engine=self._database.writer, lazy=True)
        return self._client
