"""Rates by group against published tables, Fairlearn, and the definitions applied row by row."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import (
    MetricFrame,
    false_negative_rate,
    false_positive_rate,
    selection_rate,
    true_positive_rate,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, norm, sem
from sklearn.metrics import accuracy_score, precision_score

from core.errors import InputError, UnknownNameError
from core.fairness.groups import COMPLEMENTS, RATES, group_rate, group_rates
from core.fairness.residuals import group_errors
from core.fairness.support import Cell, coverage
from core.measure import Status
from core.profile.spec import REGRESSION_SUMS
from tests.core.fairness.tables import TWO_RACES as COMPAS
from tests.core.fairness.tables import binary_rates, binary_table

FAIRLEARN = {
    "selection_rate": selection_rate,
    "true_positive_rate": true_positive_rate,
    "false_positive_rate": false_positive_rate,
    "false_negative_rate": false_negative_rate,
    "positive_predictive_value": precision_score,
    "accuracy": accuracy_score,
}


def by_group(rates, measure):
    return {rate.group: rate for rate in rates.of(measure)}


def metric_frame(metric, table, names):
    """Fairlearn on the count cells, each weighted by its count."""
    predictions, labels, groups = (axis.ravel() for axis in np.indices(table.shape))
    weights = table.ravel()
    used = weights > 0
    return MetricFrame(
        metrics=metric,
        y_true=labels[used],
        y_pred=predictions[used],
        sensitive_features=np.array(names)[groups[used]],
        sample_params={"sample_weight": weights[used]},
    )


def test_compas_error_rates_are_those_that_propublica_printed():
    rates = binary_rates(COMPAS)
    printed = {
        "false_positive_rate": (0.4485, 0.2345),
        "false_negative_rate": (0.2799, 0.4772),
        "positive_predictive_value": (0.63, 0.59),
    }
    for measure, values in printed.items():
        digits = 2 if measure == "positive_predictive_value" else 4
        assert tuple(round(rate.value, digits) for rate in rates.of(measure)) == values


@pytest.mark.data
def test_compas_rows_give_the_table_that_propublica_printed(shared_data):
    rows = pd.read_csv(shared_data / "compas" / "compas_for_aequitas.csv")
    names = sorted(rows["race"].unique())
    table = np.zeros((3, 3, len(names)), dtype=np.int64)
    place = rows["race"].map(names.index).to_numpy()
    np.add.at(table, (rows["score"].astype(int).to_numpy(), rows["label_value"].to_numpy(), place), 1)
    rates = group_rates(table, group_names=names, positive=1, favourable=1)
    assert table.sum() == 7214
    for group, cells in COMPAS.items():
        assert (table[:2, :2, names.index(group)] == binary_table([cells])[:2, :2, 0]).all()
    assert round(by_group(rates, "false_positive_rate")["African-American"].value, 4) == 0.4485
    assert {rate.group: rate.n for rate in rates.of("true_positive_rate")}["Native American"] == 10


def test_the_table_of_the_fairlearn_user_guide_comes_out():
    # fairlearn 0.15, docs/user_guide/assessment/perform_fairness_assessment.rst
    label = [0, 1, 1, 1, 1, 0, 1, 0, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1]
    predicted = [0, 0, 1, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 0, 1, 1, 0]
    group = "bbabbcccaacabccbcc"
    table = np.zeros((3, 3, 3), dtype=np.int64)
    np.add.at(table, (predicted, label, ["abc".index(name) for name in group]), 1)
    rates = group_rates(table, group_names=("a", "b", "c"), positive=1, favourable=1)
    assert [rate.value for rate in rates.of("selection_rate")] == [0.75, 0.5, 0.5]
    assert [rate.value for rate in rates.of("true_positive_rate")] == [0.5, 0.6, 0.4]
    assert [rate.value for rate in rates.of("false_positive_rate")] == pytest.approx([1.0, 0.0, 0.666667], abs=1e-6)


def test_the_counts_behind_fairlearns_own_tests_give_its_numbers():
    # fairlearn 0.15, test/unit/metrics/data_for_test.py, its 71 rows by g_1: TP, FP, FN, TN
    rates = binary_rates({"aa": (15, 7, 7, 7), "ba": (18, 6, 5, 6)})
    values = {(r.measure, r.group): r.value for r in rates.rates}
    assert values["selection_rate", "aa"] == pytest.approx(0.61111111, abs=1e-8)
    assert values["true_positive_rate", "ba"] == pytest.approx(0.78260870, abs=1e-8)
    shares = [values["selection_rate", group] for group in ("aa", "ba")]
    assert shares[1] - shares[0] == pytest.approx(0.0746031746, abs=1e-10)
    assert shares[0] / shares[1] == pytest.approx(0.8912037037, abs=1e-10)
    hits = [values["true_positive_rate", group] for group in ("aa", "ba")]
    assert hits[1] - hits[0] == pytest.approx(0.1007905138, abs=1e-10)
    assert hits[0] / hits[1] == pytest.approx(0.8712121212, abs=1e-10)


def test_the_first_table_of_the_aequitas_tests_comes_out():
    # aequitas 1.1, tests/test_artifacts/test_bias_report/expected_output_test_1.csv
    rates = binary_rates({"High": (2, 1, 1, 1), "Low": (1, 2, 1, 1)})
    assert [rate.value for rate in rates.of("false_positive_rate")] == pytest.approx([0.5, 0.6667], abs=1e-4)
    assert [rate.value for rate in rates.of("false_negative_rate")] == pytest.approx([0.3333, 0.5], abs=1e-4)
    assert [1 - rate.value for rate in rates.of("positive_predictive_value")] == pytest.approx([1 / 3, 2 / 3])


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(*[st.integers(1, 400)] * 4), min_size=1, max_size=4))
def test_rates_equal_fairlearn_where_no_denominator_is_empty(cells):
    names = [f"group {index}" for index in range(len(cells))]
    rates = binary_rates(dict(zip(names, cells, strict=True)))
    for measure, metric in FAIRLEARN.items():
        theirs = metric_frame(metric, binary_table(cells), names).by_group
        for rate in rates.of(measure):
            assert rate.value == pytest.approx(theirs[rate.group])


def test_a_group_without_positives_has_no_rate_where_fairlearn_says_zero():
    # 0 would read as the worst possible TPR and the best possible FNR at once: fairlearn's own
    # tests pin it (test_base_metrics.py:648), aequitas (test_10) and we leave it without a value
    cells = {"a": (30, 10, 10, 50), "b": (0, 20, 0, 60)}
    table = binary_table(cells.values())
    rates = binary_rates(cells)
    for measure in ("true_positive_rate", "false_negative_rate"):
        assert metric_frame(FAIRLEARN[measure], table, list(cells)).by_group["b"] == 0.0
        ours = by_group(rates, measure)["b"]
        assert (ours.value, ours.interval, ours.status) == (None, None, Status.UNDEFINED)
        assert ours.why == "No labelled positive in this group."


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([0, 1, 2, 3]), st.sampled_from([0, 1, 2, 3]), st.sampled_from([0, 1])), max_size=60
    ),
    st.integers(0, 2),
    st.integers(0, 2),
)
def test_every_rate_is_its_definition_applied_row_by_row(rows, positive, favourable):
    """Three classes; the class 3 means that there is no prediction, or no label."""
    table = np.zeros((4, 4, 2), dtype=np.int64)
    for row in rows:
        table[row] += 1
    rates = group_rates(table, group_names=("a", "b"), positive=positive, favourable=favourable)
    for index, group in enumerate(("a", "b")):
        mine = [(p, y) for p, y, g in rows if g == index]
        known = [(p, y) for p, y in mine if p != 3 and y != 3]
        definitions = {
            "selection_rate": [p == favourable for p, _ in mine if p != 3],
            "true_positive_rate": [p == positive for p, y in known if y == positive],
            "false_negative_rate": [p != positive for p, y in known if y == positive],
            "false_positive_rate": [p == positive for p, y in known if y != positive],
            "positive_predictive_value": [y == positive for p, y in known if p == positive],
            "accuracy": [p == y for p, y in known],
            "true_negative_rate": [p != positive for p, y in known if y != positive],
            "negative_predictive_value": [y != positive for p, y in known if p != positive],
            "false_discovery_rate": [y != positive for p, y in known if p == positive],
            "false_omission_rate": [y == positive for p, y in known if p != positive],
            "prevalence": [y == positive for _, y in mine if y != 3],
        }
        assert set(definitions) == set(RATES)
        for measure, hits in definitions.items():
            rate = by_group(rates, measure)[group]
            assert (rate.k, rate.n, rate.n_rows) == (sum(hits), len(hits), len(mine))
            assert (rate.value is None) == (not hits)
            assert (rate.status is Status.UNDEFINED) == (not hits)
            assert (rate.cell in (Cell.UNDEFINED, Cell.NOT_ESTIMABLE)) == (not hits)


@given(st.integers(1, 500), st.data())
def test_the_interval_is_wilsons(n, data):
    k = data.draw(st.integers(0, n))
    interval = group_rate(k, n, measure="accuracy", group="a", n_rows=n).interval
    theirs = binomtest(k, n).proportion_ci(method="wilson")
    assert (interval.low, interval.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_support_is_that_of_the_rates_own_denominator():
    rates = binary_rates({"a": (10, 500, 5, 500)})
    status = {rate.measure: (str(rate.status), rate.n) for rate in rates.rates}
    assert status["selection_rate"] == ("ok", 1015)
    assert status["true_positive_rate"] == ("insufficient", 15)
    assert by_group(rates, "true_positive_rate")["a"].why == "15 labelled positives, fewer than the 30 asked for."
    assert by_group(binary_rates({"a": (10, 500, 5, 500)}, min_support=15), "true_positive_rate")["a"].status == "ok"


def test_the_favourable_class_need_not_be_the_positive_one():
    table = binary_table([(30, 10, 10, 50)])
    rates = group_rates(table, group_names=("a",), positive=1, favourable=0)
    assert by_group(rates, "selection_rate")["a"].value == 0.6
    assert by_group(rates, "true_positive_rate")["a"].value == 0.75


def test_selection_needs_no_label_and_the_others_say_that_they_do():
    table = np.zeros((3, 3, 1), dtype=np.int64)
    table[1, 2, 0], table[0, 2, 0] = 40, 60
    rates = group_rates(table, group_names=("a",), positive=1, favourable=1)
    assert by_group(rates, "selection_rate")["a"].value == 0.4
    for measure in RATES[1:]:
        cell = by_group(rates, measure)["a"]
        assert (cell.cell, cell.why) == (Cell.NOT_ESTIMABLE, "No row of this group has a label.")


def test_without_predictions_nothing_is_selected_and_the_base_rate_is_known():
    table = np.zeros((3, 3, 1), dtype=np.int64)
    table[2, 1, 0], table[2, 0, 0] = 40, 60
    rates = group_rates(table, group_names=("a",), positive=1, favourable=1)
    assert by_group(rates, "selection_rate")["a"].cell is Cell.NOT_ESTIMABLE
    assert by_group(rates, "prevalence")["a"].value == 0.4
    assert by_group(rates, "true_positive_rate")["a"].cell is Cell.UNDEFINED


def test_complements_sum_to_one_and_share_their_denominator():
    rates = binary_rates(COMPAS)
    for complement, base in COMPLEMENTS.items():
        for one, other in zip(rates.of(complement), rates.of(base), strict=True):
            assert one.value + other.value == pytest.approx(1)
            assert one.n == other.n


def test_a_class_against_all_others_gives_the_rates_of_the_binary_question():
    rng = np.random.default_rng(3)
    table = rng.integers(5, 60, size=(5, 5, 2))
    table[4], table[:, 4] = 0, 0
    for chosen in range(4):
        rates = group_rates(table, group_names=("a", "b"), positive=chosen, favourable=chosen)
        others = [c for c in range(4) if c != chosen]
        for index, name in enumerate("ab"):
            own = table[:4, :4, index]
            two = binary_table(
                [
                    (
                        own[chosen, chosen],
                        own[chosen, others].sum(),
                        own[others, chosen].sum(),
                        own[np.ix_(others, others)].sum(),
                    )
                ]
            )
            binary = group_rates(two, group_names=(name,), positive=1, favourable=1)
            for measure in RATES:
                if measure != "accuracy":  # of all classes here, of two there
                    assert by_group(rates, measure)[name].value == by_group(binary, measure)[name].value


def test_all_groups_together_are_the_sum_of_their_counts():
    rates = binary_rates(COMPAS)
    together = rates.total("false_positive_rate")
    assert (together.k, together.n, together.group) == (805 + 349, 805 + 990 + 349 + 1139, "all")
    nothing = binary_rates({"a": (0, 0, 0, 0)}).total("false_positive_rate")
    assert nothing.value is None


def test_what_the_schema_does_not_declare_is_undefined_and_says_so():
    table = np.full((4, 4, 1), 20, dtype=np.int64)
    rates = group_rates(table, group_names=("a",), positive=None, favourable=None)
    assert "names no favourable class" in by_group(rates, "selection_rate")["a"].why
    assert by_group(rates, "true_positive_rate")["a"].why == "The task has no positive class."
    assert by_group(rates, "accuracy")["a"].value == pytest.approx(1 / 3)


def test_no_group_of_the_reference_leaves_silently_and_unknown_is_a_group():
    cells = {"a": (30, 10, 10, 50), "b": (0, 0, 0, 0), "Unknown": (1, 1, 1, 1), "(new groups)": (0, 0, 0, 0)}
    rates = binary_rates(cells).of("selection_rate")
    assert [(rate.group, rate.n) for rate in rates] == [("a", 100), ("b", 0), ("Unknown", 4)]
    assert rates[1].why == "No rows in this group."
    assert coverage(rates) == "1 of 3 groups assessed; 2 hold 4 rows: Unknown (4), b (0)."
    assert coverage(rates[:1]) == "The one group is assessed."


def test_coverage_of_many_thin_groups_counts_those_it_does_not_name():
    thin = [group_rate(1, 2, measure="accuracy", group=f"g{index}", n_rows=2) for index in range(7)]
    assert (
        coverage(thin) == "0 of 7 groups assessed; 7 hold 14 rows: g0 (2), g1 (2), g2 (2), g3 (2), g4 (2) and 2 more."
    )


def test_errors_of_a_regression_by_group_equal_those_of_the_rows():
    rng = np.random.default_rng(11)
    error = rng.normal(0.4, 2.0, size=300)
    group = rng.integers(0, 2, size=300)
    group[0], group[group == 1] = 0, 1
    sums, table = np.zeros((3, len(REGRESSION_SUMS))), np.zeros((2, 2, 3), dtype=np.int64)
    for index in (0, 1):
        own = error[group == index]
        sums[index, :3] = own.sum(), np.abs(own).sum(), (own**2).sum()
        table[0, 0, index], table[0, 1, index] = own.size, 5
    means = {(mean.measure, mean.group): mean for mean in group_errors(table, sums, group_names=("a", "b", "c"))}
    for index, name in enumerate(("a", "b")):
        own = error[group == index]
        for measure, values in (("mean_error", own), ("mean_absolute_error", np.abs(own))):
            mean = means[measure, name]
            low, high = norm.interval(0.95, loc=values.mean(), scale=sem(values))
            assert mean.value == pytest.approx(values.mean())
            assert (mean.interval.low, mean.interval.high) == pytest.approx((low, high))
            assert (mean.n, mean.n_rows, mean.status) == (own.size, own.size + 5, Status.OK)
    assert means["mean_error", "c"].why == "No rows in this group."


def test_an_absolute_error_has_no_interval_below_zero():
    table, sums = np.zeros((2, 2, 1), dtype=np.int64), np.zeros((1, len(REGRESSION_SUMS)))
    table[0, 0, 0], sums[0, :3] = 2, (10.0, 10.0, 100.0)
    error, absolute = group_errors(table, sums, group_names=("a",))
    assert error.interval.low < 0 == absolute.interval.low


@pytest.mark.parametrize(
    "options",
    [
        {"group_names": ("a",)},
        {"positive": 2},
        {"favourable": -1},
        {"min_support": 0},
    ],
)
def test_what_does_not_fit_is_refused(options):
    given = {"group_names": ("a", "b"), "positive": 1, "favourable": 1} | options
    with pytest.raises(InputError):
        group_rates(np.ones((3, 3, 2), dtype=np.int64), **given)


def test_counts_that_are_no_counts_are_refused():
    for table in (np.ones((3, 3, 1)), np.full((3, 3, 1), -1), np.ones((3, 2, 1), dtype=np.int64)):
        with pytest.raises(InputError):
            group_rates(table, group_names=("a",), positive=1, favourable=1)
    with pytest.raises(InputError, match="sums of shape"):
        group_errors(np.ones((2, 2, 1), dtype=np.int64), np.zeros((1, 4)), group_names=("a",))
    with pytest.raises(UnknownNameError, match="selection_rate"):
        binary_rates(COMPAS).of("selectionrate")
