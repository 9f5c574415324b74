"""Sign the ledger's head: each signature is an entry itself, so that the ledger carries them and covers them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import InputError
from core.governance.identity import SIGNER_NAME
from core.governance.ledger import GENESIS, Entry, Receipt
from core.governance.proposals import AFTER_DECIDING, DECISIONS
from core.governance.signing_key import FILE_VARIABLE, KEY_VARIABLE, SigningKey
from core.governance.verify_export import NEW_KEY, SIGNED, head_statement, key_statement
from core.storage.database import take_lock
from core.storage.ledger import append, entries, head
from core.storage.signing import LedgerRow

__all__ = ["LedgerSigner"]

DECIDED = frozenset(f"proposal.{move}".replace(" ", "_") for move in DECISIONS | AFTER_DECIDING)


@dataclass(slots=True, kw_only=True)
class LedgerSigner:
    """Signs with the key that `load` finds, which is looked for when it is first needed. Checks no rights of its own.

    `witness` is a file beside the key that keeps the receipt of a signature: a ledger that doesn't hold that any
    more, because its database was rewritten, isn't signed. None where the key has no file.
    """

    load: Callable[[], SigningKey | None]
    witness: Path | None = None
    _found: list[SigningKey | None] = field(default_factory=list)

    @property
    def key(self) -> SigningKey | None:
        """The key; None where none is configured. Raises InputError where one is and can't be read."""
        if not self._found:
            self._found.append(self.load())
        return self._found[0]

    def key_in_force(self, session: Session) -> str | None:
        """The public half of the key that signs, as the ledger has it; None while there is none."""
        found = entries(session, action=NEW_KEY, newest=1)
        return str(found[0].objects.get("key")) if found else None

    def is_due(self, session: Session, *, at: datetime) -> bool:
        """Whether something happened that isn't signed for a day, or a decision that isn't signed at all."""
        last = _last_signature(session)
        if last is None:  # somebody has to bring the key in
            return False
        since = set(session.scalars(select(LedgerRow.action).where(LedgerRow.seq > last.seq).distinct()))
        is_of_before = last.at.astimezone(UTC).date() < at.astimezone(UTC).date()
        return bool(since & DECIDED) or (bool(since) and is_of_before)

    def note(self, session: Session, *, at: datetime) -> None:
        """Sign a decision in its own transaction, if this program has the key in force; else one that has it will."""
        key = self.key
        if key is not None and key.public == self.key_in_force(session):
            self.sign(session, at=at)

    def sign(self, session: Session, *, at: datetime) -> Receipt:
        """Sign the newest entry; the first signature brings the key in.

        Raises
        ------
        InputError
            Without a key, with another than the one in force, or if the ledger isn't the one that was signed before.
        """
        take_lock(session, "ledger")  # the head may not move between signing it and appending that
        self._check_witness(session)
        key, in_force = self.key, self.key_in_force(session)
        if key is None or (in_force is not None and key.public != in_force):
            raise InputError(_why_not(key, in_force))
        if in_force is None:
            return self._bring_in(session, key, previous=None, at=at, actor=SIGNER_NAME)
        signed = str(head(session))
        objects = {"key": key.public, "head": signed, "signature": key.sign(head_statement(signed, _iso(at)))}
        return append(session, at=at, actor=SIGNER_NAME, action=SIGNED, objects=objects)

    def lost(self, session: Session) -> str:
        """What the ledger should hold by the witness and doesn't, in words; '' where it does, or there is none."""
        if self.witness is None or not self.witness.is_file():
            return ""
        try:
            kept = Receipt.parse(self.witness.read_text())
        except (OSError, ValueError):
            return f"The witness {self.witness} can't be read."
        row = session.get(LedgerRow, kept.seq)
        if row is not None and row.hash == kept.hash:
            return ""
        return (
            f"The ledger doesn't hold entry {kept.seq} as it was signed: it was cut off or rewritten. If an older "
            f"state was restored on purpose, remove {self.witness}."
        )

    def _check_witness(self, session: Session) -> None:
        """Refuse another ledger than the one signed before; keep the newest signature that surely is committed."""
        if lost := self.lost(session):
            raise InputError(f"{lost} It isn't signed.")
        last = _last_signature(session)
        if self.witness is not None and last is not None:
            with suppress(OSError):  # such as a folder of secrets that can't be written
                self.witness.write_text(f"{last.seq}:{last.hash}\n")

    def rotate(self, session: Session, new: SigningKey, *, at: datetime, actor: str) -> Receipt:
        """Let another key sign from now on; raises InputError without the key in force."""
        take_lock(session, "ledger")
        self._check_witness(session)
        in_force = self.key_in_force(session)
        if self.key is None or in_force is None or self.key.public != in_force:
            raise InputError(_why_not(self.key, in_force))
        if new.public in {str(entry.objects.get("key")) for entry in entries(session, action=NEW_KEY)}:
            raise InputError(
                f"The key {new.public[:12]}… signed here already: make another with `plumbline ledger key`."
            )
        return self._bring_in(session, new, previous=self.key, at=at, actor=actor)

    def _bring_in(
        self, session: Session, new: SigningKey, *, previous: SigningKey | None, at: datetime, actor: str
    ) -> Receipt:
        newest = head(session)
        signed = f"0:{GENESIS}" if newest is None else str(newest)
        statement = key_statement(new.public, signed, _iso(at))
        objects: dict[str, Any] = {
            "key": new.public,
            "previous": None if previous is None else previous.public,
            "head": signed,
            "proof": new.sign(statement),
            "signature": None if previous is None else previous.sign(statement),
        }
        return append(session, at=at, actor=actor, action=NEW_KEY, objects=objects)


def _last_signature(session: Session) -> Entry | None:
    found = [*entries(session, action=NEW_KEY, newest=1), *entries(session, action=SIGNED, newest=1)]
    return max(found, key=lambda entry: entry.seq, default=None)


def _iso(at: datetime) -> str:
    """The time as entries have it."""
    return at.astimezone(UTC).isoformat()


def _why_not(key: SigningKey | None, in_force: str | None) -> str:
    if key is None:
        return (
            f"There is no key to sign with: set {FILE_VARIABLE} to a file that `plumbline ledger key FILE` made, "
            f"or {KEY_VARIABLE} to its content."
        )
    if in_force is None:
        return "Nothing was signed here yet: `plumbline ledger sign` brings in the key that is configured."
    return (
        f"The key that is configured, {key.public[:12]}…, isn't the one in force, {in_force[:12]}…: configure that "
        "one, or let it hand over with `plumbline ledger rotate`."
    )
