"""Axes whose ticks are chosen by hand: differences of rates, in percentage points."""

from __future__ import annotations

import math

from core.charts.frame import Chart, Palette

__all__ = ["in_points", "point_ticks"]

STEPS = tuple(step * 10.0**power for power in (-4, -3, -2, -1) for step in (1, 2, 5))


def point_ticks(low: float, high: float, *, most: int = 5) -> tuple[list[float], list[str]]:
    """Ticks from `low` to `high`, differences of two rates, with sign and unit.

    Examples
    --------
    >>> point_ticks(-0.05, 0.11)
    ([-0.05, 0.0, 0.05, 0.1], ['−5 pp', '0 pp', '+5 pp', '+10 pp'])
    """
    step = next((step for step in STEPS if (high - low) / step <= most), STEPS[-1])
    places = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    digits = max(0, -math.floor(math.log10(step * 100) + 1e-9))
    texts = [f"{place * step * 100:+.{digits}f} pp".replace("-", "−") if place else "0 pp" for place in places]
    return [round(place * step, 10) for place in places], texts


def in_points(chart: Chart, *, palette: Palette, low: float, high: float) -> Chart:
    """The chart with its vertical axis from `low` to `high`, in percentage points, with a line at 0 and no grid.

    Above `high` there is room for words in the plot.
    """
    room = 0.06 * ((high - low) or 0.02)
    low, high = low - room, high + 3 * room
    values, texts = point_ticks(low, high)
    chart.figure.update_yaxes(tickvals=values, ticktext=texts, range=[low, high])
    chart.figure.update_yaxes(showgrid=False, zeroline=True, zerolinecolor=palette.grid, zerolinewidth=1)
    return chart
