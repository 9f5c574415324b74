"""What the reference's windows say of a monitor: its mean, how windows differ, their rhythm and their memory."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from core.alarms.baseline import MAX_AUTOCORRELATION, Baseline, fit_baseline
from core.alarms.distributions import distribution_subject
from core.alarms.monitors import Kind, Windows, share_subject
from core.measure import Family
from core.stats.binning import CategoryBins, fit_numeric
from tests.core.alarms.series import hits, means, no_season, normal_means, shares


def with_effects(
    rng: np.random.Generator, n_windows: int, n_monitors: int, *, sd: float, n: float = 1_000.0, memory: float = 0.0
) -> Windows:
    """Means of n rows whose windows have an effect of their own, which may remember the one before."""
    effects = rng.normal(0, sd, size=(n_windows, n_monitors))
    for window in range(1, n_windows):
        effects[window] = memory * effects[window - 1] + np.sqrt(1 - memory**2) * effects[window]
    return normal_means(rng, effects, n)


def test_a_baseline_needs_two_windows() -> None:
    with pytest.raises(ValueError, match="at least 2 windows"):
        fit_baseline(means(1), hits([[3]], 9))


def test_means_and_deviations_are_those_of_all_rows() -> None:
    rng = np.random.default_rng(0)
    rows = [rng.normal(2, 3, n) for n in (20, 300, 7)]
    windows = Windows(
        n=np.array([[part.size] for part in rows], dtype=float),
        total=np.array([[part.sum()] for part in rows]),
        total_of_squares=np.array([[(part**2).sum()] for part in rows]),
    )
    baseline = fit_baseline(means(1), windows)
    assert baseline.mean == pytest.approx([np.concatenate(rows).mean()])
    assert baseline.sigma == pytest.approx([np.concatenate(rows).std()])
    assert baseline.n_window == pytest.approx([109.0])
    assert baseline.n_around == pytest.approx([(20**2 + 300**2 + 7**2) / 327])


def test_the_correlation_of_rows_of_a_window_is_that_of_its_effect() -> None:
    rng = np.random.default_rng(1)
    sd = 0.1
    baseline = fit_baseline(means(60), with_effects(rng, 30, 60, sd=sd))
    assert np.median(baseline.correlation) == pytest.approx(sd**2 / (1 + sd**2), rel=0.1)


def test_windows_that_differ_by_their_rows_alone_cost_nothing() -> None:
    rng = np.random.default_rng(2)
    k = rng.binomial(1_000, 0.2, size=(30, 50))
    baseline = fit_baseline(shares(50), hits(k, 1_000))
    assert baseline.dispersion(baseline.n_window).max() < 1.1


def test_beyond_a_windows_own_size_its_effect_grows_with_its_rows() -> None:
    """1 + (n - 1) rho, checked on windows of ten times the size of the reference's."""
    rng = np.random.default_rng(3)
    baseline = fit_baseline(means(200), with_effects(rng, 30, 200, sd=0.05))
    later = with_effects(rng, 200, 200, sd=0.05, n=10_000.0)
    z = baseline.standardised(later, no_season(later), np.zeros(200))
    assert z.std() == pytest.approx(1.0, abs=0.05)


def test_few_windows_lend_one_another_their_dispersion() -> None:
    rng = np.random.default_rng(4)
    alone = [fit_baseline(means(1), with_effects(rng, 7, 1, sd=0.1)) for _ in range(40)]
    together = fit_baseline(means(40), with_effects(rng, 7, 40, sd=0.1))
    assert {float(baseline.df[0]) for baseline in alone} == {6.0}
    assert together.df.min() > 12
    spread = [
        np.std([np.log(b.dispersion(b.n_window)[0]) for b in alone]),
        np.std(np.log(together.dispersion(together.n_window))),
    ]
    assert spread[1] < spread[0] / 2


def test_kinds_do_not_lend_to_other_kinds() -> None:
    rng = np.random.default_rng(5)
    wild, calm = with_effects(rng, 30, 20, sd=0.5), hits(rng.binomial(1_000, 0.3, size=(30, 20)), 1_000)
    baseline = fit_baseline([*means(20), *shares(20)], Windows.beside([wild, calm]))
    dispersion = baseline.dispersion(baseline.n_window)
    assert dispersion[:20].min() > 50
    assert dispersion[20:].max() < 1.5


