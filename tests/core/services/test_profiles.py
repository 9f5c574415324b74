"""What is counted stays readable while it is counted anew, and its size is bounded and said."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from core.governance.identity import LOCAL_OPERATOR as ME
from core.governance.identity import WORKER
from core.profile import sample as sample_module
from core.profile.counts import CountTable
from core.profile.size import size_of
from core.profile.spec import ProfileSpec
from core.record import BatchRole
from core.services.drift import ColumnReport, WholeRowsTrend
from core.services.observations import Context
from core.services.profiles import SAMPLES
from core.storage import batches as batches_module
from core.storage.database import Database
from core.storage.repository import Repository
from core.storage.tables import CountRow
from core.workspace import Workspace
from tests.builders import SCHEMA, START, rows, write_csv


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A model with a reference of ten days and two days of production."""
    space = Workspace.open(tmp_path / "workspace")
    space.models.add(ME, "m", SCHEMA)
    reference = write_csv(tmp_path / "reference.csv", rows(600, seed=1, prefix="a"))
    space.records.add(ME, "m", [reference], role=BatchRole.REFERENCE)
    files = [
        write_csv(tmp_path / f"{day}.csv", rows(80, start=START + timedelta(days=20 + day), days=1, prefix=f"d{day}-"))
        for day in range(2)
    ]
    space.records.add(ME, "m", files)
    space.profiles.refresh(ME, "m")
    return space


def spec_of(database: Database) -> tuple[int, ProfileSpec]:
    with database.read() as session:
        repository = Repository(session)
        profile = repository.profiles(repository.model("m"))[0]
        return profile.id, ProfileSpec.from_json(profile.spec)


def test_old_numbers_are_shown_until_a_new_reference_is_counted_wholly(workspace: Workspace, tmp_path: Path) -> None:
    before = workspace.analysis.context(ME, "m").profile_digest
    more = write_csv(tmp_path / "more.csv", rows(300, start=START + timedelta(days=10), seed=2, prefix="b"))
    workspace.records.add(ME, "m", [more], role=BatchRole.REFERENCE)
    seen = []

    def look(name: str, done: int, n: int) -> None:
        seen.append((name, done, n, workspace.analysis.context(ME, "m").profile_digest))

    after = workspace.profiles.refresh(ME, "m", progress=look)
    assert [(done, n) for name, done, n, _ in seen if name != SAMPLES] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert [name for name, *_ in seen[4:]] == [SAMPLES] * len(seen[4:])
    assert len(seen) > 4
    assert {digest for *_, digest in seen} == {before}
    assert workspace.analysis.context(ME, "m").profile_digest == after != before


def test_a_file_that_is_not_counted_yet_brings_no_earlier_reference_back(workspace: Workspace, tmp_path: Path) -> None:
    more = write_csv(tmp_path / "more.csv", rows(300, start=START + timedelta(days=10), seed=2, prefix="b"))
    (added,) = workspace.records.add(ME, "m", [more], role=BatchRole.REFERENCE)
    both = workspace.profiles.refresh(ME, "m")
    workspace.batches.retract(ME, added.batch_id, reason="was a trial")
    assert workspace.profiles.recount(ME, "m") is None  # it was counted on the first alone before
    first = workspace.analysis.context(ME, "m").profile_digest
    late = write_csv(tmp_path / "late.csv", rows(80, start=START + timedelta(days=22), days=1, prefix="late-"))
    workspace.records.add(ME, "m", [late])
    assert workspace.analysis.context(ME, "m").profile_digest == first != both


def test_how_far_a_recount_is_can_be_asked_for(workspace: Workspace, tmp_path: Path) -> None:
    assert workspace.profiles.recount(ME, "m") is None
    more = write_csv(tmp_path / "more.csv", rows(300, start=START + timedelta(days=10), seed=2, prefix="b"))
    workspace.records.add(ME, "m", [more], role=BatchRole.REFERENCE)
    told = []

    def look(name: str, done: int, n: int) -> None:
        found = workspace.profiles.recount(ME, "m")
        assert found is not None
        told.append((found.n_counted, found.n_batches))

    workspace.profiles.refresh(ME, "m", progress=look)
    assert told[:4] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert workspace.profiles.recount(ME, "m") is None


