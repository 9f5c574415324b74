"""Every value falls in exactly one bin, and the bins nest what later analyses need."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.stats.binning import (
    N_SPECIAL,
    CategoryBins,
    NumericBins,
    Special,
    bins_from_dict,
    fit_categories,
    fit_numeric,
    fit_scores,
    pool_adjacent,
)

ANY_FLOATS = arrays(np.float64, st.integers(0, 200), elements=st.floats(allow_nan=True, allow_infinity=True))
ROUNDED = arrays(np.float64, st.integers(1, 400), elements=st.integers(-60, 60).map(lambda value: value / 4))


def by_hand(bins: NumericBins, value: float) -> int:
    """The bin of one value, straight from the definition."""
    n = bins.n_bins
    if math.isnan(value):
        return n + Special.MISSING
    if math.isinf(value):
        return n + (Special.POSITIVE_INFINITY if value > 0 else Special.NEGATIVE_INFINITY)
    if n == 0:
        return n + Special.UNSEEN
    if value < bins.low:
        return n + Special.BELOW
    if value > bins.ends[-1]:
        return n + Special.ABOVE
    if bins.exact and value not in bins.ends:
        return n + Special.UNSEEN
    return next(code for code, end in enumerate(bins.ends) if value <= end)


@given(reference=ROUNDED, current=ANY_FLOATS)
def test_a_value_is_assigned_the_bin_that_the_definition_names(reference, current):
    bins = fit_numeric(reference)
    values = np.concatenate([reference, current])
    assert bins.assign(values).tolist() == [by_hand(bins, value) for value in values.tolist()]


@given(reference=ANY_FLOATS)
def test_the_reference_never_falls_out_of_its_own_bins(reference):
    bins = fit_numeric(reference)
    counts = np.bincount(bins.assign(reference), minlength=bins.size)
    outside = counts[bins.n_bins :]
    assert outside[[Special.UNSEEN, Special.BELOW, Special.ABOVE, Special.INVALID]].tolist() == [0, 0, 0, 0]
    assert outside[Special.MISSING] == np.isnan(reference).sum()
    assert counts.sum() == reference.size


@given(reference=ROUNDED, split=st.integers(0, 400))
def test_counts_of_parts_add_up_to_the_counts_of_the_whole(reference, split):
    bins = fit_numeric(reference)
    parts = [np.bincount(bins.assign(part), minlength=bins.size) for part in np.split(reference, [split])]
    assert np.array_equal(sum(parts), np.bincount(bins.assign(reference), minlength=bins.size))


@pytest.mark.parametrize("draw", ["normal", "lognormal", "uniform", "atoms"])
def test_fine_bins_hold_little_unless_they_hold_one_value(draw):
    rng = np.random.default_rng(7)
    values = {
        "normal": rng.normal(size=5_000),
        "lognormal": rng.lognormal(sigma=2, size=5_000),
        "uniform": rng.uniform(size=5_000),
        "atoms": np.where(rng.uniform(size=5_000) < 0.6, 0.0, rng.normal(size=5_000)),
    }[draw]
    bins = fit_numeric(values)
    codes = bins.assign(values)
    shares = np.bincount(codes, minlength=bins.size) / values.size
    for code in np.flatnonzero(shares > 1 / 40):
        assert np.unique(values[codes == code]).size == 1


@pytest.mark.parametrize("seed", range(5))
def test_left_closed_doane_bins_are_sums_of_fine_bins(seed):
    rng = np.random.default_rng(seed)
    values = rng.gamma(2.0, size=3_000).round(3)
    bins, edges = fit_numeric(values), np.histogram_bin_edges(values, bins="doane")
    fresh = rng.gamma(2.2, size=2_000).round(3)
    inside = fresh[(fresh >= bins.low) & (fresh <= bins.ends[-1])]
    doane = np.searchsorted(edges[1:-1], inside, side="right")
    fine = bins.assign(inside)
    assert all(np.unique(doane[fine == code]).size == 1 for code in np.unique(fine))


def test_a_few_distinct_values_get_a_bin_each_and_what_lies_between_is_unseen():
    bins = fit_numeric(np.array([1.0, 2.0, 2.0, 5.0]))
    assert bins.exact
    assert (bins.assign(np.array([2.0, 3.0, 5.0, 6.0])) - bins.n_bins).tolist() == [-2, 2, -1, 4]


def test_an_empty_reference_has_no_bins_and_knows_no_value():
    bins = fit_numeric(np.array([np.nan, np.inf]))
    assert bins.n_bins == 0
    assert bins.assign(np.array([1.0, np.nan])).tolist() == [Special.UNSEEN, Special.MISSING]


@pytest.mark.parametrize("reference", [[-1e308, 0.0, 1e308], (np.linspace(-1, 1, 200) * 1.7e308).tolist()])
def test_a_range_too_wide_for_equal_widths_still_gets_bins(reference):
    bins = fit_numeric(np.array(reference))
    assert bins.low == reference[0]
    assert bins.ends[-1] == reference[-1]


@given(
    counts=st.lists(st.integers(0, 50), min_size=1, max_size=100).map(np.array),
    n_groups=st.integers(1, 20),
)
def test_pooled_groups_are_runs_of_bins_and_atoms_add_at_most_two_each(counts, n_groups):
    groups = pool_adjacent(counts, n_groups)
    assert groups[0] == 0
    assert set(np.diff(groups).tolist()) <= {0, 1}
    atoms = int((counts * 2 * n_groups >= counts.sum()).sum()) if counts.any() else 0
    assert groups[-1] + 1 <= n_groups + 2 * atoms or counts.size <= n_groups


def test_pooling_ten_groups_of_a_smooth_column_gives_deciles():
    values = np.random.default_rng(3).normal(size=50_000)
    bins = fit_numeric(values)
    counts = np.bincount(bins.assign(values), minlength=bins.size)[: bins.n_bins]
    shares = np.bincount(pool_adjacent(counts, 10), weights=counts) / values.size
    assert shares == pytest.approx(np.full(10, 0.1), abs=0.0002)


def test_categories_are_ranked_by_count_then_name_and_the_rest_share_a_bin():
    bins = fit_categories({"x": 1, "b": 5, "a": 5, "y": 1}, limit=2)
    assert bins.names == ("a", "b", "(other)")
    assert bins.codes() == {"a": 0, "b": 1, "x": 2, "y": 2}
    assert bins.size == 3 + N_SPECIAL


def test_many_scores_are_cut_at_their_own_quantiles():
    scores = np.random.default_rng(1).uniform(size=20_000)
    bins = fit_scores(scores)
    counts = np.bincount(bins.assign(scores), minlength=bins.size)
    assert bins.n_bins == 1_024
    assert counts[: bins.n_bins].max() <= math.ceil(20_000 / 1_024)


@given(reference=ROUNDED)
def test_stored_bins_read_back_the_same(reference):
    for bins in (fit_numeric(reference), CategoryBins(categories=("a",), others=("b", "c"))):
        assert bins_from_dict(json.loads(json.dumps(bins.to_dict()))) == bins
