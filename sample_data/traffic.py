"""When requests come: how many a day, at what time, and under which id."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["Requests", "draw_daily_counts", "draw_requests", "instant", "week_names"]

Ints = NDArray[np.int64]

WEEKDAYS = (1.13, 1.14, 1.12, 1.10, 1.06, 0.78, 0.67)  # Monday first
HOURS = (0.0, 6.0, 9.0, 12.0, 14.0, 18.0, 21.0, 24.0)
SHARES_BY_HOURS = (0.0, 0.03, 0.18, 0.42, 0.56, 0.81, 0.94, 1.0)
DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Requests:
    """One request a row, in order of time: its day counted from the first, its instant and its id."""

    day: Ints
    at: pd.DatetimeIndex
    ids: list[str]
    is_extra: NDArray[np.bool_]


def draw_daily_counts(rng: np.random.Generator, *, n_days: int, per_day: float) -> Ints:
    """How many requests come on each day, the first a Monday: a rhythm of the week, and some noise."""
    noise = 1 + 0.08 * (rng.random(n_days) + rng.random(n_days) - 1)
    rhythm = np.resize(WEEKDAYS, n_days)
    return np.round(per_day * rhythm * noise).astype(np.int64)


def draw_requests(
    rng: np.random.Generator, *, first: date, counts: Ints, prefix: str, extra: Ints | None = None
) -> Requests:
    """Requests spread over the hours of their days.

    Parameters
    ----------
    rng : numpy Generator
    first : date
        The first day, in UTC.
    counts : int array of shape (n_days,)
        Requests a day.
    prefix : str
        What ids begin with; the day and a number within it follow.
    extra : int array of shape (n_days,) or None
        Further requests a day; `Requests.is_extra` marks them.
    """
    extra = np.zeros_like(counts) if extra is None else extra
    days = np.arange(counts.size)
    day = np.concatenate([np.repeat(days, counts), np.repeat(days, extra)])
    is_extra = np.arange(day.size) >= counts.sum()
    seconds = np.floor(np.interp(rng.random(day.size), SHARES_BY_HOURS, HOURS) * 3600).astype(np.int64)
    order = np.lexsort((seconds, day))
    day, seconds, is_extra = day[order], seconds[order], is_extra[order]
    number = np.arange(day.size) - np.searchsorted(day, day) + 1
    stems = [f"{prefix}-{first + timedelta(days=int(d)):%y%m%d}" for d in days]
    ids = [f"{stems[d]}-{k:04d}" for d, k in zip(day.tolist(), number.tolist(), strict=True)]
    at = pd.DatetimeIndex(((instant(first) + day * DAY_SECONDS + seconds) * 1_000_000).view("datetime64[us]"), tz="UTC")
    return Requests(day=day, at=at, ids=ids, is_extra=is_extra)


def instant(day: date) -> int:
    """Seconds from 1970 to the beginning of a day in UTC."""
    return (day - date(1970, 1, 1)).days * DAY_SECONDS


def week_names(at: pd.Series) -> pd.Series:
    """The ISO week of each instant, such as '2026-W14'."""
    calendar = at.dt.isocalendar()
    return calendar["year"].astype(str) + "-W" + calendar["week"].astype(str).str.zfill(2)
