"""Run rules against their definitions read point by point; what happens on lines, at ties and after gaps."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError, UnknownNameError
from core.spc.rules import NELSON, WESTERN_ELECTRIC, Rule, as_rules, patterns
from tests.core.spc.plain import signals

# Lines, points just beside them, the centre and gaps come up often, and so do long stretches alike.
POINTS = st.sampled_from([-3.2, -3.0, -2.5, -2.0, -1.4, -1.0, -0.5, 0.0, 0.5, 1.0, 1.4, 2.0, 2.5, 3.0, 3.2, math.nan])
STRETCHES = st.lists(st.tuples(st.lists(POINTS, min_size=1, max_size=4), st.integers(1, 9)), min_size=1, max_size=8)


def at(rule: Rule, score: list[float]) -> list[int]:
    return np.flatnonzero(patterns(score, [rule])[rule]).tolist()


@settings(max_examples=150)
@given(STRETCHES)
def test_each_rule_signals_exactly_where_its_definition_does(stretches: list[tuple[list[float], int]]) -> None:
    score = [point for points, times in stretches for _ in range(times) for point in points]
    found = patterns(score, list(Rule))
    for rule in Rule:
        assert found[rule].tolist() == signals(score, rule), rule


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_many_series_at_once_give_what_each_gives_alone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    score = rng.normal(0, 1.5, size=(2, 3, 40))
    score[rng.random(score.shape) < 0.1] = np.nan
    together = patterns(score, list(Rule))
    for place in np.ndindex(2, 3):
        alone = patterns(score[place], list(Rule))
        assert all((together[rule][place] == alone[rule]).all() for rule in Rule)


def test_the_upside_down_series_signals_at_the_same_points() -> None:
    score = np.random.default_rng(1).normal(0, 1.5, size=(50, 200))
    for rule, found in patterns(score, list(Rule)).items():
        assert (found == patterns(-score, [rule])[rule]).all(), rule


def test_a_point_on_a_line_is_not_beyond_it_and_counts_as_within_one_sigma() -> None:
    assert at(Rule.NELSON_1, [3.0, -3.0, 3.0000001]) == [2]
    assert at(Rule.NELSON_5, [2.0, 2.0, 2.0]) == []
    assert at(Rule.NELSON_7, [1.0, -1.0] * 7 + [1.0]) == [14]
    assert at(Rule.NELSON_8, [1.0, -1.5] * 8) == []
    # An average of thirds rounds to just above the line: it still lies on it.
    assert at(Rule.NELSON_1, [3 * (0.1 + 0.2) / 0.3]) == []


def test_a_point_on_the_centre_line_ends_a_run() -> None:
    assert at(Rule.NELSON_2, [0.5] * 9) == [8]
    assert at(Rule.NELSON_2, [0.5] * 8 + [0.0] + [0.5] * 8) == []
    assert at(Rule.WESTERN_ELECTRIC_4, [0.5] * 8) == [7]
    assert at(Rule.WESTERN_ELECTRIC_4, [0.5] * 10) == [7, 8, 9], "each further point of the run signals too"


def test_equal_neighbours_end_a_trend_and_an_alternation() -> None:
    assert at(Rule.NELSON_3, [0, 1, 2, 3, 4, 5]) == [5]
    assert at(Rule.NELSON_3, [0, 1, 2, 2, 3, 4, 5]) == []
    up_and_down = [0.0, 1.0] * 7
    assert at(Rule.NELSON_4, up_and_down) == [13]
    assert at(Rule.NELSON_4, [*up_and_down[:6], 1.0, *up_and_down[6:]]) == []


def test_the_last_point_must_be_beyond_itself() -> None:
    assert at(Rule.NELSON_5, [2.5, 2.5, 0.0]) == [1]
    assert at(Rule.NELSON_5, [2.5, 0.0, 2.5]) == [2]
    assert at(Rule.NELSON_5, [2.5, -2.5, -2.5]) == [2]
    assert at(Rule.NELSON_5, [2.5, -2.5]) == []
    assert at(Rule.NELSON_6, [1.5, 1.5, 0.0, 1.5, 1.5]) == [4]
    assert at(Rule.NELSON_6, [1.5, 1.5, 1.5, 0.0, 0.0, 1.5]) == []


def test_after_a_gap_counting_begins_anew() -> None:
    gap = math.nan
    assert at(Rule.NELSON_2, [0.5] * 5 + [gap] + [0.5] * 8) == []
    assert at(Rule.NELSON_5, [2.5, gap, 2.5, 0.0, 2.5]) == [4]
    assert at(Rule.NELSON_5, [gap, 2.5, 2.5]) == [2]
    assert at(Rule.NELSON_3, [0, 1, 2, gap, 3, 4, 5]) == []
    assert at(Rule.NELSON_7, [0.1] * 14 + [gap] + [0.1]) == []


def test_trend_and_alternation_are_read_off_values_where_n_varies() -> None:
    shares, errors = np.full(6, 0.3), np.array([0.05, 0.04, 0.03, 0.02, 0.015, 0.01])
    score = (shares - 0.25) / errors
    assert patterns(score, [Rule.NELSON_3])[Rule.NELSON_3].any()
    assert not patterns(score, [Rule.NELSON_3], values=shares)[Rule.NELSON_3].any()


def test_any_subset_can_be_chosen_by_name_and_each_is_told_in_words() -> None:
    assert [len(WESTERN_ELECTRIC), len(NELSON)] == [4, 8]
    assert as_rules(["nelson-8", "western-electric-1"]) == (Rule.WESTERN_ELECTRIC_1, Rule.NELSON_8)
    assert set(patterns([0.0], ["nelson-4", "nelson-2"])) == {Rule.NELSON_2, Rule.NELSON_4}
    assert patterns([0.0, 9.9], []) == {}
    assert len({rule.label for rule in Rule}) == 12
    assert len({rule.words for rule in Rule}) == 9, "three of Western Electric are Nelson's too"
    with pytest.raises(UnknownNameError, match="did you mean"):
        as_rules(["nelson-9"])
    with pytest.raises(InputError, match="shape"):
        patterns([0.0, 1.0], ["nelson-3"], values=[0.0])
