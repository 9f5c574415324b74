"""How complete labels are by the age of a record, from what is known so far, and whether groups wait as long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from core.errors import InputError
from core.measure import Interval, Status
from core.stats.intervals import normal_interval, wilson
from core.stats.multiplicity import holm, simultaneous
from core.stats.survival import kaplan_meier, log_rank

__all__ = ["DelayCounts", "DelayGap", "GroupDelay", "LabelCurve", "delay_counts", "delay_gaps", "label_curve"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

LEAST_ROWS = 30  # that must be followed to an age, for the curve to reach it
LEAST_COHORTS = 5  # from which on it is told how much cohorts differ
SETTLED = 0.01  # what the last quarter of ages may add, for labels not to be coming any more
MARGIN = 0.05  # of a share labelled: between groups, less doesn't matter
LEVEL = 0.05
CONVENTION = "Kaplan-Meier by age; 95% interval from Greenwood's variance or, if larger, windows left out in turn"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DelayCounts:
    """By cohort, group and age: records whose first label came at that age, and those waited for until then.

    ``followed``, by group and age: records whose label would have been seen at that age, had it come.
    """

    events: Ints
    at_risk: Ints
    followed: Ints

    @property
    def n(self) -> int:
        """How many records are followed to age 0 at least."""
        return int(self.followed[:, 0].sum())

    def of(self, groups: Ints) -> DelayCounts:
        """Some groups only."""
        return DelayCounts(
            events=self.events[:, groups], at_risk=self.at_risk[:, groups], followed=self.followed[groups]
        )


def delay_counts(delay: Floats, followed: Floats, cohort: Ints, group: Ints, *, shape: tuple[int, int]) -> DelayCounts:
    """Count first labels by the age at which they came.

    An age counts a record only if the record was followed to its end: a label is not seen more often because
    others of its age are not seen yet.

    Parameters
    ----------
    delay : float array of shape (n,)
        Age at the first label in whole or part units; NaN where none has come. Below 0 counts as 0.
    followed : float array of shape (n,)
        Age up to which a label would have been seen; those below 0 are left out.
    cohort, group : int arrays of shape (n,)
        Places below `shape`.
    shape : (int, int)
        Numbers of cohorts and groups.

    Returns
    -------
    DelayCounts
        Arrays of shape (n_cohorts, n_groups, n_ages); age k holds delays in (k - 1, k], age 0 those up to 0.

    Raises
    ------
    InputError
        If no record is followed.

    Examples
    --------
    >>> zero = np.zeros(3, dtype=np.int64)
    >>> counts = delay_counts(np.array([0.5, np.nan, 1.8]), np.array([3.0, 2.0, 1.9]), zero, zero, shape=(1, 1))
    >>> counts.at_risk[0, 0].tolist(), counts.events[0, 0].tolist()
    ([3, 3, 1, 0], [0, 1, 0, 0])
    """
    kept = followed >= 0
    if not kept.any():
        raise InputError("No record is old enough for its label to have been seen.")
    delay, followed, cohort, group = delay[kept], followed[kept], cohort[kept], group[kept]
    end = np.floor(followed).astype(np.int64)
    never = np.iinfo(np.int64).max
    age = np.full(delay.size, never)
    has = np.isfinite(delay)
    age[has] = np.maximum(np.ceil(delay[has]), 0).astype(np.int64)
    seen = age <= end
    cells = (*shape, int(end.max()) + 1)
    events, leaving, ends = (np.zeros(cells, dtype=np.int64) for _ in range(3))
    np.add.at(events, (cohort[seen], group[seen], age[seen]), 1)
    np.add.at(leaving, (cohort, group, np.where(seen, age, end)), 1)
    np.add.at(ends, (cohort, group, end), 1)
    return DelayCounts(events=events, at_risk=_from_end(leaving), followed=_from_end(ends.sum(axis=0)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelCurve:
    """The share of records that have a label, by age; ``low`` and ``high`` are its interval at each age.

    ``n`` records of ``n_cohorts`` windows. ``is_settled``: hardly any label comes any more at the last age.
    """

    share: Floats
    low: Floats
    high: Floats
    n: int
    n_cohorts: int
    is_settled: bool
    convention: str = CONVENTION

    @property
    def last_age(self) -> int:
        """The highest age that the curve reaches."""
        return self.share.size - 1

    def at(self, age: int) -> tuple[float, Interval]:
        """The share labelled at an age; beyond the last age, that of the last."""
        place = min(max(age, 0), self.last_age)
        return float(self.share[place]), Interval(low=float(self.low[place]), high=float(self.high[place]))

    def age_of(self, part: float) -> int | None:
        """The age at which this part of the labels that come is there; None while they are still coming."""
        if not self.is_settled or self.share[-1] <= 0:
            return None
        return int(np.argmax(self.share >= part * self.share[-1] - 1e-12))

    def completeness(self, n_labelled: int, n: int) -> tuple[float, Interval] | None:
        """Which part of the labels that will come is there; None while that isn't known."""
        if not self.is_settled or self.share[-1] <= 0 or not n:
            return None
        seen = n_labelled / n
        low = min(1.0, seen / self.high[-1])
        high = min(1.0, seen / self.low[-1]) if self.low[-1] > 0 else 1.0
        return min(1.0, seen / self.share[-1]), Interval(low=float(low), high=float(high))


