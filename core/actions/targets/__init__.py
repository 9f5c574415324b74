"""Where versions are put in force: one file a system, all behind one interface."""

from __future__ import annotations

from typing import Protocol

from sqlalchemy.orm import Session

from core.storage.signing import ProposalRow

__all__ = ["Target"]


class Target(Protocol):
    """A system in which a version is put in force.

    Steps of a job run at least once: `deploy` reads the system's state first, and what was done for a
    proposal already isn't done again.
    """

    def deploy(self, session: Session, proposal: ProposalRow, version: str | None) -> bool:
        """Put a version in force, or none; whether anything changed."""
        ...
