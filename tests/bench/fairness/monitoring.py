"""Fifteen years of groups that are treated alike, and groups that fall behind: what alarms, and how soon."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.alarms.monitors import Windows, gap_subject
from core.alarms.policy import AlarmPolicy
from core.alarms.watch import Light, Watch, arm

__all__ = ["DAYS", "SIZES", "Delay", "Quiet", "delay_rows", "quiet_rows"]

Ints = NDArray[np.int64]

SIZES = (200, 100, 50, 30, 20, 10)  # rows a day
RATES = (0.1, 0.3, 0.5)
DAYS = 365
N_REFERENCE = 30  # days
N_YEARS = 15
N_DELAYS = 20
N_CLAIMED = 100  # runs of the case that is claimed: 100 rows a day
MOST_DAYS = 365
RATIO = 0.6
FOUR_FIFTHS = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """Years of parity at one rate: alarms of the watch, and days a year on which the bare rule is broken."""

    rate: float
    years: int
    events: int
    n_armed: float
    four_fifths_days: float
    four_fifths_months: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """Days until a group whose ratio falls to .6 is named: median, and the day within which nine of ten are."""

    rate: float
    n: int
    least_ratio: float
    median: float
    ninth: float
    armed: float
    n_runs: int


def counted(k: Ints) -> Windows:
    """Every group beside all others, from selections of shape (n_days, n_groups)."""
    n = np.broadcast_to(np.array(SIZES), k.shape)
    sides = []
    for each in (k, n):
        total = each.sum(axis=1, keepdims=True)
        sides.append(np.stack([each, total - each], axis=2).reshape(len(each), -1).astype(np.float64))
    return Windows(n=sides[1], total=sides[0], total_of_squares=sides[0])


def drawn(rng: np.random.Generator, rates: tuple[float, ...], n_days: int) -> Ints:
    """Selections of each group on each day."""
    return rng.binomial(SIZES, rates, (n_days, len(SIZES)))


def armed(rng: np.random.Generator, rate: float, policy: AlarmPolicy) -> Watch:
    """A watch on a month in which all groups are treated alike, as the product arms it."""
    subjects = [gap_subject(f"selection_rate/group={n}", name=str(n), is_worse_below=True) for n in SIZES]
    return arm(
        subjects,
        counted(drawn(rng, (rate,) * len(SIZES), N_REFERENCE)),
        margins=[policy.gap_margin(subject.key) for subject in subjects],
        allowances={light: policy.allowance(DAYS, changed=light is Light.CHANGED) for light in Light},
        horizon=30,
    )


def quiet(rate: float, rng: np.random.Generator, *, n_years: int = N_YEARS) -> Quiet:
    """Years of parity, each on a reference of its own."""
    events, n_armed, days, months = 0, [], [], []
    for _ in range(n_years):
        watch = armed(rng, rate, AlarmPolicy())
        k = drawn(rng, (rate,) * len(SIZES), DAYS)
        events += len(watch.run(counted(k), np.zeros(DAYS, dtype=np.int64), Light.MATERIAL).events)
        n_armed.append(sum(watch.is_armed))
        days.append(_broken(k, np.array(SIZES)).sum())
        in_months = k[: DAYS // 30 * 30].reshape(-1, 30, len(SIZES)).sum(axis=1)
        months.append(_broken(in_months, 30 * np.array(SIZES)).mean())
    return Quiet(
        rate=rate,
        years=n_years,
        events=events,
        n_armed=float(np.mean(n_armed)),
        four_fifths_days=float(np.mean(days)),
        four_fifths_months=float(np.mean(months)),
    )


def _broken(k: Ints, n: Ints) -> NDArray[np.bool_]:
    """Where the lowest rate is below four fifths of the highest."""
    shares = k / n
    found: NDArray[np.bool_] = shares.min(axis=1) < FOUR_FIFTHS * shares.max(axis=1)
    return found


def delay(rate: float, group: int, least_ratio: float, rng: np.random.Generator, *, n_runs: int) -> Delay:
    """Days until one group is named, from the day on which its rate falls to .6 of what it was."""
    policy = AlarmPolicy(least_ratio=least_ratio)
    found, is_armed = [], []
    for _ in range(n_runs):
        watch = armed(rng, rate, policy)
        is_armed.append(watch.is_armed[group])
        rates = tuple(rate * (RATIO if place == group else 1.0) for place in range(len(SIZES)))
        seen = watch.run(counted(drawn(rng, rates, MOST_DAYS)), np.zeros(MOST_DAYS, dtype=np.int64), Light.MATERIAL)
        found.append(next((i.opened + 1.0 for i in seen.incidents if i.subject == group), np.inf))
    median, ninth = np.quantile(found, [0.5, 0.9], method="inverted_cdf")
    return Delay(
        rate=rate,
        n=SIZES[group],
        least_ratio=least_ratio,
        median=float(median),
        ninth=float(ninth),
        armed=float(np.mean(is_armed)),
        n_runs=len(found),
    )


def quiet_rows(seed: int) -> list[Quiet]:
    """Every rate, `N_YEARS` years each."""
    return [quiet(rate, np.random.default_rng([seed, place])) for place, rate in enumerate(RATES)]


def delay_rows(seed: int, *, share: float = 1.0) -> list[Delay]:
    """Every rate and group at the default margin, and a group of 100 a day at that of the four-fifths rule."""
    default = AlarmPolicy().least_ratio
    cases = [(rate, group, default) for rate in RATES for group in range(len(SIZES))]
    rows = []
    for place, (rate, group, least_ratio) in enumerate([*cases, *((rate, 1, FOUR_FIFTHS) for rate in RATES)]):
        n_runs = max(1, round(share * (N_CLAIMED if SIZES[group] == 100 else N_DELAYS)))
        rows.append(delay(rate, group, least_ratio, np.random.default_rng([seed, place]), n_runs=n_runs))
    return rows
