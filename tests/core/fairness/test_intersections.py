"""Cells of several attributes: the beta posterior, its promise, and the definition of epsilon."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from core.errors import InputError
from core.fairness.groups import group_rate
from core.fairness.intersections import differential_fairness, smoothed_rates


def cells(*pairs):
    return [group_rate(k, n, measure="selection_rate", group=f"c{i}", n_rows=n) for i, (k, n) in enumerate(pairs)]


def test_a_thin_cell_is_drawn_towards_the_whole_and_a_full_one_is_not():
    full, thin, empty = smoothed_rates(cells((300, 1000), (5, 5), (0, 0)))
    centre = 305.5 / 1006
    assert full.value == pytest.approx((300 + 20 * centre) / 1020)
    assert thin.value == pytest.approx((5 + 20 * centre) / 25)
    assert (empty.value, empty.weight) == (pytest.approx(centre), 0.0)
    limits = beta.ppf([0.025, 0.975], 5 + 20 * centre, 20 * (1 - centre))
    assert (thin.interval.low, thin.interval.high) == pytest.approx(tuple(limits))
    with pytest.raises(InputError, match="No cell"):
        smoothed_rates(cells((0, 0)))


def test_the_smoothed_rates_lie_closer_to_the_truth_than_the_plain_ones():
    rng = np.random.default_rng(8)
    plain = smooth = 0.0
    for _ in range(200):
        truth = rng.beta(12, 28, 12)
        n = rng.integers(3, 40, 12)
        k = rng.binomial(n, truth)
        found = smoothed_rates(cells(*zip(k.tolist(), n.tolist(), strict=True)))
        smooth += float(((np.array([each.value for each in found]) - truth) ** 2).mean())
        plain += float(((k / n - truth) ** 2).mean())
    assert smooth < 0.7 * plain


@given(st.lists(st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=2, max_size=6))
def test_epsilon_is_its_definition_over_all_pairs_and_both_outcomes(pairs):
    found = differential_fairness(cells(*pairs))
    p = [(k + 1) / (n + 2) for k, n in pairs]
    both = [p, [1 - q for q in p]]
    assert found.epsilon == pytest.approx(max(abs(math.log(a / b)) for side in both for a in side for b in side))
    assert found.epsilon >= 0


def test_cells_without_rows_are_named_and_one_alone_is_not_assessable():
    found = differential_fairness(cells((5, 10), (3, 10), (0, 0)))
    assert "Left out for want of rows: c2." in found.why
    assert (found.lowest, found.highest, found.n_cells) == ("c1", "c0", 2)
    assert differential_fairness(cells((5, 10), (0, 0))).epsilon is None
