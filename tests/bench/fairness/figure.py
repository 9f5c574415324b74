"""The power curves as SVG: one panel a policy, one line a number of rows."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from tests.bench.fairness.parity import POLICIES
from tests.bench.fairness.power import DIFFERENCES, SIZES, Power

__all__ = ["drawn"]

WIDTH, HEIGHT, PANEL, LEFT, TOP, BOTTOM = 900, 340, 270, 60, 70, 60
TICKS = (0.0, 0.06, 0.12, 0.18, 0.24)
STYLE = """
  text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328 }
  .small { font-size: 12px; fill: #57606a } .title { font-size: 14px; font-weight: 600 }
  .grid { stroke: #d0d7de; stroke-width: 1 } .limit { stroke: #57606a; stroke-dasharray: 4 4 }
  .line { fill: none; stroke-width: 2 } .paper { fill: #ffffff }
  .n0 { stroke: #80ccff } .n1 { stroke: #4c9fe0 } .n2 { stroke: #1f6fbf } .n3 { stroke: #0a3d78 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .small { fill: #9198a1 } .grid { stroke: #30363d } .limit { stroke: #9198a1 }
    .paper { fill: #0d1117 } .n0 { stroke: #264f78 } .n1 { stroke: #3a7ab8 } .n2 { stroke: #58a6ff }
    .n3 { stroke: #b6dcff }
  }
"""


def drawn(rows: Sequence[Power], *, title: str) -> str:
    """The figure: the difference to the right, the share of audits that find it upwards."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)}">',
        f'<style>{STYLE}</style><rect class="paper" width="{WIDTH}" height="{HEIGHT}"/>',
        f'<text class="title" x="{LEFT}" y="26">{escape(title)}</text>',
    ]
    for place, name in enumerate(POLICIES):
        parts += _panel([row for row in rows if row.policy == name], name, LEFT + place * (PANEL + 10))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(rows: Sequence[Power], name: str, left: float) -> list[str]:
    right, high = left + PANEL - 40, HEIGHT - BOTTOM

    def x(difference: float) -> float:
        return left + difference / DIFFERENCES[-1] * (right - left)

    def y(share: float) -> float:
        return high - share * (high - TOP)

    parts = [f'<text x="{left}" y="{TOP - 14}">{escape(POLICIES[name].title)}</text>']
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{y(share):.1f}" y2="{y(share):.1f}"/>')
        if left == LEFT:
            parts.append(
                f'<text class="small" x="{left - 8}" y="{y(share) + 4:.1f}" text-anchor="end">{share:.0%}</text>'
            )
    parts += [
        f'<text class="small" x="{x(tick):.1f}" y="{high + 18}" text-anchor="middle">{100 * tick:g}</text>'
        for tick in TICKS
    ]
    parts.append(
        f'<text class="small" x="{(left + right) / 2:.0f}" y="{high + 38}" text-anchor="middle">points apart</text>'
    )
    for place, n in enumerate(SIZES):
        line = [row for row in rows if row.n == n]
        points = " ".join(f"{x(row.difference):.1f},{y(row.disparity):.1f}" for row in line)
        parts.append(f'<polyline class="line n{place}" points="{points}"/>')
        at = next((row for row in line if row.disparity >= 0.5), line[-1])
        label = f'x="{x(at.difference) + 5:.1f}" y="{y(at.disparity) + (12 if place % 2 else 26):.1f}"'
        parts.append(f'<text class="small" {label}>{n:,}</text>')
    return parts
