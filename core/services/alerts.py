"""Alerts: what fired, who has it, and what became of it; every step goes into the ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import ConflictError, InputError, UnknownNameError
from core.governance.alerts import LIVE, NEEDS_REASON, OUT_OR_OVER, AlertMove, AlertState, next_state
from core.governance.evidence import Evidence
from core.governance.identity import Actor, Right, allowed
from core.profile.windows import Window, WindowPlan
from core.services.alert_evidence import note_move
from core.services.promise import WatchKind
from core.services.watch_report import IncidentInfo, incident_info
from core.storage.alerting import AlertMoveRow, AlertRow, IncidentRow
from core.storage.database import Database
from core.storage.ledger import entries, read_evidence
from core.storage.repository import Repository
from core.storage.tables import ModelRow

__all__ = ["AlertInfo", "AlertService", "MoveInfo", "Standing"]

MAX_TEXT = 10_000


class Standing(StrEnum):
    """Whether what fired still is beyond its margin, whoever has answered."""

    OUT = "out"
    BACK = "back"
    WITHDRAWN = "withdrawn"  # rows that came late, or were retracted, took its reason away
    JUDGED_ANEW = "judged anew"  # on another reference or by another policy


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveInfo:
    """One step of an alert."""

    move: AlertMove
    state: AlertState
    actor: str
    text: str
    at: datetime
    ledger_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertInfo:
    """An alert with what began together in it; `window` is the one that it fired in."""

    id: int
    model: str
    state: AlertState
    title: str
    set: WatchKind
    window: Window
    opened_at: datetime
    evidence_sha256: str
    incidents: tuple[IncidentInfo, ...]
    moves: tuple[MoveInfo, ...]

    @property
    def is_live(self) -> bool:
        """Whether somebody still has to look at it or works on it."""
        return self.state in LIVE

    @property
    def is_out(self) -> bool:
        """Whether something of it is still beyond its margin."""
        return self.standing is Standing.OUT

    @property
    def standing(self) -> Standing:
        """Whether something of it is still out; if not, why."""
        stand = [incident for incident in self.incidents if not incident.is_withdrawn]
        if any(incident.closed is None for incident in stand):
            return Standing.OUT
        said = next((step.move for step in reversed(self.moves) if step.move in OUT_OR_OVER), None)
        if said is AlertMove.SUPERSEDE:
            return Standing.JUDGED_ANEW
        return Standing.BACK if stand else Standing.WITHDRAWN

    def rank(self) -> tuple[bool, bool, bool, float]:
        """Live first, then what is still out, then what nobody has taken, then the newest window."""
        began = self.window.start_at or self.opened_at
        return (not self.is_live, not self.is_out, self.state is not AlertState.OPEN, -began.timestamp())


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertService:
    """Look at alerts and answer them."""

    database: Database
    clock: Callable[[], datetime]

    @allowed(Right.READ)
    def list(
        self,
        actor: Actor,  # noqa: ARG002 (every service call takes the actor)
        model: str | None = None,
        *,
        live_only: bool = False,
    ) -> tuple[AlertInfo, ...]:
        """Alerts of one model or all: live ones first, what is still out before what is back, the newest first."""
        with self.database.read() as session:
            query = select(AlertRow)
            if model is not None:
                query = query.where(AlertRow.model_id == Repository(session).model(model).id)
            if live_only:
                query = query.where(AlertRow.state.in_(LIVE))
            found = [_info(session, row) for row in session.scalars(query)]
        found.sort(key=lambda alert: (*alert.rank(), -alert.window.key, -alert.id))
        return tuple(found)

    @allowed(Right.READ)
    def show(self, actor: Actor, alert: int) -> AlertInfo:  # noqa: ARG002
        """One alert; raises UnknownNameError."""
        with self.database.read() as session:
            return _info(session, _row(session, alert))

    @allowed(Right.READ)
    def evidence(self, actor: Actor, alert: int) -> tuple[Evidence, ...]:  # noqa: ARG002
        """What was frozen as it fired, and as more joined it; raises ConflictError if any of it was altered."""
        with self.database.read() as session:
            row = _row(session, alert)
            names = [row.evidence_sha256]
            for move in _moves(session, row):
                if move.move == AlertMove.JOIN:
                    found = entries(session, after=move.ledger_seq - 1, before=move.ledger_seq + 1)
                    names += [str(entry.objects.get("evidence")) for entry in found] or [f"of entry {move.ledger_seq}"]
            try:
                return tuple(read_evidence(session, name) for name in dict.fromkeys(names))
            except ValueError as error:
                raise ConflictError(f"{error} `plumbline ledger verify` tells what else was.") from error

    @allowed(Right.RESPOND)
    def acknowledge(self, actor: Actor, alert: int, *, reason: str = "") -> AlertInfo:
        """Say that one looks into it."""
        return self._move(actor, alert, AlertMove.ACKNOWLEDGE, reason)

    @allowed(Right.RESPOND)
    def resolve(self, actor: Actor, alert: int, *, reason: str) -> AlertInfo:
        """Say what was done about it; raises InputError without a reason."""
        return self._move(actor, alert, AlertMove.RESOLVE, reason)

    @allowed(Right.RESPOND)
    def annotate(self, actor: Actor, alert: int, *, reason: str) -> AlertInfo:
        """Say that it is harmless, and why; the limits stay as they are."""
        return self._move(actor, alert, AlertMove.ANNOTATE, reason)

    @allowed(Right.RESPOND)
    def reopen(self, actor: Actor, alert: int, *, reason: str) -> AlertInfo:
        """Take back that it was resolved or harmless."""
        return self._move(actor, alert, AlertMove.REOPEN, reason)

    @allowed(Right.RESPOND)
    def comment(self, actor: Actor, alert: int, *, reason: str) -> AlertInfo:
        """Add words; the alert stays as it is."""
        return self._move(actor, alert, AlertMove.COMMENT, reason)

    def _move(self, actor: Actor, alert: int, move: AlertMove, reason: str) -> AlertInfo:
        text = reason.strip()
        if move in NEEDS_REASON and not text:
            raise InputError(f"To {move} an alert takes a reason: it is what others read later.")
        if len(text) > MAX_TEXT:
            raise InputError(f"The reason has {len(text):,} characters, at most {MAX_TEXT:,} are kept.")
        with self.database.read() as session:
            model_id = _row(session, alert).model_id
        with self.database.write(f"model {model_id}") as session:
            row = _row(session, alert)
            if next_state(AlertState(row.state), move) is None:
                last = _what_led_here(_moves(session, row))
                raise ConflictError(
                    f"Alert {alert} is {row.state} ({last.actor}, {last.at:%Y-%m-%d %H:%M} UTC): "
                    f"it can't be {DONE[move]}."
                )
            note_move(session, row, move, actor=actor.name, text=text, now=self.clock())
            return _info(session, row)


DONE: Mapping[AlertMove, str] = {
    AlertMove.ACKNOWLEDGE: "acknowledged",
    AlertMove.RESOLVE: "resolved",
    AlertMove.ANNOTATE: "annotated as harmless",
    AlertMove.REOPEN: "opened again",
}


def _row(session: Session, alert: int) -> AlertRow:
    row = session.get(AlertRow, alert)
    if row is None:
        known = [str(number) for number in session.scalars(select(AlertRow.id).order_by(AlertRow.id.desc()).limit(20))]
        raise UnknownNameError("alert", str(alert), known)
    return row


def _moves(session: Session, row: AlertRow) -> list[AlertMoveRow]:
    query = select(AlertMoveRow).where(AlertMoveRow.alert_id == row.id).order_by(AlertMoveRow.id)
    return list(session.scalars(query))


def _what_led_here(moves: Sequence[AlertMoveRow]) -> AlertMoveRow:
    """The move that the alert has its state from: what was said since isn't it."""
    led, state = moves[0], None
    for move in moves:
        if move.state != state:
            led, state = move, move.state
    return led


def _info(session: Session, row: AlertRow) -> AlertInfo:
    model = session.get_one(ModelRow, row.model_id)
    schema = Repository(session).schema(model)
    plan = WindowPlan.of(schema.window, schema.timezone)
    query = select(IncidentRow).where(IncidentRow.alert_id == row.id).order_by(IncidentRow.id)
    incidents = [incident_info(incident) for incident in session.scalars(query)]
    return AlertInfo(
        id=row.id,
        model=model.name,
        state=AlertState(row.state),
        title=row.title,
        set=WatchKind(row.kind),
        window=plan.window(row.opened_window),
        opened_at=row.opened_at,
        evidence_sha256=row.evidence_sha256,
        incidents=tuple(sorted(incidents, key=lambda incident: (incident.opened, -abs(incident.shift)))),
        moves=tuple(
            MoveInfo(
                move=AlertMove(move.move),
                state=AlertState(move.state),
                actor=move.actor,
                text=move.text,
                at=move.at,
                ledger_seq=move.ledger_seq,
            )
            for move in _moves(session, row)
        ),
    )
