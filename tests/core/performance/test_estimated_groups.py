"""What scores promise of groups and of gaps between them, held against what labels then show."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.metrics import accuracy_score, precision_score, recall_score

from core.performance.binary import BinaryCounts
from core.performance.estimated import PREFIX, calibration_of
from core.performance.estimated_groups import GAP, GROUP_RATES, estimate_gaps, group_calibrations, rates_of
from core.stats.binning import N_SPECIAL, NumericBins

N_BINS = 20
ENDS = tuple((np.arange(N_BINS) + 0.5) / N_BINS)
BINS = NumericBins(ends=ENDS, low=ENDS[0], exact=True)


def counted(score: np.ndarray, label: np.ndarray) -> BinaryCounts:
    joint = np.zeros((N_BINS + N_SPECIAL, 3, 3), dtype=np.int64)
    np.add.at(joint, (np.round(score * N_BINS - 0.5).astype(int), (score >= 0.5) * 1, label * 1), 1)
    return BinaryCounts(
        joint=joint, classes=("no", "yes"), positive=1, score_bins=BINS, calibration_groups=tuple(range(N_BINS))
    )


def parts(n: int, rng: np.random.Generator, *, apart: float = 0.8, moved: float = 0.0) -> list[BinaryCounts]:
    """Two groups, of which the second has lower odds at each score, and scores that lie higher by `moved`."""
    found = []
    for group, size in enumerate((n, n // 2)):
        score = (np.floor(expit(rng.normal(moved * group, 1.2, size)) * N_BINS) + 0.5) / N_BINS
        found.append(counted(score, rng.random(size) < expit(0.2 + 0.9 * logit(score) - apart * group)))
    return found


def together(groups: list[BinaryCounts]) -> BinaryCounts:
    joint = sum(group.joint for group in groups)
    return BinaryCounts(
        joint=joint, classes=("no", "yes"), positive=1, score_bins=BINS, calibration_groups=tuple(range(N_BINS))
    )


def shown(groups: list[BinaryCounts]) -> dict[str, float]:
    """The second group's rates and gaps to the first, from labels."""
    tables = [np.array([[[tp, fp], [fn, tn]]], dtype=float) for tp, fp, fn, tn in (g.confusion() for g in groups)]
    first, second = (rates_of(table) for table in tables)
    gaps = {name + GAP: float(second[name][0] - first[name][0]) for name in GROUP_RATES}
    return {name: float(second[name][0]) for name in GROUP_RATES} | gaps


def test_rates_are_scikit_learns() -> None:
    rng = np.random.default_rng(1)
    label, decided = rng.random(200) < 0.4, rng.random(200) < 0.6
    tp, fp, fn, tn = (int((decided == d).astype(int) @ (label == y)) for d, y in ((1, 1), (1, 0), (0, 1), (0, 0)))
    found = {name: float(values[0]) for name, values in rates_of(np.array([[[tp, fp], [fn, tn]]], float)).items()}
    assert found == pytest.approx(
        {
            "accuracy": accuracy_score(label, decided),
            "true_positive_rate": recall_score(label, decided),
            "false_positive_rate": 1 - recall_score(label, decided, pos_label=False),
            "positive_predictive_value": precision_score(label, decided),
        }
    )


def coverage(n_runs: int, *, seed: int, own: bool, moved: float = 0.0) -> dict[str, float]:
    """Of the second group; `own`: from its own rows of the reference, not from all."""
    rng = np.random.default_rng(seed)
    held = dict.fromkeys([*GROUP_RATES, *(name + GAP for name in GROUP_RATES)], 0)
    for _ in range(n_runs):
        reference, window = parts(3_000, rng), parts(1_000, rng, moved=moved)
        whole = calibration_of(together(reference))
        before = reference if own else [together(reference)] * 2
        groups = group_calibrations(whole, before, rng=rng, n_draws=200)
        truth = shown(window)
        for m in estimate_gaps(groups, window, rng=rng, names=("first", "second"), against=0)[1]:
            name = m.measure.removeprefix(PREFIX)
            held[name] += m.interval.low <= truth[name] <= m.interval.high
    return {name: n / n_runs for name, n in held.items()}


@pytest.mark.parametrize("moved", [0.0, 0.6], ids=["alike", "scores moved"])
def test_intervals_of_groups_and_gaps_hold_what_labels_show(moved: float) -> None:
    """60 runs: the standard error of a coverage of 0.95 is 0.028, and 3 of them are allowed below."""
    found = coverage(60, seed=2, own=True, moved=moved)
    assert min(found.values()) >= 0.866, found


def test_the_rates_of_all_rows_say_little_of_a_group_whose_odds_differ() -> None:
    """Why each group has a calibration of its own."""
    found = coverage(20, seed=3, own=False)
    assert found["positive_predictive_value"] <= 0.25
    assert found["positive_predictive_value_difference"] <= 0.4


def test_each_group_against_all_others_is_less_their_rates_together() -> None:
    rng = np.random.default_rng(4)
    reference = [*parts(2_000, rng), parts(2_000, rng, apart=0.3)[1]]
    window = [*parts(800, rng), parts(800, rng, apart=0.3)[1]]
    groups = group_calibrations(calibration_of(together(reference)), reference, rng=rng, n_draws=100)
    found = estimate_gaps(groups, window, rng=rng, names=("a", "b", "c"))
    expected = []
    for group, counts in zip(groups, window, strict=True):
        rows = counts.joint.sum(axis=2)[:N_BINS]
        rates = group.calibration.rates[1:-1]
        yes, no = rows[:, 1], rows[:, 0]
        expected.append(np.array([[yes @ rates, yes @ (1 - rates)], [no @ rates, no @ (1 - rates)]]))
    own, rest = (rates_of(table[np.newaxis]) for table in (expected[0], expected[1] + expected[2]))
    values = {m.measure: m.value for m in found[0]}
    for name in GROUP_RATES:
        assert values[PREFIX + name] == pytest.approx(own[name][0])
        assert values[PREFIX + name + GAP] == pytest.approx(own[name][0] - rest[name][0])
    assert {m.column for m in found[2]} == {"c"}


def test_a_group_that_the_reference_lacks_has_the_rates_of_all_and_says_little() -> None:
    rng = np.random.default_rng(5)
    reference = parts(3_000, rng)
    whole = calibration_of(together(reference))
    nobody = counted(np.empty(0), np.empty(0, dtype=bool))
    [known, unknown] = group_calibrations(whole, [reference[1], nobody], rng=rng, n_draws=200)
    assert unknown.calibration.rates == pytest.approx(whole.rates, abs=1e-6)
    assert unknown.rates.std(axis=0).mean() > 3 * known.rates.std(axis=0).mean()


def test_a_group_without_rows_has_no_estimate_and_says_so() -> None:
    rng = np.random.default_rng(6)
    reference = parts(1_000, rng)
    groups = group_calibrations(calibration_of(together(reference)), reference, rng=rng, n_draws=100)
    window = [parts(300, rng)[0], counted(np.empty(0), np.empty(0, dtype=bool))]
    first, second = estimate_gaps(groups, window, rng=rng, names=("a", "b"), against=0)
    assert all(m.value is not None for m in first)
    assert {(m.value, m.why) for m in second} == {(None, "No row of this group has a prediction and a score.")}
