"""Models and their schemas."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from core.errors import ConflictError
from core.governance.identity import Actor, Right, allowed
from core.logs.draft import SchemaDraft
from core.logs.inference import draft_schema
from core.logs.source import LogSource
from core.schema import ColumnSpec, ModelSchema, Role, Task
from core.storage.database import Database
from core.storage.ledger import append
from core.storage.repository import Repository, check_name
from core.storage.tables import ModelRow, SchemaRow, VersionRow

__all__ = ["ModelInfo", "ModelService", "SchemaDraft", "propose"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """A model as it is registered."""

    name: str
    schema: ModelSchema
    schema_source: str
    versions: tuple[str, ...]
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelService:
    """Register models and look them up."""

    database: Database
    clock: Callable[[], datetime]

    @allowed(Right.CONFIGURE)
    def add(self, actor: Actor, name: str, schema_source: str, *, file: str = "schema") -> ModelInfo:
        """Register a model with its schema (TOML); raises SchemaError, or ConflictError if the name is taken."""
        check_name("model", name)
        schema = ModelSchema.from_toml(schema_source, file)
        with self.database.write() as session:
            repository = Repository(session)
            _check_is_free(repository, name)
            model = ModelRow(name=name, created_at=self.clock(), created_by=actor.name)
            session.add(model)
            session.flush()
            self._add_schema(repository, model, schema, schema_source, actor)
            if schema.version is not None:
                session.add(
                    VersionRow(model_id=model.id, name=schema.version, created_at=self.clock(), created_by=actor.name)
                )
            self._note(repository, actor, "model.add", model, schema)
        return self.show(actor, name)

    @allowed(Right.CONFIGURE)
    def check(self, actor: Actor, name: str, schema_source: str | None = None) -> None:  # noqa: ARG002
        """Say what `add` would say of a name, and of a schema if one is given; adds nothing."""
        check_name("model", name)
        with self.database.read() as session:
            _check_is_free(Repository(session), name)
        if schema_source is not None:
            ModelSchema.from_toml(schema_source)

    @allowed(Right.CONFIGURE)
    def update(self, actor: Actor, name: str, schema_source: str, *, file: str = "schema") -> ModelInfo:
        """Give a model a new schema; its records are counted anew when next profiled."""
        schema = ModelSchema.from_toml(schema_source, file)
        with self.database.write() as session:
            repository = Repository(session)
            model = repository.model(name)
            before = repository.schema(model)
            if before.task is not schema.task:
                raise ConflictError(
                    f"{name} is a {before.task} model; a schema for a {schema.task} task needs a model of its own."
                )
            _check_still_readable(repository, model, before, schema)
            if before.digest != schema.digest:
                self._add_schema(repository, model, schema, schema_source, actor)
                self._note(repository, actor, "model.update", model, schema)
        return self.show(actor, name)

    @allowed(Right.CONFIGURE)
    def infer(
        self,
        actor: Actor,  # noqa: ARG002 (every service call takes the actor)
        path: Path,
        *,
        name: str | None = None,
        task: Task | None = None,
        encoding: str = "utf-8",
    ) -> SchemaDraft:
        """Propose a schema for a file of prediction logs; raises FileFormatError where it can't be read."""
        return propose(path, name=name, task=task, encoding=encoding)

    @allowed(Right.READ)
    def show(self, actor: Actor, name: str) -> ModelInfo:  # noqa: ARG002 (every service call takes the actor)
        """One model; raises UnknownNameError."""
        with self.database.read() as session:
            repository = Repository(session)
            return self._info(repository, repository.model(name))

    @allowed(Right.READ)
    def list(self, actor: Actor) -> tuple[ModelInfo, ...]:  # noqa: ARG002
        """All models, by name."""
        with self.database.read() as session:
            repository = Repository(session)
            return tuple(self._info(repository, model) for model in repository.models())

    def _add_schema(
        self, repository: Repository, model: ModelRow, schema: ModelSchema, source: str, actor: Actor
    ) -> None:
        repository.session.add(
            SchemaRow(
                model_id=model.id,
                digest=schema.digest,
                source=source,
                canonical=schema.canonical_json(),
                created_at=self.clock(),
                created_by=actor.name,
            )
        )

    def _note(self, repository: Repository, actor: Actor, action: str, model: ModelRow, schema: ModelSchema) -> None:
        objects = {"model": model.name, "schema": schema.digest}
        append(repository.session, at=self.clock(), actor=actor.name, action=action, objects=objects)

    @staticmethod
    def _info(repository: Repository, model: ModelRow) -> ModelInfo:
        row = repository.schema_row(model)
        return ModelInfo(
            name=model.name,
            schema=ModelSchema.model_validate_json(row.canonical),
            schema_source=row.source,
            versions=tuple(repository.versions(model)),
            created_at=model.created_at,
            created_by=model.created_by,
        )


def propose(path: Path, *, name: str | None = None, task: Task | None = None, encoding: str = "utf-8") -> SchemaDraft:
    """A schema to start from for a file of prediction logs; needs no workspace."""
    return draft_schema(LogSource.open(path, name=name, encoding=encoding), task=task)


def _check_is_free(repository: Repository, name: str) -> None:
    if name in {model.name for model in repository.models()}:
        raise ConflictError(f"A model {name!r} exists already; change its schema with `plumbline model update`.")


def _check_still_readable(repository: Repository, model: ModelRow, before: ModelSchema, after: ModelSchema) -> None:
    """Refuse a schema under which records that are stored already would mean something else."""
    if not repository.batches(model):
        return
    for name, spec in after.columns.items():
        old = before.columns.get(name)
        if old is not None and Role.IGNORE not in (old.role, spec.role):
            described = {Role.FEATURE, Role.ATTRIBUTE}
            same_role = old.role is spec.role or {old.role, spec.role} == described
            if not same_role or old.type is not spec.type:
                raise ConflictError(
                    f"Column {name!r} is stored as {_kind(old)} and can't become {_kind(spec)}: "
                    "retract the model's batches first, or add a new model."
                )
    if before.decides_by_threshold and before.outcome.threshold != after.outcome.threshold:
        raise ConflictError(
            f"Decisions are stored by the threshold {before.outcome.threshold}; retract the model's batches before "
            "changing it, or log the decisions."
        )
    if before.outcome.classes != after.outcome.classes:
        raise ConflictError("Labels are stored by their classes; classes can't change while there are records.")


def _kind(spec: ColumnSpec) -> str:
    return f"{spec.role} ({spec.type})" if spec.type else str(spec.role)
