"""Whether rows of one score are the rows they were: the area among like scores, and what it must not mistake."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad

from core.drift.within_score import _e_value, area_within, shift_within_score


def test_the_area_is_the_share_of_pairs_of_one_stratum() -> None:
    rng = np.random.default_rng(1)
    values, sides, stratum = rng.integers(0, 6, 60).astype(float), rng.random(60) < 0.4, rng.integers(0, 4, 60)
    weights, won = [], []
    for one in range(4):
        before, now = (values[(stratum == one) & (sides == side)] for side in (False, True))
        pairs = np.sign(now[:, None] - before[None, :]) / 2 + 0.5
        weights.append(before.size * now.size / (before.size + now.size + 1))
        won.append(pairs.mean())
    area, _, _ = area_within(values, sides, stratum)
    assert area == pytest.approx(np.average(won, weights=weights))


def test_chance_gives_p_values_what_they_promise() -> None:
    """2,000 draws: 20% of p-values lie below .2, by 0.9% sd, and 1% below .01, by 0.2%."""
    rng = np.random.default_rng(2)
    stratum = np.repeat(np.arange(5), 20)
    found = np.array([area_within(rng.normal(size=100), rng.random(100) < 0.4, stratum)[2] for _ in range(2_000)])
    assert np.mean(found < 0.2) == pytest.approx(0.2, abs=0.03)
    assert np.mean(found < 0.01) == pytest.approx(0.01, abs=0.007)


def test_an_e_value_is_one_in_expectation_over_all_p_values() -> None:
    """By quadrature: a sample's mean says little, as the law of e-values has no variance. Below e^-50 lies 1/50."""
    below, _ = quad(lambda log_p: _e_value(math.exp(log_p)) * math.exp(log_p), -50, 0, limit=500)
    assert below == pytest.approx(1 - 1 / 50, abs=1e-3)


@pytest.mark.parametrize(
    ("moved", "is_certain"),
    [((0.0, 0.0), False), ((0.8, 0.0), False), ((0.0, 0.6), True)],
    ids=["alike", "scores moved", "another input moved"],
)
def test_only_what_moves_at_the_same_score_counts(moved: tuple[float, float], is_certain: bool) -> None:
    rng = np.random.default_rng(3)
    x, now = rng.normal(size=(1_500, 2)), rng.normal(size=(1_000, 2)) + moved
    sides = [{"x": part[:, 0], "z": part[:, 1]} for part in (x, now)]
    found = shift_within_score(*sides, np.tanh(x[:, 0]), np.tanh(now[:, 0]), rng=rng)
    assert found.is_certain == is_certain, (found.area, found.e_value)


def test_too_few_rows_can_tell_nothing() -> None:
    few = {"x": np.arange(60.0)}
    assert shift_within_score(few, few, np.zeros(60), np.zeros(60), rng=np.random.default_rng(1)) is None
