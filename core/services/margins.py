"""Changing an alarm policy: every change is a row and an entry of the ledger, and wider margins may take signatures."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from core.alarms.policy import AlarmPolicy
from core.errors import NotAllowedError
from core.governance.approval import seat_words
from core.governance.identity import Actor
from core.governance.ledger import Receipt
from core.governance.proposals import ProposalKind
from core.services.signing_policy import signers_asked
from core.storage.alerting import AlarmPolicyRow
from core.storage.ledger import append
from core.storage.tables import ModelRow

__all__ = ["SET", "check_signed", "put_policy"]

SET = "alarm_policy.set"


def put_policy(
    session: Session,
    model: ModelRow,
    policy: AlarmPolicy,
    *,
    actor: Actor,
    at: datetime,
    reason: str,
    objects: Mapping[str, Any] | None = None,
) -> Receipt:
    """Put an alarm policy in force, from the next window on; `objects` is what else the ledger's entry says."""
    session.add(
        AlarmPolicyRow(
            model_id=model.id,
            content=policy.canonical_json(),
            digest=policy.digest,
            reason=reason,
            created_at=at,
            created_by=actor.name,
        )
    )
    return append(
        session,
        at=at,
        actor=actor.name,
        action=SET,
        objects={
            "model": model.name,
            "policy": policy.digest,
            "content": policy.model_dump(mode="json", exclude_defaults=True),
            "text": reason,
            **(objects or {}),
        },
    )


def check_signed(session: Session, model: ModelRow, before: AlarmPolicy, after: AlarmPolicy) -> None:
    """Raise NotAllowedError where more would pass unseen and the signing policy says who signs for that.

    It says so once somebody set its seats, of all kinds or of this one; until then an engineer sets margins alone.
    """
    seats, wider = signers_asked(session, model, ProposalKind.ACCEPT_DRIFT), before.loosened(after)
    if seats and wider:
        raise NotAllowedError(
            f"More would pass unseen ({', '.join(wider)}), and the policy of signing of {model.name} asks for "
            f"{seat_words(seats)} to sign for that: accept a drift as harmless with "
            f"`plumbline propose {ProposalKind.ACCEPT_DRIFT}`, or on the page of its alert. Narrower margins need no "
            "signature."
        )
