"""What commands share: their options, the workspace they open, the exit on bad input."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.console import counter
from core.errors import InputError
from core.governance.identity import LOCAL_OPERATOR

if TYPE_CHECKING:
    from core.workspace import Workspace

__all__ = ["HERE", "EncodingOption", "JsonOption", "WorkspaceOption", "as_date", "count_new", "opened", "write_out"]

WorkspaceOption = Annotated[
    Path, typer.Option("--workspace", envvar="PLUMBLINE_WORKSPACE", help="The workspace's folder.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
EncodingOption = Annotated[str, typer.Option(help="How the text is encoded, if not UTF-8: latin-1, cp1252, ...")]
HERE = Path("plumbline-workspace")


def opened(folder: Path, *, create: bool = False) -> Workspace:
    """The workspace of a command."""
    from core.workspace import Workspace  # what it needs takes a second to import: not for --help

    return Workspace.open(folder, create=create)


def count_new(workspace: Workspace, model: str) -> None:
    """Count what isn't counted yet, with a progress bar."""
    with counter("Counting") as step:
        workspace.profiles.refresh(LOCAL_OPERATOR, model, progress=lambda name, _done, _all: step(1, Path(name).name))


def write_out(path: Path, content: bytes) -> None:
    """Write what --out asks for; raises InputError where that place can't be written."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise InputError(f"{path} can't be written: {error.strerror}; give --out another name.") from error


def as_date(text: str | None, option: str) -> datetime | None:
    """A date or instant given as an option; UTC where it names no zone."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"{option} {text!r} is no date such as 2026-03-29.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
