"""A drift accepted as harmless: what such a proposal asks for, doing it, and taking it back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.alarms.policy import AlarmPolicy, ColumnMargin
from core.alarms.watch import Light
from core.errors import ConflictError, InputError
from core.governance.alerts import LIVE, AlertMove, AlertState, next_state
from core.governance.evidence import digest_of
from core.governance.identity import Actor
from core.governance.ledger import Entry
from core.services.alert_evidence import note_move
from core.services.margins import SET, put_policy
from core.services.watch_report import policy_of
from core.storage.alerting import AlertRow, IncidentRow
from core.storage.ledger import entries
from core.storage.signing import ProposalRow
from core.storage.tables import ModelRow

__all__ = ["Acceptance", "accept", "alert_digest", "effect_of", "incidents_of", "margin_digest", "take_back"]


class Acceptance(BaseModel):
    """What a proposal to accept a drift asks for: of one series of an alert, which margin.

    What `margin` doesn't say stays as it is.

    Examples
    --------
    >>> asked = Acceptance.read({"alert": 3, "series": "values/income", "margin": {"sd": 0.4}})
    >>> asked.after(AlarmPolicy()).margin("values/income", column="income").sd
    0.4
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    alert: int = Field(ge=1)
    series: str = Field(min_length=1)
    margin: ColumnMargin

    @classmethod
    def read(cls, arguments: Mapping[str, Any]) -> Self:
        """What a proposal's arguments say; raises InputError that names every key that is wrong."""
        try:
            asked = cls.model_validate(dict(arguments))
        except ValidationError as error:
            problems = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
            raise InputError(
                "To accept a drift as harmless, name its alert, the series of it and the margin asked for: "
                f"{'; '.join(problems)}."
            ) from error
        if asked.margin == ColumnMargin():
            raise InputError("To accept a drift as harmless, say how wide its margin shall be: sd, points or value.")
        return asked

    @property
    def column(self) -> str:
        """The column that the series is of, '' where it is of all rows or of groups."""
        kind, _, name = self.series.partition("/")
        return name if kind in ("values", "missing", "invalid", "outside") else ""

    def after(self, policy: AlarmPolicy) -> AlarmPolicy:
        """A policy with the margin of this series, and nothing else, as asked for."""
        own = policy.own_margin(self.series, self.column) or ColumnMargin()
        margin = own.model_copy(update=self.margin.model_dump(exclude_none=True))
        return policy.model_copy(update={"margins": {**policy.margins, self.series: margin}})


def incidents_of(session: Session, alert: AlertRow) -> list[IncidentRow]:
    """What fired in an alert and still stands, the earliest first."""
    query = select(IncidentRow).where(
        IncidentRow.alert_id == alert.id, IncidentRow.withdrawn_at.is_(None), IncidentRow.light == str(Light.MATERIAL)
    )
    return list(session.scalars(query.order_by(IncidentRow.opened_window, IncidentRow.id)))


def alert_digest(session: Session, model: ModelRow, name: str) -> str | None:
    """Names what fired in an alert and whether it is live; None where there is no such alert of the model."""
    row = session.get(AlertRow, int(name))
    if row is None or row.model_id != model.id:
        return None
    fired = [[incident.subject, incident.opened_window, incident.sign] for incident in incidents_of(session, row)]
    return digest_of({"is_live": row.state in LIVE, "fired": fired})


def margin_digest(session: Session, model: ModelRow, series: str) -> str:
    """Names what the alarm policy says of one series: what it says of others doesn't matter to it."""
    policy = policy_of(session, model)
    own = policy.own_margin(series, series.partition("/")[2])
    return digest_of(
        {
            "own": None if own is None else own.model_dump(mode="json"),
            "all": [policy.margin_sd, policy.margin_points, policy.least_ratio],
        }
    )


def effect_of(session: Session, proposal: ProposalRow) -> Entry | None:
    """The entry of the ledger by which a proposal changed a margin; None while it hasn't."""
    found = entries(session, action=SET)
    return next((entry for entry in found if entry.objects.get("proposal") == proposal.id), None)