def of_one_column(rng: np.random.Generator, *, sd: float) -> Baseline:
    """A category column whose shares vary by window, with a share of new values that nobody has seen."""
    logit = rng.normal(0, sd, size=40)
    k = rng.binomial(2_000, 1 / (1 + np.exp(-logit)))
    counts = np.zeros((40, 2 + 7), dtype=np.int64)
    counts[:, 0], counts[:, 1] = k, 2_000 - k
    bins = CategoryBins(categories=("a", "b"))
    values = distribution_subject("values/c", counts.sum(axis=0), bins, column="c", n_window=2_000)
    outside = share_subject("outside/c", [4], 9, family=Family.DATA_QUALITY, column="c", name="outside")
    elsewhere = share_subject("outside/d", [4], 9, family=Family.DATA_QUALITY, column="d", name="outside")
    parts = [subject.windows(counts) for subject in (values, outside, elsewhere)]
    return fit_baseline([values, outside, elsewhere], Windows.beside(parts))


def test_a_share_never_seen_borrows_how_windows_differ_from_its_own_column() -> None:
    baseline = of_one_column(np.random.default_rng(6), sd=0.3)
    assert baseline.correlation[0] > 0.01
    assert baseline.correlation[2] == baseline.correlation[:2].max()
    assert baseline.df[2] == baseline.df[np.argmax(baseline.correlation[:2])]
    assert baseline.correlation[3] == 0


def test_the_reference_is_off_by_more_than_is_allowed_for_in_one_of_twenty_references() -> None:
    """Over all monitors together, at effects of windows and unequal sizes."""
    rng = np.random.default_rng(7)
    n_monitors, outside = 12, 0
    sizes = np.array([200.0, 5_000.0, 400.0, 1_000.0] * 8)[:, None]
    n_references = 400
    for _ in range(n_references):
        effects = rng.normal(0, 0.08, size=(sizes.size, n_monitors))
        x = rng.normal(effects, 1 / np.sqrt(sizes))
        rows = sizes + 0 * x
        baseline = fit_baseline(means(n_monitors), Windows(n=rows, total=rows * x, total_of_squares=rows * (1 + x**2)))
        outside += bool((np.abs(baseline.mean) > baseline.reference_error * baseline.sigma).any())
    assert stats.binomtest(outside, n_references, 0.05).pvalue > 0.001 or outside / n_references < 0.05
    assert outside > 0


def test_windows_of_unequal_size_make_the_reference_less_sure() -> None:
    """A few large windows carry the mean, each with an effect of its own."""
    rng = np.random.default_rng(8)
    n = np.where(np.arange(30) % 10 == 0, 20_000.0, 100.0)[:, None] + np.zeros((1, 300))
    effects = rng.normal(0, 0.1, size=n.shape)
    x = rng.normal(effects, 1 / np.sqrt(n))
    baseline = fit_baseline(means(300), Windows(n=n, total=n * x, total_of_squares=n * (1 + x**2)))
    one_error = baseline.reference_error / baseline.quantile
    assert np.median(one_error) == pytest.approx(baseline.mean.std(), rel=0.25)


WEEKDAYS = np.array([0.3, 0.25, 0.2, 0.2, 0.1, -0.5, -0.55])


def weekly(rng: np.random.Generator, n_windows: int, profile: np.ndarray, *, n: float = 1_000.0) -> Windows:
    return normal_means(rng, np.tile(profile[np.arange(n_windows) % 7][:, None], 20), n)


def test_a_weekday_profile_is_found_and_taken_off() -> None:
    rng = np.random.default_rng(9)
    phases = np.arange(42) % 7
    baseline = fit_baseline(means(20), weekly(rng, 42, WEEKDAYS), phases=phases, n_phases=7)
    assert baseline.season is not None
    assert baseline.season.mean(axis=1) == pytest.approx(WEEKDAYS - WEEKDAYS.mean(), abs=0.02)
    assert baseline.dispersion(baseline.n_window).max() < 2
    without = fit_baseline(means(20), weekly(rng, 42, WEEKDAYS))
    assert without.dispersion(without.n_window).min() > 50
    later = weekly(rng, 70, WEEKDAYS)
    z = baseline.standardised(later, np.arange(70) % 7, baseline.mean)
    assert z.std() < 1.1


def test_where_there_is_no_rhythm_looking_for_one_costs_nothing() -> None:
    rng = np.random.default_rng(10)
    windows = weekly(rng, 42, np.zeros(7))
    looked = fit_baseline(means(20), windows, phases=np.arange(42) % 7, n_phases=7)
    plain = fit_baseline(means(20), windows)
    assert looked.season is None
    assert looked.reference_error.tolist() == plain.reference_error.tolist()


