"""Records come in wholly or not at all, once, and from many processes at the same time."""

from __future__ import annotations

import gzip
import json
import os
import random
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import InputError, UnknownNameError
from core.governance.identity import LOCAL_OPERATOR as ME
from core.record import ID, BatchRole
from core.services import profiles
from core.services.batches import BatchInfo
from core.storage.files import WorkspaceFiles
from core.workspace import Workspace
from tests.builders import HEADER, SCHEMA, START, rows, write_csv
from tests.processes import at_once, started


@pytest.fixture
def model(workspace: Workspace) -> str:
    workspace.models.add(ME, "m", SCHEMA)
    return "m"


def n_stored(workspace: Workspace) -> int:
    return sum(batch.n_rows for batch in workspace.batches.list(ME, "m"))


def stored_ids(workspace: Workspace) -> list[str]:
    paths = (workspace.folder / "records" / "data").glob("*/*.parquet")
    tables = [pq.read_table(path) for path in paths]
    return sorted(key for table in tables if ID in table.column_names for key in table[ID].to_pylist())


def test_the_same_file_twice_adds_nothing_and_says_so(workspace: Workspace, model: str, tmp_path: Path) -> None:
    file = write_csv(tmp_path / "a.csv", rows(50))
    first, second = (workspace.records.add(ME, model, [file])[0] for _ in range(2))
    assert (first.n_rows, first.is_known) == (50, False)
    assert (second.n_rows, second.is_known, second.batch_id) == (0, True, first.batch_id)
    assert "nothing was added" in second.notes[0]
    assert n_stored(workspace) == 50


def test_csv_gzip_parquet_and_json_lines_give_the_same_records(tmp_path: Path) -> None:
    table = rows(40)
    plain = write_csv(tmp_path / "a.csv", table)
    zipped = tmp_path / "a.csv.gz"
    zipped.write_bytes(gzip.compress(plain.read_bytes()))
    lines = tmp_path / "a.jsonl"
    lines.write_text("\n".join(json.dumps(dict(zip(HEADER, map(_plain, row), strict=True))) for row in table))
    parquet = tmp_path / "a.parquet"
    columns = {name: [_plain(row[place]) for row in table] for place, name in enumerate(HEADER)}
    pq.write_table(pa.table(columns), parquet)
    contents = []
    for number, file in enumerate((plain, zipped, lines, parquet)):
        space = Workspace.open(tmp_path / f"w{number}")
        space.models.add(ME, "m", SCHEMA)
        outcome = space.records.add(ME, "m", [file])[0]
        assert (outcome.n_rows, outcome.n_rejected) == (40, 0), outcome
        path = next((space.folder / "records" / "data").glob("*/*.parquet"))
        contents.append(pq.read_table(path).drop_columns(["@line"]))
        space.close()
    assert all(content.equals(contents[0]) for content in contents[1:])


def _plain(value: object) -> object:
    return value.item() if hasattr(value, "item") else value


def test_a_row_that_comes_again_is_dropped_and_one_that_changed_is_set_aside(
    workspace: Workspace, model: str, tmp_path: Path
) -> None:
    table = rows(30)
    workspace.records.add(ME, model, [write_csv(tmp_path / "a.csv", table)])
    changed = [*table[0]]
    changed[3] = 1.0
    again = write_csv(tmp_path / "b.csv", [changed, *table[1:5], *rows(5, prefix="new")])
    outcome = workspace.records.add(ME, model, [again])[0]
    assert (outcome.n_rows, outcome.n_duplicates, outcome.n_rejected) == (5, 4, 1)
    assert outcome.reasons == (("duplicate id with different content", "", 1),)
    reject = workspace.batches.rejects(ME, outcome.batch_id).to_pylist()[0]
    assert reject["line"] == 2
    assert "a.csv" in reject["message"]


def test_duplicates_within_a_file_are_found_too(workspace: Workspace, model: str, tmp_path: Path) -> None:
    table = rows(10)
    changed = [*table[3]]
    changed[4] = "violet"
    outcome = workspace.records.add(ME, model, [write_csv(tmp_path / "a.csv", [*table, table[2], changed])])[0]
    assert (outcome.n_rows, outcome.n_duplicates, outcome.n_rejected) == (10, 1, 1)


