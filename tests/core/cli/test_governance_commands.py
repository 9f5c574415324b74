"""Proposals, decisions, the gate, versions and the ledger by command alone."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.governance.identity import WORKER
from core.governance.proposals import ProposalKind
from tests.command import Ran
from tests.governed import MODEL, build
from tests.people import Person, receipt_of, sign_in


class House:
    """A governed workspace and the people who give commands on it, each signed in when first asked for."""

    def __init__(self, folder: Path) -> None:
        self.governed = build(folder)
        self.governed.clock.now = datetime.now(UTC)
        self.operator = Person(workspace=self.governed.workspace.folder)

    def __getattr__(self, name: str) -> Person:
        person = sign_in(self.operator.workspace, name)
        setattr(self, name, person)
        return person

    def run(self, job_id: str) -> None:
        """Do what a worker does."""
        self.governed.clock.now = datetime.now(UTC)
        self.governed.run(job_id)

    def promoted(self, version: str = "v2") -> None:
        """Put a version in force."""
        number = asked(self.ada("propose", "promote", MODEL, version, "--reason", "better", "--json"))
        self.run(self.ines("approve", number, "--reason", "agreed", "--json").json["job"])


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    found = House(tmp_path)
    yield found
    found.governed.workspace.close()


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Somebody has asked to retire v2; the tests that use this change nothing."""
    found = House(tmp_path_factory.mktemp("asking"))
    assert found.ada("propose", "retire", MODEL, "v2", "--reason", "unused").code == 0
    yield found
    found.governed.workspace.close()


def asked(ran: Ran) -> int:
    """The number of the proposal that a command with --json made."""
    number = ran.json["proposal"]
    assert isinstance(number, int)
    return number


def test_from_asking_to_in_force_and_back_by_command(house: House) -> None:
    house.promoted("v2")
    house.governed.register("v3")
    assert house.ada("gate", MODEL, "v3").out == "closed: Nobody has asked to put v3 in force.\n"
    proposed = house.ada("propose", "promote", MODEL, "v3", "--reason", "fewer errors")
    assert proposed.out.startswith("Proposal 2: Promote v3 (m) is open.\nreceipt ")
    closed = house.ada("gate", MODEL, "v3", "--json")
    assert (closed.code, closed.json["open"]) == (1, False)
    approved = house.ines("approve", 2, "--reason", "the gaps shrink")
    assert "Proposal 2: Promote v3 (m) is approved.\njob proposal-2-1\nreceipt " in approved.out
    opened = house.vera("gate", MODEL, "v3", "--json")
    assert (opened.code, opened.json["open"], opened.json["approved_by"]) == (0, True, ["ines"])
    house.run("proposal-2-1")
    now = house.audrey("version", "in-force", MODEL, "--json").json
    assert (now["version"], now["proposal"], now["requester"]) == ("v3", 2, "ada")
    assert [(a["actor"], a["reason"]) for a in now["approvals"]] == [("ines", "the gaps shrink")]
    house.ada("propose", "rollback", MODEL, "v2", "--reason", "complaints")
    house.run(house.ines("approve", 3, "--reason", "yes", "--json").json["job"])
    assert house.vera("version", "in-force", MODEL).out.startswith("v2, from ")
    before = house.vera("version", "in-force", MODEL, "--at", "2020-01-01")
    assert (before.code, before.out) == (0, f"No version of {MODEL} was in force at 2020-01-01.\n")
    assert house.vera("gate", MODEL, "v3").code == 1
    states = {v["version"]: v["state"] for v in house.vera("version", "list", MODEL, "--json").json}
    assert states == {"v1": "candidate", "v2": "champion", "v3": "retired"}
    shown = house.vera("version", "show", MODEL, "v3").out
    assert "retired" in shown
    assert "until" in shown
    assert house.vera("version", "show", MODEL, "v3", "--json").json["in_force"][0]["proposal"] == 2


