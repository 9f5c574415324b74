"""One prediction by its id: record, version, approval in force then, alerts then, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from core.errors import InputError
from core.governance.alerts import AlertState
from core.governance.identity import Actor, Right, allowed
from core.profile.windows import Window, WindowPlan
from core.record import ID, LABEL, LABEL_TIME, PREDICTION, TIMESTAMP, VARIANT, VERSION, BatchRole, score_columns
from core.schema import ModelSchema
from core.services.alerts import AlertInfo, AlertService
from core.services.analysis import AnalysisService
from core.services.fleet import FamilyVerdict
from core.services.observations import Selection
from core.services.versions import Deployment, VersionService
from core.storage.database import Database
from core.storage.files import WorkspaceFiles
from core.storage.identifiers import IdQuery
from core.storage.labels import labelled_records
from core.storage.repository import LIVE_ROLES, Repository
from core.storage.tables import BatchRow, LabelBatchRow

__all__ = ["AlertThen", "KnownLabel", "Prediction", "PredictionService"]

LIVE = (AlertState.OPEN, AlertState.ACKNOWLEDGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownLabel:
    """A label of the record: when it was true by the log's own word, and when it was taken in here."""

    value: str
    known_at: datetime | None
    taken_in_at: datetime
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertThen:
    """An alert, and where it stood at the time of the prediction; None if it had not fired yet."""

    id: int
    title: str
    window: str
    opened_at: datetime
    state_then: AlertState | None
    state_now: AlertState


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """All that is kept of one prediction.

    ``served_at`` is None for logs without times; what was in force is then told for when it was taken in.
    ``in_force`` is None where no version was in force, ``label`` the one that stands. ``verdicts`` are those on its
    window, as they are known now; () where it isn't judged.
    """

    model: str
    prediction_id: str
    role: BatchRole
    batch: int
    source: str
    taken_in_at: datetime
    retracted_reason: str | None
    served_at: datetime | None
    version: str | None
    variant: str | None
    scores: Mapping[str, float]
    prediction: str | None
    features: Mapping[str, Any]
    attributes: Mapping[str, Any]
    label: str | None
    labels: tuple[KnownLabel, ...]
    in_force: Deployment | None
    window: Window | None
    alerts_then: tuple[AlertThen, ...]
    alerts_of_window: tuple[AlertThen, ...]
    verdicts: tuple[FamilyVerdict, ...]

    @property
    def at(self) -> datetime:
        """When it was served; for logs without times, when it was taken in."""
        return self.served_at or self.taken_in_at

    @property
    def is_of_version_in_force(self) -> bool:
        """Whether the version that served it was the one that was signed for."""
        return self.in_force is not None and self.in_force.version == self.version


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionService:
    """Look single predictions up; as records are of people, for whoever may read the ledger, not for viewers."""

    database: Database
    files: WorkspaceFiles
    versions: VersionService
    alerts: AlertService
    analysis: AnalysisService

    @allowed(Right.AUDIT)
    def show(self, actor: Actor, model: str, prediction_id: str) -> Prediction:
        """What is kept of a prediction.

        There is no index of ids: of each batch, the newest first, the column of hashed ids is read (8 bytes a
        record) until one has it, retracted batches and evaluations last.

        Raises
        ------
        InputError
            If no batch of the model holds it.
        """
        with self.database.read() as session:
            repository = Repository(session)
            row = repository.model(model)
            schema = repository.schema(row)
            batches = sorted(repository.batches(row, retracted=True), key=_turn)
            batch, place = self._found(batches, model, prediction_id)
            late = [(label, self.files.path(label.labels_sha256)) for label in repository.label_batches_of(batch)]
            path = self.files.path(batch.records_sha256)
            columns = pq.read_schema(path).names
            (own,) = pq.read_table(path, columns=columns).slice(place, 1).to_pylist()
            standing = labelled_records(path, [file for _, file in late], [LABEL, ID], rows=np.array([place]))
            labels = tuple(_labels(own, batch, late))
            key = _window_key(schema, batch, place, own.get(TIMESTAMP))
        plan = WindowPlan.of(schema.window, schema.timezone)
        window = None if key is None else plan.window(key)
        served_at = own.get(TIMESTAMP)
        at = served_at or batch.created_at
        version = own.get(VERSION) or batch.evaluated_version
        alerts = self.alerts.list(actor, model)
        return Prediction(
            model=model,
            prediction_id=prediction_id,
            role=BatchRole(batch.role),
            batch=batch.id,
            source=batch.source_name,
            taken_in_at=batch.created_at,
            retracted_reason=batch.retracted_reason if batch.retracted_at is not None else None,
            served_at=served_at,
            version=None if version is None else str(version),
            variant=_text(own.get(VARIANT)),
            scores={name: own[column] for name, column in score_columns(schema).items() if own.get(column) is not None},
            prediction=_text(own.get(PREDICTION)),
            features={name: own.get(name) for name in schema.features},
            attributes={name: own.get(name) for name in schema.described if name not in schema.features},
            label=_text(standing[LABEL][0].as_py()) if LABEL in standing.column_names else None,
            labels=labels,
            in_force=self.versions.in_force(actor, model, at),
            window=window,
            alerts_then=tuple(then for then in (_then(a, at) for a in alerts) if then.state_then in LIVE),
            alerts_of_window=tuple(_then(a, at) for a in alerts if window is not None and _is_of(a, window)),
            verdicts=self._verdicts(actor, model, batch, window),
        )

    def _found(self, batches: Sequence[BatchRow], model: str, prediction_id: str) -> tuple[BatchRow, int]:
        """Where a prediction lies: its batch, and its place there; raises InputError."""
        query = IdQuery.of(pa.array([prediction_id], type=pa.string()))
        for batch in batches:
            rows, _ = query.find(self.files.path(batch.records_sha256))
            if rows.size:
                return batch, int(rows[0])
        if any(batch.source_id is not None for batch in batches):
            raise InputError(
                f"No prediction {prediction_id!r} of {model} is kept here: the model is monitored in a table, and of "
                "each window only a sample of rows is kept. Look for it in the table."
            )
        raise InputError(
            f"No prediction {prediction_id!r} of {model} in {len(batches):,} batches; ids are those of the log, one of "
            "a request of many rows is request#row."
        )

    def _verdicts(self, actor: Actor, model: str, batch: BatchRow, window: Window | None) -> tuple[FamilyVerdict, ...]:
        if window is None or batch.role != BatchRole.PRODUCTION or batch.retracted_at is not None:
            return ()
        context = self.analysis.context(actor, model)
        if context is None or window.name not in {known.name for known in context.windows}:
            return ()
        summary = self.analysis.summary(actor, model, Selection(window=window.name))
        return () if summary is None else summary.verdicts


