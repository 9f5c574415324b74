"""Models, schemas and versions are registered once, and schemas change only where records stay readable."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import ConflictError, InputError, NotAllowedError, SchemaError, UnknownNameError
from core.governance.identity import LOCAL_OPERATOR as ME
from core.governance.identity import Actor, UserRole
from core.record import BatchRole
from core.workspace import Workspace
from tests.builders import SCHEMA, rows, write_csv


def test_a_model_is_shown_as_it_was_added(workspace: Workspace) -> None:
    info = workspace.models.add(ME, "m", SCHEMA)
    assert workspace.models.show(ME, "m") == info
    assert (info.name, info.schema_source, info.versions) == ("m", SCHEMA, ())
    assert workspace.models.list(ME) == (info,)


def test_a_name_is_taken_once(workspace: Workspace) -> None:
    workspace.models.add(ME, "m", SCHEMA)
    with pytest.raises(ConflictError, match="exists already"):
        workspace.models.add(ME, "m", SCHEMA)


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "x" * 201])
def test_a_name_must_be_printable_and_short(workspace: Workspace, name: str) -> None:
    with pytest.raises(InputError, match="1 to 200 printable"):
        workspace.models.add(ME, name, SCHEMA)


def test_a_wrong_schema_is_refused_with_the_keys_that_are_wrong(workspace: Workspace) -> None:
    broken = SCHEMA.replace('type = "numeric"', 'type = "number"').replace('role = "score"', 'role = "skore"')
    with pytest.raises(SchemaError) as refusal:
        workspace.models.add(ME, "m", broken, file="m.toml")
    assert {key for key, _ in refusal.value.problems} == {"columns.amount.type", "columns.score.role"}
    assert str(refusal.value).startswith("m.toml: ")
    assert workspace.models.list(ME) == ()


def test_the_schemas_own_version_is_registered_with_the_model(workspace: Workspace) -> None:
    info = workspace.models.add(ME, "m", 'version = "v3"\n' + SCHEMA)
    assert info.versions == ("v3",)


def test_a_version_is_registered_once(workspace: Workspace) -> None:
    workspace.models.add(ME, "m", SCHEMA)
    assert workspace.versions.add(ME, "m", "v1").name == "v1"
    assert workspace.models.show(ME, "m").versions == ("v1",)
    with pytest.raises(ConflictError, match="registered already"):
        workspace.versions.add(ME, "m", "v1")
    with pytest.raises(UnknownNameError):
        workspace.versions.add(ME, "n", "v1")


def test_a_schema_may_gain_columns_and_change_windows(workspace: Workspace, tmp_path: Path) -> None:
    workspace.models.add(ME, "m", SCHEMA)
    workspace.records.add(ME, "m", [write_csv(tmp_path / "r.csv", rows(300))], role=BatchRole.REFERENCE)
    before = workspace.profiles.refresh(ME, "m")
    wider = SCHEMA.replace('every = "day"', 'every = "week"') + 'extra = { role = "feature", type = "numeric" }\n'
    workspace.models.update(ME, "m", wider)
    after = workspace.profiles.refresh(ME, "m")
    assert before != after
    context = workspace.analysis.context(ME, "m")
    assert context is not None
    assert context.unit == "week"


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('amount = { role = "feature", type = "numeric" }', 'amount = { role = "feature", type = "text" }', "'amount'"),
        ('classes = ["0", "1"]', 'classes = ["1", "0"]', "classes"),
        ('decision = { role = "prediction" }', 'decision = { role = "feature", type = "numeric" }', "'decision'"),
    ],
)
def test_a_schema_that_would_change_what_stored_records_mean_is_refused(
    workspace: Workspace, tmp_path: Path, old: str, new: str, why: str
) -> None:
    workspace.models.add(ME, "m", SCHEMA)
    workspace.records.add(ME, "m", [write_csv(tmp_path / "r.csv", rows(20))])
    with pytest.raises(ConflictError, match=why):
        workspace.models.update(ME, "m", SCHEMA.replace(old, new))
    assert workspace.models.show(ME, "m").schema_source == SCHEMA


def test_without_records_any_schema_of_the_same_task_will_do(workspace: Workspace) -> None:
    workspace.models.add(ME, "m", SCHEMA)
    text = SCHEMA.replace('amount = { role = "feature", type = "numeric" }', 'amount = { role = "ignore" }')
    assert workspace.models.update(ME, "m", text).schema_source == text


def test_viewers_may_look_and_not_change(workspace: Workspace) -> None:
    viewer = Actor(name="v", roles=(UserRole.VIEWER,))
    assert workspace.models.list(viewer) == ()
    with pytest.raises(NotAllowedError, match="configure"):
        workspace.models.add(viewer, "m", SCHEMA)
