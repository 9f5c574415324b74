"""Where versions come from: the data they learnt from and were tried on, their parents, and models they stack on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.governance.identity import Actor, Right, allowed
from core.record import BatchRole
from core.services.versions import VersionInfo, VersionState, info
from core.storage.database import Database
from core.storage.repository import Repository
from core.storage.signing import DeploymentRow
from core.storage.tables import BatchRow, CountRow, ModelRow, VersionRow

__all__ = ["DataSet", "DataUse", "Lineage", "LineageService", "Stack", "VersionLineage"]

LIVE = (VersionState.CANDIDATE, VersionState.CHAMPION)


class DataUse(StrEnum):
    """What a version has to do with data."""

    TRAINED = "trained on"
    VALIDATED = "validated on"  # the reference
    EVALUATED = "evaluated on"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """Batches that were used together: their rows, how far they reach, and those of them that are gone since.

    ``sources`` are the files that the batches came from, '' for one that isn't there.
    """

    batches: tuple[int, ...]
    sources: tuple[str, ...]
    n_rows: int
    first_at: datetime | None
    last_at: datetime | None
    retracted: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """The batches in few words.

        Examples
        --------
        >>> DataSet(batches=(3, 4, 5, 9), sources=(), n_rows=0, first_at=None, last_at=None).name
        'batches 3 to 5, 9'
        """
        runs: list[list[int]] = []
        for batch in self.batches:
            if runs and batch == runs[-1][-1] + 1:
                runs[-1].append(batch)
            else:
                runs.append([batch])
        words = [str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs]
        return f"{'batch' if len(self.batches) == 1 else 'batches'} {', '.join(words)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A model whose outputs are features of another: which features, and the version of it in force now.

    ``in_force`` is None where no version is, or where there is no such model here (``is_known`` is False then).
    """

    model: str
    features: tuple[str, ...]
    in_force: str | None
    is_known: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionLineage:
    """A version, its parent, the data behind it, and the models whose outputs it reads."""

    version: VersionInfo
    parent: str | None
    origin: str | None
    data: Mapping[DataUse, DataSet]
    stacked_on: tuple[Stack, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """The lineage of a model: its versions, oldest first, the models that read its outputs, and what to beware of."""

    model: str
    versions: tuple[VersionLineage, ...]
    read_by: tuple[Stack, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageService:
    """Read lineages off what was registered; nothing is recorded for them alone."""

    database: Database

    @allowed(Right.READ)
    def show(self, actor: Actor, model: str) -> Lineage:  # noqa: ARG002 (every service call takes the actor)
        """The lineage of a model.

        What a version was trained on is what was registered with it; what it was evaluated on are batches that were
        taken in as its evaluation, and what it was validated on the reference, as far as that names it. A feature is
        another model's output where the schema says so (``output_of``).

        Raises
        ------
        UnknownNameError
            If there is no such model.
        """
        with self.database.read() as session:
            repository = Repository(session)
            row = repository.model(model)
            batches = {batch.id: batch for batch in repository.batches(row, retracted=True)}
            rows = session.scalars(select(VersionRow).where(VersionRow.model_id == row.id).order_by(VersionRow.id))
            validated = _validated(session, row, batches)
            schemas = {other.name: repository.schema(other).stacked_on for other in repository.models()}
            stacks = [_stack(session, name, features) for name, features in schemas[model].items()]
            versions = tuple(_version(one, batches, validated, stacks) for one in rows)
            read_by = tuple(
                _stack(session, name, upstream[model]) for name, upstream in schemas.items() if model in upstream
            )
            warnings = (
                *_data_warnings(versions),
                *_stack_warnings(session, model, versions, stacks),
                *_circle({name: tuple(upstream) for name, upstream in schemas.items()}, model),
            )
        return Lineage(model=model, versions=versions, read_by=read_by, warnings=warnings)


def _version(
    row: VersionRow, batches: Mapping[int, BatchRow], validated: Mapping[str, Sequence[int]], stacks: Sequence[Stack]
) -> VersionLineage:
    found = info(row)
    given = found.training.get("batches")
    trained = [batch for batch in given if isinstance(batch, int)] if isinstance(given, list) else []
    evaluated = [b.id for b in batches.values() if b.evaluated_version == row.name and b.retracted_at is None]
    uses = {DataUse.TRAINED: trained, DataUse.VALIDATED: validated.get(row.name, ()), DataUse.EVALUATED: evaluated}
    return VersionLineage(
        version=found,
        parent=found.parent,
        origin=row.origin,
        data={use: _data(ids, batches) for use, ids in uses.items() if ids},
        stacked_on=tuple(_read_of(found, stacks)),
    )


def _data(ids: Iterable[int], batches: Mapping[int, BatchRow]) -> DataSet:
    """Batches as one set; one that this model doesn't have counts as gone."""
    chosen = tuple(sorted(set(ids)))
    known = [batches[batch] for batch in chosen if batch in batches]
    firsts = [batch.first_at for batch in known if batch.first_at is not None]
    lasts = [batch.last_at for batch in known if batch.last_at is not None]
    return DataSet(
        batches=chosen,
        sources=tuple(batches[batch].source_name if batch in batches else "" for batch in chosen),
        n_rows=sum(batch.n_rows for batch in known),
        first_at=min(firsts, default=None),
        last_at=max(lasts, default=None),
        retracted=tuple(b for b in chosen if b not in batches or batches[b].retracted_at is not None),
    )


def _validated(session: Session, model: ModelRow, batches: Mapping[int, BatchRow]) -> dict[str, list[int]]:
    """The reference's batches by the version that their records name, as they were counted last."""
    profile = next(iter(Repository(session).profiles(model)), None)
    reference = [b.id for b in batches.values() if b.role == BatchRole.REFERENCE and b.retracted_at is None]
    if profile is None or not reference:
        return {}
    query = select(CountRow.version, CountRow.batch_id).distinct()
    rows = session.execute(query.where(CountRow.profile_id == profile.id, CountRow.batch_id.in_(reference)))
    found: dict[str, list[int]] = {}
    for version, batch in rows:
        found.setdefault(version, []).append(batch)
    return found


def _stack(session: Session, model: str, features: tuple[str, ...]) -> Stack:
    row = session.scalar(select(ModelRow).where(ModelRow.name == model))
    last = None
    if row is not None:
        query = select(DeploymentRow.version).where(DeploymentRow.model_id == row.id)
        last = session.scalar(query.order_by(DeploymentRow.id.desc()).limit(1))
    return Stack(model=model, features=features, in_force=last, is_known=row is not None)


def _read_of(version: VersionInfo, stacks: Sequence[Stack]) -> Iterator[Stack]:
    """The models whose outputs a version reads: those of its features, or of the schema's where it names none."""
    named = version.parameters.get("features")
    for stack in stacks:
        read = tuple(f for f in stack.features if not isinstance(named, list) or f in named)
        if read:
            yield Stack(model=stack.model, features=read, in_force=stack.in_force, is_known=stack.is_known)


def _data_warnings(versions: Sequence[VersionLineage]) -> Iterator[str]:
    """Versions that rest on rows that are gone, or were tried on rows that they learnt from."""
    for one in versions:
        name, trained = one.version.name, one.data.get(DataUse.TRAINED)
        if trained is None:
            continue
        if trained.retracted:
            gone = ", ".join(map(str, trained.retracted))
            yield f"{name} was trained on batches that were retracted since, or aren't there: {gone}."
        for use in (DataUse.VALIDATED, DataUse.EVALUATED):
            shared = sorted(set(trained.batches) & set(one.data[use].batches)) if use in one.data else []
            if shared and one.origin is None:  # a retraining of ours holds out the newest rows of the same batches
                many = ", ".join(map(str, shared))
                yield f"{name} was trained on what it was {use} too (batch {many}): that flatters it."


def _stack_warnings(
    session: Session, model: str, versions: Sequence[VersionLineage], stacks: Sequence[Stack]
) -> Iterator[str]:
    """Models that stack on others, and what changed below them since."""
    for stack in stacks:
        features = ", ".join(stack.features)
        if not stack.is_known:
            yield (
                f"{model} reads outputs of {stack.model} ({features}), which isn't watched here: what moves there is "
                "seen here first, without a cause."
            )
            continue
        yield (
            f"{model} stacks on {stack.model}: it reads {features}. A version of {stack.model} that is better by "
            f"itself can make {model} worse."
        )
        row = Repository(session).model(stack.model)
        query = select(DeploymentRow).where(DeploymentRow.model_id == row.id).order_by(DeploymentRow.id)
        deployments = session.scalars(query).all()
        for one in versions:
            if one.version.state not in LIVE or stack.model not in {read.model for read in one.stacked_on}:
                continue
            later = [d for d in deployments if d.at > one.version.created_at]
            if later:
                what = f"put {later[-1].version} in force" if later[-1].version else "took its version out of force"
                yield (
                    f"{stack.model} {what} on {later[-1].at:%Y-%m-%d}, after {one.version.name} was registered: that "
                    "learnt from outputs of another version."
                )


def _circle(upstream: Mapping[str, tuple[str, ...]], model: str) -> Iterator[str]:
    """Whether a model reads, over whichever others, its own outputs."""
    paths: list[tuple[str, ...]] = [(model, name) for name in upstream.get(model, ())]
    seen: set[str] = set()
    while paths:
        path = paths.pop(0)
        if path[-1] == model:
            yield f"It stacks on itself: {' reads '.join(path)}. An error of its own comes back to it as an input."
            return
        if path[-1] not in seen:
            seen.add(path[-1])
            paths += [(*path, name) for name in upstream.get(path[-1], ())]
