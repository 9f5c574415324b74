"""What can be asked for and what can be decided, beyond the table of moves: raises where it can't."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.errors import ConflictError, InputError, UnknownNameError
from core.governance.conditions import Condition
from core.governance.proposals import Move, ProposalKind, ProposalState
from core.services.gate import PUTS_IN_FORCE
from core.services.proposal import ENDED
from core.services.signing_policy import policy_for
from core.services.versions import VersionState, deployed
from core.services.watch_changes import CHANGES_WATCH
from core.storage.repository import Repository
from core.storage.signing import AccountRow, DeploymentRow, ProposalRow
from core.storage.tables import ModelRow

__all__ = ["check_further", "check_possible", "checked_text"]

MAX_TEXT = 10_000
LASTING = (*PUTS_IN_FORCE, *CHANGES_WATCH)  # what is done hangs on its approval


def check_possible(
    session: Session, model: ModelRow, kind: ProposalKind, version: str | None, arguments: Mapping[str, Any]
) -> None:
    """Raise ConflictError where the same is asked for already, or a version isn't in the state for it."""
    same = session.scalars(
        select(ProposalRow).where(
            ProposalRow.model_id == model.id,
            ProposalRow.kind == kind,
            ProposalRow.state.not_in(ENDED),
        )
    )
    for other in same:
        if other.version == version and other.arguments.get("series") == arguments.get("series"):
            raise ConflictError(
                f"Proposal {other.id} asks for the same and is {other.state}: "
                "take part in that one, or withdraw it first."
            )
    if version is None:
        return
    state = VersionState(Repository(session).version(model, version).state)
    champion = deployed(session, model)
    in_force = champion is not None and champion.name == version
    if kind is ProposalKind.PROMOTE and state is not VersionState.CANDIDATE:
        raise ConflictError(f"{version} is {state}: only a candidate can be promoted. To return to it, roll back.")
    was_in_force = session.scalar(
        select(func.count()).where(DeploymentRow.model_id == model.id, DeploymentRow.version == version)
    )
    if kind is ProposalKind.ROLLBACK and (state is not VersionState.RETIRED or in_force or not was_in_force):
        raise ConflictError(f"{version} is {state}: only a version that was in force before can be rolled back to.")
    if kind is ProposalKind.RENEW and not in_force:
        raise ConflictError(f"{version} is {state}: only the approval of the version in force can be renewed.")
    if kind is ProposalKind.RETIRE and state in (VersionState.RETIRED, VersionState.REJECTED):
        raise ConflictError(f"{version} is {state} already.")


def check_further(
    session: Session, proposal: ProposalRow, move: Move, details: Mapping[str, Any], *, now: datetime
) -> None:
    """What else has to hold of conditions and of what is revoked."""
    kind = ProposalKind(proposal.kind)
    if move is Move.REVOKE and proposal.state == ProposalState.DONE and kind not in LASTING:
        raise ConflictError(f"What a proposal to {kind} did doesn't hang on its approval any more.")
    model = session.get_one(ModelRow, proposal.model_id)
    for content in details.get("conditions", ()):
        condition = Condition.read(content)
        condition.check(now=now, within_days=policy_for(session, model, kind, proposal.arguments).condition_days)
        checked_text(condition.text, "A condition needs words.")
        accounts = session.scalars(select(AccountRow.name).where(AccountRow.disabled_at.is_(None))).all()
        if condition.owner not in accounts:
            raise UnknownNameError("account", condition.owner, accounts)


def checked_text(text: str, why: str) -> str:
    """What somebody wrote, if it can be kept; raises InputError, with `why` where nothing was written."""
    words = text.strip()
    if not words:
        raise InputError(why)
    if any(char == "\0" or "\ud800" <= char <= "\udfff" for char in words):
        raise InputError("The text holds characters that can't be stored; write it anew.")
    if len(words) > MAX_TEXT:
        raise InputError(f"That is {len(words):,} characters long; write at most {MAX_TEXT:,}.")
    return words
