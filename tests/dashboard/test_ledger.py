"""The Ledger page says who did what, and whether the record is intact; green only where that was verified."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from core.governance.identity import LOCAL_OPERATOR
from core.workspace import Workspace
from tests.dashboard.signing import (
    MODEL,
    CopyOf,
    OpenAs,
    actor,
    assert_escaped,
    codes,
    submit,
    words,
)

GREEN = ":green-badge"


def forge(folder: Path, statement: str) -> None:
    """Change the ledger as somebody would who owns the database: without its triggers."""
    with sqlite3.connect(folder / "plumbline.db") as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f'DROP TRIGGER "{name}"')
        database.execute(statement)
    database.close()


def receipts(folder: Path) -> list[str]:
    """The receipts of all entries, the first entry's first."""
    space = Workspace.open(folder)
    found = [f"{entry.seq}:{entry.hash}" for entry in reversed(space.ledger.list(actor("alma"), newest=10_000))]
    space.close()
    return found


def test_an_intact_ledger_is_verified_with_its_size_and_head(open_as: OpenAs, signed_folder: Path) -> None:
    given = receipts(signed_folder)
    page = open_as("alma", "ledger", signed_folder)
    assert not page.exception
    assert f"All {len(given)} entries hold, and so does the evidence they name." in words(page)
    assert ":green-badge[:material/check_circle: Verified]" in words(page)
    assert given[-1] in codes(page)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE ledger SET actor = 'mallory' WHERE seq = 5", "Entry 5 was edited"),
        ("DELETE FROM ledger WHERE seq = 5", "Entry 5 is missing"),
        ("UPDATE ledger SET objects = '![x](http://evil/a.png)' WHERE seq = 5", "Entry 5 was edited"),
        ("UPDATE evidence SET content = content || ' '", "was altered"),
        ("DELETE FROM evidence", "is missing"),
    ],
)
def test_what_was_altered_is_named_and_nothing_is_green(
    open_as: OpenAs, copy_of_signed: CopyOf, statement: str, said: str
) -> None:
    folder = copy_of_signed()
    forge(folder, statement)
    page = open_as("alma", "ledger", folder)
    assert not page.exception
    text = words(page)
    assert "The ledger does not hold:" in text
    assert said in text
    assert GREEN not in text
    assert "![x](" not in "".join(element.value for element in page.markdown)


def test_an_entry_edited_after_it_was_verified_is_found_when_asked_again(
    open_as: OpenAs, copy_of_signed: CopyOf
) -> None:
    folder = copy_of_signed()
    page = open_as("alma", "ledger", folder)
    assert GREEN in words(page)
    forge(folder, "UPDATE ledger SET actor = 'mallory' WHERE seq = 5")
    submit(page, "Verify again")
    assert "Entry 5 was edited" in words(page)
    assert GREEN not in words(page)


def test_an_end_that_was_cut_off_is_shown_by_a_receipt_alone(open_as: OpenAs, copy_of_signed: CopyOf) -> None:
    folder = copy_of_signed()
    kept = receipts(folder)[-1]
    forge(folder, "DELETE FROM ledger WHERE seq = (SELECT max(seq) FROM ledger)")
    page = open_as("alma", "ledger", folder)
    assert "Verified" in words(page)
    page.text_area(key="receipts_given").set_value(kept)
    submit(page, "Check receipts")
    assert not page.exception
    assert "the ledger was cut off or rewritten" in words(page)
    assert ":red-badge[:material/error: Does not hold]" in words(page)


def test_receipts_that_were_kept_are_held_against_the_ledger(open_as: OpenAs, signed_folder: Path) -> None:
    given = receipts(signed_folder)
    page = open_as("alma", "ledger", signed_folder)

    def said(text: str) -> str:
        page.text_area(key="receipts_given").set_value(text)
        submit(page, "Check receipts")
        assert not page.exception
        return words(page)

    assert ":green-badge[:material/check_circle: Held] They are in the ledger" in said("\n".join(given[:3]))
    assert "is not the one its receipt was given for" in said(f"3:{'ab' * 32}")
    assert "Paste one or more receipts" in said(" \n ")
    assert ":gray-badge[:material/block: Not checked]" in said("![x](http://evil/a.png)")


