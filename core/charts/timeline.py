"""What happened and when: a measure, the records behind it, and numbered marks of versions and alarms on one axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from core.charts.frame import Chart, Palette, bare_figure, label, panel_title, rgba
from core.charts.trend import Limit, Point, style_time_axis, trend_chart
from core.measure import Measure, Status

__all__ = ["Mark", "merged", "timeline_chart"]

HEIGHT = 430
MEASURE, VOLUME, LANES = (0.47, 1.0), (0.295, 0.4), (0.0, 0.24)  # the panels' shares of the height
MARKERS_ACROSS = 11  # as many as stand side by side on a phone; closer ones become one
SHAPES = {Status.CRITICAL: "circle", Status.WARNING: "diamond", None: "square"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something that began in a window: its number in the list below, its lane, how long it lasted.

    ``first`` and ``last`` are places of windows. A mark without status is no verdict: a version.
    """

    number: int
    lane: str
    first: int
    last: int
    words: str
    status: Status | None = None


def timeline_chart(
    measures: Sequence[Measure],
    points: Sequence[Point],
    records: Sequence[int],
    marks: Sequence[Mark],
    *,
    palette: Palette,
    title: str,
    unit: str,
    lanes: Sequence[str],
    written: Sequence[str],
    reference: Limit | None = None,
    limits: Sequence[Limit] = (),
    percent: bool = False,
    focus: int | None = None,
    onset: int | None = None,
) -> Chart:
    """A measure with its interval, the records of each window, and a lane of numbered marks for each kind.

    Parameters
    ----------
    measures, points, written : sequences
        One a window, as for `trend_chart`.
    records : sequence of int
        Rows of each window.
    marks : sequence of Mark
        Numbered in the order of the list that stands below the figure.
    unit : str
        What one window is called.
    lanes : sequence of str
        From top to bottom; every mark lies in one of them.
    onset : int or None
        Where what the page speaks of began; a line goes through all panels there.
    """
    if any(measure.value is not None for measure in measures):
        chart = trend_chart(
            measures,
            points,
            palette=palette,
            title=title,
            written=written,
            reference=reference,
            limits=limits,
            percent=percent,
            height=round(HEIGHT * (MEASURE[1] - MEASURE[0])),
            focus=focus,
        )
    else:
        chart = _without_values(points, palette, title)
    figure = chart.figure
    figure.update_layout(height=HEIGHT, yaxis={"domain": MEASURE}, xaxis={"anchor": "y3"}, bargap=0.25)
    _records(figure, points, records, palette, unit)
    _lanes(figure, points, marks, lanes, palette)
    if onset is not None:
        at = points[onset].at
        figure.add_shape(
            type="line",
            x0=at,
            x1=at,
            y0=0,
            y1=1,
            yref="paper",
            line={"color": palette.critical, "width": 1},
            opacity=0.6,
        )
    said = f" Records by {unit}: {min(records):,} to {max(records):,}." if records else ""
    listed = f" {len(marks)} marks, numbered as in the list below." if marks else " No version or alarm is marked."
    return Chart(figure=figure, alt=f"{chart.alt}{said}{listed}")


def merged(marks: Sequence[Mark], points: Sequence[Point]) -> list[list[Mark]]:
    """The marks of one lane, those too close to stand side by side together.

    Examples
    --------
    >>> points = [Point(at=place, name=f"rows {place}") for place in range(27)]
    >>> near = [Mark(number=n, lane="Versions", first=at, last=at, words="") for n, at in ((1, 3), (2, 4), (3, 9))]
    >>> [[mark.number for mark in group] for group in merged(near, points)]
    [[1, 2], [3]]
    """
    groups: list[list[Mark]] = []
    for mark in sorted(marks, key=lambda mark: mark.first):
        if groups and _between(points, groups[-1][0].first, mark.first) * MARKERS_ACROSS < 1:
            groups[-1].append(mark)
        else:
            groups.append([mark])
    return groups


def _between(points: Sequence[Point], first: int, last: int) -> float:
    """How far two windows lie apart, as a share of the axis."""
    whole = _distance(points[0], points[-1])
    return _distance(points[first], points[last]) / whole if whole else 0.0


