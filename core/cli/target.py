"""Commands on targets: where versions of a model are put in force outside Plumbline."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.options import HERE, JsonOption, WorkspaceOption, actor, opened
from core.console import print_json, say
from core.errors import InputError

if TYPE_CHECKING:
    from core.services.targets import TargetInfo

__all__ = ["target_app"]

target_app = typer.Typer(help="Where versions are put in force: MLflow, a webhook, a command.", no_args_is_help=True)


@target_app.command("set")
def target_set(
    model: str,
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="Its kind and its keys; see docs/targets.md.")],
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Put a model's versions in force there from now on; for administrators. Credentials stay in the environment."""
    try:
        source = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} can't be read: {error}") from error
    space = opened(workspace)
    _tell(space.targets.set(actor(space), model, source, file=file.name), json=json)


@target_app.command("show")
def target_show(model: str, workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """Say where a model's versions are put in force."""
    space = opened(workspace)
    found = space.targets.show(actor(space), model)
    if found is not None:
        _tell(found, json=json)
    elif json:
        print_json(None)
    else:
        say(f"Versions of {model} are put in force in Plumbline's own registry alone.")


@target_app.command("check")
def target_check(model: str, workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """Ask the target what is in force; exit 0 only if that is what is in force here."""
    space = opened(workspace)
    found = space.targets.check(actor(space), model)
    if json:
        print_json(found)
    else:
        word = "as here" if found.agrees else f"but here it is {found.in_force or 'none'}. {found.why}".strip()
        say(f"{found.target.where} says {found.state}, {word}")
        say(found.target.note)
    if not found.agrees:
        raise typer.Exit(1)


@target_app.command("remove")
def target_remove(model: str, workspace: WorkspaceOption = HERE) -> None:
    """Put a model's versions in force in Plumbline's own registry alone; for administrators."""
    space = opened(workspace)
    space.targets.remove(actor(space), model)
    say(f"Versions of {model} are put in force in Plumbline's own registry alone.")


def _tell(found: TargetInfo, *, json: bool) -> None:
    if json:
        print_json(found)
        return
    say(f"Versions of {found.model} are put in force in {found.where}. {found.note}")
    say(f"Set by {found.set_by} at {found.set_at:%Y-%m-%d %H:%M} UTC: {json_format.dumps(found.config)}")
