"""Setting a measure against its reference: which test, which margin, and when there is no change to state."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from core.measure import Interval, Status
from core.performance.binary import BinaryCounts, binary_performance
from core.performance.measures import MARGINS, changes, estimate, rate, undefined
from core.stats.intervals import newcombe_difference


def binary(tp: int, fp: int, fn: int, tn: int) -> BinaryCounts:
    joint = np.zeros((7, 3, 3), dtype=np.int64)
    joint[0, :2, :2] = [[tn, fn], [fp, tp]]
    return BinaryCounts(joint=joint, classes=("no", "yes"), positive=1)


def compare(reference: BinaryCounts, current: BinaryCounts, **options) -> dict:
    return {
        measure.measure: measure
        for measure in changes(binary_performance(reference), binary_performance(current), **options)
    }


def test_rates_are_compared_by_their_counts() -> None:
    found = compare(binary(400, 50, 60, 490), binary(60, 20, 30, 90))
    expected = newcombe_difference(60, 90, 400, 460)
    assert (found["recall"].change.low, found["recall"].change.high) == (expected.low, expected.high)
    table = np.array([[400, 60], [60, 30]])
    assert found["recall"].p_value == pytest.approx(chi2_contingency(table, correction=False).pvalue)
    assert found["recall"].reference == 400 / 460
    assert found["recall"].margin == MARGINS["recall"] == 0.05


def test_f1_is_tested_as_its_jaccard_index() -> None:
    found = compare(binary(400, 50, 60, 490), binary(60, 20, 30, 90))["f1"]
    table = np.array([[400, 110], [60, 50]])
    assert found.p_value == pytest.approx(chi2_contingency(table, correction=False).pvalue)
    assert found.change.low < found.value - found.reference < found.change.high < 0


@given(hits=st.integers(0, 10_000), others=st.integers(1, 10_000))
def test_the_count_behind_a_rate_and_an_f1_is_found_again(hits: int, others: int) -> None:
    found = compare(binary(hits, others, 0, 5), binary(hits, others, 0, 5))
    for name in ("precision", "f1"):
        assert found[name].p_value == 1.0
        assert found[name].change.low < 0 < found[name].change.high


def test_a_given_margin_replaces_the_default_of_that_measure_only() -> None:
    found = compare(binary(40, 5, 6, 49), binary(40, 5, 6, 49), margins={"recall": 0.2})
    assert (found["recall"].margin, found["precision"].margin) == (0.2, 0.05)


def test_the_labelled_share_has_no_margin_as_young_windows_are_always_behind() -> None:
    assert compare(binary(4, 5, 6, 7), binary(4, 5, 6, 7))["labelled_share"].margin is None


def test_where_one_side_has_no_value_there_is_no_change() -> None:
    found = compare(binary(0, 0, 0, 9), binary(4, 5, 6, 7))["recall"]
    assert (found.reference, found.change, found.p_value) == (None, None, None)
    found = compare(binary(4, 5, 6, 7), binary(0, 0, 0, 9))["recall"]
    assert found.status is Status.UNDEFINED
    assert (found.reference, found.change) == (0.4, None)


def test_measures_made_by_different_conventions_are_not_compared() -> None:
    interval = Interval(low=0.4, high=0.6)
    before = estimate("gain", 0.5, 10, interval=interval, convention="net")
    [same] = changes([before], [estimate("gain", 0.5, 10, interval=interval, convention="net")])
    [other] = changes([before], [estimate("gain", 0.5, 10, interval=interval, convention="gross")])
    assert (same.p_value, other.p_value) == (1.0, None)


def test_a_measure_that_the_reference_lacks_is_handed_on_unchanged() -> None:
    accuracy = rate("accuracy", 3, 4, among="with a label", empty="No label.")
    assert changes([], [accuracy], margins={"accuracy": 0.1})[0].margin == 0.1
    assert changes([], [undefined("f1", convention="", why="No label.")])[0].why == "No label."
