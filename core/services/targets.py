"""Where versions of a model are put in force besides Plumbline's own registry: set by administrators, seen by all."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from core.actions.targets import State, target
from core.errors import InputError, SchemaError
from core.governance.evidence import digest_of
from core.governance.identity import Actor, Right, allowed
from core.services.placement import target_row
from core.services.versions import deployed
from core.storage.database import Database
from core.storage.ledger import append
from core.storage.repository import Repository
from core.storage.signing import TargetRow
from core.storage.tables import ModelRow

__all__ = ["TargetCheck", "TargetInfo", "TargetService"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetInfo:
    """A model's target; its configuration names the environment variables of credentials and holds none."""

    model: str
    kind: str
    where: str
    note: str
    config: dict[str, Any]
    digest: str
    set_at: datetime
    set_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetCheck:
    """What a target says is in force now, and whether that is what is in force here."""

    target: TargetInfo
    state: State
    in_force: str | None
    agrees: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetService:
    """Say where a model's versions go, and look whether they are there."""

    database: Database
    clock: Callable[[], datetime]

    @allowed(Right.ADMINISTER)
    def set(self, actor: Actor, model: str, source: str, *, file: str = "target") -> TargetInfo:
        """Put a model's versions in force in another system from now on; what waits on other evidence is stale.

        Raises
        ------
        SchemaError, UnknownNameError
            If the TOML can't be read, has wrong keys or names no kind of target.
        """
        try:
            given = tomllib.loads(source)
        except tomllib.TOMLDecodeError as error:
            raise SchemaError(file, [("TOML", str(error))]) from error
        system = target(given, file)
        self._set(actor, model, system.model_dump(mode="json", by_alias=True, exclude_defaults=True))
        found = self.show(actor, model)
        if found is None:
            raise InputError(f"The target of {model} was removed at the same moment.")
        return found

    @allowed(Right.ADMINISTER)
    def remove(self, actor: Actor, model: str) -> None:
        """Put a model's versions in force in Plumbline's own registry alone; raises InputError if they are."""
        if self.show(actor, model) is None:
            raise InputError(f"{model} has no target to remove.")
        self._set(actor, model, None)

    @allowed(Right.READ)
    def show(self, actor: Actor, model: str) -> TargetInfo | None:  # noqa: ARG002 (every call takes the actor)
        """Where a model's versions go; None where that is Plumbline's own registry alone."""
        with self.database.read() as session:
            return _info(session, Repository(session).model(model))

    @allowed(Right.PROPOSE)
    def check(self, actor: Actor, model: str) -> TargetCheck:  # noqa: ARG002
        """Ask the target what is in force; raises InputError without one, OutsideError where it doesn't tell."""
        with self.database.read() as session:
            row = Repository(session).model(model)
            found, champion = _info(session, row), deployed(session, row)
        if found is None:
            raise InputError(f"{model} has no target: set one with `plumbline target set {model} FILE.toml`.")
        system, in_force = target(found.config), champion.name if champion else None
        state, why = system.read(), ""
        try:
            agrees = state.fulfils(system.expected(in_force))
        except InputError as error:
            agrees, why = False, str(error)
        return TargetCheck(target=found, state=state, in_force=in_force, agrees=agrees, why=why)

    def _set(self, actor: Actor, model: str, config: dict[str, Any] | None) -> None:
        with self.database.write() as session:
            row, now = Repository(session).model(model), self.clock()
            receipt = append(
                session,
                at=now,
                actor=actor.name,
                action="target.set",
                objects={"model": model, "config": config},
            )
            session.add(
                TargetRow(model_id=row.id, config=config, set_at=now, set_by=actor.name, ledger_seq=receipt.seq)
            )
            session.flush()


def _info(session: Session, model: ModelRow) -> TargetInfo | None:
    row = target_row(session, model)
    if row is None or row.config is None:
        return None
    system = target(row.config)
    return TargetInfo(
        model=model.name,
        kind=system.kind,
        where=system.where,
        note=system.note,
        config=row.config,
        digest=digest_of(row.config),
        set_at=row.set_at,
        set_by=row.set_by,
    )
