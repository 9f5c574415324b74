"""What a comparison can find, against published figures and simulation of the test itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.stats.hypothesis import two_proportions_p_value
from core.stats.power import minimum_detectable_difference, rows_to_detect, times_to_detect


@pytest.mark.parametrize(
    ("n", "n_other", "difference"),
    [(30, 1000, 0.21088), (100, 1000, 0.12720), (500, 1000, 0.06809), (1000, 1000, 0.05573), (5000, 5000, 0.02535)],
)
def test_the_smallest_difference_below_a_rate_of_30_percent(n: int, n_other: int, difference: float) -> None:
    assert minimum_detectable_difference(0.30, n, n_other) == pytest.approx(difference, abs=5e-6)


@pytest.mark.parametrize(("n", "n_other", "side"), [(300, 900, "below"), (300, 900, "above"), (1000, 1000, "below")])
def test_the_test_finds_that_difference_in_four_cases_of_five(n: int, n_other: int, side: str) -> None:
    difference = minimum_detectable_difference(0.3, n, n_other, side=side)
    assert difference is not None
    rng = np.random.default_rng(11)
    rate = 0.3 + (difference if side == "above" else -difference)
    pairs = zip(rng.binomial(n, rate, 1500), rng.binomial(n_other, 0.3, 1500), strict=True)
    found = np.mean([two_proportions_p_value(int(other), n_other, int(k), n) <= 0.05 for k, other in pairs])
    assert found == pytest.approx(0.8, abs=0.035)


@given(st.floats(0.05, 0.95), st.floats(0.02, 0.3), st.integers(20, 5000), st.sampled_from(["below", "above"]))
def test_the_rows_needed_are_the_least_that_do(rate: float, difference: float, n_other: int, side: str) -> None:
    n = rows_to_detect(rate, difference, n_other, side=side)
    if n is None:
        found = minimum_detectable_difference(rate, 10**9, n_other, side=side)
        assert found is None or found > difference
        return
    room = rate if side == "below" else 1 - rate
    if difference < room:
        assert minimum_detectable_difference(rate, n, n_other, side=side) <= difference + 1e-9
        fewer = minimum_detectable_difference(rate, n - 1, n_other, side=side) if n > 1 else None
        assert fewer is None or fewer > difference


@given(st.floats(0.1, 0.9), st.floats(0.01, 0.09), st.integers(20, 5000), st.integers(20, 5000), st.booleans())
def test_that_many_times_the_rows_find_the_difference_just_so(
    rate: float, difference: float, n: int, n_other: int, exact: bool
) -> None:
    times = times_to_detect(rate, difference, n * 1000, n_other * 1000, exact=exact)
    found = minimum_detectable_difference(rate, round(times * n * 1000), round(times * n_other * 1000), exact=exact)
    assert found == pytest.approx(difference, rel=0.02)


def test_fishers_test_finds_its_difference_in_four_cases_of_five() -> None:
    from core.stats.exact import fisher_p_value

    difference = minimum_detectable_difference(0.3, 80, 200, exact=True)
    rng = np.random.default_rng(2)
    pairs = zip(rng.binomial(80, 0.3 - difference, 2000), rng.binomial(200, 0.3, 2000), strict=True)
    found = np.mean([fisher_p_value(int(k), 80, int(other), 200) <= 0.05 for k, other in pairs])
    assert found == pytest.approx(0.8, abs=0.035)


def test_what_is_no_rate_is_refused() -> None:
    for rate, n in ((0.0, 10), (1.0, 10), (0.5, 0)):
        with pytest.raises(ValueError, match="rate between 0 and 1"):
            minimum_detectable_difference(rate, n, 10)
