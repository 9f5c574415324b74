"""Gaps and errors at every threshold: which lines there are, and where nothing is known."""

from __future__ import annotations

import numpy as np

from core.charts.frame import LIGHT
from core.charts.thresholds import Curve, threshold_chart

AT = np.linspace(0, 1, 11)


def test_both_panels_share_the_threshold_chosen_and_the_one_in_force() -> None:
    gaps = [Curve(name="Share <b>", values=AT / 10), Curve(name="True positive rate", values=np.full(11, np.nan))]
    errors = [Curve(name="False positive rate", values=1 - AT)]
    chart = threshold_chart(AT, gaps, errors, palette=LIGHT, chosen=0.3, chosen_words="Chosen: 0.3.", in_force=0.5)
    assert [trace.line.dash for trace in chart.figure.data] == ["solid", "dash", "solid"]
    at = {shape.x0 for shape in chart.figure.layout.shapes}
    assert at == {0.3, 0.5}
    names = [note.text for note in chart.figure.layout.annotations]
    assert "Share &lt;b&gt;" in names
    assert "True positive rate" not in names, "a curve without a value has no name to stand on"
    assert "<b>Share" not in chart.figure.to_json()
    assert chart.alt == "Gaps and errors at every threshold. Chosen: 0.3."
    alone = threshold_chart(AT, gaps, errors, palette=LIGHT, chosen=0.3, chosen_words="")
    assert {shape.x0 for shape in alone.figure.layout.shapes} == {0.3}
