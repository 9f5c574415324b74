"""The phases I that charts had: which period, without which points, on which limits, by whom, decided by whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.services.observations import Selection
from core.spc.baseline import Baseline
from core.storage.charting import ControlPhaseDecisionRow, ControlPhaseRow
from core.storage.tables import ModelRow

__all__ = [
    "Exclusion",
    "Phase",
    "PhaseDecision",
    "PhaseRecord",
    "PhaseStep",
    "Place",
    "in_force",
    "phase_records",
    "stages",
    "waiting",
]


class PhaseStep(StrEnum):
    """What somebody did to a phase I."""

    FIT = "fit"
    EXCLUDE = "exclude"
    INCLUDE = "include"
    PROPOSE = "propose"
    ADOPT = "adopt"
    REJECT = "reject"

    @property
    def holds_at_once(self) -> bool:
        """Whether it needs nobody else's decision."""
        return self in (PhaseStep.FIT, PhaseStep.EXCLUDE, PhaseStep.INCLUDE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A window, by whose it is and its key."""

    role: str
    key: int
    name: str

    @property
    def order(self) -> tuple[bool, int]:
        """Where it stands: the reference's windows come before production's."""
        return self.role == "production", self.key


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """A point that phase I leaves out: its assignable cause, and who said so when."""

    place: Place
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """Phase I of one series: from one window to another, without the excluded ones, and the limits they gave."""

    first: Place
    last: Place
    exclusions: tuple[Exclusion, ...]
    baseline: Baseline

    def to_dict(self) -> dict[str, Any]:
        """The form that is stored."""
        return {
            "first": _stored(self.first),
            "last": _stored(self.last),
            "exclusions": [
                {
                    "window": _stored(exclusion.place),
                    "reason": exclusion.reason,
                    "by": exclusion.by,
                    "at": exclusion.at.astimezone(UTC).isoformat(),
                }
                for exclusion in self.exclusions
            ],
            "limits": self.baseline.to_dict(),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Phase:
        """Read what `to_dict` wrote."""
        return cls(
            first=_read(stored["first"]),
            last=_read(stored["last"]),
            exclusions=tuple(
                Exclusion(
                    place=_read(each["window"]),
                    reason=each["reason"],
                    by=each["by"],
                    at=datetime.fromisoformat(each["at"]),
                )
                for each in stored["exclusions"]
            ),
            baseline=Baseline.from_dict(stored["limits"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseDecision:
    """Who decided on a proposed phase I, what and why."""

    step: PhaseStep
    by: str
    at: datetime
    reason: str
    ledger_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseRecord:
    """One version of phase I, of one or several series, as somebody made or proposed it."""

    id: int
    step: PhaseStep
    phases: Mapping[str, Phase]
    reason: str
    by: str
    at: datetime
    ledger_seq: int
    decision: PhaseDecision | None

    @property
    def since(self) -> int | None:
        """The ledger entry from which on it holds; None while it doesn't."""
        if self.step.holds_at_once:
            return self.ledger_seq
        adopted = self.decision is not None and self.decision.step is PhaseStep.ADOPT
        return self.decision.ledger_seq if self.decision is not None and adopted else None

    @property
    def is_waiting(self) -> bool:
        """Whether it is proposed and nobody has decided yet."""
        return self.step is PhaseStep.PROPOSE and self.decision is None


def phase_records(session: Session, model: ModelRow, selection: Selection) -> tuple[PhaseRecord, ...]:
    """All versions of phase I of a selection's charts, oldest first."""
    rows = session.scalars(
        select(ControlPhaseRow)
        .where(
            ControlPhaseRow.model_id == model.id,
            ControlPhaseRow.segment == selection.segment,
            ControlPhaseRow.version == (selection.version or ""),
        )
        .order_by(ControlPhaseRow.id)
    ).all()
    ids = [row.id for row in rows]
    decided = session.scalars(select(ControlPhaseDecisionRow).where(ControlPhaseDecisionRow.phase_id.in_(ids))).all()
    decisions = {row.phase_id: row for row in decided}
    return tuple(_record(row, decisions.get(row.id)) for row in rows)


def in_force(records: Sequence[PhaseRecord], series: str) -> PhaseRecord | None:
    """The version of phase I that a series' limits come from; None where that is the reference as it is."""
    holding = [record for record in records if record.since is not None and series in record.phases]
    return max(holding, key=lambda record: record.since or 0, default=None)


def stages(records: Sequence[PhaseRecord], series: str, start: Place) -> tuple[PhaseRecord | None, ...]:
    """The versions of phase I that hold a series' points, the newest first: each from its first window to the next's.

    None stands for the reference as it is, which holds from ``start`` on if nothing else does.
    """
    holding = [record for record in records if record.since is not None and series in record.phases]
    found: list[PhaseRecord | None] = []
    bound: tuple[bool, int] | None = None
    for record in sorted(holding, key=lambda record: record.since or 0, reverse=True):
        order = record.phases[series].first.order
        if bound is None or order < bound:
            found.append(record)
            bound = order
    return (*found, None) if bound is None or start.order < bound else tuple(found)


def waiting(records: Sequence[PhaseRecord], series: str) -> PhaseRecord | None:
    """The newest proposal for a series that waits for a decision."""
    return next((r for r in reversed(records) if r.is_waiting and series in r.phases), None)


def _record(row: ControlPhaseRow, decision: ControlPhaseDecisionRow | None) -> PhaseRecord:
    return PhaseRecord(
        id=row.id,
        step=PhaseStep(row.step),
        phases={name: Phase.from_dict(stored) for name, stored in row.phases.items()},
        reason=row.reason,
        by=row.created_by,
        at=row.created_at,
        ledger_seq=row.ledger_seq,
        decision=None
        if decision is None
        else PhaseDecision(
            step=PhaseStep(decision.step),
            by=decision.decided_by,
            at=decision.decided_at,
            reason=decision.reason,
            ledger_seq=decision.ledger_seq,
        ),
    )


def _stored(place: Place) -> dict[str, Any]:
    return {"role": place.role, "key": place.key, "name": place.name}


def _read(stored: Mapping[str, Any]) -> Place:
    return Place(role=stored["role"], key=int(stored["key"]), name=stored["name"])
