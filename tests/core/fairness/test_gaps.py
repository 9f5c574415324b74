"""Gaps and their verdicts against published figures, Fairlearn, closed testing and seeded simulation."""

from __future__ import annotations

from itertools import chain, combinations

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame, demographic_parity_ratio, false_positive_rate, selection_rate
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2, chi2_contingency, fisher_exact

from core.errors import InputError, UnknownNameError
from core.fairness.gaps import COMPARED_RATES, group_gaps
from core.fairness.groups import group_rates
from core.fairness.verdicts import rows_needed
from core.measure import Family, Status
from core.stats.intervals import katz_ratio, newcombe_difference

# ProPublica's COMPAS table: TP, FP, FN, TN, predicted positive is Medium or High
COMPAS = {
    "African-American": (1369, 805, 532, 990),
    "Caucasian": (505, 349, 461, 1139),
    "Hispanic": (103, 87, 129, 318),
    "Other": (43, 36, 90, 208),
    "Asian": (6, 2, 3, 21),
    "Native American": (9, 3, 1, 5),
}
# 6 RCNY section 5-301, sample table by race: applicants, selected
LOCAL_LAW_144 = {
    "Hispanic": (408, 204),
    "White": (797, 412),
    "Black": (390, 170),
    "Native Hawaiian or Pacific Islander": (119, 52),
    "Asian": (616, 302),
    "Native American or Alaska Native": (41, 18),
    "Two or more": (213, 96),
}


def rates_of(cells, **options):
    table = np.zeros((3, 3, len(cells)), dtype=np.int64)
    for index, (tp, fp, fn, tn) in enumerate(cells.values()):
        table[1, 1, index], table[1, 0, index], table[0, 1, index], table[0, 0, index] = tp, fp, fn, tn
    return group_rates(table, group_names=tuple(cells), positive=1, favourable=1, **options)


def selections(groups, **options):
    """Rates of a table without labels: n and how many were selected, by group."""
    table = np.zeros((3, 3, len(groups)), dtype=np.int64)
    for index, (n, k) in enumerate(groups.values()):
        table[1, 2, index], table[0, 2, index] = k, n - k
    return group_rates(table, group_names=tuple(groups), positive=1, favourable=1, **options)


def gaps_of(rates, **options):
    return {(gap.measure, gap.segment): gap for gap in group_gaps(rates, attribute="race", **options)}


def selection_gap(groups, group, **options):
    return gaps_of(selections(groups), **options)["selection_rate_difference_to_rest", group]


def test_compas_gaps_between_two_groups_are_the_published_ones():
    two = {name: COMPAS[name] for name in ("African-American", "Caucasian")}
    gaps = gaps_of(rates_of(two))
    published = {  # difference, Newcombe interval, z
        "selection_rate": (0.2402002032, (0.215339, 0.264580), 18.450996),
        "false_positive_rate": (0.2139249558, (0.182053, 0.245023), 12.780265),
        "positive_predictive_value": (0.0383799168, (-0.000042, 0.077258), 1.956829),
    }
    for rate, (difference, interval, z) in published.items():
        gap = gaps[f"{rate}_difference_to_rest", "African-American"]
        assert gap.value == pytest.approx(difference, abs=1e-10)
        assert (gap.interval.low, gap.interval.high) == pytest.approx(interval, abs=1e-6)
        assert chi2.isf(gap.p_value, 1) == pytest.approx(z * z, rel=1e-6)
    ratio = gaps["selection_rate_ratio_to_rest", "African-American"]
    assert ratio.value == pytest.approx(1.690224, abs=1e-6)
    katz = katz_ratio(2174, 3696, 854, 2454)
    assert (katz.low, katz.high) == pytest.approx((1.590995, 1.795642), abs=1e-6)
    assert (ratio.interval.low, ratio.interval.high) == pytest.approx((katz.low, katz.high), abs=0.003)
    # the ratios of error rates that ProPublica printed
    assert round(gaps["false_positive_rate_ratio_to_rest", "African-American"].value, 2) == 1.91
    assert round(gaps["false_negative_rate_ratio_to_rest", "Caucasian"].value, 2) == 1.71


def test_compas_verdicts_tell_a_disparity_from_a_borderline_case():
    two = {name: COMPAS[name] for name in ("African-American", "Caucasian")}
    gaps = gaps_of(rates_of(two))
    false_positives = gaps["false_positive_rate_difference", ""]
    assert (false_positives.status, false_positives.family, false_positives.column) == (
        Status.CRITICAL,
        Family.FAIRNESS,
        "race",
    )
    borderline = gaps["positive_predictive_value_difference_to_rest", "African-American"]
    assert borderline.status is Status.INSUFFICIENT
    assert "not enough data to tell whether it exceeds 5.0 points" in borderline.why


