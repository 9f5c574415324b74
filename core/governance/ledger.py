"""The ledger's entries: each holds the hash of the one before, so that no one can be changed unseen.

A chain alone can't show that its end was cut off, or that all of it was written anew: a receipt kept
elsewhere (entry number and hash) can.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from core.governance.evidence import canonical_json

__all__ = ["GENESIS", "Entry", "LedgerCheck", "Receipt", "check_chain", "next_entry"]

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry: who did what to which objects, when, and the chain."""

    seq: int
    at: datetime
    actor: str
    action: str
    objects: Mapping[str, Any]
    previous_hash: str
    hash: str

    def computed_hash(self) -> str:
        """The hash that this entry should have."""
        body = {
            "seq": self.seq,
            "at": self.at.astimezone(UTC).isoformat(),
            "actor": self.actor,
            "action": self.action,
            "objects": dict(self.objects),
            "previous_hash": self.previous_hash,
        }
        return hashlib.sha256(canonical_json(body).encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """The form that is exported, one JSON line an entry."""
        return {
            "seq": self.seq,
            "at": self.at.astimezone(UTC).isoformat(),
            "actor": self.actor,
            "action": self.action,
            "objects": dict(self.objects),
            "previous_hash": self.previous_hash,
            "hash": self.hash,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """An entry's number and hash, to be kept outside: it shows later whether the ledger still holds it.

    Examples
    --------
    >>> str(Receipt(seq=7, hash="ab" * 32))[:12]
    '7:ababababab'
    >>> Receipt.parse("7:" + "ab" * 32).seq
    7
    """

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> Receipt:
        """Read a receipt as it is printed; raises ValueError."""
        seq, _, digest = text.strip().partition(":")
        if (
            not (seq.isascii() and seq.isdigit())
            or len(digest) != 64
            or not all(char in "0123456789abcdef" for char in digest)
        ):
            raise ValueError(f"{text!r} is no receipt; one reads like 41:9f2c... with 64 hex digits.")
        return cls(seq=int(seq), hash=digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerCheck:
    """What verifying found: how many entries hold, the head, and every problem in words.

    `signature` says up to where the ledger is signed, or why that wasn't checked (`is_signature_checked`).
    """

    n_entries: int
    head: Receipt | None
    problems: tuple[str, ...]
    signature: str = "signature not checked"
    is_signature_checked: bool = False

    @property
    def is_intact(self) -> bool:
        """Whether nothing was found."""
        return not self.problems


def next_entry(previous: Receipt | None, *, at: datetime, actor: str, action: str, objects: Mapping[str, Any]) -> Entry:
    """The entry that follows `previous` (None begins the ledger).

    Examples
    --------
    >>> first = next_entry(None, at=datetime(2026, 1, 1, tzinfo=UTC), actor="a", action="model.add", objects={})
    >>> first.seq, first.previous_hash == GENESIS, first.hash == first.computed_hash()
    (1, True, True)
    """
    draft = Entry(
        seq=1 if previous is None else previous.seq + 1,
        at=at,
        actor=actor,
        action=action,
        objects=objects,
        previous_hash=GENESIS if previous is None else previous.hash,
        hash="",
    )
    return Entry(
        seq=draft.seq,
        at=draft.at,
        actor=draft.actor,
        action=draft.action,
        objects=draft.objects,
        previous_hash=draft.previous_hash,
        hash=draft.computed_hash(),
    )


def check_chain(entries: Iterable[Entry], *, receipts: Iterable[Receipt] = ()) -> LedgerCheck:
    """Is the chain unbroken, and does it still hold what the receipts were given for?

    Parameters
    ----------
    entries : iterable of Entry
        In the order of their numbers.
    receipts : iterable of Receipt
        Kept outside.

    Returns
    -------
    LedgerCheck
        Each problem names the entry: edited, missing, out of order, cut off.

    Examples
    --------
    >>> one = next_entry(None, at=datetime(2026, 1, 1, tzinfo=UTC), actor="a", action="x", objects={})
    >>> two = next_entry(Receipt(seq=1, hash=one.hash), at=one.at, actor="a", action="y", objects={})
    >>> check_chain([one, two]).is_intact, check_chain([two]).problems
    (True, ('Entry 1 is missing: entry 2 comes first.',))
    """
    problems: list[str] = []
    hashes: dict[int, str] = {}
    head: Receipt | None = None
    n_entries = 0
    for entry in entries:
        n_entries += 1
        expected = 1 if head is None else head.seq + 1
        if entry.seq != expected:
            after = "comes first" if head is None else f"follows entry {head.seq}"
            problems.append(f"Entry {expected} is missing: entry {entry.seq} {after}.")
        elif entry.previous_hash != (GENESIS if head is None else head.hash):
            problems.append(f"Entry {entry.seq} doesn't follow the entry before it: one of the two was replaced.")
        if entry.hash != entry.computed_hash():
            problems.append(f"Entry {entry.seq} was edited: its content doesn't have its hash.")
        head = Receipt(seq=entry.seq, hash=entry.hash)
        hashes[entry.seq] = entry.hash
    for receipt in receipts:
        if receipt.seq not in hashes:
            problems.append(f"The receipt for entry {receipt.seq} has no entry: the ledger was cut off or rewritten.")
        elif hashes[receipt.seq] != receipt.hash:
            problems.append(f"Entry {receipt.seq} is not the one its receipt was given for: the ledger was rewritten.")
    return LedgerCheck(n_entries=n_entries, head=head, problems=tuple(problems))
