"""The detectors once more, as they are published: one row after the other, without sums, looking at given rows only.

Each takes the rows (1 wrong, 0 right) and the places after which it may speak, and gives (place, side) pairs. Whatever
it needs it computes anew from all rows since its last signal.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

Rows = Sequence[float]
Found = list[tuple[int, int]]


def mean(rows: Rows) -> float:
    return math.fsum(rows) / len(rows)


def ddm(rows: Rows, looks: Iterable[int], *, width: float = 3.0, least: int = 30) -> Found:
    found: Found = []
    start, seen = 0, []
    for look in looks:
        since = rows[start : look + 1]
        p = mean(since)
        s = math.sqrt(max(p * (1 - p), 0.0) / len(since))
        if len(since) <= least:
            continue
        seen.append((p, s))
        lowest = min(p + s for p, s in seen)
        best_p, best_s = [(p, s) for p, s in seen if p + s <= lowest][-1]
        if p + s > best_p + width * best_s:
            found.append((look, 1))
            start, seen = look + 1, []
    return found


def page_hinkley(
    rows: Rows, looks: Iterable[int], *, threshold: float = 50.0, allowance: float = 0.005, memory: float = 0.9999
) -> Found:
    """Rows between looks count as if each held their mean; the running mean is that up to the look."""
    found: Found = []
    start = previous = 0
    up = down = 0.0
    ups: list[float] = []
    downs: list[float] = []
    for look in looks:
        window, running = rows[previous : look + 1], mean(rows[start : look + 1])
        for _ in window:
            up = memory * up + mean(window) - running - allowance
            down = memory * down + mean(window) - running + allowance
        previous = look + 1
        ups.append(up)
        downs.append(down)
        if look + 1 - start < 30:
            continue
        side = 1 if up - min(ups) > threshold else -1 if max(downs) - down > threshold else 0
        if side:
            found.append((look, side))
            start, up, down, ups, downs = look + 1, 0.0, 0.0, [], []
    return found


def hddm_a(rows: Rows, looks: Iterable[int], *, level: float = 0.001) -> Found:
    found: Found = []
    start, ends = 0, []

    def bound(n: int) -> float:
        return math.sqrt(math.log(1 / level) / (2 * n))

    for look in looks:
        ends.append(look + 1 - start)
        now = rows[start : look + 1]
        for side in (1, -1):
            upper = [side * mean(now[:end]) + bound(end) for end in ends]
            cut = max(end for end, value in zip(ends, upper, strict=True) if value <= min(upper) + 1e-12)
            if cut == len(now):
                continue
            m = (len(now) - cut) / cut / len(now)
            if side * (mean(now) - mean(now[:cut])) >= math.sqrt(m / 2 * math.log(2 / level)):
                found.append((look, side))
                start, ends = look + 1, []
                break
    return found


def adwin(rows: Rows, looks: Sequence[int], *, level: float = 0.002, least: int = 5) -> Found:
    found: Found = []
    start = 0
    for look in looks:
        now = rows[start : look + 1]
        p, best = mean(now), (0.0, 0, 0)
        for end in (end + 1 - start for end in looks if start <= end < look):
            old, new = now[:end], now[end:]
            if min(len(old), len(new)) < least:
                continue
            m, term = 1 / len(old) + 1 / len(new), math.log(2 * math.log(len(now)) / level)
            limit = math.sqrt(2 * m * p * (1 - p) * term) + 2 / 3 * m * term
            gap = mean(new) - mean(old)
            if abs(gap) - limit > best[0]:
                best = (abs(gap) - limit, end, 1 if gap > 0 else -1)
        if best[1]:
            found.append((look, best[2]))
            start += best[1]
    return found
