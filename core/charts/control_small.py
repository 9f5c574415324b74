"""A control chart in small, as SVG: limits as a band, the line, what signals, and where phase I ends."""

from __future__ import annotations

from collections.abc import Sequence

from core.charts.frame import Palette
from core.charts.sparkline import runs, svg

__all__ = ["small_control_chart"]

EDGE = 4


def small_control_chart(
    values: Sequence[float | None],
    *,
    centres: Sequence[float | None],
    lows: Sequence[float | None],
    highs: Sequence[float | None],
    signals: Sequence[bool],
    first_later: int,
    palette: Palette,
    is_off: bool,
    width: int = 260,
    height: int = 64,
) -> str:
    """One series without words; '' where nothing can be drawn.

    Parameters
    ----------
    values, centres, lows, highs, signals : sequences
        One a window; None leaves a gap.
    first_later : int
        The place of the first window after phase I.
    is_off : bool
        Whether the last dot carries the colour of a signal.
    """
    drawn = [value for each in (values, lows, highs) for value in each if value is not None]
    if not any(value is not None for value in values):
        return ""
    low, high = min(drawn), max(drawn)
    span = (high - low) or 1.0

    def x(place: float) -> float:
        return EDGE + (width - 2 * EDGE) * place / max(1, len(values) - 1)

    def y(value: float) -> float:
        return height - EDGE - (height - 2 * EDGE) * (value - low) / span

    parts = []
    for band in _bands(lows, highs):
        upper = [(place, high) for place, _, high in band]
        lower = [(place, low) for place, low, _ in reversed(band)]
        corners = " ".join(f"{x(place):.1f},{y(value):.1f}" for place, value in (*upper, *lower))
        parts.append(f'<polygon points="{corners}" fill="{palette.reference}" fill-opacity="0.14"/>')
    for run in runs(centres):
        points = " ".join(f"{x(place):.1f},{y(value):.1f}" for place, value in run)
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{palette.faint}" stroke-width="1" '
            'stroke-dasharray="4 3"/>'
        )
    if 0 < first_later < len(values):
        at = x(first_later - 0.5)
        parts.append(
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="0" y2="{height}" stroke="{palette.faint}" stroke-width="1"/>'
        )
    for run in runs(values):
        points = " ".join(f"{x(place):.1f},{y(value):.1f}" for place, value in run)
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{palette.current}" stroke-width="1.5" '
            'stroke-linejoin="round" stroke-linecap="round"/>'
        )
    for place, (value, signal) in enumerate(zip(values, signals, strict=True)):
        if value is not None and signal:
            parts.append(_diamond(x(place), y(value), palette.warning))
    place, last = [(place, value) for place, value in enumerate(values) if value is not None][-1]
    colour = palette.warning if is_off else palette.current
    parts.append(f'<circle cx="{x(place):.1f}" cy="{y(last):.1f}" r="2.8" fill="{colour}"/>')
    return svg(width, height, parts)


def _diamond(x: float, y: float, colour: str) -> str:
    corners = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in ((0, -3.6), (3.6, 0), (0, 3.6), (-3.6, 0)))
    return f'<polygon points="{corners}" fill="{colour}"/>'


def _bands(lows: Sequence[float | None], highs: Sequence[float | None]) -> list[list[tuple[int, float, float]]]:
    """Stretches of windows with both limits: place, lower, upper."""
    bands: list[list[tuple[int, float, float]]] = [[]]
    for place, (low, high) in enumerate(zip(lows, highs, strict=True)):
        if low is None or high is None:
            bands.append([])
        else:
            bands[-1].append((place, low, high))
    return [band for band in bands if len(band) > 1]
