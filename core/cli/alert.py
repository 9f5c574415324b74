"""Commands that look at alerts and answer them, and those of the alarm policy."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.options import HERE, JsonOption, ReasonOption, WorkspaceOption, actor, count_new, opened
from core.console import print_json, print_table, say
from core.errors import InputError

if TYPE_CHECKING:
    from core.services.alarm_policies import PolicyPreview
    from core.services.alerts import AlertInfo
    from core.workspace import Workspace

__all__ = ["alert_app", "print_promise"]

alert_app = typer.Typer(help="What fired, who has it, and what was done.", no_args_is_help=True)
policy_app = typer.Typer(
    help="What counts as an alarm, and what another policy would have raised.", no_args_is_help=True
)
alert_app.add_typer(policy_app, name="policy")

NOW = {
    "out": "still out",
    "back": "back within its margin",
    "withdrawn": "withdrawn, as its rows changed",
    "judged anew": "judged anew since",
}
NUMBER_HELP = "As `alert list` numbers it."
AlertArgument = Annotated[int, typer.Argument(metavar="ALERT", help=NUMBER_HELP)]
FileArgument = Annotated[
    Path, typer.Argument(metavar="FILE.toml", help="As `alert policy show --json` names its keys.")
]


@alert_app.command("list")
def list_alerts(
    model: Annotated[str | None, typer.Argument(help="Of this model only.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Those that are resolved or harmless too.")] = False,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """List alerts, the one that needs somebody first, and how many false ones to expect."""
    from core.services.promise_words import fleet_promise_words

    space = opened(workspace)
    alerts = space.alerts.list(actor(space), model, live_only=not every)
    promise = space.analysis.promises(actor(space))
    if json:
        print_json({"alerts": [_document(alert) for alert in alerts], "promise": fleet_promise_words(promise)})
        return
    rows = [(str(a.id), a.state, a.model, a.window.name, a.standing, a.title.rstrip(".")) for a in alerts]
    if rows:
        print_table(["alert", "state", "model", "window", "now", "what"], rows)
    else:
        say("No alert." if every else "No live alert.")
    say(fleet_promise_words(promise))


@alert_app.command()
def show(alert: AlertArgument, workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """Show one alert: what moved, as it was frozen when it fired, and every step since."""
    space = opened(workspace)
    found = space.alerts.show(actor(space), alert)
    evidence = space.alerts.evidence(actor(space), alert)
    if json:
        print_json({**_document(found), "evidence": [frozen.report for frozen in evidence]})
        return
    _print_alert(found)
    rows = [
        (
            incident["words"],
            str(incident["leading"]["monitor"]),
            _number(incident["leading"]["reference"]),
            _number(incident["leading"]["value"]),
            f"{round(incident['leading']['n']):,}",
        )
        for frozen in evidence
        for incident in frozen.report["incidents"]
    ]
    print_table(["what", "led by", "reference", "when it fired", "n"], rows, right=(2, 3, 4))
    for move in found.moves:
        say(f"{move.at:%Y-%m-%d %H:%M} UTC  {move.move} by {move.actor}  {move.text}".rstrip())


@alert_app.command()
def acknowledge(
    alert: AlertArgument, reason: ReasonOption = "", workspace: WorkspaceOption = HERE, json: JsonOption = False
) -> None:
    """Say that you look into it."""
    space = opened(workspace)
    _tell(space.alerts.acknowledge(actor(space), alert, reason=reason), json=json)


@alert_app.command()
def resolve(
    alert: AlertArgument, reason: ReasonOption = "", workspace: WorkspaceOption = HERE, json: JsonOption = False
) -> None:
    """Say what was done about it."""
    space = opened(workspace)
    _tell(space.alerts.resolve(actor(space), alert, reason=reason), json=json)


@alert_app.command()
def annotate(
    alert: AlertArgument, reason: ReasonOption = "", workspace: WorkspaceOption = HERE, json: JsonOption = False
) -> None:
    """Say that it is harmless, and why; the limits stay as they are."""
    space = opened(workspace)
    _tell(space.alerts.annotate(actor(space), alert, reason=reason), json=json)


@alert_app.command()
def reopen(
    alert: AlertArgument, reason: ReasonOption = "", workspace: WorkspaceOption = HERE, json: JsonOption = False
) -> None:
    """Take back that it was resolved or harmless."""
    space = opened(workspace)
    _tell(space.alerts.reopen(actor(space), alert, reason=reason), json=json)


@alert_app.command()
def comment(alert: AlertArgument, text: str, workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """Add words; the alert stays as it is."""
    space = opened(workspace)
    _tell(space.alerts.comment(actor(space), alert, reason=text), json=json)


@policy_app.command("show")
def show_policy(model: str, workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """Show what is in force, what its alarms are worth, and what they would have been so far."""
    space = opened(workspace)
    policy = space.alarm_policies.show(actor(space), model)
    preview = space.alarm_policies.preview(actor(space), model)
    if json:
        print_json({"policy": policy.model_dump(mode="json"), "preview": _preview_document(preview)})
        return
    for name, value in policy.model_dump(mode="json").items():
        if value not in ({}, None):
            say(f"{name} = {value}")
    print_promise(space, model)
    _print_events(preview)
    _print_not_watched(preview)


@policy_app.command()
def preview(model: str, file: FileArgument, workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """Show what another policy would have raised; nothing is changed."""
    space = opened(workspace)
    count_new(space, model)
    found = space.alarm_policies.preview(actor(space), model, _read_policy(file))
    if json:
        print_json({"preview": _preview_document(found)})
        return
    _print_events(found)
    _print_back_test(found)
    _print_not_watched(found)


@policy_app.command("set")
def set_policy(
    model: str,
    file: FileArgument,
    reason: ReasonOption = "",
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Give a model another policy; what is judged already stays as it is."""
    space = opened(workspace)
    policy = space.alarm_policies.set(actor(space), model, _read_policy(file), reason=reason)
    if json:
        print_json({"policy": policy.model_dump(mode="json"), "digest": policy.digest})
    else:
        say(f"{model} is judged by this policy from the next window on ({policy.digest[:12]}).")