def test_the_chi_square_over_six_races_is_the_published_one():
    gaps = gaps_of(rates_of(COMPAS))
    for rate, statistic in (("selection_rate", 539.557727), ("false_positive_rate", 244.256710)):
        assert chi2.isf(gaps[f"{rate}_difference", ""].p_value, 5) == pytest.approx(statistic, abs=1e-5)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(*[st.integers(1, 300)] * 4), min_size=2, max_size=5))
def test_the_largest_gaps_are_fairlearns(cells):
    names = [f"group {index}" for index in range(len(cells))]
    gaps = gaps_of(rates_of(dict(zip(names, cells, strict=True))))
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
    gap = gaps_of(rates_of(cells))["true_positive_rate_difference", ""]
    assert gap.value == pytest.approx(200 / 400 - 180 / 400)  # Fairlearn's 0 for c would make it 0.5
    assert gap.n == 800
    assert "Left out for want of a rate: c." in gap.why
    alone = gaps_of(rates_of(cells))["true_positive_rate_difference_to_rest", "c"]
    assert (alone.status, alone.value, alone.why) == (Status.UNDEFINED, None, "No labelled positive in this group.")


def closed_testing(p_values):
    """Holm by another road: the largest Bonferroni p of all sets of hypotheses that hold this one."""
    everything = range(len(p_values))
    sets = list(chain.from_iterable(combinations(everything, size) for size in range(1, len(p_values) + 1)))
    return [max(min(1.0, len(s) * min(p_values[j] for j in s)) for s in sets if i in s) for i in everything]


def test_p_values_are_holms_over_the_groups():
    gaps = gaps_of(selections(LOCAL_LAW_144), reference_group="White")
    raw = {
        name: chi2_contingency([[412, 797 - 412], [k, n - k]], correction=False).pvalue
        for name, (n, k) in LOCAL_LAW_144.items()
        if name != "White"
    }
    for name, adjusted in zip(raw, closed_testing(list(raw.values())), strict=True):
        gap = gaps["selection_rate_difference_to_reference_group", name]
        assert gap.p_value == pytest.approx(adjusted)
        assert gap.change.confidence == pytest.approx(1 - 0.05 / 6)
    assert ("selection_rate_difference_to_reference_group", "White") not in gaps


def test_four_fifths_is_said_and_decides_nothing():
    gaps = gaps_of(selections(LOCAL_LAW_144), reference_group="White")
    black = gaps["selection_rate_ratio_to_reference_group", "Black"]
    assert "0.84 of the higher, not below the four-fifths convention (0.8)" in black.why
    assert black.p_value < 0.06  # it passes 0.8 although chance hardly explains it
    thin = {"a": (40, 12), "b": (40, 18)}
    below = gaps_of(selections(thin))["selection_rate_ratio", ""]
    assert "0.67 of the higher, below the four-fifths convention" in below.why
    assert below.status is Status.INSUFFICIENT


def test_small_cells_are_tested_exactly():
    gaps = gaps_of(selections({"a": (12, 1), "b": (40, 9)}))
    assert gaps["selection_rate_difference_to_rest", "a"].p_value == pytest.approx(
        fisher_exact([[1, 11], [9, 31]]).pvalue
    )
    assert "Fisher" in gaps["selection_rate_difference_to_rest", "a"].convention


def test_two_groups_are_one_comparison_seen_from_both_sides():
    gaps = gaps_of(selections({"a": (500, 100), "b": (400, 140), "empty": (0, 0)}))
    a, b = (gaps["selection_rate_difference_to_rest", name] for name in "ab")
    assert a.value == pytest.approx(-b.value)
    assert a.p_value == b.p_value == pytest.approx(chi2_contingency([[100, 400], [140, 260]], correction=False).pvalue)
    assert a.interval == a.change == newcombe_difference(100, 500, 140, 400)
    assert gaps["selection_rate_difference", ""].interval.high == pytest.approx(b.interval.high)


