"""The signed head: a forged one, another's key, a key that handed over, and where signatures can't be checked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from core.errors import ConflictError, InputError, NotAllowedError
from core.governance.evidence import canonical_json
from core.governance.identity import LOCAL_OPERATOR, WORKER
from core.governance.ledger import Receipt, next_entry
from core.governance.proposals import Move, ProposalKind
from core.governance.signing_key import FILE_VARIABLE, KEY_VARIABLE, SigningKey
from core.storage.ledger import entries
from tests.command import CommandLine
from tests.governed import Governed, build

ISOLATED, WITH_LIBRARY = ("-I", "-S"), ("-I",)


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SigningKey:
    """The key that the environment names the file of."""
    monkeypatch.setenv(FILE_VARIABLE, str(tmp_path / "ledger.pem"))
    return SigningKey.make(tmp_path / "ledger.pem")


@pytest.fixture
def governed(tmp_path: Path, key: SigningKey) -> Iterator[Governed]:
    """A workspace whose ledger is signed."""
    governed = build(tmp_path)
    governed.workspace.ledger.sign(LOCAL_OPERATOR)
    yield governed
    governed.workspace.close()


def exported(governed: Governed) -> Path:
    path = governed.file(".zip")
    governed.workspace.ledger.export(governed.audrey, path)
    return path


def verified(archive: Path, *arguments: str, options: Sequence[str] = WITH_LIBRARY) -> tuple[int, str]:
    """Exit code and words of the script in the archive, with or without the library that checks signatures."""
    script = archive.with_name("verify.py")
    with zipfile.ZipFile(archive) as members:
        script.write_bytes(members.read("verify.py"))
    command = [sys.executable, *options, script, archive, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", timeout=60)
    assert done.stderr == ""
    return done.returncode, done.stdout


def lines(archive: Path) -> list[dict[str, Any]]:
    with zipfile.ZipFile(archive) as members:
        return [json.loads(line) for line in members.read("ledger.jsonl").decode().splitlines()]


def forged(archive: Path, entries_: Sequence[dict[str, Any]]) -> Path:
    """The archive with other entries, written by somebody who gives each its proper hash."""
    path, previous = archive.with_name("forged.zip"), None
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            if name != "ledger.jsonl":
                new.writestr(name, old.read(name))
        text = ""
        for line in entries_:
            from datetime import datetime

            at = datetime.fromisoformat(line["at"])
            entry = next_entry(previous, at=at, actor=line["actor"], action=line["action"], objects=line["objects"])
            previous = Receipt(seq=entry.seq, hash=entry.hash)
            text += canonical_json(entry.to_dict()) + "\n"
        new.writestr("ledger.jsonl", text)
    return path


def actions(governed: Governed) -> list[str]:
    return [entry.action for entry in reversed(governed.workspace.ledger.list(governed.audrey, newest=1000))]


def test_every_decision_is_followed_by_a_signature_of_its_entry(governed: Governed, key: SigningKey) -> None:
    for move in (Move.REQUEST_CHANGES, Move.REJECT):
        proposal = governed.propose(ProposalKind.RETRAIN)
        decided = governed.decide(proposal, move)
        newest = governed.workspace.ledger.list(governed.audrey, newest=1)[0]
        assert (newest.action, newest.objects["head"]) == ("ledger.sign", str(decided.receipt))
        assert newest.objects["key"] == key.public
        if move is Move.REQUEST_CHANGES:
            governed.workspace.proposals.withdraw(governed.ada, proposal, reason="no")
    check = governed.workspace.ledger.verify(governed.audrey)
    assert check.is_intact
    assert check.is_signature_checked
    assert check.signature.startswith(f"signed up to entry {decided.receipt.seq}, at 2026-")


def test_the_script_checks_signatures_by_a_key_and_says_where_it_cannot(governed: Governed, key: SigningKey) -> None:
    governed.decide(governed.propose(ProposalKind.RETRAIN))
    governed.workspace.proposals.list(governed.vera)
    archive = exported(governed)
    code, said = verified(archive, "--key", key.public)
    assert code == 0, said
    assert "signed up to entry " in said
    code, said = verified(archive)
    assert code == 0
    assert "signature not checked: it holds 2, and no public key was given" in said
    code, said = verified(archive, "--key", key.public, options=ISOLATED)
    assert code == 3
    assert "signature not checked: this Python lacks the package cryptography" in said
    assert said.endswith("The ledger holds.\n")


def test_another_key_signed_nothing_here(governed: Governed, tmp_path: Path) -> None:
    other = SigningKey.make(tmp_path / "other.pem").public
    code, said = verified(exported(governed), "--key", other)
    assert code == 1
    assert "holds no signature by the key that was given" in said
    check = governed.workspace.ledger.verify(governed.audrey, key=other)
    assert not check.is_intact
    with pytest.raises(InputError, match="no public key"):
        governed.workspace.ledger.verify(governed.audrey, key="12")


def test_a_ledger_that_was_written_anew_does_not_hold_whoever_signed_it(governed: Governed, key: SigningKey) -> None:
    governed.decide(governed.propose(ProposalKind.RETRAIN))
    archive = exported(governed)
    old = lines(archive)
    renamed = [{**line, "actor": "mallory" if line["actor"] == "ines" else line["actor"]} for line in old]
    rewritten = forged(archive, renamed)
    assert verified(rewritten)[0] == 0  # the chain is consistent
    code, said = verified(rewritten, "--key", key.public)
    assert code == 1
    assert "is of another entry" in said
    unsigned = forged(archive, [line for line in renamed if not line["action"].startswith("ledger.")])
    code, said = verified(unsigned, "--key", key.public)
    assert code == 1
    assert "holds no signature by the key that was given" in said


@pytest.mark.parametrize("part", ["head", "signature", "key", "at"])
def test_a_forged_signature_is_found(governed: Governed, key: SigningKey, tmp_path: Path, part: str) -> None:
    governed.decide(governed.propose(ProposalKind.RETRAIN))
    archive = exported(governed)
    old = lines(archive)
    mallory = SigningKey.make(tmp_path / "mallory.pem")
    last = {**old[-1], "objects": dict(old[-1]["objects"])}
    assert last["action"] == "ledger.sign"
    match part:
        case "head":
            last["objects"]["head"] = f"1:{old[0]['hash']}"
        case "signature":
            last["objects"]["signature"] = mallory.sign("plumbline ledger head")
        case "key":
            last["objects"] |= {"key": mallory.public, "signature": mallory.sign("anything")}
        case "at":
            last["at"] = "2020-01-01T00:00:00+00:00"
    code, said = verified(forged(archive, [*old[:-1], last]), "--key", key.public)
    assert code == 1
    assert f"signature of entry {last['seq']} is forged" in said


def test_nobody_brings_in_a_key_that_the_one_in_force_did_not_sign(
    governed: Governed, key: SigningKey, tmp_path: Path
) -> None:
    archive = exported(governed)
    old = lines(archive)
    mallory, head = SigningKey.make(tmp_path / "mallory.pem"), f"{old[-1]['seq']}:{old[-1]['hash']}"
    proof = mallory.sign(f"plumbline ledger key {mallory.public} after {head} at {old[-1]['at']}")
    for previous, signature in ((None, None), (key.public, proof), (key.public, None)):
        objects = {"key": mallory.public, "previous": previous, "head": head, "proof": proof, "signature": signature}
        entry = {**old[-1], "action": "ledger.key", "objects": objects}
        code, said = verified(forged(archive, [*old, entry]), "--key", key.public)
        assert code == 1
        assert "was not signed by the one before it" in said


def test_a_key_hands_over_to_another_and_what_it_signed_still_verifies(
    governed: Governed, key: SigningKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    governed.decide(governed.propose(ProposalKind.RETRAIN), Move.REJECT)
    new = SigningKey.make(tmp_path / "new.pem")
    with pytest.raises(NotAllowedError):
        governed.workspace.ledger.rotate(governed.ada, new)
    governed.workspace.ledger.rotate(governed.root, new)
    assert governed.workspace.ledger.public_key(governed.audrey) == new.public
    governed.decide(governed.propose(ProposalKind.RETRAIN), Move.REJECT)  # by a program that has the old key still
    assert actions(governed)[-1] == "proposal.reject"
    with pytest.raises(InputError, match="isn't the one in force"):
        governed.workspace.ledger.sign(LOCAL_OPERATOR)
    monkeypatch.setenv(FILE_VARIABLE, str(tmp_path / "new.pem"))
    later = build_again(governed)
    receipt = later.ledger.sign_due(WORKER)  # a decision that nobody has signed
    assert receipt is not None
    for public in (key.public, new.public):
        assert later.ledger.verify(governed.audrey, key=public).is_intact
        code, said = verified(exported(governed), "--key", public)
        assert (code, "signed up to entry" in said) == (0, True), said
    with pytest.raises(InputError, match="signed here already"):
        later.ledger.rotate(governed.root, key)
    later.close()


def build_again(governed: Governed) -> Any:
    """The same workspace opened by another program, which reads the environment as it is now."""
    from core.workspace import Workspace

    return Workspace.open(governed.workspace.folder, clock=governed.clock)


def test_a_key_that_was_replaced_signs_nothing_more(governed: Governed, key: SigningKey, tmp_path: Path) -> None:
    governed.workspace.ledger.rotate(governed.root, SigningKey.make(tmp_path / "new.pem"))
    archive = exported(governed)
    old = lines(archive)
    head, at = f"{old[-1]['seq']}:{old[-1]['hash']}", old[-1]["at"]
    signature = key.sign(f"plumbline ledger head {head} at {at}")
    objects = {"key": key.public, "head": head, "signature": signature}
    entry = {**old[-1], "action": "ledger.sign", "objects": objects}
    code, said = verified(forged(archive, [*old, entry]), "--key", key.public)
    assert code == 1
    assert "by a key that was not in force" in said


def test_the_worker_signs_daily_if_something_happened(governed: Governed) -> None:
    ledger = governed.workspace.ledger
    assert ledger.sign_due(WORKER) is None
    governed.propose(ProposalKind.RETRAIN)
    assert ledger.sign_due(WORKER) is None  # no decision, and today was signed
    governed.clock.advance(days=1)
    assert ledger.sign_due(WORKER) is not None
    governed.clock.advance(days=5)
    assert ledger.sign_due(WORKER) is None  # nothing happened since


def test_a_ledger_that_lost_what_was_signed_is_not_signed_again(governed: Governed) -> None:
    from tests.core.services.test_ledger_service import tamper

    governed.decide(governed.propose(ProposalKind.RETRAIN), Move.REJECT)
    governed.decide(governed.propose(ProposalKind.RETRAIN), Move.REJECT)  # the witness knows of the first signature
    with governed.workspace.database.read() as session:
        first = next(entry for entry in entries(session) if entry.action == "ledger.sign")
    tamper(governed, f"DELETE FROM ledger WHERE seq >= {first.seq}")
    assert any("as it was signed" in problem for problem in governed.workspace.ledger.verify(governed.audrey).problems)
    with pytest.raises(InputError, match="It isn't signed"):
        governed.workspace.ledger.sign(LOCAL_OPERATOR)


def test_without_a_key_nothing_is_signed_and_that_is_said(tmp_path: Path) -> None:
    governed = build(tmp_path)
    governed.decide(governed.propose(ProposalKind.RETRAIN))
    check = governed.workspace.ledger.verify(governed.audrey)
    assert check.is_intact
    assert not check.is_signature_checked
    assert check.signature == "signature not checked: it holds none, and no public key was given"
    assert governed.workspace.ledger.sign_due(WORKER) is None
    with pytest.raises(InputError, match=FILE_VARIABLE):
        governed.workspace.ledger.sign(LOCAL_OPERATOR)
    governed.workspace.close()


def test_a_private_key_is_read_only_where_nobody_else_can_and_is_never_shown(tmp_path: Path) -> None:
    path = tmp_path / "k.pem"
    made = SigningKey.make(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert "private" not in repr(made).lower()
    with pytest.raises(ConflictError, match="exists already"):
        SigningKey.make(path)
    for mode in (0o640, 0o604, 0o620):
        path.chmod(mode)
        with pytest.raises(InputError, match="chmod 600"):
            SigningKey.read(path)
    path.chmod(0o600)
    secret = path.read_text()
    for text in (secret[:-40], "nothing", secret.replace("PRIVATE", "PUBLIC")):
        with pytest.raises(InputError) as error:
            SigningKey.from_environment({KEY_VARIABLE: text})
        assert secret.splitlines()[1] not in str(error.value)
    read = SigningKey.from_environment({KEY_VARIABLE: secret})
    assert read is not None
    assert read.public == made.public
    with pytest.raises(InputError, match="set one of them"):
        SigningKey.from_environment({KEY_VARIABLE: secret, FILE_VARIABLE: str(path)})


def test_the_database_never_holds_the_private_key(governed: Governed, tmp_path: Path) -> None:
    governed.decide(governed.propose(ProposalKind.RETRAIN))
    secret = (tmp_path / "ledger.pem").read_text().splitlines()[1].encode()
    files = [path for path in governed.workspace.folder.rglob("*") if path.is_file()]
    assert files
    assert not any(secret in path.read_bytes() for path in files)
    assert secret not in exported(governed).read_bytes()


def test_commands_make_a_key_sign_and_verify(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    governed = build(tmp_path)
    command = CommandLine(workspace=governed.workspace.folder)
    made = command("ledger", "key", tmp_path / "k.pem", "--json").json
    assert os.stat(tmp_path / "k.pem").st_mode & 0o077 == 0
    monkeypatch.setenv(FILE_VARIABLE, made["file"])
    assert "nothing" not in command("ledger", "verify").out
    assert command("ledger", "verify", "--json").json["signature_checked"] is False
    assert command("ledger", "sign", "--json").json["public_key"] == made["public_key"]
    found = command("ledger", "verify", "--json").json
    assert (found["intact"], found["signature_checked"]) == (True, True)
    assert "signed up to entry" in command("ledger", "verify", "--key", made["public_key"]).out
    assert command("ledger", "verify", "--key", "ab" * 32).code == 1
    governed.workspace.close()
