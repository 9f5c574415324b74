"""What to look at before another period becomes the reference: whether it would teach the monitor a fault."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from core.governance.checks import CheckName, Outcome
from core.services.check import Check, Section
from core.services.stretch_checks import gaps_check, told

__all__ = ["baseline_checks"]

ENOUGH_LABELS = 0.9  # of the rows
MUCH_SHORTER = 0.5  # of the rows of the reference in force


def baseline_checks(report: Mapping[str, Any]) -> Iterator[Check]:
    """The checks of evidence for another reference."""
    yield _undisturbed(report["alerts"])
    yield _length(report)
    yield _labelled(report["period"])
    outcome, why, measure = told(report["performance"])
    yield Check(
        name=CheckName.PERFORMANCE,
        title="Performance in the period is no worse than in the reference",
        outcome=outcome,
        why=why,
        rests_on=Section.BESIDE,
        measure=measure,
    )
    if report["gaps"]:
        yield gaps_check(report["gaps"], where="in the period")


def _undisturbed(alerts: list[Mapping[str, Any]]) -> Check:
    """Whether nothing was in alarm in the period: what becomes the reference is taken for what is normal."""
    live = [alert for alert in alerts if alert["is_live"]]
    outcome, why = Outcome.PASS, "Nothing of the period was in alarm."
    if live:
        outcome = Outcome.FAIL
        why = f"The monitor would learn what is in alarm as normal: {_named(live)}, not answered yet."
    elif alerts:
        outcome, why = Outcome.LOOK, f"In alarm in the period, and answered since: {_named(alerts)}."
    return Check(
        name=CheckName.UNDISTURBED,
        title="Nothing was in alarm in the period",
        outcome=outcome,
        why=why,
        rests_on=Section.EVENT,
    )


def _length(report: Mapping[str, Any]) -> Check:
    period, before, least = report["period"], report["reference"], report["least_windows"]
    sizes = f"{period['n_windows']} windows, n {period['n']:,}; before {before['n_windows']}, n {before['n']:,}"
    outcome, why = Outcome.PASS, f"{sizes}."
    if period["n_windows"] < least:
        outcome, why = Outcome.FAIL, f"{sizes}. Fewer than {least} windows arm nothing: no series could alarm."
    elif len(period["versions"]) > 1:
        outcome = Outcome.LOOK
        why = f"{', '.join(period['versions'])} served in it: what differs between them becomes what is normal."
    elif period["n"] < MUCH_SHORTER * before["n"]:
        outcome, why = Outcome.LOOK, f"{sizes}. A smaller reference makes wider limits."
    return Check(
        name=CheckName.LENGTH,
        title="The period is long enough, and of one version",
        outcome=outcome,
        why=why,
        rests_on=Section.EVENT,
    )


def _labelled(period: Mapping[str, Any]) -> Check:
    n, labelled = period["n"], period["n_labelled"]
    enough = labelled >= ENOUGH_LABELS * n
    why = f"{labelled:,} of {n:,} rows have a label."
    if not enough:
        why = f"{why} What needs labels would be held against fewer; later labels don't change the reference."
    return Check(
        name=CheckName.LABELLED,
        title="The labels of the period are in",
        outcome=Outcome.PASS if enough else Outcome.LOOK if labelled else Outcome.FAIL,
        why=why,
        rests_on=Section.BESIDE,
    )


def _named(alerts: list[Mapping[str, Any]]) -> str:
    named = [f"alert {alert['id']} ({', '.join(alert['words'][:3])})" for alert in alerts]
    return ", ".join(named[:3]) + (f" and {len(named) - 3} more" if len(named) > 3 else "")
