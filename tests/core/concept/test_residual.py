"""P(label | score) against the reference's: scipy, seeded worlds whose truth is known, and thin data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, ttest_ind

from core.concept.residual import (
    binary_residual,
    labels_by_prediction,
    labels_by_score,
    regression_residual,
)
from core.measure import Family, Status

BINS = 20
NAMES = [f"bin {index}" for index in range(BINS)]
RATE = np.linspace(0.02, 0.9, BINS)


def world(rng: np.random.Generator, n: int, rate: np.ndarray, *, mix: np.ndarray | None = None) -> np.ndarray:
    """Labelled rows by bin: `mix` says how often each score occurs, `rate` how often it is right."""
    rows = rng.multinomial(n, np.full(BINS, 1 / BINS) if mix is None else mix)
    positives = rng.binomial(rows, rate)
    return np.stack([rows - positives, positives], axis=1)


def names(n: int) -> list[str]:
    return NAMES[:n]


def test_one_bin_is_pearsons_test_of_two_rates() -> None:
    reference, current = np.array([[300, 200]]), np.array([[60, 70]])
    residual = binary_residual(reference, current, names=["all"])
    effect, mean = residual.measures
    pearson = chi2_contingency(np.concatenate([reference, current]), correction=False)
    assert residual.test.chi_square == pytest.approx(pearson.statistic)
    assert effect.p_value == pytest.approx(pearson.pvalue)
    assert mean.p_value == pytest.approx(pearson.pvalue)
    assert mean.value == pytest.approx(70 / 130 - 200 / 500)
    assert (effect.family, mean.family) == (Family.CONCEPT_DRIFT, Family.CONCEPT_DRIFT)


@pytest.mark.parametrize(("n_reference", "n"), [(20_000, 1_000), (2_000, 2_000), (1_000, 200)])
def test_without_a_change_one_window_in_twenty_is_below_5_percent_even_if_the_mix_of_scores_moves(
    n_reference: int, n: int
) -> None:
    """1,000 runs each with its own reference; standard error of 0.05 is 0.007."""
    rng = np.random.default_rng(11)
    mix = np.linspace(3, 1, BINS) / np.linspace(3, 1, BINS).sum()
    below = np.zeros(2)
    covered = 0
    for _ in range(1_000):
        found = binary_residual(world(rng, n_reference, RATE), world(rng, n, RATE, mix=mix), names=NAMES)
        below += [measure.p_value < 0.05 for measure in found.measures]
        interval = found.measures[1].interval
        covered += interval.low <= 0 <= interval.high
    assert below / 1_000 == pytest.approx([0.05, 0.05], abs=0.022)
    assert covered / 1_000 == pytest.approx(0.95, abs=0.022)


def test_the_interval_of_the_mean_residual_covers_a_true_change() -> None:
    """The truth is the change of the rates at the current mix; 500 runs, standard error 0.010."""
    rng = np.random.default_rng(12)
    mix = np.linspace(1, 4, BINS) / np.linspace(1, 4, BINS).sum()
    now = np.clip(RATE + np.linspace(0.15, -0.05, BINS), 0, 1)
    covered = 0
    for _ in range(500):
        mean = binary_residual(world(rng, 4_000, RATE), world(rng, 800, now, mix=mix), names=NAMES).measures[1]
        current_mix = (now - RATE) @ mix
        covered += mean.interval.low <= current_mix <= mean.interval.high
    assert covered / 500 == pytest.approx(0.95, abs=0.03)


def test_a_change_that_cancels_on_average_moves_the_effect_and_not_the_mean() -> None:
    rng = np.random.default_rng(13)
    now = RATE + np.where(np.arange(BINS) < BINS / 2, 0.1, -0.1)
    effect, mean = binary_residual(world(rng, 50_000, RATE), world(rng, 4_000, now), names=NAMES).measures
    assert effect.p_value < 1e-9
    assert effect.change.low > 0.1
    assert abs(mean.value) < 0.03


def test_the_bin_that_changed_is_named_in_words() -> None:
    rng = np.random.default_rng(14)
    now = RATE.copy()
    now[7] += 0.5
    residual = binary_residual(world(rng, 50_000, RATE), world(rng, 4_000, now), names=NAMES)
    assert "The bin that differs most is bin 7:" in residual.words
    assert residual.words.startswith("Among 4,000 labelled rows the share with the outcome is ")
    changed = residual.bins[7]
    assert changed.difference.low > 0.3
    assert changed.observed == pytest.approx(changed.expected + 0.5, abs=0.1)


def test_too_few_labels_are_insufficient_and_say_how_many_are_needed() -> None:
    rng = np.random.default_rng(15)
    reference = world(rng, 20_000, RATE)
    effect, mean = binary_residual(reference, world(rng, 12, RATE), names=NAMES).measures
    assert mean.status is Status.INSUFFICIENT
    assert (mean.p_value, mean.change) == (None, None)
    assert effect.status is Status.UNDEFINED
    assert mean.why.startswith("12 labelled rows are too few to tell a mean residual of 5.0 points; about ")
    needed = int(mean.why.split("about ")[1].split(" ")[0].replace(",", ""))
    enough = binary_residual(reference, world(rng, needed, RATE), names=NAMES).measures[1]
    assert enough.interval.high - enough.value == pytest.approx(0.05, rel=0.25)


def test_a_reference_too_small_for_any_number_of_labels_says_so() -> None:
    rng = np.random.default_rng(16)
    mean = binary_residual(world(rng, 60, RATE), world(rng, 12, RATE), names=NAMES).measures[1]
    assert (
        f"{mean.n} labelled rows are too few to tell a mean residual of 5.0 points; so are the reference's" in mean.why
    )


def test_no_labels_on_either_side_are_undefined() -> None:
    some, none = np.array([[5, 5]]), np.zeros((1, 2), dtype=np.int64)
    now = binary_residual(some, none, names=["all"])
    before = binary_residual(none, some, names=["all"])
    assert {measure.status for measure in (*now.measures, *before.measures)} == {Status.UNDEFINED}
    assert now.words == "No row has both a label and a place in these bins."
    assert before.words.startswith("The reference has no row")
    assert now.bins[0].observed is None
    assert before.bins[0].expected is None


def test_rows_where_the_reference_has_no_labels_are_left_out_and_counted() -> None:
    reference, current = np.array([[300, 200], [0, 0]]), np.array([[60, 70], [9, 3]])
    residual = binary_residual(reference, current, names=["low", "high"])
    alone = binary_residual(reference[:1], current[:1], names=["low"])
    assert (residual.n, residual.n_without_reference) == (142, 12)
    assert residual.measures[1].n == 130
    assert residual.measures[1].value == alone.measures[1].value
    assert residual.words.endswith("12 labelled rows lie where the reference has no labels and are left out.")
    nowhere = binary_residual(reference, current * [[0], [1]], names=["low", "high"])
    assert nowhere.measures[1].why == "None of the 12 labelled rows lies in a bin where the reference has labels."


@given(
    reference=st.lists(st.integers(0, 40), min_size=8, max_size=8),
    current=st.lists(st.integers(0, 40), min_size=8, max_size=8),
)
@settings(max_examples=150, deadline=None)
def test_any_counts_have_a_conclusion(reference: list[int], current: list[int]) -> None:
    residual = binary_residual(np.reshape(reference, (4, 2)), np.reshape(current, (4, 2)), names=names(4))
    effect, mean = residual.measures
    assert residual.words.endswith(".")
    assert len(residual.bins) == 4
    if mean.value is not None:
        assert -1 <= mean.value <= 1
        assert (mean.interval is None) == (mean.p_value is None) == (residual.test is None)
        assert mean.interval is not None or mean.why
    if effect.value is not None:
        assert effect.interval.low <= effect.value <= effect.interval.high


def test_labels_are_counted_by_calibration_bin_and_by_prediction() -> None:
    joint = np.zeros((3 + 7, 3, 3), dtype=np.int64)
    joint[0] = [[5, 1, 7], [2, 3, 7], [1, 0, 7]]
    joint[2, 1, 1] = 9
    joint[3, 0, 1] = 4  # no score
    assert labels_by_score(joint, (0, 0, 1), positive=1).tolist() == [[8, 4], [0, 9]]
    assert labels_by_prediction(joint, positive=1).tolist() == [[5, 5], [2, 12]]
    assert labels_by_prediction(joint, positive=0).tolist() == [[5, 5], [12, 2]]


def sums(bins: np.ndarray, errors: np.ndarray, n_bins: int = 4) -> np.ndarray:
    """What a profile keeps of a regression's errors by bin of the predicted value."""
    return np.stack([np.bincount(bins, weights=w, minlength=n_bins) for w in (errors**0, errors, errors**2)], axis=1)


