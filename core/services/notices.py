"""What people are told of what happened: read off the ledger, so that telling can't hold up what is told of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.governance.conditions import Condition
from core.governance.identity import Actor, Right, UserRole
from core.governance.ledger import Entry
from core.governance.proposals import ProposalState
from core.services.jobs import JobState
from core.storage.ledger import entries
from core.storage.notices import NoticeChoiceRow
from core.storage.signing import AccountRow, JobRow, ProposalMoveRow, ProposalRow
from core.storage.tables import ModelRow

__all__ = ["Notice", "NoticeEvent", "Reader", "notices_for"]

SOON = timedelta(days=3)
MAX_WORDS = 1_000
ASKED = ("proposal.open", "proposal.submit", "proposal.refresh_evidence")
DECIDED = ("proposal.approve", "proposal.reject", "proposal.request_changes", "proposal.revoke")
ALERTED = ("alert.fire", "alert.join", "alert.reopen")
OVER = (ProposalState.WITHDRAWN, ProposalState.REJECTED, ProposalState.REVOKED)


class NoticeEvent(StrEnum):
    """What somebody can want to be told."""

    ALERT = "alert"
    REVIEW = "review wanted"
    DECIDED = "decided"
    CONDITION = "condition due"
    FAILED = "job failed"
    TEST = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing to tell; its key names what it tells of, so that nobody is told twice."""

    key: str
    event: NoticeEvent
    title: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Somebody who wants to be told, with what happened up to entry `seen_seq` behind them."""

    actor: Actor
    events: frozenset[str]
    seen_seq: int
    since: datetime

    @classmethod
    def of(cls, account: AccountRow, choice: NoticeChoiceRow) -> Reader:
        """The reader that an account's choice makes of it."""
        return cls(
            actor=Actor(name=account.name, roles=tuple(UserRole(role) for role in account.roles)),
            events=frozenset(choice.events),
            seen_seq=choice.seen_seq,
            since=choice.changed_at,
        )


def notices_for(session: Session, readers: Sequence[Reader], *, now: datetime) -> dict[str, list[Notice]]:
    """What each reader, by name, is to be told now; what they were told before may be among it."""
    found: dict[str, list[Notice]] = {reader.actor.name: [] for reader in readers}
    first = min((reader.seen_seq for reader in readers), default=0)
    for entry in entries(session, after=first):
        for reader in readers:
            if entry.seq > reader.seen_seq and entry.actor != reader.actor.name:
                notice = _of_entry(session, entry, reader)
                if notice is not None and notice.event in reader.events:
                    found[reader.actor.name].append(notice)
    for who, notice in _conditions(session, now=now):
        for reader in readers:
            if reader.actor.name in who and notice.event in reader.events:
                found[reader.actor.name].append(notice)
    for reader in readers:
        if NoticeEvent.FAILED in reader.events and reader.actor.may(Right.CONFIGURE):
            found[reader.actor.name] += _failed_analyses(session, since=reader.since)
    return found


def _of_entry(session: Session, entry: Entry, reader: Reader) -> Notice | None:
    """What an entry is to a reader; None where it is nothing to tell."""
    if entry.action in ALERTED and reader.actor.may(Right.READ):
        return _notice(entry, NoticeEvent.ALERT, f"Alert on {entry.objects.get('model')}")
    if not entry.action.startswith("proposal."):
        return None
    what = _asked_for(entry.objects)
    number = entry.objects.get("proposal")
    if entry.action in ASKED and entry.objects.get("state") == ProposalState.OPEN:
        row = session.get(ProposalRow, number)
        is_theirs = row is not None and row.requester == reader.actor.name
        may = reader.actor.may(Right.DECIDE) and not is_theirs
        return _notice(entry, NoticeEvent.REVIEW, f"Review wanted: {what}") if may else None
    if reader.actor.name not in _taking_part(session, number):
        return None
    if entry.action in DECIDED:
        move = entry.action.partition(".")[2].replace("_", " ")
        return _notice(entry, NoticeEvent.DECIDED, f"{entry.actor} chose to {move}: {what}")
    if entry.action == "proposal.fail":
        return _notice(entry, NoticeEvent.FAILED, f"The job failed: {what}")
    return None


def _notice(entry: Entry, event: NoticeEvent, title: str) -> Notice:
    objects = entry.objects
    lines = [str(objects.get("text", ""))[:MAX_WORDS], f"{entry.at:%Y-%m-%d %H:%M} UTC, ledger entry {entry.seq}."]
    if "proposal" in objects:
        lines.append(f"Look at it with: plumbline proposal show {objects['proposal']}")
    return Notice(key=f"entry {entry.seq}", event=event, title=title, body="\n".join(lines))


def _asked_for(objects: Mapping[str, Any]) -> str:
    kind, version = str(objects.get("kind")).replace("_", " "), objects.get("version")
    what = f"{kind} {version} of {objects.get('model')}" if version else f"{kind} {objects.get('model')}"
    return f"{what} (proposal {objects.get('proposal')})"


def _taking_part(session: Session, proposal: Any) -> set[str]:
    """Whoever asked for a proposal or did anything to it."""
    row = session.get(ProposalRow, proposal)
    moved = session.scalars(select(ProposalMoveRow.actor).where(ProposalMoveRow.proposal_id == proposal))
    return {*moved, *([row.requester] if row is not None and row.requester else [])}


def _conditions(session: Session, *, now: datetime) -> Iterator[tuple[set[str], Notice]]:
    """Conditions that are due within three days, and those that went by, with whom to tell."""
    met = {
        str(entry.objects.get("details", {}).get("condition"))
        for entry in entries(session, action="proposal.check_condition")
    }
    for entry in entries(session, action="proposal.approve"):
        row = session.get(ProposalRow, entry.objects.get("proposal"))
        is_old = row is None or row.state in OVER or row.evidence_sha256 != entry.objects.get("evidence")
        for place, content in enumerate(entry.objects.get("details", {}).get("conditions", ()), start=1):
            condition, name = Condition.read(content), f"{entry.seq}.{place}"
            if is_old or name in met or now < condition.due_at - SOON:
                continue
            is_late = now >= condition.due_at
            when = f"{'was' if is_late else 'is'} due on {condition.due_at:%Y-%m-%d %H:%M} UTC"
            yield (
                {condition.owner, entry.actor} if is_late else {condition.owner},
                Notice(
                    key=f"condition {name} {'late' if is_late else 'soon'}",
                    event=NoticeEvent.CONDITION,
                    title=f"A condition {when}: {_asked_for(entry.objects)}",
                    body=f"{condition.text}\nOwner: {condition.owner}. Once it is due and nobody besides the owner has "
                    "checked that it was met, the approval no longer counts.",
                ),
            )


def _failed_analyses(session: Session, *, since: datetime) -> Iterator[Notice]:
    """Jobs that no proposal asked for, such as a night's analysis: the ledger doesn't tell of them."""
    query = select(JobRow).where(
        JobRow.proposal_id.is_(None), JobRow.state == JobState.FAILED, JobRow.finished_at >= since
    )
    for job in session.scalars(query):
        model = session.get_one(ModelRow, job.model_id).name
        yield Notice(
            key=f"job {job.id}",
            event=NoticeEvent.FAILED,
            title=f"The job failed: {job.kind} {model}",
            body=job.message[:MAX_WORDS],
        )
