"""The four verdicts, when each is said and how often it is wrong; and what one window's question answers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.drift.question import which_columns_differ
from core.drift.verdict import Verdict, shift_verdict, verdict_of_counts
from core.measure import Status
from core.stats.binning import CategoryBins, NumericBins, Special, fit_categories

TEN = CategoryBins(categories=tuple("abcdefghij"))
PAD = np.zeros(len(Special), dtype=np.int64)
EVEN = np.full(10, 1_000)


def counts(*regular: int, bins: CategoryBins | NumericBins = TEN, **special: int) -> np.ndarray:
    vector = np.zeros(bins.size, dtype=np.int64)
    vector[: len(regular)] = regular
    for name, n in special.items():
        vector[bins.n_bins + Special[name.upper()]] = n
    return vector


@pytest.mark.parametrize(
    ("current", "verdict", "status"),
    [
        ([2_000, 500, 1_000, 1_000, 1_000, 1_000, 1_000, 1_000, 1_000, 500], Verdict.DRIFT, Status.CRITICAL),
        ([1_010, 990, 1_000, 1_000, 1_000, 1_000, 1_000, 1_000, 1_000, 1_000], Verdict.STABLE, Status.OK),
        ([118, 82, 118, 82, 100, 100, 100, 100, 120, 80], Verdict.MINOR, Status.OK),
        ([15, 5, 12, 8, 13, 7, 10, 10, 10, 10], Verdict.INCONCLUSIVE, Status.INSUFFICIENT),
    ],
)
def test_each_verdict_is_said_where_it_belongs_with_what_it_rests_on(current, verdict, status):
    said = shift_verdict(counts(*EVEN * 10), counts(*current), TEN)
    assert (said.verdict, said.status) == (verdict, status)
    assert said.reason.startswith(f"{verdict}: w ")
    assert said.interval.low <= said.w <= said.interval.high
    assert (said.rows_needed is not None) == (verdict is Verdict.INCONCLUSIVE)


def test_without_drift_100_rows_are_inconclusive_and_a_million_prove_stability():
    rng, p = np.random.default_rng(1), np.full(10, 0.1)
    reference = np.full(10, 10**6)
    few = [verdict_of_counts(reference, rng.multinomial(100, p)).verdict for _ in range(200)]
    many = [verdict_of_counts(reference, rng.multinomial(10**6, p)).verdict for _ in range(50)]
    assert few.count(Verdict.INCONCLUSIVE) >= 170
    assert few.count(Verdict.DRIFT) <= 14
    assert set(many) == {Verdict.STABLE}


def test_half_the_margin_at_a_million_rows_is_stable_though_a_test_calls_it_different():
    direction = np.resize([1.0, -1.0], 10)
    q = 0.1 + 0.05 * direction / np.sqrt((direction**2 / 0.1).sum())
    said = verdict_of_counts(np.full(10, 10**6), np.random.default_rng(2).multinomial(10**6, q))
    assert said.verdict is Verdict.STABLE
    assert said.p_any < 1e-50


def test_dispersion_takes_certainty_away():
    current = counts(1_400, 600, *[1_000] * 8)
    assert shift_verdict(counts(*EVEN * 10), current, TEN).p_any < 1e-6
    wild = shift_verdict(counts(*EVEN * 10), current, TEN, dispersion=40.0)
    assert wild.verdict is Verdict.INCONCLUSIVE
    calm = shift_verdict(counts(*EVEN * 10), counts(15, 5, 12, 8, 13, 7, 10, 10, 10, 10), TEN)
    assert wild.rows_needed >= 40 * calm.rows_needed


@pytest.mark.parametrize(
    ("n_other", "n", "verdict"),
    [
        (0, 5_000, Verdict.STABLE),
        (400, 5_000, Verdict.DRIFT),
        (8, 5_000, Verdict.STABLE),
        (0, 60, Verdict.INCONCLUSIVE),
        (1, 60, Verdict.MINOR),
    ],
)
def test_a_constant_column_is_judged_by_the_rows_that_left_its_value(n_other, n, verdict):
    bins = NumericBins(ends=(7.0,), low=7.0, exact=True)
    said = shift_verdict(counts(20_000, bins=bins), counts(n - n_other, bins=bins, above=n_other), bins)
    assert said.verdict is verdict
    assert "left the reference's only value" in said.reason
    assert said.w is None


def test_the_rows_said_to_be_needed_of_a_constant_column_are_enough():
    bins = NumericBins(ends=(7.0,), low=7.0, exact=True)
    needed = shift_verdict(counts(20_000, bins=bins), counts(50, bins=bins), bins).rows_needed
    assert shift_verdict(counts(20_000, bins=bins), counts(needed, bins=bins), bins).verdict is Verdict.STABLE


def test_nothing_to_compare_is_inconclusive_and_says_why():
    for reference, current, why in (
        (counts(), counts(5), "the reference has no rows"),
        (counts(5, 5), counts(), "there are no rows in this window"),
        (counts(2, 2, 2), counts(1), "fewer than two bins"),
    ):
        said = shift_verdict(reference, current, TEN)
        assert said.verdict is Verdict.INCONCLUSIVE
        assert why in said.reason
        assert said.p_any is None


@given(data=st.data())
@settings(max_examples=60)
def test_no_counts_whatever_break_a_verdict(data):
    vectors = arrays(np.int64, TEN.size, elements=st.sampled_from([0, 0, 0, 1, 4, 60, 9_000]))
    said = shift_verdict(data.draw(vectors), data.draw(vectors), TEN)
    for p_value in (said.p_drift, said.p_stable, said.p_any):
        assert p_value is None or 0 <= p_value <= 1
    assert said.reason.startswith(f"{said.verdict}: ")


@given(current=arrays(np.int64, 10, elements=st.integers(0, 300)), order=st.permutations(range(10)))
@settings(max_examples=30)
def test_renaming_categories_changes_no_verdict(current, order):
    plain = verdict_of_counts(EVEN, current) if current.sum() else None
    if plain is not None:
        renamed = verdict_of_counts(EVEN[order], current[order])
        assert (renamed.verdict, renamed.rows_needed) == (plain.verdict, plain.rows_needed)
        assert (renamed.p_drift is None) == (plain.p_drift is None)
        if plain.p_drift is not None:
            assert renamed.p_drift == pytest.approx(plain.p_drift, abs=1e-9)


def columns_without_drift(rng, n_columns, n_moved=0):
    found = {}
    for place in range(n_columns):
        before, after = (rng.multinomial(n, np.full(10, 0.1)) for n in (5_000, 500))
        if place < n_moved:
            after = rng.multinomial(500, np.linspace(0.04, 0.16, 10))
        found[f"x{place}"] = (np.append(before, PAD), np.append(after, PAD), TEN)
    return found


@pytest.mark.parametrize("correction", ["benjamini-yekutieli", "benjamini-hochberg"])
def test_a_question_about_a_window_is_rarely_wrong_and_finds_what_moved(correction):
    rng = np.random.default_rng(3)
    wrong = [
        bool(which_columns_differ(columns_without_drift(rng, 12), correction=correction).differing) for _ in range(60)
    ]
    assert np.mean(wrong) <= 0.1
    answer = which_columns_differ(columns_without_drift(rng, 12, n_moved=2), correction=correction)
    assert set(answer.differing) >= {"x0", "x1"}
    assert answer.columns[0].adjusted_p_value >= answer.columns[0].p_value
    assert answer.n_tested == 12
    assert answer.correction in answer.sentence


def test_a_question_says_what_can_be_said_and_no_more():
    same = (counts(*EVEN), counts(*[100] * 10), TEN)
    gone = (counts(*EVEN), counts(), TEN)
    answer = which_columns_differ({"a": same, "b": gone})
    assert answer.sentence.startswith("None of 1 column differs: no adjusted p-value is at most 0.05")
    assert answer.columns[1].column == "b"
    assert answer.columns[1].adjusted_p_value is None
    assert which_columns_differ({"b": gone}).sentence == "No column can be tested in this window."
    with pytest.raises(ValueError, match="known: benjamini-yekutieli"):
        which_columns_differ({"a": same}, correction="bonferoni")


def test_rare_categories_are_pooled_before_they_are_judged():
    rng = np.random.default_rng(5)
    shares = np.concatenate([[0.5, 0.3], np.full(200, 0.001)])
    bins = fit_categories({f"c{place:03}": int(share * 10**6) for place, share in enumerate(shares)})
    before = counts(*rng.multinomial(10**6, shares), bins=bins)
    said = [shift_verdict(before, counts(*rng.multinomial(3_000, shares), bins=bins), bins) for _ in range(40)]
    assert sum(verdict.verdict is Verdict.DRIFT for verdict in said) <= 4
    assert max(verdict.n_bins for verdict in said) < 20
