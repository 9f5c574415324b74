"""The score by group against published figures of COMPAS, scikit-learn and scipy on the rows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ks_2samp, wasserstein_distance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from core.errors import InputError
from core.fairness.calibration import group_calibration, recalibration
from core.fairness.scores import GroupScores, class_balance, group_auc, score_parity
from core.measure import Status
from core.stats.binning import NumericBins, fit_scores

# ProPublica's COMPAS, by decile 1 to 10: rows and share of two_year_recid, African-American and Caucasian
DECILES = {
    "African-American": (
        [398, 393, 346, 385, 365, 384, 400, 359, 380, 286],
        [0.228643, 0.302799, 0.419075, 0.459740, 0.482192, 0.559896, 0.592500, 0.682451, 0.707895, 0.793706],
    ),
    "Caucasian": (
        [681, 361, 273, 285, 241, 194, 143, 114, 98, 64],
        [0.208517, 0.313019, 0.340659, 0.396491, 0.460581, 0.572165, 0.615385, 0.719298, 0.693878, 0.703125],
    ),
}
TENTHS = tuple((np.arange(1, 11) / 10).tolist())


def of_rows(score, label, group, bins=None):
    """Counts of rows, one bin a distinct score."""
    score, label, group = np.asarray(score, dtype=float), np.asarray(label), np.asarray(group)
    bins = bins or fit_scores(score)
    names = tuple(sorted(set(group.tolist())))
    code, place = bins.assign(score), np.array([names.index(g) for g in group])
    rows = np.zeros((bins.size, len(names)), dtype=np.int64)
    by_class = np.zeros((bins.size, 2, len(names)), dtype=np.int64)
    np.add.at(rows, (code, place), 1)
    np.add.at(by_class, (code, label, place), 1)
    return GroupScores(
        rows=rows, by_class=by_class, bins=bins, group_names=names, mixed=np.zeros(bins.n_bins + 4, dtype=bool)
    )


@pytest.fixture(scope="module")
def compas() -> GroupScores:
    bins = NumericBins(ends=TENTHS, low=0.1, exact=False)
    by_class = np.zeros((17, 2, 2), dtype=np.int64)
    for place, (n, share) in enumerate(DECILES.values()):
        hits = np.rint(np.array(n) * np.array(share)).astype(int)
        by_class[:10, 1, place], by_class[:10, 0, place] = hits, np.array(n) - hits
    return GroupScores(
        rows=by_class.sum(axis=1),
        by_class=by_class,
        bins=bins,
        group_names=tuple(DECILES),
        mixed=np.zeros(14, dtype=bool),
    )


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows whose score is calibrated in group a and stretched in group b."""
    rng = np.random.default_rng(21)
    group = rng.choice(["a", "b", "c"], 6_000, p=[0.5, 0.3, 0.2])
    score = rng.beta(2, 3, 6_000).round(3).clip(0.001, 0.999)
    odds = np.log(score / (1 - score))
    truth = 1 / (1 + np.exp(-np.where(group == "b", 0.5 * odds + 0.4, odds)))
    return score, (rng.random(6_000) < truth).astype(int), group


def by_name(measures):
    return {(m.measure, m.segment): m for m in measures}


def test_compas_ranking_and_balance_are_the_published_ones(compas):
    areas = by_name(group_auc(compas, attribute="race"))
    assert areas["roc_auc", "African-American"].value == pytest.approx(0.691834, abs=1e-6)
    assert areas["roc_auc", "Caucasian"].value == pytest.approx(0.693146, abs=1e-6)
    balance = by_name(class_balance(compas, attribute="race"))
    published = {
        ("balance_positives", "African-American"): 0.62872173,
        ("balance_positives", "Caucasian"): 0.48178054,
        ("balance_negatives", "African-American"): 0.43961003,
        ("balance_negatives", "Caucasian"): 0.30322581,
    }
    for key, value in published.items():
        assert balance[key].value == pytest.approx(value, abs=5e-9)
    gap = balance["balance_negatives_difference_to_rest", "African-American"]
    assert gap.value == pytest.approx(0.43961003 - 0.30322581, abs=1e-8)
    assert gap.interval.low > 0.1
    assert gap.p_value < 1e-10


def test_compas_calibration_error_over_deciles_is_the_published_one(compas):
    found = by_name(group_calibration(compas, tuple(range(10)), attribute="race"))
    assert found["expected_calibration_error", "African-American"].value == pytest.approx(0.10684524, abs=5e-9)
    assert found["expected_calibration_error", "Caucasian"].value == pytest.approx(0.08239609, abs=5e-9)


def test_areas_are_scikit_learns_inside_groups_and_across_them(drawn):
    score, label, group = drawn
    found = by_name(group_auc(of_rows(*drawn), attribute="x"))
    for name in "abc":
        own, rest = group == name, group != name
        assert found["roc_auc", name].value == pytest.approx(roc_auc_score(label[own], score[own]))
        gap = roc_auc_score(label[own], score[own]) - roc_auc_score(label[rest], score[rest])
        assert found["roc_auc_difference_to_rest", name].value == pytest.approx(gap)
        crossed = (own & (label == 1)) | (rest & (label == 0))
        assert found["cross_auc_positives", name].value == pytest.approx(roc_auc_score(label[crossed], score[crossed]))
        crossed = (rest & (label == 1)) | (own & (label == 0))
        assert found["cross_auc_negatives", name].value == pytest.approx(roc_auc_score(label[crossed], score[crossed]))


