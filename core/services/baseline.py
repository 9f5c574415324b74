"""Another reference period: what such a proposal asks for, making it the reference, and taking it back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sqlalchemy.orm import Session

from core.errors import ConflictError, InputError
from core.governance.evidence import digest_of
from core.governance.identity import Actor
from core.governance.ledger import Entry
from core.record import TIMESTAMP, BatchRole
from core.services.batches import take_out
from core.services.reference import MADE_BY, RESTORED, SET, changes_of
from core.storage.files import WorkspaceFiles, sha256_of, write_parquet
from core.storage.labels import labelled_records
from core.storage.ledger import append
from core.storage.repository import Repository
from core.storage.signing import ProposalRow
from core.storage.tables import BatchRow, ModelRow

__all__ = ["Period", "StagedBaseline", "baseline_set_by", "batches_in", "restore", "set_baseline", "stage_baseline"]

RECORDS, REJECTS = "records.parquet", "rejects.parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Production served from `start_at` until before `end_at`, which a proposal asks to hold windows against.

    Examples
    --------
    >>> Period.read({"from": "2026-03-01T00:00:00+00:00", "to": "2026-03-15T00:00:00+00:00"}).end_at.day
    15
    """

    start_at: datetime
    end_at: datetime

    def __str__(self) -> str:
        start, end = (moment.astimezone(UTC) for moment in (self.start_at, self.end_at))
        return f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC"

    @classmethod
    def read(cls, arguments: Mapping[str, Any]) -> Self:
        """What a proposal's arguments say; raises InputError where they can't be read."""
        try:
            period = cls(
                start_at=datetime.fromisoformat(arguments["from"]), end_at=datetime.fromisoformat(arguments["to"])
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"Another reference needs its period, from and to (times with a zone; to isn't in it): {error}"
            ) from error
        if period.start_at.tzinfo is None or period.end_at.tzinfo is None:
            raise InputError("The period of a reference needs times with a zone.")
        if not period.start_at < period.end_at:
            raise InputError(f"The period must end after it starts, not {period.start_at} to {period.end_at}.")
        return period


def batches_in(session: Session, model: ModelRow, period: Period) -> list[BatchRow]:
    """The batches of production that have records of a period; raises InputError where only counts are kept."""
    table = Repository(session).source_table(model)
    if table is not None:
        raise InputError(
            f"{model.name} is monitored in {table}, of which only counts and a sample are kept; a new reference is "
            f"taken in as a file: plumbline ingest {model.name} FILE --as reference."
        )
    return [
        batch
        for batch in Repository(session).batches(model, roles=[BatchRole.PRODUCTION])
        if batch.first_at is not None
        and batch.last_at is not None
        and batch.first_at < period.end_at
        and batch.last_at >= period.start_at
    ]


