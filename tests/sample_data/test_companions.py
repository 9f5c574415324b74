"""The two small models fit their schemas, are the same each time, and nothing happens to them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from scipy.stats import ks_2samp
from sklearn.metrics import accuracy_score, log_loss, r2_score

from core.governance.identity import LOCAL_OPERATOR
from core.record import BatchRole
from core.schema import ModelSchema, Role
from core.workspace import Workspace
from sample_data import companions
from sample_data.companions import Companion
from sample_data.traffic import week_names

FOLDER = Path(companions.__file__).parent


@pytest.fixture(scope="module", params=["affordability", "document-type"])
def companion(request: pytest.FixtureRequest) -> Companion:
    return companions.affordability() if request.param == "affordability" else companions.document_type()


@pytest.fixture(scope="module")
def schema(companion: Companion) -> ModelSchema:
    path = FOLDER / f"{companion.name}.toml"
    return ModelSchema.from_toml(path.read_text(encoding="utf-8"), path.name)


def test_the_schema_names_exactly_the_columns_of_the_files(companion: Companion, schema: ModelSchema) -> None:
    late = {schema.name_of(Role.LABEL), schema.name_of(Role.LABEL_TIME)}
    assert set(schema.columns) == set(companion.reference.columns)
    assert set(schema.columns) - late == set(companion.production.columns)
    assert {schema.name_of(Role.ID), *late} == set(companion.labels.columns)


def test_labels_come_as_late_as_the_schema_says(companion: Companion, schema: ModelSchema) -> None:
    rows = companion.production.merge(companion.labels, on="prediction_id", validate="one_to_one")
    assert len(rows) == len(companion.labels) < len(companion.production)
    assert (rows["label_time"] - rows["timestamp"] == timedelta(days=schema.labels.delay_days)).all()


def test_each_is_small_and_starts_and_ends_with_whole_weeks(companion: Companion) -> None:
    assert len(companion.reference) + len(companion.production) < 30_000
    n_weeks = [week_names(frame["timestamp"]).nunique() for frame in (companion.reference, companion.production)]
    assert n_weeks == ([12, 26] if companion.name == "affordability" else [3, 5])
    assert week_names(companion.production["timestamp"]).max() == "2026-W39"


def test_no_feature_moves(companion: Companion, schema: ModelSchema) -> None:
    numeric = [name for name in schema.features if companion.reference[name].dtype == float]
    p_values = [ks_2samp(companion.reference[n].dropna(), companion.production[n].dropna()).pvalue for n in numeric]
    assert len(p_values) >= 4
    assert min(p_values) * len(p_values) > 0.05


def test_two_runs_agree_in_every_value() -> None:
    for make in (companions.affordability, companions.document_type):
        pd.testing.assert_frame_equal(make().production, make().production)


def test_affordability_predicts_without_bias() -> None:
    reference = companions.affordability().reference
    error = reference["predicted_income"] - reference["disposable_income"]
    assert 0.85 < r2_score(reference["disposable_income"], reference["predicted_income"]) < 0.95
    assert abs(error.mean()) < 10


def test_document_type_gives_probabilities_that_say_more_than_the_shares_do() -> None:
    reference = companions.document_type().reference
    names = sorted(companions.DOCUMENTS)
    probabilities = reference[[f"p_{name}" for name in names]].to_numpy()
    kinds = reference["document_type"].astype(str)
    assert probabilities.sum(axis=1) == pytest.approx(1.0, abs=3e-4)
    assert 0.85 < accuracy_score(kinds, reference["predicted_type"].astype(str)) < 0.95
    normalised = probabilities / probabilities.sum(axis=1, keepdims=True)
    assert log_loss(kinds, normalised, labels=names) < 0.35


def test_every_row_of_the_files_is_taken_in(companion: Companion, workspace: Workspace, tmp_path: Path) -> None:
    written = companions.write(tmp_path, companions=[companion])
    schema, reference, *rest = written
    workspace.models.add(LOCAL_OPERATOR, companion.name, schema.read_text(encoding="utf-8"))
    workspace.records.add(LOCAL_OPERATOR, companion.name, [reference], role=BatchRole.REFERENCE)
    weeks = [path for path in rest if path.parent.name == "production"][:2]
    outcomes = workspace.records.add(LOCAL_OPERATOR, companion.name, weeks)
    assert sum(outcome.n_rows for outcome in outcomes) == sum(len(pd.read_parquet(path)) for path in weeks)
    late = next(path for path in rest if path.parent.name == "labels")
    outcome = workspace.labels.add(LOCAL_OPERATOR, companion.name, [late])[0]
    assert outcome.n_rejected == 0
    assert outcome.n_matched == outcome.n_rows > 0
