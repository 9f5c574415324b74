"""One thing that a reviewer has to look at: whether it holds, why, and which part of the evidence says so."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.governance.checks import CheckName, Outcome

__all__ = ["Check", "Section"]


class Section(StrEnum):
    """The part of the evidence that a check rests on."""

    FROZEN = "frozen"
    DIFFERENCES = "differences"
    GROUPS = "groups"
    SLICES = "slices"
    MONITORING = "monitoring"
    MAKING = "making"
    EVENT = "event"
    BESIDE = "beside"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line, by the name that a policy asks for it.

    ``measure`` and ``where`` say what ``why`` speaks of, '' where it says so itself.
    """

    name: CheckName
    title: str
    outcome: Outcome
    why: str
    rests_on: Section
    measure: str = ""
    where: str = ""
