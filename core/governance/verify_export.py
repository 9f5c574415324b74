"""Verify an exported ledger with nothing but Python: python verify_export.py ledger.zip [RECEIPT ...] [--key PUBLIC]

Reads ledger.jsonl and evidence/*.json of the archive; says what is wrong with each entry; exits 1 if anything
is. A receipt, number:hash, shows whether the ledger still holds what it was given for: the chain alone can't
show that its end was cut off, or that all of it was written anew. So does a signature of the head, up to the entry
that was signed: --key takes the public key, 64 hex digits, as it was kept elsewhere. To check it takes the package
cryptography; where that is missing it says so, and exits 3 if nothing else is wrong.
"""

import hashlib
import json
import sys
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

GENESIS = "0" * 64
NEW_KEY, SIGNED = "ledger.key", "ledger.sign"
FIELDS = ("seq", "at", "actor", "action", "objects", "previous_hash")
UNREADABLE = (ValueError, TypeError, KeyError, zipfile.BadZipFile, zlib.error, EOFError, RecursionError)


def canonical(value: Any) -> str:
    """Canonical JSON: keys sorted, no blanks."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def read_entry(line: str) -> tuple[dict[str, Any], str]:
    """An entry, and the hash that its content has; ValueError if it is spelled in any but the one way."""
    entry = json.loads(line)
    if canonical(entry) != line or set(entry) != {*FIELDS, "hash"}:
        raise ValueError
    entry["objects"].get("evidence")
    body = {field: entry[field] for field in FIELDS}
    return entry, hashlib.sha256(canonical(body).encode()).hexdigest()


def head_statement(head: str, at: str) -> str:
    """What is signed of a head, number:hash, at a time in ISO 8601."""
    return f"plumbline ledger head {head} at {at}"


def key_statement(key: str, head: str, at: str) -> str:
    """What a new key and the one before it sign when it takes over."""
    return f"plumbline ledger key {key} after {head} at {at}"


@dataclass(frozen=True)
class Signatures:
    """What checking the signatures of a ledger found; `said` tells in words what was checked, or why nothing was."""

    is_checked: bool
    said: str
    problems: tuple[str, ...] = ()


def check_signatures(entries: Sequence[dict[str, Any]], key: str | None) -> Signatures:
    """Do the signatures hold, by the key that somebody kept elsewhere or those that it handed over to?

    A key from the ledger itself would prove nothing: whoever writes the ledger anew signs it with one of their own.
    """
    n_signed = sum(entry["action"] in {NEW_KEY, SIGNED} for entry in entries)
    if key is None:
        found = f"it holds {n_signed}" if n_signed else "it holds none"
        return Signatures(is_checked=False, said=f"signature not checked: {found}, and no public key was given")
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        return Signatures(is_checked=False, said="signature not checked: this Python lacks the package cryptography")

    def holds(public: str, signature: str, statement: str) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(
                bytes.fromhex(signature), statement.encode()
            )
        except (InvalidSignature, ValueError, TypeError, AttributeError):
            return False
        return True

    return _checked(entries, key.strip().lower(), holds)


def _checked(entries: Sequence[dict[str, Any]], key: str, holds: Any) -> Signatures:
    heads = {f"{entry['seq']}:{entry['hash']}" for entry in entries} | {f"0:{GENESIS}"}
    in_force: str | None = None
    trusted: set[str] = set()
    last: tuple[int, str] | None = None
    problems = []
    for entry in entries:
        seq, objects, at = entry["seq"], entry["objects"], entry["at"]
        if entry["action"] not in {NEW_KEY, SIGNED}:
            continue
        signer, head = str(objects.get("key")), str(objects.get("head"))
        if entry["action"] == NEW_KEY:
            statement, before = key_statement(signer, head, at), objects.get("previous")
            is_handed_over = before == in_force and (
                before is None or holds(before, objects.get("signature"), statement)
            )
            if not is_handed_over:
                problems.append(f"the key that entry {seq} brings in was not signed by the one before it")
            is_valid = holds(signer, objects.get("proof"), statement)
            if signer == key or (is_handed_over and before in trusted):
                trusted.add(signer)
            in_force = signer
        else:
            is_valid = holds(signer, objects.get("signature"), head_statement(head, at))
            if signer != in_force:
                problems.append(f"entry {seq} is signed by a key that was not in force")
        number = head.partition(":")[0]
        if not is_valid:
            problems.append(f"the signature of entry {seq} is forged: it is not by the key it names")
        elif head not in heads or int(number) >= seq:
            problems.append(f"the signature of entry {seq} is of another entry {number}: the ledger was rewritten")
        elif signer in trusted:
            last = int(number), at
    if last is None:
        why = "the ledger holds no signature by the key that was given: it is another's, or all was written anew"
        return Signatures(is_checked=True, said="signed by another key, or not at all", problems=(why, *problems))
    n_after = sum(entry["seq"] > last[0] and entry["action"] not in {NEW_KEY, SIGNED} for entry in entries)
    after = f"; {n_after} came after it" if n_after else ""
    return Signatures(
        is_checked=True,
        said=f"signed up to entry {last[0]}, at {last[1][:19].replace('T', ' ')} UTC{after}",
        problems=tuple(problems),
    )


def problems_of(archive: zipfile.ZipFile, receipts: Sequence[str], entries: list[dict[str, Any]]) -> Iterator[str]:
    """Whatever doesn't hold, in words; collects the entries, and prints at the end how much was read."""
    names = archive.namelist()
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"the archive holds {name} more than once"
    previous, expected = GENESIS, 1
    hashes: dict[int, str] = {}
    cited: set[str] = set()
    # Not splitlines: what people wrote may hold other characters that end a line.
    for line in archive.read("ledger.jsonl").decode().removesuffix("\n").split("\n"):
        if not line and not hashes:
            continue  # an empty ledger
        try:
            entry, computed = read_entry(line)
        except (AttributeError, *UNREADABLE):
            yield f"entry {expected} was edited: it can't be read"
            previous, expected = "", expected + 1
            continue
        seq = entry["seq"]
        if seq != expected:
            yield f"entry {expected} is missing or out of order: entry {seq} comes instead"
        elif entry["previous_hash"] != previous:
            yield f"entry {seq} doesn't follow the entry before it"
        if computed != entry["hash"]:
            yield f"entry {seq} was edited: its content doesn't have its hash"
        previous, expected = entry["hash"], seq + 1
        hashes[seq] = entry["hash"]
        entries.append(entry)
        if entry["objects"].get("evidence"):
            cited.add(str(entry["objects"]["evidence"]))
    kept = {name[len("evidence/") : -len(".json")] for name in names if name.startswith("evidence/")}
    for sha256 in sorted(cited | kept):
        yield from evidence_problems(archive, sha256, is_there=sha256 in kept)
    for receipt in receipts:
        yield from receipt_problems(receipt, hashes)
    print(f"{len(hashes)} entries, {len(kept)} pieces of evidence, {len(receipts)} receipts read")  # noqa: T201


