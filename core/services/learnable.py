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

__all__ = ["learnable_records"]


def learnable_records(
    session: Session,
    files: WorkspaceFiles,
    model: str,
    *,
    now: datetime,
    windows: Sequence[ExcludedWindow] = (),
    as_known: datetime | None = None,
) -> tuple[ModelSchema, Eligible]:
    """The schema of a model and its records that may be learnt from; raises InputError if it has no records.

    With `as_known` neither records nor labels that were taken in after that instant.
    """
    repository = Repository(session)
    row = repository.model(model)
    schema = repository.schema(row)
    columns = [ID, TIMESTAMP, VERSION, VARIANT, LABEL, LABEL_TIME, *schema.described]
    frames = []
    batches = repository.batches(row, roles=LIVE_ROLES)
    if any(batch.source_id is not None for batch in batches):
        raise InputError(
            f"{model} is monitored in a table, of which a sample is kept here, and a version learns from all records: "
            "train it where the table lies, and add it with `plumbline version add`."
        )
    for batch in batches:
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
