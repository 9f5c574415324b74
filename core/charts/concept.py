"""Concept drawn: outcomes by score bin, as observed and as the reference makes one expect."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.charts.axes import point_ticks
from core.charts.frame import Chart, Palette, bare_figure, label, panel_title, rgba
from core.concept.conclusion import ResidualBin

__all__ = ["residual_bins"]

HEIGHT = 380


def residual_bins(bins: Sequence[ResidualBin], *, palette: Palette, is_rate: bool, what: str, by: str) -> Chart:
    """Observed and expected in each bin, and below it their difference with its interval.

    Parameters
    ----------
    bins : sequence of ResidualBin
        In order; those without rows on either side stay empty.
    is_rate : bool
        Whether values are shares, else means in the label's units.
    what : str
        What is observed: "Share with 'default'".
    by : str
        What the bins are of: "score".
    """
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.5, 0.5], vertical_spacing=0.13)
    bare_figure(palette, height=HEIGHT, figure=figure)
    both = [(x, b) for x, b in enumerate(bins) if b.expected is not None and b.observed is not None]
    for x, each in enumerate(bins):
        if each.expected is not None:
            figure.add_scatter(
                x=[x - 0.38, x + 0.38],
                y=[each.expected] * 2,
                mode="lines",
                line={"color": palette.reference, "width": 1.8, "dash": "dot"},
                hoverinfo="skip",
                row=1,
                col=1,
            )
    words = [_said(b, is_rate) for _, b in both]
    figure.add_scatter(
        x=[x for x, _ in both],
        y=[b.observed for _, b in both],
        mode="markers",
        marker={"size": 7, "color": palette.current},
        text=words,
        hovertemplate="%{text}<extra></extra>",
        row=1,
        col=1,
    )
    certain = [b.difference is not None and not b.difference.low <= 0 <= b.difference.high for _, b in both]
    for x, each in both:
        if each.difference is not None:
            figure.add_scatter(
                x=[x, x],
                y=[each.difference.low, each.difference.high],
                mode="lines",
                line={"color": rgba(palette.current, 0.42), "width": 3},
                hoverinfo="skip",
                row=2,
                col=1,
            )
    differences = [(b.observed or 0.0) - (b.expected or 0.0) for _, b in both]
    figure.add_scatter(
        x=[x for x, _ in both],
        y=differences,
        mode="markers",
        marker={
            "size": 7,
            "symbol": ["circle" if sure else "circle-open" for sure in certain],
            "color": palette.current,
            "line": {"width": 1.5, "color": palette.current},
        },
        text=words,
        hovertemplate="%{text}<extra></extra>",
        row=2,
        col=1,
    )
    figure.add_hline(y=0, line={"color": palette.reference, "width": 1.2, "dash": "dash"}, layer="below", row=2, col=1)
    panel_title(figure, what, palette=palette)
    panel_title(figure, "Observed minus expected, 95% interval", palette=palette, y=0.435)
    _axes(figure, bins, differences, is_rate=is_rate)
    figure.update_layout(margin={"t": 24, "r": 12})
    above = sum(sure and d > 0 for sure, d in zip(certain, differences, strict=True))
    below = sum(sure and d < 0 for sure, d in zip(certain, differences, strict=True))
    alt = (
        f"{what} in {len(both)} bins of the {by}, observed and expected. "
        f"The interval of the difference lies above 0 in {above} bins and below in {below}."
    )
    return Chart(figure=figure, alt=alt)


def _axes(figure: go.Figure, bins: Sequence[ResidualBin], differences: Sequence[float], *, is_rate: bool) -> None:
    ends = [end for b in bins if b.difference for end in (b.difference.low, b.difference.high)] + [*differences, 0.0]
    low, high = min(ends), max(ends)
    room = 0.06 * ((high - low) or 0.02)
    lower: dict[str, Any] = {"range": [low - room, high + room]}
    if is_rate:
        values, texts = point_ticks(low - room, high + room, most=4)
        lower |= {"tickvals": values, "ticktext": texts}
    else:
        lower |= {"nticks": 4, "tickformat": ",.3~s"}
    figure.update_yaxes(row=1, col=1, nticks=4, tickformat=".0%" if is_rate else ",.3~s")
    figure.update_yaxes(row=2, col=1, **lower)
    step = max(1, -(-len(bins) // 5))
    places = list(range(0, len(bins), step))
    texts = [label(_tick(bins[place].name)) for place in places]
    figure.update_xaxes(tickvals=places, tickangle=0, range=[-0.6, len(bins) - 0.4])
    figure.update_xaxes(row=2, col=1, ticktext=texts)
    figure.update_xaxes(row=1, col=1, showticklabels=False)


def _tick(name: str) -> str:
    """A bin's name, short enough for an axis.

    Examples
    --------
    >>> _tick("above 0.0093, up to 0.0138"), _tick("above 0.403"), _tick("payslip")
    ('≤ 0.0138', '> 0.403', 'payslip')
    """
    if ", up to " in name and name.startswith("above "):
        return f"≤ {name.rsplit('up to ', 1)[1]}"
    for start, sign in (("up to ", "≤ "), ("above ", "> ")):
        if name.startswith(start):
            return f"{sign}{name.removeprefix(start)}"
    return name if len(name) <= 14 else f"{name[:13]}…"


def _said(each: ResidualBin, is_rate: bool) -> str:
    observed, expected = each.observed or 0.0, each.expected or 0.0
    values = (
        f"observed {observed:.1%}, expected {expected:.1%}"
        if is_rate
        else f"observed {observed:,.3g}, expected {expected:,.3g}"
    )
    return f"{label(each.name)}<br>{values}<br>n {each.n:,}, reference n {each.n_reference:,}"
