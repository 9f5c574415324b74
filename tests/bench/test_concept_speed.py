"""What detectors cost from windows, beside loops that take one row after the other, in the same run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import pytest

from core.concept.detectors import DETECTORS, detections

pytestmark = pytest.mark.bench

N_ROWS, N_WINDOWS, N_LOOPED = 10_000_000, 1_000, 20_000
TURNS = 3


def seconds(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def from_windows(wrong: np.ndarray) -> int:
    """All four detectors, the counting of rows included."""
    errors = wrong.reshape(N_WINDOWS, -1).sum(axis=1, dtype=np.int64)
    n = np.full(N_WINDOWS, wrong.size // N_WINDOWS)
    return sum(len(detections(n, errors, make()).signals) for make in DETECTORS.values())


def row_by_row(wrong: np.ndarray) -> int:
    """The same detectors given every row by itself, as the streaming libraries are."""
    found = 0
    for make in DETECTORS.values():
        detector = make()
        for error in wrong.tolist():
            found += detector.update(1, error) != 0
    return found


def test_ten_million_rows_from_windows_cost_a_thousandth_of_a_row_loop(tell: Callable[[str], None]) -> None:
    rng = np.random.default_rng(1)
    wrong = (rng.random(N_ROWS, dtype=np.float32) < np.repeat([0.1, 0.2], N_ROWS // 2)).astype(np.uint8)
    assert from_windows(wrong) >= len(DETECTORS)
    ours = statistics.median(seconds(lambda: from_windows(wrong)) for _ in range(TURNS))
    looped = statistics.median(seconds(lambda: row_by_row(wrong[:N_LOOPED])) for _ in range(TURNS))
    ratio = looped / N_LOOPED * N_ROWS / ours
    tell(
        f"{N_ROWS:,} rows in {N_WINDOWS:,} windows, four detectors: {ours:.3f} s, counting included; row by row takes "
        f"{ratio:,.0f} times as long ({looped:.2f} s for {N_LOOPED:,} rows; bound 100)"
    )
    assert ratio > 100