def test_one_bin_of_errors_is_students_test() -> None:
    rng = np.random.default_rng(17)
    before, now = rng.normal(0, 1, 400), rng.normal(0.2, 2, 150)
    zeros = np.zeros(400, dtype=int)
    residual = regression_residual(sums(zeros, before, 1), sums(zeros[:150], now, 1), names=["all"])
    assert residual.test.chi_square == pytest.approx(ttest_ind(now, before).statistic ** 2)
    assert residual.measures[1].value == pytest.approx(now.mean() - before.mean())
    assert residual.measures[1].margin == pytest.approx(0.1 * np.sqrt((before**2).mean()))
    welch = ttest_ind(now, before, equal_var=False).confidence_interval()
    interval = residual.measures[1].interval
    assert (interval.low, interval.high) == (pytest.approx(welch.low, abs=0.01), pytest.approx(welch.high, abs=0.01))
    assert residual.words.startswith("Among 150 labelled rows the mean error is ")


def test_words_name_what_the_share_is_of_and_write_large_errors_out() -> None:
    shares = binary_residual(np.array([[50, 450]]), np.array([[20, 80]]), names=["all"], what="the share of right ones")
    assert shares.words.startswith("Among 100 labelled rows the share of right ones is 80.0%, 90.0% expected ")
    rows = np.array([[400.0, 400 * 1_234.5, 400 * 3e6]])
    errors = regression_residual(rows, rows * [1, -20, 400], names=["all"])
    assert errors.words.startswith("Among 400 labelled rows the mean error is −24,690, 1,234 expected ")


