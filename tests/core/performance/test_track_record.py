"""Estimates that hold as often as they say are seldom taken back, others soon, and they come back when they hold."""

from __future__ import annotations

import numpy as np
import pytest

from core.performance.track_record import failures


def test_while_estimates_miss_as_often_as_allowed_at_most_one_failure_in_200_windows_begins() -> None:
    """400 records of 500 windows, each missed with a chance of 8%: the bound is 2.5 failures a record."""
    rng = np.random.default_rng(1)
    begun = [len(failures((rng.random(500) >= 0.08).tolist())) for _ in range(400)]
    assert np.mean(begun) <= 2.5
    nominal = [len(failures((rng.random(500) >= 0.05).tolist())) for _ in range(400)]
    assert np.mean(nominal) < np.mean(begun)


@pytest.mark.parametrize("n_before", [0, 1, 50])
def test_three_misses_in_a_row_tell_and_the_first_of_them_dates_it(n_before: int) -> None:
    [found] = failures([*[True] * n_before, False, False, False])
    assert (found.since, found.known, found.until) == (n_before, n_before + 2, None)
    assert (found.n_missed, found.n) == (3, 3)


def test_a_failure_passes_after_nine_estimates_that_hold_however_long_it_was() -> None:
    [found] = failures([*[False] * 40, *[True] * 9])
    assert (found.since, found.until) == (0, 49)
    [lasting] = failures([*[False] * 40, *[True] * 8])
    assert lasting.until is None


def test_windows_that_cannot_be_checked_change_nothing() -> None:
    gaps = [None, False, None, None, False, False, None]
    [found] = failures(gaps)
    assert (found.since, found.known, found.n) == (1, 5, 3)
    assert failures([None] * 30) == failures([]) == ()


def test_a_record_that_fails_twice_says_so_twice() -> None:
    first, second = failures([*[False] * 3, *[True] * 12, *[False] * 3])
    assert (first.since, first.until, second.since) == (0, 12, 15)
