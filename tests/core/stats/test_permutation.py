"""The permutation test of the largest gap: exact where it can be enumerated, of the right size elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import fisher_exact

from core.stats.permutation import max_gap_p_value


@pytest.mark.parametrize(("k", "n"), [((3, 9), (10, 10)), ((2, 20), (15, 60)), ((0, 4), (8, 9))])
def test_two_groups_of_any_size_give_the_enumerated_probability(k: tuple[int, int], n: tuple[int, int]) -> None:
    from scipy.stats import hypergeom

    law = hypergeom(sum(n), sum(k), n[0])
    first = np.arange(max(0, sum(k) - n[1]), min(n[0], sum(k)) + 1)
    gaps = np.abs(first / n[0] - (sum(k) - first) / n[1])
    exact = law.pmf(first)[gaps >= abs(k[0] / n[0] - k[1] / n[1]) - 1e-12].sum()
    p_value = max_gap_p_value(np.array(k), np.array(n), rng=np.random.default_rng(1), n_permutations=20_000)
    assert p_value == pytest.approx(exact, abs=0.008)
    if n[0] == n[1]:
        assert exact == pytest.approx(fisher_exact([[k[0], n[0] - k[0]], [k[1], n[1] - k[1]]]).pvalue)


def test_groups_that_are_alike_are_rejected_as_often_as_said() -> None:
    """A bootstrap of the maximum rejects these always; sizes as uneven as in real logs."""
    rng = np.random.default_rng(8)
    n = np.array([200, 50, 20, 10])
    p_values = [max_gap_p_value(rng.binomial(n, 0.3), n, rng=rng, n_permutations=199) for _ in range(800)]
    assert np.mean(np.array(p_values) <= 0.05) == pytest.approx(0.05, abs=0.02)


def test_empty_groups_take_no_part_and_two_must_be_left() -> None:
    rng = np.random.default_rng
    with_empty = max_gap_p_value(np.array([3, 0, 9]), np.array([10, 0, 10]), rng=rng(2))
    assert with_empty == max_gap_p_value(np.array([3, 9]), np.array([10, 10]), rng=rng(2))
    with pytest.raises(ValueError, match="two groups"):
        max_gap_p_value(np.array([3, 0]), np.array([10, 0]), rng=rng(2))