def drift_of(workspace: Workspace) -> tuple[Context, tuple[ColumnReport, ...], tuple[WholeRowsTrend, ...]]:
    report = workspace.analysis.drift(ME, "m")
    return report.context, report.columns, report.whole_rows


def test_the_worker_counts_for_a_new_reference_while_the_old_report_stays(workspace: Workspace, tmp_path: Path) -> None:
    before = drift_of(workspace)
    more = write_csv(tmp_path / "more.csv", rows(300, start=START + timedelta(days=10), seed=2, prefix="b"))
    workspace.records.add(ME, "m", [more], role=BatchRole.REFERENCE)
    assert workspace.jobs.recount(ME, "m") is None  # no worker runs: whoever brought it in counts
    with workspace.worker_lock.hold() as is_ours:
        assert is_ours
        job = workspace.jobs.recount(ME, "m")
        assert job is not None
        assert workspace.jobs.recount(ME, "m") == job  # one job, however often it is asked for
    workspace.jobs.begin(WORKER, job.id)
    said = []

    def say(text: str, progress: float) -> None:
        if not said:
            late = write_csv(tmp_path / "late.csv", rows(80, start=START + timedelta(days=22), days=1, prefix="late-"))
            workspace.records.add(ME, "m", [late])
        said.append(progress)
        assert drift_of(workspace)[1:] == before[1:]

    workspace.execution.analyse(WORKER, job.id, say=say)
    workspace.jobs.finish(WORKER, job.id, "Counted.")
    assert said == sorted(said)
    assert len(set(said)) > 3
    assert drift_of(workspace)[0].n_reference == before[0].n_reference + 300
    assert len(drift_of(workspace)[0].windows) == len(before[0].windows) + 1  # what came in meanwhile is counted too
    with workspace.worker_lock.hold():
        assert workspace.jobs.recount(ME, "m") is None


def test_no_window_of_a_version_holds_more_counters_than_its_size_says(workspace: Workspace) -> None:
    profile_id, spec = spec_of(workspace.database)
    cells: dict[tuple[int, str], dict[tuple[str, str], int]] = {}
    with workspace.database.read() as session:
        for row in session.query(CountRow).filter(CountRow.profile_id == profile_id):
            tables = cells.setdefault((row.window, row.version), {})
            tables[row.segment, row.name] = CountTable.decode(row.data).size
    assert cells
    assert max(sum(tables.values()) for tables in cells.values()) <= size_of(spec).n_counters


def test_what_is_cut_is_named(workspace: Workspace) -> None:
    _, spec = spec_of(workspace.database)
    assert size_of(spec).cut == ()
    many = {"area": tuple(f"a{n}" for n in range(50)), "sex": ("f", "m"), "age": ("1", "2"), "town": ("x", "y")}
    wide = replace(spec, groups=many)
    assert size_of(wide).cut == (
        "area: its 50 most frequent values are groups, any other is (new groups)",
        "area x sex x age: 832 cells, 256 are the most",
        "town: only the first three attributes are crossed",
    )


def test_a_sample_and_known_ids_are_the_same_however_many_rows_are_looked_at_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_csv(tmp_path / "file.csv", rows(500, seed=3))
    again = write_csv(tmp_path / "again.csv", rows(500, seed=3)[200:])
    found = []
    for at_once in (1_000_000, 100):
        monkeypatch.setattr(sample_module, "AT_ONCE", at_once)
        monkeypatch.setattr(batches_module, "IDS_AT_ONCE", at_once)
        space = Workspace.open(tmp_path / f"workspace-{at_once}")
        space.models.add(ME, "m", SCHEMA.replace("[columns]", "[sample]\nrows = 7\n[columns]"))
        space.records.add(ME, "m", [file], role=BatchRole.REFERENCE)
        (outcome,) = space.records.add(ME, "m", [again])
        space.profiles.refresh(ME, "m")
        sample = space.samples.rows(ME, "m", role=BatchRole.REFERENCE)
        found.append((outcome.n_duplicates, outcome.n_rows, sample["@id"].tolist()))
        space.close()
    assert found[0] == found[1]
    assert found[0][:2] == (300, 0)
