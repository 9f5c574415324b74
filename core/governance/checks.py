"""The names of what a reviewer looks at, and what each can come to: the words in which a policy asks for them."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["CheckName", "Demand", "Outcome"]


class Outcome(StrEnum):
    """What a check came to, the worst first. CANNOT_TELL is never good news."""

    FAIL = "fail"
    LOOK = "look"
    CANNOT_TELL = "cannot tell"
    PASS = "pass"  # noqa: S105 (no password)


class CheckName(StrEnum):
    """What is checked; COMPARED stands in evidence only where there is no comparison."""

    FRESH = "fresh"
    COMPARED = "compared"
    PRIMARY = "primary_measure"
    GROUPS = "groups"
    GAPS = "gaps"
    SLICES = "slices"
    PROBABILITIES = "probabilities"
    ROWS = "rows"
    MAKING = "making"
    MONITORED = "monitored"
    CAUSE = "cause"
    QUALITY = "quality"
    LABELS = "labels"
    MARGIN = "margin"
    PERFORMANCE = "performance"
    GAPS_HELD = "gaps_held"
    UNDISTURBED = "undisturbed"
    LABELLED = "labelled"
    LENGTH = "length"


class Demand(StrEnum):
    """What a policy asks of a check: to pass, or only not to fail."""

    PASS = "pass"  # noqa: S105 (no password)
    NOT_FAIL = "not fail"

    def is_met_by(self, outcome: Outcome) -> bool:
        """Whether an outcome is good enough.

        Examples
        --------
        >>> Demand.PASS.is_met_by(Outcome.CANNOT_TELL), Demand.NOT_FAIL.is_met_by(Outcome.CANNOT_TELL)
        (False, True)
        """
        return outcome is Outcome.PASS if self is Demand.PASS else outcome is not Outcome.FAIL
