"""More than two classes: each against the rest, and Cramer's V by scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2_contingency
from scipy.stats.contingency import association

from core.fairness.multiclass import macro_gap, one_against_rest, prediction_association

CLASSES = ("x", "y", "z")


def drawn(seed=0, *, tied=True):
    rng = np.random.default_rng(seed)
    table = np.zeros((4, 4, 3), dtype=np.int64)
    for place in range(3):
        lean = np.array([0.5, 0.3, 0.2]) + (np.array([-0.1, 0.05, 0.05]) * place if tied else 0)
        table[:3, :3, place] = rng.multinomial(600, np.outer(lean, [0.4, 0.4, 0.2]).ravel()).reshape(3, 3)
    return table


def test_each_class_has_its_own_gap_and_the_macro_gap_is_their_mean():
    rates = one_against_rest(drawn(), group_names=("a", "b", "c"), classes=CLASSES)
    assert list(rates) == list(CLASSES)
    gaps = []
    for place, name in enumerate(CLASSES):
        by_hand = drawn()[place, :3].sum(axis=0) / drawn()[:3, :3].sum(axis=(0, 1))
        assert [each.value for each in rates[name].of("selection_rate")] == pytest.approx(by_hand.tolist())
        gaps.append(by_hand.max() - by_hand.min())
    assert macro_gap(rates, "selection_rate") == pytest.approx(np.mean(gaps))
    empty = one_against_rest(np.zeros((4, 4, 1), dtype=np.int64), group_names=("a",), classes=CLASSES)
    assert macro_gap(empty, "selection_rate") is None


def test_the_association_is_scipys():
    table = drawn()
    found = prediction_association(table, group_names=("a", "b", "c"))
    decisions = table[:3].sum(axis=1)
    assert found.value == pytest.approx(association(decisions, method="cramer"))
    assert found.p_value == pytest.approx(chi2_contingency(decisions, correction=False).pvalue)
    assert found.interval.low < found.value < found.interval.high


def test_without_association_the_interval_reaches_zero_and_p_values_are_uniform():
    p_values = []
    for seed in range(200):
        found = prediction_association(drawn(seed, tied=False), group_names=("a", "b", "c"))
        p_values.append(found.p_value)
    assert np.mean(np.array(p_values) <= 0.05) == pytest.approx(0.05, abs=0.04)


def test_one_group_or_one_decision_has_no_association():
    one = np.zeros((3, 3, 2), dtype=np.int64)
    one[0, 2] = (50, 60)
    found = prediction_association(one, group_names=("a", "b"))
    assert (found.value, found.why) == (None, "Fewer than two groups or two decisions.")
