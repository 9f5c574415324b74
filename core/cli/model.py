"""Commands on models and their schemas."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from core.cli.options import HERE, EncodingOption, JsonOption, WorkspaceOption, actor, count_new, opened, write_out
from core.console import print_json, print_table, say, warn
from core.errors import InputError

__all__ = ["model_app"]

model_app = typer.Typer(help="Models and their schemas.", no_args_is_help=True)


class TaskName(StrEnum):
    """What the model predicts."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"


@model_app.command("infer")
def model_infer(
    file: Path,
    task: Annotated[TaskName | None, typer.Option(help="What the model predicts, if it is known.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the schema here instead of printing it.")] = None,
    encoding: EncodingOption = "utf-8",
) -> None:
    """Propose a schema for a file of prediction logs, with a reason beside each guess."""
    from core.schema import Task
    from core.services.models import propose

    proposal = propose(file, name=str(file), task=None if task is None else Task(task), encoding=encoding)
    if out is None:
        say(proposal.to_toml().rstrip())
        return
    if out.exists():
        raise InputError(f"{out} exists already; give --out another name or remove it.")
    write_out(out, proposal.to_toml().encode())
    n = len(proposal.open_questions)
    warn(f"Wrote {out}. {n} guesses are for you to decide (marked DECIDE)." if n > 0 else f"Wrote {out}.")


@model_app.command("add")
def model_add(
    name: str,
    schema: Annotated[Path, typer.Option(help="The model's schema, a TOML file.")],
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Register a model with its schema."""
    space = opened(workspace, create=True)
    info = space.models.add(actor(space), name, _read(schema), file=str(schema))
    if json:
        print_json({"model": info.name, "schema": info.schema.digest, "task": info.schema.task})
    else:
        say(f"Added {info.name}, a {info.schema.task} model of {len(info.schema.features)} features.")


@model_app.command("update")
def model_update(
    name: str,
    schema: Annotated[Path, typer.Option(help="The new schema, a TOML file.")],
    workspace: WorkspaceOption = HERE,
) -> None:
    """Give a model a new schema; its records are counted anew."""
    space = opened(workspace)
    space.models.update(actor(space), name, _read(schema), file=str(schema))
    count_new(space, name)
    say(f"{name} has the schema of {schema} now.")


@model_app.command("list")
def model_list(workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """List the models."""
    space = opened(workspace)
    infos = space.models.list(actor(space))
    if json:
        print_json([{"model": i.name, "task": i.schema.task, "versions": i.versions} for i in infos])
    else:
        print_table(["model", "task", "versions"], [(i.name, i.schema.task, ", ".join(i.versions)) for i in infos])


@model_app.command("show")
def model_show(name: str, workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """Show a model's schema, and how much is counted by it."""
    space = opened(workspace)
    info = space.models.show(actor(space), name)
    size = space.profiles.size(actor(space), name)
    if json:
        counters = None if size is None else {"most_a_window_and_version": size.n_counters, "cut": size.cut}
        schema = info.schema.model_dump(mode="json")
        print_json({"model": info.name, "versions": info.versions, "schema": schema, "counters": counters})
    else:
        say(info.schema_source.rstrip())
        if size is not None:
            say("\n".join(f"# {' '.join(line.split())}" for line in size.lines()))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text; a schema is a TOML file.") from error
