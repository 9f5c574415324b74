"""What the scores of a window promise, held against what its labels then show."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import roc_auc_score

from core.performance.binary import BinaryCounts, binary_performance
from core.performance.estimated import PREFIX, by_name, calibration_of, estimate_binary, residual_correlation
from core.stats.binning import N_SPECIAL, NumericBins

N_BINS = 20
SHOWN = ("accuracy", "precision", "recall", "specificity", "f1", "roc_auc", "brier_score")


def counted(score: np.ndarray, label: np.ndarray | None, *, decided_at: float = 0.5) -> BinaryCounts:
    """Counts of rows whose scores are multiples of 1/40, so that each bin holds one score; no label: none yet."""
    joint = np.zeros((N_BINS + N_SPECIAL, 3, 3), dtype=np.int64)
    bin_of = np.round(score * N_BINS - 0.5).astype(np.int64)
    outcome = np.full(score.size, 2) if label is None else label.astype(np.int64)
    np.add.at(joint, (bin_of, (score >= decided_at).astype(np.int64), outcome), 1)
    ends = tuple((np.arange(N_BINS) + 0.5) / N_BINS)
    return BinaryCounts(
        joint=joint,
        classes=("no", "yes"),
        positive=1,
        score_bins=NumericBins(ends=ends, low=ends[0], exact=True),
        calibration_groups=tuple(range(N_BINS)),
    )


def world(
    n: int, rng: np.random.Generator, *, shift: float = 0.0, concept: float = 0.0, wiggle: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Scores and labels; the score is off by a logistic curve, and by a wave that no logistic curve follows."""
    score = (np.floor(expit(rng.normal(shift, 1.2, n)) * N_BINS) + 0.5) / N_BINS
    odds = 0.3 + 0.8 * np.log(score / (1 - score)) + wiggle * np.sin(9 * score) + concept
    return score, rng.random(n) < expit(odds)


def test_the_value_is_what_rows_weighted_by_their_rate_give() -> None:
    rng = np.random.default_rng(1)
    calibration = calibration_of(counted(*world(20_000, rng)))
    score, _ = world(3_000, rng, shift=0.5)
    found = by_name(estimate_binary(calibration, counted(score, None), rng=rng))
    rate = calibration.rates[1:-1][np.round(score * N_BINS - 0.5).astype(int)]
    called = score >= 0.5
    weights, labels, twice = np.r_[rate, 1 - rate], np.r_[np.ones(3_000), np.zeros(3_000)], np.r_[score, score]
    expected = {
        "accuracy": (rate[called].sum() + (1 - rate)[~called].sum()) / 3_000,
        "precision": rate[called].mean(),
        "recall": rate[called].sum() / rate.sum(),
        "f1": 2 * rate[called].sum() / (called.sum() + rate.sum()),
        "roc_auc": roc_auc_score(labels, twice, sample_weight=weights),
        "brier_score": (rate * (1 - score) ** 2 + (1 - rate) * score**2).mean(),
    }
    assert {name: found[name].value for name in expected} == pytest.approx(expected, abs=1e-9)


def coverage(n_runs: int, *, reference: int, window: int, seed: int, **moved: float) -> dict[str, float]:
    rng, hit = np.random.default_rng(seed), dict.fromkeys(SHOWN, 0)
    wiggle = moved.get("wiggle", 0.0)
    for _ in range(n_runs):
        calibration = calibration_of(counted(*world(reference, rng, wiggle=wiggle)))
        score, label = world(window, rng, **moved)
        estimates = by_name(estimate_binary(calibration, counted(score, None), rng=rng, n_draws=200))
        whole = counted(score, label)
        truth = {m.measure: m.value for m in binary_performance(whole)}
        truth["brier_score"] = ((score - label) ** 2).mean()
        for name in SHOWN:
            hit[name] += estimates[name].interval.low <= truth[name] <= estimates[name].interval.high
    return {name: count / n_runs for name, count in hit.items()}


@pytest.mark.parametrize("moved", [{}, {"shift": 0.8}, {"wiggle": 0.5}], ids=["alike", "scores moved", "no logistic"])
def test_intervals_hold_what_the_labels_show_if_outcomes_follow_the_score(moved: dict[str, float]) -> None:
    """150 runs: the standard error of a coverage of 0.95 is 0.018, and 3 of them are allowed below."""
    found = coverage(150, reference=3_000, window=1_500, seed=2, **moved)
    assert min(found.values()) >= 0.895, found


def test_intervals_hold_nothing_once_the_concept_has_changed() -> None:
    """Why estimates are withdrawn: nothing in the scores tells that labels no longer follow them."""
    found = coverage(40, reference=3_000, window=1_500, seed=3, concept=1.0)
    assert found["recall"] <= 0.05
    assert found["precision"] <= 0.05


def test_a_window_that_its_scores_do_not_reach_says_why_it_has_no_value() -> None:
    calibration = calibration_of(counted(*world(2_000, np.random.default_rng(4))))
    nothing = counted(np.zeros(0), None)
    measures = estimate_binary(calibration, nothing, rng=np.random.default_rng(1))
    assert {m.measure.startswith(PREFIX) for m in measures} == {True}
    assert {(m.value, m.why) for m in measures} == {(None, "There are no rows.")}


def test_the_correlation_of_a_windows_outcomes_is_found_and_chance_gives_none() -> None:
    """Rates move by windows with a standard deviation of .35 in log-odds: a correlation of about .35² × mean p(1-p)."""
    rng = np.random.default_rng(5)

    def correlation(spread: float) -> tuple[float, float]:
        rows = [world(2_000, rng, concept=rng.normal(0, spread)) for _ in range(60)]
        whole = counted(np.concatenate([s for s, _ in rows]), np.concatenate([y for _, y in rows]))
        calibration = calibration_of(whole)
        rates = calibration.rates[1:-1]
        mass = whole.joint[:N_BINS].sum(axis=(1, 2))
        expected = spread**2 * float(mass @ (rates * (1 - rates)) / mass.sum())
        return residual_correlation(calibration, [counted(*row) for row in rows]), expected

    found, expected = correlation(0.35)
    assert found == pytest.approx(expected, rel=0.5)
    assert correlation(0.0)[0] < 0.0005
