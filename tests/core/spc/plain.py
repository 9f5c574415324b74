"""Charts and rules point by point, as a textbook says them: what the arrays are held against, and their speed too."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from core.spc.rules import Rule

__all__ = ["cusum", "ewma", "individuals", "signals"]

ON = 1 + 1e-9  # a point this close to a line lies on it


def individuals(x: Sequence[float]) -> tuple[float, float, list[float]]:
    """Mean, sigma by moving ranges, and scores; NaN is a gap."""
    told = [value for value in x if not math.isnan(value)]
    centre = sum(told) / len(told)
    ranges = [abs(b - a) for a, b in pairwise(x) if not math.isnan(a + b)]
    sigma = sum(ranges) / len(ranges) / 1.128
    return centre, sigma, [(value - centre) / sigma for value in x]


def ewma(z: Sequence[float], smoothing: float) -> list[float]:
    """The average of scores at each point."""
    average, found = 0.0, []
    for score in z:
        if math.isnan(score):
            found.append(math.nan)
            continue
        average = smoothing * score + (1 - smoothing) * average
        found.append(average)
    return found


def cusum(z: Sequence[float], allowance: float, headstart: float = 0.0) -> list[tuple[float, float]]:
    """The sums upwards and downwards at each point."""
    high = low = headstart
    found = []
    for score in z:
        if math.isnan(score):
            found.append((math.nan, math.nan))
            continue
        high, low = max(0.0, high + score - allowance), max(0.0, low - score - allowance)
        found.append((high, low))
    return found


def signals(z: Sequence[float], rule: Rule) -> list[bool]:
    """Whether the rule signals at each point, looked at with all points since the last gap."""
    found, since = [], []
    for score in z:
        if math.isnan(score):
            since = []
            found.append(False)
            continue
        since.append(score)
        found.append(_signals(since, rule))
    return found


def _signals(z: Sequence[float], rule: Rule) -> bool:
    number = {1: 1, 2: 5, 3: 6, 4: 2}[rule.number] if rule.is_western_electric else rule.number
    if number == 1:
        return abs(z[-1]) > 3 * ON
    if number == 2:
        n = 8 if rule.is_western_electric else 9
        return len(z) >= n and (all(s > 1e-9 for s in z[-n:]) or all(s < -1e-9 for s in z[-n:]))
    if number == 3:
        steps = [b - a for a, b in zip(z[-6:-1], z[-5:], strict=True)] if len(z) >= 6 else []
        return bool(steps) and (all(step > 0 for step in steps) or all(step < 0 for step in steps))
    if number == 4:
        steps = [b - a for a, b in zip(z[-14:-1], z[-13:], strict=True)] if len(z) >= 14 else []
        return bool(steps) and all(a * b < 0 for a, b in pairwise(steps))
    if number in (5, 6):
        wanted, of, far = (2, 3, 2.0) if number == 5 else (4, 5, 1.0)
        last = z[-of:]
        up, down = [s > far * ON for s in last], [s < -far * ON for s in last]
        return (up[-1] and sum(up) >= wanted) or (down[-1] and sum(down) >= wanted)
    if number == 7:
        return len(z) >= 15 and all(abs(s) <= ON for s in z[-15:])
    last = z[-8:]
    out = len(z) >= 8 and all(abs(s) > ON for s in last)
    return out and any(s > 0 for s in last) and any(s < 0 for s in last)
