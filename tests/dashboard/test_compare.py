"""The Compare page shows any two versions on the same records, and what was changed between them."""

from __future__ import annotations

from pathlib import Path

from core.governance.identity import LOCAL_OPERATOR
from core.workspace import Workspace
from tests.builders import SCHEMA
from tests.dashboard.signing import MODEL, OpenAs, actor, assert_escaped, words


def test_the_newest_version_stands_beside_the_one_in_force_with_what_changed(
    open_as: OpenAs, signed_folder: Path
) -> None:
    page = open_as("vera", "compare", signed_folder, model=MODEL)
    assert not page.exception
    assert (page.selectbox(key="champion").value, page.selectbox(key="candidate").value) == ("v1", "v2")
    assert_escaped(page)
    text = words(page)
    assert "however often one looks: of 300 rows 0 went from wrong to right" in text
    assert "For whom does it get worse?" in text
    assert "Of what was registered," in text
    assert "v1: no training data were registered." in text
    space = Workspace.open(signed_folder)
    try:
        changes = {
            c.name: (c.before, c.after) for c in space.comparisons.changes(actor("vera"), MODEL, "v2", "v1").changes
        }
    finally:
        space.close()
    assert changes["depth"] == (None, "4")
    assert changes["batch 1"] == (None, "has it")
    assert all(name in text for name in changes)


def test_two_versions_that_scored_no_common_rows_are_told_apart_by_what_was_registered_alone(
    open_as: OpenAs, signed_folder: Path
) -> None:
    page = open_as("vera", "compare", signed_folder, model=MODEL, candidate="v1", champion="v2")
    assert not page.exception
    text = words(page)
    assert "What the change does can't be told." in text
    assert "v1 has no evaluation data: take some in for it first." in text
    assert "depth" in text


def test_with_one_version_there_is_nothing_to_compare(open_as: OpenAs, tmp_path: Path) -> None:
    space = Workspace.open(tmp_path / "w")
    space.models.add(LOCAL_OPERATOR, MODEL, SCHEMA)
    space.close()
    page = open_as(LOCAL_OPERATOR, "compare", tmp_path / "w", model=MODEL)
    assert not page.exception
    assert f"{MODEL} has 0 versions: there is nothing to compare." in words(page)
