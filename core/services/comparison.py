"""Champion against candidate: find the rows that both have scored, and compare them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from core.compare.comparison import Comparison, compare
from core.compare.measures import MEASURES
from core.compare.rows import Predictions
from core.governance.identity import Actor, Right, allowed
from core.record import ID, LABEL, PREDICTION, VERSION, BatchRole
from core.schema import ModelSchema, Role, Task
from core.services.version_changes import VersionChanges, changes_between
from core.services.versions import info
from core.storage.database import Database
from core.storage.files import WorkspaceFiles
from core.storage.identifiers import IdQuery
from core.storage.labels import labelled_records
from core.storage.repository import LIVE_ROLES, Repository
from core.storage.tables import BatchRow

__all__ = ["Compared", "ComparisonService"]

SCORE = "@score"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A comparison, or why there is none; `rows_from` names the batches that the rows came from.

    `served_in` are the batches of live records among them.
    """

    champion: str
    candidate: str
    n_candidate: int
    rows_from: tuple[str, ...]
    served_in: tuple[int, ...]
    comparison: Comparison | None
    why: str

    def to_dict(self) -> dict[str, Any]:
        """The form that evidence freezes."""
        return {
            "champion": self.champion,
            "candidate": self.candidate,
            "n_candidate": self.n_candidate,
            "rows_from": list(self.rows_from),
            "result": self.comparison.to_dict() if self.comparison else None,
            "why": self.why,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonService:
    """Compare two versions on the rows that both have scored."""

    database: Database
    files: WorkspaceFiles

    @allowed(Right.READ)
    def compare(
        self,
        actor: Actor,  # noqa: ARG002 (every service call takes the actor)
        model: str,
        candidate: str,
        champion: str,
        *,
        margins: Mapping[str, float] | None = None,
    ) -> Compared:
        """What gets better and what worse if `candidate` replaces `champion`?

        The candidate's rows are its evaluation data; the champion's are its own evaluation data and what it
        served, told to be the same rows by their prediction id. `margins` are those of a policy; measures that the
        task doesn't have are passed over.
        """
        with self.database.read() as session:
            repository = Repository(session)
            row = repository.model(model)
            schema = repository.schema(row)
            for name in (candidate, champion):
                repository.version(row, name)
            batches = repository.batches(row)
            mine = _evaluation(batches, candidate)
            columns = [ID, VERSION, LABEL, PREDICTION, SCORE, *_groups(schema)]
            theirs = self._frame(session, mine, columns)
            sources = [f"batch {batch.id} ({batch.source_name})" for batch in mine]
            why = _missing(schema, candidate, theirs)
            if why:
                return _none(champion, candidate, len(theirs), sources, why)
            evaluated = _evaluation(batches, champion)
            own, _ = self._matching(session, evaluated, theirs[ID], columns)
            served = [batch for batch in batches if batch.role in LIVE_ROLES]
            live, served_in = self._matching(session, served, theirs[ID], columns)
            live = live[live[VERSION] == champion] if VERSION in live.columns else live.iloc[:0]
        known = pd.concat([own, live], ignore_index=True).drop_duplicates(ID)
        if known.empty:
            return _none(
                champion,
                candidate,
                len(theirs),
                sources,
                f"{champion} has scored none of the {len(theirs):,} rows that {candidate} was evaluated on: upload "
                f"evaluation data of {champion} with the same prediction ids.",
            )
        sources += [f"batch {batch.id} ({batch.source_name})" for batch in evaluated]
        if len(live):
            sources.append(f"{len(live):,} records that {champion} served")
        joined = theirs.merge(known, on=ID, suffixes=("", ":champion"))
        return Compared(
            champion=champion,
            candidate=candidate,
            n_candidate=len(theirs),
            rows_from=tuple(sources),
            served_in=served_in,
            comparison=_compared(schema, joined, margins or {}),
            why=f"{len(joined):,} of the {len(theirs):,} rows of {candidate} were scored by {champion} too.",
        )

    @allowed(Right.READ)
    def changes(self, actor: Actor, model: str, candidate: str, champion: str) -> VersionChanges:  # noqa: ARG002
        """What differs between two versions, as far as it was registered; raises UnknownNameError."""
        with self.database.read() as session:
            repository = Repository(session)
            row = repository.model(model)
            before, after = (info(repository.version(row, name)) for name in (champion, candidate))
            return changes_between(before, after)

    def _frame(self, session: Session, batches: list[BatchRow], columns: list[str]) -> pd.DataFrame:
        repository = Repository(session)
        tables = []
        for batch in batches:
            labels = [self.files.path(label.labels_sha256) for label in repository.label_batches_of(batch)]
            tables.append(labelled_records(self.files.path(batch.records_sha256), labels, columns))
        frames = [_pandas(table) for table in tables]
        return pd.concat(frames, ignore_index=True).drop_duplicates(ID) if frames else pd.DataFrame({ID: []})

    def _matching(
        self, session: Session, batches: Sequence[BatchRow], ids: pd.Series, columns: list[str]
    ) -> tuple[pd.DataFrame, tuple[int, ...]]:
        """Of some batches the records with these ids, and which batches have any."""
        repository = Repository(session)
        query = IdQuery.of(pa.array(ids.to_numpy(dtype=object), type=pa.string()))  # a series may be in chunks
        frames, having = [], []
        for batch in batches:
            path = self.files.path(batch.records_sha256)
            found, _ = query.find(path)
            if found.size:
                having.append(batch.id)
                labels = [self.files.path(label.labels_sha256) for label in repository.label_batches_of(batch)]
                frames.append(_pandas(labelled_records(path, labels, columns, rows=np.sort(found))))
        empty = pd.DataFrame({ID: pd.Series([], dtype=object)})
        return pd.concat(frames, ignore_index=True) if frames else empty, tuple(having)


def _evaluation(batches: Sequence[BatchRow], version: str) -> list[BatchRow]:
    return [b for b in batches if b.role == BatchRole.EVALUATION and b.evaluated_version == version]


def _groups(schema: ModelSchema) -> tuple[str, ...]:
    """Whom versions are compared for: protected attributes and segments."""
    return tuple(dict.fromkeys((*schema.protected, *schema.segments)))


def _missing(schema: ModelSchema, candidate: str, rows: pd.DataFrame) -> str:
    """Why there are no rows to compare on."""
    if rows.empty:
        return f"{candidate} has no evaluation data: take some in for it first."
    if schema.name_of(Role.ID) is None:
        return "Records have no prediction id, so that rows of two versions can't be told to be the same."
    return ""


def _none(champion: str, candidate: str, n: int, sources: list[str], why: str) -> Compared:
    return Compared(
        champion=champion,
        candidate=candidate,
        n_candidate=n,
        rows_from=tuple(sources),
        served_in=(),
        comparison=None,
        why=why,
    )


def _compared(schema: ModelSchema, rows: pd.DataFrame, margins: Mapping[str, float]) -> Comparison:
    is_regression = schema.task is Task.REGRESSION
    label = _column(rows, LABEL, is_number=is_regression)
    other = _column(rows, f"{LABEL}:champion", is_number=is_regression)
    label = other if label is None else label if other is None else label.where(label.notna(), other)
    empty = pd.Series([None] * len(rows), dtype=float if is_regression else object)

    def side(suffix: str) -> Predictions:
        prediction = _column(rows, PREDICTION + suffix, is_number=is_regression)
        score = _column(rows, SCORE + suffix, is_number=True)
        return Predictions(
            prediction=None if prediction is None else prediction.to_numpy(),
            score=None if score is None or schema.task is Task.MULTICLASS else score.to_numpy(dtype=float),
        )

    groups = {name: _column(rows, name, is_number=False) for name in _groups(schema)}
    return compare(
        (empty if label is None else label).to_numpy(),
        side(":champion"),
        side(""),
        task=schema.task,
        classes=schema.outcome.classes,
        positive=schema.positive,
        favourable=schema.favourable,
        groups={name: column.to_numpy() for name, column in groups.items() if column is not None},
        finding=_half(rows[ID]),
        margins={name: margin for name, margin in margins.items() if name in MEASURES[schema.task]},
        protected=[name for name in schema.protected if groups[name] is not None],
    )


def _half(ids: pd.Series) -> NDArray[np.bool_]:
    """Half of the rows, by their prediction ids: the same rows at every call, and unrelated to what is said of them."""
    hashed = pd.util.hash_array(ids.to_numpy(dtype=object))
    half: NDArray[np.bool_] = hashed % 2 == 0
    return half


def _column(rows: pd.DataFrame, name: str, *, is_number: bool) -> pd.Series | None:
    """A column as plain numbers, or as texts with None for missing; None if there is no such column."""
    if name not in rows.columns:
        return None
    column = rows[name]
    if is_number:
        return column.astype(float)
    texts = column.astype(object)
    return texts.where(texts.notna(), None)


def _pandas(table: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas()
    return frame
