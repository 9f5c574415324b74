"""The signed head: a forged one, another's key, a key that handed over, and where signatures can't be checked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
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
from core.workspace import Workspace
from tests.command import CommandLine
from tests.core.services.test_ledger_service import tamper
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """An export of a ledger that ends with the signature of a decision, its lines, and the key that signed it."""

    archive: Path
    lines: tuple[dict[str, Any], ...]
    key: SigningKey

    def forged(self, folder: Path, lines: Sequence[dict[str, Any]]) -> Path:
        """The archive with other entries, written by somebody who gives each its proper hash."""
        path, previous, text = folder / "forged.zip", None, ""
        for line in lines:
            at = datetime.fromisoformat(line["at"])
            entry = next_entry(previous, at=at, actor=line["actor"], action=line["action"], objects=line["objects"])
            previous = Receipt(seq=entry.seq, hash=entry.hash)
            text += canonical_json(entry.to_dict()) + "\n"
        with zipfile.ZipFile(self.archive) as old, zipfile.ZipFile(path, "w") as new:
            for name in old.namelist():
                new.writestr(name, text if name == "ledger.jsonl" else old.read(name))
        return path

    @property
    def head(self) -> str:
        """The receipt of the last entry."""
        return f"{self.lines[-1]['seq']}:{self.lines[-1]['hash']}"


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Signed:
    """Exported once, and never written to."""
    folder = tmp_path_factory.mktemp("signed")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(FILE_VARIABLE, str(folder / "ledger.pem"))
        key, governed = SigningKey.make(folder / "ledger.pem"), build(folder)
        governed.workspace.ledger.sign(LOCAL_OPERATOR)
        governed.decide(governed.propose(ProposalKind.RETRAIN))
        archive = exported(governed)
        governed.workspace.close()
    with zipfile.ZipFile(archive) as members:
        found = members.read("ledger.jsonl").decode().splitlines()
    return Signed(archive=archive, lines=tuple(json.loads(line) for line in found), key=key)


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


def actions(governed: Governed) -> list[str]:
    return [entry.action for entry in reversed(governed.workspace.ledger.list(governed.audrey, newest=1000))]


def test_every_decision_is_followed_by_a_signature_of_its_entry_and_nothing_holds_the_private_key(
    governed: Governed, key: SigningKey, tmp_path: Path
) -> None:
    proposal = governed.propose(ProposalKind.RETRAIN)
    for move in (Move.REQUEST_CHANGES, Move.REJECT):
        decided = governed.decide(proposal, move)
        newest = governed.workspace.ledger.list(governed.audrey, newest=1)[0]
        assert (newest.action, newest.objects["head"]) == ("ledger.sign", str(decided.receipt))
        assert newest.objects["key"] == key.public
    check = governed.workspace.ledger.verify(governed.audrey)
    assert check.is_intact
    assert check.is_signature_checked
    with pytest.raises(InputError, match="no public key"):
        governed.workspace.ledger.verify(governed.audrey, key="12")
    assert not governed.workspace.ledger.verify(governed.audrey, key="ab" * 32).is_intact
    assert check.signature.startswith(f"signed up to entry {decided.receipt.seq}, at 2026-")
    secret = (tmp_path / "ledger.pem").read_text().splitlines()[1].encode()
    files = [path for path in governed.workspace.folder.rglob("*") if path.is_file()]
    assert files
    assert not any(secret in path.read_bytes() for path in files)
    assert secret not in exported(governed).read_bytes()


def test_the_script_checks_signatures_by_a_key_and_says_where_it_cannot(signed: Signed, tmp_path: Path) -> None:
    code, said = verified(signed.archive, "--key", signed.key.public)
    assert code == 0, said
    assert f"signed up to entry {signed.lines[-2]['seq']}, at 2026-01-31 00:00:00 UTC\n" in said
    code, said = verified(signed.archive)
    assert code == 0
    assert "signature not checked: it holds 2, and no public key was given" in said
    code, said = verified(signed.archive, "--key", signed.key.public, options=ISOLATED)
    assert code == 3
    assert "signature not checked: this Python lacks the package cryptography" in said
    assert said.endswith("The ledger holds.\n")
    code, said = verified(signed.archive, "--key", SigningKey.make(tmp_path / "other.pem").public)
    assert code == 1
    assert "holds no signature by the key that was given" in said


def test_a_ledger_that_was_written_anew_does_not_hold_whoever_signed_it(signed: Signed, tmp_path: Path) -> None:
    renamed = [{**line, "actor": "mallory" if line["actor"] == "ines" else line["actor"]} for line in signed.lines]
    rewritten = signed.forged(tmp_path, renamed)
    assert verified(rewritten)[0] == 0  # the chain is consistent
    code, said = verified(rewritten, "--key", signed.key.public)
    assert code == 1
    assert "is of another entry" in said
    unsigned = signed.forged(tmp_path, [line for line in renamed if not line["action"].startswith("ledger.")])
    code, said = verified(unsigned, "--key", signed.key.public)
    assert code == 1
    assert "holds no signature by the key that was given" in said


@pytest.mark.parametrize("part", ["head", "signature", "key", "at"])
def test_a_forged_signature_is_found(signed: Signed, tmp_path: Path, part: str) -> None:
    mallory = SigningKey.make(tmp_path / "mallory.pem")
    last = {**signed.lines[-1], "objects": dict(signed.lines[-1]["objects"])}
    assert last["action"] == "ledger.sign"
    match part:
        case "head":
            last["objects"]["head"] = f"1:{signed.lines[0]['hash']}"
        case "signature":
            last["objects"]["signature"] = mallory.sign("plumbline ledger head")
        case "key":
            last["objects"] |= {"key": mallory.public, "signature": mallory.sign("anything")}
        case "at":
            last["at"] = "2020-01-01T00:00:00+00:00"
    code, said = verified(signed.forged(tmp_path, [*signed.lines[:-1], last]), "--key", signed.key.public)
    assert code == 1
    assert f"signature of entry {last['seq']} is forged" in said


def test_nobody_brings_in_a_key_that_the_one_in_force_did_not_sign(signed: Signed, tmp_path: Path) -> None:
    mallory, last = SigningKey.make(tmp_path / "mallory.pem"), signed.lines[-1]
    proof = mallory.sign(f"plumbline ledger key {mallory.public} after {signed.head} at {last['at']}")
    for previous, signature in ((None, None), (signed.key.public, proof), (signed.key.public, None)):
        objects = {"key": mallory.public, "previous": previous, "head": signed.head}
        objects |= {"proof": proof, "signature": signature}
        entry = {**last, "action": "ledger.key", "objects": objects}
        code, said = verified(signed.forged(tmp_path, [*signed.lines, entry]), "--key", signed.key.public)
        assert code == 1
        assert "was not signed by the one before it" in said


def test_a_key_that_was_replaced_signs_nothing_more(signed: Signed, tmp_path: Path) -> None:
    new, last = SigningKey.make(tmp_path / "new.pem"), signed.lines[-1]
    statement = f"plumbline ledger key {new.public} after {signed.head} at {last['at']}"
    objects = {"key": new.public, "previous": signed.key.public, "head": signed.head}
    objects |= {"proof": new.sign(statement), "signature": signed.key.sign(statement)}
    handed_over = {**last, "action": "ledger.key", "objects": objects}
    assert verified(signed.forged(tmp_path, [*signed.lines, handed_over]), "--key", signed.key.public)[0] == 0
    signature = signed.key.sign(f"plumbline ledger head {signed.head} at {last['at']}")
    objects = {"key": signed.key.public, "head": signed.head, "signature": signature}
    entry = {**last, "objects": objects}
    code, said = verified(signed.forged(tmp_path, [*signed.lines, handed_over, entry]), "--key", signed.key.public)
    assert code == 1
    assert "by a key that was not in force" in said


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


def build_again(governed: Governed) -> Workspace:
    """The same workspace opened by another program, which reads the environment as it is now."""
    return Workspace.open(governed.workspace.folder, clock=governed.clock)


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
