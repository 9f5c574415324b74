"""Signing in by command, and the accounts: whose token it is decides who gives a command."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.governance.identity import LOCAL_OPERATOR as ME
from tests.builders import SCHEMA, rows, write_csv
from tests.governed import MODEL, PASSWORD, Governed, build
from tests.people import Person, sign_in

ROOT = Path(__file__).resolve().parents[3]
SECRET = (PASSWORD + "\n").encode()


@pytest.fixture
def governed(tmp_path: Path) -> Iterator[Governed]:
    found = build(tmp_path)
    yield found
    found.workspace.close()


@pytest.fixture
def operator(governed: Governed) -> Person:
    return Person(workspace=governed.workspace.folder)


def test_login_prints_the_token_alone_and_says_the_rest_on_stderr(operator: Person) -> None:
    ran = operator("login", "ada", stdin=SECRET)
    assert ran.code == 0
    assert len(ran.out.split()) == 1
    assert len(ran.out.strip()) > 40
    assert ran.err.startswith("Signed in as ada until ")
    assert PASSWORD not in ran.out + ran.err
    as_json = operator("login", "ada", "--json", stdin=SECRET).json
    assert (as_json["name"], sorted(as_json)) == ("ada", ["expires_at", "name", "token"])


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "message"),
    [
        (["ada"], b"not her password\n", 1, "The name or the password is wrong."),
        (["nobody"], SECRET, 1, "The name or the password is wrong."),
        (["ada"], b"", 2, "There is no password: give it as the first line of stdin"),
        ([], SECRET, 2, "Say who signs in: plumbline login NAME."),
    ],
)
def test_a_login_that_fails_prints_no_token(
    operator: Person, arguments: list[str], stdin: bytes, code: int, message: str
) -> None:
    ran = operator("login", *arguments, stdin=stdin)
    assert (ran.code, ran.out) == (code, "")
    assert message in ran.err


def test_the_owner_of_the_token_is_who_did_it(governed: Governed, operator: Person, tmp_path: Path) -> None:
    ada, folder = sign_in(operator.workspace, "ada"), tmp_path
    more = write_csv(folder / "more.csv", rows(20, prefix="more"))
    (folder / "schema.toml").write_text(SCHEMA)
    for by, name in ((ada, "by-ada"), (operator, "by-operator")):
        assert by("model", "add", name, "--schema", folder / "schema.toml").code == 0
    assert ada("ingest", MODEL, more).code == 0
    batch = governed.workspace.batches.list(ME, MODEL)[-1].id
    assert ada("batch", "retract", batch, "--reason", "a test").code == 0
    assert ada("version", "add", MODEL, "v8").code == 0
    entries = {(entry.action, entry.actor) for entry in governed.workspace.ledger.list(ME, newest=5)}
    assert entries == {
        ("model.add", "ada"),
        ("model.add", "local operator"),
        ("batch.add", "ada"),
        ("batch.retract", "ada"),
        ("version.add", "ada"),
    }


def test_who_may_only_look_takes_nothing_in_and_sees_what_was_counted(operator: Person, tmp_path: Path) -> None:
    vera = sign_in(operator.workspace, "vera")
    ran = vera("ingest", MODEL, write_csv(tmp_path / "more.csv", rows(20, prefix="more")))
    assert (ran.code, ran.out) == (1, "")
    assert "vera (viewer) may not add: it needs the right to ingest" in ran.err
    looked = vera("analyse", MODEL, "--json")
    assert (looked.code, bool(looked.json["measures"])) == (0, True)
    assert looked.err == "vera may not count: what wasn't counted before is left out.\n"
    for command in (["model", "list"], ["model", "show", MODEL], ["batch", "list", MODEL], ["version", "list", MODEL]):
        assert vera(*command).code == 0


@pytest.mark.parametrize(
    ("token", "message"), [("made-up", "is unknown here, has expired"), ("  ", "is set and empty")]
)
def test_a_token_of_nobody_is_nobodys_command(operator: Person, token: str, message: str) -> None:
    ran = Person(workspace=operator.workspace, token=token)("model", "list")
    assert (ran.code, ran.out) == (2, "")
    assert f"PLUMBLINE_TOKEN {message}" in ran.err
    assert 'export PLUMBLINE_TOKEN="$(plumbline login NAME)"' in ran.err


def test_an_administrator_makes_changes_and_ends_accounts(operator: Person) -> None:
    root = sign_in(operator.workspace, "root")
    added = root("account", "add", "mia", "--role", "engineer", "--role", "auditor", stdin=b"a long password\n")
    assert (added.code, added.out) == (0, "mia (engineer, auditor) may sign in now.\n")
    mia = sign_in(operator.workspace, "mia", "a long password")
    assert mia("ledger", "verify").code == 0
    assert mia("account", "list").code == 1
    assert root("account", "roles", "mia", "--role", "viewer").out == "mia (viewer) has these roles from now on.\n"
    assert mia("ledger", "verify").code == 1
    assert root("account", "password", "mia", stdin=b"another password\n").code == 0
    assert mia("model", "list").code == 2
    again = sign_in(operator.workspace, "mia", "another password")
    assert root("account", "disable", "mia").out == "mia (viewer) can't sign in any more.\n"
    assert again("model", "list").code == 2
    listed = {account["name"]: account for account in root("account", "list", "--json").json}
    assert (listed["mia"]["roles"], listed["mia"]["is_disabled"]) == (["viewer"], True)
    assert "password" not in " ".join(listed["mia"])
    assert "ended" in root("account", "list").out


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "message"),
    [
        (["add", "ada", "--role", "viewer"], SECRET, 2, "There is an account 'ada' already."),
        (["add", "mia"], SECRET, 2, "An account needs one or more of the roles"),
        (["add", "mia", "--role", "worker"], SECRET, 2, "No role of an account 'worker'"),
        (["add", "mia", "--role", "viewer"], b"short\n", 2, "A password needs 10 to"),
        (["roles", "nobody", "--role", "viewer"], b"", 2, "No account 'nobody'"),
        (["disable", "root"], b"", 2, "That would leave no administrator"),
    ],
)
def test_wrong_accounts_are_refused(
    operator: Person, arguments: list[str], stdin: bytes, code: int, message: str
) -> None:
    ran = sign_in(operator.workspace, "root")("account", *arguments, stdin=stdin)
    assert (ran.code, ran.out) == (code, "")
    assert message in ran.err


def test_the_first_account_is_an_administrators_and_after_it_the_operator_adds_none(tmp_path: Path) -> None:
    operator = Person(workspace=tmp_path / "workspace")
    (tmp_path / "schema.toml").write_text(SCHEMA)
    operator("model", "add", MODEL, "--schema", tmp_path / "schema.toml")
    refused = operator("account", "add", "ada", "--role", "engineer", stdin=SECRET)
    assert refused.code == 2
    assert "The first account is an administrator's" in refused.err
    assert operator("account", "add", "root", stdin=SECRET).out == "root (admin) may sign in now.\n"
    refused = operator("account", "add", "mallory", "--role", "admin", stdin=SECRET)
    assert refused.code == 1
    assert "local operator (operator) may not add" in refused.err
    assert sign_in(operator.workspace, "root")("account", "add", "ada", "--role", "engineer", stdin=SECRET).code == 0


@pytest.mark.parametrize("same", [True, False])
def test_on_a_terminal_a_new_password_is_asked_for_twice_and_never_shown(governed: Governed, same: bool) -> None:
    root = sign_in(governed.workspace.folder, "root")
    ours, theirs = os.openpty()
    command = [sys.executable, "-c", "from core.cli import main; main()", "account", "password", "vera"]
    environment = {
        **os.environ,
        "PLUMBLINE_WORKSPACE": str(governed.workspace.folder),
        "PLUMBLINE_TOKEN": root.token or "",
    }
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        start_new_session=True,
    ) as started:
        os.close(theirs)
        shown = until(ours, b"New password of vera: ")
        os.write(ours, b"typed unseen one\n")
        shown += until(ours, b"The same again: ")
        os.write(ours, b"typed unseen one\n" if same else b"typed unseen two\n")
        shown += until(ours, None)
        out = started.stdout.read() if started.stdout else b""
    os.close(ours)
    assert b"unseen" not in shown + out
    assert started.returncode == (0 if same else 2)
    assert (b"has a new password" in out) is same
    assert (b"The two passwords differ" in shown) is not same


def until(terminal: int, text: bytes | None) -> bytes:
    """What a program shows, up to a text or its end."""
    shown = b""
    while text is None or text not in shown:
        try:
            part = os.read(terminal, 1024)
        except OSError:  # Linux's way to say that the program has closed the terminal
            return shown
        if not part:
            return shown
        shown += part
    return shown
