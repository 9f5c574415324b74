"""Fisher's exact test: scipy's at any size, the published p-values, and its promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, fisher_exact

from core.stats.exact import fisher_p_value

sizes = st.sampled_from([1, 2, 7, 30, 211, 3_000, 40_000])


@given(sizes, sizes, st.floats(0, 1), st.floats(0, 1))
def test_it_is_scipys(n1: int, n2: int, share1: float, share2: float) -> None:
    k1, k2 = round(n1 * share1), round(n2 * share2)
    theirs = fisher_exact([[k1, n1 - k1], [k2, n2 - k2]]).pvalue
    assert fisher_p_value(k1, n1, k2, n2) == pytest.approx(theirs, rel=1e-6, abs=1e-200)


@pytest.mark.parametrize(
    ("table", "p_value"),
    [
        ((2174, 3696, 854, 2454), 9.83e-77),  # COMPAS, ProPublica: selections, false positives, false negatives, PPV
        ((805, 1795, 349, 1488), 5.07e-38),
        ((532, 1901, 461, 966), 2.56e-25),
        ((1369, 2174, 505, 854), 0.050829),
        ((170, 390, 412, 797), 0.00943),  # 6 RCNY 5-301: Black and White
        ((7, 17, 215, 412), 0.4605),  # Native American women and White men
        ((95, 226, 215, 412), 0.016287),  # Black men and White men
    ],
)
def test_the_published_p_values_come_out(table: tuple[int, int, int, int], p_value: float) -> None:
    assert fisher_p_value(*table) == pytest.approx(p_value, rel=2e-3)


@pytest.mark.parametrize(("n1", "n2", "rate"), [(100, 100, 0.5), (50, 650, 0.1), (200, 200, 0.3), (500, 500, 0.5)])
def test_equal_rates_are_rejected_at_most_as_often_as_the_level_says(n1: int, n2: int, rate: float) -> None:
    """Enumerated, not simulated; the z-test rejects 5.6% of the first and 6.2% times the level of the second."""
    weights = binom.pmf(np.arange(n1 + 1), n1, rate), binom.pmf(np.arange(n2 + 1), n2, rate)
    for level in (0.05, 0.05 / 14):
        size = 0.0
        for k1 in np.flatnonzero(weights[0] > 1e-7).tolist():
            for k2 in np.flatnonzero(weights[1] > 1e-7).tolist():
                if abs(k1 / n1 - k2 / n2) > 1.2 * np.sqrt(rate * (1 - rate) * (1 / n1 + 1 / n2)):
                    size += weights[0][k1] * weights[1][k2] * (fisher_p_value(k1, n1, k2, n2) <= level)
        assert 0.2 * level < size <= level


def test_what_is_no_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="Not two rates"):
        fisher_p_value(3, 2, 1, 4)
    assert fisher_p_value(0, 5, 0, 9) == 1.0
