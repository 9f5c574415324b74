"""Evidence: what a proposal rests on, frozen as canonical JSON and named by its SHA-256."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

__all__ = ["Evidence", "Subject", "canonical_json", "digest_of", "stale_because"]


def canonical_json(value: Any) -> str:
    """The one spelling of a value: keys sorted, no blanks, floats so that they read back exactly.

    Raises
    ------
    ValueError
        If a number isn't finite: JSON has no word for it.
    TypeError
        If a value is neither a mapping, a sequence, text, a number, a truth value nor None.

    References
    ----------
    RFC 8785 (JSON Canonicalization Scheme), doi:10.17487/RFC8785, for sorting and escaping; numbers are
    written as Python's shortest round-trip form.

    Examples
    --------
    >>> canonical_json({"b": [1, 0.1], "a": "é"})
    '{"a":"é","b":[1,0.1]}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest_of(value: Any) -> str:
    """SHA-256 of a value's canonical JSON, in hex.

    Examples
    --------
    >>> digest_of({"a": 1})[:16]
    '015abd7f5cc57a2d'
    """
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Subject:
    """One thing that evidence speaks of, and its digest when the evidence was frozen.

    Examples
    --------
    >>> Subject(kind="batch", name="12", digest="9f2c")
    Subject(kind='batch', name='12', digest='9f2c')
    """

    kind: str
    name: str
    digest: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Frozen evidence: its subjects, and the report that people read. `content` is canonical JSON."""

    sha256: str
    content: str
    subjects: tuple[Subject, ...]
    frozen_at: datetime

    @classmethod
    def freeze(cls, report: Mapping[str, Any], subjects: Sequence[Subject], *, now: datetime) -> Evidence:
        """Freeze a report and what it speaks of."""
        ordered = sorted(subjects)
        content = canonical_json(
            {
                "report": _finite(report),
                "subjects": [{"kind": s.kind, "name": s.name, "digest": s.digest} for s in ordered],
                "frozen_at": now.isoformat(),
            }
        )
        sha256 = hashlib.sha256(content.encode()).hexdigest()
        return cls(sha256=sha256, content=content, subjects=tuple(ordered), frozen_at=now)

    @classmethod
    def read(cls, content: str, sha256: str) -> Evidence:
        """Evidence as it was stored; raises ValueError if the content isn't what the digest names, or no evidence."""
        found = hashlib.sha256(content.encode()).hexdigest()
        if found != sha256:
            raise ValueError(f"Evidence {sha256[:12]} was altered: its content has the digest {found[:12]}.")
        try:
            data = json.loads(content)
            subjects = tuple(Subject(kind=s["kind"], name=s["name"], digest=s["digest"]) for s in data["subjects"])
            frozen_at = datetime.fromisoformat(data["frozen_at"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"Evidence {sha256[:12]} can't be read: it isn't in the form of evidence.") from error
        return cls(sha256=sha256, content=content, subjects=subjects, frozen_at=frozen_at)

    @property
    def report(self) -> dict[str, Any]:
        """What people read."""
        report: dict[str, Any] = json.loads(self.content)["report"]
        return report


def stale_because(
    evidence: Evidence, current: Mapping[tuple[str, str], str | None], *, now: datetime, max_age_days: float
) -> tuple[str, ...]:
    """Why evidence no longer holds: what changed, what is gone, or that it is too old; () while it holds.

    Parameters
    ----------
    current : mapping
        (kind, name) of each subject to its digest now; None or absent where it is gone.
    max_age_days : float
        How long evidence holds if nothing changes.

    Examples
    --------
    >>> from datetime import UTC
    >>> day = datetime(2026, 1, 1, tzinfo=UTC)
    >>> frozen = Evidence.freeze({}, [Subject(kind="version", name="v2", digest="aa")], now=day)
    >>> stale_because(frozen, {("version", "v2"): "bb"}, now=day, max_age_days=14)
    ('version v2 has changed since the evidence was frozen',)
    """
    reasons = []
    for subject in evidence.subjects:
        digest = current.get((subject.kind, subject.name))
        if digest is None:
            reasons.append(f"{subject} is gone")
        elif digest != subject.digest:
            reasons.append(f"{subject} has changed since the evidence was frozen")
    if now - evidence.frozen_at > timedelta(days=max_age_days):
        reasons.append(f"the evidence is older than {max_age_days:g} days")
    return tuple(reasons)


def _finite(value: Any) -> Any:
    """A report in which numbers that JSON can't write are None: what they mean is said in words beside them."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value