@pytest.mark.parametrize(
    ("groups", "status", "words"),
    [
        ({"a": (2000, 600), "b": (2000, 900)}, Status.CRITICAL, "beyond the margin of 5.0 points."),
        ({"a": (9000, 2700), "b": (9000, 2700)}, Status.OK, "within the margin of 5.0 points."),
        ({"a": (200, 60), "b": (9000, 2700)}, Status.INSUFFICIENT, "a needs 814 rows with a prediction; it has 200."),
        ({"a": (9000, 3150), "b": (9000, 2700)}, Status.INSUFFICIENT, "too close to the margin to call."),
        ({"a": (9000, 3000), "b": (120, 40)}, Status.INSUFFICIENT, "no size of the group would find"),
        ({"a": (12, 0), "b": (9000, 8000)}, Status.INSUFFICIENT, "a has 12 rows with a prediction, fewer than the 30"),
        ({"a": (9000, 8000), "b": (1, 0)}, Status.INSUFFICIENT, "the rest has 1 row with a prediction, fewer than"),
    ],
)
def test_a_verdict_is_disparity_no_evidence_or_not_enough_data(groups, status, words):
    gap = selection_gap(groups, "a")
    assert gap.status is status
    assert words in gap.why


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 3000).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))), min_size=1, max_size=5),
    st.sampled_from([0.01, 0.05, 0.2]),
)
def test_verdicts_follow_the_interval_and_a_disparity_is_always_significant(groups, margin):
    rates = selections({f"group {index}": group for index, group in enumerate(groups)})
    for gap in group_gaps(rates, attribute="race", margin=margin):
        assert (gap.value is None) == (gap.status is Status.UNDEFINED)
        assert gap.why
        assert gap.convention
        if gap.interval is not None:
            assert gap.interval.low - 1e-12 <= gap.value <= gap.interval.high + 1e-12
        if gap.change is None:
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
        gaps = group_gaps(selections(groups), attribute="race", reference_group=None)
        assert gaps
        assert {gap.status for gap in gaps} == {Status.UNDEFINED}


def test_thin_groups_do_not_hide_behind_the_verdict_on_all():
    gaps = gaps_of(selections({"a": (9000, 2700), "b": (9000, 2690), "Unknown": (3, 3)}))
    overall = gaps["selection_rate_difference", ""]
    assert overall.status is Status.OK
    assert overall.value > 0.69  # Fairlearn's definition takes the three rows at face value
    assert "2 of 3 groups assessed; not assessed: Unknown (3 rows)." in overall.why
    assert gaps["selection_rate_difference_to_rest", "Unknown"].status is Status.INSUFFICIENT


def test_gaps_of_the_reference_stand_beside_the_current_ones():
    before, now = selections({"a": (900, 300), "b": (900, 330)}), selections({"a": (900, 300), "b": (900, 390)})
    gap = gaps_of(now, reference=before)["selection_rate_difference_to_rest", "b"]
    assert (gap.reference, gap.value) == pytest.approx((30 / 900, 90 / 900))
    assert gaps_of(now, reference=before)["accuracy_difference", ""].reference is None


def test_base_rates_are_no_gap_of_the_model_and_every_other_rate_has_four_measures_a_group():
    gaps = group_gaps(rates_of(COMPAS), attribute="race", reference_group="Other")
    assert not [gap for gap in gaps if gap.measure.startswith("prevalence")]
    assert len(gaps) == len(COMPARED_RATES) * (2 + 2 * 6 + 2 * 5)
    assert len({(gap.measure, gap.segment) for gap in gaps}) == len(gaps)


def test_a_wrong_margin_or_reference_group_is_refused():
    rates = rates_of(COMPAS)
    for margin in (0.0, 1.0, float("nan")):
        with pytest.raises(InputError, match="margin"):
            group_gaps(rates, attribute="race", margin=margin)
    with pytest.raises(UnknownNameError, match="Caucasian"):
        group_gaps(rates, attribute="race", reference_group="Caucasia")


def test_under_parity_disparities_are_rare_and_the_largest_gap_covers_zero():
    """Four groups of 200 at rate 0.3: the bare 0.8 rule cries in about 45% of such tables."""
    rng = np.random.default_rng(20260105)
    n_tables, disparities, covered, cries = 250, 0, 0, 0
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


def test_at_a_difference_of_exactly_the_margin_few_tables_are_called_disparities():
    rng = np.random.default_rng(7)
    n_tables, disparities = 250, 0
    for _ in range(n_tables):
        counts = {"a": (600, int(rng.binomial(600, 0.35))), "b": (4000, int(rng.binomial(4000, 0.30)))}
        disparities += selection_gap(counts, "a").status is Status.CRITICAL
    assert disparities <= 0.05 * n_tables


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
