"""Late labels join on the id: before their record, after it, again, or for an id nobody knows."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from core.governance.identity import LOCAL_OPERATOR as ME
from core.profile.spec import ProfileSpec, joint_table
from core.record import BatchRole
from core.storage.counts import load_counts
from core.storage.repository import Repository
from core.storage.tables import CountRow, SumRow
from core.workspace import Workspace
from tests.builders import SCHEMA, START, rows, write_csv

LATER = START + timedelta(days=30)
TIMED = SCHEMA + 'known_at = { role = "label_time" }\n'


@pytest.fixture
def model(workspace: Workspace, tmp_path: Path) -> str:
    workspace.models.add(ME, "m", TIMED)
    workspace.records.add(ME, "m", [write_csv(tmp_path / "ref.csv", rows(300))], role=BatchRole.REFERENCE)
    return "m"


def add_records(workspace: Workspace, path: Path, n: int = 40) -> list[list[object]]:
    table = rows(n, start=LATER, days=4, prefix="p", labels=False)
    assert workspace.records.add(ME, "m", [write_csv(path, table)])[0].n_rows == n
    return table


def labels_by_window(workspace: Workspace) -> np.ndarray:
    """(window, label) counts of production; the last label is none."""
    workspace.profiles.refresh(ME, "m")
    with workspace.database.read() as session:
        repository = Repository(session)
        profile = repository.profiles(repository.model("m"))[0]
        spec = ProfileSpec.from_json(profile.spec)
        counts = load_counts(session, profile_id=profile.id, role=BatchRole.PRODUCTION)
    shape = spec.joint_shape()
    tables = [counts.count(joint_table(), [window], int(np.prod(shape))).reshape(shape) for window in counts.windows]
    return np.array([table.sum(axis=(0, 1, 3)) for table in tables])


def label_file(path: Path, labels: list[tuple[object, ...]]) -> Path:
    return write_csv(path, labels, header=("id", "outcome", "known_at")[: len(labels[0])])


def test_labels_that_come_later_fill_exactly_their_windows(workspace: Workspace, model: str, tmp_path: Path) -> None:
    add_records(workspace, tmp_path / "p.csv")
    assert labels_by_window(workspace).tolist() == [[0, 0, 10]] * 4
    outcome = workspace.labels.add(ME, model, [label_file(tmp_path / "l.csv", [("p0", 1), ("p1", 0), ("p12", 1)])])[0]
    assert (outcome.n_rows, outcome.n_matched) == (3, 3)
    assert labels_by_window(workspace).tolist() == [[1, 1, 8], [0, 1, 9], [0, 0, 10], [0, 0, 10]]


def test_late_labels_recount_no_other_window(workspace: Workspace, model: str, tmp_path: Path) -> None:
    add_records(workspace, tmp_path / "p.csv")
    workspace.profiles.refresh(ME, model)

    def stored() -> dict[tuple[object, ...], bytes]:
        with workspace.database.read() as session:
            return {
                (row.__tablename__, row.batch_id, row.window, row.segment, row.name): row.data
                for kind in (CountRow, SumRow)
                for row in session.query(kind)
            }

    before = stored()
    workspace.labels.add(ME, model, [label_file(tmp_path / "l.csv", [("p12", 1)])])
    workspace.profiles.refresh(ME, model)
    after = stored()
    changed = {key for key in before if before[key] != after[key]}
    assert before.keys() == after.keys()
    assert {key[2] for key in changed} == {int((LATER + timedelta(days=1)).timestamp() * 1e6)}
    assert {key[4].split("/")[0] for key in changed} <= {"joint", "loss", "calibration"}


def test_labels_that_come_before_their_records_wait_for_them(workspace: Workspace, model: str, tmp_path: Path) -> None:
    early = workspace.labels.add(ME, model, [label_file(tmp_path / "l.csv", [("p0", 1), ("p39", 0), ("nobody", 1)])])[0]
    assert early.n_matched == 0
    assert "3 labels wait" in early.notes[0]
    add_records(workspace, tmp_path / "p.csv")
    assert labels_by_window(workspace).sum(axis=0).tolist() == [1, 1, 38]
    assert workspace.batches.list_labels(ME, model)[0].n_matched == 2


def test_of_several_labels_the_one_known_last_stands(workspace: Workspace, model: str, tmp_path: Path) -> None:
    add_records(workspace, tmp_path / "p.csv")
    corrections = [("p0", 1, "2026-02-20"), ("p0", 0, "2026-02-10")]
    workspace.labels.add(ME, model, [label_file(tmp_path / "a.csv", corrections)])
    assert labels_by_window(workspace)[0].tolist() == [0, 1, 9]
    workspace.labels.add(ME, model, [label_file(tmp_path / "b.csv", [("p0", 0, "2026-02-15")])])
    assert labels_by_window(workspace)[0].tolist() == [0, 1, 9]
    workspace.labels.add(ME, model, [label_file(tmp_path / "c.csv", [("p0", 0, "2026-03-01")])])
    assert labels_by_window(workspace)[0].tolist() == [1, 0, 9]


def test_of_labels_without_a_time_the_one_that_came_last_stands(
    workspace: Workspace, model: str, tmp_path: Path
) -> None:
    add_records(workspace, tmp_path / "p.csv")
    workspace.labels.add(ME, model, [label_file(tmp_path / "a.csv", [("p0", 1)])])
    workspace.labels.add(ME, model, [label_file(tmp_path / "b.csv", [("p0", 0)])])
    assert labels_by_window(workspace)[0].tolist() == [1, 0, 9]


def test_labels_counted_at_once_equal_labels_counted_as_they_came(tmp_path: Path) -> None:
    def build(folder: Path, *, step_by_step: bool) -> np.ndarray:
        space = Workspace.open(folder)
        space.models.add(ME, "m", TIMED)
        space.records.add(ME, "m", [write_csv(tmp_path / "ref.csv", rows(300))], role=BatchRole.REFERENCE)
        add_records(space, tmp_path / "p.csv")
        for number in range(4):
            pairs = [(f"p{i}", (i + number) % 2) for i in range(number * 7, number * 7 + 12)]
            space.labels.add(ME, "m", [label_file(tmp_path / f"l{number}.csv", pairs)])
            if step_by_step:
                labels_by_window(space)
        result = labels_by_window(space)
        space.close()
        return result

    assert np.array_equal(build(tmp_path / "one", step_by_step=False), build(tmp_path / "two", step_by_step=True))


def test_the_same_label_file_twice_adds_nothing(workspace: Workspace, model: str, tmp_path: Path) -> None:
    file = label_file(tmp_path / "l.csv", [("p0", 1)])
    workspace.labels.add(ME, model, [file])
    assert workspace.labels.add(ME, model, [file])[0].is_known
    assert len(workspace.batches.list_labels(ME, model)) == 1


def test_labels_without_an_id_or_of_an_unknown_class_are_refused_in_words(
    workspace: Workspace, model: str, tmp_path: Path
) -> None:
    lacking = write_csv(tmp_path / "x.csv", [(1,)], header=("outcome",))
    assert "'id' (id) is absent" in (workspace.labels.add(ME, model, [lacking])[0].error or "")
    strange = workspace.labels.add(ME, model, [label_file(tmp_path / "y.csv", [("p0", 7), ("p1", ""), ("p2", 1)])])[0]
    assert strange.n_rows == 1
    assert set(strange.reasons) == {("unknown class", "outcome", 1), ("missing value", "outcome", 1)}
