"""Pooling over strata against published figures, the single stratum, and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2, chi2_contingency
from scipy.stats.contingency import odds_ratio

from core.stats.stratified import mantel_haenszel

# ProPublica's COMPAS by age_cat (25 - 45, over 45, under 25): Medium or High of African-American, of Caucasian
K1, N1, K2, N2 = np.array([[1281, 247, 646], [2194, 582, 920], [500, 117, 237], [1312, 752, 390]])


def test_compas_by_age_gives_the_published_pooled_odds_and_chi_square() -> None:
    pooled = mantel_haenszel(K1, N1, K2, N2)
    assert pooled.odds_ratio == pytest.approx(2.34132770, abs=1e-8)
    assert pooled.statistic == pytest.approx(238.054637, abs=1e-6)
    assert pooled.statistic_corrected == pytest.approx(237.206863, abs=1e-6)
    assert pooled.p_value == pytest.approx(chi2.sf(238.054637, 1), rel=1e-5)
    assert (pooled.n, pooled.n_strata, pooled.n_left_out) == (6150, 3, 0)


def test_one_stratum_is_the_plain_comparison() -> None:
    pooled = mantel_haenszel(np.array([30]), np.array([100]), np.array([60]), np.array([120]))
    table = np.array([[30, 70], [60, 60]])
    assert pooled.odds_ratio == pytest.approx(odds_ratio(table, kind="sample").statistic)
    exact = odds_ratio(table, kind="sample").confidence_interval()  # Woolf's, to which the variance reduces
    assert (pooled.odds_ratio_interval.low, pooled.odds_ratio_interval.high) == pytest.approx((exact.low, exact.high))
    assert pooled.risk_ratio == pytest.approx(0.6)
    # Katz, to which Greenland and Robins' variance reduces
    assert (pooled.risk_ratio_interval.low, pooled.risk_ratio_interval.high) == pytest.approx(
        (0.42333, 0.85040), abs=1e-5
    )
    assert pooled.risk_difference == pytest.approx(-0.2)
    # Pearson's chi-square, but for n - 1 in place of n
    assert pooled.statistic == pytest.approx(chi2_contingency(table, correction=False).statistic * 219 / 220)


def test_strata_without_both_sides_are_left_out_and_counted() -> None:
    pooled = mantel_haenszel(np.append(K1, [7, 0]), np.append(N1, [9, 0]), np.append(K2, [0, 0]), np.append(N2, [0, 0]))
    assert (pooled.n, pooled.n_strata, pooled.n_left_out) == (6150, 3, 9)
    assert pooled.odds_ratio == pytest.approx(2.34132770, abs=1e-8)


def test_what_has_no_value_is_none_and_not_0_or_1() -> None:
    nothing = np.zeros(2, dtype=np.int64)
    empty = mantel_haenszel(nothing, nothing, nothing, nothing)
    assert (empty.odds_ratio, empty.risk_difference, empty.risk_ratio, empty.p_value) == (None, None, None, None)
    nobody = mantel_haenszel(nothing, nothing + 50, nothing, nothing + 50)
    assert (nobody.odds_ratio, nobody.risk_ratio, nobody.statistic) == (None, None, None)
    assert nobody.risk_difference == 0.0
    one_sided = mantel_haenszel(nothing, nothing + 50, nothing + 5, nothing + 50)
    assert (one_sided.odds_ratio, one_sided.odds_ratio_interval) == (0.0, None)
    with pytest.raises(ValueError, match="between 0 and the rows"):
        mantel_haenszel(nothing + 3, nothing + 2, nothing, nothing)


def test_the_intervals_cover_and_a_gap_made_by_the_strata_alone_vanishes() -> None:
    """Strata of rates .1, .3 and .6 whose mix differs between the sides; the odds ratio inside is 1.5."""
    rng = np.random.default_rng(5)
    n1, n2 = np.array([60, 150, 400]), np.array([300, 200, 80])
    base = np.array([0.1, 0.3, 0.6])
    raised = 1.5 * base / (1 - base + 1.5 * base)
    hits = {"odds": 0, "difference": 0, "null": 0}
    weight = n1 * n2 / (n1 + n2)
    true_difference = float((weight * (raised - base)).sum() / weight.sum())
    for _ in range(600):
        pooled = mantel_haenszel(rng.binomial(n1, raised), n1, rng.binomial(n2, base), n2)
        hits["odds"] += pooled.odds_ratio_interval.low <= 1.5 <= pooled.odds_ratio_interval.high
        limits = pooled.risk_difference_interval
        hits["difference"] += limits.low <= true_difference <= limits.high
        alike = mantel_haenszel(rng.binomial(n1, base), n1, rng.binomial(n2, base), n2)
        hits["null"] += alike.p_value <= 0.05
    assert 0.93 <= hits["odds"] / 600 <= 0.97
    assert 0.93 <= hits["difference"] / 600 <= 0.97
    assert hits["null"] / 600 <= 0.075