@pytest.mark.parametrize("noise", ["normal", "skewed"])
def test_errors_that_only_follow_the_mix_of_predictions_are_no_change(noise: str) -> None:
    """The error depends on the bin; a window with another mix has another mean error, but no residual. 400 runs."""
    rng = np.random.default_rng(18)
    centre = np.array([0.0, 1.0, -1.0, 3.0])
    below = np.zeros(2)
    draw = {"normal": rng.normal, "skewed": lambda size: rng.lognormal(0, 0.7, size)}[noise]
    for _ in range(400):
        before, now = rng.integers(0, 4, 3_000), rng.choice(4, 400, p=[0.1, 0.1, 0.2, 0.6])
        found = regression_residual(
            sums(before, centre[before] + draw(size=3_000)),
            sums(now, centre[now] + draw(size=400)),
            names=names(4),
        )
        below += [measure.p_value < 0.05 for measure in found.measures]
    assert below / 400 == pytest.approx([0.05, 0.05], abs=0.035)


def test_few_rows_or_errors_that_do_not_vary_make_no_test_of_a_regression() -> None:
    rng = np.random.default_rng(19)
    bins = rng.integers(0, 4, 200)
    reference = sums(bins, rng.normal(size=200))
    few = regression_residual(reference, sums(bins[:6], rng.normal(size=6)), names=names(4)).measures[1]
    assert few.status is Status.INSUFFICIENT
    assert "labelled rows are too few to tell a mean residual of 0." in few.why
    constant = regression_residual(sums(bins, np.full(200, 0.5)), sums(bins, np.full(200, 0.5)), names=names(4))
    assert constant.test is None
    assert (
        constant.measures[1].why == "The reference shows no spread inside the bins to test 200 labelled rows against."
    )
    alone = regression_residual(reference, sums(bins[:1], np.array([2.0])), names=names(4))
    assert alone.measures[1].interval is None


def test_tables_that_do_not_fit_the_names_are_refused() -> None:
    with pytest.raises(ValueError, match="2 bins need tables of shape"):
        binary_residual(np.zeros((3, 2), dtype=np.int64), np.zeros((2, 2), dtype=np.int64), names=names(2))
