"""A shift held against a margin: errors at the margin itself, and the rows that prove stability."""

from __future__ import annotations

import numpy as np
import pytest

from core.stats.effects import rows_to_prove, shift_test


def drawn(rng, n, m, w, *, n_bins=10, repetitions=4_000, dispersion=1.0):
    """Windows and references whose shares lie `w` apart, their shares scattered between windows if asked."""
    p = np.full(n_bins, 1 / n_bins)
    direction = np.resize([1.0, -1.0], n_bins)
    q = p + w * direction / np.sqrt((direction**2 / p).sum())

    def sides(rows, shares):
        if dispersion == 1:
            return rng.multinomial(rows, shares, repetitions)
        rho = (dispersion - 1) / (rows - 1)
        scattered = rng.dirichlet(shares * (1 - rho) / rho, repetitions)
        return np.stack([rng.multinomial(rows, each) for each in scattered])

    return sides(m, p), sides(n, q)


@pytest.mark.parametrize(("n", "m"), [(100, 100), (1_000, 1_000), (1_000, 200), (100_000, 5_000), (1_000_000, 10**7)])
def test_at_the_margin_both_claims_err_in_5_of_100_windows_whatever_the_sizes(n, m):
    reference, current = drawn(np.random.default_rng(n + m), n, m, 0.1)
    test = shift_test(reference, current, margin=0.1)
    assert (test.p_larger < 0.05).mean() == pytest.approx(0.05, abs=0.011)
    assert (test.p_smaller < 0.05).mean() == pytest.approx(0.05, abs=0.011)


def test_dispersion_that_is_allowed_for_keeps_the_errors_and_ignored_breaks_them():
    reference, current = drawn(np.random.default_rng(8), 2_000, 20_000, 0.1, dispersion=3.0, repetitions=1_500)
    allowed, ignored = (shift_test(reference, current, margin=0.1, dispersion=phi) for phi in (3.0, 1.0))
    assert (allowed.p_larger < 0.05).mean() == pytest.approx(0.05, abs=0.02)
    assert (allowed.p_smaller < 0.05).mean() == pytest.approx(0.05, abs=0.02)
    assert (ignored.p_larger < 0.05).mean() > 0.15


@pytest.mark.parametrize(("df", "m"), [(1, 50_000), (9, 5_000)])
def test_as_many_rows_as_are_said_to_be_needed_prove_stability_in_80_of_100_windows(df, m):
    n = rows_to_prove(df, margin=0.1, n_reference=m)
    reference, current = drawn(np.random.default_rng(df), n, m, 0.0, n_bins=df + 1)
    proven = shift_test(reference, current, margin=0.1).p_smaller < 0.05
    assert proven.mean() == pytest.approx(0.8, abs=0.03)


def test_a_small_reference_can_never_prove_stability():
    assert rows_to_prove(9, margin=0.1, n_reference=1_000) is None


def test_windows_are_tested_together_as_alone_and_unused_bins_change_nothing():
    rng = np.random.default_rng(3)
    reference, current = rng.integers(1, 90, (4, 6)), rng.integers(0, 90, (4, 6))
    together = shift_test(reference, current, margin=0.2)
    for place in range(4):
        longer = [np.append(side[place], [0, 0]) for side in (reference, current)]
        alone = shift_test(*longer, margin=0.2)
        assert float(alone.p_larger) == pytest.approx(together.p_larger[place])
        assert float(alone.p_any) == pytest.approx(together.p_any[place])


@pytest.mark.parametrize("options", [{"margin": 0.0}, {"margin": 0.1, "dispersion": 0.9}])
def test_margins_and_dispersions_that_mean_nothing_are_refused(options):
    with pytest.raises(ValueError, match=r"above 0|at least 1"):
        shift_test(np.array([5, 5]), np.array([5, 5]), **options)
