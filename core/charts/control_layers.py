"""The layers of a control chart: zones, limits, phases, points, signals, and the panels below."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from core.charts.control_plot import ChartLines, LaneMark, PlotPoint, Since, SpreadPanel
from core.charts.frame import Palette, label, note_at_end, rgba

__all__ = [
    "draw_lane",
    "draw_lines",
    "draw_notes",
    "draw_phases",
    "draw_rows",
    "draw_series",
    "draw_signals",
    "draw_since",
    "draw_spread",
    "draw_young",
    "draw_zones",
]

ZONE = 0.06  # opacity of each of three zones, the inner ones upon the outer
MOST_MARKED = 120  # points that have a marker each
ACROSS = 11  # markers that stand side by side on a phone; closer ones become one


def draw_zones(figure: go.Figure, points: Sequence[PlotPoint], palette: Palette, *, zones: bool) -> None:
    """One, two and three standard errors about the centre, each a shade upon the others; steps where n varies."""
    for part in (1.0, 2 / 3, 1 / 3) if zones else (1.0,):
        for run in _runs([point.low is not None and point.high is not None for point in points]):
            edge = [place + half for place in run for half in (-0.5, 0.5)]
            ends = [_toward(points[place], part) for place in run]
            high = [end[1] for end in ends for _ in range(2)]
            low = [end[0] for end in ends for _ in range(2)]
            figure.add_scatter(
                x=[*edge, *reversed(edge)],
                y=[*high, *reversed(low)],
                fill="toself",
                fillcolor=rgba(palette.reference, ZONE),
                line={"width": 0},
                mode="lines",
                hoverinfo="skip",
            )


def _toward(point: PlotPoint, part: float) -> tuple[float, float]:
    """A part of the way from the centre to either limit."""
    centre = point.centre or 0.0
    low, high = point.low or 0.0, point.high or 0.0
    return centre + part * (low - centre), centre + part * (high - centre)


def draw_lines(figure: go.Figure, points: Sequence[PlotPoint], palette: Palette) -> None:
    """Limits and centre, as steps."""
    x = list(range(len(points)))
    for side, dash, colour in (
        ("low", "dot", palette.muted),
        ("high", "dot", palette.muted),
        ("centre", "dash", palette.reference),
    ):
        figure.add_scatter(
            x=x,
            y=[getattr(point, side) for point in points],
            mode="lines",
            line={"color": colour, "width": 1.2, "dash": dash, "shape": "hvh"},
            connectgaps=False,
            hoverinfo="skip",
        )


def draw_young(figure: go.Figure, points: Sequence[PlotPoint], palette: Palette) -> None:
    """Grey where labels are still arriving, with the words in it."""
    young = [place for place, point in enumerate(points) if point.is_young]
    if not young:
        return
    figure.add_shape(
        type="rect",
        x0=young[0] - 0.5,
        x1=len(points) - 0.5,
        y0=0,
        y1=1,
        yref="y domain",
        fillcolor=palette.muted,
        opacity=palette.zone,
        line_width=0,
        layer="below",
    )
    figure.add_annotation(
        text="labels still<br>arriving",
        align="right",
        x=len(points) - 0.5,
        y=1,
        yref="y domain",
        xanchor="right",
        yanchor="top",
        showarrow=False,
        font={"size": 11, "color": palette.muted},
    )


def draw_since(figure: go.Figure, since: Since | None, palette: Palette) -> None:
    """The windows between which the level changed, and its first one."""
    if since is None:
        return
    figure.add_shape(
        type="rect",
        x0=since.earliest - 0.5,
        x1=since.latest + 0.5,
        y0=0,
        y1=1,
        yref="y domain",
        fillcolor=palette.warning,
        opacity=0.12,
        line_width=0,
        layer="below",
    )
    figure.add_annotation(
        text=label(since.words),
        x=since.first,
        y=0,
        yref="y domain",
        xanchor="right",
        yanchor="bottom",
        xshift=-6,
        showarrow=False,
        bgcolor=palette.ground,
        font={"size": 11, "color": palette.warning},
    )


def draw_phases(figure: go.Figure, points: Sequence[PlotPoint], palette: Palette) -> None:
    """A line where phase I ends, and where the reference does if that is elsewhere; their names beside it."""
    base = [place for place, point in enumerate(points) if point.is_base or point.is_excluded]
    n = len(points)
    edges = {}
    if base and base[0] > 0:
        edges[base[0] - 0.5] = ("", "phase I")
    if base and base[-1] < n - 1:
        edges[base[-1] + 0.5] = ("phase I", "phase II")
    for at, (left, right) in edges.items():
        figure.add_shape(
            type="line", x0=at, x1=at, y0=0, y1=1, yref="y domain", line={"color": palette.reference, "width": 1}
        )
        for text, anchor, shift in ((left, "right", -5), (right, "left", 5)):
            if text:
                figure.add_annotation(
                    text=text,
                    x=at,
                    y=1,
                    yref="y domain",
                    xanchor=anchor,
                    yanchor="bottom",
                    xshift=shift,
                    showarrow=False,
                    font={"size": 11, "color": palette.muted},
                )


def draw_series(figure: go.Figure, points: Sequence[PlotPoint], palette: Palette) -> None:
    """The line; windows of the reference open and grey, production's filled and blue, left-out ones crossed."""
    n_before = sum(point.is_reference for point in points)
    for start, end, colour in ((0, n_before, palette.reference), (n_before, len(points), palette.current)):
        part = points[start:end]
        if not part:
            continue
        is_before = end == n_before
        symbols = ["x-thin-open" if p.is_excluded else "circle-open" if is_before else "circle" for p in part]
        shared = {
            "x": list(range(start, end)),
            "mode": "lines+markers" if len(points) <= MOST_MARKED else "lines",
            "line": {"color": colour, "width": 1.2 if is_before else 2},
            "connectgaps": False,
            "text": [label_lines(point.said) for point in part],
            "hovertemplate": "%{text}<extra></extra>",
        }
        marker = {"size": [8 if p.is_excluded else 5 for p in part], "symbol": symbols, "color": colour}
        figure.add_scatter(y=[point.value for point in part], marker=marker, **shared)
        if any(point.low_value is not None for point in part):
            figure.add_scatter(y=[point.low_value for point in part], marker=marker, **shared)


