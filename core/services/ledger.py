"""The ledger: read it, verify it, and hand it over so that others can verify it without Plumbline."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import InputError
from core.governance import verify_export
from core.governance.evidence import Evidence, canonical_json
from core.governance.identity import Actor, Right, allowed
from core.governance.ledger import Entry, LedgerCheck, Receipt, check_chain
from core.governance.signing_key import SigningKey
from core.services.ledger_signing import LedgerSigner
from core.storage.alerting import AlertMoveRow, AlertRow
from core.storage.charting import unlike_the_ledger
from core.storage.database import Database
from core.storage.ledger import entries, n_entries, named
from core.storage.signing import DeploymentRow, EvidenceRow, ProposalMoveRow, SigningPolicyRow, TargetRow

__all__ = ["LedgerService"]

README = """The ledger of a Plumbline workspace.

ledger.jsonl   one entry a line: who did what to which objects, when, chained by SHA-256
evidence/      what proposals rested on, each file named by its SHA-256
verify.py      verifies both; needs Python and nothing else: python verify.py THIS.zip [RECEIPT ...] [--key PUBLIC]
               (to check signatures by a public key that was kept elsewhere it takes the package cryptography too)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerService:
    """Reading, verifying and signing; what happened is written by other services, each with what it does."""

    database: Database
    signer: LedgerSigner
    clock: Callable[[], datetime]

    @allowed(Right.AUDIT)
    def list(
        self,
        actor: Actor,  # noqa: ARG002 (every service call takes the actor)
        *,
        before: int | None = None,
        newest: int = 100,
        by: str | None = None,
        action: str | None = None,
    ) -> tuple[Entry, ...]:
        """The newest entries before a number, the newest first; only one person's or of one action if asked for."""
        with self.database.read() as session:
            found = entries(session, before=before, newest=newest, by=by, action=action)
            return tuple(reversed(found))

    @allowed(Right.AUDIT)
    def named(self, actor: Actor) -> tuple[tuple[str, ...], tuple[str, ...]]:  # noqa: ARG002
        """Whose entries there are, and of which actions."""
        with self.database.read() as session:
            return named(session)

    @allowed(Right.AUDIT)
    def size(self, actor: Actor) -> int:  # noqa: ARG002
        """How many entries there are."""
        with self.database.read() as session:
            return n_entries(session)

    @allowed(Right.AUDIT)
    def verify(
        self,
        actor: Actor,  # noqa: ARG002
        *,
        receipts: tuple[str, ...] = (),
        key: str | None = None,
    ) -> LedgerCheck:
        """Does the chain hold, do evidence, moves, deployments and phases agree with it, and what receipts were for?

        Parameters
        ----------
        receipts : tuple of str
            Kept elsewhere.
        key : str or None
            The public key kept elsewhere, 64 hex digits; None for that of the key which this program signs with.

        Raises
        ------
        InputError
            If a receipt or the key can't be read.
        """
        own = self.signer.key
        if key is not None and (
            len(key.strip()) != 64 or not all(char in "0123456789abcdefABCDEF" for char in key.strip())
        ):
            raise InputError("That is no public key: it has 64 hex digits, as `plumbline ledger key` printed them.")
        try:
            given = [Receipt.parse(receipt) for receipt in receipts]
        except ValueError as error:
            raise InputError(str(error)) from error
        with self.database.read() as session:
            found = entries(session)
            check = check_chain(found, receipts=given)
            kept = {row.sha256: row.content for row in session.scalars(select(EvidenceRow))}
            moves = [*_unlike_the_ledger(session, found), *unlike_the_ledger(session, found)]
            lost = self.signer.lost(session)
            if key is None and own is not None and self.signer.key_in_force(session) is not None:
                key = own.public
        problems = list(check.problems)
        cited = {str(entry.objects["evidence"]): entry.seq for entry in found if entry.objects.get("evidence")}
        for sha256, seq in cited.items():
            if sha256 not in kept:
                problems.append(f"Evidence {sha256[:12]}, which entry {seq} names, is missing.")
        for sha256, content in kept.items():
            try:
                Evidence.read(content, sha256)
            except ValueError as error:
                problems.append(str(error))
        problems += [*moves, *([lost] if lost else [])]
        signatures = verify_export.check_signatures([entry.to_dict() for entry in found], key)
        problems += [f"{problem[0].upper()}{problem[1:]}." for problem in signatures.problems]
        return LedgerCheck(
            n_entries=check.n_entries,
            head=check.head,
            problems=tuple(problems),
            signature=signatures.said,
            is_signature_checked=signatures.is_checked,
        )

    @allowed(Right.AUDIT)
    def public_key(self, actor: Actor) -> str | None:  # noqa: ARG002
        """The public half of the key in force, as the ledger has it; None while nothing was signed."""
        with self.database.read() as session:
            return self.signer.key_in_force(session)

    @allowed(Right.CONFIGURE)
    def sign(self, actor: Actor) -> Receipt:  # noqa: ARG002
        """Sign the newest entry now.

        Raises
        ------
        InputError
            Without a key, or with another than the one in force.
        """
        with self.database.write() as session:
            return self.signer.sign(session, at=self.clock())

    @allowed(Right.RUN_JOBS)
    def sign_due(self, actor: Actor) -> Receipt | None:  # noqa: ARG002
        """Sign what a day went by since, and decisions made by a program that had no key; None if nothing is due."""
        with self.database.read() as session:
            if self.signer.key is None or not self.signer.is_due(session, at=self.clock()):
                return None
        with self.database.write() as session:
            return self.signer.sign(session, at=self.clock())

    @allowed(Right.ADMINISTER)
    def rotate(self, actor: Actor, new: SigningKey) -> Receipt:
        """Let another key sign from now on; the one in force signs that.

        Raises
        ------
        InputError
            Without the key in force, or if the new one was in force before.
        """
        with self.database.write() as session:
            return self.signer.rotate(session, new, at=self.clock(), actor=actor.name)

    @allowed(Right.AUDIT)
    def export(self, actor: Actor, path: Path) -> Receipt | None:  # noqa: ARG002
        """Write the ledger and all evidence as a zip, with the script that verifies it; the head's receipt."""
        with self.database.read() as session:
            found = entries(session)
            evidence = session.scalars(select(EvidenceRow).order_by(EvidenceRow.sha256)).all()
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("README.txt", README)
                lines = "".join(canonical_json(entry.to_dict()) + "\n" for entry in found)
                archive.writestr("ledger.jsonl", lines)
                for row in evidence:
                    archive.writestr(f"evidence/{row.sha256}.json", row.content)
                archive.write(verify_export.__file__, "verify.py")
        return Receipt(seq=found[-1].seq, hash=found[-1].hash) if found else None


