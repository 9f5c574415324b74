"""Verify an exported ledger with nothing but Python: python verify_export.py ledger.zip [RECEIPT ...]

Reads ledger.jsonl and evidence/*.json of the archive; says what is wrong with each entry; exits 1 if anything
is. A receipt, number:hash, shows whether the ledger still holds what it was given for: the chain alone can't
show that its end was cut off, or that all of it was written anew.
"""

import hashlib
import json
import sys
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

GENESIS = "0" * 64
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


def problems_of(archive: zipfile.ZipFile, receipts: Sequence[str]) -> Iterator[str]:
    """Whatever doesn't hold, in words; prints at the end how much was read."""
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
    """Print every problem; 0 if there is none."""
    if not arguments:
        print(__doc__)  # noqa: T201
        return 2
    try:
        with zipfile.ZipFile(arguments[0]) as archive:
            found = list(problems_of(archive, arguments[1:]))
    except FileNotFoundError:
        print(f"There is no file {arguments[0]}.")  # noqa: T201
        return 2
    except UNREADABLE as error:
        found = [f"the archive can't be read: {error}"]
    for problem in found:
        print(f"PROBLEM: {problem}")  # noqa: T201
    print("The ledger does not hold." if found else "The ledger holds.")  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
