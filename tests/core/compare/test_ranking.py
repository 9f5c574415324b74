"""DeLong's paired test against structural components over all pairs, scikit-learn's areas, and its coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from core.compare.ranking import auc_difference, delong
from core.compare.rows import Predictions, pair_rows
from core.compare.verdicts import Verdict
from core.schema import Task

TOY = np.array([1] * 5 + [0] * 6, dtype=bool)
FIRST = np.array([0.9, 0.8, 0.7, 0.6, 0.35, 0.65, 0.5, 0.4, 0.3, 0.2, 0.1])
SECOND = np.array([0.8, 0.55, 0.9, 0.4, 0.3, 0.7, 0.6, 0.35, 0.45, 0.2, 0.1])


def structural_components(positive: np.ndarray, *scores: np.ndarray) -> np.ndarray:
    """DeLong's covariance matrix of the areas, from a kernel over every pair of rows."""
    wins = [0.5 + np.sign(score[positive][:, None] - score[~positive][None, :]) / 2 for score in scores]
    of_positives = np.cov([won.mean(axis=1) for won in wins])
    of_negatives = np.cov([won.mean(axis=0) for won in wins])
    return of_positives / positive.sum() + of_negatives / (~positive).sum()


@given(rows=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.booleans()), min_size=4, max_size=60))
def test_areas_are_scikit_learns_and_the_variance_is_delongs_over_pairs_of_rows(
    rows: list[tuple[int, int, bool]],
) -> None:
    first, second, positive = (np.array(column) for column in zip(*rows, strict=True))
    if min(positive.sum(), (~positive).sum()) < 2:
        return
    areas = delong(positive, first.astype(float), second.astype(float))
    assert areas.champion == pytest.approx(roc_auc_score(positive, first))
    assert areas.candidate == pytest.approx(roc_auc_score(positive, second))
    covariance = structural_components(positive, first, second)
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    assert areas.standard_error == pytest.approx(math.sqrt(max(0.0, variance)), abs=1e-7)


def test_eleven_rows_worked_by_hand() -> None:
    """Areas 26/30 and 21/30, variances 0.0138889 and 0.0304444, covariance 0.0161667: z = 1.52145."""
    covariance = structural_components(TOY, FIRST, SECOND)
    assert covariance.ravel() == pytest.approx([0.0138889, 0.0161667, 0.0161667, 0.0304444], abs=1e-7)
    areas = delong(TOY, SECOND, FIRST)
    z = (areas.candidate - areas.champion) / areas.standard_error
    assert z == pytest.approx(1.52145, abs=1e-5)
    assert 2 * norm.sf(z) == pytest.approx(0.128147, abs=1e-6)


def test_one_class_has_no_area() -> None:
    with pytest.raises(ValueError, match="both classes"):
        delong(np.ones(3, dtype=bool), np.zeros(3), np.zeros(3))
    assert delong(np.array([True, False, False]), np.arange(3.0), np.arange(3.0)).standard_error is None


def difference(label, first, second, *, min_rows=30):
    rows = pair_rows(
        label, Predictions(score=first), Predictions(score=second), task=Task.BINARY, classes=("no", "yes")
    )
    return auc_difference(rows, margin=0.01, min_rows=min_rows)


def test_a_rare_class_is_insufficient_and_only_one_class_undefined() -> None:
    label = np.where(TOY, "yes", "no").tolist()
    thin = difference(label, FIRST, SECOND)
    assert thin.verdict is Verdict.INSUFFICIENT
    assert thin.why == "5 rows labelled 'yes' with both scores, fewer than the 30 asked for."
    assert thin.difference == pytest.approx(-5 / 30)
    assert difference(["no" if name == "yes" else "yes" for name in label], FIRST, SECOND).why.startswith(
        "5 rows labelled 'no'"
    )
    single = difference(["no"] * 11, FIRST, SECOND)
    assert single.verdict is Verdict.UNDEFINED
    assert single.why == "All 11 rows with a label and both scores are labelled 'no'."
    assert (single.difference, single.interval, single.n) == (None, None, 11)


def test_perfect_ranking_by_both_gives_no_interval_but_equal_scores_differ_by_exactly_nothing() -> None:
    label = ["no"] * 40 + ["yes"] * 40
    perfect = difference(label, np.arange(80.0), np.arange(80.0) ** 2)
    assert perfect.verdict is Verdict.INSUFFICIENT
    assert perfect.interval is None
    equal = difference(label, np.arange(80.0), np.arange(80.0))
    assert (equal.difference, equal.interval.low, equal.interval.high) == (0.0, 0.0, 0.0)
    assert equal.verdict is Verdict.NO_WORSE


@pytest.mark.parametrize(("n_positive", "n_negative", "shifts"), [(30, 300, (1.0, 1.0)), (100, 100, (1.0, 1.4))])
def test_the_interval_covers(n_positive: int, n_negative: int, shifts: tuple[float, float]) -> None:
    """Correlated normal scores: the area is the normal distribution at shift / sqrt(2)."""
    rng = np.random.default_rng(11)
    positive = np.arange(n_positive + n_negative) < n_positive
    truth = norm.cdf(shifts[1] / math.sqrt(2)) - norm.cdf(shifts[0] / math.sqrt(2))
    covered, n_runs = 0, 1500
    for _ in range(n_runs):
        shared = rng.normal(size=positive.size)
        first, second = (0.8 * shared + 0.6 * rng.normal(size=positive.size) + shift * positive for shift in shifts)
        areas = delong(positive, first, second)
        covered += abs(areas.candidate - areas.champion - truth) <= 1.959964 * areas.standard_error
    assert 0.93 <= covered / n_runs <= 0.97
