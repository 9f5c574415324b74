"""Reference rows weighted to look like a window: what they then say of P(positive | score)."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from core.performance.binary import BinaryCounts
from core.performance.estimated import calibration_of
from core.performance.reweighted import density_weights, outcomes_moved, reweighted_calibration, weighted_classes
from core.stats.binning import N_SPECIAL, NumericBins

N_BINS = 10
ENDS = tuple((np.arange(N_BINS) + 0.5) / N_BINS)
BINS = NumericBins(ends=ENDS, low=ENDS[0], exact=True)
GROUPS = tuple(range(N_BINS))


def test_weights_by_the_true_density_ratio_give_the_rates_of_the_window() -> None:
    """z moves by 0.8 at every score: N(.8, 1) over N(0, 1) is exp(.8 z − .32)."""
    rng = np.random.default_rng(1)
    place, z = rng.integers(0, N_BINS, 40_000), rng.normal(size=40_000)
    label = rng.random(40_000) < expit(0.4 * (place - 4.5) + z)
    joint = np.zeros((N_BINS + N_SPECIAL, 3, 3), dtype=np.int64)
    np.add.at(joint, (place, (place >= 5) * 1, label * 1), 1)
    reference = BinaryCounts(joint=joint, classes=("no", "yes"), positive=1, score_bins=BINS, calibration_groups=GROUPS)
    weights = density_weights(0.8 * z)
    by_class = weighted_classes(place, label, weights.weights, GROUPS, N_BINS + N_SPECIAL)
    found = reweighted_calibration(calibration_of(reference), reference, by_class)
    now = rng.normal(0.8, 1, 200_000)
    truth = [expit(0.4 * (i - 4.5) + now).mean() for i in range(N_BINS)]
    assert found.rates[1:-1] == pytest.approx(truth, abs=0.04)
    assert by_class.sum() == pytest.approx(weights.n_effective, rel=0.05), "as many rows as they are worth"
    assert weights.n_effective == pytest.approx(40_000 / np.exp(0.64), rel=0.1), "E[w]² / E[w²]"


def test_equal_weights_change_nothing_and_a_row_that_would_stand_for_all_is_worth_one() -> None:
    equal = density_weights(np.full(500, 3.0))
    assert equal.weights == pytest.approx(np.ones(500))
    assert equal.n_effective == pytest.approx(500)
    heavy = density_weights(np.append(np.zeros(999), 30.0))
    assert heavy.n_effective == pytest.approx(1.0, abs=0.01)
    assert heavy.weights.mean() == pytest.approx(1.0)


def test_outcomes_of_weighted_rows_move_only_where_what_is_weighted_has_to_do_with_them() -> None:
    """The weighted share less the plain one, score by score, is what a loop over the scores gives."""
    rng = np.random.default_rng(2)
    place, z, other = rng.integers(0, N_BINS, 20_000), rng.normal(size=20_000), rng.normal(size=20_000)
    label = rng.random(20_000) < expit(0.4 * (place - 4.5) + z)
    score = np.asarray(ENDS)[place]
    weights = density_weights(0.8 * z).weights
    found = outcomes_moved(score, label, weights)
    expected = sum(
        weights[place == i].sum()
        * (np.average(label[place == i], weights=weights[place == i]) - label[place == i].mean())
        for i in range(N_BINS)
    )
    assert (found.low + found.high) / 2 == pytest.approx(expected / weights.sum())
    assert found.low > 0.1
    of_other = outcomes_moved(score, label, density_weights(0.8 * other).weights)
    assert -0.03 < of_other.low < 0 < of_other.high < 0.03
