"""What all figures share: two palettes, one layout, and text from data made harmless."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from core.measure import Status

__all__ = ["DARK", "LIGHT", "Chart", "Palette", "bare_figure", "label", "note_at_end", "rgba"]

FONT = "Inter, system-ui, sans-serif"
END_MARGIN = 64  # room at the right for words that stand at a line's end


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """The colours of one theme. Verdicts have colours of their own; everything else is blue or grey."""

    ground: str
    text: str
    muted: str
    faint: str
    grid: str
    current: str
    reference: str
    volume: str
    critical: str
    warning: str
    ok: str
    unknown: str
    band: float
    zone: float

    def of(self, status: Status) -> str:
        """The colour of a verdict."""
        return {Status.CRITICAL: self.critical, Status.WARNING: self.warning, Status.OK: self.ok}.get(
            status, self.unknown
        )


LIGHT = Palette(
    ground="#ffffff",
    text="#1b1f24",
    muted="#5f6368",
    faint="#8b9097",
    grid="#eceef1",
    current="#0b57d0",
    reference="#4d5562",
    volume="#c9d3e3",
    critical="#b3261e",
    warning="#8a5a00",
    ok="#0b6e4f",
    unknown="#5f6368",
    band=0.13,
    zone=0.06,
)
DARK = Palette(
    ground="#121417",
    text="#e6e8eb",
    muted="#a8adb3",
    faint="#7d838b",
    grid="#23272d",
    current="#7aa9ff",
    reference="#aab2bf",
    volume="#34435c",
    critical="#ff8a80",
    warning="#e8b04b",
    ok="#56c596",
    unknown="#a8adb3",
    band=0.20,
    zone=0.08,
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chart:
    """A figure and what it shows in words, for those who can't see it."""

    figure: go.Figure
    alt: str


def bare_figure(palette: Palette, *, height: int, figure: go.Figure | None = None) -> go.Figure:
    """A figure in the house's style: horizontal grid only, no legend, no mode bar, no dragging."""
    axis: dict[str, Any] = {
        "zeroline": False,
        "showline": False,
        "ticks": "",
        "tickfont": {"size": 11, "color": palette.muted},
        "automargin": True,
        "fixedrange": True,
    }
    across, upwards = {"showgrid": False, **axis}, {"showgrid": True, "gridcolor": palette.grid, **axis}
    layout: dict[str, Any] = {
        "height": height,
        "font": {"family": FONT, "size": 12, "color": palette.text},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 0, "r": 0, "t": 20, "b": 0},
        "showlegend": False,
        "dragmode": False,
        "hovermode": "closest",
        "hoverlabel": {"font": {"family": FONT, "size": 12}},
    }
    if figure is None:  # a figure that is made with its layout takes a tenth of the time of one that is updated
        return go.Figure(layout={**layout, "xaxis": across, "yaxis": upwards})
    figure.update_layout(layout)
    figure.update_xaxes(across)
    figure.update_yaxes(upwards)
    return figure


def label(text: str) -> str:
    """Text from data as a figure may show it: plotly reads tags, so they are escaped.

    Examples
    --------
    >>> label('<a href="x">y</a>')
    '&lt;a href="x"&gt;y&lt;/a&gt;'
    """
    cleaned = "".join(char if char.isprintable() else " " for char in text)
    return html.escape(cleaned, quote=False)


def panel_title(figure: go.Figure, text: str, *, palette: Palette, y: float = 1.0, x: float = 0.0) -> None:
    """A panel's title, small and bold above its left end."""
    figure.add_annotation(
        text=f"<b>{label(text)}</b>",
        xref="paper",
        yref="paper",
        x=x,
        y=y,
        xanchor="left",
        yanchor="bottom",
        showarrow=False,
        font={"size": 11, "color": palette.text},
    )


def note_at_end(figure: go.Figure, lines: Sequence[str], *, y: float, colour: str, yref: str = "y") -> None:
    """Words at the right end of a line, in the margin, so that a phone keeps its plot."""
    figure.add_annotation(
        text="<br>".join(map(label, lines)),
        xref="paper",
        yref=yref,
        x=1.0,
        y=y,
        xshift=6,
        xanchor="left",
        yanchor="middle",
        align="left",
        showarrow=False,
        font={"size": 11, "color": colour},
    )


def rgba(colour: str, alpha: float) -> str:
    """A hex colour with an alpha.

    Examples
    --------
    >>> rgba("#0b57d0", 0.5)
    'rgba(11,87,208,0.5)'
    """
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha:g})"
