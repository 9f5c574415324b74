"""What windows are held against: how a profile of it is named, and whether a decision made it so."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from core.errors import NotAllowedError
from core.governance.approval import seat_words
from core.governance.ledger import Entry
from core.governance.proposals import ProposalKind
from core.record import BatchRole
from core.services.signing_policy import signers_asked
from core.storage.ledger import entries
from core.storage.repository import Repository
from core.storage.tables import ModelRow

__all__ = [
    "MADE_BY",
    "RESTORED",
    "SET",
    "ReferenceDecided",
    "basis_in_force",
    "changes_of",
    "check_reference_signed",
    "decided",
    "profile_basis",
]

FORMAT = "3"  # of what a profile holds: another one makes a new profile
MADE_BY = "Proposal "  # what a batch that a decision made is called, before the proposal's number
SET, RESTORED = "reference.set", "reference.restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceDecided:
    """That a proposal made a period of production the reference, and when."""

    proposal_id: int
    at: datetime


def profile_basis(schema_digest: str, records: Sequence[str]) -> str:
    """Names what a profile is fitted to: a schema, and the digests of the reference's records."""
    return hashlib.sha256("\n".join([FORMAT, schema_digest, *records]).encode()).hexdigest()


def basis_in_force(session: Session, model: ModelRow) -> str:
    """What a profile on the schema and the reference of now is fitted to."""
    repository = Repository(session)
    digests = [batch.records_sha256 for batch in repository.reference(model)]
    return profile_basis(repository.schema_row(model).digest, digests)


def changes_of(session: Session, model: ModelRow) -> list[Entry]:
    """The ledger's entries of decisions that changed a model's reference, in order."""
    found = [entry for action in (SET, RESTORED) for entry in entries(session, action=action)]
    return sorted((e for e in found if e.objects.get("model") == model.name), key=lambda entry: entry.seq)


def decided(session: Session, model: ModelRow) -> ReferenceDecided | None:
    """The decision that the reference in force rests on; None where it was taken in as the reference."""
    batches = Repository(session).reference(model)
    if not batches or batches[0].role != BatchRole.BASELINE:
        return None
    return ReferenceDecided(proposal_id=int(batches[0].source_name.removeprefix(MADE_BY)), at=batches[0].created_at)


def check_reference_signed(session: Session, model: ModelRow) -> None:
    """Raise NotAllowedError where a reference would be changed, and the signing policy says who signs for that.

    It says so once somebody set its seats, of all kinds or of this one; until then whoever takes in data may, and
    before anything was counted.
    """
    seats = signers_asked(session, model, ProposalKind.REBASELINE)
    if seats and Repository(session).profiles(model):
        raise NotAllowedError(
            f"{model.name} has a reference, and its policy of signing asks for {seat_words(seats)} to sign for "
            f"another: `plumbline propose {ProposalKind.REBASELINE}` asks for one."
        )
