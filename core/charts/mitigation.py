"""The accuracy-gap curve: what treating groups more alike costs, one mark a model that could be had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.charts.frame import Chart, Palette, bare_figure, label, panel_title, rgba

__all__ = ["gap_curve_chart"]

HEIGHT = 340
ROOM = 0.06  # of the axis, beside the outermost mark
SYMBOLS = {"unmitigated": "diamond", "grid": "circle", "thresholds": "square"}


def gap_curve_chart(content: Mapping[str, Any], *, palette: Palette, asked: str | None = None) -> Chart:
    """Points with their intervals, those that no other one beats joined and named, the others pale.

    Parameters
    ----------
    content : mapping
        A curve as `AccuracyGapCurve.to_dict` gives it, and as evidence freezes it.
    asked : str or None
        The point that is asked for; it gets a ring.
    """
    by = str(content["objective"]).removesuffix("_score")
    points: Sequence[Mapping[str, Any]] = content["points"]
    figure = bare_figure(palette, height=HEIGHT)
    kept = sorted((p for p in points if not p["is_dominated"]), key=lambda p: float(p["gap"]["value"]))
    named = [p for p in points if not p["is_dominated"] or p["name"] in ("unmitigated", asked)]
    x_range, y_range = _range(named, "gap"), _range(named, by)
    figure.add_scatter(
        x=[p["gap"]["value"] for p in kept],
        y=[p[by]["value"] for p in kept],
        mode="lines",
        line={"color": rgba(palette.current, 0.5), "width": 1.5},
        hoverinfo="skip",
    )
    for point in named:
        for across, along in (("gap", by), (by, "gap")):
            ends, at = [point[across]["low"], point[across]["high"]], [point[along]["value"]] * 2
            x, y = (ends, at) if across == "gap" else (at, ends)
            colour = rgba(palette.muted, 0.35)
            figure.add_scatter(x=x, y=y, mode="lines", line={"color": colour, "width": 1}, hoverinfo="skip")
    for point in points:
        is_named = point in named
        colour = palette.text if point["name"] == "unmitigated" else palette.current
        figure.add_scatter(
            x=[point["gap"]["value"]],
            y=[point[by]["value"]],
            mode="markers",
            marker={
                "symbol": SYMBOLS.get(str(point["name"]).split("-")[0], "circle"),
                "size": 11 if is_named else 7,
                "color": colour if is_named else rgba(palette.faint, 0.5),
                "line": {"width": 3 if point["name"] == asked else 0, "color": palette.text},
            },
            hovertemplate=f"{_hover(point, by)}<extra></extra>",
        )
    for place, point in enumerate(sorted(named, key=lambda p: float(p["gap"]["value"]))):
        figure.add_annotation(
            x=point["gap"]["value"],
            y=point[by]["value"],
            text=label(str(point["name"])),
            showarrow=False,
            yshift=14 if place % 2 == 0 else -14,
            bgcolor=rgba(palette.ground, 0.7),
            font={"size": 11, "color": palette.text},
        )
    rate = str(content["constraint"]).replace("_", " ")
    panel_title(figure, by.replace("_", " ").capitalize(), palette=palette)
    figure.update_xaxes(
        range=x_range, tickformat=".0%", nticks=6, title={"text": label(f"Gap in {rate}"), "standoff": 8}
    )
    figure.update_yaxes(range=y_range, tickformat=".0%", nticks=5)
    return Chart(figure=figure, alt=_alt(points, by, rate, asked))


def _range(points: Sequence[Mapping[str, Any]], name: str) -> list[float]:
    """From the lowest to the highest end of what is named: other points may lie outside."""
    low, high = min(float(p[name]["low"]) for p in points), max(float(p[name]["high"]) for p in points)
    room = ROOM * ((high - low) or 1.0)
    return [low - room, high + room]


def _hover(point: Mapping[str, Any], by: str) -> str:
    lines = [f"{point['name']}: {point['words']}"]
    for name, figure in ((by.replace("_", " "), point[by]), ("gap", point["gap"])):
        lines.append(f"{name} {figure['value']:.1%} ({figure['low']:.1%} to {figure['high']:.1%}), n {figure['n']:,}")
    if point["needs_group"]:
        lines.append("needs the group when deciding")
    return "<br>".join(map(label, lines))


def _alt(points: Sequence[Mapping[str, Any]], by: str, rate: str, asked: str | None) -> str:
    best = min((p for p in points if not p["is_dominated"]), key=lambda p: float(p["gap"]["value"]))
    first = points[0]
    said = (
        f"{by.replace('_', ' ').capitalize()} against the gap in {rate} of {len(points)} models: as it is "
        f"{first[by]['value']:.1%} at a gap of {first['gap']['value']:.1%}; {best['name']} "
        f"{best[by]['value']:.1%} at {best['gap']['value']:.1%}."
    )
    return f"{said} Asked for is {asked}." if asked else said
