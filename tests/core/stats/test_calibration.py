"""The reliability curve and its error: scikit-learn, the definition row by row, and coverage."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve as sklearn_curve

from core.stats.binning import NumericBins
from core.stats.calibration import CalibrationBin, calibration_curve, expected_calibration_error
from core.stats.intervals import wilson


def test_the_curve_equals_scikit_learns_on_equal_widths() -> None:
    rng = np.random.default_rng(1)
    score = np.maximum(rng.random(4_000), 1e-9)
    label = (rng.random(4_000) < score**1.3).astype(int)
    bins = NumericBins(ends=tuple((np.arange(1, 21) / 20).tolist()), low=0.0, exact=False)
    groups = tuple(np.arange(20) // 2)
    codes = bins.assign(score)
    by_class = np.stack([np.bincount(codes[label == side], minlength=bins.size) for side in (0, 1)], axis=1)
    sums = np.bincount(np.asarray(groups)[codes], weights=score, minlength=11)
    curve = calibration_curve(by_class, bins, groups, sums)
    observed, mean_score = sklearn_curve(label, score, n_bins=10)
    assert [point.observed for point in curve] == pytest.approx(observed)
    assert [point.mean_score for point in curve] == pytest.approx(mean_score)
    assert [point.high for point in curve][:3] == [0.1, 0.2, 0.3]
    assert curve[0].low == -np.inf
    assert curve[-1].high == np.inf
    exact = binomtest(curve[3].positives, curve[3].n).proportion_ci(method="wilson")
    assert (curve[3].interval.low, curve[3].interval.high) == pytest.approx((exact.low, exact.high))


def test_bins_without_rows_have_no_point() -> None:
    bins = NumericBins(ends=(0.2, 0.5, 0.8), low=0.2, exact=False)
    by_class = np.array([[4, 1], [0, 0], [1, 3], *[[0, 0]] * 7])
    curve = calibration_curve(by_class, bins, (0, 1, 2), np.array([1.0, 0.0, 3.2, 0.0]))
    assert [point.n for point in curve] == [5, 4]


@pytest.mark.parametrize("rows_a_bin", [10, 50, 500])
@pytest.mark.parametrize("miscalibration", [0.0, 0.05, 0.1])
def test_the_interval_of_the_error_covers_it_at_least_as_often_as_it_says(
    rows_a_bin: int, miscalibration: float
) -> None:
    """20 bins, 300 runs; standard error of a coverage of 0.95 is 0.013. It is conservative on purpose."""
    rng = np.random.default_rng(3)
    mean_score = np.linspace(0.02, 0.98, 20)
    rate = np.clip(mean_score + miscalibration * np.where(np.arange(20) % 2, 1, -1), 0.01, 0.99)
    truth = float(np.abs(rate - mean_score).mean()) if miscalibration else 0.0
    rate = rate if miscalibration else mean_score
    covered = 0
    for positives in rng.binomial(rows_a_bin, rate, size=(300, 20)).tolist():
        curve = [
            CalibrationBin(
                low=0.0,
                high=1.0,
                n=rows_a_bin,
                positives=k,
                mean_score=score,
                observed=k / rows_a_bin,
                interval=wilson(k, rows_a_bin),
            )
            for k, score in zip(positives, mean_score.tolist(), strict=True)
        ]
        error, interval = expected_calibration_error(curve)
        assert interval.low <= error <= interval.high
        covered += interval.low <= truth <= interval.high
    assert covered / 300 >= 0.92
