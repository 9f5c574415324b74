"""The chain: whatever is changed in it is found, and what a chain can't show a receipt does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.governance.ledger import GENESIS, Entry, Receipt, check_chain, next_entry

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SIZES = st.integers(2, 8)


def chained(actors: Sequence[str], previous: Receipt | None = None) -> list[Entry]:
    entries: list[Entry] = []
    for number, actor in enumerate(actors):
        at = NOW + timedelta(minutes=number)
        entries.append(next_entry(previous, at=at, actor=actor, action="x", objects={"n": number}))
        previous = receipt_of(entries[-1])
    return entries


def receipt_of(entry: Entry) -> Receipt:
    return Receipt(seq=entry.seq, hash=entry.hash)


EDITS = {
    "at": NOW - timedelta(days=1),
    "actor": "mallory",
    "action": "y",
    "objects": {"n": -1},
    "previous_hash": "f" * 64,
    "hash": "0" * 64,
}


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), max_size=8))
def test_an_untouched_chain_is_intact_and_holds_every_receipt_that_was_given(actors: list[str]) -> None:
    entries = chained(actors)
    check = check_chain(entries, receipts=map(receipt_of, entries))
    assert check.is_intact
    assert check.n_entries == len(actors)
    assert check.head == (receipt_of(entries[-1]) if entries else None)


@pytest.mark.parametrize("field", sorted(EDITS))
@given(n=SIZES, data=st.data())
def test_an_edited_field_is_found(field: str, n: int, data: st.DataObject) -> None:
    entries = chained(["ada"] * n)
    place = data.draw(st.integers(0, n - 1))
    entries[place] = replace(entries[place], **{field: EDITS[field]})
    found = " ".join(check_chain(entries).problems)
    assert f"Entry {place + 1} was edited" in found


@given(n=SIZES, data=st.data())
def test_a_deleted_entry_is_found_unless_it_was_the_last(n: int, data: st.DataObject) -> None:
    entries = chained(["ada"] * n)
    place = data.draw(st.integers(0, n - 2))
    del entries[place]
    assert f"Entry {place + 1} is missing" in check_chain(entries).problems[0]


@given(n=SIZES, data=st.data())
def test_entries_that_changed_places_are_found(n: int, data: st.DataObject) -> None:
    first, second = sorted(data.draw(st.lists(st.integers(0, n - 1), min_size=2, max_size=2, unique=True)))
    entries = chained(["ada"] * n)
    entries[first], entries[second] = entries[second], entries[first]
    assert not check_chain(entries).is_intact
    renumbered = [replace(entry, seq=number) for number, entry in enumerate(entries, start=1)]
    assert not check_chain(renumbered).is_intact


@given(n=SIZES, data=st.data())
def test_a_tail_that_was_cut_off_shows_only_against_a_receipt(n: int, data: st.DataObject) -> None:
    entries = chained(["ada"] * n)
    kept = entries[: data.draw(st.integers(0, n - 1))]
    assert check_chain(kept).is_intact
    found = check_chain(kept, receipts=[receipt_of(entries[-1])])
    assert found.problems == (f"The receipt for entry {n} has no entry: the ledger was cut off or rewritten.",)


@given(n=SIZES, data=st.data())
def test_a_tail_written_anew_shows_only_against_a_receipt(n: int, data: st.DataObject) -> None:
    entries = chained(["ada"] * n)
    kept = data.draw(st.integers(0, n - 1))
    before = receipt_of(entries[kept - 1]) if kept else None
    forged = entries[:kept] + chained(["mallory"] * (n - kept), before)
    assert check_chain(forged).is_intact
    assert not check_chain(forged, receipts=[receipt_of(entries[-1])]).is_intact
    if before is not None:
        assert check_chain(forged, receipts=[before]).is_intact  # given for what is still there


def test_the_hash_does_not_depend_on_the_zone_an_instant_is_written_in() -> None:
    entry = chained(["ada"])[0]
    elsewhere = replace(entry, at=entry.at.astimezone(ZoneInfo("Asia/Tokyo")))
    assert elsewhere.computed_hash() == entry.hash
    assert entry.previous_hash == GENESIS


@given(st.integers(1, 10**12), st.text("0123456789abcdef", min_size=64, max_size=64))
def test_a_receipt_reads_back_as_it_is_printed(seq: int, digest: str) -> None:
    receipt = Receipt(seq=seq, hash=digest)
    assert Receipt.parse(f" {receipt}\n") == receipt


@pytest.mark.parametrize(
    "text", ["", "7", "7:", ":" + "a" * 64, "7:" + "a" * 63, "7:" + "G" * 64, "x:" + "a" * 64, "²:" + "a" * 64]
)
def test_what_is_no_receipt_is_refused_with_what_one_looks_like(text: str) -> None:
    with pytest.raises(ValueError, match="is no receipt; one reads like"):
        Receipt.parse(text)
