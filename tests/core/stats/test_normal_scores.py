"""Scores of bins: standardised, those of a normal, and blind to units."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import integrate, stats

from core.stats.normal_scores import location_scores, spread_scores

COUNTS = arrays(np.int64, st.integers(3, 12), elements=st.integers(0, 500)).filter(lambda n: (n > 0).sum() >= 3)


@given(counts=COUNTS)
def test_scores_have_mean_0_and_variance_1_and_are_uncorrelated(counts):
    p = counts / counts.sum()
    location, spread = location_scores(p), spread_scores(p)
    assert p @ location == pytest.approx(0, abs=1e-9)
    assert p @ location**2 == pytest.approx(1)
    assert (np.diff(location) >= -1e-12).all()
    if np.isfinite(spread).all():
        assert p @ spread == pytest.approx(0, abs=1e-7)
        assert p @ spread**2 == pytest.approx(1)
        assert p @ (location * spread) == pytest.approx(0, abs=1e-6)


def test_the_score_of_a_bin_is_the_mean_of_a_standard_normal_in_it():
    p = np.array([0.1, 0.25, 0.3, 0.35])
    ends = stats.norm.ppf([0, 0.1, 0.35, 0.65, 1])
    means = [
        integrate.quad(lambda x: x * stats.norm.pdf(x), low, high)[0] / share
        for low, high, share in zip(ends[:-1], ends[1:], p, strict=True)
    ]
    expected = np.array(means) / np.sqrt(p @ np.array(means) ** 2)
    assert location_scores(p) == pytest.approx(expected)


@pytest.mark.parametrize("d", [-0.3, 0.1, 0.25])
def test_a_normal_that_shifts_or_widens_moves_its_own_contrast(d):
    ends = stats.norm.ppf(np.arange(1, 80) / 80)
    p = np.full(80, 1 / 80)
    shifted = np.diff([0, *stats.norm.cdf(ends - d), 1])
    assert shifted @ location_scores(p) == pytest.approx(d, rel=0.03)
    wider = np.diff([0, *stats.norm.cdf(ends / 1.1), 1])
    assert wider @ location_scores(p) == pytest.approx(0, abs=1e-9)
    assert wider @ spread_scores(p) > 0.1


def test_a_bin_without_reference_rows_has_the_score_of_its_place():
    scores = location_scores(np.array([0.25, 0.25, 0.0, 0.25, 0.25, 0.0]))
    assert scores[1] < scores[2] < scores[3]
    assert scores[5] == scores[4]


def test_one_bin_has_no_scale_and_two_have_no_spread():
    assert np.isnan(location_scores(np.array([0.0, 1.0, 0.0]))).all()
    assert np.isnan(spread_scores(np.array([0.4, 0.6]))).all()
