"""Cells of like rows: balanced where nothing tells the sides apart, ordered where something does, never by the loss."""

from __future__ import annotations

import numpy as np
import pytest

from core.drift.propensity import expected_losses, propensity_cells
from core.errors import InputError


def sides(shift: float, n: int = 1_500) -> list[dict[str, np.ndarray]]:
    rng = np.random.default_rng(71)
    made = []
    for move in (0.0, shift):
        x = rng.normal(size=(n, 3))
        x[:, 0] += move
        kind = np.array(["a", "b", None], dtype=object)[rng.integers(0, 3, n)]
        made.append({"x": x[:, 0], "y": x[:, 1], "z": x[:, 2], "kind": kind})
    return made


def test_without_a_shift_every_cell_holds_as_many_of_each_side() -> None:
    cells = propensity_cells(*sides(0.0), rng=np.random.default_rng(1))
    shares = [np.bincount(side, minlength=10) / side.size for side in (cells.reference, cells.current)]
    assert np.abs(shares[0] - shares[1]).max() < 0.04
    assert (shares[0] + shares[1]) / 2 == pytest.approx([0.1] * 10, abs=0.02)


def test_inside_a_cell_rows_of_both_sides_are_alike() -> None:
    """The means of the input that moved by 0.7 differ by far less inside cells."""
    before, now = sides(0.7)
    cells = propensity_cells(before, now, rng=np.random.default_rng(1))
    gaps = [now["x"][cells.current == cell].mean() - before["x"][cells.reference == cell].mean() for cell in range(10)]
    assert np.mean(np.abs(gaps)) < 0.2
    assert cells.current.mean() > cells.reference.mean() + 1


def test_what_is_left_out_or_unusable_is_not_looked_at() -> None:
    before, now = sides(2.0)
    blind = propensity_cells(before, now, rng=np.random.default_rng(1), without=["x"])
    assert "x" not in blind.columns
    assert abs(blind.current.mean() - blind.reference.mean()) < 0.4
    constant = [{"x": np.ones(60)}, {"x": np.ones(80)}]
    nothing = propensity_cells(*constant, rng=np.random.default_rng(1))
    assert set(nothing.reference) | set(nothing.current) == {0}
    losses = np.arange(60.0)
    assert expected_losses(constant[0], losses, constant[1], rng=np.random.default_rng(1))[1].tolist() == [29.5] * 80
    with pytest.raises(InputError, match="50 rows on each side, got 60 and 3"):
        propensity_cells(constant[0], {"x": np.ones(3)}, rng=np.random.default_rng(1))


def test_expected_losses_follow_the_inputs_on_both_sides() -> None:
    before, now = sides(0.7)
    rng = np.random.default_rng(2)
    losses = np.clip(before["x"], 0, None) + rng.normal(0, 0.3, before["x"].size)
    own, others = expected_losses(before, losses, now, rng=rng)
    assert np.corrcoef(own, np.clip(before["x"], 0, None))[0, 1] > 0.95
    assert others.mean() == pytest.approx(np.clip(now["x"], 0, None).mean(), abs=0.06)
