"""What performance and gaps in a stretch of windows come to, for whoever decides on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.governance.checks import CheckName, Outcome
from core.services.check import Check, Section

__all__ = ["gaps_check", "told"]

LOWER_IS_BETTER = frozenset({"mae", "rmse", "brier_score", "log_loss"})
ENOUGH_LABELS = 0.9  # of the rows


def told(found: Mapping[str, Any]) -> tuple[Outcome, str, str]:
    """Whether it is known that the model is no worse than in the reference; why, and which measure says so."""
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


def gaps_check(gaps: Sequence[Mapping[str, Any]], *, where: str) -> Check:
    """Whether gaps between groups are as they were in the reference; `where` names the windows."""
    out = [gap for gap in gaps if gap["is_out"]]
    wider = [gap for gap in gaps if gap["is_wider"]]
    outcome, why = (
        Outcome.PASS,
        f"None of {len(gaps)} gaps that are watched is shown to be wider than in the reference.",
    )
    if out:
        outcome, why = Outcome.FAIL, f"In alarm {where}: {_named(out)}."
    elif wider:
        outcome, why = (
            Outcome.LOOK,
            f"Wider than in the reference, and not by chance (95%, all gaps together): {_named(wider)}.",
        )
    elif all(gap["low"] is None for gap in gaps):
        outcome, why = Outcome.CANNOT_TELL, "No gap has rows in these windows."
    return Check(
        name=CheckName.GAPS_HELD,
        title=f"Gaps between groups held {where}",
        outcome=outcome,
        why=why,
        rests_on=Section.BESIDE,
    )


def _named(gaps: Sequence[Mapping[str, Any]]) -> str:
    names = [gap["key"].replace("_", " ") for gap in gaps]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