def test_an_id_may_come_again_as_evaluation_data_of_another_version(
    workspace: Workspace, model: str, tmp_path: Path
) -> None:
    file = write_csv(tmp_path / "a.csv", rows(20))
    workspace.records.add(ME, model, [file])
    outcome = workspace.records.add(ME, model, [file], role=BatchRole.EVALUATION, version="v1")[0]
    assert (outcome.n_rows, outcome.n_duplicates) == (20, 0)
    with pytest.raises(InputError, match="--version"):
        workspace.records.add(ME, model, [file], role=BatchRole.EVALUATION)


def test_the_first_log_registers_its_versions_and_later_unknown_ones_are_set_aside(
    workspace: Workspace, model: str, tmp_path: Path
) -> None:
    first = workspace.records.add(ME, model, [write_csv(tmp_path / "a.csv", rows(5))])[0]
    assert first.notes == ("registered version v1",)
    other = write_csv(tmp_path / "b.csv", rows(5, prefix="s", version="v9"))
    refused = workspace.records.add(ME, model, [other])[0]
    assert refused.reasons == (("unknown version", "version", 5),)
    workspace.versions.add(ME, model, "v9")
    workspace.batches.retract(ME, refused.batch_id, reason="version was missing")
    assert workspace.records.add(ME, model, [other])[0].n_rows == 5


def test_without_an_id_column_rows_are_named_by_their_place(tmp_path: Path) -> None:
    schema = SCHEMA.replace('id = { role = "id" }\n', "")
    space = Workspace.open(tmp_path / "w")
    space.models.add(ME, "m", schema)
    file = write_csv(tmp_path / "a.csv", rows(7))
    assert space.records.add(ME, "m", [file])[0].n_rows == 7
    assert space.records.add(ME, "m", [file])[0].is_known
    assert len(set(stored_ids(space))) == 7
    space.close()


