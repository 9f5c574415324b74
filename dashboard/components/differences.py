"""What frozen comparisons have in common: verdicts as chips, whom a number is of, and which comes first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.compare.verdicts import Verdict

__all__ = ["CHIPS", "UNKNOWN", "Data", "parts_of", "place_of", "worst_first"]

Data = Mapping[str, Any]
CHIPS = {
    Verdict.BETTER: ("green", "arrow_upward", "Better"),
    Verdict.NO_WORSE: ("green", "check", "No worse"),
    Verdict.SAME: ("gray", "equal", "Same"),
    Verdict.CHANGED: ("orange", "change_history", "Changed"),
    Verdict.WORSE: ("red", "arrow_downward", "Worse"),
    Verdict.CANNOT_TELL: ("gray", "hourglass_empty", "Can't tell"),
    Verdict.INSUFFICIENT: ("gray", "hourglass_empty", "Not enough data"),
    Verdict.UNDEFINED: ("gray", "block", "Undefined"),
}
ORDER = (Verdict.WORSE, Verdict.CHANGED, Verdict.CANNOT_TELL, Verdict.INSUFFICIENT, Verdict.UNDEFINED)
UNKNOWN = (Verdict.INSUFFICIENT, Verdict.UNDEFINED)


def parts_of(found: Data) -> list[str]:
    """The columns and values that the rows share."""
    return [f"{column} {value}" for column, value in found["where"]]


def place_of(found: Data) -> str:
    """Whom a number is of; '' for everyone."""
    return " and ".join(parts_of(found))


def worst_first(found: Data) -> tuple[int, float]:
    """Sorts by verdict, then by size."""
    verdict = Verdict(found["verdict"])
    size = found["difference"] if "difference" in found else found["change"]
    return (ORDER.index(verdict) if verdict in ORDER else len(ORDER), -abs(size or 0.0))
