"""Paired means: McNemar, Agresti and Min, and the paired t test by other routes, and whether the intervals cover."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, norm, ttest_1samp, ttest_rel

from core.compare.means import RowValues, agresti_min, mcnemar_p_value, paired_means


def rows_of(champion: np.ndarray, candidate: np.ndarray, *, is_rate: bool, usable: np.ndarray | None = None):
    return RowValues(
        measure="accuracy" if is_rate else "brier_score",
        champion=np.asarray(champion, dtype=float),
        candidate=np.asarray(candidate, dtype=float),
        usable=np.ones(len(champion), dtype=bool) if usable is None else usable,
        is_rate=is_rate,
        higher_is_better=is_rate,
        among="",
    )


@given(gained=st.integers(0, 400), lost=st.integers(0, 400))
def test_mcnemars_p_value_is_the_sign_test_of_the_discordant_rows(gained: int, lost: int) -> None:
    expected = binomtest(gained, gained + lost, 0.5).pvalue if gained + lost else 1.0
    assert mcnemar_p_value(gained, lost) == pytest.approx(expected, rel=1e-9)


@given(cells=st.tuples(*[st.integers(0, 60)] * 4), confidence=st.floats(0.5, 0.999))
def test_agresti_and_mins_interval_is_walds_on_the_table_with_half_a_row_more_in_each_cell(
    cells: tuple[int, int, int, int], confidence: float
) -> None:
    _, gained, lost, _ = cells
    n = sum(cells)
    if not n:
        return
    shares = (np.array(cells) + 0.5) / (n + 2)
    values = np.array([0, 1, -1, 0])  # what a row of each cell adds to the difference
    mean = shares @ values
    half = norm.ppf(0.5 + confidence / 2) * math.sqrt((shares @ values**2 - mean**2) / (n + 2))
    interval = agresti_min(gained, lost, n, confidence=confidence)
    estimate = (gained - lost) / n
    assert interval.low == pytest.approx(max(-1, min(mean - half, estimate)))
    assert interval.high == pytest.approx(min(1, max(mean + half, estimate)))
    mirrored = agresti_min(lost, gained, n, confidence=confidence)
    assert (mirrored.low, mirrored.high) == (-interval.high, -interval.low)


def test_discordant_rows_must_fit_into_the_rows() -> None:
    with pytest.raises(ValueError, match="3 and 2 discordant rows don't fit into 4 rows"):
        agresti_min(3, 2, 4)


@pytest.mark.parametrize("n", [30, 150])
@pytest.mark.parametrize("rates", [(0.02, 0.02), (0.05, 0.1), (0.2, 0.1), (0.01, 0.15)])
def test_agresti_and_mins_interval_covers_summed_over_every_table(n: int, rates: tuple[float, float]) -> None:
    """Exact, over all (gained, lost); where hardly a row is discordant it covers more than it must."""
    gain, loss = rates
    covered = 0.0
    for gained in range(n + 1):
        weight = binom.pmf(gained, n, gain)
        if weight < 1e-9:
            continue
        for lost in range(n - gained + 1):
            chance = binom.pmf(lost, n - gained, loss / (1 - gain))
            if chance < 1e-7:
                continue
            interval = agresti_min(gained, lost, n)
            covered += weight * chance * (interval.low <= gain - loss <= interval.high)
    assert 0.93 <= covered <= (0.985 if n * (gain + loss) > 4 else 1)


@given(
    rows=st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5)), min_size=2, max_size=40),
    margin=st.floats(0, 1),
)
def test_means_give_the_paired_t_test_and_its_interval(rows: list[tuple[float, float]], margin: float) -> None:
    champion, candidate = np.array(rows).round(3).T
    change = candidate - champion
    if change.std() < 1e-6:
        return
    means = paired_means(rows_of(champion, candidate, is_rate=False))
    expected = ttest_rel(candidate, champion)
    interval, limits = means.interval(0, confidence=0.95), expected.confidence_interval(0.95)
    assert (interval.low, interval.high) == pytest.approx((limits.low, limits.high), abs=1e-9)
    assert means.p_value(0) == pytest.approx(expected.pvalue, abs=1e-9)
    harm = means.harm_p_values(margin=margin, higher_is_better=False)[0]
    assert harm == pytest.approx(ttest_1samp(change, margin, alternative="greater").pvalue, abs=1e-9)


@given(seed=st.integers(0, 10_000), is_rate=st.booleans())
def test_cells_are_what_the_rows_of_each_cell_give_alone(seed: int, is_rate: bool) -> None:
    rng = np.random.default_rng(seed)
    champion, candidate = rng.random((2, 40)).round(1)
    if is_rate:
        champion, candidate = champion.round(), candidate.round()
    usable, codes = rng.random(40) < 0.7, rng.integers(0, 4, 40)
    means = paired_means(rows_of(champion, candidate, is_rate=is_rate, usable=usable), codes, n_cells=5)
    for cell in range(5):
        kept = usable & (codes == cell)
        assert means.n[cell] == kept.sum()
        if kept.sum() < 2:
            continue
        alone = paired_means(rows_of(champion[kept], candidate[kept], is_rate=is_rate))
        assert means.difference[cell] == pytest.approx(candidate[kept].mean() - champion[kept].mean())
        assert means.interval(cell, confidence=0.9) == alone.interval(0, confidence=0.9)
        assert means.p_value(cell) == alone.p_value(0)
    assert means.n[4] == 0
    assert means.interval(4, confidence=0.9) is None
    assert means.p_value(4) is None


def test_a_mean_of_one_row_has_no_interval_and_equal_rows_differ_by_exactly_nothing() -> None:
    one = paired_means(rows_of(np.array([0.2]), np.array([0.3]), is_rate=False))
    assert one.interval(0, confidence=0.95) is None
    assert one.p_value(0) is None
    same = paired_means(rows_of(np.array([0.1, 0.7, 0.3]), np.array([0.1, 0.7, 0.3]), is_rate=False))
    assert (same.difference[0], same.interval(0, confidence=0.95).low, same.p_value(0)) == (0.0, 0.0, 1.0)
    constant = paired_means(rows_of(np.zeros(3), np.ones(3), is_rate=False))
    assert constant.p_value(0) == 0.0


def test_the_paired_t_interval_covers_a_difference_of_brier_scores() -> None:
    rng = np.random.default_rng(7)
    n, n_runs, covered = 200, 2000, 0
    truth = -(0.3**2) + 0.25**2  # scores that miss the chance of 1/2 by 0.3, then by 0.25, either way
    for _ in range(n_runs):
        label = rng.random(n) < 0.5
        off = rng.choice([-1, 1], n)
        means = paired_means(rows_of((0.5 + 0.3 * off - label) ** 2, (0.5 + 0.25 * off - label) ** 2, is_rate=False))
        interval = means.interval(0, confidence=0.95)
        covered += interval.low <= truth <= interval.high
    assert 0.935 <= covered / n_runs <= 0.965
