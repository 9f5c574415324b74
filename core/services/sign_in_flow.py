"""A sign-in through a provider that is under way: what a browser keeps of it, and that it is good for once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

__all__ = ["FLOW_LASTS", "Flow", "SpentFlows", "Way"]

FLOW_LASTS = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What a browser keeps from when it is sent to a provider until it comes back; good for once."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Where a browser is sent to sign in, and what it has to come back with."""

    url: str = field(repr=False)
    flow: Flow


class SpentFlows:
    """Sign-ins that a browser came back from: none counts twice."""

    def __init__(self) -> None:
        self._until: dict[str, datetime] = {}
        self._lock = Lock()

    def spend(self, state: str, now: datetime) -> bool:
        """Whether this is the first time."""
        with self._lock:
            self._until = {known: until for known, until in self._until.items() if until > now}
            is_first = state not in self._until
            self._until[state] = now + FLOW_LASTS
            return is_first
