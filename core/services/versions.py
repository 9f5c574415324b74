"""The registry: which versions a model has, what each was made from, and which was in force when."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import ConflictError, InputError
from core.governance.evidence import canonical_json, digest_of
from core.governance.identity import Actor, Right, allowed
from core.governance.proposals import Move
from core.storage.database import Database
from core.storage.files import WorkspaceFiles, sha256_of
from core.storage.ledger import append
from core.storage.repository import Repository, check_name
from core.storage.signing import DeploymentRow, ProposalMoveRow, ProposalRow
from core.storage.tables import ModelRow, VersionRow

__all__ = [
    "Approval",
    "Deployment",
    "VersionInfo",
    "VersionService",
    "VersionState",
    "deployed",
    "version_digest",
]

MAX_ARTEFACT_BYTES = 500 * 2**20


class VersionState(StrEnum):
    """What a version is at present."""

    CANDIDATE = "candidate"
    CHAMPION = "champion"
    RETIRED = "retired"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionInfo:
    """A version as it is registered; `digest` names all that was registered with it."""

    name: str
    state: VersionState
    artefact_sha256: str | None
    parameters: Mapping[str, Any]
    training: Mapping[str, Any]
    parent: str | None
    created_at: datetime
    created_by: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Who approved, when, why, on which evidence; `ledger_seq` is its entry in the ledger."""

    actor: str
    at: datetime
    reason: str
    evidence_sha256: str
    ledger_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A version in force from `since` up to, but excluding, `until`; None for no version, or no end yet."""

    version: str | None
    since: datetime
    until: datetime | None
    proposal_id: int
    kind: str
    requester: str | None
    approvals: tuple[Approval, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionService:
    """Register versions and ask which was in force."""

    database: Database
    artefacts: WorkspaceFiles
    clock: Callable[[], datetime]

    @allowed(Right.CONFIGURE)
    def add(
        self,
        actor: Actor,
        model: str,
        name: str,
        *,
        artefact: Path | None = None,
        parameters: Mapping[str, Any] | None = None,
        training: Mapping[str, Any] | None = None,
        parent: str | None = None,
        origin: str | None = None,
    ) -> VersionInfo:
        """Register a candidate.

        Parameters
        ----------
        artefact : Path or None
            The model's file; it is copied and named by its SHA-256, and never loaded here.
        parameters, training : mapping or None
            What it was made with, and which batches it was trained on; anything that JSON can write.
        parent : str or None
            The version it is to replace.
        origin : str or None
            Names the job that made it: the same origin again gives back the version it made.

        Raises
        ------
        ConflictError
            If the version is registered already; one that was only named by records can be completed once.
        """
        check_name("version", name)
        _check_writable(parameters, training)
        with self.artefacts.staging() as folder:
            staged = _staged(artefact, folder)
            sha256 = None if staged is None else sha256_of(staged)
            with self.database.write(f"model {_model_id(self.database, model)}") as session:
                repository = Repository(session)
                row = repository.model(model)
                made = session.scalar(select(VersionRow).where(VersionRow.origin == origin)) if origin else None
                if made is not None:
                    return info(made)
                if parent is not None:
                    repository.version(row, parent)
                says_more = sha256 is not None or bool(parameters) or bool(training) or parent is not None
                version = self._row(repository, row, name, actor, says_more=says_more)
                version.artefact_sha256, version.parent, version.origin = sha256, parent, origin
                version.parameters, version.training = dict(parameters or {}), dict(training or {})
                session.flush()
                append(
                    session,
                    at=self.clock(),
                    actor=actor.name,
                    action="version.add",
                    objects={"model": model, "version": name, "digest": version_digest(version), "artefact": sha256},
                )
                if staged is not None and sha256 is not None:
                    self.artefacts.adopt(staged, sha256)
                return info(version)

    def _row(self, repository: Repository, model: ModelRow, name: str, actor: Actor, *, says_more: bool) -> VersionRow:
        """A new row, or that of a version of which nothing but its name is known and more is said now."""
        if name not in repository.versions(model):
            version = VersionRow(
                model_id=model.id,
                name=name,
                state=VersionState.CANDIDATE,
                created_at=self.clock(),
                created_by=actor.name,
            )
            repository.session.add(version)
            return version
        known = repository.version(model, name)
        is_bare = not (known.artefact_sha256 or known.parameters or known.training or known.parent or known.origin)
        if not (is_bare and says_more):
            raise ConflictError(f"Version {name!r} of {model.name} is registered already.")
        return known

    @allowed(Right.READ)
    def list(self, actor: Actor, model: str) -> tuple[VersionInfo, ...]:  # noqa: ARG002 (every call takes the actor)
        """All versions of a model, oldest first."""
        with self.database.read() as session:
            row = Repository(session).model(model)
            query = select(VersionRow).where(VersionRow.model_id == row.id).order_by(VersionRow.id)
            return tuple(info(version) for version in session.scalars(query))

    @allowed(Right.READ)
    def show(self, actor: Actor, model: str, name: str) -> VersionInfo:  # noqa: ARG002
        """One version; raises UnknownNameError."""
        with self.database.read() as session:
            repository = Repository(session)
            return info(repository.version(repository.model(model), name))

    @allowed(Right.READ)
    def artefact(self, actor: Actor, model: str, name: str) -> Path | None:
        """Where the artefact of a version lies; None if it has none; raises ConflictError if it was altered."""
        found = self.show(actor, model, name)
        if found.artefact_sha256 is None:
            return None
        path = self.artefacts.path(found.artefact_sha256)
        if not path.exists() or sha256_of(path) != found.artefact_sha256:
            raise ConflictError(f"The artefact of {model} {name} is gone or was altered: its SHA-256 doesn't hold.")
        return path

    @allowed(Right.READ)
    def history(self, actor: Actor, model: str) -> tuple[Deployment, ...]:  # noqa: ARG002
        """Which versions were in force, the first before the others, each with its approval."""
        with self.database.read() as session:
            row = Repository(session).model(model)
            query = select(DeploymentRow).where(DeploymentRow.model_id == row.id)
            rows = session.scalars(query.order_by(DeploymentRow.at, DeploymentRow.id)).all()
            ends = [*(later.at for later in rows[1:]), None][: len(rows)]
            return tuple(_deployment(session, one, until) for one, until in zip(rows, ends, strict=True))

    @allowed(Right.READ)
    def in_force(self, actor: Actor, model: str, at: datetime | None = None) -> Deployment | None:
        """Which version was in force at an instant (now, by default), and under which approval; None if none was."""
        moment = at or self.clock()
        for deployment in reversed(self.history(actor, model)):
            if deployment.since <= moment:
                return deployment if deployment.version is not None else None
        return None


def deployed(session: Session, model: ModelRow) -> VersionRow | None:
    """The version in force, None if there is none."""
    query = select(DeploymentRow).where(DeploymentRow.model_id == model.id)
    last = session.scalar(query.order_by(DeploymentRow.id.desc()).limit(1))
    return None if last is None or last.version is None else Repository(session).version(model, last.version)


def version_digest(row: VersionRow) -> str:
    """Names what was registered with a version; its state is no part of it."""
    return digest_of(
        {
            "name": row.name,
            "artefact": row.artefact_sha256,
            "parameters": row.parameters or {},
            "training": row.training or {},
            "parent": row.parent,
        }
    )


def info(row: VersionRow) -> VersionInfo:
    """A stored version as callers see it."""
    return VersionInfo(
        name=row.name,
        state=VersionState(row.state),
        artefact_sha256=row.artefact_sha256,
        parameters=row.parameters or {},
        training=row.training or {},
        parent=row.parent,
        created_at=row.created_at,
        created_by=row.created_by,
        digest=version_digest(row),
    )


def _deployment(session: Session, row: DeploymentRow, until: datetime | None) -> Deployment:
    proposal = session.get_one(ProposalRow, row.proposal_id)
    moves = session.scalars(
        select(ProposalMoveRow)
        .where(ProposalMoveRow.proposal_id == proposal.id, ProposalMoveRow.move == Move.APPROVE)
        .order_by(ProposalMoveRow.id)
    )
    return Deployment(
        version=row.version,
        since=row.at,
        until=until,
        proposal_id=proposal.id,
        kind=proposal.kind,
        requester=proposal.requester,
        approvals=tuple(
            Approval(actor=m.actor, at=m.at, reason=m.text, evidence_sha256=m.evidence_sha256, ledger_seq=m.ledger_seq)
            for m in moves
        ),
    )


def _model_id(database: Database, model: str) -> int:
    with database.read() as session:
        return Repository(session).model(model).id


def _check_writable(*described: Mapping[str, Any] | None) -> None:
    for value in described:
        try:
            canonical_json(dict(value or {})).encode()
        except (TypeError, ValueError) as error:
            raise InputError(f"What a version was made with must be writable as JSON: {error}") from error


def _staged(artefact: Path | None, folder: Path) -> Path | None:
    """A copy of the artefact beside the store, so that what is hashed is what is kept."""
    if artefact is None:
        return None
    if not artefact.is_file():
        raise InputError(f"{artefact} is no file; give the model's file as --artefact.")
    if artefact.stat().st_size > MAX_ARTEFACT_BYTES:
        raise InputError(f"{artefact} is larger than {MAX_ARTEFACT_BYTES // 2**20} MB.")
    return Path(shutil.copyfile(artefact, folder / "artefact"))
