"""Gaps as measures against published figures, Fairlearn and seeded simulation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame, demographic_parity_ratio, false_positive_rate, selection_rate
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from core.fairness.comparisons import COMPARED_RATES
from core.fairness.gaps import audit, group_gaps
from core.fairness.policy import DEFAULT_POLICY, Against
from core.measure import Status
from core.stats.intervals import newcombe_difference
from tests.core.fairness.tables import COMPAS, LOCAL_LAW_144, TWO_RACES, binary_rates, selections


def gaps_of(rates, **options):
    return {(gap.measure, gap.segment): gap for gap in group_gaps(rates, attribute="race", **options)}


def test_compas_gaps_between_two_groups_are_the_published_ones():
    gaps = gaps_of(binary_rates(TWO_RACES))
    published = {  # difference and Newcombe interval
        "selection_rate": (0.2402002032, (0.215339, 0.264580)),
        "false_positive_rate": (0.2139249558, (0.182053, 0.245023)),
        "positive_predictive_value": (0.0383799168, (-0.000042, 0.077258)),
    }
    for rate, (difference, interval) in published.items():
        gap = gaps[f"{rate}_difference_to_rest", "African-American"]
        assert gap.value == pytest.approx(difference, abs=1e-10)
        assert (gap.interval.low, gap.interval.high) == pytest.approx(interval, abs=1e-6)
    assert gaps["selection_rate_ratio_to_rest", "African-American"].value == pytest.approx(1.690224, abs=1e-6)
    # the ratios of error rates that ProPublica printed
    assert round(gaps["false_positive_rate_ratio_to_rest", "African-American"].value, 2) == 1.91
    assert round(gaps["false_negative_rate_ratio_to_rest", "Caucasian"].value, 2) == 1.71
    assert gaps["false_positive_rate_ratio_to_rest", "African-American"].value == pytest.approx(1.912093, abs=1e-6)


def test_the_chi_square_over_six_races_is_the_published_one():
    gaps = gaps_of(binary_rates(COMPAS))
    for rate, statistic in (("selection_rate", 539.557727), ("false_positive_rate", 244.256710)):
        assert chi2.isf(gaps[f"{rate}_difference", ""].p_value, 5) == pytest.approx(statistic, abs=1e-5)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(*[st.integers(1, 300)] * 4), min_size=2, max_size=5))
def test_the_largest_gaps_are_fairlearns(cells):
    names = [f"group {index}" for index in range(len(cells))]
    gaps = gaps_of(binary_rates(dict(zip(names, cells, strict=True))))
    rows = pd.DataFrame(
        [
            (predicted, label, name, count)
            for name, counts in zip(names, cells, strict=True)
            for (predicted, label), count in zip(((1, 1), (1, 0), (0, 1), (0, 0)), counts, strict=True)
        ],
        columns=["predicted", "label", "group", "count"],
    )
    for rate, metric in (("selection_rate", selection_rate), ("false_positive_rate", false_positive_rate)):
        frame = MetricFrame(
            metrics=metric,
            y_true=rows["label"],
            y_pred=rows["predicted"],
            sensitive_features=rows["group"],
            sample_params={"sample_weight": rows["count"]},
        )
        assert gaps[f"{rate}_difference", ""].value == pytest.approx(frame.difference(), abs=1e-12)
        assert gaps[f"{rate}_ratio", ""].value == pytest.approx(frame.ratio(), abs=1e-12)


def test_a_group_without_a_rate_is_left_out_and_named_where_fairlearn_invents_a_gap():
    cells = {"a": (200, 100, 200, 500), "b": (180, 90, 220, 510), "c": (0, 100, 0, 300)}
    gap = gaps_of(binary_rates(cells))["true_positive_rate_difference", ""]
    assert gap.value == pytest.approx(200 / 400 - 180 / 400)  # Fairlearn's 0 for c would make it 0.5
    assert gap.n == 800
    assert "Left out for want of a rate: c." in gap.why
    alone = gaps_of(binary_rates(cells))["true_positive_rate_difference_to_rest", "c"]
    assert (alone.status, alone.value, alone.why) == (Status.UNDEFINED, None, "No labelled positive in this group.")


def test_four_fifths_is_said_and_decides_nothing():
    gaps = gaps_of(selections(LOCAL_LAW_144), policy=DEFAULT_POLICY.model_copy(update={"against": Against.BEST}))
    assert (
        "0.84 of the higher, not below the four-fifths convention (0.8)"
        in gaps["selection_rate_ratio_to_best", "Black"].why
    )
    below = gaps_of(selections({"a": (40, 12), "b": (40, 18)}))["selection_rate_ratio_to_rest", "a"]
    assert "0.67 of the higher, below the four-fifths convention" in below.why
    assert below.status is Status.INSUFFICIENT


def test_two_groups_are_one_comparison_seen_from_both_sides():
    gaps = gaps_of(selections({"a": (500, 100), "b": (400, 140), "empty": (0, 0)}))
    a, b = (gaps["selection_rate_difference_to_rest", name] for name in "ab")
    assert a.value == pytest.approx(-b.value)
    assert a.p_value == b.p_value
    assert a.interval == newcombe_difference(100, 500, 140, 400)
    assert gaps["selection_rate_difference", ""].interval.high == pytest.approx(b.interval.high)


def test_shortfalls_are_rows_short_of_the_common_rate():
    gaps = gaps_of(selections({"a": (500, 100), "b": (400, 140)}))
    a, b = (gaps["selection_shortfall", name] for name in "ab")
    assert a.value == pytest.approx(500 * 240 / 900 - 100)
    assert b.value == pytest.approx(-a.value)
    assert a.interval.low < a.value < a.interval.high
    assert (a.status, a.margin) == (Status.INSUFFICIENT, None)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 3000).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))), min_size=1, max_size=5),
    st.sampled_from([0.01, 0.05, 0.2]),
)
def test_verdicts_follow_the_interval_and_a_disparity_is_always_significant(groups, margin):
    rates = selections({f"group {index}": group for index, group in enumerate(groups)})
    policy = DEFAULT_POLICY.model_copy(update={"limit": margin})
    for gap in group_gaps(rates, attribute="race", policy=policy):
        assert (gap.value is None) == (gap.status is Status.UNDEFINED)
        assert gap.why
        assert gap.convention
        if gap.interval is not None:
            assert gap.interval.low - 1e-9 <= gap.value <= gap.interval.high + 1e-9
        if gap.change is None or "ratio" in gap.measure:
            continue
        beyond = gap.change.low > margin or gap.change.high < -margin
        within = -margin <= gap.change.low and gap.change.high <= margin
        assert gap.status is not Status.CRITICAL or (beyond and gap.p_value <= 0.05)
        assert gap.status is not Status.OK or within
        assert gap.n >= 30 or gap.status is Status.INSUFFICIENT


def test_one_group_alone_is_not_assessable():
    gaps = gaps_of(selections({"a": (5000, 1000), "b": (0, 0)}))
    assert gaps["selection_rate_difference", ""].why == "a alone has a selection rate: not assessable."
    assert gaps["selection_rate_ratio", ""].status is Status.UNDEFINED
    assert gaps["selection_rate_difference_to_rest", "a"].why == "No other group has rows: not assessable."
    assert gaps["selection_rate_difference_to_rest", "b"].why == "No rows in this group."


def test_without_any_selection_a_ratio_has_no_value():
    groups = {"a": (500, 0), "b": (600, 0)}
    gaps = gaps_of(selections(groups))
    assert gaps["selection_rate_ratio", ""].why == "No selections in any group: the ratio has no value."
    assert gaps["selection_rate_ratio_to_rest", "a"].why == "No selections on either side: the ratio has no value."
    assert gaps["selection_rate_difference", ""].value == 0.0
    one_sided = gaps_of(selections({"a": (500, 50), "b": (600, 0)}))
    assert one_sided["selection_rate_ratio_to_rest", "a"].why == "No selections in the rest: the ratio has no value."
    assert one_sided["selection_rate_ratio_to_rest", "b"].value == 0.0
    assert one_sided["selection_rate_ratio", ""].value == 0.0
    rows = {"y": [1] * 4, "p": [0] * 4, "g": list("aabb")}
    assert np.isnan(demographic_parity_ratio(rows["y"], rows["p"], sensitive_features=rows["g"]))


def test_an_empty_window_is_undefined_throughout():
    for groups in ({"a": (0, 0), "b": (0, 0)}, {"Unknown": (0, 0)}):
        gaps = group_gaps(selections(groups), attribute="race")
        assert gaps
        assert {gap.status for gap in gaps} == {Status.UNDEFINED}


def test_thin_groups_do_not_hide_behind_the_verdict_on_all():
    gaps = gaps_of(selections({"a": (9000, 2700), "b": (9000, 2690), "Unknown": (3, 3)}))
    overall = gaps["selection_rate_difference", ""]
    assert overall.status is Status.OK
    assert overall.value > 0.69  # Fairlearn's definition takes the three rows at face value
    assert "2 of 3 groups assessed; 1 holds 3 rows: Unknown (3)." in overall.why
    assert gaps["selection_rate_difference_to_rest", "Unknown"].status is Status.INSUFFICIENT


def test_gaps_of_the_reference_stand_beside_the_current_ones():
    before, now = selections({"a": (900, 300), "b": (900, 330)}), selections({"a": (900, 300), "b": (900, 390)})
    gap = gaps_of(now, reference=before)["selection_rate_difference_to_rest", "b"]
    assert (gap.reference, gap.value) == pytest.approx((30 / 900, 90 / 900))
    assert gaps_of(now, reference=before)["accuracy_difference", ""].reference is None


def test_base_rates_are_no_gap_of_the_model_and_every_other_rate_has_two_measures_a_group():
    gaps = group_gaps(binary_rates(COMPAS), attribute="race")
    assert not [gap for gap in gaps if gap.measure.startswith("prevalence")]
    assert len(gaps) == len(COMPARED_RATES) * (2 + 2 * 6) + 6
    assert len({(gap.measure, gap.segment) for gap in gaps}) == len(gaps)


def test_thin_cells_are_tested_by_permutation_of_their_rows():
    thin = {"a": (12, 1), "b": (40, 9), "c": (9, 6)}
    found = audit({"race": selections(thin)}, n_permutations=4_999).measures["race"][0]
    assert "4,999 permutations over 3 groups" in found.convention
    again = audit({"race": selections(thin)}, n_permutations=4_999).measures["race"][0]
    assert again.p_value == found.p_value, "the same counts give the same p-value"
    rng = np.random.default_rng(6)
    group = np.repeat([0, 1, 2], [12, 40, 9])
    selected = np.concatenate([np.arange(n) < k for n, k in thin.values()])

    def gap(of):
        rates = np.bincount(group, weights=of) / np.bincount(group)
        return rates.max() - rates.min()

    dealt = [gap(rng.permutation(selected)) for _ in range(2_000)]
    assert found.p_value == pytest.approx(np.mean(np.array(dealt) >= gap(selected) - 1e-12), abs=0.015)


def test_under_parity_disparities_are_rare_and_the_largest_gap_covers_zero():
    """Four groups of 200 at rate 0.3: the bare 0.8 rule cries in about 45% of such tables."""
    rng = np.random.default_rng(20260105)
    n_tables, disparities, covered, cries = 200, 0, 0, 0
    for _ in range(n_tables):
        selected = rng.binomial(200, 0.3, size=4)
        gaps = gaps_of(selections({name: (200, int(k)) for name, k in zip("abcd", selected, strict=True)}))
        overall = gaps["selection_rate_difference", ""]
        disparities += overall.status is Status.CRITICAL
        covered += overall.interval.low == 0
        cries += gaps["selection_rate_ratio", ""].value < 0.8
    assert disparities <= 0.02 * n_tables
    assert covered >= 0.95 * n_tables
    assert cries >= 0.35 * n_tables


def test_the_largest_gap_of_a_complement_is_judged_with_its_rate():
    rates = {"race": binary_rates(COMPAS)}
    short = audit(rates, measures=DEFAULT_POLICY.measures, complements=True).measures["race"]
    whole = {(m.measure, m.segment): m for m in audit(rates).measures["race"]}
    assert {m.measure for m in short if m.measure.startswith("false_negative")} == {
        "false_negative_rate_difference",
        "false_negative_rate_ratio",
    }
    for measure in short:
        other = whole[measure.measure, measure.segment]
        assert (measure.value, measure.status) == (other.value, other.status)
