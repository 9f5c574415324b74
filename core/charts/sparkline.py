"""A tile's sparkline as SVG: the reference's band, the limit, the line, and a last dot that carries the verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence

from core.charts.frame import Palette
from core.measure import Interval, Status

__all__ = ["interval_mark", "runs", "sparkline", "svg"]


def sparkline(
    values: Sequence[float | None],
    *,
    palette: Palette,
    status: Status,
    band: Interval | None = None,
    limit: float | None = None,
    width: int = 140,
    height: int = 32,
) -> str:
    """A line of window values, oldest first; None leaves a gap. '' where nothing can be drawn."""
    present = [value for value in values if value is not None and math.isfinite(value)]
    if not present:
        return ""
    marks: list[float] = list(present)
    if band is not None:
        marks += [band.low, band.high]
    if limit is not None:
        marks.append(limit)
    low, high = min(marks), max(marks)
    span = float(high - low) or 1.0

    def x(place: int) -> float:
        return 4 + (width - 10) * place / max(1, len(values) - 1)

    def y(value: float) -> float:
        return height - 4 - (height - 8) * (value - low) / span

    parts = []
    if band is not None:
        top, bottom = y(band.high), y(band.low)
        parts.append(
            f'<rect x="0" y="{top:.1f}" width="{width}" height="{max(1.0, bottom - top):.1f}" '
            f'fill="{palette.reference}" fill-opacity="0.16"/>'
        )
    if limit is not None:
        parts.append(
            f'<line x1="0" x2="{width}" y1="{y(limit):.1f}" y2="{y(limit):.1f}" stroke="{palette.faint}" '
            'stroke-width="1.2" stroke-dasharray="1.5 2.5"/>'
        )
    for run in runs(values):
        points = " ".join(f"{x(place):.1f},{y(value):.1f}" for place, value in run)
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{palette.current}" stroke-width="1.5" '
            'stroke-linejoin="round" stroke-linecap="round"/>'
        )
    place, last = [(place, value) for place, value in enumerate(values) if value is not None][-1]
    parts.append(f'<circle cx="{x(place):.1f}" cy="{y(last):.1f}" r="2.6" fill="{palette.of(status)}"/>')
    return svg(width, height, parts)


def interval_mark(
    value: float,
    interval: Interval | None,
    *,
    low: float,
    high: float,
    palette: Palette,
    status: Status,
    margin: float | None = None,
    width: int = 150,
    height: int = 18,
) -> str:
    """A dot with its interval on a scale from `low` to `high`, and the margin as a dotted line."""
    span = (high - low) or 1.0

    def x(number: float) -> float:
        return 4 + (width - 8) * min(1.0, max(0.0, (number - low) / span))

    colour, middle = palette.of(status), height / 2
    parts = []
    if margin is not None:
        parts.append(
            f'<line x1="{x(margin):.1f}" x2="{x(margin):.1f}" y1="1" y2="{height - 1}" stroke="{palette.muted}" '
            'stroke-width="1.2" stroke-dasharray="1.5 2.5"/>'
        )
    if interval is not None:
        parts.append(
            f'<line x1="{x(interval.low):.1f}" x2="{x(interval.high):.1f}" y1="{middle}" y2="{middle}" '
            f'stroke="{colour}" stroke-width="2" stroke-opacity="0.6"/>'
        )
    parts.append(f'<circle cx="{x(value):.1f}" cy="{middle}" r="3.2" fill="{colour}"/>')
    return svg(width, height, parts)


def runs(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    """Stretches of values without a gap: place and value; a single one is no line.

    Examples
    --------
    >>> runs([1.0, 2.0, None, 3.0])
    [[(0, 1.0), (1, 2.0)]]
    """
    found: list[list[tuple[int, float]]] = [[]]
    for place, value in enumerate(values):
        if value is None or not math.isfinite(value):
            found.append([])
        else:
            found[-1].append((place, value))
    return [run for run in found if len(run) > 1]


def svg(width: int, height: int, parts: Sequence[str]) -> str:
    """The picture that these parts make."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f"{''.join(parts)}</svg>"
    )