def draw_signals(figure: go.Figure, points: Sequence[PlotPoint], palette: Palette) -> None:
    """Diamonds, with the rules' numbers where a run of the same begins."""
    places = [place for place, point in enumerate(points) if point.signals]
    if not places:
        return
    values, texts, sides = [], [], []
    for place in places:
        point = points[place]
        value, low = point.value or 0.0, point.low_value
        below = low is not None and point.low is not None and low < point.low
        values.append(low if below else value)
        begins = place == 0 or not points[place - 1].signals or points[place - 1].rules != point.rules
        texts.append(label(point.rules) if begins else "")
        is_low = below or (low is None and point.centre is not None and value < point.centre)
        sides.append("bottom center" if is_low else "top center")
    figure.add_scatter(
        x=places,
        y=values,
        mode="markers+text",
        marker={"size": 10, "symbol": "diamond", "color": palette.warning},
        text=texts,
        textposition=sides,
        textfont={"size": 10, "color": palette.warning},
        hoverinfo="skip",
        cliponaxis=False,
    )


def draw_notes(figure: go.Figure, points: Sequence[PlotPoint], lines: ChartLines, palette: Palette) -> None:
    """Words at the lines' ends, where there is room for them."""
    last = next((point for point in reversed(points) if point.low is not None and point.high is not None), None)
    if last is None or last.centre is None:
        return
    drawn = [end for p in points for end in (p.low, p.high, p.value, p.low_value) if end is not None]
    room = 0.13 * (max(drawn) - min(drawn))
    note_at_end(figure, lines.centre, y=last.centre, colour=palette.reference)
    for words, end in ((lines.high, last.high), (lines.low, last.low)):
        if end is not None and abs(end - last.centre) > room:
            note_at_end(figure, words, y=end, colour=palette.muted)