def _unlike_the_ledger(session: Session, found: Sequence[Entry]) -> Iterator[str]:
    """Moves and deployments that differ from their entries: pages show these, so they are held to the chain too."""
    by_seq = {entry.seq: entry for entry in found}
    told: set[int] = set()
    for move in session.scalars(select(ProposalMoveRow).order_by(ProposalMoveRow.id)):
        entry = by_seq.get(move.ledger_seq)
        said = {"proposal": move.proposal_id, "state": move.state, "evidence": move.evidence_sha256, "text": move.text}
        said |= {"details": move.details}
        action = f"proposal.{move.move}".replace(" ", "_")
        agrees = (
            entry is not None
            and (entry.actor, entry.action, entry.at) == (move.actor, action, move.at)
            and {key: entry.objects.get(key) for key in said} == said
        )
        if not agrees:
            yield f"Move {move.id} of proposal {move.proposal_id} isn't what entry {move.ledger_seq} says."
        told.add(move.ledger_seq)
    deployed = {row.proposal_id: row.version for row in session.scalars(select(DeploymentRow))}
    entered = {e.objects.get("proposal"): e.objects.get("version") for e in found if e.action == "version.deploy"}
    for proposal in sorted({*deployed, *entered}, key=str):
        if proposal not in deployed or proposal not in entered or deployed[proposal] != entered[proposal]:
            yield f"What was put in force for proposal {proposal} isn't what the ledger says."
    for policy in session.scalars(select(SigningPolicyRow).order_by(SigningPolicyRow.id)):
        entry = by_seq.get(policy.ledger_seq)
        said = {"proposal": policy.proposal_id, "tier": policy.tier, "rules": policy.rules}
        if entry is None or entry.action != "policy.set" or {key: entry.objects.get(key) for key in said} != said:
            yield f"The policy that proposal {policy.proposal_id} set isn't what entry {policy.ledger_seq} says."
        told.add(policy.ledger_seq)
    yield from _targets_unlike_the_ledger(session, by_seq)
    for alert_move in session.scalars(select(AlertMoveRow).order_by(AlertMoveRow.id)):
        entry = by_seq.get(alert_move.ledger_seq)
        said = {"alert": alert_move.alert_id, "state": alert_move.state, "text": alert_move.text}
        agrees = (
            entry is not None
            and (entry.actor, entry.action, entry.at) == (alert_move.actor, f"alert.{alert_move.move}", alert_move.at)
            and {key: entry.objects.get(key) for key in said} == said
        )
        if not agrees:
            yield f"Move {alert_move.id} of alert {alert_move.alert_id} isn't what entry {alert_move.ledger_seq} says."
        told.add(alert_move.ledger_seq)
    yield from _alerts_unlike_their_moves(session, found)
    for entry in found:
        if entry.action.startswith(("proposal.", "alert.", "policy.")) and entry.seq not in told:
            yield f"The move that entry {entry.seq} tells of is missing."


def _targets_unlike_the_ledger(session: Session, by_seq: Mapping[int, Entry]) -> Iterator[str]:
    """Places that versions go to which nobody is known to have set."""
    for place in session.scalars(select(TargetRow).order_by(TargetRow.id)):
        entry = by_seq.get(place.ledger_seq)
        if entry is None or (entry.action, entry.objects.get("config")) != ("target.set", place.config):
            yield f"The target that row {place.id} names isn't what entry {place.ledger_seq} says."


def _alerts_unlike_their_moves(session: Session, found: Sequence[Entry]) -> Iterator[str]:
    """Alerts whose state isn't the one that their last move led to, or whose evidence isn't what they fired on."""
    states = {row.alert_id: row.state for row in session.scalars(select(AlertMoveRow).order_by(AlertMoveRow.id))}
    fired = {entry.objects.get("alert"): entry.objects for entry in found if entry.action == "alert.fire"}
    for alert in session.scalars(select(AlertRow).order_by(AlertRow.id)):
        entered = fired.get(alert.id, {})
        if alert.state != states.get(alert.id):
            yield f"Alert {alert.id} is {alert.state}, which none of its moves led to."
        if alert.evidence_sha256 != entered.get("evidence"):
            yield f"Alert {alert.id} names other evidence than the ledger says it fired on."
        if not str(entered.get("text", "")).startswith(alert.title):
            yield f"Alert {alert.id} has another title than the ledger says it fired with."
