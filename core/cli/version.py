"""Commands on a model's versions: register them, look at them, compare them, ask which was in force."""

from __future__ import annotations

import json as json_format
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.options import HERE, JsonOption, WorkspaceOption, actor, as_date, opened
from core.cli.retraining import version_grid
from core.console import print_json, print_table, say
from core.errors import InputError

if TYPE_CHECKING:
    from core.services.version_changes import VersionChanges
    from core.services.versions import Deployment, VersionInfo

__all__ = ["print_comparison", "version_app"]

version_app = typer.Typer(help="Versions that may serve.", no_args_is_help=True)
version_app.command("grid")(version_grid)


@version_app.command("add")
def version_add(
    model: str,
    name: str,
    artefact: Annotated[Path | None, typer.Option(help="The model's file; it is copied, never loaded.")] = None,
    parameters: Annotated[Path | None, typer.Option(help="What it was made with, a JSON file.")] = None,
    parent: Annotated[str | None, typer.Option(help="The version it is to replace.")] = None,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Register a candidate, so that its records are taken in and its promotion can be proposed."""
    space = opened(workspace)
    read = None if parameters is None else _read_parameters(parameters)
    found = space.versions.add(actor(space), model, name, artefact=artefact, parameters=read, parent=parent)
    if json:
        print_json(_plain(found))
    else:
        say(f"Added {found.name}, a {found.state} of {model}.")


@version_app.command("list")
def version_list(model: str, workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """List a model's versions, oldest first."""
    space = opened(workspace)
    found = space.versions.list(actor(space), model)
    if json:
        print_json([_plain(version) for version in found])
        return
    rows = [(v.name, v.state, v.parent or "", v.created_by, f"{v.created_at:%Y-%m-%d %H:%M}") for v in found]
    print_table(["version", "state", "parent", "added by", "at (UTC)"], rows)


@version_app.command("show")
def version_show(model: str, version: str, workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """Show what is registered of a version, and when it was in force."""
    space = opened(workspace)
    who = actor(space)
    found = space.versions.show(who, model, version)
    periods = [d for d in space.versions.history(who, model) if d.version == version]
    if json:
        print_json({**_plain(found), "in_force": [_plain_deployment(d) for d in periods]})
        return
    say(f"{found.name} of {model}: {found.state}, added by {found.created_by} at {found.created_at:%Y-%m-%d %H:%M} UTC")
    say(f"    artefact   {found.artefact_sha256 or 'none'}")
    say(f"    digest     {found.digest}")
    for name, value in (("parent", found.parent), ("parameters", found.parameters), ("training", found.training)):
        if value:
            say(f"    {name:<10} {value if isinstance(value, str) else json_format.dumps(value, ensure_ascii=False)}")
    for deployment in periods:
        say(f"    in force   {_words(deployment)}")


@version_app.command("compare")
def version_compare(
    model: str,
    candidate: str,
    champion: Annotated[str | None, typer.Argument(help="The version in force, if left out.")] = None,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """What gets better and what worse if CANDIDATE replaces CHAMPION, on the rows that both have scored?"""
    space = opened(workspace)
    who = actor(space)
    if champion is None:
        in_force = space.versions.in_force(who, model)
        if in_force is None or in_force.version is None:
            raise InputError(f"No version of {model} is in force: name the one to compare {candidate} with.")
        champion = in_force.version
    found = space.comparisons.compare(who, model, candidate, champion)
    changes = space.comparisons.changes(who, model, candidate, champion)
    if json:
        print_json({**found.to_dict(), "changes": changes})
    else:
        _print_changes(changes)
        print_comparison(found.to_dict())
        _print_held_out(found.to_dict()["result"])
    if found.comparison is None:
        raise typer.Exit(1)


@version_app.command("in-force")
def version_in_force(
    model: str,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="When; now, if left out.")] = None,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Which version was in force, and who had approved that?"""
    space = opened(workspace)
    moment = as_date(at, "--at")
    found = space.versions.in_force(actor(space), model, moment)
    if json:
        print_json(None if found is None else _plain_deployment(found))
    elif found is None:
        say(f"No version of {model} {'is' if moment is None else 'was'} in force{f' at {at}' if at else ''}.")
    else:
        say(f"{found.version}, {_words(found)}")


def print_comparison(found: Mapping[str, Any]) -> None:
    """A comparison in the form that evidence freezes, as a table and words."""
    say(str(found["why"]))
    result = found["result"]
    if result is None:
        return
    rows = [_difference(measure) for measure in result["differences"]]
    header = ["measure", found["champion"], found["candidate"], "difference", "95% interval", "n", "verdict"]
    print_table(header, rows, right=(1, 2, 3, 5))
    scan = result["slices"]
    say(str(scan["why"]))
    for slice_ in scan["worse"]:
        say(f"    {_where(slice_['where'])}: {slice_['measure']} {slice_['why']}")
    for note in result["notes"]:
        say(str(note))


def _print_changes(found: VersionChanges) -> None:
    """What differs between two versions, as far as it was registered."""
    rows = [(str(c.kind), c.name, c.before or "", c.after or "") for c in found.changes]
    if rows:
        print_table(["of", "what", found.champion, found.candidate], rows)
    say(f"Of what was registered, {len(rows):,} differ and {found.n_same:,} are the same.")
    for sentence in found.unknown:
        say(sentence)


def _print_held_out(result: Mapping[str, Any] | None) -> None:
    """What holds for who looks again every day, and which slices the other half of the rows confirms."""
    if result is None:
        return
    if result["at_any_time"] is not None:
        say(f"accuracy, looked at as often as one likes: {result['at_any_time']['why']}")
    if result["confirmation"] is not None:
        say(str(result["confirmation"]["why"]))
        for found in result["confirmation"]["slices"]:
            held_out = found["held_out"]
            verdict = str(held_out["verdict"]).replace("_", " ")
            say(f"    {verdict:<12} {_where(held_out['where'])}: {held_out['measure']} {held_out['why']}")


def _difference(measure: Mapping[str, Any]) -> tuple[str, ...]:
    interval = measure["interval"]
    name = measure["measure"] + (f" of {measure['label_class']}" if measure["label_class"] else "")
    return (
        name,
        _number(measure["champion"]),
        _number(measure["candidate"]),
        _number(measure["difference"], sign="+"),
        f"{_number(interval['low'], sign='+')} to {_number(interval['high'], sign='+')}" if interval else "",
        f"{measure['n']:,}",
        str(measure["verdict"]).replace("_", " "),
    )


def _where(where: Iterable[Iterable[str]]) -> str:
    return " and ".join("=".join(pair) for pair in where)


def _number(value: float | None, *, sign: str = "") -> str:
    return "" if value is None else f"{value:{sign}.4f}"


def _read_parameters(path: Path) -> dict[str, Any]:
    try:
        value = json_format.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}.") from error
    except ValueError as error:  # no UTF-8, or no JSON
        raise InputError(f"{path} is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise InputError(f"{path} holds no JSON object; parameters are names with values.")
    return value


def _plain(version: VersionInfo) -> dict[str, Any]:
    return {
        "version": version.name,
        "state": version.state,
        "artefact": version.artefact_sha256,
        "parameters": version.parameters,
        "training": version.training,
        "parent": version.parent,
        "created_at": version.created_at,
        "created_by": version.created_by,
        "digest": version.digest,
    }


def _plain_deployment(deployment: Deployment) -> dict[str, Any]:
    return {
        "version": deployment.version,
        "since": deployment.since,
        "until": deployment.until,
        "proposal": deployment.proposal_id,
        "kind": deployment.kind,
        "requester": deployment.requester,
        "approvals": deployment.approvals,
    }


def _words(deployment: Deployment) -> str:
    end = f" until {deployment.until:%Y-%m-%d %H:%M} UTC" if deployment.until else ""
    by = " and ".join(f"{a.actor} ({a.reason})" for a in deployment.approvals)
    asked = f"proposal {deployment.proposal_id} of {deployment.requester}, approved by {by}"
    return f"from {deployment.since:%Y-%m-%d %H:%M} UTC{end}: {asked}"
