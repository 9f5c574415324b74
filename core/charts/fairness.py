"""Fairness drawn: each group's rate or error with its interval, and who can't be assessed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from core.charts.frame import Chart, Palette, bare_figure, label, rgba
from core.fairness.support import GroupMean
from core.measure import Status

__all__ = ["GroupMark", "group_dots"]

ROW = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupMark:
    """One group as it is drawn: what is known of it, the verdict on its gap, and two texts.

    ``note`` stands at the right end; ``lacking`` says why there is too little to show, '' if there isn't.
    """

    mean: GroupMean
    status: Status
    written: str
    note: str
    lacking: str = ""


def group_dots(
    marks: Sequence[GroupMark],
    *,
    palette: Palette,
    title: str,
    everyone: float | None = None,
    everyone_words: str = "",
    percent: bool = True,
) -> Chart:
    """A dot with its interval for each group, in the order given; a dashed line where a group can't be told.

    Parameters
    ----------
    marks : sequence of GroupMark
        A group with `lacking` is drawn without a dot, so that nobody reads it as a rate.
    title : str
        What is measured, below the axis.
    everyone : float, optional
        The value of all groups together, a dashed vertical line.
    percent : bool
        Whether values are rates.
    """
    figure = bare_figure(palette, height=ROW * max(1, len(marks)) + 78)
    rows = list(range(len(marks)))[::-1]
    told = [(mark, row) for mark, row in zip(marks, rows, strict=True) if not mark.lacking]
    low, high = _range(marks, everyone, percent=percent)
    for mark, row in told:
        if mark.mean.interval is not None:
            figure.add_scatter(
                x=[mark.mean.interval.low, mark.mean.interval.high],
                y=[row, row],
                mode="lines",
                line={"width": 3, "color": rgba(_colour(mark, palette), 0.42)},
                hoverinfo="skip",
            )
    figure.add_scatter(
        x=[mark.mean.value for mark, _ in told],
        y=[row for _, row in told],
        mode="markers",
        marker={
            "size": 11,
            "symbol": ["circle" if mark.status is Status.CRITICAL else "circle-open" for mark, _ in told],
            "color": [_colour(mark, palette) for mark, _ in told],
            "line": {"width": 1.8, "color": [_colour(mark, palette) for mark, _ in told]},
        },
        text=[f"{label(mark.mean.group)}: {label(mark.written)}" for mark, _ in told],
        hovertemplate="%{text}<extra></extra>",
    )
    if everyone is not None:
        figure.add_vline(x=everyone, line={"color": palette.reference, "width": 1.2, "dash": "dash"}, layer="below")
        _text(figure, everyone_words, x=everyone, y=len(marks) - 0.45, palette=palette, yanchor="bottom")
    for mark, row in zip(marks, rows, strict=True):
        if mark.lacking:
            figure.add_shape(
                type="line",
                x0=low,
                x1=high,
                y0=row,
                y1=row,
                line={"color": palette.faint, "width": 1.2, "dash": "dash"},
                layer="below",
            )
            _text(figure, mark.lacking, x=low + 0.42 * (high - low), y=row, palette=palette)
        figure.add_annotation(
            text=label(mark.note),
            xref="paper",
            x=1,
            y=row,
            xanchor="right",
            showarrow=False,
            bgcolor=palette.ground,
            font={"size": 11, "color": palette.muted},
        )
    figure.update_yaxes(
        tickvals=rows,
        ticktext=[label(_shortened(mark.mean.group)) for mark in marks],
        tickfont={"size": 12, "color": palette.text},
        range=[-0.6, len(marks) - 0.1],
    )
    figure.update_xaxes(
        range=[low, high],
        nticks=5,
        tickformat=".1~%" if percent else ",.3~s",
        title={"text": label(title), "font": {"size": 11, "color": palette.muted}, "standoff": 4},
    )
    figure.update_layout(margin={"t": 8})
    return Chart(figure=figure, alt=_alt(marks, title))


def _range(marks: Sequence[GroupMark], everyone: float | None, *, percent: bool) -> tuple[float, float]:
    """From just below the lowest interval to beyond the highest, with room for the notes at the right."""
    ends = [] if everyone is None else [everyone]
    for mark in marks:
        if not mark.lacking and mark.mean.value is not None:
            interval = mark.mean.interval
            ends += [interval.low, interval.high] if interval else [mark.mean.value]
    if not ends:
        return (0.0, 1.2)
    least = 0.02 if percent else 0.0  # a scale that shows less would make noise look like a gap
    span = max(max(ends) - min(ends), least) or 1.0
    low = min(ends) - 0.08 * span
    return (max(low, -0.005) if percent else low), max(*ends, min(ends) + span) + 0.32 * span


def _colour(mark: GroupMark, palette: Palette) -> str:
    return palette.critical if mark.status is Status.CRITICAL else palette.faint


def _text(figure: go.Figure, text: str, *, x: float, y: float, palette: Palette, yanchor: str = "middle") -> None:
    figure.add_annotation(
        text=label(text),
        x=x,
        y=y,
        yanchor=yanchor,
        showarrow=False,
        bgcolor=palette.ground,
        font={"size": 11, "color": palette.muted},
    )


def _alt(marks: Sequence[GroupMark], title: str) -> str:
    told = [f"{mark.mean.group} {mark.written}" for mark in marks if not mark.lacking]
    unknown = [mark.mean.group for mark in marks if mark.lacking]
    said = f"{title} by group: {'; '.join(told)}." if told else f"{title} by group: no group can be told."
    return said + (f" Not enough data: {', '.join(unknown)}." if unknown else "")


def _shortened(text: str, most: int = 22) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