def print_promise(space: Workspace, model: str) -> None:
    """What the alarms of a model are worth, a line each; silent where nothing is armed."""
    from core.services.observations import Selection
    from core.services.promise_words import promise_words

    who = actor(space)
    watch, context = space.analysis.watch(who, model), space.analysis.context(who, model, Selection())
    if watch is None or watch.promise is None or context is None:
        return
    for head, words in promise_words(watch.promise, context, space.alarm_policies.preview(who, model)):
        say(f"{head}: {words}")


def _tell(alert: AlertInfo, *, json: bool) -> None:
    if json:
        print_json(_document(alert))
    else:
        _print_alert(alert)


def _print_alert(alert: AlertInfo) -> None:
    now = NOW[alert.standing]
    say(f"Alert {alert.id} of {alert.model}, {alert.state}, {now}: {alert.title} Fired in {alert.window.name}.")
    say(f"Evidence {alert.evidence_sha256}")


def _document(alert: AlertInfo) -> dict[str, Any]:
    return {
        "alert": alert.id,
        "model": alert.model,
        "state": alert.state,
        "title": alert.title,
        "set": alert.set,
        "window": alert.window.name,
        "is_out": alert.is_out,
        "standing": alert.standing,
        "opened_at": alert.opened_at.isoformat(),
        "evidence_sha256": alert.evidence_sha256,
        "moves": [
            {
                "move": move.move,
                "state": move.state,
                "actor": move.actor,
                "text": move.text,
                "at": move.at.isoformat(),
                "ledger_seq": move.ledger_seq,
            }
            for move in alert.moves
        ],
    }


def _preview_document(found: PolicyPreview | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "n_windows": found.n_windows,
        "n_armed": found.n_armed,
        "not_armed": dict(found.not_armed),
        "left_out": dict(found.left_out),
        "n_recent": found.n_recent,
        "recent": found.recent_words,
        "expected_false": found.expected_false,
        "events": [
            {
                "window": event.window.name,
                "set": event.set,
                "light": event.light,
                "subjects": list(event.subjects),
                "n_returned": event.n_returned,
            }
            for event in found.events
        ],
    }


def _print_events(found: PolicyPreview | None) -> None:
    if found is None:
        say("There is no reference yet, so nothing can be raised.")
    elif not found.n_armed:
        say("Nothing is armed, so nothing can be raised.")
    elif found.events:
        rows = [
            (event.window.name, event.light, _listed(event.words), f"{event.n_returned} of {len(event.words)}")
            for event in found.events
        ]
        print_table(["window", "light", "what began", "back since"], rows)


def _print_back_test(found: PolicyPreview | None) -> None:
    from core.services.promise_words import back_test_words

    if found is not None and found.n_armed:
        words = back_test_words(found) or "no window is complete yet that could have raised anything."
        say(f"{words[:1].upper()}{words[1:]}")


def _print_not_watched(found: PolicyPreview | None) -> None:
    """What can't alarm, each with its reason; what shares a reason in one line."""
    if found is None:
        return
    by_reason: dict[str, list[str]] = {}
    for name, reason in found.not_armed.items():
        by_reason.setdefault(reason, []).append(name)
    for reason, names in by_reason.items():
        say(f"Not watched: {_listed(names)}. {reason}")
    for column, reason in found.left_out.items():
        say(f"Left out: {column}. It is no measurement: {reason}.")


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words[:3]) + (f" and {len(words) - 3} more" if len(words) > 3 else "")


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _read_policy(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{file} can't be read as TOML: {error}") from error
