"""Records in the order of time, cut into those to learn from, to calibrate on and to hold out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.actions.retrain.recipe import Recipe
from core.errors import InputError
from core.record import ID, TIMESTAMP

__all__ = ["Part", "Split", "in_order", "split", "times_of"]

Ints = NDArray[np.int64]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PER_DAY = 86_400_000_000
MISSING = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Some consecutive rows: the places `start` <= i < `stop`, and the times of the first and last of them."""

    start: int
    stop: int
    first_at: datetime | None = None
    last_at: datetime | None = None

    @property
    def n(self) -> int:
        """How many rows."""
        return self.stop - self.start

    @property
    def rows(self) -> slice:
        """The rows' places."""
        return slice(self.start, self.stop)

    def to_dict(self) -> dict[str, object]:
        """The JSON-ready form."""
        return {
            "n": self.n,
            "first_at": self.first_at.isoformat() if self.first_at else None,
            "last_at": self.last_at.isoformat() if self.last_at else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """What is learnt from, then what calibrates, then what is held out: each wholly before the next."""

    train: Part
    calibration: Part
    held_out: Part


def times_of(frame: pd.DataFrame) -> Ints | None:
    """Event times in microseconds since 1970 (UTC), MISSING where absent; None if no row has one.

    Examples
    --------
    >>> times_of(pd.DataFrame({"@timestamp": ["1970-01-01T00:00:01Z", "1970-01-02T00:00:00Z"]}))
    array([    1000000, 86400000000])
    """
    return instants(frame, TIMESTAMP)


def instants(frame: pd.DataFrame, column: str) -> Ints | None:
    """A column of times in microseconds since 1970 (UTC), MISSING where absent; None if no row has one."""
    if column not in frame.columns or frame[column].isna().all():
        return None
    try:
        times = pd.to_datetime(frame[column], utc=True).dt.as_unit("us")
    except (ValueError, TypeError) as error:
        raise InputError(f"{column}: holds something that is no time: {error}") from error
    return times.dt.tz_localize(None).to_numpy(dtype="datetime64[us]").astype(np.int64)


def in_order(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows by time, ties by prediction id, so that the order they came in doesn't matter.

    Without times the rows stay in the order they came in.

    Raises
    ------
    InputError
        If some rows have a time and others don't.
    """
    times = times_of(frame)
    if times is None:
        return frame
    n_missing = int((times == MISSING).sum())
    if n_missing:
        raise InputError(f"{n_missing:,} of {times.size:,} rows have no {TIMESTAMP}; leave them out.")
    order = np.lexsort((frame[ID].to_numpy(dtype=object).astype(str), times))
    return frame.iloc[order]


def split(times: Ints | None, recipe: Recipe, *, n_rows: int) -> Split:
    """Cut rows that are in the order of time; rows of the same instant are never parted.

    Parameters
    ----------
    times : array of int64, shape (n_rows,), or None
        Microseconds since 1970, ascending. None: rows are cut by their place.
    n_rows : int

    Raises
    ------
    InputError
        If days are to be held out and rows have no times.

    Examples
    --------
    >>> recipe = Recipe.from_dict({"estimator": "linear", "calibration": "sigmoid"})
    >>> parts = split(None, recipe, n_rows=100)
    >>> parts.train.n, parts.calibration.n, parts.held_out.n
    (64, 16, 20)
    """
    if recipe.holdout.days is not None:
        if times is None:
            raise InputError(
                f"holdout.days needs a {TIMESTAMP} on each record; use holdout.share, which goes by the rows' order."
            )
        start = 0
        if n_rows:
            start = int(np.searchsorted(times, times[-1] - round(recipe.holdout.days * PER_DAY), side="right"))
    else:
        start = _start_of_last(times, n_rows, recipe.holdout.share or 0.0)
    middle = start
    if recipe.keeps_aside:
        middle = _start_of_last(times, start, recipe.calibration_share)
    return Split(
        train=_part(times, 0, middle), calibration=_part(times, middle, start), held_out=_part(times, start, n_rows)
    )


def _start_of_last(times: Ints | None, n: int, share: float) -> int:
    """Where the last `share` of the first `n` rows begins, moved forward to the first row of its instant."""
    start = n - int(np.ceil(share * n))
    if times is None or start >= n:
        return start
    return int(np.searchsorted(times[:n], times[start], side="left"))


def _part(times: Ints | None, start: int, stop: int) -> Part:
    if times is None or start == stop:
        return Part(start=start, stop=stop)
    first, last = (EPOCH + timedelta(microseconds=int(times[place])) for place in (start, stop - 1))
    return Part(start=start, stop=stop, first_at=first, last_at=last)
