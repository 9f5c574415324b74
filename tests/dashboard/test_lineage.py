"""The Lineage page: where versions come from, in a sentence, a graph with words, and a table."""

from __future__ import annotations

from pathlib import Path

from core.governance.identity import LOCAL_OPERATOR
from core.workspace import Workspace
from tests.builders import SCHEMA
from tests.dashboard.signing import HOSTILE, MODEL, CopyOf, OpenAs, words


def test_what_is_in_force_stands_with_its_data_and_the_models_it_reads(open_as: OpenAs, copy_of_signed: CopyOf) -> None:
    folder = copy_of_signed()
    space = Workspace.open(folder)
    stacked = SCHEMA.replace('amount = { role = "feature",', 'amount = { role = "feature", output_of = "income",')
    space.models.update(LOCAL_OPERATOR, MODEL, stacked)
    space.versions.add(LOCAL_OPERATOR, MODEL, HOSTILE, training={"batches": [1, 2]}, parent="v2")
    space.close()
    page = open_as("vera", "lineage", folder, model=MODEL)
    assert not page.exception
    text = words(page)
    assert "v1 is in force. It reads outputs of income." in text
    assert "loans reads outputs of income (amount), which isn't watched here" in text
    assert "evaluated on batch 3" in text.replace("*", "")
    assert "trained on batches 1 to 2" in text.replace("*", "")
    assert HOSTILE in text
    assert not [m.value for m in page.markdown if "![x](" in m.value]


def test_a_model_without_a_version_is_said_to_have_none(open_as: OpenAs, tmp_path: Path) -> None:
    space = Workspace.open(tmp_path / "w")
    space.models.add(LOCAL_OPERATOR, MODEL, SCHEMA)
    space.close()
    page = open_as(LOCAL_OPERATOR, "lineage", tmp_path / "w", model=MODEL)
    assert not page.exception
    assert f"{MODEL} has no version yet." in words(page)
