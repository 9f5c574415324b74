"""What ten thousand series cost at once, beside a plain loop over their points in the same run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import pytest

from core.spc.cusum import cusum_chart
from core.spc.ewma import ewma_chart
from core.spc.rules import Rule, patterns
from core.spc.variables import individuals_chart
from tests.core.spc import plain

pytestmark = pytest.mark.bench

N_SERIES, N_POINTS, N_PLAIN = 10_000, 365, 20
TURNS = 3
SMOOTHING, WIDTH, ALLOWANCE, INTERVAL = 0.2, 2.859, 0.5, 4.775


def at_once(x: np.ndarray) -> int:
    """Individuals with all twelve rules, EWMA and CUSUM of every series; how many signals there are."""
    chart = individuals_chart(x)
    n = sum(int(found.sum()) for found in patterns(chart.score, list(Rule)).values())
    average = ewma_chart(chart.score, smoothing=SMOOTHING, width=WIDTH, centre=0.0, sigma=1.0, time_varying=False)
    sums = cusum_chart(chart.score, allowance=ALLOWANCE, interval=INTERVAL, centre=0.0, sigma=1.0)
    return n + int((average.signal != 0).sum()) + int((sums.signal != 0).sum())


def point_by_point(x: np.ndarray) -> int:
    """The same, one point after the other."""
    n = 0
    edge = WIDTH * (SMOOTHING / (2 - SMOOTHING)) ** 0.5
    for series in x.tolist():
        _, _, score = plain.individuals(series)
        n += sum(sum(plain.signals(score, rule)) for rule in Rule)
        n += sum(abs(value) > edge for value in plain.ewma(score, SMOOTHING))
        n += sum(high > INTERVAL or low > INTERVAL for high, low in plain.cusum(score, ALLOWANCE))
    return n


def seconds(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def test_ten_thousand_series_at_once_cost_a_twentieth_of_a_plain_loop(tell: Callable[[str], None]) -> None:
    x = np.random.default_rng(1).normal(size=(N_SERIES, N_POINTS))
    assert at_once(x[:N_PLAIN]) == point_by_point(x[:N_PLAIN])
    ours = statistics.median(seconds(lambda: at_once(x)) for _ in range(TURNS)) / N_SERIES
    plainly = statistics.median(seconds(lambda: point_by_point(x[:N_PLAIN])) for _ in range(TURNS)) / N_PLAIN
    tell(
        f"{N_SERIES:,} series of {N_POINTS} points, 12 rules, EWMA and CUSUM: {ours * N_SERIES:.2f} s at once; a plain "
        f"loop takes {plainly / ours:.0f} times as long a series (bound 20)"
    )
    assert ours * 20 < plainly
