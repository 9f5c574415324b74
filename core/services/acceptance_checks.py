"""What to look at before a drift is accepted as harmless: its margin, and what happened in the same windows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from core.governance.checks import CheckName, Outcome
from core.services.acceptance_evidence import LOWER_IS_BETTER
from core.services.check import Check, Section

__all__ = ["acceptance_checks"]

MUCH_WIDER = 2.0  # times what was seen: more than that passes unseen too
ENOUGH_LABELS = 0.9  # of the rows
OWN = ("performance", "concept_drift", "fairness")  # families of what can't be harmless by itself


def acceptance_checks(report: Mapping[str, Any]) -> Iterator[Check]:
    """The checks of evidence for accepting a drift."""
    yield _margin(report)
    yield _performance(report["performance"], report["series"])
    if report["gaps"]:
        yield _gaps(report["gaps"])


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
    outcome, why, measure = _told(found)
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


def _told(found: Mapping[str, Any]) -> tuple[Outcome, str, str]:
    labels = (
        f"{found['n_labelled']:,} of {found['n']:,} rows have a label; {found['n_windows_labelled']} of "
        f"{found['n_windows']} windows have labels old enough to be judged by"
    )
    if found["alarms"]:
        return Outcome.FAIL, f"In alarm in the same windows: {', '.join(found['alarms'])}.", ""
    fell = [measure for measure in found["measures"] if _worse(measure) is not None]
    for measure in fell:
        least, most = _worse(measure) or (0.0, 0.0)
        if least > 0:
            margin = measure["threshold"]
            beyond = margin is None or most > margin
            words = f"It is worse by {least:.3g} to {most:.3g} than in the reference (n {measure['n']:,})"
            limit = "" if margin is None else f"; {margin:.3g} doesn't matter"
            return (Outcome.FAIL if beyond else Outcome.LOOK), f"{words}{limit}.", measure["measure"]
    if not found["n_windows_labelled"] or not fell:
        return Outcome.LOOK, f"No labels: {labels}. That the model is no worse isn't known.", ""
    if found["n_labelled"] < ENOUGH_LABELS * found["n"] or found["n_windows_labelled"] < found["n_windows"]:
        return Outcome.LOOK, f"Labels are missing: {labels}. What is measured is no worse.", ""
    if not all(measure["is_of_all_rows"] for measure in fell):
        return Outcome.LOOK, "Labels came with one decision only: of the other rows nothing is known.", ""
    for measure in fell:
        _, most = _worse(measure) or (0.0, 0.0)
        if measure["threshold"] is not None and most > measure["threshold"]:
            why = f"It may be worse by up to {most:.3g}: too few rows to rule out more than {measure['threshold']:.3g}."
            return Outcome.CANNOT_TELL, why, measure["measure"]
    names = ", ".join(measure["measure"].replace("_", " ") for measure in fell)
    return Outcome.PASS, f"No worse by more than the margin: {names}. {labels}.", ""


def _worse(measure: Mapping[str, Any]) -> tuple[float, float] | None:
    """By how much a measure is worse than in the reference, at least and at most; None where that isn't known."""
    low, high = measure["change_low"], measure["change_high"]
    if low is None or high is None:
        return None
    return (low, high) if measure["measure"] in LOWER_IS_BETTER else (-high, -low)


def _gaps(gaps: list[Mapping[str, Any]]) -> Check:
    out = [gap for gap in gaps if gap["is_out"]]
    wider = [gap for gap in gaps if gap["low"] is not None and _is_wider(gap)]
    outcome, why = Outcome.PASS, f"None of {len(gaps)} gaps that are watched is wider than in the reference."
    if out:
        outcome, why = Outcome.FAIL, f"In alarm in the same windows: {_named(out)}."
    elif wider:
        outcome, why = Outcome.LOOK, f"Wider than in the reference, by what chance alone seldom does: {_named(wider)}."
    elif all(gap["low"] is None for gap in gaps):
        outcome, why = Outcome.CANNOT_TELL, "No gap has rows in these windows."
    return Check(
        name=CheckName.GAPS_HELD,
        title="Gaps between groups held in the same windows",
        outcome=outcome,
        why=why,
        rests_on=Section.BESIDE,
    )


def _is_wider(gap: Mapping[str, Any]) -> bool:
    """Whether a whole interval lies farther from 0 than the reference's gap, on its side or across."""
    reference = gap["reference"]
    return bool(gap["low"] > abs(reference) or gap["high"] < -abs(reference))


def _named(gaps: list[Mapping[str, Any]]) -> str:
    names = [gap["key"].replace("_", " ") for gap in gaps]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