def baseline_set_by(session: Session, proposal: ProposalRow) -> Entry | None:
    """The entry of the ledger by which a proposal changed the reference; None while it hasn't."""
    model = session.get_one(ModelRow, proposal.model_id)
    found = changes_of(session, model)
    return next((e for e in found if e.action == SET and e.objects.get("proposal") == proposal.id), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedBaseline:
    """The records of a period, copied with the labels they have, before a transaction adopts them.

    `rests_on` names what was copied; `fields` are the batch's.
    """

    folder: Path
    rests_on: str
    fields: Mapping[str, Any]


def stage_baseline(
    session: Session, files: WorkspaceFiles, proposal: ProposalRow, folder: Path
) -> StagedBaseline | None:
    """Copy the records of the period that a proposal asks for into `folder`; None where that was done before.

    Raises
    ------
    ConflictError
        If no record of the period is there any more.
    """
    if baseline_set_by(session, proposal) is not None:
        return None
    period, repository = Period.read(proposal.arguments), Repository(session)
    model = session.get_one(ModelRow, proposal.model_id)
    batches = batches_in(session, model, period)
    records = _records(repository, files, batches, period)
    if not records.num_rows:
        raise ConflictError("No record of the period is there any more. Nothing was done.")
    write_parquet(folder / RECORDS, records)
    rejects = _rejects(files, batches, period)
    if rejects is not None:
        write_parquet(folder / REJECTS, rejects)
    duplicates, times = _duplicates(batches, period), pc.min_max(records[TIMESTAMP]).as_py()
    return StagedBaseline(
        folder=folder,
        rests_on=_rests_on(repository, batches),
        fields={
            "records_sha256": sha256_of(folder / RECORDS),
            "rejects_sha256": None if rejects is None else sha256_of(folder / REJECTS),
            "n_rows": records.num_rows,
            "n_rejected": 0 if rejects is None else len(pc.unique(rejects["line"])),
            "n_duplicates": sum(duplicates.values()),
            "duplicate_times": duplicates or None,
            "first_at": times["min"],
            "last_at": times["max"],
            "notes": [f"a copy of records of batches {', '.join(str(each.id) for each in batches)}"],
        },
    )


def set_baseline(
    session: Session,
    files: WorkspaceFiles,
    proposal: ProposalRow,
    actor: Actor,
    staged: StagedBaseline | None,
    *,
    job_id: str,
    at: datetime,
) -> str:
    """Make what was copied of an approved period the reference, once; what was done, in words.

    The records served stay where they are, and the reference of before too.

    Raises
    ------
    ConflictError
        If records or labels of the period changed while they were copied.
    """
    period = Period.read(proposal.arguments)
    said = f"Windows are held against {period} from now on."
    if staged is None or baseline_set_by(session, proposal) is not None:
        return said
    model, repository = session.get_one(ModelRow, proposal.model_id), Repository(session)
    batches = batches_in(session, model, period)
    if _rests_on(repository, batches) != staged.rests_on:
        raise ConflictError("Records or labels of the period changed while they were copied. Nothing was done.")
    batch = BatchRow(
        model_id=model.id,
        role=BatchRole.BASELINE,
        evaluated_version=None,
        schema_digest=repository.schema_row(model).digest,
        source_name=f"{MADE_BY}{proposal.id}",
        source_sha256=proposal.evidence_sha256,
        first_row=repository.next_row_number(model, BatchRole.BASELINE),
        created_at=at,
        created_by=actor.name,
        **staged.fields,
    )
    session.add(batch)
    session.flush()
    append(
        session,
        at=at,
        actor=actor.name,
        action=SET,
        objects={
            "model": model.name,
            "batch": batch.id,
            "records": batch.records_sha256,
            "n_rows": batch.n_rows,
            "from": period.start_at.isoformat(),
            "to": period.end_at.isoformat(),
            "of": [each.id for each in batches],
            "proposal": proposal.id,
            "evidence": proposal.evidence_sha256,
            "job": job_id,
        },
    )
    files.adopt(staged.folder / RECORDS, batch.records_sha256)
    if batch.rejects_sha256 is not None:
        files.adopt(staged.folder / REJECTS, batch.rejects_sha256)
    return f"{said} n {batch.n_rows:,}."


def restore(session: Session, proposal: ProposalRow, actor: Actor, *, reason: str, at: datetime) -> None:
    """Take the reference of a proposal that is revoked out of use: the one before, or a later one, is in force."""
    entry = baseline_set_by(session, proposal)
    if entry is None:
        return
    batch = session.get_one(BatchRow, entry.objects["batch"])
    take_out(session, batch, at=at, by=actor.name, reason=reason)
    append(
        session,
        at=at,
        actor=actor.name,
        action=RESTORED,
        objects={
            "model": session.get_one(ModelRow, proposal.model_id).name,
            "batch": batch.id,
            "revokes": proposal.id,
            "text": reason,
        },
    )


def _rests_on(repository: Repository, batches: Sequence[BatchRow]) -> str:
    """Names the records and the labels that a copy is made of."""
    labels = {str(batch.id): [label.id for label in repository.label_batches_of(batch)] for batch in batches}
    return digest_of([[batch.records_sha256 for batch in batches], labels])


def _records(repository: Repository, files: WorkspaceFiles, batches: list[BatchRow], period: Period) -> pa.Table:
    """The stored records of a period with the labels that stand."""
    parts = []
    for batch in batches:
        path = files.path(batch.records_sha256)
        labels = [files.path(label.labels_sha256) for label in repository.label_batches_of(batch)]
        parts.append(_within(labelled_records(path, labels, pq.read_schema(path).names), TIMESTAMP, period))
    return pa.concat_tables(parts, promote_options="permissive") if parts else pa.table({})


def _rejects(files: WorkspaceFiles, batches: list[BatchRow], period: Period) -> pa.Table | None:
    """What was set aside of a period: how many cells can't be read is counted of the reference, too."""
    found = [pq.read_table(files.path(batch.rejects_sha256)) for batch in batches if batch.rejects_sha256 is not None]
    inside = [_within(table, "timestamp", period) for table in found]
    kept = [table for table in inside if table.num_rows]
    return pa.concat_tables(kept) if kept else None


def _within(table: pa.Table, column: str, period: Period) -> pa.Table:
    times = table[column].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
    start, end = (int(moment.timestamp() * 1e6) for moment in (period.start_at, period.end_at))
    return table.filter(pc.fill_null(pc.and_(pc.greater_equal(times, start), pc.less(times, end)), False))


def _duplicates(batches: list[BatchRow], period: Period) -> dict[str, int]:
    """Rows of a period whose id was known already, by the quarter of an hour they were served in."""
    found: dict[str, int] = {}
    ends = np.array([period.start_at.timestamp(), period.end_at.timestamp()]) * 1e6
    for batch in batches:
        for moment, n in (batch.duplicate_times or {}).items():
            if ends[0] <= int(moment) < ends[1]:
                found[moment] = found.get(moment, 0) + int(n)
    return dict(sorted(found.items()))
