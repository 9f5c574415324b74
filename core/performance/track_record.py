"""What past estimates were worth: how many held, and from when on they failed too often to go on with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Failure", "failures"]

MISSES = 0.08  # of intervals of 95%, at most: what they are found to do
MISSES_ONCE_BROKEN = 0.5
WINDOWS_A_FALSE_FAILURE = 200
MISS = math.log(MISSES_ONCE_BROKEN / MISSES)
HELD = math.log((1 - MISSES_ONCE_BROKEN) / (1 - MISSES))
LIMIT = math.log(WINDOWS_A_FALSE_FAILURE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A stretch of windows in which estimates failed, by place: its first, the one that told, the first after it.

    `until` is None while it lasts. Of the `n` windows checked from `since` to `known`, `n_missed` were missed.
    """

    since: int
    known: int
    until: int | None
    n_missed: int
    n: int


def failures(held: Sequence[bool | None]) -> tuple[Failure, ...]:
    """When did estimates miss the truth more often than their intervals allow?

    Parameters
    ----------
    held : sequence of bool or None
        Window by window, whether the interval held what the labels showed; None where that isn't known.

    Returns
    -------
    tuple of Failure
        In order. By a cumulative sum of the log-likelihood ratio of misses of 50% over 8%, which fails at 200, at
        three misses in a row: at most once in 200 windows in expectation while each is missed with a chance of at
        most 8%, whatever came before. It has passed when the sum, cut to its limit, is back at 0, after nine that
        held.

    References
    ----------
    E. S. Page (1954), doi:10.1093/biomet/41.1-2.100; J. Shin, A. Ramdas, A. Rinaldo (2024),
    doi:10.51387/23-NEJSDS51 (what bounds false alarms).

    Examples
    --------
    >>> failures([True, True, False, False, False, True])
    (Failure(since=2, known=4, until=None, n_missed=3, n=3),)
    """
    found: list[Failure] = []
    open_since: Failure | None = None
    total, since, n, n_missed = 0.0, None, 0, 0
    for place, one in enumerate(held):
        if one is None:
            continue
        if since is None and not one:
            since, n, n_missed = place, 0, 0
        n, n_missed = n + 1, n_missed + (not one)
        total = min(LIMIT, max(0.0, total + (HELD if one else MISS)))
        if open_since is None and since is not None and total >= LIMIT:
            open_since = Failure(since=since, known=place, until=None, n_missed=n_missed, n=n)
        elif total == 0.0:
            if open_since is not None:
                found.append(_until(open_since, place + 1))
            open_since, since = None, None
    return (*found, open_since) if open_since is not None else tuple(found)


def _until(failure: Failure, place: int) -> Failure:
    return Failure(since=failure.since, known=failure.known, until=place, n_missed=failure.n_missed, n=failure.n)
