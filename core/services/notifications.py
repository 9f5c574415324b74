"""Who is told what, where and how often; and how telling them went. Nothing waits for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import notify
from core.errors import InputError, PlumblineError, UnknownNameError
from core.governance.identity import Actor, Right, allowed
from core.services.notices import Notice, NoticeEvent, Reader, notices_for
from core.storage.database import Database
from core.storage.ledger import append, head
from core.storage.notices import NoticeChoiceRow, NoticeRow
from core.storage.signing import AccountRow

__all__ = ["CHOICES", "NoticeChoice", "NoticeInfo", "NotificationService", "Rhythm", "Trouble"]

E = TypeVar("E", bound=StrEnum)
CHOICES = tuple(event for event in NoticeEvent if event is not NoticeEvent.TEST)
DIGEST_HOUR = 7  # UTC
BACK_OFF = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 720))
AT_MOST = 500  # notices a round
MOST_LINES = 50  # of a digest
LOCK = "notices"


class Rhythm(StrEnum):
    """How often somebody is told."""

    AT_ONCE = "at once"
    DAILY = "daily"  # all of a day in one message, at 7:00 UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeChoice:
    """What somebody wants to be told. `variable` names where, and `is_set` says whether it is set in this program."""

    variable: str
    events: tuple[NoticeEvent, ...]
    rhythm: Rhythm
    is_set: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeInfo:
    """One thing that somebody was or will be told; `error` is why the last attempt failed, '' where none did."""

    event: NoticeEvent
    title: str
    created_at: datetime
    due_at: datetime | None
    sent_at: datetime | None
    n_attempts: int
    error: str

    @property
    def is_given_up(self) -> bool:
        """Whether nobody tries any more."""
        return self.sent_at is None and self.due_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Somebody who can't be told: how many notices wait or were given up, and why."""

    account: str
    n: int
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationService:
    """Each person chooses for themselves; the worker gathers and delivers."""

    database: Database
    clock: Callable[[], datetime]

    @allowed(Right.READ)
    def choice(self, actor: Actor) -> NoticeChoice | None:
        """What the actor has chosen; None where they have an account and chose nothing yet.

        Raises
        ------
        InputError
            If the actor has no account.
        """
        with self.database.read() as session:
            row = session.get(NoticeChoiceRow, _account(session, actor).id)
            return None if row is None else _choice(row)

    @allowed(Right.READ)
    def variables(self, actor: Actor) -> tuple[str, ...]:
        """The variables that the actor may be reached by: their own, and those of teams that are set here."""
        return (notify.own_variable(actor.name), *notify.team_variables())

    @allowed(Right.READ)
    def choose(
        self, actor: Actor, *, events: Iterable[str], rhythm: str = Rhythm.AT_ONCE, variable: str | None = None
    ) -> NoticeChoice:
        """Choose what to be told from now on; no event is to be told nothing.

        Raises
        ------
        UnknownNameError
            If there is no such event or rhythm.
        InputError
            If the variable is somebody else's, or the actor has no account.
        """
        chosen = tuple(_known("event", event, CHOICES) for event in dict.fromkeys(events))
        often = _known("rhythm", rhythm, tuple(Rhythm))
        where = variable or notify.own_variable(actor.name)
        if where != notify.own_variable(actor.name) and not where.startswith(notify.TEAM):
            raise InputError(
                f"{where} isn't yours: {notify.own_variable(actor.name)} is, or a team's, which begins with "
                f"{notify.TEAM}."
            )
        with self.database.write(LOCK) as session:
            account, newest, now = _account(session, actor), head(session), self.clock()
            row = session.get(NoticeChoiceRow, account.id)
            if row is None:
                row = NoticeChoiceRow(account_id=account.id, seen_seq=newest.seq if newest else 0)
                session.add(row)
            row.variable, row.events, row.rhythm, row.changed_at = where, [str(e) for e in chosen], str(often), now
            append(
                session,
                at=now,
                actor=actor.name,
                action="notify.choose",
                objects={
                    "account": actor.name,
                    "events": row.events,
                    "rhythm": row.rhythm,
                    "variable": where,
                },
            )
            return _choice(row)

    @allowed(Right.READ)
    def list(self, actor: Actor, *, newest: int = 30) -> tuple[NoticeInfo, ...]:
        """What the actor was told or will be, the newest first."""
        with self.database.read() as session:
            query = select(NoticeRow).where(NoticeRow.account_id == _account(session, actor).id)
            return tuple(_info(row) for row in session.scalars(query.order_by(NoticeRow.id.desc()).limit(newest)))

    @allowed(Right.READ)
    def test(self, actor: Actor) -> None:
        """Have the worker send the actor a test, which `list` tells the fate of."""
        with self.database.write(LOCK) as session:
            account, now = _account(session, actor), self.clock()
            if session.get(NoticeChoiceRow, account.id) is None:
                raise InputError("Choose first what to be told.")
            title, body = TEST
            notice = Notice(key=f"test {now.isoformat()}", event=NoticeEvent.TEST, title=title, body=body)
            _add(session, account.id, notice, now=now, due_at=now)

    @allowed(Right.READ)
    def test_now(self, actor: Actor) -> str:
        """Send the actor a test from this program; the variable that it went by.

        Raises
        ------
        InputError
            If the variable isn't set here, or holds no address.
        OutsideError
            If a receiver didn't take it.
        """
        found = self.choice(actor)
        variable = found.variable if found is not None else notify.own_variable(actor.name)
        notify.send(variable, *TEST)
        return variable

    @allowed(Right.ADMINISTER)
    def troubles(self, actor: Actor) -> tuple[Trouble, ...]:  # noqa: ARG002 (every service call takes the actor)
        """Whom telling fails for, and why; not what they are told."""
        with self.database.read() as session:
            query = select(NoticeRow).where(NoticeRow.error != "", NoticeRow.sent_at.is_(None)).order_by(NoticeRow.id)
            found: dict[int, list[str]] = {}
            for row in session.scalars(query):
                found.setdefault(row.account_id, []).append(row.error)
            return tuple(
                Trouble(account=session.get_one(AccountRow, account).name, n=len(errors), error=errors[-1])
                for account, errors in sorted(found.items())
            )

    @allowed(Right.RUN_JOBS)
    def gather(self, actor: Actor) -> int:  # noqa: ARG002
        """Note what people are to be told of what happened since the last time; how many notices."""
        with self.database.read() as session:
            readers = _readers(session)
            if not readers:
                return 0
            newest, now = head(session), self.clock()
            found = notices_for(session, list(readers.values()), now=now)
        n = 0
        with self.database.write(LOCK) as session:
            for account_id, reader in readers.items():
                row = session.get_one(NoticeChoiceRow, account_id)
                query = select(NoticeRow.key).where(NoticeRow.account_id == account_id)
                keys = [notice.key for notice in found[reader.actor.name]]
                known = set(session.scalars(query.where(NoticeRow.key.in_(keys))))
                due_at = now if row.rhythm == Rhythm.AT_ONCE else _next_digest(now)
                new = [notice for notice in found[reader.actor.name] if notice.key not in known]
                for notice in new:
                    _add(session, account_id, notice, now=now, due_at=due_at)
                n += len(new)
                row.seen_seq = max(row.seen_seq, newest.seq if newest else 0)
        return n

    @allowed(Right.RUN_JOBS)
    def deliver(self, actor: Actor) -> int:  # noqa: ARG002
        """Send what is due, to each person in one message; how many notices were sent.

        What a receiver doesn't take is tried again after 1, 5, 30, 120 and 720 minutes, then given up; a message
        may come twice if the worker is killed just after sending it.
        """
        now = self.clock()
        with self.database.read() as session:
            query = select(NoticeRow).where(NoticeRow.due_at <= now).order_by(NoticeRow.id).limit(AT_MOST)
            waiting: dict[int, list[NoticeRow]] = {}
            for row in session.scalars(query):
                waiting.setdefault(row.account_id, []).append(row)
            variables = {
                account_id: None
                if session.get_one(AccountRow, account_id).disabled_at
                else session.get_one(NoticeChoiceRow, account_id).variable
                for account_id in waiting
            }
            messages = {account_id: (_message(rows), [r.id for r in rows]) for account_id, rows in waiting.items()}
        n_sent = 0
        for account_id, ((title, body), ids) in messages.items():
            error, variable = "", variables[account_id]
            try:
                if variable is None:
                    raise InputError("The account has ended.")
                notify.send(variable, title, body)
                n_sent += len(ids)
            except PlumblineError as failed:
                error = str(failed)
            except Exception as failed:  # whatever a receiver's plug-in meets; its words may hold the address
                error = f"Sending failed unexpectedly: {type(failed).__name__}."
            self._note(ids, error, ends=variable is None)
        return n_sent

    def _note(self, ids: Sequence[int], error: str, *, ends: bool) -> None:
        """How an attempt went."""
        with self.database.write(LOCK) as session:
            now = self.clock()
            for row in session.scalars(select(NoticeRow).where(NoticeRow.id.in_(ids))):
                row.n_attempts += 1
                row.error = error
                row.sent_at = None if error else now
                again = error and not ends and row.n_attempts <= len(BACK_OFF)
                row.due_at = now + BACK_OFF[row.n_attempts - 1] if again else None


