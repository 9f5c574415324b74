"""A figure of quiet against sight: false alarms a year and delay of every rule, drawn by hand as SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

__all__ = ["Point", "drawn"]

WIDTH, HEIGHT = 860, 520
LEFT, RIGHT, TOP, BOTTOM = 96, 120, 56, 72
NEVER = 150.0  # where a change that is not found in the median is drawn
ZERO = 0.02  # and where no false alarm at all is
LETTER = 6.8  # about how wide a letter of a name is
TICKS_X = (0, 1, 2, 5, 10, 30, 100)
TICKS_Y = (0.1, 1, 10, 100, 365)
STYLE = """
  text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328 }
  .small { font-size: 12px; fill: #57606a }
  .title { font-size: 14px; font-weight: 600 }
  .axis { stroke: #8c959f; stroke-width: 1 }
  .grid { stroke: #d0d7de; stroke-width: 1 }
  .budget { stroke: #1a7f37; stroke-width: 1.5; stroke-dasharray: 5 4 }
  .budget-text { fill: #1a7f37; font-size: 12px }
  .ours { fill: #0969da } .ours-line { stroke: #0969da; stroke-width: 2 }
  .peer { fill: #bc4c00 } .peer-line { stroke: #bc4c00; stroke-width: 1.5 }
  .hollow { fill: #ffffff; stroke-width: 2 }
  .ours-hollow { stroke: #0969da } .peer-hollow { stroke: #bc4c00 }
  .paper { fill: #ffffff }
  .name { paint-order: stroke; stroke: #ffffff; stroke-width: 4px; stroke-linejoin: round }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .small { fill: #9198a1 } .axis { stroke: #656c76 } .grid { stroke: #30363d }
    .budget { stroke: #3fb950 } .budget-text { fill: #3fb950 }
    .ours { fill: #58a6ff } .ours-line, .ours-hollow { stroke: #58a6ff }
    .peer { fill: #f0883e } .peer-line, .peer-hollow { stroke: #f0883e }
    .hollow, .paper { fill: #0d1117 }
    .name { stroke: #0d1117 }
  }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A rule: windows until it finds a change in the median, and false alarm days a year in two worlds."""

    name: str
    delay: float
    quiet: float
    unquiet: float
    is_ours: bool


def drawn(points: Sequence[Point], *, title: str, budget: float) -> str:
    """The figure: delay to the right, false alarm days a year upwards on a logarithmic scale."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)}">',
        f"<style>{STYLE}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}"/>',
        f'<text class="title" x="{LEFT}" y="28">{escape(title)}</text>',
    ]
    for tick in TICKS_Y:
        parts += _line("grid", LEFT, _y(tick), WIDTH - RIGHT, _y(tick))
        parts.append(f'<text class="small" x="{LEFT - 8}" y="{_y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>')
    parts.append(f'<text class="small" x="{LEFT - 8}" y="{_y(0) + 4:.1f}" text-anchor="end">none</text>')
    for tick in (*TICKS_X, math.inf):
        label = "not found" if math.isinf(tick) else f"{tick:g}"
        parts += _line("axis", _x(tick), HEIGHT - BOTTOM, _x(tick), HEIGHT - BOTTOM + 5)
        parts.append(
            f'<text class="small" x="{_x(tick):.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{label}</text>'
        )
    parts += _line("axis", LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM)
    parts += _line("axis", LEFT, TOP, LEFT, HEIGHT - BOTTOM)
    parts += _line("budget", LEFT, _y(budget), WIDTH - RIGHT, _y(budget))
    parts.append(f'<text class="budget-text" x="{WIDTH - RIGHT + 6}" y="{_y(budget) + 4:.1f}">budget</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(
        f'<text x="{middle}" y="{HEIGHT - 22}" text-anchor="middle">'
        "windows until a lasting shift of 0.10 sd is found (median; 0 is the window of the change)</text>"
    )
    parts.append(
        f'<text x="22" y="{(TOP + HEIGHT - BOTTOM) / 2}" text-anchor="middle" '
        f'transform="rotate(-90 22 {(TOP + HEIGHT - BOTTOM) / 2})">days a year with a false alarm</text>'
    )
    marks = [_marks(point, label_y) for point, label_y in zip(points, _label_heights(points), strict=True)]
    parts += [name for *_, name in marks] + [shape for *shapes, _ in marks for shape in shapes]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _marks(point: Point, label_y: float) -> list[str]:
    who = "ours" if point.is_ours else "peer"
    x, low, high = _x(point.delay), _y(point.quiet), _y(point.unquiet)
    anchor, at = ("end", x - 10) if _is_at_the_end(x) else ("start", x + 10)
    return [
        *_line(f"{who}-line", x, low, x, high),
        f'<circle class="{who}" cx="{x:.1f}" cy="{low:.1f}" r="5"/>',
        f'<circle class="hollow {who}-hollow" cx="{x:.1f}" cy="{high:.1f}" r="3.5"/>',
        f'<text class="small name" x="{at:.1f}" y="{label_y:.1f}" text-anchor="{anchor}">{escape(point.name)}</text>',
    ]


def _is_at_the_end(x: float) -> bool:
    return x > WIDTH - RIGHT - 150


def _label_heights(points: Sequence[Point]) -> list[float]:
    """Where each name stands: beside its filled mark, moved up where another stands there already."""
    taken: list[tuple[float, float, float]] = []
    heights = []
    for point in points:
        x, y, wide = _x(point.delay), _y(point.quiet) + 4, 10 + LETTER * len(point.name)
        low, high = (x - wide, x) if _is_at_the_end(x) else (x, x + wide)
        while any(low < their_high and their_low < high and abs(y - at) < 15 for their_low, their_high, at in taken):
            y -= 3
        taken.append((low, high, y))
        heights.append(y)
    return heights


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> list[str]:
    return [f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>']


def _x(delay: float) -> float:
    """Logarithmic from 1 on; 0 and 'not found' have places of their own."""
    value = NEVER * 2 if math.isinf(delay) else min(delay, NEVER)
    share = math.log1p(value) / math.log1p(NEVER * 2)
    return LEFT + 24 + share * (WIDTH - RIGHT - LEFT - 60)


def _y(a_year: float) -> float:
    value = max(a_year, ZERO)
    share = math.log(value / ZERO) / math.log(500 / ZERO)
    return HEIGHT - BOTTOM - 12 - share * (HEIGHT - TOP - BOTTOM - 12)
