"""At the margin both certain verdicts err in 4 to 6 of 100 windows, at every size; off it they do what they should."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.bench.alarms.verdicts import MARGIN, verdict_rows

pytestmark = pytest.mark.bench


def test_both_errors_are_4_to_6_percent_at_the_margin(tell: Callable[[str], None]) -> None:
    rows = verdict_rows(np.random.default_rng(20261126))
    at_margin = [row for row in rows if row.w == MARGIN]
    errors = [error for row in at_margin for error in (row.drift, row.stable)]
    tell(f"{len(at_margin)} settings at the margin: errors {min(errors):.1%} to {max(errors):.1%} (bound 4% to 6%)")
    assert min(errors) >= 0.04
    assert max(errors) <= 0.06
    none, half, quarter = (next(row for row in rows if row.w == w) for w in (0.0, MARGIN / 2, 0.25))
    assert none.drift < 0.05
    assert none.psi_above_a_tenth > 0.3
    assert half.stable == half.any_shift == 1.0
    assert quarter.drift > 0.99