def test_a_file_that_fails_does_not_stop_the_others(workspace: Workspace, model: str, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_bytes(b"")
    good = write_csv(tmp_path / "good.csv", rows(5))
    failed, taken = workspace.records.add(ME, model, [bad, good])
    assert failed.error is not None
    assert "empty" in failed.error
    assert taken.n_rows == 5


def test_an_unknown_model_names_those_that_exist(workspace: Workspace, model: str, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'm'"):
        workspace.records.add(ME, "mm", [write_csv(tmp_path / "a.csv", rows(5))])


def test_a_retracted_batch_leaves_every_count(workspace: Workspace, model: str, tmp_path: Path) -> None:
    workspace.records.add(ME, model, [write_csv(tmp_path / "ref.csv", rows(200))], role=BatchRole.REFERENCE)
    later = START + timedelta(days=20)
    kept, gone = workspace.records.add(
        ME,
        model,
        [
            write_csv(tmp_path / "a.csv", rows(50, start=later, prefix="a", seed=1)),
            write_csv(tmp_path / "b.csv", rows(50, start=later, prefix="b", seed=2)),
        ],
    )
    workspace.profiles.refresh(ME, model)
    assert _n_counted(workspace, "production") == 100
    info = workspace.batches.retract(ME, gone.batch_id, reason="sent by mistake")
    assert isinstance(info, BatchInfo)
    assert info.retracted_reason == "sent by mistake"
    workspace.profiles.refresh(ME, model)
    assert _n_counted(workspace, "production") == 50
    assert kept.batch_id is not None


def _n_counted(workspace: Workspace, role: str) -> int:
    from core.storage.counts import load_counts

    with workspace.database.read() as session:
        counts = load_counts(session, profile_id=1, role=BatchRole(role), names=["column/amount"])
    return sum(int(table.sum()) for table in counts.counts.get("column/amount", {}).values())


def _ingest_and_count(folder: Path, file: Path, point: str) -> None:
    """In a process of its own, which kills itself at a point."""

    def kill(*_arguments: object, **_options: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def after(function: Callable[..., object]) -> Callable[..., None]:
        def call(*arguments: object, **options: object) -> None:
            function(*arguments, **options)
            kill()

        return call

    space = Workspace.open(folder)
    if point == "before adopting":
        WorkspaceFiles.adopt = kill
    if point == "between adopting and commit":
        WorkspaceFiles.adopt = after(WorkspaceFiles.adopt)
    if point == "while counting":
        profiles.write_tables = after(profiles.write_tables)
    space.records.add(ME, "m", [file])
    space.profiles.refresh(ME, "m")


@pytest.mark.parametrize("point", ["before adopting", "between adopting and commit", "while counting"])
def test_a_kill_at_the_worst_moments_leaves_all_or_nothing(tmp_path: Path, point: str) -> None:
    folder = tmp_path / "w"
    space = Workspace.open(folder)
    space.models.add(ME, "m", SCHEMA)
    space.records.add(ME, "m", [write_csv(tmp_path / "ref.csv", rows(100))], role=BatchRole.REFERENCE)
    space.close()
    file = write_csv(tmp_path / "a.csv", rows(500, start=START + timedelta(days=30), prefix="k"))
    assert at_once(_ingest_and_count, [(folder, file, point)]) == [-signal.SIGKILL]
    _check_whole(folder, file, n_rows=500, expected_batches={2} if point == "while counting" else {1})


def test_a_kill_at_any_moment_leaves_all_or_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    space = Workspace.open(folder)
    space.models.add(ME, "m", SCHEMA)
    space.records.add(ME, "m", [write_csv(tmp_path / "ref.csv", rows(100))], role=BatchRole.REFERENCE)
    space.close()
    rng = random.Random(7)
    for attempt in range(6):
        file = write_csv(
            tmp_path / f"{attempt}.csv", rows(20_000, start=START + timedelta(days=30), prefix=f"k{attempt}-")
        )
        process = started(_ingest_and_count, folder, file, "")
        time.sleep(rng.random() * 1.5)
        process.kill()
        process.join()
        _check_whole(folder, file, n_rows=20_000, expected_batches=None)


def _check_whole(folder: Path, file: Path, *, n_rows: int, expected_batches: set[int] | None) -> None:
    space = Workspace.open(folder)
    before = {batch.source_name: batch for batch in space.batches.list(ME, "m")}
    if expected_batches is not None:
        assert {len(before)} == expected_batches
    assert before.get(str(file)) is None or before[str(file)].n_rows == n_rows
    files = {path.stem for path in (folder / "records" / "data").glob("*/*.parquet")}
    assert len(files) == len(before)
    assert list((folder / "records" / "staging").glob("*")) == []
    space.records.add(ME, "m", [file])
    space.profiles.refresh(ME, "m")
    assert n_stored(space) == _n_counted(space, "production") + _n_counted(space, "reference")
    assert [batch.n_rows for batch in space.batches.list(ME, "m") if batch.source_name == str(file)] == [n_rows]
    space.close()


def _ingest_all(folder: Path, url: str, files: list[Path]) -> None:
    space = Workspace.open(folder, database_url=url)
    for file in files:
        space.records.add(ME, "m", [file])
        space.profiles.refresh(ME, "m")
    space.close()


def test_eight_processes_writing_at_once_lose_and_double_nothing(tmp_path: Path, database_url: str) -> None:
    folder = tmp_path / "w"
    space = Workspace.open(folder, database_url=database_url)
    space.models.add(ME, "m", SCHEMA)
    space.records.add(ME, "m", [write_csv(tmp_path / "ref.csv", rows(100))], role=BatchRole.REFERENCE)
    common = rows(40, start=START + timedelta(days=30), prefix="shared")
    files = [
        write_csv(
            tmp_path / f"{n}.csv", [*common, *rows(60, start=START + timedelta(days=30), prefix=f"own{n}-", seed=n)]
        )
        for n in range(8)
    ]
    orders = [(files + files)[n : n + 3] for n in range(8)]  # every file is taken by three processes
    assert at_once(_ingest_all, [(folder, database_url, order) for order in orders]) == [0] * 8
    assert n_stored(space) == 100 + 40 + 8 * 60
    ids = stored_ids(space)
    assert len(ids) == len(set(ids)) == 100 + 40 + 8 * 60
    assert _n_counted(space, "production") == 40 + 8 * 60
    assert sorted(batch.source_name for batch in space.batches.list(ME, "m")) == sorted(
        [str(tmp_path / "ref.csv"), *map(str, files)]
    )
    space.close()


def test_staging_of_a_process_that_lives_is_not_swept(tmp_path: Path) -> None:
    space = Workspace.open(tmp_path / "w")
    with space.records.files.staging() as folder:
        Workspace.open(tmp_path / "w").close()
        assert folder.is_dir()
    assert not folder.exists()
    space.close()
