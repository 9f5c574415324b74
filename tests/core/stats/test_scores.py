"""The score axis: order, finite scores and calibration bins agree with the values that were binned."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.stats.binning import NumericBins, fit_scores
from core.stats.scores import calibration_names, finite_scores, ordered_scores, pooled_scores

BINS = NumericBins(ends=(0.1, 0.4, 0.7, 0.9), low=0.05, exact=False)
VALUES = st.floats(allow_nan=True, allow_infinity=True, width=32)
NEAR = st.sampled_from([0.0, 0.05, 0.1, 0.2, 0.4, 0.55, 0.7, 0.8, 0.9, 1.0, math.inf, -math.inf, math.nan])


def count(values: list[float]) -> np.ndarray:
    return np.bincount(BINS.assign(np.array(values, dtype=float)), minlength=BINS.size)


@given(values=st.lists(NEAR | VALUES, max_size=30))
def test_rows_of_an_earlier_place_score_lower_than_rows_of_a_later_one(values: list[float]) -> None:
    ranked = sorted(value for value in values if not math.isnan(value))
    start = 0
    previous = -math.inf
    for place, n in enumerate(ordered_scores(count(values)).tolist()):
        part = ranked[start : start + n]
        assert all(value > previous or place == 0 for value in part)
        previous = max([previous, *part])
        start += n
    assert start == len(ranked)


@given(values=st.lists(NEAR | VALUES, max_size=30))
def test_finite_scores_are_counted_wherever_they_lie(values: list[float]) -> None:
    assert int(finite_scores(count(values))) == int(np.isfinite(np.array(values, dtype=float)).sum())


def test_scores_of_a_reference_without_scores_count_as_finite_but_have_no_place() -> None:
    bins = fit_scores(np.array([np.nan]))
    counts = np.bincount(bins.assign(np.array([0.3, np.nan])), minlength=bins.size)
    assert int(finite_scores(counts)) == 1
    assert ordered_scores(counts).sum() == 0


@given(values=st.lists(NEAR | VALUES, max_size=30))
def test_calibration_bins_hold_every_finite_score_once_those_out_of_range_in_the_end_bins(values: list[float]) -> None:
    finite = np.array([value for value in values if math.isfinite(value)])
    expected = [int((finite <= 0.4).sum()), int(((finite > 0.4) & (finite <= 0.7)).sum()), int((finite > 0.7).sum())]
    assert pooled_scores(count(values), [0, 0, 1, 2]).tolist() == expected
    assert calibration_names(BINS, [0, 0, 1, 2]) == ("up to 0.4", "above 0.4, up to 0.7", "above 0.7")


def test_one_calibration_bin_holds_any_score() -> None:
    assert calibration_names(BINS, [0, 0, 0, 0]) == ("any score",)


def test_groups_that_do_not_fit_the_bins_are_refused() -> None:
    with pytest.raises(ValueError, match="calibration groups"):
        pooled_scores(np.zeros(11, dtype=np.int64), [0, 0])
    with pytest.raises(ValueError, match="calibration groups"):
        pooled_scores(np.zeros(7, dtype=np.int64), [])
