"""Three states: what makes a disparity, when there is no evidence, and when nobody can tell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import core.fairness
from core.fairness.comparisons import compare
from core.fairness.detection import rows_needed
from core.fairness.policy import DEFAULT_POLICY, Against, FairnessPolicy
from core.measure import Status
from core.stats.intervals import newcombe_difference
from tests.core.fairness.tables import LOCAL_LAW_144, binary_rates, selections

MARGIN = DEFAULT_POLICY.model_copy(update={"measures": ("selection_rate",)})
FOLDER = Path(core.fairness.__file__).parent / "policies"
FOUR_FIFTHS, TWO_SD, NYC = (
    FairnessPolicy.from_toml((FOLDER / f"{name}.toml").read_text(encoding="utf-8"), name)
    for name in ("four-fifths", "two-standard-deviations", "nyc-local-law-144")
)


def verdict(groups, group, policy=MARGIN):
    found = compare({"race": selections(groups)}, policy=policy, measures=["selection_rate"])
    return next(c for c in found if c.group.group == group).verdict


@pytest.mark.parametrize(
    ("groups", "status", "words"),
    [
        ({"a": (2000, 600), "b": (2000, 900)}, Status.CRITICAL, "beyond the limit of 5.0 points."),
        ({"a": (9000, 2700), "b": (9000, 2700)}, Status.OK, "within the limit of 5.0 points."),
        ({"a": (200, 60), "b": (9000, 2700)}, Status.INSUFFICIENT, "a needs 814 rows with a prediction; it has 200."),
        ({"a": (9000, 3150), "b": (9000, 2700)}, Status.INSUFFICIENT, "too close to the limit to call."),
        ({"a": (9000, 3000), "b": (120, 40)}, Status.INSUFFICIENT, "as they are mixed now a"),
        ({"a": (12, 0), "b": (9000, 8000)}, Status.INSUFFICIENT, "a has 12 rows with a prediction, fewer than the 30"),
        ({"a": (9000, 8000), "b": (1, 0)}, Status.INSUFFICIENT, "the rest has 1 row with a prediction, fewer than"),
    ],
)
def test_by_a_margin_the_interval_decides(groups, status, words):
    found = verdict(groups, "a")
    assert found.status is status
    assert words in found.why


@pytest.mark.parametrize(
    ("groups", "status", "words"),
    [
        # 0.8 says fail, chance says maybe
        ({"a": (60, 15), "b": (60, 24)}, Status.INSUFFICIENT, "Not enough data to rule a disparity out"),
        # both say so
        ({"a": (2000, 500), "b": (2000, 800)}, Status.CRITICAL, "Beyond the limit of 0.80, and certain."),
        # certain and small
        ({"a": (20000, 7600), "b": (20000, 8000)}, Status.OK, "That there is a gap at all is certain."),
        # neither, and a gap of a fifth would have been found
        ({"a": (3000, 1170), "b": (3000, 1200)}, Status.OK, "would have been found in 80% of cases"),
        ({"a": (29, 2), "b": (900, 360)}, Status.INSUFFICIENT, "Not enough data: a has 29 rows"),
    ],
)
def test_by_four_fifths_size_and_certainty_are_both_needed(groups, status, words):
    found = verdict(groups, "a", FOUR_FIFTHS)
    assert found.status is status
    assert words in found.why


def test_size_and_certainty_stand_side_by_side_where_they_disagree_in_the_citys_own_example():
    found = compare(
        {"race": selections(LOCAL_LAW_144)}, policy=NYC.model_copy(update={"limit": 0.8}), measures=["selection_rate"]
    )
    black = next(c for c in found if c.group.group == "Black")
    assert black.ratio == pytest.approx(0.843, abs=5e-4)
    assert black.p_raw == pytest.approx(0.00943, abs=5e-6)
    named = NYC.model_copy(update={"limit": 0.8, "against": Against.REFERENCE_GROUP, "alpha": 0.1})
    found = compare(
        {"race": selections(LOCAL_LAW_144)},
        policy=named,
        measures=["selection_rate"],
        reference_groups={"race": "White"},
    )
    black = next(c for c in found if c.group.group == "Black")
    assert (black.verdict.practical, black.verdict.statistical, black.verdict.disagrees) == (False, True, True)


def test_where_a_policy_sets_no_limit_nothing_is_judged_and_the_test_stands():
    found = verdict({"a": (2000, 500), "b": (2000, 800)}, "a", NYC)
    assert (found.status, found.is_judged, found.practical, found.statistical) == (
        Status.INSUFFICIENT,
        False,
        None,
        True,
    )
    assert "Not judged: the policy 'nyc-local-law-144' sets no limit for it." in found.why


def test_a_rate_that_a_policy_does_not_name_is_not_judged():
    rates = binary_rates({"a": (500, 100, 100, 300), "b": (100, 100, 500, 300)})
    found = compare({"sex": rates}, policy=FOUR_FIFTHS, measures=["true_positive_rate"])[0]
    assert (found.verdict.is_judged, found.verdict.status) == (False, Status.INSUFFICIENT)
    assert found.p_value < 0.001


def test_two_standard_deviations_call_any_certain_gap_and_say_when_it_is_small():
    large_n = {"a": (200_000, 60_000), "b": (200_000, 61_500)}
    found = verdict(large_n, "a", TWO_SD)
    assert (found.status, found.practical, found.statistical) == (Status.CRITICAL, False, True)
    assert found.disagrees
    alike = verdict({"a": (9000, 2700), "b": (9000, 2710)}, "a", TWO_SD)
    assert alike.status is Status.OK
    thin = verdict({"a": (300, 90), "b": (300, 95)}, "a", TWO_SD)
    assert thin.status is Status.INSUFFICIENT
    assert thin.detectable > 0.05
    assert thin.needed.group == thin.needed.other > 300


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 4000), st.integers(1, 4000), st.data())
def test_no_verdict_is_good_news_without_the_power_or_the_interval_for_it(n1, n2, data):
    groups = {"a": (n1, data.draw(st.integers(0, n1))), "b": (n2, data.draw(st.integers(0, n2)))}
    for policy in (MARGIN, FOUR_FIFTHS, TWO_SD):
        found = compare({"race": selections(groups)}, policy=policy, measures=["selection_rate"])
        for each in found:
            verdict = each.verdict
            if verdict.status is Status.OK:
                assert min(each.group.n, each.other.n) >= 30
                assert not verdict.practical
                if policy is MARGIN:
                    assert -0.05 <= each.difference_simultaneous.low <= each.difference_simultaneous.high <= 0.05
                else:
                    assert verdict.detectable is not None
            if verdict.status is Status.CRITICAL and policy is not MARGIN:
                assert verdict.statistical


def test_the_rows_asked_for_find_twice_the_margin_in_about_four_cases_of_five():
    n = rows_needed(0.3, 10_000, margin=0.05)
    rng = np.random.default_rng(3)
    found = np.mean(
        [
            newcombe_difference(int(k), n, int(k_rest), 10_000).low > 0.05
            for k, k_rest in zip(rng.binomial(n, 0.4, 2000), rng.binomial(10_000, 0.3, 2000), strict=True)
        ]
    )
    assert found == pytest.approx(0.8, abs=0.03)
    assert rows_needed(0.3, 200, margin=0.05) is None


def test_the_rows_that_four_fifths_asks_for_find_a_ratio_of_a_half_more_often_still():
    groups = {"a": (120, 40), "b": (4000, 1600)}
    need = verdict(groups, "a", FOUR_FIFTHS).needed.group
    rng = np.random.default_rng(5)
    found = [
        verdict({"a": (need, int(k)), "b": (4000, int(k_b))}, "a", FOUR_FIFTHS).statistical
        for k, k_b in zip(rng.binomial(need, 0.32, 300), rng.binomial(4000, 0.40, 300), strict=True)
    ]
    assert 0.75 <= np.mean(found) <= 0.88


@pytest.mark.parametrize(("policy", "n", "rate"), [(FOUR_FIFTHS, 200, 0.3), (TWO_SD, 100, 0.5), (MARGIN, 300, 0.3)])
def test_under_parity_any_group_is_called_a_disparity_in_at_most_one_audit_of_twenty(policy, n, rate):
    """Six groups; the long runs are in tests/bench. The standard error of a share of .05 is .011 here."""
    rng = np.random.default_rng(17)
    called = 0
    for _ in range(400):
        groups = {name: (n, int(k)) for name, k in zip("abcdef", rng.binomial(n, rate, 6), strict=True)}
        found = compare({"race": selections(groups)}, policy=policy, measures=["selection_rate"])
        called += any(c.verdict.status is Status.CRITICAL for c in found)
    assert called <= 0.05 * 400
