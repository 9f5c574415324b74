"""Which records a model may learn from, and which are left out for what reason."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.actions.retrain.split import EPOCH, MISSING, instants, times_of
from core.errors import InputError
from core.record import ID, LABEL, LABEL_TIME, SHADOW, TIMESTAMP, VARIANT

__all__ = ["BATCH", "Eligible", "ExcludedWindow", "Exclusion", "Rule", "eligible"]

Mask = NDArray[np.bool_]

BATCH = "@batch"  # the id of the batch a record came in with; a stored record has none of its own


class Rule(StrEnum):
    """Why a record isn't learnt from."""

    BATCH = "batch"
    SHADOW = "shadow"
    NO_TIME = "no_time"
    WINDOW = "window"
    IMMATURE = "immature"
    UNLABELLED = "unlabelled"
    REPEATED = "repeated"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcludedWindow:
    """Records from `start_at` until before `end_at` that a person said nothing may be learnt from, and why."""

    start_at: datetime
    end_at: datetime
    reason: str

    def __post_init__(self) -> None:
        if self.start_at.tzinfo is None or self.end_at.tzinfo is None:
            raise InputError("An excluded window needs times with a zone.")
        if not self.start_at < self.end_at:
            raise InputError(f"An excluded window must end after it starts, not {self.start_at} to {self.end_at}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """A rule that was asked, what it says in words, and how many rows it left out; `n` may be 0."""

    rule: Rule
    reason: str
    n: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Eligible:
    """The rows to learn from, as they came in, and what was left out. Each row left out is counted once."""

    rows: pd.DataFrame
    exclusions: tuple[Exclusion, ...]
    n_given: int

    @property
    def n(self) -> int:
        """How many rows may be learnt from."""
        return len(self.rows)

    def to_dict(self) -> dict[str, object]:
        """The JSON-ready form, without the rows."""
        exclusions = [{"rule": str(item.rule), "reason": item.reason, "n": item.n} for item in self.exclusions]
        return {"n_given": self.n_given, "n": self.n, "exclusions": exclusions}


def eligible(
    frame: pd.DataFrame,
    *,
    now: datetime,
    maturity_days: float,
    retracted: Collection[int] = (),
    windows: Sequence[ExcludedWindow] = (),
) -> Eligible:
    """The records a model may learn from.

    A row that several rules leave out counts for the first, in the order of `Rule`. A row younger than
    `maturity_days` is left out even if it has a label: labels that come early are not like those that
    come late. A label that was known only after `now` doesn't count. Rows without any time in the whole
    frame count as mature, as windows of N rows do.

    Parameters
    ----------
    frame : DataFrame
        Stored records, with BATCH if `retracted` is given.
    now : datetime
        The instant as of which is asked, with a zone.
    maturity_days : float
        How old a record must be for its label to be in.
    retracted : collection of int
        Ids of batches that were retracted or put in quarantine.
    windows : sequence of ExcludedWindow
        Stretches of time that a person excluded, such as an incident.

    Raises
    ------
    InputError
        If a column or a zone that a rule needs is absent.

    Examples
    --------
    >>> frame = pd.DataFrame({"@id": ["a", "b", "c"], "@label": ["1", None, "0"],
    ...     "@timestamp": pd.to_datetime(["2026-01-01", "2026-01-01", "2026-02-27"], utc=True)})
    >>> found = eligible(frame, now=datetime(2026, 3, 1, tzinfo=UTC), maturity_days=30)
    >>> list(found.rows["@id"]), [(item.reason, item.n) for item in found.exclusions if item.n]
    (['a'], [('younger than 30 days', 1), ('no label', 1)])
    """
    if now.tzinfo is None:
        raise InputError("now needs a zone.")
    if maturity_days < 0:
        raise InputError(f"maturity_days can't be negative, got {maturity_days:g}.")
    for column in (ID, LABEL, *([BATCH] if retracted else [])):
        if column not in frame.columns:
            raise InputError(f"The records have no column {column}.")
    kept = np.ones(len(frame), dtype=bool)
    exclusions = []
    rules = _rules(frame, now=now, maturity_days=maturity_days, retracted=retracted, windows=windows)
    for rule, reason, hit in rules:
        exclusions.append(Exclusion(rule=rule, reason=reason, n=int((kept & hit).sum())))
        kept &= ~hit
    repeated = frame[ID].where(kept).duplicated().to_numpy() & kept
    exclusions.append(Exclusion(rule=Rule.REPEATED, reason="prediction id seen before", n=int(repeated.sum())))
    kept &= ~repeated
    return Eligible(rows=frame.loc[kept], exclusions=tuple(exclusions), n_given=len(frame))


def _rules(
    frame: pd.DataFrame,
    *,
    now: datetime,
    maturity_days: float,
    retracted: Collection[int],
    windows: Sequence[ExcludedWindow],
) -> Iterator[tuple[Rule, str, Mask]]:
    """Each rule in order, in words, and the rows it hits."""
    nowhere = np.zeros(len(frame), dtype=bool)
    if retracted:
        batches = frame[BATCH]
        for batch in sorted(retracted):
            yield Rule.BATCH, f"batch {batch} was retracted or quarantined", (batches == batch).to_numpy(dtype=bool)
    if VARIANT in frame.columns:
        yield Rule.SHADOW, "shadow traffic", (frame[VARIANT] == SHADOW).fillna(False).to_numpy(dtype=bool)
    times = times_of(frame)
    if times is None:
        if windows:
            raise InputError(f"Excluding a window of time needs a {TIMESTAMP} on each record.")
        yield Rule.IMMATURE, "age unknown, taken as mature", nowhere
    else:
        yield Rule.NO_TIME, "no time", times == MISSING
        for window in windows:
            inside = (times >= _microseconds(window.start_at)) & (times < _microseconds(window.end_at))
            span = f"{_shown(window.start_at)} to {_shown(window.end_at)}"
            yield Rule.WINDOW, f"window {span} excluded: {window.reason}", inside
        youngest = _microseconds(now - timedelta(days=maturity_days))
        yield Rule.IMMATURE, f"younger than {maturity_days:g} days", times > youngest
    unlabelled = frame[LABEL].isna().to_numpy(dtype=bool)
    known_at = instants(frame, LABEL_TIME)
    if known_at is not None:
        unlabelled = unlabelled | (known_at > _microseconds(now))  # MISSING is before everything
    yield Rule.UNLABELLED, "no label", unlabelled


def _microseconds(instant: datetime) -> int:
    return (instant - EPOCH) // timedelta(microseconds=1)


def _shown(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
