"""Commands on the ledger: verify it, read it, hand it over."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import Annotated

import typer

from core.cli.options import HERE, JsonOption, WorkspaceOption, actor, opened
from core.console import print_json, print_table, say
from core.errors import InputError

__all__ = ["ledger_app"]

ledger_app = typer.Typer(help="Who did what, when: append-only, and chained so that a change shows.")


@ledger_app.command("verify")
def ledger_verify(
    receipts: Annotated[
        list[str] | None,
        typer.Option("--receipt", metavar="N:HASH", help="Kept outside; shows a cut or a rewrite. May be given again."),
    ] = None,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Exit 0 only if the chain holds, all evidence does, and every receipt's entry is there."""
    space = opened(workspace)
    check = space.ledger.verify(actor(space), receipts=tuple(receipts or ()))
    if json:
        head = None if check.head is None else str(check.head)
        print_json({"intact": check.is_intact, "entries": check.n_entries, "head": head, "problems": check.problems})
    else:
        for problem in check.problems:
            say(problem)
        n_receipts = len(receipts or ())
        held = f", and all {n_receipts} receipts with it" if n_receipts else ""
        say(f"All {check.n_entries:,} entries hold{held}." if check.is_intact else "The ledger does not hold.")
        say(f"receipt {check.head}")
    if not check.is_intact:
        raise typer.Exit(1)


@ledger_app.command("list")
def ledger_list(
    newest: Annotated[int, typer.Option(min=1, help="How many.")] = 50,
    before: Annotated[int | None, typer.Option(help="Entries before this number only.")] = None,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """List the newest entries, the newest first."""
    space = opened(workspace)
    found = space.ledger.list(actor(space), before=before, newest=newest)
    if json:
        print_json([entry.to_dict() for entry in found])
        return
    rows = [
        (e.seq, f"{e.at:%Y-%m-%d %H:%M:%S}", e.actor, e.action, json_format.dumps(e.objects, ensure_ascii=False))
        for e in found
    ]
    print_table(["entry", "at (UTC)", "who", "what", "of what"], rows, right=(0,))


@ledger_app.command("export")
def ledger_export(
    out: Annotated[Path, typer.Option(metavar="FILE.zip", help="Where to write it; python verify.py checks it.")],
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Write the ledger and all evidence as a zip that anybody can verify with Python alone."""
    space = opened(workspace)
    try:
        receipt = space.ledger.export(actor(space), out)
    except OSError as error:
        raise InputError(f"{out} can't be written: {error.strerror}; give --out another name.") from error
    if json:
        print_json({"file": str(out), "receipt": None if receipt is None else str(receipt)})
    else:
        say(f"Wrote {out}. Keep the receipt elsewhere: it shows whether anything was cut off or rewritten.")
        say(f"receipt {receipt}")
