"""Every measure of one column: intervals that cover, nulls that hold, and what must not change them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from core.drift.columns import column_drift, column_drifts, measure_names
from core.drift.contrasts import CONTRASTS, contrast_measures
from core.drift.distances import kolmogorov_smirnov_measure, l_infinity_measure, total_variation_measure
from core.drift.divergences import DIVERGENCES, divergence_measures
from core.errors import UnknownNameError
from core.measure import Status
from core.schema import ColumnType
from core.stats.binning import CategoryBins, NumericBins, Special, fit_numeric
from core.stats.distances import hellinger_distance, l_infinity, total_variation
from core.stats.normal_scores import location_scores, spread_scores

TEN = CategoryBins(categories=tuple("abcdefghij"))
DECILES = stats.norm.ppf(np.arange(1, 10) / 10)
ORDERED = NumericBins(ends=(*DECILES.tolist(), 9.0), low=-9.0, exact=False)
BOOLEAN = CategoryBins(categories=("false", "true"))


def vector(*counts: int, size: int, **special: int) -> np.ndarray:
    """Counts of regular bins, and of special ones by name."""
    full = np.zeros(size, dtype=np.int64)
    full[: len(counts)] = counts
    for name, n in special.items():
        full[size - len(Special) + Special[name.upper()]] = n
    return full


def count(bins: NumericBins, values: np.ndarray) -> np.ndarray:
    return np.bincount(bins.assign(np.asarray(values, dtype=np.float64)), minlength=bins.size)


def truths(p: np.ndarray, q: np.ndarray) -> dict[str, float]:
    """The measures of populations, by another route."""
    middle = (p + q) / 2
    divergence = (stats.entropy(p, middle, 2) + stats.entropy(q, middle, 2)) / 2
    return {
        "psi": stats.entropy(p, q) + stats.entropy(q, p),
        "jensen_shannon": math.sqrt(max(0.0, divergence)),
        "jensen_shannon_divergence": divergence,
        "hellinger": math.sqrt(max(0.0, 1 - np.sqrt(p * q).sum())),
        "cohens_w": math.sqrt(stats.chisquare(q, p).statistic),
        "total_variation": np.abs(p - q).sum() / 2,
        "l_infinity": np.abs(p - q).max(),
        "location": q @ location_scores(p),
        "spread": q @ spread_scores(p),
        "kolmogorov_smirnov": np.abs(np.cumsum(p - q)).max(),
    }


def scattered(rng: np.random.Generator, n: int, shares: np.ndarray, dispersion: float) -> np.ndarray:
    if dispersion > 1:
        rho = (dispersion - 1) / (n - 1)
        shares = rng.dirichlet(shares * (1 - rho) / rho)
    return np.append(rng.multinomial(n, shares), np.zeros(len(Special), dtype=np.int64))


@pytest.mark.parametrize(
    ("n", "m", "shift", "dispersion"),
    [(100, 10_000, 0.0, 1.0), (1_000, 1_000, 0.25, 1.0), (1_000, 10_000, 1.0, 1.0), (1_000, 10_000, 0.25, 4.0)],
)
def test_every_interval_covers_and_every_p_value_without_drift_is_rarely_small(n, m, shift, dispersion):
    rng = np.random.default_rng(int(n + m + 10 * shift + dispersion))
    p, q = np.full(10, 0.1), np.diff([0, *stats.norm.cdf(DECILES - shift), 1])
    repetitions = 80
    before = np.stack([scattered(rng, m, p, dispersion) for _ in range(repetitions)])
    after = np.stack([scattered(rng, n, q, dispersion) for _ in range(repetitions)])
    covered, alarms = {}, {}
    for name, truth in truths(p, q).items():
        if name in DIVERGENCES:
            measures = divergence_measures(name, before, after, dispersion=dispersion)
        elif name in CONTRASTS:
            measures = [
                contrast_measures(name, *sides, ORDERED, dispersion=dispersion)[0]
                for sides in zip(before, after[:, np.newaxis], strict=True)
            ]
        elif name == "kolmogorov_smirnov":
            pairs = zip(before, after, strict=True)
            measures = [kolmogorov_smirnov_measure(*pair, ORDERED, dispersion=dispersion) for pair in pairs]
        else:
            one = {"total_variation": total_variation_measure, "l_infinity": l_infinity_measure}[name]
            sides = zip(before[:, :10], after[:, :10], strict=True)
            measures = [one(*pair, dispersion=dispersion) for pair in sides]
        covered[name] = sum(each.interval.low - 1e-9 <= truth <= each.interval.high + 1e-9 for each in measures)
        alarms[name] = sum(each.p_value < 0.05 for each in measures)
    assert min(covered.values()) / repetitions >= 0.88, covered  # nominal 0.95, 3 standard errors of 80
    if not shift:
        assert max(alarms.values()) / repetitions <= 0.125, alarms


def test_a_window_of_few_rows_far_away_does_not_look_near():
    """Bins that a shift has emptied pull towards the reference; the upper limit must not follow."""
    rng = np.random.default_rng(4)
    p, q = np.full(20, 0.05), np.diff([0, *stats.norm.cdf(stats.norm.ppf(np.arange(1, 20) / 20) - 1), 1])
    bins = CategoryBins(categories=tuple(f"{k:02}" for k in range(20)))
    before = vector(*[500] * 20, size=bins.size)
    drifts = [column_drift(before, scattered(rng, 100, q, 1.0), bins).measure("psi") for _ in range(40)]
    assert np.mean([measure.interval.high >= truths(p, q)["psi"] for measure in drifts]) >= 0.95


def test_distances_without_correction_are_those_of_the_shares():
    reference, current = vector(100, 200, 300, 400, size=11), vector(130, 180, 310, 380, size=11)
    bins = CategoryBins(categories=("a", "b", "c", "d"))
    drift = column_drift(reference, current, bins)
    assert drift.measure("total_variation").value == pytest.approx(0.04)
    assert drift.measure("l_infinity").value == pytest.approx(0.03)
    assert drift.measure("chi_square").value == pytest.approx(5.6424299963)
    assert drift.measure("chi_square").p_value == pytest.approx(0.1303636100)
    assert drift.measure("g").value == pytest.approx(5.6541518574)
    assert drift.measure("g").p_value == pytest.approx(0.1297038974)
    squared = float(hellinger_distance(reference, current)) ** 2
    assert drift.measure("hellinger").value == pytest.approx(math.sqrt(max(0, squared - 3 / 8 * (1 / 1000 + 1 / 1000))))


def test_a_shift_of_a_normal_is_told_in_its_standard_deviations_with_its_sign():
    rng = np.random.default_rng(5)
    reference = rng.normal(50, 7, 20_000)
    bins = fit_numeric(reference)
    for shift in (0.3, -0.3):
        drift = column_drift(count(bins, reference), count(bins, rng.normal(50 + 7 * shift, 7, 8_000)), bins)
        assert drift.measure("location").value == pytest.approx(shift, abs=0.03)
        assert abs(drift.measure("spread").value) < 0.12
    wider = column_drift(count(bins, reference), count(bins, rng.normal(50, 7 * 1.15, 8_000)), bins)
    assert wider.measure("spread").interval.low > 0.1
    assert abs(wider.measure("location").value) < 0.04


def test_rows_out_of_range_shift_the_location_and_missing_ones_dont():
    before = vector(*[100] * 10, size=ORDERED.size)
    above = column_drift(before, vector(size=ORDERED.size, above=40, positive_infinity=10), ORDERED)
    assert above.measure("location").value == pytest.approx(float(location_scores(np.full(10, 0.1))[-1]))
    half_missing = column_drift(before, vector(*[10] * 10, size=ORDERED.size, missing=100), ORDERED)
    assert half_missing.measure("location").value == pytest.approx(0, abs=1e-9)
    assert "left out (100 rows)" in half_missing.measure("location").convention


def test_a_boolean_has_a_location_of_its_share_and_no_spread():
    drift = column_drift(vector(900, 100, size=9), vector(80, 20, size=9), BOOLEAN)
    assert drift.measure("location").value == pytest.approx(0.1 / 0.3)
    assert drift.measure("spread").status is Status.UNDEFINED
    assert "kolmogorov_smirnov" not in measure_names(BOOLEAN)


def test_instants_and_texts_are_told_in_dates_and_characters():
    days = 20_454 + np.arange(400) / 10
    bins = fit_numeric(days)
    at = column_drift(count(bins, days), count(bins, days + 60), bins, kind=ColumnType.TIMESTAMP)
    assert at.words[0] == "100.0% of rows lie above the highest reference value, 2026-02-09 21:36."
    lengths = np.arange(400.0) % 97 + 3
    bins = fit_numeric(lengths)
    text = column_drift(count(bins, lengths), count(bins, np.full(200, 150.0)), bins, kind=ColumnType.TEXT)
    assert text.words[0] == "100.0% of rows lie above the highest reference value, 99 characters."


COUNTS = arrays(np.int64, 10, elements=st.integers(0, 400)).filter(lambda counts: counts.sum() > 20)
BLIND_TO_ORDER = [name for name in measure_names(TEN) if name != "psi_observed"]


def same(first, second, *, tolerance=1e-9):
    if first.value is None or second.value is None:
        assert first.value is second.value
        return
    assert second.value == pytest.approx(first.value, abs=tolerance)
    assert (first.p_value is None) == (second.p_value is None)
    if first.p_value is not None:
        assert second.p_value == pytest.approx(first.p_value, abs=max(tolerance, 1e-7))


@given(reference=COUNTS, current=COUNTS, order=st.permutations(range(10)))
@settings(max_examples=12)
def test_renaming_categories_changes_no_measure(reference, current, order):
    pad = np.zeros(len(Special), dtype=np.int64)
    plain = column_drift(np.append(reference, pad), np.append(current, pad), TEN)
    renamed = column_drift(np.append(reference[order], pad), np.append(current[order], pad), TEN)
    for name in BLIND_TO_ORDER:
        same(plain.measure(name), renamed.measure(name))


@given(seed=st.integers(0, 10**6), scale=st.sampled_from([2.0, 0.5, 1024.0]), offset=st.sampled_from([0.0, 8.0, -64.0]))
@settings(max_examples=10)
def test_the_columns_unit_changes_only_what_has_one(seed, scale, offset):
    rng = np.random.default_rng(seed)
    reference, current = rng.normal(size=500).round(3), rng.normal(0.2, 1.2, size=200).round(3)
    drifts = []
    for a, b in ((1.0, 0.0), (scale, offset)):
        bins = fit_numeric(reference * a + b)
        drifts.append(column_drift(count(bins, reference * a + b), count(bins, current * a + b), bins))
    for name in measure_names(ORDERED):
        if name != "wasserstein":
            same(drifts[0].measure(name), drifts[1].measure(name), tolerance=0.03)  # edges are rounded anew
    moved = [drift.measure("wasserstein").value for drift in drifts]
    assert moved[1] == pytest.approx(scale * moved[0], rel=0.05)


@given(parts=st.lists(COUNTS, min_size=2, max_size=4), reference=COUNTS)
@settings(max_examples=12)
def test_merged_windows_are_the_window_of_their_rows_in_any_order(parts, reference):
    pad = np.zeros(len(Special), dtype=np.int64)
    windows = [np.append(part, pad) for part in parts]
    forwards, backwards = sum(windows), sum(reversed(windows))
    before = np.append(reference, pad)
    assert column_drift(before, forwards, TEN) == column_drift(before, backwards, TEN)


@given(data=st.data(), bins=st.sampled_from([TEN, ORDERED, BOOLEAN, NumericBins(ends=(1.0, 2.0), low=1.0, exact=True)]))
@settings(max_examples=20)
def test_a_trend_is_each_windows_own_measure_for_any_counts(data, bins):
    vectors = arrays(np.int64, bins.size, elements=st.sampled_from([0, 0, 1, 3, 50, 4_000]))
    reference = data.draw(vectors)
    windows = np.stack([data.draw(vectors) for _ in range(2)])
    drifts = [column_drift(reference, window, bins) for window in windows]
    for name in ("psi", "jensen_shannon", "hellinger", "cohens_w", *(("location",) if bins is not TEN else ())):
        trend = column_drifts(reference, windows, bins, measure=name, margin=None)
        for one, drift in zip(trend, drifts, strict=True):
            same(drift.measure(name), one)
            if one.value is not None:
                assert one.interval.low - 1e-6 <= one.value <= one.interval.high + 1e-6


@pytest.mark.parametrize("special", [special.name for special in Special])
@pytest.mark.parametrize("bins", [TEN, ORDERED])
def test_every_special_bin_on_either_side_is_counted_and_never_crashes(special, bins):
    plain, odd = vector(*[50] * 10, size=bins.size), vector(*[5] * 10, size=bins.size, **{special: 60})
    drift = column_drift(plain, odd, bins)
    assert drift.measure("psi").p_value < 1e-10
    assert drift.measure("total_variation").value == pytest.approx(60 / 110)
    assert column_drift(odd, plain, bins).measure("l_infinity").value == pytest.approx(60 / 110)


@pytest.mark.parametrize("bins", [TEN, ORDERED, BOOLEAN])
def test_a_window_of_one_row_proves_nothing_and_an_empty_one_has_no_value(bins):
    before = vector(*[500] * bins.n_bins, size=bins.size)
    one = column_drift(before, vector(1, size=bins.size), bins)
    for measure in one.measures:
        assert measure.value is None or math.isfinite(measure.value)
        assert measure.p_value is None or measure.p_value > 0.001
    none = column_drift(before, vector(size=bins.size), bins)
    assert {measure.status for measure in none.measures} == {Status.UNDEFINED}
    assert [measure.measure for measure in none.measures] == list(measure_names(bins))


def test_a_thousand_columns_have_a_trend_each():
    rng = np.random.default_rng(9)
    reference = rng.normal(size=2_000)
    bins = fit_numeric(reference)
    before = count(bins, reference)
    columns = rng.multinomial(100, before / before.sum(), size=(1_000, 1))
    alarms = sum(measure.p_value < 1e-5 for windows in columns for measure in column_drifts(before, windows, bins))
    assert alarms == 0


def test_a_measure_that_these_bins_dont_have_is_named_with_those_they_have():
    with pytest.raises(UnknownNameError, match="hellinger"):
        column_drifts(vector(1, size=17), np.ones((1, 17), dtype=np.int64), TEN, measure="location")


@given(reference=COUNTS, current=COUNTS)
@settings(max_examples=12)
def test_the_plain_distances_are_the_functions_of_the_counts(reference, current):
    pad = np.zeros(len(Special), dtype=np.int64)
    drift = column_drift(np.append(reference, pad), np.append(current, pad), TEN)
    if all(reference * current.sum() >= 5 * reference.sum()):  # nothing is pooled
        assert drift.measure("total_variation").value == pytest.approx(float(total_variation(reference, current)))
        assert drift.measure("l_infinity").value == pytest.approx(float(l_infinity(reference, current)))
