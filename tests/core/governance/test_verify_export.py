"""Every place of an exported ledger under attack: the script that auditors get finds it, offline.

A chain shows whatever was changed before its end. That the end itself was cut off, or its last entry written anew,
only a receipt that was kept elsewhere can show; both are tried here.
"""

from __future__ import annotations

import json
import random
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from core.governance import verify_export
from core.governance.evidence import canonical_json
from core.governance.ledger import Receipt, next_entry

START = datetime(2026, 1, 1, tzinfo=UTC)
ALL, MANY, SOME = 200, 10_000, 200
Lines = list[str]


@pytest.fixture(autouse=True)
def _reads_each_line_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a line says depends on the line alone: a line that stays as it was is parsed and hashed once."""
    monkeypatch.setattr(verify_export, "read_entry", lru_cache(maxsize=None)(verify_export.read_entry))


@lru_cache
def ledger(n: int) -> tuple[Lines, str]:
    """The lines of a ledger as they are exported, and the receipt of its last entry."""
    lines, previous = [], None
    for number in range(n):
        at, objects = START + timedelta(minutes=number), {"proposal": number // 7, "text": f"reason {number}"}
        entry = next_entry(previous, at=at, actor=f"person {number % 5}", action="proposal.comment", objects=objects)
        previous = Receipt(seq=entry.seq, hash=entry.hash)
        lines.append(canonical_json(entry.to_dict()))
    return lines, str(previous)


@pytest.fixture
def verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., list[str]]:
    """What the script says of lines put into an archive; [] where it says that the ledger holds."""

    def run(lines: Sequence[str], *receipts: str) -> list[str]:
        path = tmp_path / "ledger.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("ledger.jsonl", "".join(f"{line}\n" for line in lines))
        code = verify_export.main([str(path), *receipts])
        said = capsys.readouterr().out.splitlines()
        problems = [line.removeprefix("PROBLEM: ") for line in said if line.startswith("PROBLEM: ")]
        assert said[-1] == ("The ledger does not hold." if problems else "The ledger holds.")
        assert code == bool(problems)
        return problems

    return run


def edited(line: str, field: str) -> str:
    """An entry with one field changed, spelled as the script wants it."""
    entry: dict[str, Any] = json.loads(line)
    changed = {
        "seq": 999_999,
        "at": "2020-01-01T00:00:00+00:00",
        "actor": "mallory",
        "action": "proposal.approve",
        "objects": {"proposal": -1},
        "previous_hash": "f" * 64,
        "hash": "e" * 64,
    }
    return canonical_json({**entry, field: changed[field]})


def forged(line: str) -> str:
    """An entry of somebody else with the hash that its new content has."""
    entry = {**json.loads(line), "actor": "mallory"}
    body = {field: entry[field] for field in verify_export.FIELDS}
    return canonical_json({**entry, "hash": verify_export.read_entry(canonical_json({**body, "hash": ""}))[1]})


def one_by_one(lines: Lines) -> Iterator[tuple[str, Lines]]:
    """Every edit of every field, every deletion and every swap of neighbours, one at a time."""
    for place, line in enumerate(lines):
        for field in (*verify_export.FIELDS, "hash"):
            yield f"{field} of {place + 1}", [*lines[:place], edited(line, field), *lines[place + 1 :]]
    for place in range(len(lines) - 1):  # the last one's are for a receipt to show
        yield f"{place + 1} written anew", [*lines[:place], forged(lines[place]), *lines[place + 1 :]]
        yield f"{place + 1} deleted", lines[:place] + lines[place + 1 :]
        yield f"{place + 1} swapped", [*lines[:place], lines[place + 1], lines[place], *lines[place + 2 :]]


def test_every_edit_deletion_and_swap_at_every_place_of_200_entries_is_found(
    verified: Callable[..., list[str]],
) -> None:
    lines, receipt = ledger(ALL)
    assert verified(lines, receipt) == []
    tried = list(one_by_one(lines))
    assert len(tried) == ALL * 7 + (ALL - 1) * 3
    for what, tampered in tried:
        place = int(re.sub(r"\D", "", what))
        found = verified(tampered)
        assert found, what
        assert re.match(rf"entry ({place}|{place + 1}) ", found[0]), (what, found[0])


def test_every_truncation_of_200_entries_is_found_by_the_receipt_of_the_head_and_by_nothing_else(
    verified: Callable[..., list[str]],
) -> None:
    lines, receipt = ledger(ALL)
    for n_left in range(ALL):
        assert verified(lines[:n_left]) == [], "a chain alone can't show that its end was cut off"
        assert verified(lines[:n_left], receipt) == [f"receipt {ALL} has no entry: the ledger was cut off or rewritten"]
    rewritten = [*lines[:-1], forged(lines[-1])]
    assert verified(rewritten) == [], "nor that its last entry was written anew"
    assert verified(rewritten, receipt) == [
        f"entry {ALL} is not the one its receipt was given for: the ledger was rewritten"
    ]


def test_200_edits_deletions_and_swaps_at_random_in_10_000_entries_are_each_named(
    verified: Callable[..., list[str]],
) -> None:
    """All of a kind in one archive; between them entries are as they were, so that each is found by itself."""
    lines, receipt = ledger(MANY)
    assert verified(lines, receipt) == []
    places = [3 * number for number in random.Random(8).sample(range(MANY // 3 - 1), SOME)]
    fields = [*verify_export.FIELDS[1:], "hash"]
    edits, deletions, swaps = list(lines), list(lines), list(lines)
    for number, place in enumerate(places):
        edits[place] = edited(lines[place], fields[number % len(fields)])
        swaps[place], swaps[place + 1] = lines[place + 1], lines[place]
    for place in sorted(places, reverse=True):
        del deletions[place]
    assert named(verified(edits), r"entry (\d+) was edited") == sorted(place + 1 for place in places)
    missing = r"entry (\d+) is missing or out of order"
    assert named(verified(deletions), missing) == sorted(place + 1 for place in places)
    assert set(named(verified(swaps), missing)) >= {place + 1 for place in places}


def test_200_truncations_at_random_of_10_000_entries_are_found_by_the_receipt_of_the_head(
    verified: Callable[..., list[str]],
) -> None:
    lines, receipt = ledger(MANY)
    for n_left in random.Random(8).sample(range(MANY), SOME):
        assert verified(lines[:n_left], receipt) == [
            f"receipt {MANY} has no entry: the ledger was cut off or rewritten"
        ]


def named(problems: list[str], pattern: str) -> list[int]:
    """The entries that problems of a kind name."""
    return [int(found[1]) for problem in problems if (found := re.match(pattern, problem))]
