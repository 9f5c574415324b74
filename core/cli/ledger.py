"""Commands on the ledger: verify it, read it, hand it over."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import Annotated

import typer

from core.cli.options import HERE, JsonOption, WorkspaceOption, actor, opened
from core.console import print_json, print_table, say
from core.errors import InputError
from core.governance.ledger import Receipt
from core.governance.signing_key import FILE_VARIABLE, SigningKey

__all__ = ["ledger_app"]

ledger_app = typer.Typer(help="Who did what, when: append-only, and chained so that a change shows.")


@ledger_app.command("verify")
def ledger_verify(
    receipts: Annotated[
        list[str] | None,
        typer.Option("--receipt", metavar="N:HASH", help="Kept outside; shows a cut or a rewrite. May be given again."),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(metavar="HEX", help="The public key that you kept; else that of the key which signs here."),
    ] = None,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Exit 0 only if the chain holds, all evidence does, signatures do, and every receipt's entry is there."""
    space = opened(workspace)
    check = space.ledger.verify(actor(space), receipts=tuple(receipts or ()), key=key)
    if json:
        head = None if check.head is None else str(check.head)
        print_json(
            {
                "intact": check.is_intact,
                "entries": check.n_entries,
                "head": head,
                "signature": check.signature,
                "signature_checked": check.is_signature_checked,
                "problems": check.problems,
            }
        )
    else:
        for problem in check.problems:
            say(problem)
        n_receipts = len(receipts or ())
        held = f", and all {n_receipts} receipts with it" if n_receipts else ""
        say(f"All {check.n_entries:,} entries hold{held}." if check.is_intact else "The ledger does not hold.")
        say(check.signature)
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


@ledger_app.command("key")
def ledger_key(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file; only its owner will be able to read it.")],
    json: JsonOption = False,
) -> None:
    """Make a key to sign the ledger with, and print its public half; PLUMBLINE_LEDGER_KEY_FILE names the file."""
    made = SigningKey.make(file)
    if json:
        print_json({"file": str(file), "public_key": made.public})
        return
    say(f"Wrote the private key to {file}: give its name to the worker and the dashboard in {FILE_VARIABLE}.")
    say("Keep the public key elsewhere: others check signatures with it.")
    say(made.public)


@ledger_app.command("sign")
def ledger_sign(workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """Sign the newest entry now; decisions are signed as they are made, the rest daily by the worker."""
    space = opened(workspace)
    who = actor(space)
    _told(space.ledger.sign(who), space.ledger.public_key(who), json=json)


@ledger_app.command("rotate")
def ledger_rotate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The new key, as `plumbline ledger key` made it.")],
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Let another key sign from now on; the key in force signs that, and what it signed still verifies."""
    space = opened(workspace)
    who = actor(space)
    _told(space.ledger.rotate(who, SigningKey.read(file)), space.ledger.public_key(who), json=json)


def _told(receipt: Receipt, public: str | None, *, json: bool) -> None:
    if json:
        print_json({"receipt": str(receipt), "public_key": public})
    else:
        say(f"Signed. The key in force is {public}.")
        say(f"receipt {receipt}")
