"""Two versions compared on public data: the numbers are scikit-learn's and scipy's, the slices hold on unseen rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from core.compare.comparison import Comparison, compare
from core.compare.rows import Predictions
from core.schema import Task

pytestmark = pytest.mark.data
CLASSES = ("no", "yes")


@dataclass(frozen=True, kw_only=True)
class Compared:
    label: np.ndarray
    scores: tuple[np.ndarray, np.ndarray]
    groups: dict[str, np.ndarray]
    finding: np.ndarray
    result: Comparison  # the trees in place of the regression
    back: Comparison  # and the other way round


def compared(rows: pd.DataFrame, label: pd.Series, groups: dict[str, pd.Series]) -> Compared:
    """A logistic regression on numbers against boosted trees on everything, on the second half of the rows."""
    numbers = rows.select_dtypes("number")
    coded = rows.apply(lambda column: column if column.name in numbers else pd.factorize(column)[0]).astype(float)
    order = np.random.default_rng(1).permutation(len(rows))
    train, test = order[: len(rows) // 2], order[len(rows) // 2 :]
    y = label.to_numpy().astype(int)
    linear = make_pipeline(StandardScaler(), LogisticRegression()).fit(numbers.iloc[train], y[train])
    trees = HistGradientBoostingClassifier(max_iter=30, random_state=1).fit(coded.iloc[train], y[train])
    scores = linear.predict_proba(numbers.iloc[test])[:, 1], trees.predict_proba(coded.iloc[test])[:, 1]
    names = np.array(CLASSES, dtype=object)
    sides = [Predictions(prediction=names[(score > 0.5).astype(int)], score=score) for score in scores]
    finding = np.random.default_rng(2).random(test.size) < 0.5
    held = {name: column.to_numpy(dtype=object)[test] for name, column in groups.items()}
    result, back = (
        compare(names[y[test]], *pair, task=Task.BINARY, classes=CLASSES, groups=held, finding=finding)
        for pair in (sides, sides[::-1])
    )
    return Compared(label=y[test], scores=scores, groups=held, finding=finding, result=result, back=back)


@pytest.fixture(scope="module")
def adult(shared_data: Path) -> Compared:
    rows = pd.read_parquet(shared_data / "adult" / "adults.parquet")
    label = rows.pop("class").astype(str).str.contains(">50K")
    rows = rows.drop(columns="fnlwgt")
    held = {"sex": rows["sex"], "race": rows["race"], "workclass": rows["workclass"]}
    return compared(rows, label, {name: column.astype(str) for name, column in held.items()})


@pytest.fixture(scope="module")
def german(shared_data: Path) -> Compared:
    rows = pd.read_csv(shared_data / "german_credit" / "german_credit_uci_codes.csv")
    label = rows.pop(rows.columns[-1]) == 1
    female = rows["personal_status_and_sex"].isin(["A92", "A95"])
    groups = {"sex": pd.Series(np.where(female, "female", "male")), "housing": rows["housing"].astype(str)}
    return compared(rows, label, groups)


@pytest.mark.parametrize("name", ["adult", "german"])
def test_the_numbers_are_those_of_scikit_learn_and_scipy(name: str, request: pytest.FixtureRequest) -> None:
    found: Compared = request.getfixturevalue(name)
    measures = {each.measure: each for each in found.result.differences}
    right = [(score > 0.5) == found.label for score in found.scores]
    accuracy = measures["accuracy"]
    assert [accuracy.champion, accuracy.candidate] == pytest.approx(
        [accuracy_score(found.label, score > 0.5) for score in found.scores]
    )
    gained, lost = int((right[1] & ~right[0]).sum()), int((right[0] & ~right[1]).sum())
    assert accuracy.p_value == pytest.approx(binomtest(gained, gained + lost).pvalue, abs=1e-12)
    assert [measures["roc_auc"].champion, measures["roc_auc"].candidate] == pytest.approx(
        [roc_auc_score(found.label, score) for score in found.scores]
    )
    daily = found.result.at_any_time
    assert daily is not None
    assert (daily.n, daily.n_gained, daily.n_lost) == (found.label.size, gained, lost)
    assert daily.interval is not None
    assert accuracy.interval is not None
    assert daily.interval.low <= accuracy.interval.low < accuracy.interval.high <= daily.interval.high


def test_on_adult_trees_are_surely_better_and_on_german_credit_nobody_can_tell_daily(
    adult: Compared, german: Compared
) -> None:
    assert adult.result.at_any_time is not None
    assert german.result.at_any_time is not None
    assert adult.result.at_any_time.verdict == "better"
    assert german.result.at_any_time.verdict == "cannot_tell"


def test_slices_that_lose_their_trees_are_confirmed_with_the_difference_of_the_rows_held_out(adult: Compared) -> None:
    confirmation = adult.back.confirmation
    assert confirmation is not None
    assert (confirmation.n_finding, confirmation.n_confirming) == (adult.finding.sum(), (~adult.finding).sum())
    change = np.subtract(*((score > 0.5) == adult.label for score in adult.scores), dtype=float)
    confirmed = [each.held_out for each in confirmation.confirmed if each.held_out.measure == "accuracy"]
    assert len(confirmed) >= 5
    for each in confirmed:
        inside = ~adult.finding
        for column, value in each.where:
            inside &= adult.groups[column] == value
        assert (each.n, each.difference) == (inside.sum(), pytest.approx(change[inside].mean()))
        assert each.difference is not None
        assert each.difference < -each.margin