TEST = ("Plumbline can reach you", "This is a test that you, or somebody signed in as you, asked for.")


def _readers(session: Session) -> dict[int, Reader]:
    query = select(AccountRow, NoticeChoiceRow).join(NoticeChoiceRow, NoticeChoiceRow.account_id == AccountRow.id)
    found = session.execute(query.where(AccountRow.disabled_at.is_(None))).all()
    return {account.id: Reader.of(account, choice) for account, choice in found if choice.events}


def _account(session: Session, actor: Actor) -> AccountRow:
    row = session.scalar(select(AccountRow).where(AccountRow.name == actor.name))
    if row is None:
        raise InputError(f"{actor.name} has no account, and so nobody to tell: sign in.")
    return row


def _add(session: Session, account_id: int, notice: Notice, *, now: datetime, due_at: datetime) -> None:
    session.add(
        NoticeRow(
            account_id=account_id,
            key=notice.key,
            event=str(notice.event),
            title=notice.title,
            body=notice.body,
            created_at=now,
            due_at=due_at,
            n_attempts=0,
            error="",
        )
    )


def _message(rows: Sequence[NoticeRow]) -> tuple[str, str]:
    """One message of all that somebody is told at a time."""
    if len(rows) == 1:
        return rows[0].title, rows[0].body
    lines = [f"{row.title}\n{row.body}" for row in rows[:MOST_LINES]]
    if len(rows) > MOST_LINES:
        lines.append(f"and {len(rows) - MOST_LINES} more")
    return f"Plumbline: {len(rows)} notices", "\n\n".join(lines)


def _next_digest(now: datetime) -> datetime:
    today = now.astimezone(UTC).replace(hour=DIGEST_HOUR, minute=0, second=0, microsecond=0)
    return today if now < today else today + timedelta(days=1)


def _known(kind: str, name: str, among: Sequence[E]) -> E:
    for one in among:
        if one == name:
            return one
    raise UnknownNameError(kind, str(name), [str(one) for one in among])


def _choice(row: NoticeChoiceRow) -> NoticeChoice:
    return NoticeChoice(
        variable=row.variable,
        events=tuple(NoticeEvent(event) for event in row.events),
        rhythm=Rhythm(row.rhythm),
        is_set=notify.is_set(row.variable),
    )


def _info(row: NoticeRow) -> NoticeInfo:
    return NoticeInfo(
        event=NoticeEvent(row.event),
        title=row.title,
        created_at=row.created_at,
        due_at=row.due_at,
        sent_at=row.sent_at,
        n_attempts=row.n_attempts,
        error=row.error,
    )
