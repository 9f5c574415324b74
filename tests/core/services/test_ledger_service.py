"""The ledger of a workspace under attack: whoever tampers with it is found, by Plumbline and without it."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from core.errors import InputError
from core.governance.ledger import Receipt, next_entry
from core.governance.proposals import ProposalKind
from core.storage.ledger import entries
from tests.governed import Governed, build, promoted, proposed

LINE_ENDS = "one\u2028two\u2029three\x85four\x0bfive\x1csix\r\nseven"  # each ends a line for somebody
Members = dict[str, bytes]


def commented(governed: Governed) -> None:
    governed.workspace.proposals.comment(governed.ines, 2, LINE_ENDS)


@pytest.fixture
def governed(tmp_path: Path) -> Iterator[Governed]:
    """A workspace in which v1 was promoted, and something was said of it."""
    governed = build(tmp_path, after=[promoted("v1"), proposed(ProposalKind.PROMOTE, "v2"), commented])
    yield governed
    governed.workspace.close()


def tamper(governed: Governed, *statements: str) -> None:
    """Do to the database, from outside, what its triggers refuse."""
    database = governed.workspace.database
    if database.is_sqlite:
        with closing(sqlite3.connect(str(database.url.database))) as outsider:
            for (trigger,) in outsider.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                outsider.execute(f"DROP TRIGGER {trigger}")
            for statement in statements:
                outsider.execute(statement)
            outsider.commit()
        return
    with database.writer.begin() as connection:
        for statement in ("ALTER TABLE ledger DISABLE TRIGGER ALL", *statements):
            connection.exec_driver_sql(statement)


def exported(governed: Governed) -> Path:
    path = governed.file(".zip")
    governed.workspace.ledger.export(governed.audrey, path)
    return path


def verified(archive: Path, *receipts: str) -> tuple[int, str]:
    """Exit code and words of the script in the archive, run by a Python that has nothing but itself."""
    script = archive.with_name("verify.py")
    with zipfile.ZipFile(archive) as members:
        script.write_bytes(members.read("verify.py"))
    command = [sys.executable, "-I", "-S", script, archive, *receipts]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", timeout=60)
    assert done.stderr == ""
    return done.returncode, done.stdout


def found(governed: Governed, *receipts: str) -> tuple[str, ...]:
    return governed.workspace.ledger.verify(governed.audrey, receipts=receipts).problems


def head(governed: Governed) -> str:
    check = governed.workspace.ledger.verify(governed.audrey)
    return str(check.head)


def evidence_named_by(governed: Governed, proposal: int) -> str:
    return governed.workspace.proposals.show(governed.vera, proposal).evidence_sha256


def test_an_untouched_ledger_holds_here_and_there(governed: Governed) -> None:
    check = governed.workspace.ledger.verify(governed.audrey)
    assert check.is_intact
    assert check.n_entries == governed.workspace.ledger.size(governed.audrey) > 15
    archive = governed.file(".zip")
    receipt = governed.workspace.ledger.export(governed.audrey, archive)
    assert receipt == check.head
    code, said = verified(archive, str(receipt))
    assert (code, said.splitlines()[-1]) == (0, "The ledger holds.")
    assert f"{check.n_entries} entries, 2 pieces of evidence, 1 receipts read" in said


def test_a_receipt_of_every_move_is_held_to_ever_after(governed: Governed) -> None:
    receipts = [
        str(governed.opened().receipt),
        str(governed.decide(3).receipt),
        str(governed.workspace.proposals.withdraw(governed.ada, 2, reason="later").receipt),
    ]
    governed.put_in_force("v2")
    assert found(governed, *receipts) == ()
    assert verified(exported(governed), *receipts)[0] == 0


EDITS = {
    "an edited actor": "UPDATE ledger SET actor = 'mallory' WHERE seq = 9",
    "an edited action": "UPDATE ledger SET action = 'proposal.reject' WHERE seq = 9",
    "an edited time": "UPDATE ledger SET at = '2020-01-01T00:00:00+00:00' WHERE seq = 9",
    "a time that is none": "UPDATE ledger SET at = 'yesterday' WHERE seq = 9",
    "a time without a zone": "UPDATE ledger SET at = '2020-01-01T00:00:00' WHERE seq = 9",
    "edited objects": "UPDATE ledger SET objects = replace(objects, ':', ': ') WHERE seq = 9",
    "objects that are no JSON": "UPDATE ledger SET objects = 'none' WHERE seq = 9",
    "objects that are a list": "UPDATE ledger SET objects = '[1]' WHERE seq = 9",
    "objects beyond JSON": "UPDATE ledger SET objects = '{\"n\":NaN}' WHERE seq = 9",
    "objects beyond numbers": "UPDATE ledger SET objects = '{\"n\":1e999}' WHERE seq = 9",
    "an edited hash": "UPDATE ledger SET hash = previous_hash WHERE seq = 9",
    "an edited link": "UPDATE ledger SET previous_hash = hash WHERE seq = 9",
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_an_edited_entry_is_found(governed: Governed, edit: str) -> None:
    tamper(governed, edit)
    assert "Entry 9 was edited: its content doesn't have its hash." in found(governed)
    code, said = verified(exported(governed))
    assert code == 1
    assert "entry 9 was edited" in said
    assert len(governed.workspace.ledger.list(governed.audrey)) > 15  # it can still be read


@pytest.mark.parametrize("seq", [1, 2, 9])
def test_a_deleted_entry_is_found(governed: Governed, seq: int) -> None:
    tamper(governed, f"DELETE FROM ledger WHERE seq = {seq}")
    assert any(problem.startswith(f"Entry {seq} is missing") for problem in found(governed))
    code, said = verified(exported(governed))
    assert code == 1
    assert f"entry {seq} is missing" in said


def test_reordered_entries_are_found(governed: Governed) -> None:
    tamper(governed, *(f"UPDATE ledger SET seq = {to} WHERE seq = {seq}" for seq, to in ((9, -1), (10, 9), (-1, 10))))
    assert {f"Entry {seq} was edited: its content doesn't have its hash." for seq in (9, 10)} <= set(found(governed))
    assert verified(exported(governed))[0] == 1


def rewrite(governed: Governed, since: int) -> Iterator[str]:
    """All entries from one on written anew by somebody else, each with its proper hash."""
    with governed.workspace.database.read() as session:
        old = entries(session)
    previous = Receipt(seq=since - 1, hash=old[since - 2].hash)
    for entry in old[since - 1 :]:
        forged = next_entry(previous, at=entry.at, actor="mallory", action=entry.action, objects=entry.objects)
        previous = Receipt(seq=forged.seq, hash=forged.hash)
        yield (
            f"UPDATE ledger SET actor = 'mallory', previous_hash = '{forged.previous_hash}', "
            f"hash = '{forged.hash}' WHERE seq = {forged.seq}"
        )


def test_a_tail_that_was_written_anew_is_found_by_a_receipt(governed: Governed) -> None:
    receipt, early = head(governed), str(governed.workspace.ledger.list(governed.audrey, before=6)[0].hash)
    tamper(governed, *rewrite(governed, since=8))
    seq = receipt.split(":")[0]
    assert f"Entry {seq} is not the one its receipt was given for: the ledger was rewritten." in found(
        governed, receipt
    )
    archive = exported(governed)
    assert verified(archive)[0] == 0  # the chain is consistent: only a receipt can show it
    code, said = verified(archive, receipt)
    assert code == 1
    assert f"entry {seq} is not the one its receipt was given for" in said
    assert verified(archive, f"5:{early}")[0] == 0  # what it was given for is still there


def test_a_tail_that_was_cut_off_is_found_by_a_receipt(governed: Governed) -> None:
    receipt = head(governed)
    seq = receipt.split(":")[0]
    tamper(governed, f"DELETE FROM ledger WHERE seq >= {int(seq) - 1}")
    gone = f"The receipt for entry {seq} has no entry: the ledger was cut off or rewritten."
    assert gone in found(governed, receipt)
    code, said = verified(exported(governed), receipt)
    assert code == 1
    assert f"receipt {seq} has no entry" in said


def test_a_ledger_that_was_emptied_is_found_by_a_receipt(governed: Governed) -> None:
    receipt = head(governed)
    tamper(governed, "DELETE FROM ledger")
    assert any("has no entry" in problem for problem in found(governed, receipt))
    assert verified(exported(governed), receipt)[0] == 1


def test_altered_evidence_is_found(governed: Governed) -> None:
    sha256 = evidence_named_by(governed, 1)
    tamper(governed, "UPDATE evidence SET content = replace(content, '\"v1\"', '\"v2\"')")
    assert any(f"Evidence {sha256[:12]} was altered" in problem for problem in found(governed))
    code, said = verified(exported(governed))
    assert code == 1
    assert f"evidence {sha256} was altered" in said


def test_missing_evidence_is_found_and_its_proposal_can_still_be_looked_at(governed: Governed) -> None:
    sha256 = evidence_named_by(governed, 2)
    tamper(governed, f"DELETE FROM evidence WHERE sha256 = '{sha256}'")
    assert any(f"Evidence {sha256[:12]}, which entry" in problem for problem in found(governed))
    code, said = verified(exported(governed))
    assert code == 1
    assert f"evidence {sha256} is missing" in said
    shown = governed.workspace.proposals.show(governed.vera, 2)
    assert shown.stale == (f"Evidence {sha256[:12]} is missing.",)
    assert len(governed.workspace.proposals.list(governed.vera)) == 2


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE proposal_move SET actor = 'otto' WHERE move = 'approve'", "of proposal 1 isn't what entry"),
        ("UPDATE proposal_move SET text = 'never mind' WHERE id = 1", "Move 1 of proposal 1 isn't what entry"),
        ("UPDATE proposal_move SET at = '2020-01-01 00:00:00' WHERE id = 1", "Move 1 of proposal 1 isn't what"),
        ("DELETE FROM proposal_move WHERE move = 'approve'", "tells of is missing"),
        ("UPDATE deployment SET version = 'v2'", "put in force for proposal 1 isn't what the ledger says"),
        ("DELETE FROM deployment", "put in force for proposal 1 isn't what the ledger says"),
    ],
)
def test_a_history_that_differs_from_the_ledger_is_found(governed: Governed, statement: str, words: str) -> None:
    tamper(governed, statement)
    assert words in " ".join(found(governed))
    assert verified(exported(governed))[0] == 0  # the ledger itself is as it was


def test_evidence_that_no_entry_names_is_read_too(governed: Governed) -> None:
    tamper(governed, "INSERT INTO evidence (sha256, content, frozen_at) VALUES ('00ff', '{}', '2026-01-01 00:00:00')")
    assert any("Evidence 00ff was altered" in problem for problem in found(governed))
    assert verified(exported(governed))[0] == 1


@pytest.mark.postgres
def test_tampering_is_found_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    governed = build(tmp_path, database_url=postgres_url)
    governed.propose(ProposalKind.PROMOTE, "v2")
    receipt = head(governed)
    assert found(governed, receipt) == ()
    assert verified(exported(governed), receipt)[0] == 0
    tamper(governed, EDITS["an edited actor"], "DELETE FROM ledger WHERE seq = 3")
    problems = " ".join(found(governed, receipt))
    assert "Entry 9 was edited" in problems
    assert "Entry 3 is missing" in problems
    assert verified(exported(governed), receipt)[0] == 1
    governed.workspace.close()


@pytest.mark.parametrize("receipt", ["41", "x:y", "41:9f2c"])
def test_a_receipt_that_cannot_be_read_is_said_to_be_none(governed: Governed, receipt: str) -> None:
    with pytest.raises(InputError, match="is no receipt"):
        found(governed, receipt)


def edited(old: bytes, new: bytes) -> Callable[[Members], None]:
    def change(members: Members) -> None:
        assert old in members["ledger.jsonl"]
        members["ledger.jsonl"] = members["ledger.jsonl"].replace(old, new, 1)

    return change


def on_lines(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[Members], None]:
    def apply(members: Members) -> None:
        lines = members["ledger.jsonl"].removesuffix(b"\n").split(b"\n")
        members["ledger.jsonl"] = b"\n".join(change(lines)) + b"\n"

    return apply


def without_evidence(members: Members) -> None:
    del members[next(name for name in members if name.startswith("evidence/"))]


def altered_evidence(members: Members) -> None:
    name = next(name for name in members if name.startswith("evidence/"))
    members[name] = members[name].replace(b"v1", b"v2")


def added_evidence(members: Members) -> None:
    members[f"evidence/{'0' * 64}.json"] = b"{}"


FORGED_LINE = json.dumps({"seq": 1, "objects": []}).encode()
ARCHIVES: dict[str, Callable[[Members], None]] = {
    "an edited name": edited(b'"ada"', b'"eve"'),
    "a second actor before the first": edited(b'{"action"', b'{"actor":"eve","action"'),
    "a further field": edited(b'{"action"', b'{"a":1,"action"'),
    "a blank": edited(b",", b", "),
    "a line deleted": on_lines(lambda lines: lines[:4] + lines[5:]),
    "the first line deleted": on_lines(lambda lines: lines[1:]),
    "lines that changed places": on_lines(lambda lines: [lines[1], lines[0], *lines[2:]]),
    "a line twice": on_lines(lambda lines: [*lines[:3], lines[2], *lines[3:]]),
    "a line of nothing": on_lines(lambda lines: [*lines[:3], b"", *lines[3:]]),
    "a line of something else": on_lines(lambda lines: [*lines, FORGED_LINE]),
    "a line of a list": on_lines(lambda lines: [*lines, b"[]"]),
    "bytes that are no text": on_lines(lambda lines: [*lines, b"\xff"]),
    "an edited last line, its end cut off": edited(b"seven", b"eight"),
    "evidence left out": without_evidence,
    "evidence altered": altered_evidence,
    "evidence added": added_evidence,
    "no ledger": lambda members: members.__delitem__("ledger.jsonl"),
}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export that holds."""
    governed = build(tmp_path_factory.mktemp("archive"))
    governed.workspace.proposals.comment(governed.ines, governed.propose(ProposalKind.PROMOTE, "v1"), LINE_ENDS)
    path = exported(governed)
    governed.workspace.close()
    assert verified(path)[0] == 0
    return path


