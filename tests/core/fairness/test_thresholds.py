"""Another threshold from counts is that threshold applied to the rows."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import InputError, UnknownNameError
from core.fairness.groups import group_rates
from core.fairness.scores import GroupScores
from core.fairness.thresholds import confusion_at, equalising_thresholds, rate_curves, thresholds
from core.stats.binning import fit_scores


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(31)
    group = rng.choice(["a", "b"], 1500, p=[0.7, 0.3])
    score = (rng.beta(2, 4, 1500) + 0.1 * (group == "b")).round(2).clip(0, 1)
    label = (rng.random(1500) < score).astype(float)
    label[rng.random(1500) < 0.3] = np.nan
    return score, label, group


@pytest.fixture(scope="module")
def scores(rows):
    score, label, group = rows
    bins = fit_scores(score)
    code, place = bins.assign(score), (group == "b").astype(int)
    table = np.zeros((bins.size, 2), dtype=np.int64)
    np.add.at(table, (code, place), 1)
    by_class = np.zeros((bins.size, 2, 2), dtype=np.int64)
    known = ~np.isnan(label)
    np.add.at(by_class, (code[known], label[known].astype(int), place[known]), 1)
    return GroupScores(rows=table, by_class=by_class, bins=bins, group_names=("a", "b"))


@pytest.mark.parametrize("positive", [0, 1])
def test_counts_at_every_threshold_are_those_of_the_rows(rows, scores, positive):
    score, label, group = rows
    for place, threshold in list(enumerate(thresholds(scores)))[::7]:
        said = np.where(score > threshold, positive, 1 - positive)
        truth = np.where(np.isnan(label), 2, np.where(label == 1, positive, 1 - positive)).astype(int)
        expected = np.zeros((3, 3, 2), dtype=np.int64)
        np.add.at(expected, (said, truth, (group == "b").astype(int)), 1)
        assert (confusion_at(scores, place, positive=positive) == expected).all()


def test_curves_are_the_rates_at_each_threshold(scores):
    for rate in (
        "selection_rate",
        "true_positive_rate",
        "false_positive_rate",
        "positive_predictive_value",
        "accuracy",
    ):
        curves = rate_curves(scores, rate)
        for place in range(0, len(curves.thresholds), 9):
            rates = group_rates(
                confusion_at(scores, place, positive=1), group_names=("a", "b"), positive=1, favourable=1
            )
            expected = [np.nan if each.value is None else each.value for each in rates.of(rate)]
            assert curves.by_group[place] == pytest.approx(expected, nan_ok=True)
            whole = rates.total(rate).value
            assert curves.overall[place] == pytest.approx(np.nan if whole is None else whole, nan_ok=True)
    declined = rate_curves(scores, "selection_rate", favours_positive=False)
    assert declined.by_group == pytest.approx(1 - rate_curves(scores, "selection_rate").by_group)


def test_thresholds_of_their_own_bring_groups_to_one_rate_and_say_what_that_is(scores):
    found = equalising_thresholds(scores, "selection_rate", 0.3)
    assert found.values == pytest.approx((0.3, 0.3), abs=0.03)
    assert thresholds(scores)[found.places[1]] > thresholds(scores)[found.places[0]]
    assert "because of their group" in found.risk
    table = confusion_at(scores, found.places, positive=1)
    rates = group_rates(table, group_names=("a", "b"), positive=1, favourable=1).of("selection_rate")
    assert tuple(each.value for each in rates) == pytest.approx(found.values)


def test_what_no_threshold_can_do_is_refused(scores):
    with pytest.raises(UnknownNameError, match="equalise"):
        equalising_thresholds(scores, "accuracy", 0.3)
    with pytest.raises(UnknownNameError, match="rate"):
        rate_curves(scores, "prevalence")
    with pytest.raises(InputError, match="between 0 and 1"):
        equalising_thresholds(scores, "selection_rate", 1.2)
    with pytest.raises(InputError, match="places"):
        confusion_at(scores, 5000, positive=1)
