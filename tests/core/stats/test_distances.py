"""The distances agree with SciPy and published numbers, and brackets hold the rows' own value."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from scipy.spatial.distance import jensenshannon

from core.stats.distances import (
    cohens_w,
    hellinger_distance,
    jensen_shannon_distance,
    jensen_shannon_divergence,
    kolmogorov_smirnov,
    kullback_leibler_divergence,
    l_infinity,
    paired_shares,
    population_stability_index,
    total_variation,
    wasserstein,
)

SHARE_DISTANCES = (
    population_stability_index,
    kullback_leibler_divergence,
    jensen_shannon_divergence,
    jensen_shannon_distance,
    hellinger_distance,
    total_variation,
    l_infinity,
    cohens_w,
)
COUNTS = arrays(np.int64, 6, elements=st.integers(0, 1_000)).filter(lambda counts: counts.sum() > 0)
FULL = arrays(np.int64, 6, elements=st.integers(1, 1_000))


@given(reference=FULL, current=FULL)
def test_textbook_distances_equal_scipys(reference, current):
    p, q = reference / reference.sum(), current / current.sum()
    both_ways = stats.entropy(p, q) + stats.entropy(q, p)
    assert population_stability_index(reference, current, pseudocount=0) == pytest.approx(both_ways, abs=1e-12)
    assert kullback_leibler_divergence(reference, current, pseudocount=0) == pytest.approx(stats.entropy(q, p))
    for base in (2, math.e):
        ours = jensen_shannon_distance(reference, current, base=base, pseudocount=0)
        assert ours == pytest.approx(jensenshannon(p, q, base), abs=1e-7)
    fit = stats.chisquare(q, p).statistic
    assert cohens_w(reference, current, pseudocount=0) == pytest.approx(math.sqrt(fit))


def test_popmons_published_example_within_its_own_epsilon():
    # popmon tests/popmon/analysis/comparison/test_comparisons.py prints these with an epsilon of its own
    p, q = np.array([85, 5, 5, 5]), np.array([25, 25, 25, 25])
    assert population_stability_index(p, q, pseudocount=0) == pytest.approx(1.69982, abs=1e-3)
    assert kullback_leibler_divergence(p, q, pseudocount=0) == pytest.approx(0.90105, abs=1e-3)
    assert kullback_leibler_divergence(q, p, pseudocount=0) == pytest.approx(0.79875, abs=1e-3)


def test_evidentlys_published_hellinger_distance():
    # Evidently tests/stattests/test_stattests.py, which cuts the digits off
    reference, current = np.array([16, 18, 16, 14, 12, 12]), np.array([16, 16, 16, 16, 16, 8])
    assert hellinger_distance(reference, current, pseudocount=0) == pytest.approx(0.06812, abs=0.00001)


def test_frouros_categories_by_hand():
    # a 2/3, b 1/3 against b 1/6, a 1/6, c 4/6: half the absolute differences, and the largest
    reference, current = np.array([4, 2, 0]), np.array([1, 1, 4])
    assert total_variation(reference, current) == pytest.approx(4 / 6)
    assert l_infinity(reference, current) == pytest.approx(4 / 6)


@given(reference=COUNTS, factor=st.integers(1, 50))
def test_equal_shares_have_no_distance(reference, factor):
    for distance in SHARE_DISTANCES:
        options = {} if distance in (total_variation, l_infinity) else {"pseudocount": 0}
        assert distance(reference, factor * reference, **options) == pytest.approx(0, abs=1e-7)


@given(reference=COUNTS, current=COUNTS)
def test_distances_stay_in_their_ranges_even_with_empty_bins(reference, current):
    assert 0 <= population_stability_index(reference, current) < math.inf
    assert 0 <= jensen_shannon_distance(reference, current, pseudocount=0) <= 1 + 1e-12
    assert 0 <= hellinger_distance(reference, current, pseudocount=0) <= 1 + 1e-12
    assert 0 <= l_infinity(reference, current) <= total_variation(reference, current) + 1e-12 <= 1 + 1e-9
    assert 0 <= cohens_w(reference, current) < math.inf


@given(reference=COUNTS, current=COUNTS)
def test_all_but_kullback_leibler_and_w_are_symmetric(reference, current):
    for distance in SHARE_DISTANCES:
        if distance not in (kullback_leibler_divergence, cohens_w):
            assert distance(reference, current) == pytest.approx(distance(current, reference), abs=1e-9)


@given(reference=COUNTS, current=COUNTS, n_unused=st.integers(1, 7))
def test_bins_that_nobody_uses_change_nothing(reference, current, n_unused):
    unused = np.zeros(n_unused, dtype=np.int64)
    for distance in SHARE_DISTANCES:
        longer = distance(np.append(reference, unused), np.append(current, unused))
        assert longer == pytest.approx(distance(reference, current), abs=1e-12)


@given(reference=COUNTS, windows=arrays(np.int64, (3, 2, 6), elements=st.integers(1, 100)))
def test_leading_axes_of_current_are_windows(reference, windows):
    for distance in SHARE_DISTANCES:
        together = distance(reference, windows)
        assert together.shape == (3, 2)
        assert together[2, 1] == pytest.approx(float(distance(reference, windows[2, 1])))


def test_a_side_without_rows_has_no_distance():
    for distance in SHARE_DISTANCES:
        values = distance(np.array([3, 4]), np.array([[0, 0], [1, 1]]))
        assert np.isnan(values).tolist() == [True, False]
        assert np.isnan(distance(np.array([0, 0]), np.array([1, 1])))


def test_a_value_the_reference_lacks_is_infinitely_far_by_the_textbook_and_finite_by_jeffreys():
    reference, current = np.array([100, 0]), np.array([99, 1])
    for distance in (population_stability_index, kullback_leibler_divergence, cohens_w):
        assert distance(reference, current, pseudocount=0) == math.inf
        assert 0 < distance(reference, current) < 1


def test_jeffreys_adds_one_half_to_every_used_bin():
    p, q = paired_shares(np.array([9, 0, 0]), np.array([1, 3, 0]))
    assert p.tolist() == [9.5 / 10, 0.5 / 10, 0]
    assert q.tolist() == [1.5 / 5, 3.5 / 5, 0]


def test_counts_on_other_bins_are_refused():
    with pytest.raises(ValueError, match="share their bins"):
        population_stability_index(np.array([1, 2]), np.array([1, 2, 3]))


@pytest.mark.parametrize("d", [0.1, 0.25, 0.5])
def test_small_shifts_make_psi_w_squared_and_eight_divergences_alike(d):
    edges = stats.norm.ppf(np.arange(1, 10) / 10)
    shifted = np.rint(1e9 * np.diff([0, *stats.norm.cdf(edges - d), 1])).astype(np.int64)
    even = np.full(10, 100_000_000)
    psi = float(population_stability_index(even, shifted))
    assert float(cohens_w(even, shifted)) ** 2 == pytest.approx(psi, rel=0.08)
    assert 8 * float(jensen_shannon_divergence(even, shifted)) == pytest.approx(psi, rel=0.03)
    assert 8 * float(hellinger_distance(even, shifted)) ** 2 == pytest.approx(psi, rel=0.03)


def rows_and_edges(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    reference, current = rng.normal(size=300), rng.normal(rng.uniform(-1, 1), rng.uniform(0.3, 2), size=200)
    both = np.concatenate([reference, current])
    inner = rng.uniform(both.min(), both.max(), size=rng.integers(1, 30))
    return reference, current, np.sort(np.concatenate([[both.min()], inner, [both.max()]]))


@pytest.mark.parametrize("seed", range(40))
def test_the_brackets_hold_the_distances_of_the_rows(seed):
    reference, current, edges = rows_and_edges(seed)
    counts = [np.bincount(np.searchsorted(edges[1:], side), minlength=edges.size - 1) for side in (reference, current)]
    ks, w1 = kolmogorov_smirnov(*counts), wasserstein(*counts, edges)
    assert ks.low - 1e-12 <= stats.ks_2samp(reference, current).statistic <= ks.high + 1e-12
    assert w1.low - 1e-12 <= stats.wasserstein_distance(reference, current) <= w1.high + 1e-12
    assert abs(stats.wasserstein_distance(reference, current) - w1.value) <= w1.error_bound + 1e-12


@pytest.mark.parametrize("seed", range(10))
def test_bins_of_one_value_leave_nothing_open(seed):
    rng = np.random.default_rng(seed)
    reference, current = rng.integers(0, 9, size=100), rng.integers(0, 8, size=70)
    counts = [np.bincount(side, minlength=9) for side in (reference, current)]
    ks = kolmogorov_smirnov(*counts, points=np.ones(9, dtype=bool))
    w1 = wasserstein(*counts, np.array([0.0, *range(9)]), exact=True)
    assert ks.low == ks.high == pytest.approx(stats.ks_2samp(reference, current).statistic)
    assert w1.value == pytest.approx(stats.wasserstein_distance(reference, current))
    assert w1.error_bound == 0


@pytest.mark.parametrize("distance", [kolmogorov_smirnov, lambda r, c: wasserstein(r, c, np.arange(3.0))])
def test_a_distribution_function_of_no_rows_is_refused(distance):
    with pytest.raises(ValueError, match="at least one row"):
        distance(np.array([0, 0]), np.array([1, 1]))
