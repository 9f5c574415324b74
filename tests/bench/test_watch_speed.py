"""What it costs to watch a thousand columns, beside a bare scan of their bets in the same run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from core.alarms.distributions import distribution_subject
from core.alarms.monitors import Windows
from core.alarms.watch import Light
from core.stats.binning import NumericBins
from tests.core.alarms.series import no_season
from tests.core.alarms.test_watch import watch_of

pytestmark = pytest.mark.bench

N_COLUMNS, N_WINDOWS, N_BINS = 1_000, 20, 40


def test_a_thousand_columns_cost_no_more_than_so_many_scans_of_their_bets(tell: Callable[[str], None]) -> None:
    """A bare scan takes the logarithm and the exponential of as many numbers as there are bets."""
    rng = np.random.default_rng(16)
    bins = NumericBins(ends=tuple(float(end) for end in range(N_BINS)), low=0.0, exact=False)
    counts = np.zeros((2 * N_WINDOWS, bins.size), dtype=np.int64)
    counts[:, :N_BINS] = rng.multinomial(2_000, np.full(N_BINS, 1 / N_BINS), size=2 * N_WINDOWS)
    one = distribution_subject("values/0", counts.sum(axis=0), bins, column="0", n_window=2_000)
    subjects = [replace(one, key=f"values/{number}", column=str(number)) for number in range(N_COLUMNS)]
    together = Windows.beside([one.windows(rng.permutation(counts)) for _ in subjects])
    start = time.process_time()
    watch = watch_of(subjects, together[:N_WINDOWS])
    arming = time.process_time() - start
    later = together[N_WINDOWS:]
    start = time.process_time()
    watch.run(later, no_season(later), Light.MATERIAL)
    running = time.process_time() - start
    bets = np.ones((N_WINDOWS, 12 * N_COLUMNS, 2, 4))
    start = time.process_time()
    np.log(np.exp(bets))
    scan = time.process_time() - start
    tell(
        f"{N_COLUMNS:,} columns: arming costs {arming / scan:.0f} bare scans of their bets (bound 400), {N_WINDOWS} "
        f"windows {running / scan:.0f} (bound 60)"
    )
    assert running < 60 * scan
    assert arming < 400 * scan
