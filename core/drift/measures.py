"""How a number about drift is made a measure, or said to have no value."""

from __future__ import annotations

from functools import partial

from core.measure import Family, Measure, Status

__all__ = ["NO_NUMBER", "NO_REFERENCE_NUMBER", "ZERO_RULE", "drift_measure", "undefined"]

NO_NUMBER = "No row of this window has a number in this column."
NO_REFERENCE_NUMBER = "The reference has no number in this column."
ZERO_RULE = "Jeffreys zero rule (+0.5)"

drift_measure = partial(Measure, family=Family.DATA_DRIFT)


def undefined(measure: str, n: int, why: str) -> Measure:
    """A distance that has no value, and why."""
    return drift_measure(measure=measure, value=None, n=n, convention="", status=Status.UNDEFINED, why=why)
