"""Commands on sources: tables that are monitored where they lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.options import HERE, JsonOption, WorkspaceOption, actor, opened
from core.console import counter, print_json, say, warn

if TYPE_CHECKING:
    from core.services.sources import SourceInfo

__all__ = ["source_app"]

source_app = typer.Typer(
    help="Tables that are monitored where they lie, in PostgreSQL or on Spark.", no_args_is_help=True
)


@source_app.command("add")
def source_add(
    model: str,
    name: str,
    url: Annotated[str, typer.Option(help="Of the database, without credentials; these come from the environment.")],
    table: Annotated[str, typer.Option(help="Its name, schema.table too; on Spark also a folder of Parquet files.")],
    version: Annotated[str | None, typer.Option(help="The version that made them, if no column says it.")] = None,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Monitor a table from now on; for administrators. Nothing is copied but counts and a sample of rows."""
    space = opened(workspace)
    _tell(space.sources.add(actor(space), model, name, url=url, table=table, version=version), json=json)


@source_app.command("list")
def source_list(model: str, workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """Say which table a model is monitored in, and how far it was read."""
    space = opened(workspace)
    found = space.sources.list(actor(space), model)
    if json:
        print_json(found)
    elif not found:
        say(f"{model} takes its records from files.")
    else:
        for source in found:
            _tell(source, json=False)


@source_app.command("remove")
def source_remove(model: str, name: str, workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """Read a table no more; what was counted stays. For administrators."""
    space = opened(workspace)
    source = space.sources.remove(actor(space), model, name)
    if json:
        print_json(source)
    else:
        say(f"{source.table} is no longer read; what was counted of it stays.")


@source_app.command("read")
def source_read(
    model: str,
    recount: Annotated[
        bool, typer.Option("--recount", help="Count every window, not just those that changed.")
    ] = False,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Count what is new in a model's table: new windows, and old ones with late rows or labels."""
    space = opened(workspace)
    with counter("Counting") as step:
        found = space.sources.read(
            actor(space), model, recount=recount, progress=lambda table, _done, _all: step(1, table)
        )
    if json:
        print_json(found)
        return
    _tell(found.source, json=False)
    say(f"Counted {found.n_rows:,} rows of {found.n_windows:,} windows.")
    if found.n_duplicates:
        warn(f"{found.n_duplicates:,} rows repeat an id and are left out.")
    for column, reason, n in found.reasons:
        warn(f"{n:,} rows of the table are set aside: {column} {reason}")
    if found.kept:
        warn(f"Fewer rows than when they were counted, which stands, have {_named(found.kept)}.")
    if found.lost:
        warn(f"Not held against the reference of now, since their rows are gone, are {_named(found.lost)}.")


def _named(windows: tuple[str, ...]) -> str:
    """How many windows, and the first of them."""
    first = ", ".join(windows[:3]) + (", ..." if len(windows) > 3 else "")
    return f"{len(windows):,} window{'s' if len(windows) > 1 else ''}: {first}"


def _tell(source: SourceInfo, *, json: bool) -> None:
    if json:
        print_json(source)
        return
    upto = f"read up to {source.watermark_at:%Y-%m-%d %H:%M} UTC" if source.watermark_at else "not read yet"
    say(f"{source.model} is monitored in {source.table} at {source.url} as {source.name}; {upto}.")
    for finding in source.findings:
        warn(f"{source.table}: {finding}")
