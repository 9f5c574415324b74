"""What is monitored of a column doesn't depend on what must not matter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from core.alarms.distributions import distribution_subject
from core.alarms.monitors import Kind, Subject, Windows, outcome_subject, share_subject
from core.measure import Family
from core.stats.binning import CategoryBins, NumericBins, Special, fit_categories, fit_numeric

N_WINDOW = 1_000.0
VALUES = (Special.UNSEEN, Special.BELOW, Special.ABOVE, Special.NEGATIVE_INFINITY, Special.POSITIVE_INFINITY)


def numeric(reference: np.ndarray, *, n_window: float = N_WINDOW) -> tuple[Subject, NumericBins]:
    bins = fit_numeric(reference)
    counts = np.bincount(bins.assign(reference), minlength=bins.size)
    subject = distribution_subject("values/x", counts, bins, column="x", n_window=n_window)
    return subject, bins


def categorical(shares: list[int], *, n_window: float = N_WINDOW) -> tuple[Subject, CategoryBins]:
    bins = fit_categories({f"c{place:02}": count for place, count in enumerate(shares)})
    counts = np.array([*sorted(shares, reverse=True), *[0] * 7])
    return distribution_subject("values/x", counts, bins, column="x", n_window=n_window), bins


def counts_of(bins: NumericBins, values: np.ndarray) -> np.ndarray:
    return np.bincount(bins.assign(values), minlength=bins.size)[None, :]


def one_in(bins: NumericBins | CategoryBins, special: Special) -> np.ndarray:
    counts = np.zeros((1, bins.size), dtype=np.int64)
    counts[0, bins.n_bins + special] = 1
    return counts


def test_location_and_spread_are_standardised_and_uncorrelated_in_the_reference() -> None:
    reference = np.random.default_rng(0).lognormal(size=20_000)
    subject, bins = numeric(reference)
    p = counts_of(bins, reference)[0] / reference.size
    location, spread = subject.scores[:, 0], subject.scores[:, 1]
    assert [p @ location, p @ spread, p @ (location * spread)] == pytest.approx([0, 0, 0], abs=1e-9)
    assert [p @ location**2, p @ spread**2] == pytest.approx([1, 1])
    assert (np.diff(location[: bins.n_bins]) >= 0).all()


@pytest.mark.parametrize(("shift", "scale"), [(0.1, 1.0), (0.25, 1.0), (0.0, 1.15)])
def test_location_reads_a_normal_shift_in_standard_deviations_and_spread_a_change_of_scale(
    shift: float, scale: float
) -> None:
    """For a normal column the scores are the best there are: (x, x² standardised)."""
    reference = stats.norm.ppf((np.arange(40_000) + 0.5) / 40_000)
    subject, bins = numeric(reference)
    found = subject.windows(counts_of(bins, shift + scale * reference)).mean[0]
    assert found[0] == pytest.approx(shift, abs=0.005)
    assert found[1] == pytest.approx((scale**2 + shift**2 - 1) / np.sqrt(2), rel=0.15, abs=0.01)


def test_a_numeric_column_is_watched_by_location_spread_and_ten_bins() -> None:
    subject, _ = numeric(np.random.default_rng(1).normal(size=30_000))
    assert subject.names[:2] == ("location", "spread")
    assert subject.kinds == (Kind.LOCATION, Kind.SPREAD, *[Kind.BIN] * 10)
    assert subject.weights == pytest.approx((0.4, 0.2, *[0.04] * 10))
    windows = subject.windows(np.zeros((1, subject.scores.shape[0]), dtype=np.int64))
    assert windows.n.shape == (1, 12)


@pytest.mark.parametrize("special", VALUES)
def test_a_number_outside_the_reference_counts_with_the_nearest_bin_and_one_in_between_has_none(
    special: Special,
) -> None:
    subject, bins = numeric(np.random.default_rng(2).normal(size=5_000))
    window = subject.windows(one_in(bins, special))
    if special is Special.UNSEEN:
        assert (window.n == 0).all()
        return
    end = 0 if special in (Special.BELOW, Special.NEGATIVE_INFINITY) else bins.n_bins - 1
    assert (window.n == 1).all()
    assert window.total[0].tolist() == subject.scores[end].tolist()


@pytest.mark.parametrize("special", [Special.MISSING, Special.INVALID])
def test_what_is_no_value_counts_for_no_monitor_of_values(special: Special) -> None:
    for subject, bins in (numeric(np.arange(500.0)), categorical([500, 300, 200]), numeric(np.full(90, 3.0))):
        window = subject.windows(one_in(bins, special))
        assert (window.n == 0).all()
        assert (window.total == 0).all()


def test_a_category_nobody_had_seen_is_a_row_of_the_pooled_rare_ones() -> None:
    subject, bins = categorical([700, 290, 6, 4], n_window=500)
    assert subject.names == ("c00", "c01", "(rarer and new values)")
    window = subject.windows(one_in(bins, Special.UNSEEN))
    assert window.n.tolist() == [[1, 1, 1]]
    assert window.total.tolist() == [[0, 0, 1]]


def test_without_rare_categories_a_new_one_still_lowers_the_shares_of_all_others() -> None:
    subject, bins = categorical([700, 300])
    window = subject.windows(one_in(bins, Special.UNSEEN))
    assert window.n.tolist() == [[1, 1]]
    assert window.total.tolist() == [[0, 0]]


@pytest.mark.parametrize("n_window", [41, 100, 1_000])
@pytest.mark.parametrize("k", [2, 9, 30, 200])
def test_bins_and_categories_hold_five_rows_of_a_window_or_stand_alone(n_window: int, k: int) -> None:
    shares = [round(10_000 / (place + 1)) for place in range(k)]
    subject, _ = categorical(shares, n_window=n_window)
    total = sum(shares)
    kept = [name for name in subject.names if not name.startswith("(")]
    assert all(share * n_window >= 5 * total for share in sorted(shares, reverse=True)[: len(kept)])
    values, bins = numeric(np.repeat(np.arange(float(k)), shares), n_window=n_window)
    reference = counts_of(bins, np.repeat(np.arange(float(k)), shares))
    windows = values.windows(reference)
    held = windows.mean[0][np.array(values.kinds) == Kind.BIN] * n_window
    assert held.sum() == pytest.approx(n_window)
    assert held.min() >= 5 or held.size == 1


@pytest.mark.parametrize("constant", [np.full(200, 7.0), np.full(5, 0.0)])
def test_of_a_constant_column_the_share_of_any_other_value_is_watched(constant: np.ndarray) -> None:
    subject, bins = numeric(constant)
    assert subject.names == ("another value",)
    assert subject.windows(counts_of(bins, constant)).total.tolist() == [[0.0]]
    moved = np.array([7.0, 7.5, 8.0, np.inf, np.nan, -1.0])
    window = subject.windows(counts_of(bins, moved))
    same = int((moved == constant[0]).sum())
    assert window.total.tolist() == [[5.0 - same]]
    assert window.n.tolist() == [[5.0]]


def test_of_a_column_with_one_category_the_share_of_any_other_is_watched() -> None:
    subject, bins = categorical([400])
    assert subject.names == ("another value",)
    assert subject.windows(one_in(bins, Special.UNSEEN)).total.tolist() == [[1.0]]


def test_of_a_column_without_a_value_any_value_is_another_one() -> None:
    subject, bins = numeric(np.full(30, np.nan))
    window = subject.windows(counts_of(bins, np.array([1.0, np.nan])))
    assert (window.n.tolist(), window.total.tolist()) == ([[1.0]], [[1.0]])


def test_two_values_have_a_location_and_no_spread_of_their_own() -> None:
    subject, _ = numeric(np.repeat([0.0, 1.0], [700, 300]))
    assert subject.names == ("location", "0", "1")
    assert sum(subject.weights) == pytest.approx(1.0)


def test_bins_are_called_by_the_values_they_hold() -> None:
    by_value = np.repeat(np.arange(5.0), 200)
    assert numeric(by_value, n_window=30)[0].names[2:] == ("0", "1", "2", "3", "4")
    assert numeric(by_value, n_window=20)[0].names[2:] == ("0 to 1", "2 to 4")
    assert numeric(np.linspace(0, 1, 5_000))[0].names[2] == "0 to 0.09982"


@settings(max_examples=20)
@given(
    cuts=st.lists(st.integers(1, 199), min_size=1, max_size=5, unique=True),
    seed=st.integers(0, 10**6),
)
def test_windows_add_up_and_the_order_of_their_rows_does_not_matter(cuts: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    subject, bins = numeric(rng.normal(size=2_000))
    rows = rng.normal(0.4, 1.5, size=200)
    rows[rng.random(200) < 0.1] = np.nan
    parts = np.split(rng.permutation(rows), sorted(cuts))
    counts = np.concatenate([counts_of(bins, part) for part in parts])
    apart, together = subject.windows(counts), subject.windows(counts_of(bins, rows))
    for name in ("n", "total", "total_of_squares"):
        assert getattr(apart, name).sum(axis=0) == pytest.approx(getattr(together, name)[0])


@settings(max_examples=20)
@given(factor=st.sampled_from([0.5, 2.0, 8.0, 1024.0]), offset=st.integers(-1_000, 1_000), seed=st.integers(0, 10**6))
def test_a_column_in_another_unit_is_watched_the_same(factor: float, offset: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    reference, rows = rng.integers(0, 3_000, 4_000).astype(float), rng.integers(-50, 3_300, 500).astype(float)
    (here, bins), (there, others) = numeric(reference), numeric(reference * factor + offset)
    assert here.weights == there.weights
    found = here.windows(counts_of(bins, rows)).mean, there.windows(counts_of(others, rows * factor + offset)).mean
    assert found[0] == pytest.approx(found[1], abs=0.01)


def test_turning_a_column_around_turns_its_location_around() -> None:
    rng = np.random.default_rng(5)
    reference, rows = rng.normal(size=20_000), rng.normal(0.2, 1.1, size=5_000)
    (here, bins), (there, others) = numeric(reference), numeric(-reference)
    found, turned = here.windows(counts_of(bins, rows)).mean[0], there.windows(counts_of(others, -rows)).mean[0]
    assert turned[:2] == pytest.approx([-found[0], found[1]], abs=0.01)


@settings(max_examples=20)
@given(data=st.data())
def test_the_names_of_categories_do_not_matter(data: st.DataObject) -> None:
    shares = data.draw(st.lists(st.integers(1, 900), min_size=2, max_size=12, unique=True))
    subject, bins = categorical(shares)
    names = data.draw(st.permutations([f"n{place}" for place in range(len(shares))]))
    renamed = fit_categories(dict(zip(names, shares, strict=True)))
    other = distribution_subject(
        "values/x",
        np.array([*sorted(shares, reverse=True), *[0] * 7]),
        renamed,
        column="x",
        n_window=N_WINDOW,
    )
    assert other.scores.tolist() == subject.scores.tolist()
    assert other.weights == subject.weights
    assert bins.size == renamed.size


def test_a_share_counts_its_cells_among_all_or_some_others() -> None:
    subject = share_subject(
        "outside/x", [3], 5, family=Family.DATA_QUALITY, column="x", name="outside", among=np.array([0, 1, 3])
    )
    window = subject.windows(np.array([[6, 3, 50, 1, 70]]))
    assert (window.n.tolist(), window.total.tolist()) == ([[10.0]], [[1.0]])


def test_outcomes_are_watched_as_a_whole_and_bin_by_bin() -> None:
    reference = np.array([[95, 5], [60, 40], [2, 8]])
    subject = outcome_subject("concept/p", reference, ["low", "middle", "high"], family=Family.CONCEPT_DRIFT)
    assert subject.names == ("all", "low", "middle")
    same = subject.windows(reference.reshape(1, -1))
    assert same.total[0, 0] == pytest.approx(0.0)
    assert same.mean[0, 1:].tolist() == [0.05, 0.4]
    more = subject.windows(np.array([[90, 10, 50, 50, 0, 0]]))
    assert more.mean[0].tolist() == pytest.approx([(5 + 10) / 200, 0.1, 0.5])


def test_windows_side_by_side_keep_their_order() -> None:
    a = Windows(n=np.ones((3, 1)), total=np.arange(3.0)[:, None], total_of_squares=np.ones((3, 1)))
    b = Windows(n=2 * np.ones((3, 2)), total=np.zeros((3, 2)), total_of_squares=np.zeros((3, 2)))
    both = Windows.beside([a, b])
    assert both.n.shape == (3, 3)
    assert both[1:].total[:, 0].tolist() == [1.0, 2.0]
    assert np.isnan(Windows(n=np.zeros((1, 1)), total=np.zeros((1, 1)), total_of_squares=np.zeros((1, 1))).mean).all()
