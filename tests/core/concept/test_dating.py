"""Scores that changes are dated by: standard normal on a quiet series, whatever windows differ by."""

from __future__ import annotations

import numpy as np
import pytest

from core.concept.dating import standardised
from core.errors import InputError


@pytest.mark.parametrize("between", [0.0, 0.02])
def test_scores_of_a_quiet_series_have_the_spread_of_one(between: float) -> None:
    """400 series of 30 reference windows; that the spread is estimated and the mean too makes it a little more."""
    rng = np.random.default_rng(61)
    scores = []
    for _ in range(400):
        error = rng.uniform(0.01, 0.02, 60)
        value = rng.normal(0.3, np.sqrt(error**2 + between**2))
        scores.append(standardised(value[:30], error[:30], value[30:], error[30:]))
    assert np.std(scores) == pytest.approx(1.03, abs=0.06)


def test_windows_without_a_value_have_no_score_and_few_reference_windows_none_at_all() -> None:
    found = standardised([0.3] * 8, [0.01] * 8, [0.3, np.nan, 0.4], [0.01, 0.01, 0.0])
    assert np.isnan(found).tolist() == [False, True, True]
    assert standardised([0.3] * 6 + [np.nan], [0.01] * 7, [0.3], [0.01]) is None
    with pytest.raises(InputError, match="one number a window"):
        standardised([0.3] * 8, [0.01] * 7, [0.3], [0.01])
