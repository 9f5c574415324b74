"""Each group against others: published tests, what is one hypothesis, and intervals against all rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import fisher_exact

from core.errors import UnknownNameError
from core.fairness.comparisons import compare
from core.fairness.policy import DEFAULT_POLICY, Against, FairnessPolicy
from core.stats.intervals import katz_ratio
from tests.core.fairness.tables import COMPAS, LOCAL_LAW_144, TWO_RACES, binary_rates, selections

SELECTION = DEFAULT_POLICY.model_copy(update={"measures": ("selection_rate",)})


def against(whom: Against, base: FairnessPolicy = SELECTION) -> FairnessPolicy:
    return base.model_copy(update={"against": whom})


def compared(rates, rate="selection_rate", policy=SELECTION, **options):
    return {c.group.group: c for c in compare({"race": rates}, policy=policy, measures=[rate], **options)}


@pytest.mark.parametrize(
    ("rate", "z", "p_value", "ratio", "katz"),
    [
        ("selection_rate", 18.450996, 9.83e-77, 1.690224, (1.590995, 1.795642)),
        ("false_positive_rate", 12.780265, 5.07e-38, 1.912093, (1.721239, 2.124108)),
        ("false_negative_rate", -10.498366, 2.56e-25, 0.586416, (0.531803, 0.646637)),
        ("positive_predictive_value", 1.956829, 0.050829, None, None),
    ],
)
def test_compas_tests_are_the_published_ones(rate, z, p_value, ratio, katz):
    policy = against(Against.REFERENCE_GROUP)
    each = compared(binary_rates(TWO_RACES), rate, policy, reference_groups={"race": "Caucasian"})["African-American"]
    assert each.z == pytest.approx(z, abs=1e-6)
    assert each.p_raw == pytest.approx(p_value, rel=2e-3)
    if ratio is not None:
        theirs = katz_ratio(each.group.k, each.group.n, each.other.k, each.other.n)
        assert (theirs.low, theirs.high) == pytest.approx(katz, abs=1e-6)
        assert each.ratio == pytest.approx(ratio, abs=1e-6)
        assert (each.ratio_interval.low, each.ratio_interval.high) == pytest.approx(katz, abs=0.003)


def test_the_borderline_case_is_a_gap_of_which_chance_is_not_ruled_out():
    each = compared(binary_rates(TWO_RACES), "positive_predictive_value")["African-American"]
    assert (each.verdict.statistical, each.verdict.practical) == (False, False)
    interval = each.difference_interval
    assert (interval.low, interval.high) == pytest.approx((-0.000042, 0.077258), abs=1e-6)


def test_local_law_144_gives_the_published_tests_over_six_races_and_over_thirteen_intersections():
    policy = against(Against.REFERENCE_GROUP)
    black = compared(selections(LOCAL_LAW_144), policy=policy, reference_groups={"race": "White"})["Black"]
    assert (black.p_raw, black.p_value) == (pytest.approx(0.00943, abs=5e-6), pytest.approx(0.0566, abs=5e-5))
    assert black.z == pytest.approx(-2.62, abs=0.005)
    assert black.ratio == pytest.approx(0.843, abs=0.0005)
    assert black.n_comparisons == 6


def test_a_reference_group_is_compared_with_nobody_and_must_exist():
    policy = against(Against.REFERENCE_GROUP)
    assert "White" not in compared(selections(LOCAL_LAW_144), policy=policy, reference_groups={"race": "White"})
    with pytest.raises(UnknownNameError, match="Caucasian"):
        compared(binary_rates(COMPAS), policy=policy, reference_groups={"race": "Caucasia"})
    without = compared(selections(LOCAL_LAW_144), policy=policy)["White"]
    assert (without.difference, without.verdict.why) == (None, "There is no reference group: not assessable.")


def test_where_the_best_is_picked_by_the_data_all_pairs_count():
    found = compared(selections(LOCAL_LAW_144), policy=against(Against.BEST))
    assert "White" not in found
    assert {each.other.group for each in found.values()} == {"White"}
    assert {each.n_comparisons for each in found.values()} == {21}
    least = min(found.values(), key=lambda each: each.p_raw)
    assert least.p_value == pytest.approx(21 * least.p_raw)


def test_a_thin_group_with_the_highest_rate_is_no_yardstick():
    found = compared(selections({"a": (900, 300), "b": (900, 360), "c": (3, 3)}), policy=against(Against.BEST))
    assert found["c"].other.group == "b"
    assert set(found) == {"a", "c"}
    assert (found["c"].p_raw, found["c"].p_value) == (None, None)
    assert found["a"].n_comparisons == 1


def test_small_cells_are_tested_exactly():
    each = compared(selections({"a": (35, 1), "b": (40, 9)}))["a"]
    assert each.p_raw == pytest.approx(fisher_exact([[1, 34], [9, 31]]).pvalue)


def test_a_complement_and_a_mirrored_pair_are_no_hypotheses_of_their_own():
    both = compare({"race": binary_rates(TWO_RACES)}, policy=DEFAULT_POLICY)
    judged = {c.rate: c.n_comparisons for c in both}
    assert judged["true_positive_rate"] == judged["false_negative_rate"] == 5
    assert judged["negative_predictive_value"] == 1  # not judged: a family of its own
    six = compare({"race": binary_rates(COMPAS)}, policy=DEFAULT_POLICY)
    # 5 rates; 3 of 6 races have enough labelled rows of every kind, Asian (32) of two rates
    supported = {(c.rate, c.group.group) for c in six if c.p_value is not None and c.rate in DEFAULT_POLICY.measures}
    assert {c.n_comparisons for c in six if c.rate in DEFAULT_POLICY.measures} == {len(supported)}
    by_pair = {(c.rate, c.group.group): c for c in both}
    assert by_pair["true_positive_rate", "Caucasian"].p_value == by_pair["false_negative_rate", "Caucasian"].p_value
    assert (
        by_pair["true_positive_rate", "Caucasian"].verdict.status
        is by_pair["false_negative_rate", "African-American"].verdict.status
    )


def test_attributes_audited_together_share_one_family():
    rates = selections({"a": (900, 300), "b": (900, 330), "c": (900, 320)})
    found = compare({"race": rates, "sex": rates}, policy=SELECTION, measures=["selection_rate"])
    assert {c.n_comparisons for c in found} == {6}
    assert found[0].difference_simultaneous.confidence == pytest.approx(1 - 0.05 / 6)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(40, 900).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))), min_size=2, max_size=4)
)
def test_against_all_rows_a_group_is_part_of_both_sides(groups):
    named = {f"g{i}": group for i, group in enumerate(groups)}
    n, k = (sum(group[i] for group in groups) for i in (0, 1))
    to_rest = compared(selections(named))
    for name, each in compared(selections(named), policy=against(Against.OVERALL)).items():
        assert each.difference == pytest.approx(named[name][1] / named[name][0] - k / n)
        assert each.p_raw == to_rest[name].p_raw
        limits = each.difference_interval
        assert limits.low - 1e-9 <= each.difference <= limits.high + 1e-9
        if k:
            assert each.ratio == pytest.approx(named[name][1] * n / (named[name][0] * k))
            assert each.ratio_interval.low - 1e-9 <= each.ratio <= each.ratio_interval.high + 1e-9


def test_intervals_against_all_rows_cover_what_the_population_shows():
    """The group holds 0.4 of the rows; the difference to all rows is 0.6 of that to the rest."""
    rng = np.random.default_rng(9)
    covered = {"difference": 0, "ratio": 0}
    for _ in range(400):
        groups = {"a": (400, int(rng.binomial(400, 0.2))), "b": (600, int(rng.binomial(600, 0.3)))}
        each = compared(selections(groups), policy=against(Against.OVERALL))["a"]
        covered["difference"] += each.difference_interval.low <= -0.06 <= each.difference_interval.high
        covered["ratio"] += each.ratio_interval.low <= 0.2 / 0.26 <= each.ratio_interval.high
    assert covered["difference"] / 400 == pytest.approx(0.95, abs=0.03)
    assert covered["ratio"] / 400 == pytest.approx(0.95, abs=0.03)


def test_a_group_below_the_least_share_is_listed_and_not_tested():
    policy = against(Against.BEST).model_copy(update={"min_share": 0.02})
    found = compared(selections({"a": (5000, 1500), "b": (5000, 1400), "c": (60, 5)}), policy=policy)
    assert (found["c"].share, found["c"].p_value) == (pytest.approx(60 / 10060), None)
    assert "holds 0.6% of all rows, less than the 2%" in found["c"].verdict.why
    assert found["b"].n_comparisons == 1
