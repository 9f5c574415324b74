"""What a proposal must show before it is approved, and how long an approval holds."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from core.governance.evidence import digest_of

__all__ = ["Policy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The rules of signing; part of the evidence of every proposal, so that changing them makes it stale.

    Parameters
    ----------
    max_age_days : float
        How many days evidence holds if nothing changes.

    Examples
    --------
    >>> Policy().max_age_days
    14.0
    """

    max_age_days: float = 14.0

    @property
    def digest(self) -> str:
        """Names the rules as they are."""
        return digest_of(asdict(self))
