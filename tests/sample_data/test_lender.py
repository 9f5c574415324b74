"""The scenario is the same each time, fits its schema, and is written as files that Plumbline takes in."""

from __future__ import annotations

import gzip
import hashlib
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from core.governance.identity import LOCAL_OPERATOR
from core.record import BatchRole
from core.schema import ModelSchema, Role
from core.workspace import Workspace
from sample_data import lender
from sample_data.applicants import ATTRIBUTES
from sample_data.files import write_csv, write_parquet
from sample_data.lender import Scenario
from sample_data.scorecards import THRESHOLD
from sample_data.traffic import week_names
from sample_data.warts import CSV_WEEK, WARTS, with_warts

FOLDER = Path(lender.__file__).parent


def is_declined(frame: pd.DataFrame) -> pd.Series:
    return frame["prediction"] == "default"


def digest(scenario: Scenario) -> str:
    whole = hashlib.sha256()
    for frame in (scenario.reference, scenario.production, scenario.labels, scenario.evaluation, scenario.champion):
        whole.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
    return whole.hexdigest()


def test_two_runs_with_one_seed_agree_in_every_value(scenario: Scenario) -> None:
    assert digest(lender.generate()) == digest(scenario)


def test_another_seed_gives_other_values(scenario: Scenario) -> None:
    assert digest(lender.generate(1)) != digest(scenario)


def test_the_small_files_in_the_project_are_what_the_generator_writes(scenario: Scenario, tmp_path: Path) -> None:
    written = lender.write_small(tmp_path, scenario=scenario)
    assert len(written) == 3
    for path in written:
        assert path.read_bytes() == (FOLDER / path.name).read_bytes(), f"{path.name} is out of date"


def test_the_schema_names_exactly_the_columns_of_the_files(schema: ModelSchema, scenario: Scenario) -> None:
    assert set(schema.columns) == set(scenario.reference.columns)
    assert set(schema.columns) == set(scenario.evaluation.columns)
    late = {schema.name_of(Role.LABEL), schema.name_of(Role.LABEL_TIME)}
    assert set(schema.columns) - late == set(scenario.production.columns)
    assert {schema.name_of(Role.ID), *late} == set(scenario.labels.columns)


def test_decisions_follow_from_score_and_threshold(scenario: Scenario) -> None:
    for frame in (scenario.reference, scenario.production, scenario.evaluation, scenario.champion):
        assert frame["score"].between(0.0, 1.0).all()
        assert ((frame["score"] >= THRESHOLD) == is_declined(frame)).all()


def test_ids_are_unique_and_rows_are_in_order_of_time(scenario: Scenario) -> None:
    ids = pd.concat([scenario.reference["prediction_id"], scenario.production["prediction_id"]])
    assert ids.is_unique
    assert scenario.reference["timestamp"].is_monotonic_increasing
    assert scenario.production["timestamp"].is_monotonic_increasing


def test_each_protected_attribute_is_missing_in_some_rows(scenario: Scenario) -> None:
    for name in ATTRIBUTES:
        assert 0.004 < scenario.reference[name].isna().mean() < 0.02


def test_evaluated_decisions_were_served_by_the_champion_in_production(scenario: Scenario) -> None:
    served = scenario.production.set_index("prediction_id").loc[scenario.champion["prediction_id"]]
    assert served["score"].to_numpy() == pytest.approx(scenario.champion["score"].to_numpy(), abs=0)


def test_v7_was_promoted_on_decisions_of_v6_that_it_ranks_about_as_well(scenario: Scenario) -> None:
    served = scenario.reference.set_index("prediction_id").loc[scenario.takeover["prediction_id"]]
    assert set(served["version"]) == {"v6"}
    assert set(scenario.takeover["version"]) == {"v7"}
    is_default = served["label"].to_numpy() == "default"
    gained = roc_auc_score(is_default, scenario.takeover["score"]) - roc_auc_score(is_default, served["score"])
    assert gained == pytest.approx(0.003, abs=0.0005)


def test_every_file_is_written_and_told_of(scenario: Scenario, tmp_path: Path) -> None:
    told: list[tuple[str, int]] = []
    written = lender.write(tmp_path, scenario=scenario, progress=lambda name, rows: told.append((name, rows)))
    names = [path.relative_to(tmp_path).as_posix() for path in written]
    assert names[:2] == ["credit-default.toml", "reference.parquet"]
    assert names[-2:] == ["evaluation-v7.parquet", "evaluation-v8.parquet"]
    weeks = [name for name in names if name.startswith("production/")]
    assert weeks[0] == "production/2026-W14.parquet"
    assert weeks[-1] == "production/2026-W39.parquet"
    assert len(weeks) == 26
    assert f"production/{CSV_WEEK}.csv.gz" in weeks
    assert [name for name, _ in told] == [path.name for path in written[1:]]
    back = pd.read_parquet(tmp_path / "reference.parquet")
    assert back["score"].tolist() == scenario.reference["score"].tolist()
    assert back["housing"].tolist() == scenario.reference["housing"].tolist()
    labels = pd.concat([pd.read_csv(path) for path in written if path.parent.name == "labels"])
    assert labels["prediction_id"].tolist() == scenario.labels["prediction_id"].tolist()
    with gzip.open(tmp_path / "production" / f"{CSV_WEEK}.csv.gz", "rt") as file:
        assert file.readline().strip().split(",") == list(scenario.production.columns)


def test_exactly_the_bad_rows_are_set_aside(workspace: Workspace, scenario: Scenario, tmp_path: Path) -> None:
    workspace.models.add(LOCAL_OPERATOR, "m", (FOLDER / "credit-default.toml").read_text(encoding="utf-8"))
    few = tmp_path / "reference.parquet"
    write_parquet(few, scenario.reference.head(500))
    workspace.records.add(LOCAL_OPERATOR, "m", [few], role=BatchRole.REFERENCE)
    workspace.versions.add(LOCAL_OPERATOR, "m", "v7")
    weeks = week_names(scenario.production["timestamp"]).to_numpy()
    found: Counter[str] = Counter()
    for week in sorted({wart.week for wart in WARTS}):
        path = tmp_path / (f"{week}.csv.gz" if week == CSV_WEEK else f"{week}.parquet")
        rows = with_warts(week, scenario.production[weeks == week])
        (write_csv if week == CSV_WEEK else write_parquet)(path, rows)
        outcome = workspace.records.add(LOCAL_OPERATOR, "m", [path])[0]
        assert outcome.error is None
        assert outcome.n_rows + outcome.n_rejected == len(rows)
        for reason, _, n in outcome.reasons:
            found[reason] += n
    assert found == Counter(wart.reason for wart in WARTS)
