"""Errors of both kinds: Fairlearn's and the published numbers, coverage, and what is left out."""

from __future__ import annotations

import numpy as np
import pytest

from core.fairness.groups import group_rates
from core.fairness.odds import average_odds, equalized_odds, treatment_equality
from core.measure import Status
from tests.core.fairness.tables import COMPAS, TWO_RACES, binary_rates, rows_table


def by_name(measures):
    return {(m.measure, m.segment): m for m in measures}


@pytest.mark.parametrize(
    ("cells", "difference", "mean", "ratio"),
    [  # Fairlearn 0.15.0 on ProPublica's COMPAS
        (COMPAS, 0.5766917293, 0.4691015871, 0.1938968404),
        (TWO_RACES, 0.2139249558, 0.2056489598, 0.5229872103),
    ],
)
def test_compas_equalized_odds_are_fairlearns(cells, difference, mean, ratio):
    found = [m.value for m in equalized_odds(binary_rates(cells), attribute="race")]
    assert found == pytest.approx([difference, mean, ratio], abs=1e-10)


def test_the_user_guide_of_fairlearn_comes_out():
    label = [0, 1, 1, 1, 1, 0, 1, 0, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1]
    predicted = [0, 0, 1, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 0, 1, 1, 0]
    table, names = rows_table(predicted, label, "bbabbcccaacabccbcc")
    rates = group_rates(table, group_names=names, positive=1, favourable=1)
    difference, _, ratio = equalized_odds(rates, attribute="g")
    assert (difference.value, ratio.value) == (1.0, 0.0)


def test_a_group_without_positives_is_left_out_where_fairlearn_invents_half_a_point():
    cells = {"a": (20, 10, 20, 30), "b": (20, 10, 20, 30), "c": (0, 10, 0, 30)}
    difference = equalized_odds(binary_rates(cells), attribute="x")[0]
    assert difference.value == 0.0
    assert "Left out for want of both error rates: c." in difference.why
    alone = equalized_odds(binary_rates({"a": cells["a"], "c": cells["c"]}), attribute="x")[0]
    assert (alone.status, alone.value) == (Status.UNDEFINED, None)
    assert "not assessable" in alone.why


def test_average_odds_can_cancel_and_their_sizes_cannot():
    cells = {"a": (80, 20, 20, 80), "b": (70, 30, 30, 70)}
    found = by_name(average_odds(binary_rates(cells), attribute="x"))
    assert found["average_odds_difference_to_rest", "a"].value == pytest.approx(0.0)
    assert found["average_absolute_odds_difference_to_rest", "a"].value == pytest.approx(0.1)
    two = by_name(average_odds(binary_rates(TWO_RACES), attribute="race"))
    expected = (0.2139249558 + 0.1973729638) / 2  # both differences are published
    assert two["average_odds_difference_to_rest", "African-American"].value == pytest.approx(expected, abs=1e-9)


def test_intervals_cover_what_the_population_shows():
    rng = np.random.default_rng(14)
    truth = {"a": (0.7, 0.2), "b": (0.6, 0.3), "c": (0.7, 0.25)}
    n = {"a": (300, 500), "b": (250, 300), "c": (90, 150)}
    covered = {"larger": 0, "average": 0, "sizes": 0, "treatment": 0}
    rest = [sum(truth[g][i] * n[g][i] for g in "bc") / sum(n[g][i] for g in "bc") for i in (0, 1)]
    average = (0.7 - rest[0] + 0.2 - rest[1]) / 2
    sizes = (abs(0.7 - rest[0]) + abs(0.2 - rest[1])) / 2
    for _ in range(300):
        cells = {}
        for g, (tpr, fpr) in truth.items():
            tp, fp = rng.binomial(n[g][0], tpr), rng.binomial(n[g][1], fpr)
            cells[g] = (int(tp), int(fp), int(n[g][0] - tp), int(n[g][1] - fp))
        rates = binary_rates(cells)
        larger = equalized_odds(rates, attribute="x")[0].interval
        covered["larger"] += larger.low <= 0.1 <= larger.high
        found = by_name(average_odds(rates, attribute="x"))
        signed = found["average_odds_difference_to_rest", "a"].interval
        covered["average"] += signed.low <= average <= signed.high
        absolute = found["average_absolute_odds_difference_to_rest", "a"].interval
        covered["sizes"] += absolute.low <= sizes <= absolute.high
        trade = by_name(treatment_equality(rates, attribute="x"))["treatment_equality", "a"].interval
        covered["treatment"] += trade.low <= 0.3 * 300 / (0.2 * 500) <= trade.high
    assert covered["larger"] >= 0.95 * 300
    assert covered["average"] / 300 == pytest.approx(0.95, abs=0.035)
    assert covered["sizes"] >= 0.95 * 300
    assert covered["treatment"] / 300 == pytest.approx(0.95, abs=0.035)


def test_treatment_equality_is_misses_over_false_alarms():
    found = by_name(treatment_equality(binary_rates(TWO_RACES), attribute="race"))
    black, white = 532 / 805, 461 / 349
    assert found["treatment_equality", "African-American"].value == pytest.approx(black)
    gap = found["treatment_equality_difference_to_rest", "African-American"]
    assert gap.value == pytest.approx(-0.6600473402, abs=1e-10)  # Clarify's TE, a = Caucasian
    assert gap.value == pytest.approx(black - white)
    none = by_name(treatment_equality(binary_rates({"a": (9, 0, 3, 9), "b": (9, 0, 0, 9)}), attribute="x"))
    assert none["treatment_equality", "a"].why == "No false positive: the ratio has no value."
    assert none["treatment_equality", "b"].why == "No error of either kind: the ratio has no value."
