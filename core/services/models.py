"""Models, their schemas and their versions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from core.errors import ConflictError
from core.governance.identity import Actor, Right, allowed
from core.schema import ModelSchema
from core.storage.database import Database
from core.storage.repository import Repository, check_name
from core.storage.tables import ModelRow, SchemaRow, VersionRow

__all__ = ["ModelInfo", "ModelService"]


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
    """Register models and versions, and look them up."""

    database: Database
    clock: Callable[[], datetime]

    @allowed(Right.CONFIGURE)
    def add(self, actor: Actor, name: str, schema_source: str, *, file: str = "schema") -> ModelInfo:
        """Register a model with its schema (TOML); raises SchemaError, or ConflictError if the name is taken."""
        check_name("model", name)
        schema = ModelSchema.from_toml(schema_source, file)
        with self.database.write() as session:
            repository = Repository(session)
            if name in {model.name for model in repository.models()}:
                raise ConflictError(
                    f"A model {name!r} exists already; change its schema with `plumbline model update`."
                )
            model = ModelRow(name=name, created_at=self.clock(), created_by=actor.name)
            session.add(model)
            session.flush()
            self._add_schema(repository, model, schema, schema_source, actor)
            if schema.version is not None:
                self._add_version(repository, model, schema.version, actor)
        return self.show(actor, name)

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
            if before.digest != schema.digest:
                self._add_schema(repository, model, schema, schema_source, actor)
        return self.show(actor, name)

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

    @allowed(Right.CONFIGURE)
    def add_version(self, actor: Actor, name: str, version: str) -> ModelInfo:
        """Register a version, so that its records are taken in; raises ConflictError if it is registered."""
        check_name("version", version)
        with self.database.write() as session:
            repository = Repository(session)
            model = repository.model(name)
            if version in repository.versions(model):
                raise ConflictError(f"Version {version!r} of {name} is registered already.")
            self._add_version(repository, model, version, actor)
        return self.show(actor, name)

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

    def _add_version(self, repository: Repository, model: ModelRow, version: str, actor: Actor) -> None:
        row = VersionRow(model_id=model.id, name=version, created_at=self.clock(), created_by=actor.name)
        repository.session.add(row)

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
