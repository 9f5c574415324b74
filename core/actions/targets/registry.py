"""Plumbline's own registry as a target: the champion is the version that was deployed last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.storage.repository import Repository
from core.storage.signing import DeploymentRow, ProposalRow
from core.storage.tables import ModelRow, VersionRow

__all__ = ["RegistryTarget"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryTarget:
    """Moves the champion of a model."""

    clock: Callable[[], datetime]

    def deploy(self, session: Session, proposal: ProposalRow, version: str | None) -> bool:
        """Make `version` the champion and retire the one before; with None only that. Once for a proposal."""
        done = session.scalar(select(DeploymentRow.id).where(DeploymentRow.proposal_id == proposal.id))
        if done is not None:
            return False
        model = session.get_one(ModelRow, proposal.model_id)
        champions = select(VersionRow).where(VersionRow.model_id == model.id, VersionRow.state == "champion")
        for before in session.scalars(champions):
            before.state = "retired"
        if version is not None:
            Repository(session).version(model, version).state = "champion"
        session.add(DeploymentRow(model_id=model.id, version=version, at=self.clock(), proposal_id=proposal.id))
        session.flush()
        return True
