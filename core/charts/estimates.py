"""What was estimated before labels came, dashed beside what they showed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import plotly.graph_objects as go

from core.charts.frame import Palette, label, rgba
from core.measure import Measure

__all__ = ["draw_estimates"]

DASH = "4px,3px"  # shorter than the reference's


def draw_estimates(
    figure: go.Figure,
    estimates: Sequence[Measure],
    at: Sequence[datetime | int],
    *,
    palette: Palette,
    names: Sequence[str],
    written: Sequence[str],
) -> None:
    """Estimates by window: a dashed line between dotted limits, broken where an estimate is withheld.

    Parameters
    ----------
    estimates : sequence of Measure
        One a window; those withheld have no value.
    at : sequence of datetime or int
        Where each window lies.
    names, written : sequences of str
        Each window's name and each estimate in words, for hovering.
    """
    colour = rgba(palette.text, 0.8)
    limits = [estimate.interval if estimate.value is not None else None for estimate in estimates]
    for ends in ([limit and limit.low for limit in limits], [limit and limit.high for limit in limits]):
        figure.add_scatter(
            x=list(at),
            y=ends,
            mode="lines",
            line={"color": rgba(palette.text, 0.45), "width": 1, "dash": "dot"},
            connectgaps=False,
            hoverinfo="skip",
        )
    figure.add_scatter(
        x=list(at),
        y=[estimate.value for estimate in estimates],
        mode="lines" if len(estimates) > 1 else "markers",
        line={"color": colour, "width": 2, "dash": DASH},
        marker={"size": 6, "symbol": "line-ew-open", "color": colour},
        connectgaps=False,
        text=[f"{label(name)}<br>{label(words)}, estimated" for name, words in zip(names, written, strict=True)],
        hovertemplate="%{text}<extra></extra>",
    )
