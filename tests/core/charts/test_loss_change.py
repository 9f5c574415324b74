"""The waterfall of a change of loss: levels, parts and their intervals where they should be."""

from __future__ import annotations

import numpy as np
import pytest

from core.charts.frame import DARK, LIGHT
from core.charts.loss_change import loss_waterfall
from core.concept.decomposition import decompose_loss
from core.concept.loss_rows import LossRows


def rows(n: int, rate: float, share: float) -> LossRows:
    rng = np.random.default_rng(1)
    cell = (rng.random(n) < share).astype(int)
    return LossRows(loss=(rng.random(n) < rate + 0.2 * cell).astype(float), cell=cell, window=np.zeros(n, dtype=int))


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_bars_lead_from_the_reference_to_now(palette: object) -> None:
    found = decompose_loss(rows(3_000, 0.1, 0.3), rows(3_000, 0.2, 0.31), n_cells=2)
    chart = loss_waterfall(
        found,
        palette=palette,
        title="Share wrong",
        tick_format=".1%",
        figure_of=lambda value, signed: f"{value:+.3f}" if signed else f"{value:.3f}",
    )
    inputs, concept = chart.figure.layout.shapes
    assert (inputs.y0, concept.y1) == (pytest.approx(found.before), pytest.approx(found.after))
    assert inputs.y1 == concept.y0 == pytest.approx(found.before + found.inputs.value)
    assert inputs.fillcolor != concept.fillcolor, "only the concept is certain here"
    assert f"{found.concept.value:+.3f} by concept" in chart.alt


def test_without_parts_there_is_nothing_to_draw() -> None:
    few = decompose_loss(rows(10, 0.1, 0.3), rows(10, 0.1, 0.3), n_cells=2)
    assert loss_waterfall(few, palette=LIGHT, title="x", tick_format="", figure_of=lambda value, _: str(value)) is None