def _distance(first: Point, last: Point) -> float:
    if isinstance(first.at, int) or isinstance(last.at, int):
        return float(int(last.at) - int(first.at)) if isinstance(first.at, int) and isinstance(last.at, int) else 0.0
    return (last.at - first.at).total_seconds()


def _without_values(points: Sequence[Point], palette: Palette, title: str) -> Chart:
    figure = bare_figure(palette, height=HEIGHT)
    panel_title(figure, title, palette=palette, y=1.0)
    figure.add_annotation(
        text="no value in any window",
        x=0.5,
        y=sum(MEASURE) / 2,
        xref="paper",
        yref="paper",
        showarrow=False,
        font={"size": 12, "color": palette.muted},
    )
    figure.update_layout(margin={"l": 0, "r": 8, "t": 24, "b": 0})
    figure.update_yaxes(showticklabels=False, showgrid=False)
    style_time_axis(figure, points)
    return Chart(figure=figure, alt=f"{title}: no window has a value.")


def _records(figure: go.Figure, points: Sequence[Point], records: Sequence[int], palette: Palette, unit: str) -> None:
    """The rows of each window, as bars."""
    figure.add_bar(
        x=[point.at for point in points],
        y=list(records),
        yaxis="y2",
        marker={"color": palette.volume},
        text=[f"{label(point.name)}<br>{n:,} records" for point, n in zip(points, records, strict=True)],
        textposition="none",
        hovertemplate="%{text}<extra></extra>",
    )
    panel_title(figure, f"Records by {unit}", palette=palette, y=VOLUME[1])
    figure.update_layout(
        yaxis2={**_axis(palette), "domain": VOLUME, "nticks": 3, "rangemode": "tozero", "tickformat": "~s"}
    )


def _lanes(
    figure: go.Figure, points: Sequence[Point], marks: Sequence[Mark], lanes: Sequence[str], palette: Palette
) -> None:
    """A lane for each kind of mark: a bar as long as it lasted, and its number where it began."""
    heights = {lane: len(lanes) - 1 - place for place, lane in enumerate(lanes)}
    x = [point.at for point in points]
    for mark in marks:
        if mark.last > mark.first:
            figure.add_scatter(
                x=[x[mark.first], x[mark.last]],
                y=[heights[mark.lane]] * 2,
                yaxis="y3",
                mode="lines",
                line={"color": rgba(_colour(mark, palette), 0.42), "width": 4},
                hoverinfo="skip",
            )
    for lane in lanes:
        for group in merged([mark for mark in marks if mark.lane == lane], points):
            _marker(figure, group, x[group[0].first], heights[lane], palette)
    figure.update_layout(
        yaxis3={
            **_axis(palette),
            "domain": LANES,
            "tickvals": list(heights.values()),
            "ticktext": [label(lane) for lane in heights],
            "range": [-0.6, len(lanes) - 0.4],
        }
    )


def _marker(figure: go.Figure, group: Sequence[Mark], x: object, y: int, palette: Palette) -> None:
    """One marker for one or several marks, with the first number in it; the worst gives shape and colour."""
    worst = min(group, key=lambda mark: list(SHAPES).index(mark.status))
    number = f"{group[0].number}{'+' if len(group) > 1 else ''}"
    size = 14 + 3 * len(number) + (3 if worst.status is Status.WARNING else 0)
    figure.add_scatter(
        x=[x],
        y=[y],
        yaxis="y3",
        mode="markers+text",
        marker={
            "size": size,
            "symbol": SHAPES[worst.status],
            "color": _colour(worst, palette),
        },
        text=[number],
        textfont={"size": 10, "color": palette.ground},
        hovertext="<br>".join(f"{mark.number} {label(mark.words)}" for mark in group),
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _colour(mark: Mark, palette: Palette) -> str:
    return palette.current if mark.status is None else palette.of(mark.status)


def _axis(palette: Palette) -> dict[str, object]:
    """What a further vertical axis needs to look like the first."""
    return {
        "anchor": "x",
        "zeroline": False,
        "showline": False,
        "ticks": "",
        "tickfont": {"size": 11, "color": palette.muted},
        "automargin": True,
        "fixedrange": True,
        "showgrid": True,
        "gridcolor": palette.grid,
    }
