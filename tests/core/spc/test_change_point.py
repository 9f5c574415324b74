"""Since when: false changes are rare, true ones are found, and the interval covers them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from core.errors import InputError
from core.spc.change_point import last_shift, level_changes


def best_by_trying_all(z: np.ndarray, penalty: float) -> tuple[int, ...]:
    """The changes of the greatest penalised likelihood, among all sets of them."""
    n, best, found = z.size, -np.inf, ()
    for number in range(n // 2):
        for places in itertools.combinations(range(2, n - 1), number):
            edges = [0, *places, n]
            lengths = np.diff(edges)
            if (lengths < 2).any():
                continue
            gain = sum(z[a:b].sum() ** 2 / (2 * (b - a)) for a, b in itertools.pairwise(edges)) - penalty * number
            if gain > best + 1e-12:
                best, found = gain, places
    return found


def test_the_partition_is_the_best_of_all_partitions() -> None:
    rng = np.random.default_rng(1)
    for _ in range(30):
        z = rng.normal(size=11) + np.repeat(rng.normal(0, 2.5, size=3), [4, 3, 4])
        assert level_changes(z, penalty=3.0) == best_by_trying_all(z, 3.0)


@pytest.mark.parametrize("n", [14, 38])
def test_series_without_a_change_seldom_show_one(n: int) -> None:
    rng = np.random.default_rng(n)
    assert sum(bool(level_changes(rng.normal(size=n))) for _ in range(500)) <= 10


@pytest.mark.parametrize(("n", "at", "shift"), [(38, 30, 2.0), (38, 30, -3.0), (60, 40, 1.0), (90, 84, 2.0)])
def test_the_interval_covers_the_true_change_in_nine_of_ten_series(n: int, at: int, shift: float) -> None:
    rng = np.random.default_rng(n + at)
    found = covered = 0
    for _ in range(400):
        z = rng.normal(size=n)
        z[at:] += shift
        shown = last_shift(z)
        if shown is not None:
            found += 1
            covered += shown.earliest <= at <= shown.latest
            assert shown.earliest <= shown.first <= shown.latest
            assert (shown.shift > 0) == (shift > 0)
    assert found >= 240
    assert covered / found >= 0.9


def test_what_led_back_to_the_centre_is_no_shift_now() -> None:
    rng = np.random.default_rng(3)
    z = rng.normal(size=40)
    z[15:22] += 5.0
    assert level_changes(z) == (15, 22)
    assert last_shift(z) is None
    assert last_shift(z[:20]).first == 15


def test_gaps_are_passed_over_and_a_single_outlier_is_no_level() -> None:
    z = np.array([0.1, -0.2, np.nan, 0.3, 0.0, 5.0, np.nan, 5.2, 4.9])
    shown = last_shift(z)
    assert (shown.first, shown.last) == (5, 8)
    assert last_shift([0.1, -0.2, 0.3, 0.0, 0.2, -0.1, 4.5]) is None
    for few in ([], [1.0], [np.nan, 2.0, 3.0]):
        assert last_shift(few) is None
    for call in (last_shift, level_changes):
        with pytest.raises(InputError, match="one series"):
            call(np.zeros((2, 5)))
