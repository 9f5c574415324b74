"""What was known of a model at an instant: records and labels as taken in by then, in a workspace of its own."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from core.errors import InputError
from core.storage.alerting import AlarmPolicyRow
from core.storage.database import Database
from core.storage.files import WorkspaceFiles
from core.storage.repository import Repository
from core.storage.tables import Base, BatchRow, LabelBatchRow, LabelLinkRow, SchemaRow, VersionRow

__all__ = ["copy_known"]

Row = TypeVar("Row", bound=Base)


def copy_known(
    database: Database, files: WorkspaceFiles, past: Database, past_files: WorkspaceFiles, *, model: str, at: datetime
) -> None:
    """Copy what had been taken in of a model by an instant into an empty workspace; files are linked, not copied.

    Parameters
    ----------
    database, files : Database, WorkspaceFiles
        Of the workspace as it is.
    past, past_files : Database, WorkspaceFiles
        Of an empty one.
    model : str
    at : datetime
        Aware. Batches and labels count from when they were taken in, whatever time they speak of; a batch that was
        retracted later stands.

    Raises
    ------
    UnknownNameError
        If there is no such model.
    InputError
        If the model had no schema by then.
    """
    with database.read() as session, past.write("past") as target:
        row = Repository(session).model(model)
        schemas = _then(session, SchemaRow, row.id, at)
        if not schemas:
            raise InputError(
                f"{model} was added on {row.created_at:%Y-%m-%d %H:%M} UTC; nothing was known of it on "
                f"{at:%Y-%m-%d %H:%M} UTC. Ask for a later time."
            )
        batches = [
            batch
            for batch in _then(session, BatchRow, row.id, at)
            if batch.retracted_at is None or batch.retracted_at > at
        ]
        if any(batch.source_id is not None for batch in batches):
            raise InputError(
                f"{model} is monitored in a table, of which only counts are kept: as it is known now, not as it was."
            )
        labels = _then(session, LabelBatchRow, row.id, at)
        links = session.scalars(
            select(LabelLinkRow).where(
                LabelLinkRow.batch_id.in_([batch.id for batch in batches]),
                LabelLinkRow.label_batch_id.in_([label.id for label in labels]),
            )
        ).all()
        later = {"retracted_at": None, "retracted_by": None, "retracted_reason": None}
        target.add(_copy(row))
        target.flush()
        for rows in (schemas, _then(session, VersionRow, row.id, at), _then(session, AlarmPolicyRow, row.id, at)):
            target.add_all([_copy(each) for each in rows])
        target.add_all([_copy(batch, **later) for batch in batches])
        target.add_all([_copy(label) for label in labels])
        target.flush()
        target.add_all([_copy(link) for link in links])
        digests = {batch.records_sha256 for batch in batches} | {label.labels_sha256 for label in labels}
        digests |= {each.rejects_sha256 for each in (*batches, *labels) if each.rejects_sha256 is not None}
    _link(files, past_files, digests)


def _then(session: Session, table: type[Any], model: int, at: datetime) -> list[Any]:
    """A model's rows of a table that were there by an instant, oldest first."""
    query = select(table).where(table.model_id == model, table.created_at <= at).order_by(table.id)
    return list(session.scalars(query))


def _copy(row: Row, **changed: Any) -> Row:
    columns = [attribute.key for attribute in inspect(type(row)).column_attrs]
    return type(row)(**({name: getattr(row, name) for name in columns} | changed))


def _link(files: WorkspaceFiles, past: WorkspaceFiles, digests: Iterable[str]) -> None:
    for digest in digests:
        link = past.path(digest)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(files.path(digest).resolve())