@pytest.mark.parametrize("change", ARCHIVES.values(), ids=ARCHIVES)
def test_an_archive_that_was_tampered_with_does_not_hold(
    archive: Path, tmp_path: Path, change: Callable[[Members], None]
) -> None:
    with zipfile.ZipFile(archive) as file:
        members = {name: file.read(name) for name in file.namelist()}
    change(members)
    if change is ARCHIVES["an edited last line, its end cut off"]:
        members["ledger.jsonl"] = members["ledger.jsonl"].removesuffix(b"\n")
    with zipfile.ZipFile(tmp_path / "forged.zip", "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    code, said = verified(tmp_path / "forged.zip")
    assert code == 1
    assert "PROBLEM: " in said
    assert said.endswith("The ledger does not hold.\n")


def test_an_archive_with_two_ledgers_does_not_hold(archive: Path, tmp_path: Path) -> None:
    forged = tmp_path / "forged.zip"
    forged.write_bytes(archive.read_bytes())
    with zipfile.ZipFile(forged, "a") as file, pytest.warns(UserWarning, match="Duplicate name"):
        file.writestr("ledger.jsonl", file.read("ledger.jsonl"))
    code, said = verified(forged)
    assert code == 1
    assert "holds ledger.jsonl more than once" in said


def test_bytes_that_fell_out_of_an_archive_are_noticed(archive: Path, tmp_path: Path) -> None:
    forged = tmp_path / "forged.zip"
    content = bytearray(archive.read_bytes())
    with zipfile.ZipFile(archive) as file:
        info = file.getinfo("ledger.jsonl")
    content[info.header_offset + 30 + len("ledger.jsonl") + info.compress_size // 2] ^= 0xFF
    forged.write_bytes(bytes(content))
    code, said = verified(forged)
    assert code == 1
    assert "PROBLEM: " in said
