"""What every analysis hands on: a number with its interval, its n, its convention and its verdict."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

__all__ = ["Family", "Interval", "Measure", "Status"]


class Status(StrEnum):
    """One scale of verdicts for everything; `UNDEFINED` and `INSUFFICIENT` are never good news."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    INSUFFICIENT = "insufficient"
    UNDEFINED = "undefined"


class Family(StrEnum):
    """The question a measure belongs to."""

    DATA_DRIFT = "data_drift"
    CONCEPT_DRIFT = "concept_drift"
    PERFORMANCE = "performance"
    SPC = "spc"
    FAIRNESS = "fairness"
    DATA_QUALITY = "data_quality"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A two-sided interval and the confidence it was made for."""

    low: float
    high: float
    confidence: float = 0.95

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise ValueError(f"An interval needs low <= high, got [{self.low}, {self.high}].")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One number on one window, with all that is needed to judge and to reproduce it.

    ``value`` is None exactly when ``status`` is ``UNDEFINED``, and ``why`` then says why. ``change``
    is the interval of what is judged against ``margin``: the value itself for a distance, the value
    minus ``reference`` for a rate.
    """

    family: Family
    measure: str
    value: float | None
    n: int
    convention: str
    status: Status = Status.INSUFFICIENT
    why: str = ""
    interval: Interval | None = None
    change: Interval | None = None
    reference: float | None = None
    margin: float | None = None
    p_value: float | None = None
    e_value: float | None = None
    model: str = ""
    version: str = ""
    window_start: datetime | None = None
    window_end: datetime | None = None
    window: str = ""
    segment: str = ""
    column: str = ""

    def __post_init__(self) -> None:
        if (self.value is None) != (self.status is Status.UNDEFINED):
            raise ValueError(f"{self.measure}: a value is missing exactly when it is undefined, not {self.status}.")

    def judged(self, status: Status, why: str = "") -> Measure:
        """The same measure with a verdict and its reason."""
        return replace(self, status=status, why=why or self.why)

    def to_dict(self) -> dict[str, Any]:
        """The flat form that ``analyse --json`` prints."""
        return {
            "model": self.model,
            "version": self.version,
            "window": self.window,
            "window_start": self.window_start.isoformat() if self.window_start else None,
            "window_end": self.window_end.isoformat() if self.window_end else None,
            "segment": self.segment,
            "column": self.column,
            "family": str(self.family),
            "measure": self.measure,
            "value": self.value,
            "low": self.interval.low if self.interval else None,
            "high": self.interval.high if self.interval else None,
            "reference": self.reference,
            "p_value": self.p_value,
            "e_value": self.e_value,
            "threshold": self.margin,
            "status": str(self.status),
            "n": self.n,
            "convention": self.convention,
            "why": self.why,
        }
