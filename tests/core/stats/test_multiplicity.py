"""Holm's adjustment by another road, and what both corrections promise."""

from __future__ import annotations

from itertools import chain, combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.stats.multiplicity import holm, simultaneous


def closed_testing(p_values: list[float]) -> list[float]:
    """The largest Bonferroni p of all sets of hypotheses that hold this one."""
    everything = range(len(p_values))
    sets = list(chain.from_iterable(combinations(everything, size) for size in range(1, len(p_values) + 1)))
    return [max(min(1.0, len(s) * min(p_values[j] for j in s)) for s in sets if i in s) for i in everything]


@given(st.lists(st.floats(0, 1), max_size=7))
def test_holm_is_the_closed_test_of_bonferroni(p_values: list[float]) -> None:
    assert holm(p_values).tolist() == pytest.approx(closed_testing(p_values))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.data())
def test_some_of_many_come_out_no_smaller_than_among_all(p_values: list[float], data: st.DataObject) -> None:
    picked = data.draw(st.lists(st.sampled_from(range(len(p_values))), unique=True, min_size=1))
    among_all = holm(p_values)[picked]
    alone = holm([p_values[i] for i in picked], n_hypotheses=len(p_values))
    assert (alone >= among_all - 1e-12).all()


def test_fewer_hypotheses_than_p_values_are_refused() -> None:
    with pytest.raises(ValueError, match="fewer hypotheses"):
        holm([0.1, 0.2], n_hypotheses=1)


def test_the_published_local_law_example_comes_out() -> None:
    # 6 RCNY section 5-301: the smallest raw p of 6 races against White is .00943 (Fisher), Holm's .0566
    assert holm([0.00943, 0.5, 0.6, 0.3, 0.9, 0.2])[0] == pytest.approx(0.0566, abs=1e-4)


def test_under_independent_nulls_any_false_rejection_is_as_rare_as_said() -> None:
    rng = np.random.default_rng(4)
    p_values = rng.random((4_000, 8))
    rejected = np.mean([(holm(row) <= 0.05).any() for row in p_values])
    assert rejected == pytest.approx(1 - (1 - 0.05 / 8) ** 8, abs=0.01)


def test_intervals_of_several_are_wider_and_of_one_are_as_asked() -> None:
    assert simultaneous(0.95, 1) == pytest.approx(0.95)
    assert simultaneous(0.95, 10) == pytest.approx(0.995)