def test_nobody_approves_what_they_asked_for_and_the_operator_decides_nothing(house: House) -> None:
    number = asked(house.zoe("propose", "retrain", MODEL, "--reason", "drift", "--json"))
    own = house.zoe("approve", number, "--reason", "mine")
    assert (own.code, own.out) == (1, "")
    assert "You asked for this: you cannot approve it." in own.err
    by_operator = house.operator("approve", number, "--reason", "because")
    assert by_operator.code == 1
    assert "local operator (operator) may not decide" in by_operator.err
    assert house.ada("approve", number, "--reason", "because").code == 1
    assert house.vera("comment", number, "hello").code == 1
    assert house.vera("proposal", "show", number).code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["propose", "retrain", MODEL], "A proposal needs a reason."),
        (["propose", "retrain", MODEL, "v2", "--reason", "x"], "To retrain, name no version."),
        (["propose", "promote", MODEL, "--reason", "x"], "To promote, name a version."),
        (["propose", "promote", MODEL, "v9", "--reason", "x"], "No version of m 'v9'"),
        (["propose", "retrain", "n", "--reason", "x"], "No model 'n'"),
        (["propose", "destroy", MODEL, "--reason", "x"], "'destroy' is not one of"),
        (["propose", "retrain", MODEL, "--reason", "x", "--recipe", "none.toml"], "none.toml can't be read"),
        (["propose", "retrain", MODEL, "--reason", "x", "--recipe", "wrong.toml"], "depth"),
        (["propose", "retrain", MODEL, "--reason", "x", "--exclude", "2026-01-01"], "needs FROM, TO and REASON"),
        (["propose", "retrain", MODEL, "--reason", "x", "--exclude", "2026-02-01 2026-01-01 y"], "must lie before TO"),
        (["approve", "1"], "A decision needs a reason."),
        (["approve", "77", "--reason", "x"], "No proposal '77'"),
        (["approve", "1", "--reason", "x", "--evidence", "ab"], "rests on other evidence by now"),
        (["version", "add", MODEL, "v8", "--artefact", "none"], "none is no file"),
        (["version", "add", MODEL, "v8", "--parameters", "wrong.toml"], "wrong.toml is no JSON"),
        (["version", "add", MODEL, "v8", "--parent", "v7"], "No version of m 'v7'"),
        (["version", "compare", MODEL, "v2"], "No version of m is in force"),
        (["version", "in-force", MODEL, "--at", "yesterday"], "--at 'yesterday' is no date"),
        (["ledger", "verify", "--receipt", "41"], "'41' is no receipt"),
        (["ledger", "export", "--out", "none/ledger.zip"], "none/ledger.zip can't be written"),
    ],
)
def test_wrong_commands_end_with_2_and_say_what_is_wrong(
    asking: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    (tmp_path / "wrong.toml").write_text('estimator = "linear"\n[hyperparameters]\ndepth = 3\n')
    monkeypatch.chdir(tmp_path)
    by = asking.ada if arguments[:2] == ["version", "add"] else asking.ines
    ran = by(*arguments)
    assert (ran.code, ran.out) == (2, ""), ran
    assert message in ran.err
    assert "Traceback" not in ran.err


def test_stale_evidence_is_refused_until_it_is_refreshed(house: House) -> None:
    number = asked(house.ada("propose", "promote", MODEL, "v2", "--reason", "better", "--json"))
    house.governed.evaluate("v2", n=90, seed=9)
    refused = house.ines("approve", number, "--reason", "yes")
    assert (refused.code, refused.out) == (2, "")
    assert "The evidence is stale: evaluation v2 has changed" in refused.err
    assert ", stale" in house.ines("proposal", "list").out
    assert house.ada("refresh", number, "--reason", "the new evaluation").code == 0
    seen = house.ines("proposal", "show", number, "--json").json["evidence"]
    assert house.ines("approve", number, "--reason", "yes", "--evidence", seen).code == 0


def test_a_proposal_is_discussed_and_taken_back(house: House) -> None:
    recipe = house.governed.file(".toml")
    recipe.write_text('estimator = "linear"\nmin_rows = 50\n')
    excluded = [
        "--exclude",
        "2026-01-12 2026-01-13T06:00+01:00 the feed was broken",
        "--exclude",
        "2026-01-15 2026-01-16 x",
    ]
    made = house.ada("propose", "retrain", MODEL, "--reason", "drift", "--recipe", recipe, *excluded, "--json").json
    assert made["arguments"]["recipe"] == recipe.read_text()
    assert made["arguments"]["exclude"][0] == {
        "from": "2026-01-12T00:00:00+00:00",
        "to": "2026-01-13T06:00:00+01:00",
        "reason": "the feed was broken",
    }
    number = made["proposal"]
    assert house.ines("comment", number, "why these days?").code == 0
    assert house.ines("request-changes", number, "--reason", "leave out January 14th too").code == 0
    shown = house.vera("proposal", "show", number).out
    assert "state      changes requested" in shown
    assert "to decide  both, ines, olga, otto, vic, zoe" in shown
    assert "ines: comment" in shown
    assert "why these days?" in shown
    assert 'estimator = "linear"' in shown
    assert house.zoe("withdraw", number, "--reason", "not mine").code == 1
    assert house.ada("withdraw", number, "--reason", "asks anew", "--json").json["state"] == "withdrawn"


def test_a_draft_is_submitted_and_rejected(house: House) -> None:
    drafted = house.governed.workspace.proposals.open_by_job(
        WORKER, MODEL, ProposalKind.RETRAIN, reason="an alarm", requester=None, origin="alarm"
    )
    assert "an alarm" in house.ada("proposal", "list", MODEL).out
    assert house.ada("submit", drafted.id, "--reason", "it is right", "--json").json["requester"] == "ada"
    rejected = house.ines("reject", drafted.id, "--reason", "wait for the labels", "--json").json
    assert (rejected["state"], rejected["moves"][-1]["text"]) == ("rejected", "wait for the labels")
    late = house.zoe("approve", drafted.id, "--reason", "no")
    assert late.code == 2
    assert "This proposal is rejected: ines chose to reject at" in late.err


def test_a_version_is_registered_with_what_it_was_made_from_and_compared(house: House, tmp_path: Path) -> None:
    artefact, parameters = tmp_path / "model.skops", tmp_path / "parameters.json"
    artefact.write_bytes(b"any bytes: they are never loaded")
    parameters.write_text(json.dumps({"depth": 4}))
    options = ["--artefact", artefact, "--parameters", parameters, "--parent", "v2"]
    assert house.ada("version", "add", MODEL, "v3", *options).out == "Added v3, a candidate of m.\n"
    found = house.vera("version", "show", MODEL, "v3", "--json").json
    assert (found["parameters"], found["parent"], found["created_by"]) == ({"depth": 4}, "v2", "ada")
    assert found["artefact"] in house.vera("version", "show", MODEL, "v3").out
    none = house.vera("version", "compare", MODEL, "v3", "v1")
    assert none.code == 1
    assert "v3" in none.out
    compared = house.vera("version", "compare", MODEL, "v2", "v1")
    assert compared.code == 0
    assert "60 of the 60 rows of v2 were scored by v1 too." in compared.out
    assert "roc_auc" in compared.out
    result = house.vera("version", "compare", MODEL, "v2", "v1", "--json").json["result"]
    assert {"roc_auc", "accuracy"} <= {m["measure"] for m in result["differences"]}


def test_receipts_show_whether_the_ledger_still_holds_what_they_were_given_for(house: House, tmp_path: Path) -> None:
    first = receipt_of(house.ada("propose", "retire", MODEL, "v2", "--reason", "unused"))
    second = receipt_of(house.ines("comment", 1, "why?"))
    held = house.audrey("ledger", "verify", "--receipt", first, "--receipt", second)
    assert held.code == 0
    assert "and all 2 receipts with it" in held.out
    assert receipt_of(held) == second
    archive = tmp_path / "ledger.zip"
    assert receipt_of(house.audrey("ledger", "export", "--out", archive)) == second
    with zipfile.ZipFile(archive) as opened:
        script = Path(opened.extract("verify.py", tmp_path))
    command = [sys.executable, "-I", "-S", script, archive, first, second]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    listed = house.audrey("ledger", "list", "--newest", "2", "--json").json
    assert [(e["action"], e["actor"]) for e in listed] == [("proposal.comment", "ines"), ("proposal.open", "ada")]
    assert house.audrey("ledger", "list", "--before", str(listed[1]["seq"]), "--newest", "1").code == 0
    truncate(house.governed.workspace.folder / "plumbline.db", int(second.split(":")[0]))
    assert house.audrey("ledger", "verify").code == 0, "a chain alone can't show that its end was cut off"
    broken = house.audrey("ledger", "verify", "--receipt", second, "--json")
    assert (broken.code, broken.json["intact"]) == (1, False)
    assert "was cut off or rewritten" in broken.json["problems"][0]
    assert "The ledger does not hold." in house.audrey("ledger", "verify", "--receipt", second).out


def truncate(database: Path, seq: int) -> None:
    """Cut the ledger before an entry, and what the entries tell of, as somebody could who owns the file."""
    connection = sqlite3.connect(database)
    for table, column in (("ledger", "seq"), ("proposal_move", "ledger_seq")):
        triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?"
        for (name,) in connection.execute(triggers, (table,)).fetchall():
            connection.execute(f'DROP TRIGGER "{name}"')
        connection.execute(f"DELETE FROM {table} WHERE {column} >= ?", (seq,))
    connection.commit()
    connection.close()


READS = (
    ("version", "list", MODEL),
    ("version", "show", MODEL, "v2"),
    ("version", "in-force", MODEL),
    ("version", "compare", MODEL, "v2", "v1"),
    ("proposal", "list"),
    ("proposal", "show", "1"),
    ("ledger", "list"),
    ("ledger", "verify"),
    ("job", "list"),
    ("gate", MODEL, "v2"),
)


def test_every_reading_command_prints_one_json_document_and_words(house: House) -> None:
    house.promoted()
    for command in READS:
        as_json, in_words = house.audrey(*command, "--json"), house.audrey(*command)
        assert (as_json.code, as_json.err) == (0, ""), command
        assert as_json.json, command
        assert in_words.code == 0, command
        assert in_words.out.strip(), command


@pytest.mark.parametrize(
    "command", [["approve"], ["propose"], ["version", "add"], ["ledger", "verify"], ["worker"], ["login"], ["account"]]
)
def test_help_comes_without_loading_what_computes(command: list[str]) -> None:
    program = (
        "import sys\nfrom core.cli import main\n"
        f"try: main([*{command!r}, '--help'])\nexcept SystemExit as end: code = end.code\n"
        "print(code, [m for m in ('numpy', 'pandas', 'pyarrow', 'sqlalchemy', 'dbos', 'argon2') if m in sys.modules])"
    )
    root = Path(__file__).resolve().parents[3]
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=root)
    assert ran.stdout.startswith("Usage: ")
    assert ran.stdout.splitlines()[-1] == "0 []"
