"""A control chart drawn: each window's share between its limits, and how many rows it rests on."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.charts.frame import END_MARGIN, Chart, Palette, bare_figure, label, note_at_end, panel_title
from core.spc.chart import ChartPoint, ControlChart

__all__ = ["control_chart"]

HEIGHT = 400


def control_chart(
    chart: ControlChart,
    *,
    reference: Sequence[ChartPoint],
    names: Sequence[str],
    reference_names: Sequence[str],
    ticks: Sequence[str],
    palette: Palette,
    title: str,
    focus: int | None = None,
) -> Chart:
    """The reference's windows, then production's, in order, on one pair of limits for each window.

    Parameters
    ----------
    chart : ControlChart
        Of the production windows.
    reference : sequence of ChartPoint
        The reference's windows on the same limits.
    names, reference_names : sequences of str
        What the windows are called, for hovering.
    ticks : sequence of str
        A short name for each window of both, reference first; a few are shown.
    title : str
        Of the upper panel.
    focus : int or None
        The production window looked at.
    """
    points, n_before = [*reference, *chart.points], len(reference)
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.76, 0.24], vertical_spacing=0.1)
    bare_figure(palette, height=HEIGHT, figure=figure)
    x = list(range(len(points)))
    for side in ("low", "high"):
        figure.add_scatter(
            x=x,
            y=[getattr(point, side) for point in points],
            mode="lines",
            line={"color": palette.muted, "width": 1.2, "dash": "dot", "shape": "hvh"},
            connectgaps=False,
            hoverinfo="skip",
            row=1,
            col=1,
        )
    said = [_said(name, point) for name, point in zip([*reference_names, *names], points, strict=True)]
    for start, end, colour in ((0, n_before, palette.reference), (n_before, len(points), palette.current)):
        figure.add_scatter(
            x=x[start:end],
            y=[point.value for point in points[start:end]],
            mode="lines+markers",
            line={"color": colour, "width": 1.2 if end == n_before else 2},
            marker={"size": 5, "symbol": "circle-open" if end == n_before else "circle", "color": colour},
            connectgaps=False,
            text=said[start:end],
            hovertemplate="%{text}<extra></extra>",
            row=1,
            col=1,
        )
    signals = [place for place, point in enumerate(points) if point.signal and place >= n_before]
    if signals:
        figure.add_scatter(
            x=signals,
            y=[points[place].value for place in signals],
            mode="markers",
            marker={"size": 10, "symbol": "diamond", "color": palette.warning},
            hoverinfo="skip",
            row=1,
            col=1,
        )
    if focus is not None and chart.points[focus].value is not None:
        figure.add_scatter(
            x=[n_before + focus],
            y=[chart.points[focus].value],
            mode="markers",
            marker={"size": 14, "color": "rgba(0,0,0,0)", "line": {"color": palette.current, "width": 1.5}},
            hoverinfo="skip",
            row=1,
            col=1,
        )
    figure.add_bar(
        x=x,
        y=[point.n for point in points],
        marker={"color": palette.volume},
        text=said,
        textposition="none",
        hovertemplate="%{text}<extra></extra>",
        row=2,
        col=1,
    )
    _lines(figure, chart, points, palette)
    _phases(figure, n_before, len(points), palette)
    panel_title(figure, title, palette=palette, y=1.05 if n_before else 1.0)
    panel_title(figure, "Rows", palette=palette, y=0.215)
    figure.update_layout(margin={"l": 0, "r": END_MARGIN, "t": 40, "b": 0}, bargap=0.35)
    places = list(range(0, len(points), max(1, -(-len(points) // 6))))
    figure.update_xaxes(range=[-0.7, len(points) - 0.3], tickvals=places, tickangle=0)
    figure.update_xaxes(row=2, col=1, ticklabelstandoff=4, ticktext=[label(ticks[place]) for place in places])
    figure.update_yaxes(row=1, col=1, nticks=5, tickformat=".1~%")
    figure.update_yaxes(row=2, col=1, nticks=3, tickformat=".2~s", rangemode="tozero")
    valued = sum(point.value is not None for point in chart.points)
    alt = f"{title}: {n_before} windows of the reference, then {valued} of production against 3-sigma limits. "
    outside = [names[place - n_before] for place in signals]
    return Chart(
        figure=figure,
        alt=alt + (f"Outside: {', '.join(outside)}." if outside else "None of production is marked outside."),
    )


def _lines(figure: go.Figure, chart: ControlChart, points: Sequence[ChartPoint], palette: Palette) -> None:
    """The centre line, and words at the lines' ends where there is room for them."""
    if chart.centre is None:
        return
    line = {"color": palette.reference, "width": 1.2, "dash": "dash"}
    figure.add_hline(y=chart.centre, line=line, layer="below", row=1, col=1)
    note_at_end(figure, ("centre", f"{chart.centre:.1%}"), y=chart.centre, colour=palette.reference)
    drawn = [end for p in points for end in (p.low, p.high, p.value) if end is not None]
    room = 0.14 * (max(drawn) - min(drawn)) if drawn else 0.0
    last = next((point for point in reversed(points) if point.low is not None), None)
    for name, end in (("upper", last.high), ("lower", last.low)) if last else ():
        if end is not None and abs(end - chart.centre) > room:
            note_at_end(figure, (name, "limit"), y=end, colour=palette.muted)


def _phases(figure: go.Figure, n_before: int, n: int, palette: Palette) -> None:
    """A line between reference and production, and their names beside it."""
    if not 0 < n_before < n:
        return
    figure.add_vline(x=n_before - 0.5, line={"color": palette.reference, "width": 1})
    for text, anchor, shift in (("reference", "right", -5), ("production", "left", 5)):
        figure.add_annotation(
            text=text,
            x=n_before - 0.5,
            y=1,
            yref="paper",
            xanchor=anchor,
            yanchor="bottom",
            xshift=shift,
            showarrow=False,
            font={"size": 11, "color": palette.muted},
        )


def _said(name: str, point: ChartPoint) -> str:
    if point.value is None or point.low is None or point.high is None:
        return f"{label(name)}<br>no rows" if not point.n else f"{label(name)}<br>{point.value or 0:.2%} of {point.n:,}"
    side = f", {point.signal} the limit" if point.signal else ""
    return f"{label(name)}<br>{point.value:.2%} of {point.n:,}{side}<br>limits {point.low:.2%} to {point.high:.2%}"