def draw_spread(figure: go.Figure, spread: SpreadPanel, palette: Palette) -> None:
    """The chart of spread below."""
    x = list(range(len(spread.values)))
    ends = ((spread.highs, "dot", palette.muted), (spread.lows, "dot", palette.muted))
    for values, dash, colour in (*ends, (spread.centres, "dash", palette.reference)):
        line = {"color": colour, "width": 1.2, "dash": dash, "shape": "hvh"}
        figure.add_scatter(x=x, y=list(values), yaxis="y2", mode="lines", line=line, hoverinfo="skip")
    figure.add_scatter(
        x=x,
        y=list(spread.values),
        yaxis="y2",
        mode="lines+markers" if len(x) <= MOST_MARKED else "lines",
        line={"color": palette.faint, "width": 1.5},
        marker={"size": 4, "color": palette.faint},
        connectgaps=False,
        hovertemplate="%{y:.4g}<extra></extra>",
    )
    places = [place for place, signals in enumerate(spread.signals) if signals]
    if places:
        diamonds = {"size": 8, "symbol": "diamond", "color": palette.warning}
        y = [spread.values[place] for place in places]
        figure.add_scatter(x=places, y=y, yaxis="y2", mode="markers", marker=diamonds, hoverinfo="skip")


def draw_rows(figure: go.Figure, points: Sequence[PlotPoint], palette: Palette) -> None:
    """How many rows each point rests on."""
    figure.add_bar(
        x=list(range(len(points))),
        y=[point.n for point in points],
        yaxis="y3",
        marker={"color": palette.volume},
        text=[f"{label(point.tick)}<br>{point.n:,} rows" for point in points],
        textposition="none",
        hovertemplate="%{text}<extra></extra>",
    )


def draw_lane(figure: go.Figure, marks: Sequence[LaneMark], n: int, palette: Palette) -> None:
    """Numbered markers, those too close to stand side by side as one; a thin line through the points for versions."""
    groups: list[list[LaneMark]] = []
    for mark in sorted(marks, key=lambda mark: mark.place):
        if groups and (mark.place - groups[-1][0].place) * ACROSS < n:
            groups[-1].append(mark)
        else:
            groups.append([mark])
    for place in sorted({mark.place for mark in marks if mark.is_deployment}):
        line = {"color": palette.current, "width": 1, "dash": "dot"}
        figure.add_shape(type="line", x0=place, x1=place, y0=0, y1=1, yref="y domain", line=line, opacity=0.7)
    for group in groups:
        is_version = any(mark.is_deployment for mark in group)
        number = f"{group[0].number}{'+' if len(group) > 1 else ''}"
        figure.add_scatter(
            x=[group[0].place],
            y=[0],
            yaxis="y4",
            mode="markers+text",
            marker={
                "size": 14 + 3 * len(number),
                "symbol": "square" if is_version else "circle",
                "color": palette.current if is_version else palette.reference,
            },
            text=[number],
            textfont={"size": 10, "color": palette.ground},
            hovertext="<br>".join(f"{mark.number} {label(mark.words)}" for mark in group),
            hovertemplate="%{hovertext}<extra></extra>",
        )


def _runs(flags: Sequence[bool]) -> list[list[int]]:
    """Places in a row at which a flag is set."""
    runs: list[list[int]] = []
    for place, flag in enumerate(flags):
        if flag and runs and runs[-1][-1] == place - 1:
            runs[-1].append(place)
        elif flag:
            runs.append([place])
    return runs


def label_lines(text: str) -> str:
    """Lines of text from data as a figure may show them.

    Examples
    --------
    >>> label_lines("16 Nov\\n<b>")
    '16 Nov<br>&lt;b&gt;'
    """
    return "<br>".join(map(label, text.split("\n")))
