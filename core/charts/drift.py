"""Drift drawn: which columns moved and how far, and what moved inside one."""

from __future__ import annotations

from collections.abc import Sequence

from core.charts.frame import Chart, Palette, bare_figure, label, panel_title, rgba
from core.drift.shares import BinShare
from core.measure import Measure, Status

__all__ = ["column_dots", "share_bars"]

SYMBOLS = {Status.CRITICAL: "circle", Status.WARNING: "diamond"}
ROW = 34
LEAST_AXIS = 0.05  # a PSI that the axis reaches to at least, so that noise doesn't look large


def column_dots(psi: Sequence[Measure], *, palette: Palette, written: Sequence[str]) -> Chart:
    """PSI of each column with its interval, in the order given; the dot says what the watch says.

    Parameters
    ----------
    psi : sequence of Measure
        One a column; `column` names it.
    written : sequence of str
        Each value in words, shown at the right end.
    """
    figure = bare_figure(palette, height=ROW * max(1, len(psi)) + 60)
    top = max([LEAST_AXIS, *((m.interval.high if m.interval else m.value or 0.0) for m in psi)])
    rows = list(range(len(psi)))[::-1]
    for measure, row in zip(psi, rows, strict=True):
        colour = palette.of(measure.status) if measure.status in SYMBOLS else palette.faint
        if measure.interval is not None:
            figure.add_scatter(
                x=[measure.interval.low, measure.interval.high],
                y=[row, row],
                mode="lines",
                line={"width": 3, "color": rgba(colour, 0.42)},
                hoverinfo="skip",
            )
    valued = [(m, row, text) for m, row, text in zip(psi, rows, written, strict=True) if m.value is not None]
    colours = [palette.of(m.status) if m.status in SYMBOLS else palette.faint for m, _, _ in valued]
    figure.add_scatter(
        x=[m.value for m, _, _ in valued],
        y=[row for _, row, _ in valued],
        mode="markers",
        cliponaxis=False,
        marker={
            "size": 10,
            "symbol": [SYMBOLS.get(m.status, "circle-open") for m, _, _ in valued],
            "color": colours,
            "line": {"width": 1.5, "color": colours},
        },
        text=[f"{label(m.column)}: {label(text)}<br>{label(m.why)}" for m, _, text in valued],
        hovertemplate="%{text}<extra></extra>",
    )
    for text, measure, row in zip(written, psi, rows, strict=True):
        figure.add_annotation(
            text=label(text) if measure.value is not None else "no value",
            xref="paper",
            x=1,
            y=row,
            xanchor="right",
            showarrow=False,
            bgcolor=palette.ground,
            font={"size": 11, "color": palette.text if measure.status in SYMBOLS else palette.muted},
        )
    figure.update_yaxes(
        tickvals=rows,
        ticktext=[label(_shortened(m.column)) for m in psi],
        tickfont={"size": 12, "color": palette.text},
        ticklabelstandoff=8,
        range=[-0.6, len(psi) - 0.1],
    )
    figure.update_xaxes(range=[-top * 0.03, top * 1.18], nticks=5, tickformat=".2~f")
    figure.update_layout(margin={"t": 8})
    moved = [m.column for m in psi if m.status in SYMBOLS]
    alt = f"Population stability index of {len(psi)} columns. "
    return Chart(figure=figure, alt=alt + (f"With an alarm: {', '.join(moved)}." if moved else "None has an alarm."))


def share_bars(shares: Sequence[BinShare], *, palette: Palette, column: str, current_name: str) -> Chart:
    """Shares of rows by bin: the window as bars, the reference as dashed steps over them."""
    drawn = [share for share in shares if share.current is not None and share.reference is not None][:40]
    figure = bare_figure(palette, height=210)
    places = list(range(len(drawn)))
    figure.add_bar(
        x=places,
        y=[share.current for share in drawn],
        marker={"color": palette.current, "opacity": 0.85},
        text=[
            f"{label(share.name)}<br>{label(current_name)} {share.current or 0:.1%} ({share.n_current:,})<br>"
            f"reference {share.reference or 0:.1%} ({share.n_reference:,})"
            for share in drawn
        ],
        textposition="none",
        hovertemplate="%{text}<extra></extra>",
    )
    for place, share in zip(places, drawn, strict=True):
        figure.add_shape(
            type="line",
            x0=place - 0.45,
            x1=place + 0.45,
            y0=share.reference,
            y1=share.reference,
            line={"color": palette.reference, "width": 1.8, "dash": "dot"},
        )
    ticks = _ticks(drawn)
    figure.update_xaxes(tickvals=[place for place, _ in ticks], ticktext=[text for _, text in ticks], tickangle=0)
    figure.update_yaxes(nticks=4, tickformat=".0%", rangemode="tozero")
    figure.update_layout(bargap=0.15, margin={"t": 24})
    panel_title(figure, "Share of rows", palette=palette)
    moved = max(drawn, key=lambda share: abs((share.current or 0) - (share.reference or 0)), default=None)
    alt = f"Shares of {column} in {len(drawn)} bins."
    if moved is not None:
        alt += f" The largest difference is {moved.name}: {moved.reference or 0:.1%} to {moved.current or 0:.1%}."
    return Chart(figure=figure, alt=alt)


def _ticks(shares: Sequence[BinShare]) -> list[tuple[float, str]]:
    """Few tick labels: where numeric bins begin, at their left edge, and the names of the last special bins."""
    numeric = [place for place, share in enumerate(shares) if share.low is not None]
    named = [place for place, share in enumerate(shares) if share.special is not None]
    if not numeric:
        step = max(1, -(-len(shares) // 5))
        return [(place, label(_shortened(shares[place].name, 12))) for place in range(0, len(shares), step)]
    step = max(1, -(-len(numeric) // 4))
    ticks: list[tuple[float, str]] = [(place - 0.5, _compact(shares[place].low or 0.0)) for place in numeric[::step]]
    if named:
        largest = max(named, key=lambda place: shares[place].current or 0.0)
        ticks = [tick for tick in ticks if tick[0] < largest - 3]
        ticks.append((largest, label(_shortened(shares[largest].name, 16))))
    return ticks


def _compact(value: float) -> str:
    """A number short enough for a tick: 20.9k, 1.2M."""
    for size, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{suffix}"
    return f"{value:.3g}"


def _shortened(text: str, most: int = 28) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