def test_nothing_to_verify_is_grey(open_as: OpenAs, tmp_path: Path) -> None:
    page = open_as(LOCAL_OPERATOR, "ledger", tmp_path / "w")
    assert not page.exception
    assert "There is no entry yet." in words(page)
    assert GREEN not in words(page)


def test_what_cannot_be_verified_is_grey(open_as: OpenAs, copy_of_signed: CopyOf) -> None:
    folder = copy_of_signed()
    forge(folder, "ALTER TABLE evidence RENAME TO gone")
    page = open_as("alma", "ledger", folder)
    assert not page.exception
    assert ":gray-badge[:material/hourglass_empty: Not verified]" in words(page)
    assert GREEN not in words(page)


def test_entries_are_listed_in_words_and_escaped(open_as: OpenAs, signed_folder: Path) -> None:
    page = open_as("ines", "ledger", signed_folder)
    assert_escaped(page)
    text = words(page)
    assert "v2 of loans is in force, before it v1; proposal 2" in text
    assert "proposal 3, roll back to v1 of loans, now approved: Because complaints came in." in text
    assert "otto is reviewer" in text


def test_entries_of_one_person_or_action_only(open_as: OpenAs, signed_folder: Path) -> None:
    page = open_as("alma", "ledger", signed_folder, who="otto")
    table = page.table[-1].value
    assert {cell.split("  \n")[0] for cell in table["Who, and when (UTC)"]} == {"otto"}
    page.selectbox(key="what").set_value("proposal.approve").run()
    table = page.table[-1].value
    assert [cell.split("  \n")[0] for cell in table["What"]] == ["proposal\\: approve"]
    page.selectbox(key="what").set_value("model.add").run()
    assert "No entry is of this kind." in words(page)


def test_older_entries_come_page_by_page(open_as: OpenAs, copy_of_signed: CopyOf) -> None:
    folder = copy_of_signed()
    space = Workspace.open(folder)
    for minute in range(60):
        space.jobs.schedule(actor("ada"), MODEL, f"02:{minute:02d}")
    n = space.ledger.size(actor("alma"))
    space.close()
    page = open_as("alma", "ledger", folder)

    def shown() -> list[int]:
        return [int(number.replace(",", "")) for number in page.table[-1].value["Entry"]]

    assert shown() == list(range(n, n - 50, -1))
    submit(page, "Older")
    assert shown() == list(range(n - 50, max(0, n - 100), -1))
    submit(page, "Newest")
    assert shown()[0] == n
    submit(page, "Older")
    page.selectbox(key="who").set_value("ada").run()
    assert shown()[0] == n, "another choice begins with the newest"


def test_one_entry_with_all_it_holds_and_its_receipt(open_as: OpenAs, signed_folder: Path) -> None:
    given = receipts(signed_folder)
    page = open_as("alma", "ledger", signed_folder)
    page.selectbox(key="entry").set_value(4).run()
    assert not page.exception
    assert given[3] in codes(page)
    assert given[2].split(":")[1] in codes(page)


@pytest.mark.parametrize("who", ["ada", "ines", "alma", "root"])
def test_who_may_read_it(open_as: OpenAs, signed_folder: Path, who: str) -> None:
    assert "Verified" in words(open_as(who, "ledger", signed_folder))


def test_a_viewer_is_told_who_may(open_as: OpenAs, signed_folder: Path) -> None:
    page = open_as("vera", "ledger", signed_folder)
    assert not page.exception
    text = words(page)
    assert "The ledger: that is for an engineer, a reviewer, a validator, an owner, an auditor or an admin." in text
    assert "Verified" not in text
    assert not page.table
    assert not page.get("download_button")


def test_whoever_reads_it_can_take_it_along(open_as: OpenAs, signed_folder: Path) -> None:
    page = open_as("alma", "ledger", signed_folder)
    assert [button.proto.label for button in page.get("download_button")] == ["Export ledger and evidence"]
    assert any("python verify.py plumbline-ledger.zip RECEIPT" in code for code in codes(page))