def test_a_group_ranked_below_all_others_shows_only_across_groups():
    rng = np.random.default_rng(2)
    label = rng.integers(0, 2, 4_000)
    group = rng.choice(["a", "b"], 4_000)
    score = (0.3 + 0.4 * label + rng.normal(0, 0.1, 4_000) - 0.25 * (group == "b")).round(3)
    found = by_name(group_auc(of_rows(score, label, group), attribute="x"))
    assert found["roc_auc", "b"].value > 0.98
    assert found["cross_auc_positives", "b"].value < 0.9


def test_score_parity_is_scipys(drawn):
    score, _, group = drawn
    found = by_name(score_parity(of_rows(*drawn), attribute="x"))
    for name in "abc":
        own, rest = score[group == name], score[group != name]
        assert found["score_wasserstein", name].value == pytest.approx(wasserstein_distance(own, rest))
        assert found["score_kolmogorov_smirnov", name].value == pytest.approx(ks_2samp(own, rest).statistic)
    raw = [ks_2samp(score[group == n], score[group != n], method="asymp").pvalue for n in "abc"]
    assert found["score_kolmogorov_smirnov", "abc"[int(np.argmin(raw))]].p_value == pytest.approx(
        3 * min(raw), rel=0.05
    )


def test_the_line_is_that_of_an_unpenalised_logistic_regression(drawn):
    score, label, group = drawn
    found = by_name(group_calibration(of_rows(*drawn), (), attribute="x"))
    for name in "abc":
        own = group == name
        x = np.log(score[own] / (1 - score[own]))[:, None]
        line = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(x, label[own])
        assert found["calibration_slope", name].value == pytest.approx(line.coef_[0, 0], abs=1e-5)
        assert found["calibration_intercept", name].value == pytest.approx(line.intercept_[0], abs=1e-5)
        observed = label[own].sum() / score[own].sum()
        assert found["observed_over_expected", name].value == pytest.approx(observed)
    slope = found["calibration_slope", "b"]
    assert slope.interval.low < 0.5 < slope.interval.high < 1
    assert found["calibration_slope", "a"].interval.low < 1 < found["calibration_slope", "a"].interval.high
    assert found["calibration_gap", ""].p_value < 1e-6


def test_a_common_line_is_rejected_as_often_as_said():
    rng = np.random.default_rng(6)
    scores = np.linspace(0.05, 0.95, 19)
    rejected = 0
    for _ in range(120):
        n = rng.integers(5, 40, size=(19, 3))
        hits = rng.binomial(n, scores[:, None])
        by_class = np.zeros((26, 2, 3), dtype=np.int64)
        by_class[:19, 1], by_class[:19, 0] = hits, n - hits
        bins = NumericBins(ends=tuple(scores.tolist()), low=0.05, exact=False)
        table = GroupScores(rows=by_class.sum(axis=1), by_class=by_class, bins=bins, group_names=("a", "b", "c"))
        rejected += group_calibration(table, (), attribute="x")[0].p_value <= 0.05
    assert rejected / 120 == pytest.approx(0.05, abs=0.05)


def test_what_cannot_be_fitted_or_ranked_has_no_value_and_says_why():
    table = of_rows([0.2, 0.4, 0.6, 0.8, 0.3, 0.7], [1, 1, 1, 1, 0, 1], list("aaaabb"))
    areas = by_name(group_auc(table, attribute="x"))
    assert (areas["roc_auc", "a"].value, areas["roc_auc", "a"].status) == (None, Status.UNDEFINED)
    assert areas["roc_auc", "a"].why == "No negative with a score to rank."
    assert areas["roc_auc_difference_to_rest", "b"].why == "The rest: no negative with a score to rank."
    lines = by_name(group_calibration(table, (), attribute="x"))
    assert "no line can be fitted" in lines["calibration_slope", "a"].why
    assert "not assessable" in lines["calibration_gap", ""].why
    points = NumericBins(ends=(300.0, 700.0), low=300.0, exact=False)
    grades = of_rows([300, 700, 700, 300], [0, 1, 0, 1], list("abab"), points)
    assert "no probability" in by_name(group_calibration(grades, (), attribute="x"))["calibration_slope", "a"].why
    assert recalibration(np.array([50, 0]), np.array([0, 50]), np.array([0.2, 0.8])) is None, "separable"
    nothing = NumericBins(ends=(), low=0.0, exact=False)
    empty = GroupScores(rows=np.full((7, 2), 5), by_class=np.full((7, 2, 2), 5), bins=nothing, group_names=("a", "b"))
    for measure in (*group_auc(empty, attribute="x"), *score_parity(empty, attribute="x")):
        assert measure.why
    with pytest.raises(InputError, match="need the shapes"):
        GroupScores(rows=np.zeros((7, 3)), by_class=np.full((7, 2, 2), 5), bins=nothing, group_names=("a", "b"))
