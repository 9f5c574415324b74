"""Calibration slope and intercept from counts equal a logistic regression of the rows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from core.performance.binary import binary_performance
from core.performance.recalibration import recalibration_measures
from core.stats.binning import NumericBins
from core.stats.logistic import logistic_fit


def measures(binary_counts, score: np.ndarray, label: np.ndarray) -> dict:
    counts = binary_counts(score, (score > 0.5).astype(int), label)
    return {measure.measure: measure for measure in binary_performance(counts)}


def test_slope_and_intercept_are_those_of_a_regression_of_the_rows(binary_counts) -> None:
    rng = np.random.default_rng(1)
    score = rng.beta(2, 3, 4_000).round(3).clip(0.001, 0.999)
    label = (rng.random(4_000) < expit(0.6 * logit(score) - 0.4)).astype(int)
    found = measures(binary_counts, score, label)
    x = logit(score)
    line = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1_000).fit(x[:, None], label)
    assert found["calibration_slope"].value == pytest.approx(line.coef_[0, 0], abs=1e-4)
    shift = found["calibration_intercept"].value
    assert (expit(x + shift) - label).mean() == pytest.approx(0, abs=1e-9)  # what makes the mean score right
    assert found["calibration_slope"].interval.low < 0.6 < found["calibration_slope"].interval.high < 1


def test_their_intervals_cover_the_truth(binary_counts) -> None:
    """300 runs; standard error of a coverage of 0.95 is 0.013."""
    rng = np.random.default_rng(2)
    bins = NumericBins(ends=tuple(np.linspace(0.05, 0.95, 19)), low=0.05, exact=False)
    centres = np.asarray(bins.ends)
    rate = expit(0.7 * logit(centres) + 0.3)
    covered = 0
    for _ in range(300):
        n = rng.multinomial(600, np.full(19, 1 / 19))
        positives = rng.binomial(n, rate)
        table = np.zeros((bins.size, 2), dtype=np.int64)
        table[:19] = np.column_stack([n - positives, positives])
        groups, sums = tuple(range(19)), np.append(n * centres, 0.0)
        slope, _ = recalibration_measures(table, bins, groups, sums)
        covered += slope.interval.low <= 0.7 <= slope.interval.high
    assert covered / 300 == pytest.approx(0.95, abs=0.035)


def test_one_class_or_scores_that_separate_the_classes_have_none(binary_counts) -> None:
    score = np.array([0.2, 0.2, 0.8, 0.8])
    only = measures(binary_counts, score, np.zeros(4, dtype=int))
    assert only["calibration_slope"].why == "Only one class among 4 labelled rows with a score."
    split = measures(binary_counts, score, np.array([0, 0, 1, 1]))
    assert split["calibration_slope"].why.endswith("separate the classes, or don't differ.")


def test_a_weak_penalty_keeps_a_fit_finite_and_counts_are_as_good_as_rows() -> None:
    design = np.column_stack([np.ones(2), [0.0, 1.0]])
    assert not logistic_fit(design, np.array([0.0, 9.0]), np.array([9.0, 9.0])).converged
    kept = logistic_fit(design, np.array([0.0, 9.0]), np.array([9.0, 9.0]), penalty=0.1)
    assert kept.converged
    rng = np.random.default_rng(3)
    x = rng.integers(0, 4, 500).astype(float)
    y = (rng.random(500) < expit(x - 1.5)).astype(float)
    rows = logistic_fit(np.column_stack([np.ones(500), x]), y, np.ones(500))
    groups = np.unique(x)
    grouped = logistic_fit(
        np.column_stack([np.ones(4), groups]),
        np.array([y[x == g].sum() for g in groups]),
        np.array([(x == g).sum() for g in groups], dtype=float),
    )
    assert grouped.coefficients == pytest.approx(rows.coefficients)
    assert grouped.covariance == pytest.approx(rows.covariance)
