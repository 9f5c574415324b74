"""Put a version in force in another system: only if that is as the approver saw it, and read back afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.actions.targets import Order, State, Target, target
from core.errors import ConflictError, OutsideError
from core.governance.evidence import digest_of
from core.governance.identity import Actor
from core.governance.proposals import ProposalKind
from core.services.versions import deployed
from core.storage.database import Database
from core.storage.ledger import append, entries, read_evidence
from core.storage.signing import DeploymentRow, ProposalRow, TargetRow
from core.storage.tables import ModelRow

__all__ = ["BEGUN", "DONE", "PlacementService", "has_begun", "target_digest", "target_report", "target_row"]

BEGUN, DONE = "target.begin", "target.done"
MOVES_TARGET = (ProposalKind.PROMOTE, ProposalKind.ROLLBACK, ProposalKind.RETIRE)


def target_row(session: Session, model: ModelRow) -> TargetRow | None:
    """Where a model's versions go, as it was set last; None where that is Plumbline's own registry alone."""
    query = select(TargetRow).where(TargetRow.model_id == model.id).order_by(TargetRow.id.desc()).limit(1)
    row = session.scalar(query)
    return row if row is not None and row.config else None


def target_digest(session: Session, model: ModelRow) -> str | None:
    """Names the configuration of a model's target; None where it has none."""
    row = target_row(session, model)
    return None if row is None else digest_of(row.config)


def target_report(session: Session, model: ModelRow, kind: ProposalKind, version: str | None) -> dict[str, Any] | None:
    """What evidence says of the target: what is in force there now, and what would be; None where nothing changes.

    Raises
    ------
    InputError
        If the version isn't there.
    OutsideError
        If the system doesn't tell what is in force.
    """
    row, champion = target_row(session, model), deployed(session, model)
    if row is None or kind not in MOVES_TARGET:
        return None
    in_force = None if champion is None else champion.name
    if kind is ProposalKind.RETIRE and in_force != version:
        return None
    system = target(row.config or {})
    seen = system.read()
    return {
        "where": system.where,
        "note": system.note,
        "seen": seen.to_dict(),
        "wanted": system.expected(None if kind is ProposalKind.RETIRE else version).to_dict(),
        "differs": _differs(system, seen, in_force),
    }


def _differs(system: Target, seen: State, in_force: str | None) -> str:
    """That another version is in force there than here, in words; '' where it is the same."""
    try:
        if seen.fulfils(system.expected(in_force)):
            return ""
    except ValueError:  # the version in force here isn't there
        pass
    return f"It serves {seen}, which isn't what is in force here: {in_force or 'none'}."


def has_begun(session: Session, proposal: ProposalRow) -> bool:
    """Whether a job of the proposal, on the evidence it rests on, has begun to change the target."""
    return _is_noted(session, BEGUN, proposal)


def _is_noted(session: Session, action: str, proposal: ProposalRow) -> bool:
    wanted = (proposal.id, proposal.evidence_sha256)
    found = entries(session, action=action)
    return any((entry.objects.get("proposal"), entry.objects.get("evidence")) == wanted for entry in found)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementService:
    """Carries out what was approved in the target of a model. Services use it; it checks no rights of its own."""

    database: Database
    clock: Callable[[], datetime]

    def carry_out(self, actor: Actor, proposal_id: int, job_id: str) -> str:
        """Put in force what a running proposal asks for; what was done, in words, '' where there is no target.

        Each step has its effect once: what is begun is in the ledger before the system is touched, so that after
        a kill it can be told from a change that somebody else made.

        Raises
        ------
        ConflictError
            If the system, or where it is, isn't as the approver saw it. Nothing was changed then.
        OutsideError
            If the system failed, or doesn't say afterwards what was wanted.
        """
        with self.database.read() as session:
            proposal = session.get_one(ProposalRow, proposal_id)
            order, system = self._order(session, proposal)
            if order is None or system is None:
                return ""
            is_ours, is_told = has_begun(session, proposal), _is_noted(session, DONE, proposal)
        before = system.read()
        if system.expected(order.version) != order.wanted:
            raise ConflictError(f"{order.version} there isn't what the approver saw any more. Nothing was done.")
        is_done = is_ours and before.fulfils(order.wanted)
        if before != order.before and not is_done:
            raise ConflictError(_behind_our_back(system, order, before))
        if not is_ours:
            self._note(actor, BEGUN, order, job_id, {"inverse": order.before.to_dict()})
        if not is_done:
            system.put(order)
        after = system.read()
        if not after.fulfils(order.wanted):
            raise OutsideError(
                f"{system.where} says {after} after it was set to {order.wanted}; before it said {order.before}. "
                "Look at the system: a retry goes on only from one of these two."
            )
        if not is_told:
            self._note(actor, DONE, order, job_id, {"after": after.to_dict()})
        return f"{system.where} said {order.before}, was set to {order.wanted} and says {after}. {system.note}".strip()

    def _order(self, session: Session, proposal: ProposalRow) -> tuple[Order | None, Target | None]:
        """What was approved; None where there is nothing to change outside."""
        kind, model = ProposalKind(proposal.kind), session.get_one(ModelRow, proposal.model_id)
        try:
            evidence = read_evidence(session, proposal.evidence_sha256)
        except ValueError as error:
            raise ConflictError(f"{error} Nothing was done.") from error
        seen, row = evidence.report.get("target"), target_row(session, model)
        approved = {subject.digest for subject in evidence.subjects if subject.kind == "target"}
        is_deployed = select(DeploymentRow.id).where(DeploymentRow.proposal_id == proposal.id)
        champion = deployed(session, model)
        is_elsewhere = kind is ProposalKind.RETIRE and (champion is None or champion.name != proposal.version)
        if kind not in MOVES_TARGET or is_elsewhere or session.scalar(is_deployed) is not None:
            return None, None
        if approved != ({digest_of(row.config)} if row else set()):
            raise ConflictError(
                "Where versions of this model go was changed after the approver looked: refresh the evidence. "
                "Nothing was done."
            )
        if seen is None or row is None:
            return None, None
        return Order(
            key=f"plumbline-proposal-{proposal.id}-{proposal.evidence_sha256[:12]}",
            kind=kind,
            model=model.name,
            version=None if kind is ProposalKind.RETIRE else proposal.version,
            before=State.read(seen["seen"]),
            wanted=State.read(seen["wanted"]),
            proposal=proposal.id,
            evidence=proposal.evidence_sha256,
        ), target(row.config or {})

    def _note(self, actor: Actor, action: str, order: Order, job_id: str, further: Mapping[str, Any]) -> None:
        with self.database.write() as session:
            append(
                session,
                at=self.clock(),
                actor=actor.name,
                action=action,
                objects={
                    "model": order.model,
                    "version": order.version,
                    "proposal": order.proposal,
                    "evidence": order.evidence,
                    "job": job_id,
                    "before": order.before.to_dict(),
                    "wanted": order.wanted.to_dict(),
                    **further,
                },
            )


def _behind_our_back(system: Target, order: Order, before: State) -> str:
    is_other = str(before) != str(order.before)
    what = f"{before}; the approver saw {order.before}" if is_other else f"{before}, but not the one the approver saw"
    return (
        f"{system.where} says {what}. Somebody changed it behind our back. Nothing was done: set it back, or refresh "
        "the evidence and have it approved anew."
    )
