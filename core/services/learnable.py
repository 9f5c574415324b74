"""The records that a model may learn from: live ones, as labelled now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pandas as pd
from sqlalchemy.orm import Session

from core.actions.retrain.eligibility import BATCH, Eligible, ExcludedWindow, eligible
from core.errors import InputError
from core.record import ID, LABEL, LABEL_TIME, TIMESTAMP, VARIANT, VERSION
from core.schema import ModelSchema
from core.storage.files import WorkspaceFiles
from core.storage.labels import labelled_records
from core.storage.repository import LIVE_ROLES, Repository
from core.storage.tables import ModelRow

__all__ = ["check_learnable", "learnable_records"]


def check_learnable(session: Session, model: ModelRow) -> None:
    """Raise InputError where a model's records lie in a table, or did: a sample of them is all there is here."""
    repository = Repository(session)
    table = repository.source_table(model)
    if table is None and not any(batch.source_id is not None for batch in repository.batches(model, roles=LIVE_ROLES)):
        return
    lies = f"is monitored in {table}" if table else "was monitored in a table"
    raise InputError(
        f"{model.name} {lies}, of which counts and a sample are kept here, and a version learns from "
        "all records: train it where they lie, add it with `plumbline version add`, and propose its promotion."
    )


def learnable_records(
    session: Session,
    files: WorkspaceFiles,
    model: str,
    *,
    now: datetime,
    windows: Sequence[ExcludedWindow] = (),
    as_known: datetime | None = None,
) -> tuple[ModelSchema, Eligible]:
    """The schema of a model and its records that may be learnt from; raises InputError if they aren't here.

    With `as_known` neither records nor labels that were taken in after that instant.
    """
    repository = Repository(session)
    row = repository.model(model)
    check_learnable(session, row)
    schema = repository.schema(row)
    columns = [ID, TIMESTAMP, VERSION, VARIANT, LABEL, LABEL_TIME, *schema.described]
    frames = []
    for batch in repository.batches(row, roles=LIVE_ROLES):
        if as_known is not None and batch.created_at > as_known:
            continue
        labels = [
            files.path(label.labels_sha256)
            for label in repository.label_batches_of(batch)
            if as_known is None or label.created_at <= as_known
        ]
        frame: pd.DataFrame = labelled_records(files.path(batch.records_sha256), labels, columns).to_pandas()
        frame[BATCH] = batch.id
        frames.append(frame)
    if not frames:
        raise InputError(f"{model} has no records to learn from.")
    rows = pd.concat(frames, ignore_index=True)
    return schema, eligible(rows, now=now, maturity_days=schema.labels.delay_days, windows=windows)
