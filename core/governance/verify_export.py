"""Verify an exported ledger with nothing but Python: python verify_export.py ledger.zip [RECEIPT ...]

Reads ledger.jsonl and evidence/*.json of the archive; says what is wrong with each entry; exits 1 if anything
is. A receipt, number:hash, shows whether the ledger still holds what it was given for: the chain alone can't
show that its end was cut off, or that all of it was written anew.
"""

import hashlib
import json
import sys
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any

GENESIS = "0" * 64
FIELDS = ("seq", "at", "actor", "action", "objects", "previous_hash")


def canonical(value: Any) -> str:
    """Canonical JSON: keys sorted, no blanks."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def problems_of(archive: zipfile.ZipFile, receipts: Sequence[str]) -> Iterator[str]:
    """Whatever doesn't hold, in words; prints at the end how much was read."""
    names = set(archive.namelist())
    previous, expected = GENESIS, 1
    hashes: dict[int, str] = {}
    cited: set[str] = set()
    for line in archive.read("ledger.jsonl").decode().splitlines():
        entry = json.loads(line)
        seq = entry["seq"]
        if seq != expected:
            yield f"entry {expected} is missing or out of order: entry {seq} comes instead"
        elif entry["previous_hash"] != previous:
            yield f"entry {seq} doesn't follow the entry before it"
        body = {field: entry[field] for field in FIELDS}
        if hashlib.sha256(canonical(body).encode()).hexdigest() != entry["hash"]:
            yield f"entry {seq} was edited: its content doesn't have its hash"
        previous, expected = entry["hash"], seq + 1
        hashes[seq] = entry["hash"]
        if entry["objects"].get("evidence"):
            cited.add(entry["objects"]["evidence"])
    for sha256 in sorted(cited):
        name = f"evidence/{sha256}.json"
        if name not in names:
            yield f"evidence {sha256} is missing"
        elif hashlib.sha256(archive.read(name)).hexdigest() != sha256:
            yield f"evidence {sha256} was altered"
    for receipt in receipts:
        seq, _, digest = receipt.partition(":")
        if not seq.isdigit() or int(seq) not in hashes:
            yield f"receipt {seq} has no entry: the ledger was cut off or rewritten"
        elif hashes[int(seq)] != digest:
            yield f"entry {seq} is not the one its receipt was given for: the ledger was rewritten"
    print(f"{len(hashes)} entries, {len(cited)} pieces of evidence, {len(receipts)} receipts read")  # noqa: T201


def main(arguments: Sequence[str]) -> int:
    """Print every problem; 0 if there is none."""
    if not arguments:
        print(__doc__)  # noqa: T201
        return 2
    with zipfile.ZipFile(arguments[0]) as archive:
        found = list(problems_of(archive, arguments[1:]))
    for problem in found:
        print(f"PROBLEM: {problem}")  # noqa: T201
    print("The ledger does not hold." if found else "The ledger holds.")  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