def test_a_rhythm_is_not_looked_for_in_too_few_windows() -> None:
    windows = weekly(np.random.default_rng(11), 8, WEEKDAYS)
    assert fit_baseline(means(20), windows, phases=np.arange(8) % 7, n_phases=7).season is None


@pytest.mark.parametrize("memory", [0.0, 0.5])
def test_the_memory_of_windows_is_found_and_taken_off(memory: float) -> None:
    rng = np.random.default_rng(12)
    found = []
    for _ in range(20):
        baseline = fit_baseline(means(20), with_effects(rng, 40, 20, sd=0.2, memory=memory))
        found.append(float(baseline.autocorrelation[0]))
        assert len(set(baseline.autocorrelation.tolist())) == 1
    # an effect of 0.2 carries 40 of the 41 parts of a window's variance; what is found is capped
    assert np.mean(found) == pytest.approx(min(memory * 40 / 41, MAX_AUTOCORRELATION), abs=0.08)
    later = with_effects(rng, 400, 20, sd=0.2, memory=memory)
    z = baseline.standardised(later, no_season(later), np.zeros(20))
    lagged = np.mean([np.corrcoef(z[1:, j], z[:-1, j])[0, 1] for j in range(20)])
    assert abs(lagged) < 0.15


def test_a_lasting_shift_moves_each_window_by_its_gain() -> None:
    rng = np.random.default_rng(13)
    baseline = fit_baseline(means(20), with_effects(rng, 40, 20, sd=0.2, memory=0.6))
    assert baseline.autocorrelation[0] > 0.3
    n = np.tile(np.array([[1_000.0], [1_000.0], [50.0], [4_000.0], [0.0], [700.0]]), (1, 20))
    shift = 0.3
    level = baseline.mean + shift * baseline.sigma
    z = baseline.standardised(
        Windows(n=n, total=n * level, total_of_squares=n * (1 + level**2)), np.zeros(6, dtype=np.int64), baseline.mean
    )
    gain = baseline.gain(n)
    known = n[:, 0] > 0
    assert z[known] == pytest.approx(shift * gain[known])
    assert (gain[~known] == 0).all()
    first, second, _, _, _, after_gap = gain[:, 0]
    root = np.sqrt(1_000 / baseline.dispersion(n)[0, 0])
    assert first == pytest.approx(root)
    assert second == pytest.approx(root / np.sqrt(baseline.long_run[0]))
    assert after_gap == pytest.approx(np.sqrt(700 / baseline.dispersion(n)[5, 0]))


def test_what_the_windows_of_a_number_each_know_of_one_another_is_their_spread_around_the_season() -> None:
    """Volume by day: a weekend that halves it is its rhythm, not its uncertainty."""
    rng = np.random.default_rng(14)
    phases = np.arange(42) % 7
    x = (np.array([0, 0, 0, 0, 0, -1.0, -1.0])[phases] + rng.normal(0, 0.05, 42))[:, None]
    windows = Windows(n=np.ones_like(x), total=x, total_of_squares=x**2)
    baseline = fit_baseline(means(1, kind=Kind.WINDOW), windows, phases=phases, n_phases=7)
    assert baseline.sigma[0] == pytest.approx(x.std())
    around = baseline.sigma[0] * np.sqrt(baseline.dispersion(np.ones(1))[0])
    assert around == pytest.approx(0.05 * np.sqrt(1 + 7 / 42), rel=0.3)
    half = Windows(n=np.ones((1, 1)), total=np.array([[-0.7]]), total_of_squares=np.array([[0.49]]))
    assert baseline.standardised(half, np.zeros(1, dtype=np.int64), baseline.mean)[0, 0] < -9


def test_a_column_of_numbers_and_a_share_stand_beside_one_another() -> None:
    rng = np.random.default_rng(15)
    values = rng.normal(size=(30, 500))
    bins = fit_numeric(values.ravel())
    counts = np.stack([np.bincount(bins.assign(row), minlength=bins.size) for row in values])
    subject = distribution_subject("values/x", counts.sum(axis=0), bins, column="x", n_window=500)
    windows = subject.windows(counts)
    baseline = fit_baseline([subject], windows)
    assert baseline.mean[:2] == pytest.approx([0.0, 0.0], abs=1e-9)
    assert baseline.sigma[:2] == pytest.approx([1.0, 1.0])
    assert baseline.mean[2:].sum() == pytest.approx(1.0)
    assert not baseline.is_exact.any()
