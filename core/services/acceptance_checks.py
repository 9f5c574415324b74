"""What to look at before a drift is accepted as harmless: its margin, and what happened in the same windows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from core.governance.checks import CheckName, Outcome
from core.services.check import Check, Section
from core.services.stretch_checks import gaps_check, told

__all__ = ["acceptance_checks"]

MUCH_WIDER = 2.0  # times what was seen: more than that passes unseen too
OWN = ("performance", "concept_drift", "fairness")  # families of what can't be harmless by itself


def acceptance_checks(report: Mapping[str, Any]) -> Iterator[Check]:
    """The checks of evidence for accepting a drift."""
    yield _margin(report)
    yield _performance(report["performance"], report["series"])
    if report["gaps"]:
        yield gaps_check(report["gaps"], where="in the same windows")


def _margin(report: Mapping[str, Any]) -> Check:
    margin, event, words = report["margin"], report["event"], report["margin"]["words_after"]
    outcome, why = Outcome.PASS, f"All that was seen lies within it: {words}."
    if event["size"] is not None and event["unit"] == "sd":
        why = f"What was seen is {event['size']:+.2g} sd [{event['low']:.2g}, {event['high']:.2g}]. {why}"
    if margin["findable"] is None:
        outcome = Outcome.FAIL
        why = f"No move of the series, however large, would be found any more: {words}."
    elif margin["outside"]:
        outcome = Outcome.LOOK
        why = f"It goes on alarming: {', '.join(margin['outside'][:3])} lies beyond it ({words})."
    elif margin["allowed"] is not None and margin["allowed"] > MUCH_WIDER * margin["seen"]:
        outcome = Outcome.LOOK
        why = f"It is {margin['allowed']:.2g} sd, more than twice the {margin['seen']:.2g} sd that were seen at most."
    return Check(
        name=CheckName.MARGIN,
        title="The margin is as wide as what was seen, and no wider",
        outcome=outcome,
        why=why,
        rests_on=Section.EVENT,
    )


def _performance(found: Mapping[str, Any], series: Mapping[str, Any]) -> Check:
    """Whether it is known that the model is no worse in the same windows."""
    outcome, why, measure = told(found)
    if series["family"] in OWN:
        outcome, measure = Outcome.FAIL, ""
        why = f"What is to be accepted is itself how well or how fairly the model decides: {series['words']}."
    return Check(
        name=CheckName.PERFORMANCE,
        title="Performance held in the same windows",
        outcome=outcome,
        why=why,
        rests_on=Section.BESIDE,
        measure=measure,
    )