def _turn(batch: BatchRow) -> tuple[bool, bool, int]:
    return (batch.retracted_at is not None, batch.role not in LIVE_ROLES, -batch.id)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _window_key(schema: ModelSchema, batch: BatchRow, place: int, served_at: datetime | None) -> int | None:
    """The key of the window that a live record lies in."""
    if batch.role not in LIVE_ROLES:
        return None
    plan = WindowPlan.of(schema.window, schema.timezone)
    if plan.unit is None:
        return int(plan.keys_of_rows(batch.first_row + place, 1)[0])
    if served_at is None:
        return None
    return int(plan.keys_of_times(np.array([round(served_at.timestamp() * 1_000_000)], dtype=np.int64))[0])


def _labels(own: Mapping[str, Any], batch: BatchRow, late: Sequence[tuple[LabelBatchRow, Any]]) -> Iterator[KnownLabel]:
    """Every label that came for the record, in the order in which they were taken in."""
    if own.get(LABEL) is not None:
        yield KnownLabel(
            value=str(own[LABEL]),
            known_at=own.get(LABEL_TIME),
            taken_in_at=batch.created_at,
            source=batch.source_name,
        )
    for label, file in late:
        table = pq.read_table(file, columns=[ID, LABEL, LABEL_TIME])
        for row in table.filter(pc.equal(table[ID].cast(pa.string()), own[ID])).to_pylist():
            yield KnownLabel(
                value=str(row[LABEL]),
                known_at=row[LABEL_TIME],
                taken_in_at=label.created_at,
                source=label.source_name,
            )


def _then(alert: AlertInfo, at: datetime) -> AlertThen:
    """An alert as it stood at an instant."""
    before = [move.state for move in alert.moves if move.at <= at]
    return AlertThen(
        id=alert.id,
        title=alert.title,
        window=alert.window.name,
        opened_at=alert.opened_at,
        state_then=before[-1] if before else None,
        state_now=alert.state,
    )


def _is_of(alert: AlertInfo, window: Window) -> bool:
    """Whether an alert is about a window: it fired in it, or something of it was still out after it."""
    return alert.window.key == window.key or any(one.is_open_in(window.key) for one in alert.incidents)
