"""A model monitored in a table gives the report that its files would, and notices what changes there."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psycopg
import pytest

from core.actions.retrain.mitigation_plan import Constraint
from core.errors import ConflictError, InputError, NotAllowedError, OutsideError
from core.governance.identity import LOCAL_OPERATOR as ME
from core.governance.identity import WORKER, Actor, UserRole
from core.governance.proposals import ProposalKind
from core.record import BatchRole
from core.workspace import Workspace

ADMIN = Actor(name="root", roles=(UserRole.ADMIN,))
NOW = datetime(2026, 3, 1, tzinfo=UTC)
SCHEMA = """
task = "binary"
timezone = "America/New_York"
[window]
every = "day"
[outcome]
classes = ["0", "1"]
[labels]
delay_days = 1
[columns]
id = { role = "id" }
at = { role = "timestamp" }
version = { role = "version" }
amount = { role = "feature", type = "numeric" }
colour = { role = "feature", type = "categorical" }
sex = { role = "attribute", type = "categorical", protected = true, segment = true }
score = { role = "score" }
decision = { role = "prediction" }
outcome = { role = "label" }
"""
CREATE = """CREATE TABLE log (id text, at timestamptz, version text, amount float8, colour text, sex text,
    score float8, decision int, outcome int, spare text)"""
COLUMNS = ["id", "at", "version", "amount", "colour", "sex", "score", "decision", "outcome"]


def rows(start: str, n_days: int, *, seed: int, a_day: int = 40) -> pd.DataFrame:
    rng, n = np.random.default_rng(seed), n_days * a_day
    score = (rng.beta(2, 5, n) * 10).round() / 10  # few values: an expression of few bins is made fast
    at = pd.Timestamp(start, tz="UTC") + pd.to_timedelta(np.arange(n) * 86_400 // a_day, unit="s")
    return pd.DataFrame(
        {
            "id": [f"{seed}-{k}" for k in range(n)],
            "at": at,
            "version": "v1",
            "amount": np.where(rng.random(n) < 0.05, np.nan, (rng.normal(10 + seed, 3, n)).round()),
            "colour": rng.choice(["red", "green", "blue"], n),
            "sex": rng.choice(["f", "m"], n),
            "score": score,
            "decision": (score >= 0.3).astype(int),
            "outcome": (rng.random(n) < score).astype(int),
        }
    )


REFERENCE, PRODUCTION = rows("2026-01-01 05:00", 30, seed=0), rows("2026-02-05 05:00", 14, seed=1)


def workspace(folder: Path) -> Workspace:
    """A workspace with the model and its reference."""
    space = Workspace.open(folder, clock=lambda: NOW)
    space.models.add(ME, "m", SCHEMA)
    path = folder / "reference.csv"
    REFERENCE.assign(at=REFERENCE["at"].map(pd.Timestamp.isoformat)).to_csv(path, index=False)
    space.records.add(ME, "m", [path], role=BatchRole.REFERENCE)
    return space


def on_files(folder: Path) -> Workspace:
    """A workspace that took in the same production as a file."""
    space, path = workspace(folder / "files"), folder / "production.csv"
    PRODUCTION.assign(at=PRODUCTION["at"].map(pd.Timestamp.isoformat)).to_csv(path, index=False)
    space.records.add(ME, "m", [path])
    space.profiles.refresh(ME, "m")
    return space


def add_reference(space: Workspace, folder: Path) -> None:
    """Ten days more of it, so that bins are made anew."""
    more, path = rows("2025-12-01 05:00", 10, seed=3), folder / "more.csv"
    more.assign(at=more["at"].map(pd.Timestamp.isoformat)).to_csv(path, index=False)
    space.records.add(ME, "m", [path], role=BatchRole.REFERENCE)


def insert(url: str, frame: pd.DataFrame) -> None:
    values = [tuple(None if pd.isna(cell) else cell for cell in row) for row in frame[COLUMNS].itertuples(index=False)]
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        names = ", ".join(COLUMNS)
        cursor.executemany(f"INSERT INTO log ({names}) VALUES ({', '.join(['%s'] * len(COLUMNS))})", values)


def execute(url: str, statement: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(statement)


def reports(space: Workspace) -> list[Any]:
    """All that is measured of the model."""
    analysis = space.analysis
    found = [analysis.drift(ME, "m"), analysis.performance(ME, "m"), analysis.concept(ME, "m")]
    return [*found, analysis.fairness(ME, "m"), analysis.quality(ME, "m"), analysis.summary(ME, "m")]


def rounded(report: Any) -> str:
    """A report in words, its numbers to nine digits, since sums differ by the order of their additions.

    How many rows a window's files had is left out: each window of a table is a batch of its own.
    """
    words = re.sub(r"n_in_files=\d+", "", str(report))
    return re.sub(r"\d+\.\d+(e-?\d+)?", lambda found: f"{float(found[0]):.9g}", words)


@pytest.fixture
def log(postgres_url: str) -> str:
    execute(postgres_url, CREATE)
    return postgres_url


@pytest.fixture
def space(tmp_path: Path, log: str) -> Iterator[Workspace]:
    space = workspace(tmp_path / "workspace")
    space.sources.add(ADMIN, "m", "warehouse", url=log, table="log")
    yield space
    space.close()


@pytest.mark.postgres
def test_a_table_gives_the_report_of_the_same_rows_on_files(space: Workspace, log: str, tmp_path: Path) -> None:
    insert(log, PRODUCTION)
    found = space.sources.read(ME, "m")
    assert (found.n_windows, found.n_rows, found.n_rejected) == (14, len(PRODUCTION), 0)
    assert found.source.watermark_at == PRODUCTION["at"].max()
    of_files = on_files(tmp_path)
    for ours, theirs in zip(reports(space), reports(of_files), strict=True):
        assert rounded(ours) == rounded(theirs)
    of_files.close()


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # py4j leaves its sockets to the collector
def test_a_folder_on_spark_gives_the_report_of_the_same_rows_on_files(spark_session: Any, tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    PRODUCTION.to_parquet(tmp_path / "log" / "part.parquet", coerce_timestamps="us")
    on_spark = workspace(tmp_path / "spark")
    on_spark.sources.add(ADMIN, "m", "lake", url="local[2]", table=str(tmp_path / "log"))
    assert on_spark.sources.read(ME, "m").n_rows == len(PRODUCTION)
    of_files = on_files(tmp_path)
    for ours, theirs in zip(reports(on_spark), reports(of_files), strict=True):
        assert rounded(ours) == rounded(theirs)
    on_spark.close()
    of_files.close()
    gc.collect()


@pytest.mark.postgres
def test_rows_and_labels_that_come_late_are_picked_up_in_their_own_windows(space: Workspace, log: str) -> None:
    early, late = PRODUCTION.drop(range(50, 60)), PRODUCTION.loc[50:59]
    early = early.assign(outcome=early["outcome"].where(early.index < 400).astype(object))
    insert(log, early)
    space.sources.read(ME, "m")
    again = space.sources.read(ME, "m")
    assert again.n_windows == 0, "nothing changed, so nothing is counted"
    insert(log, late)
    execute(log, "UPDATE log SET outcome = decision WHERE id = '1-500'")
    changed = space.sources.read(ME, "m")
    assert (changed.n_windows, changed.n_rows) == (2, 80)
    windows = space.analysis.context(ME, "m").windows
    assert [window.n for window in windows] == [40] * 14
    assert windows[12].n_labelled == 1
    retracted = [batch for batch in space.batches.list(ME, "m") if batch.retracted_at is not None]
    assert [batch.retracted_reason for batch in retracted] == [
        "counted again: 40 rows of this window are in the table now, 30 were",
        "counted again: 40 rows of this window are in the table now, 40 were",
    ]


@pytest.mark.postgres
def test_windows_whose_rows_were_deleted_stay_as_they_were_counted(space: Workspace, log: str, tmp_path: Path) -> None:
    insert(log, PRODUCTION)
    space.sources.read(ME, "m")
    execute(log, "DELETE FROM log WHERE at < '2026-02-07 12:00+00'")
    found = space.sources.read(ME, "m")
    assert found.kept == ("2026-02-05", "2026-02-06", "2026-02-07")
    assert found.lost == ()
    assert [window.n for window in space.analysis.context(ME, "m").windows] == [40] * 14
    add_reference(space, tmp_path)
    found = space.sources.read(ME, "m")
    assert (found.n_windows, found.lost) == (11, found.kept), "what is gone can't be counted on other bins"
    assert space.analysis.context(ME, "m").windows[0].name == "2026-02-08"
    assert space.sources.read(ME, "m").lost == ()


@pytest.mark.postgres
def test_a_changed_table_is_a_finding_and_what_cannot_be_read_is_counted(space: Workspace, log: str) -> None:
    insert(log, PRODUCTION)
    execute(log, "ALTER TABLE log DROP COLUMN colour")
    execute(log, "ALTER TABLE log ALTER COLUMN amount TYPE text")
    execute(log, "ALTER TABLE log ADD COLUMN extra int")
    found = space.sources.read(ME, "m")
    assert found.source.findings == (
        "column amount is string, was float64; none of its values can be read",
        "column colour is gone; its values are missing in every row",
        "column extra is new",
    )
    readable = int(PRODUCTION["amount"].isna().sum())
    assert found.n_rows == readable
    assert found.reasons[0][::2] == ("amount", len(PRODUCTION) - readable)
    assert found.n_rejected == len(PRODUCTION) - readable


@pytest.mark.postgres
def test_rows_that_fit_no_record_are_set_aside_with_the_reasons_of_a_file(space: Workspace, log: str) -> None:
    insert(log, PRODUCTION)
    execute(log, "UPDATE log SET score = 1.5 WHERE id = '1-0'")
    execute(log, "UPDATE log SET outcome = 7 WHERE id = '1-1'")
    execute(log, "UPDATE log SET at = NULL WHERE id = '1-2'")
    execute(log, "UPDATE log SET at = 'infinity' WHERE id = '1-3'")
    execute(log, "UPDATE log SET id = NULL WHERE id = '1-4'")
    execute(log, "UPDATE log SET at = '2031-01-01' WHERE id = '1-5'")
    execute(log, "UPDATE log SET id = '1-7' WHERE id = '1-6'")
    found = space.sources.read(ME, "m")
    assert sorted(found.reasons) == [
        ("at", "missing value", 1),
        ("at", "time in the future", 1),
        ("at", "unparseable time", 1),
        ("id", "missing value", 1),
        ("outcome", "unknown class", 1),
        ("score", "score outside 0..1", 1),
    ]
    assert (found.n_rows, found.n_duplicates) == (len(PRODUCTION) - 7, 1)


@pytest.mark.postgres
def test_what_a_source_needs_is_said_before_it_is_added(tmp_path: Path, log: str) -> None:
    space = workspace(tmp_path / "workspace")

    def add(url: str = log, table: str = "log") -> None:
        space.sources.add(ADMIN, "m", "warehouse", url=url, table=table)

    with pytest.raises(NotAllowedError):
        space.sources.add(ME, "m", "warehouse", url=log, table="log")
    with pytest.raises(InputError, match="no table 'nothing'"):
        add(table="nothing")
    with pytest.raises(InputError, match="leave them out and set PLUMBLINE_SOURCE_PASSWORD") as refused:
        add(url="postgresql://me:hunter2@127.0.0.1/db")
    assert "hunter2" not in str(refused.value)
    with pytest.raises(InputError, match="expected postgresql://"):
        add(url="mysql://127.0.0.1/db")
    with pytest.raises(OutsideError, match="Connection refused"):
        add(url="postgresql://127.0.0.1:9/db")
    execute(log, "ALTER TABLE log ALTER COLUMN at TYPE timestamp, ALTER COLUMN score TYPE text")
    with pytest.raises(InputError, match=r"without a time zone.*score is string, expected a number.*Make a view"):
        add()
    execute(log, "DROP TABLE log")
    execute(log, "CREATE TABLE log (id text)")
    with pytest.raises(InputError, match="no column 'at', the model's timestamp"):
        add()
    assert space.sources.list(ME, "m") == ()
    space.close()


@pytest.mark.postgres
def test_a_model_takes_its_production_from_files_or_from_a_table(space: Workspace, log: str, tmp_path: Path) -> None:
    path = tmp_path / "production.csv"
    PRODUCTION.to_csv(path, index=False)
    (outcome,) = space.records.add(ME, "m", [path])
    assert outcome.error is not None
    assert "monitored in log" in outcome.error
    (outcome,) = space.labels.add(ME, "m", [path])
    assert outcome.error is not None
    assert "the table's own column" in outcome.error
    space.sources.remove(ADMIN, "m", "warehouse")
    (outcome,) = space.records.add(ME, "m", [path])
    assert outcome.error is None
    with pytest.raises(InputError, match="production that came from files"):
        space.sources.add(ADMIN, "m", "again", url=log, table="log")


@pytest.mark.postgres
def test_a_new_reference_counts_the_table_on_its_bins(space: Workspace, log: str, tmp_path: Path) -> None:
    insert(log, PRODUCTION)
    space.sources.read(ME, "m")
    add_reference(space, tmp_path)
    assert space.sources.read(WORKER, "m").n_windows == 14
    assert [window.n for window in space.analysis.context(ME, "m").windows] == [40] * 14


@pytest.mark.postgres
def test_what_only_a_sample_can_not_answer_is_refused_in_words(space: Workspace, log: str) -> None:
    insert(log, PRODUCTION)
    space.sources.read(ME, "m")
    batch = space.batches.list(ME, "m")[-1]
    with pytest.raises(ConflictError, match="would be again at the next reading"):
        space.batches.retract(ME, batch.id, reason="wrong")
    assert space.predictions.show(ME, "m", "1-5").version == "v1"
    with pytest.raises(InputError, match="only a sample of rows is kept"):
        space.predictions.show(ME, "m", "nothing")
    with pytest.raises(InputError, match="only counts are kept"), space.as_known(ME, "m", NOW):
        pass


@pytest.mark.postgres
def test_a_retraining_from_a_sample_is_refused_when_it_is_asked_for(space: Workspace, log: str) -> None:
    def refuses(said: str) -> None:
        with pytest.raises(InputError, match=rf"{said}.* train it where they lie, add it with `plumbline version add`"):
            space.proposals.open(ME, "m", ProposalKind.RETRAIN, reason="it drifts")
        with pytest.raises(InputError, match=said):
            space.mitigations.curve(ME, "m", {}, sensitive="sex", constraint=Constraint.DEMOGRAPHIC_PARITY)
        assert space.proposals.list(ME, "m") == ()

    refuses("m is monitored in log, of which")  # the reference alone isn't what it would have to learn from
    insert(log, PRODUCTION.assign(amount=PRODUCTION["amount"] + 30))
    space.sources.read(ME, "m")
    refuses("m is monitored in log, of which")
    said = space.execution.judge(WORKER, "m")
    assert said.startswith("Alert 1, "), "it is critical, and the job that finds so goes on"
    assert "m is monitored in log" in said
    space.sources.remove(ADMIN, "m", "warehouse")
    refuses("m was monitored in a table, of which")


@pytest.mark.postgres
def test_what_a_database_refuses_is_said_in_its_words(space: Workspace, log: str) -> None:
    execute(log, "CREATE ROLE reader LOGIN")
    space.sources.remove(ADMIN, "m", "warehouse")
    space.sources.add(ADMIN, "m", "read", url=log.replace("plumbline@", "reader@"), table="log")
    with pytest.raises(OutsideError, match="permission denied for table log"):
        space.sources.read(ME, "m")


@pytest.mark.postgres
def test_the_nightly_analysis_reads_the_table_first(space: Workspace, log: str) -> None:
    insert(log, PRODUCTION)
    execute(log, "ALTER TABLE log ADD COLUMN extra int")
    job, said = space.jobs.analyse(ME, "m"), []
    space.execution.analyse(WORKER, job.id, say=lambda words, _share: said.append(words))
    assert "log: column extra is new." in said
    assert [window.n for window in space.analysis.context(ME, "m").windows] == [40] * 14