def label_curve(counts: DelayCounts) -> LabelCurve:
    """Which share of records has a label by which age, if later ones come as those seen so far did?

    Parameters
    ----------
    counts : DelayCounts
        All groups together.

    Returns
    -------
    LabelCurve
        Up to the highest age to which 30 records are followed. Its interval is made on the scale of
        log(-log) from the larger of Greenwood's variance and that of leaving out one cohort after the other.

    Raises
    ------
    InputError
        If fewer than 30 records are followed.

    References
    ----------
    J. D. Kalbfleisch, R. L. Prentice (1980), The Statistical Analysis of Failure Time Data, for the scale.

    Examples
    --------
    >>> zero = np.zeros(80, dtype=np.int64)
    >>> delay = np.where(np.arange(80) < 60, 2.0, np.nan)
    >>> curve = label_curve(delay_counts(delay, np.full(80, 9.0), zero, zero, shape=(1, 1)))
    >>> share, interval = curve.at(5)
    >>> share, round(interval.low, 3), round(interval.high, 3), curve.age_of(0.95)
    (0.75, 0.652, 0.838, 2)
    """
    events, at_risk = counts.events.sum(axis=1), counts.at_risk.sum(axis=1)
    total_events, total = events.sum(axis=0), at_risk.sum(axis=0)
    if total[0] < LEAST_ROWS:
        raise InputError(f"{LEAST_ROWS} records old enough for a label are needed; there are {total[0]}.")
    end = int(np.flatnonzero(counts.followed.sum(axis=0) >= LEAST_ROWS)[-1]) + 1
    waiting, variance = kaplan_meier(total_events[:end], total[:end])
    there = np.flatnonzero(at_risk[:, 0] > 0)
    if there.size >= LEAST_COHORTS:
        without, _ = kaplan_meier((total_events - events[there])[:, :end], (total - at_risk[there])[:, :end])
        m = there.size
        jackknife = (m - 1) / m * ((without - without.mean(axis=0)) ** 2).sum(axis=0)
        variance = np.maximum(variance, jackknife)
        quantile = float(stdtrit(m - 1, 0.975))
    else:
        quantile = float(ndtri(0.975))
    low, high = _limits(waiting, np.sqrt(variance), quantile, int(total[0]))
    share = 1 - waiting
    return LabelCurve(
        share=share,
        low=1 - high,
        high=1 - low,
        n=int(total[0]),
        n_cohorts=int(there.size),
        is_settled=bool(share[-1] - share[(3 * (end - 1)) // 4] <= SETTLED),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroupDelay:
    """How a group's labels come; ``curve`` is None where fewer than 30 of its records are followed."""

    name: str
    n: int
    curve: LabelCurve | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DelayGap:
    """Whether the labels of an attribute's groups come alike.

    ``gap`` is the widest difference in the share labelled at one ``age``: that of ``widest`` less that of all other
    groups, with an interval that holds for all groups at that age together. ``p_value`` is of the log-rank test within
    windows, after Holm over the attributes. WARNING is a finding; OK says that a gap of 5 points is ruled out.
    """

    attribute: str
    status: Status
    why: str
    groups: tuple[GroupDelay, ...]
    p_value: float | None = None
    df: int = 0
    widest: str = ""
    age: int = 0
    gap: float | None = None
    interval: Interval | None = None


def delay_gaps(counts: Mapping[str, DelayCounts], names: Mapping[str, Sequence[str]]) -> tuple[DelayGap, ...]:
    """In which attributes do the labels of one group come later, or less often, than those of others?

    Parameters
    ----------
    counts : mapping of attribute to DelayCounts
    names : mapping of attribute to its groups' names, in the order of the counts

    Returns
    -------
    tuple of DelayGap
        One an attribute. A finding needs both: p <= 0.05 after Holm, and a gap of 5 points at some age.
    """
    kept = {of: np.flatnonzero(each.followed[:, 0] >= LEAST_ROWS) for of, each in counts.items()}
    told = [of for of in counts if kept[of].size > 1]
    tests = {of: log_rank(counts[of].events[:, kept[of]], counts[of].at_risk[:, kept[of]]) for of in told}
    adjusted = dict(zip(told, holm([tests[of].p_value for of in told]).tolist(), strict=True))
    found = []
    for of, each in counts.items():
        groups = tuple(
            GroupDelay(name=name, n=part.n, curve=label_curve(part) if part.n >= LEAST_ROWS else None)
            for place, name in enumerate(names[of])
            if (part := each.of(np.array([place]))).n
        )
        if of not in tests:
            why = f"Two groups of at least {LEAST_ROWS} records are needed."
            found.append(DelayGap(attribute=of, status=Status.INSUFFICIENT, why=why, groups=groups))
            continue
        place, age, gap, error = _widest(each, kept[of])
        confidence = simultaneous(0.95, kept[of].size if kept[of].size > 2 else 1)
        interval = normal_interval(gap, error, confidence=confidence, low=-1.0, high=1.0)
        p_value = adjusted[of]
        if p_value <= LEVEL and abs(gap) >= MARGIN:
            status, why = Status.WARNING, "Delay differs by group: error rates of young windows are of other people."
        elif max(abs(interval.low), abs(interval.high)) < MARGIN:
            status, why = Status.OK, "A gap of 5 points or more is ruled out."
        else:
            status, why = Status.INSUFFICIENT, "No difference is shown, nor is one of 5 points ruled out."
        found.append(
            DelayGap(
                attribute=of,
                status=status,
                why=why,
                groups=groups,
                p_value=p_value,
                df=tests[of].df,
                widest=names[of][place],
                age=age,
                gap=gap,
                interval=interval,
            )
        )
    return tuple(found)


def _widest(counts: DelayCounts, kept: Ints) -> tuple[int, int, float, float]:
    """Group, age, gap to all other groups, and its standard error, where that gap is widest."""
    best = (int(kept[0]), 0, 0.0, 0.0)
    for place in kept:
        sides = [counts.of(np.array([place])), counts.of(kept[kept != place])]
        followed = np.minimum(*(side.followed.sum(axis=0) for side in sides))
        end = int(np.flatnonzero(followed >= LEAST_ROWS)[-1]) + 1
        (own, own_variance), (others, variance) = (
            kaplan_meier(side.events.sum(axis=(0, 1))[:end], side.at_risk.sum(axis=(0, 1))[:end]) for side in sides
        )
        gaps = others - own
        age = int(np.argmax(np.abs(gaps)))
        if abs(gaps[age]) > abs(best[2]):
            best = (int(place), age, float(gaps[age]), float(np.sqrt(own_variance[age] + variance[age])))
    return best


def _from_end(counts: Ints) -> Ints:
    """How many leave at each age or later."""
    return np.flip(np.cumsum(np.flip(counts, axis=-1), axis=-1), axis=-1)


def _limits(waiting: Floats, error: Floats, quantile: float, n: int) -> tuple[Floats, Floats]:
    """The interval of a share still waited for, at each age."""
    none, every = wilson(0, n), wilson(n, n)
    low, high = np.full(waiting.shape, none.low), np.full(waiting.shape, none.high)
    low[waiting >= 1], high[waiting >= 1] = every.low, every.high
    inside = (waiting > 0) & (waiting < 1)
    share = waiting[inside]
    half = quantile * error[inside] / (share * np.abs(np.log(share)))
    low[inside], high[inside] = share ** np.exp(half), share ** np.exp(-half)
    return low, high
