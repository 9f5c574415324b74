"""The command on one prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.options import HERE, JsonOption, WorkspaceOption, actor, opened
from core.console import print_json, print_table, say

if TYPE_CHECKING:
    from core.services.predictions import AlertThen, Prediction

__all__ = ["prediction"]


def prediction(
    model: str,
    prediction_id: Annotated[str, typer.Argument(metavar="ID", help="As the log names it.")],
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """What is kept of one prediction: its record, the approval in force then, alerts, and what became of it."""
    space = opened(workspace)
    found = space.predictions.show(actor(space), model, prediction_id)
    if json:
        print_json(_plain(found))
        return
    served = f"{found.served_at:%Y-%m-%d %H:%M:%S} UTC" if found.served_at else "at a time that the log doesn't say"
    say(f"{found.prediction_id} of {model}: served {served} by {found.version or 'a version that is not named'}")
    if found.retracted_reason is not None:
        say(f"    retracted  its batch was: {found.retracted_reason}")
    for name, score in found.scores.items():
        say(f"    score      {f'{name} ' if name else ''}{score:.6g}")
    say(f"    prediction {'none' if found.prediction is None else found.prediction}")
    say(f"    label      {'none yet' if found.label is None else found.label}")
    for label in found.labels:
        known = f"known {label.known_at:%Y-%m-%d %H:%M} UTC, " if label.known_at else ""
        say(f"               {label.value}, {known}taken in {label.taken_in_at:%Y-%m-%d %H:%M} UTC from {label.source}")
    say(f"    approval   {_approval(found)}")
    say(f"    record     batch {found.batch} ({found.source}), {found.role}")
    for what, alerts in (("open then", found.alerts_then), ("of window", found.alerts_of_window)):
        for alert in alerts:
            say(f"    {what}  alert {alert.id}, fired {alert.opened_at:%Y-%m-%d}, {_then(alert)}: {alert.title}")
    if found.verdicts and found.window is not None:
        words = ", ".join(f"{verdict.family.replace('_', ' ')} {verdict.status}" for verdict in found.verdicts)
        say(f"    window     {found.window.name}, as known now: {words}")
    values = {**found.features, **found.attributes}
    print_table(["column", "value"], [(name, "" if value is None else value) for name, value in values.items()])


def _approval(found: Prediction) -> str:
    force = found.in_force
    if force is None:
        return "no version was in force"
    by = " and ".join(f"{approval.actor} ({approval.reason})" for approval in force.approvals)
    evidence = ", ".join(dict.fromkeys(approval.evidence_sha256 for approval in force.approvals))
    other = "" if found.is_of_version_in_force else f", another than {found.version}, which served this"
    return (
        f"{force.version} was in force{other}: proposal {force.proposal_id}, approved by {by}, on evidence {evidence}"
    )


def _then(alert: AlertThen) -> str:
    return f"{alert.state_then or 'not fired yet'} then, {alert.state_now} now"


def _plain(found: Prediction) -> dict[str, Any]:
    force = found.in_force
    return {
        "model": found.model,
        "prediction_id": found.prediction_id,
        "role": found.role,
        "batch": found.batch,
        "source": found.source,
        "taken_in_at": found.taken_in_at,
        "retracted_reason": found.retracted_reason,
        "served_at": found.served_at,
        "version": found.version,
        "variant": found.variant,
        "scores": found.scores,
        "prediction": found.prediction,
        "features": found.features,
        "attributes": found.attributes,
        "label": found.label,
        "labels": found.labels,
        "in_force": None
        if force is None
        else {
            "version": force.version,
            "since": force.since,
            "until": force.until,
            "proposal": force.proposal_id,
            "approvals": force.approvals,
        },
        "is_of_version_in_force": found.is_of_version_in_force,
        "window": found.window.name if found.window else None,
        "alerts_then": found.alerts_then,
        "alerts_of_window": found.alerts_of_window,
        "verdicts": [
            {
                "family": verdict.family,
                "status": verdict.status,
                "measure": verdict.measure.to_dict() if verdict.measure else None,
            }
            for verdict in found.verdicts
        ],
    }
