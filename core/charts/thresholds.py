"""What every threshold would do: the gaps between groups above, the errors they are traded for below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from core.charts.frame import Chart, Palette, bare_figure, label, panel_title

__all__ = ["Curve", "threshold_chart"]

Floats = NDArray[np.float64]
HEIGHT = 360
DASHES = ("solid", "dash", "dot")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """A line over the thresholds, NaN where it has no value, and what it is called."""

    name: str
    values: Floats


def threshold_chart(
    thresholds: Floats,
    gaps: Sequence[Curve],
    errors: Sequence[Curve],
    *,
    palette: Palette,
    chosen: float,
    chosen_words: str,
    in_force: float | None = None,
) -> Chart:
    """Gaps and errors at all thresholds, with the one looked at and the one in force.

    Parameters
    ----------
    thresholds : float array of shape (n_thresholds,)
    gaps, errors : sequences of at most three Curves
        In the upper and the lower panel; the same dash means the same place in the order.
    chosen : float
        A line through both panels.
    in_force : float, optional
        A dotted line, if the model decides by a threshold.
    """
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.14, row_heights=[0.5, 0.5])
    bare_figure(palette, height=HEIGHT, figure=figure)
    for row, curves, colour in ((1, gaps, palette.current), (2, errors, palette.reference)):
        for order, (curve, dash) in enumerate(zip(curves, DASHES, strict=False)):
            figure.add_scatter(
                x=thresholds,
                y=curve.values,
                mode="lines",
                line={"color": colour, "width": 2, "dash": dash},
                name=label(curve.name),
                hovertemplate=f"{label(curve.name)} %{{y:.1%}} at %{{x:.3g}}<extra></extra>",
                row=row,
                col=1,
            )
            _name(figure, thresholds, curve, (row - 1) * len(DASHES) + order, colour)
    figure.add_vline(x=chosen, line={"color": palette.text, "width": 1.2})
    if in_force is not None:
        figure.add_vline(x=in_force, line={"color": palette.muted, "width": 1.2, "dash": "dot"})
    panel_title(figure, "Largest gap between groups", palette=palette, y=1.0)
    panel_title(figure, "Errors over all rows", palette=palette, y=0.43)
    figure.update_yaxes(nticks=4, tickformat=".0%", rangemode="tozero")
    figure.update_xaxes(nticks=6, tickformat=".3~g", row=2, col=1)
    figure.update_layout(margin={"t": 24, "r": 8})
    return Chart(figure=figure, alt=f"Gaps and errors at every threshold. {chosen_words}")


def _name(figure: object, thresholds: Floats, curve: Curve, place: int, colour: str) -> None:
    """A curve's name on it, each at another place along the axis so that none covers another."""
    row, order = divmod(place, len(DASHES))
    known = np.flatnonzero(~np.isnan(curve.values))
    if not known.size:
        return
    aim = thresholds[0] + (0.2 + 0.3 * order) * (thresholds[-1] - thresholds[0])
    at = int(known[np.abs(thresholds[known] - aim).argmin()])
    figure.add_annotation(  # type: ignore[attr-defined]
        x=float(thresholds[at]),
        y=float(curve.values[at]),
        text=label(curve.name),
        showarrow=False,
        yanchor="bottom",
        yshift=2,
        font={"size": 11, "color": colour},
        row=row + 1,
        col=1,
    )