def accept(session: Session, proposal: ProposalRow, actor: Actor, *, job_id: str, at: datetime) -> str:
    """Widen the margin that an approved proposal asks for, once, and answer its alert; what was done, in words."""
    asked = Acceptance.read(proposal.arguments)
    model = session.get_one(ModelRow, proposal.model_id)
    said = f"{asked.series} of {model.name} has the margin that proposal {proposal.id} asked for."
    if effect_of(session, proposal) is not None:
        return said
    before = policy_of(session, model)
    after = asked.after(before)
    put_policy(
        session,
        model,
        after,
        actor=actor,
        at=at,
        reason=f"Accepted as harmless by proposal {proposal.id}: {proposal.reason}",
        objects={
            "before": before.digest,
            "series": asked.series,
            "margin_before": _entry(before, asked.series),
            "margin": _entry(after, asked.series),
            "alert": asked.alert,
            "proposal": proposal.id,
            "evidence": proposal.evidence_sha256,
            "job": job_id,
        },
    )
    return f"{said} {_answer(session, proposal, asked, actor, at=at)}".strip()


def take_back(session: Session, proposal: ProposalRow, actor: Actor, *, reason: str, at: datetime) -> None:
    """Give a series the margin back that it had before an acceptance that is revoked.

    Raises
    ------
    ConflictError
        If the margin was changed since, and more passes by it than before the acceptance.
    """
    entry = effect_of(session, proposal)
    if entry is None:
        return
    asked = Acceptance.read(proposal.arguments)
    model = session.get_one(ModelRow, proposal.model_id)
    policy = policy_of(session, model)
    known = entry.objects["margin_before"]
    margins = {name: margin for name, margin in policy.margins.items() if name != asked.series}
    if known is not None:
        margins[asked.series] = ColumnMargin.model_validate(known)
    restored = policy.model_copy(update={"margins": margins})
    if _entry(policy, asked.series) != entry.objects["margin"]:
        if restored.loosened(policy):
            raise ConflictError(
                f"The margin of {asked.series} was changed again since proposal {proposal.id}, and is wider than "
                "before it: revoke what was accepted last first, or narrow it on the page of the alarm policy."
            )
        return  # somebody has narrowed it meanwhile: nothing is left to take back
    put_policy(
        session,
        model,
        restored,
        actor=actor,
        at=at,
        reason=f"Proposal {proposal.id} was revoked: {reason}",
        objects={
            "before": policy.digest,
            "series": asked.series,
            "margin_before": _entry(policy, asked.series),
            "margin": known,
            "revokes": proposal.id,
        },
    )
    alert = session.get(AlertRow, asked.alert)
    if alert is not None and alert.state == AlertState.HARMLESS:
        text = f"Proposal {proposal.id}, which had accepted {asked.series} as harmless, was revoked: {reason}"
        note_move(session, alert, AlertMove.REOPEN, actor=actor.name, text=text, now=at)


def _answer(session: Session, proposal: ProposalRow, asked: Acceptance, actor: Actor, *, at: datetime) -> str:
    """Close the alert where nothing else of it is out; else say there what was accepted. What was done, in words."""
    alert = session.get_one(AlertRow, asked.alert)
    others = {row.subject for row in incidents_of(session, alert) if row.closed_window is None} - {asked.series}
    text = f"Proposal {proposal.id} accepted {asked.series} as harmless: {proposal.reason}"
    move = AlertMove.COMMENT if others else AlertMove.ANNOTATE
    if next_state(AlertState(alert.state), move) is None:  # somebody has answered it meanwhile
        move = AlertMove.COMMENT
    if others:
        text = f"{text} Still out: {', '.join(sorted(others))}."
    note_move(session, alert, move, actor=actor.name, text=text, now=at)
    return f"Alert {alert.id} is {alert.state}."


def _entry(policy: AlarmPolicy, series: str) -> dict[str, Any] | None:
    own = policy.margins.get(series)
    return None if own is None else own.model_dump(mode="json", exclude_none=True)
