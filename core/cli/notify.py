"""Commands on what people are told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.options import HERE, JsonOption, WorkspaceOption, actor, opened
from core.console import print_json, print_table, say

if TYPE_CHECKING:
    from core.services.notifications import NoticeChoice

__all__ = ["notify_app"]

notify_app = typer.Typer(help="What you are told, where and how often; by Apprise.", no_args_is_help=True)


@notify_app.command("set")
def notify_set(
    events: Annotated[
        list[str] | None,
        typer.Option("--event", help="alert, review wanted, decided, condition due, job failed; may be given again."),
    ] = None,
    rhythm: Annotated[str, typer.Option(help="at once, or daily: all of a day in one message.")] = "at once",
    variable: Annotated[
        str | None, typer.Option(help="A team's environment variable, PLUMBLINE_NOTIFY_TEAM_..., instead of your own.")
    ] = None,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Choose what to be told; no --event is nothing. The address is in an environment variable of the worker."""
    space = opened(workspace)
    chosen = space.notifications.choose(actor(space), events=events or (), rhythm=rhythm, variable=variable)
    _tell(chosen, json=json)


@notify_app.command("show")
def notify_show(workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """Show what you chose, and what you were told."""
    space = opened(workspace)
    who = actor(space)
    chosen, told = space.notifications.choice(who), space.notifications.list(who)
    if json:
        print_json({"choice": chosen, "notices": told})
        return
    _tell(chosen, json=False)
    rows = [
        (f"{n.created_at:%Y-%m-%d %H:%M}", n.event, n.title, "sent" if n.sent_at else n.error or "waits for a worker")
        for n in told
    ]
    print_table(["at (UTC)", "event", "what", ""], rows)


@notify_app.command("test")
def notify_test(workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """Send yourself a test now, from this program; exit 0 only if it was taken."""
    space = opened(workspace)
    variable = space.notifications.test_now(actor(space))
    if json:
        print_json({"sent": True, "variable": variable})
    else:
        say(f"Sent, by what {variable} holds.")


def _tell(chosen: NoticeChoice | None, *, json: bool) -> None:
    if json:
        print_json(chosen)
    elif chosen is None or not chosen.events:
        say("You are told nothing: choose with `plumbline notify set --event 'review wanted'`.")
    else:
        here = "" if chosen.is_set else " (not set here; it has to be where the worker runs)"
        say(f"You are told of {', '.join(chosen.events)}, {chosen.rhythm}, by what {chosen.variable} holds{here}.")
