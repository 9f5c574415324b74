"""A change of loss drawn as a waterfall: from the reference by inputs and concept to now."""

from __future__ import annotations

from collections.abc import Callable

import plotly.graph_objects as go

from core.charts.frame import Chart, Palette, bare_figure, label, panel_title, rgba
from core.concept.decomposition import LossDecomposition

__all__ = ["loss_waterfall"]

HEIGHT = 260
HALF = 0.34  # of a bar's width


def loss_waterfall(
    found: LossDecomposition, *, palette: Palette, title: str, tick_format: str, figure_of: Callable[[float, bool], str]
) -> Chart | None:
    """Two levels and what lies between them, each part with its interval; None where there are no parts.

    Parameters
    ----------
    found : LossDecomposition
    title : str
        What the loss is called.
    tick_format : str
        Of the axis, as d3 reads it.
    figure_of : callable
        Writes a loss; whether with its sign.
    """
    if found.inputs is None or found.concept is None or found.before is None or found.after is None:
        return None
    figure = bare_figure(palette, height=HEIGHT)
    middle = found.before + found.inputs.value
    levels = ((0, found.before, "Reference"), (3, found.after, "Now"))
    for place, value, _ in levels:
        _line(figure, (place - HALF, place + HALF), value, colour=palette.reference, width=4.0)
        _said(figure, place, value, figure_of(value, False), palette.text)
    steps = ((1, found.before, found.inputs), (2, middle, found.concept))
    for place, start, part in steps:
        end = start + part.value
        colour = palette.current if part.is_certain else palette.faint
        figure.add_shape(
            type="rect",
            x0=place - HALF,
            x1=place + HALF,
            y0=start,
            y1=end,
            fillcolor=rgba(colour, 0.85 if part.is_certain else 0.35),
            line={"width": 1, "color": colour},
        )
        low, high = start + part.interval.low, start + part.interval.high
        figure.add_scatter(
            x=[place, place],
            y=[low, high],
            mode="lines",
            line={"color": rgba(palette.text, 0.6), "width": 2},
            hoverinfo="skip",
        )
        _said(figure, place, max(low, high, start), figure_of(part.value, True), palette.text)
    for left, value in ((0, found.before), (1, middle), (2, found.after)):
        _line(figure, (left + HALF, left + 1 - HALF), value, colour=palette.faint, width=1.0, dash="dot")
    ends = [found.before, found.after, middle]
    ends += [start + limit for _, start, part in steps for limit in (part.interval.low, part.interval.high)]
    room = 0.22 * ((max(ends) - min(ends)) or abs(found.before) or 1.0)
    figure.update_yaxes(range=[min(ends) - room, max(ends) + room], nticks=4, tickformat=tick_format)
    names = ["Reference", "Inputs", "Concept", "Now"]
    figure.update_xaxes(tickvals=[0, 1, 2, 3], ticktext=names, tickangle=0, range=[-0.6, 3.6])
    panel_title(figure, title, palette=palette)
    alt = (
        f"{title}: {figure_of(found.before, False)} in the reference, {figure_of(found.inputs.value, True)} by inputs, "
        f"{figure_of(found.concept.value, True)} by concept, {figure_of(found.after, False)} now."
    )
    return Chart(figure=figure, alt=alt)


def _line(
    figure: go.Figure, x: tuple[float, float], y: float, *, colour: str, width: float, dash: str = "solid"
) -> None:
    figure.add_scatter(
        x=list(x), y=[y, y], mode="lines", line={"color": colour, "width": width, "dash": dash}, hoverinfo="skip"
    )


def _said(figure: go.Figure, x: float, y: float, text: str, colour: str) -> None:
    figure.add_annotation(
        x=x,
        y=y,
        text=label(text),
        showarrow=False,
        yanchor="bottom",
        yshift=4,
        font={"size": 12, "color": colour},
    )