def evidence_problems(archive: zipfile.ZipFile, sha256: str, *, is_there: bool) -> Iterator[str]:
    """What is wrong with one piece of evidence."""
    if not is_there:
        yield f"evidence {sha256} is missing"
        return
    try:
        found = hashlib.sha256(archive.read(f"evidence/{sha256}.json")).hexdigest()
    except UNREADABLE:
        found = "unreadable"
    if found != sha256:
        yield f"evidence {sha256} was altered"


def receipt_problems(receipt: str, hashes: dict[int, str]) -> Iterator[str]:
    """What is wrong with the entry that a receipt was given for."""
    number, _, digest = receipt.strip().partition(":")
    if not (number.isascii() and number.isdigit()) or int(number) not in hashes:
        yield f"receipt {number} has no entry: the ledger was cut off or rewritten"
    elif hashes[int(number)] != digest:
        yield f"entry {number} is not the one its receipt was given for: the ledger was rewritten"


def main(arguments: Sequence[str]) -> int:
    """Print every problem; 0 if there is none, 3 if none was found but a signature couldn't be checked."""
    given, key = list(arguments), None
    if "--key" in given[:-1]:
        place = given.index("--key")
        key = given[place + 1]
        del given[place : place + 2]
    if not given or "--key" in given:
        print(__doc__)  # noqa: T201
        return 2
    entries: list[dict[str, Any]] = []
    signatures = None
    try:
        with zipfile.ZipFile(given[0]) as archive:
            found = list(problems_of(archive, given[1:], entries))
        signatures = check_signatures(entries, key)
        found += signatures.problems
        print(signatures.said)  # noqa: T201
    except FileNotFoundError:
        print(f"There is no file {given[0]}.")  # noqa: T201
        return 2
    except UNREADABLE as error:
        found = [f"the archive can't be read: {error}"]
    for problem in found:
        print(f"PROBLEM: {problem}")  # noqa: T201
    print("The ledger does not hold." if found else "The ledger holds.")  # noqa: T201
    is_left_out = key is not None and signatures is not None and not signatures.is_checked
    return 1 if found else 3 if is_left_out else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
