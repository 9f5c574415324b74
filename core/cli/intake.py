"""Commands that take in records and labels, and look at what came in."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.options import HERE, EncodingOption, JsonOption, WorkspaceOption, actor, count_new, opened, write_out
from core.console import counter, print_json, print_outcomes, print_table, say
from core.record import BatchRole

if TYPE_CHECKING:
    from core.services.intake import Outcome
    from core.workspace import Workspace

__all__ = ["batch_app", "ingest", "labels"]

batch_app = typer.Typer(help="What was taken in.", no_args_is_help=True)


class FileFormat(StrEnum):
    """How a file of logs is written."""

    AUTO = "auto"
    CSV = "csv"
    PARQUET = "parquet"
    JSONL = "jsonl"


def ingest(
    model: str,
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Files, a folder, or - for stdin.")],
    use: Annotated[BatchRole, typer.Option("--as", help="What the records are for.")] = BatchRole.PRODUCTION,
    version: Annotated[str | None, typer.Option(help="The version that made them, if no column says it.")] = None,
    format: Annotated[FileFormat, typer.Option(help="How the files are written.")] = FileFormat.AUTO,  # noqa: A002
    encoding: EncodingOption = "utf-8",
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Take in files of prediction logs; rows that don't fit are set aside with a reason."""
    space = opened(workspace)
    with _paths(files) as (paths, names), counter("Reading") as step:
        outcomes = space.records.add(
            actor(space),
            model,
            paths,
            role=use,
            version=version,
            format=str(format),
            encoding=encoding,
            names=names,
            progress=lambda file, n: step(n, Path(file).name),
        )
    _finish(space, model, outcomes, json=json)


def labels(
    model: str,
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Files, a folder, or - for stdin.")],
    encoding: EncodingOption = "utf-8",
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Take in late labels, joined to their records by id."""
    space = opened(workspace)
    with _paths(files) as (paths, names), counter("Reading") as step:
        outcomes = space.labels.add(
            actor(space),
            model,
            paths,
            encoding=encoding,
            names=names,
            progress=lambda file, n: step(n, Path(file).name),
        )
    _finish(space, model, outcomes, json=json)


@batch_app.command("list")
def batch_list(model: str, workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """List a model's batches."""
    space = opened(workspace)
    infos = space.batches.list(actor(space), model)
    if json:
        print_json(infos)
        return
    rows = [
        (
            i.id,
            i.role if not i.evaluated_version else f"{i.role} of {i.evaluated_version}",
            i.source_name,
            f"{i.n_rows:,}",
            f"{i.n_rejected:,}",
            f"{i.n_duplicates:,}",
            f"{i.created_at:%Y-%m-%d %H:%M}",
            f"retracted: {i.retracted_reason}" if i.retracted_at else "",
        )
        for i in infos
    ]
    print_table(["id", "as", "file", "rows", "set aside", "known", "taken in (UTC)", ""], rows, right=(0, 3, 4, 5))


@batch_app.command("rejects")
def batch_rejects(
    batch: int,
    labels: Annotated[bool, typer.Option("--labels", help="The number is that of a file of late labels.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write them to this CSV file.")] = None,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Show the rows of a batch that were set aside, with line, column and reason."""
    space = opened(workspace)
    table = (space.labels if labels else space.batches).rejects(actor(space), batch)
    if out is not None:
        from core.report.spreadsheet import as_csv

        write_out(out, as_csv(table))
        say(f"Wrote {table.num_rows:,} problems to {out}.")
    elif json:
        print_json(table.to_pylist())
    else:
        rows = [(r["line"], r["column"] or "", r["reason"], r["message"]) for r in table.slice(0, 50).to_pylist()]
        print_table(["line", "column", "reason", "message"], rows, right=(0,))
        if table.num_rows > 50:
            say(f"... and {table.num_rows - 50:,} more; write them all with --out FILE.csv")


@batch_app.command("retract")
def batch_retract(
    batch: int,
    reason: Annotated[str, typer.Option(help="Why the batch is taken out.")],
    workspace: WorkspaceOption = HERE,
) -> None:
    """Take a batch out of every count; it stays on record with the reason."""
    space = opened(workspace)
    info = space.batches.retract(actor(space), batch, reason=reason)
    count_new(space, info.model)  # without a batch of the reference all others are counted on other bins
    say(f"Batch {info.id} ({info.source_name}, {info.n_rows:,} rows) is retracted.")


def _finish(workspace: Workspace, model: str, outcomes: Sequence[Outcome], *, json: bool) -> None:
    """Count what came in, print what became of each file, and fail if one could not be read."""
    count_new(workspace, model)
    if json:
        print_json(outcomes)
    else:
        print_outcomes(outcomes)
    if any(outcome.error is not None for outcome in outcomes):
        raise typer.Exit(2)


@contextmanager
def _paths(arguments: Sequence[str]) -> Iterator[tuple[list[Path], list[str]]]:
    """The files that arguments stand for; what comes on stdin lies in a file while it is needed."""
    from core.services.intake import files_of, spool

    with TemporaryDirectory(prefix="plumbline-") as folder:
        paths, names = [], []
        for argument in arguments:
            if argument == "-":
                spooled = Path(folder) / "stdin"
                spool(sys.stdin.buffer, spooled, name="stdin")
                paths.append(spooled)
                names.append("stdin")
            else:
                found = files_of(Path(argument))
                paths += found
                names += map(str, found)
        yield paths, names
