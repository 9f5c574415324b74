"""What commands share: their options, the workspace they open, the exit on bad input."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.console import counter, warn
from core.errors import InputError
from core.governance.identity import ANONYMOUS, LOCAL_OPERATOR, Actor, Right

if TYPE_CHECKING:
    from core.workspace import Workspace

__all__ = [
    "HERE",
    "AsKnownOption",
    "EncodingOption",
    "JsonOption",
    "ReasonOption",
    "WorkspaceOption",
    "actor",
    "as_date",
    "count_new",
    "counted",
    "opened",
    "write_out",
]

WorkspaceOption = Annotated[
    Path, typer.Option("--workspace", envvar="PLUMBLINE_WORKSPACE", help="The workspace's folder.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
EncodingOption = Annotated[str, typer.Option(help="How the text is encoded, if not UTF-8: latin-1, cp1252, ...")]
ReasonOption = Annotated[str, typer.Option(help="Why; it is kept in the ledger.")]
AsKnownOption = Annotated[
    str | None,
    typer.Option("--as-known", metavar="DATE", help="As it was known then: without what was taken in later."),
]
HERE = Path("plumbline-workspace")
TOKEN_VARIABLE = "PLUMBLINE_TOKEN"  # noqa: S105 (the variable's name, not a token)
GET_ANOTHER = f'get one with export {TOKEN_VARIABLE}="$(plumbline login NAME)", or unset it to be the local operator.'


def opened(folder: Path, *, create: bool = False) -> Workspace:
    """The workspace of a command."""
    from core.workspace import Workspace  # what it needs takes a second to import: not for --help

    return Workspace.open(folder, create=create)


def actor(workspace: Workspace) -> Actor:
    """Who gives a command: the owner of PLUMBLINE_TOKEN, without it the local operator.

    Raises
    ------
    InputError
        If the token is of nobody: what was meant to be somebody's is never done as somebody else.
    """
    if workspace.reader is not None:
        return workspace.reader
    token = os.environ.get(TOKEN_VARIABLE)
    if token is None:
        return LOCAL_OPERATOR
    if not token.strip():
        raise InputError(f"{TOKEN_VARIABLE} is set and empty; {GET_ANOTHER}")
    owner = workspace.accounts.owner(ANONYMOUS, token.strip())
    if owner is None:
        raise InputError(f"{TOKEN_VARIABLE} is unknown here, has expired or was ended; {GET_ANOTHER}")
    return owner


def count_new(workspace: Workspace, model: str) -> None:
    """Count what isn't counted yet, with a progress bar; who may not count sees what others had counted."""
    who = actor(workspace)
    if not who.may(Right.INGEST):
        warn(f"{who.name} may not count: what wasn't counted before is left out.")
        return
    job = workspace.jobs.recount(who, model)
    if job is not None:
        recount = workspace.profiles.recount(who, model)
        warn(f"{recount.words if recount else 'It is done by now.'} The worker does it: plumbline job show {job.id}")
        return
    with counter("Counting") as step:
        workspace.profiles.refresh(who, model, progress=lambda name, _done, _all: step(1, Path(name).name))


@contextmanager
def counted(folder: Path, model: str, as_known: str | None = None) -> Iterator[Workspace]:
    """The workspace of a command with a model's new records counted; or as it was known at an instant."""
    space, at = opened(folder), as_date(as_known, "--as-known")
    if at is None:
        count_new(space, model)
        yield space
    else:
        with space.as_known(actor(space), model, at) as past:
            yield past


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
