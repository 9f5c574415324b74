"""Differences of two independent estimates: Newcombe's table, scipy's tests, and what MOVER must satisfy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, fisher_exact, norm

from core.measure import Interval
from core.stats.contrasts import contrast_estimates, contrast_rates
from core.stats.intervals import newcombe_difference, wilson


@st.composite
def rates(draw: st.DrawFn) -> tuple[int, int]:
    n = draw(st.integers(1, 400))
    return draw(st.integers(0, n)), n


@st.composite
def estimates(draw: st.DrawFn) -> tuple[float, Interval]:
    value = draw(st.floats(-5, 5))
    low, high = draw(st.floats(0, 3)), draw(st.floats(0, 3))
    return value, Interval(low=value - low, high=value + high)


def test_the_p_value_of_rates_is_pearsons_with_many_rows_and_fishers_with_few() -> None:
    many = np.array([[48, 32], [56, 14]])
    assert contrast_rates(48, 80, 56, 70).p_value == pytest.approx(chi2_contingency(many, correction=False).pvalue)
    few = np.array([[1, 9], [5, 5]])
    assert contrast_rates(1, 10, 5, 10).p_value == pytest.approx(fisher_exact(few).pvalue)


def test_newcombes_own_examples_of_method_10() -> None:
    """Table II of doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I, (a) and (c)."""
    first, third = contrast_rates(48, 80, 56, 70).interval, contrast_rates(2, 7, 6, 7).interval
    assert (round(first.low, 4), round(first.high, 4)) == (0.0524, 0.3339)
    assert (round(third.low, 4), round(third.high, 4)) == (0.0582, 0.8062)


@given(reference=rates(), current=rates())
def test_swapping_reference_and_current_turns_the_sign_and_keeps_the_p_value(
    reference: tuple[int, int], current: tuple[int, int]
) -> None:
    there, back = contrast_rates(*reference, *current), contrast_rates(*current, *reference)
    assert there.difference == pytest.approx(-back.difference)
    assert there.interval.low == pytest.approx(-back.interval.high)
    assert there.p_value == pytest.approx(back.p_value)


@given(reference=rates(), current=rates())
def test_mover_on_wilson_intervals_is_newcombes_interval(reference: tuple[int, int], current: tuple[int, int]) -> None:
    (k, n), (j, m) = reference, current
    found = contrast_estimates(k / n, wilson(k, n), j / m, wilson(j, m)).interval
    expected = newcombe_difference(j, m, k, n)
    assert (found.low, found.high) == (pytest.approx(expected.low), pytest.approx(expected.high))


@given(reference=estimates(), current=estimates())
def test_a_p_value_below_5_percent_means_that_the_95_percent_interval_leaves_out_zero(
    reference: tuple[float, Interval], current: tuple[float, Interval]
) -> None:
    contrast = contrast_estimates(*reference, *current)
    assert contrast.interval.low <= contrast.difference <= contrast.interval.high
    if abs(contrast.p_value - 0.05) > 1e-9:
        leaves_out = contrast.interval.low > 0 or contrast.interval.high < 0
        assert (contrast.p_value < 0.05) == leaves_out


def test_symmetric_intervals_give_the_two_sample_z_test() -> None:
    z = norm.ppf(0.975)
    contrast = contrast_estimates(
        1.0, Interval(low=1 - 0.3 * z, high=1 + 0.3 * z), 2.0, Interval(low=2 - 0.4 * z, high=2 + 0.4 * z)
    )
    assert contrast.interval.low == pytest.approx(1 - z * 0.5)
    assert contrast.p_value == pytest.approx(2 * norm.sf(1 / 0.5))


def test_intervals_of_different_confidence_or_beside_their_estimate_are_refused() -> None:
    good = Interval(low=0.0, high=1.0)
    with pytest.raises(ValueError, match="can't be combined"):
        contrast_estimates(0.5, good, 0.5, Interval(low=0.0, high=1.0, confidence=0.9))
    with pytest.raises(ValueError, match="does not hold its estimate"):
        contrast_estimates(0.5, good, 1.5, good)
