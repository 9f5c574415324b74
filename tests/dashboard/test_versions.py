"""The Versions page says what is in force, since when and who signed for it."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.governance.identity import LOCAL_OPERATOR
from core.governance.proposals import ProposalKind
from core.workspace import Workspace
from tests.builders import SCHEMA
from tests.dashboard.signing import (
    MODEL,
    CopyOf,
    OpenAs,
    actor,
    assert_escaped,
    codes,
    deploy,
    links,
    sign,
    submit,
    words,
)


def test_the_version_in_force_comes_first_with_who_signed_for_it(open_as: OpenAs, signed_folder: Path) -> None:
    page = open_as("ada", "versions", signed_folder, model=MODEL)
    assert not page.exception
    text = words(page)
    assert "v1 is in force since" in text
    assert "Asked for by ada; approved by ines on" in text
    assert "ledger entry" in text
    assert ":green-badge[:material/check_circle: Approved]" in text


def test_every_stay_links_to_its_review(open_as: OpenAs, signed_folder: Path) -> None:
    page = open_as("vera", "versions", signed_folder, model=MODEL)
    reviews = [query for target, query in links(page) if target.endswith("review")]
    assert reviews == ["proposal=3", "proposal=2", "proposal=1"]


def test_a_version_shows_what_it_was_made_from_and_what_was_left_out(open_as: OpenAs, signed_folder: Path) -> None:
    page = open_as("ada", "versions", signed_folder, model=MODEL, version="v2")
    assert page.selectbox(key="look_into").value == "v2"
    assert_escaped(page)
    text = words(page)
    assert "batches 1" in text or "batch 1" in text
    assert "800 of 2,034 records" in text
    assert "1,234" in text
    with_digests = Workspace.open(signed_folder)
    version = with_digests.versions.show(actor("ada"), MODEL, "v2")
    with_digests.close()
    assert version.artefact_sha256 in codes(page)
    assert version.digest in codes(page)
    assert any('"depth": 4' in code for code in codes(page))


def test_only_what_is_possible_may_be_asked_for_and_only_by_who_may_ask(open_as: OpenAs, signed_folder: Path) -> None:
    def asked(who: str, version: str) -> list[str]:
        page = open_as(who, "versions", signed_folder, model=MODEL, version=version)
        return [query for target, query in links(page) if target.endswith("reviews") and "kind=" in query]

    assert asked("ada", "v2") == ["model=loans&kind=rollback&version=v2"]
    assert asked("ines", "v1") == ["model=loans&kind=retire&version=v1"]
    assert asked("vera", "v2") == []
    page = open_as("vera", "versions", signed_folder, model=MODEL)
    assert "To propose a change is for an engineer, a reviewer, a validator or an owner." in words(page)


def test_which_version_was_in_force_at_an_instant_is_answered_in_a_sentence(
    open_as: OpenAs, signed_folder: Path
) -> None:
    space = Workspace.open(signed_folder)
    history = space.versions.history(actor("ada"), MODEL)
    space.close()
    page = open_as("alma", "versions", signed_folder, model=MODEL)

    def answer(moment: datetime) -> str:
        page.datetime_input(key="at").set_value(moment.replace(tzinfo=None)).run()
        assert not page.exception
        return words(page)

    assert "**no version** was in force" in answer(history[0].since - timedelta(hours=1))
    assert "lies ahead" in answer(datetime.now(UTC) + timedelta(days=2))
    now = answer(datetime.now(UTC) - timedelta(minutes=2))
    assert "**v1** was in force, since" in now
    assert "and still is. Asked for by ada; approved by ines" in now


def test_nothing_promoted_is_grey(open_as: OpenAs, tmp_path: Path) -> None:
    space = Workspace.open(tmp_path / "w")
    space.models.add(LOCAL_OPERATOR, MODEL, SCHEMA)
    space.close()
    page = open_as(LOCAL_OPERATOR, "versions", tmp_path / "w")
    text = words(page)
    assert not page.exception
    assert "No version is in force." in text
    assert "No version is registered." in text
    assert ":green-badge" not in text


def test_an_empty_workspace_says_how_to_begin(open_as: OpenAs, empty_folder: Path) -> None:
    page = open_as("ada", "versions", empty_folder)
    assert not page.exception
    assert "There is no model yet." in words(page)


def test_an_approval_whose_file_was_altered_does_not_hold(open_as: OpenAs, copy_of_signed: CopyOf) -> None:
    folder = copy_of_signed()
    space = Workspace.open(folder)
    deploy(space, sign(space, ProposalKind.ROLLBACK, "v2", by="otto", why="it is better."))
    path = space.versions.artefact(actor("ada"), MODEL, "v2")
    assert path is not None
    path.write_bytes(b"another model")
    space.close()
    text = words(open_as("ada", "versions", folder, model=MODEL))
    assert "v2 is in force since" in text
    assert ":red-badge[:material/error: Approval doesn't hold]" in text
    assert ":green-badge[:material/check_circle: Approved]" not in text


def test_a_version_is_registered_with_its_file(open_as: OpenAs, copy_of_signed: CopyOf) -> None:
    folder = copy_of_signed()
    page = open_as("ada", "versions", folder, model=MODEL)
    page.text_input(key="register_name").set_value("v9")
    page.selectbox(key="register_parent").set_value("v1")
    page.multiselect(key="register_batches").set_value([1, 2])
    page.text_area(key="register_parameters").set_value('{"depth": 6}')
    page.file_uploader(key="register_file").upload("m.bin", b"nine")
    submit(page, "Register as a candidate")
    assert not page.exception
    assert "v9 is a candidate. Its file has 4 bytes." in words(page)
    space = Workspace.open(folder)
    found = space.versions.show(actor("ada"), MODEL, "v9")
    path = space.versions.artefact(actor("ada"), MODEL, "v9")
    space.close()
    assert path is not None
    assert path.read_bytes() == b"nine"
    assert (found.parent, dict(found.parameters), dict(found.training)) == ("v1", {"depth": 6}, {"batches": [1, 2]})


@pytest.mark.parametrize(
    ("name", "parameters", "said"),
    [
        ("", "", "A version needs a name."),
        ("v2", '{"a": 1}', "registered already"),
        ("v9", "[1]", "must be a JSON object"),
        ("v9", "{", "is no JSON"),
        ("v9", "[" * 5_000, "is no JSON"),
        ("v9", '{"a": NaN}', "must be writable as JSON"),
        ("../../x\x00", "", "Not registered"),
    ],
)
def test_what_cannot_be_registered_is_told_why(
    open_as: OpenAs, copy_of_signed: CopyOf, name: str, parameters: str, said: str
) -> None:
    page = open_as("ada", "versions", copy_of_signed(), model=MODEL)
    page.text_input(key="register_name").set_value(name)
    page.text_area(key="register_parameters").set_value(parameters)
    submit(page, "Register as a candidate")
    assert not page.exception
    assert said in words(page)
    assert ":red-badge[:material/error: Not registered]" in words(page)


def test_a_file_that_is_too_large_is_refused(
    open_as: OpenAs, copy_of_signed: CopyOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.components.registry.LIMIT_MB", 1)
    page = open_as("ada", "versions", copy_of_signed(), model=MODEL)
    page.text_input(key="register_name").set_value("v9")
    page.file_uploader(key="register_file").upload("m.bin", io.BytesIO(b"x" * 1_000_001).getvalue())
    submit(page, "Register as a candidate")
    assert "at most 1 MB are uploaded" in words(page)


def test_who_may_not_register_sees_no_form(open_as: OpenAs, signed_folder: Path) -> None:
    for who in ("ines", "vera", "alma", "root"):
        page = open_as(who, "versions", signed_folder, model=MODEL)
        assert not page.exception
        assert "Register a version" not in words(page)
