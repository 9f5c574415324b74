"""Performance drawn: whether scores mean what they say, and what each threshold would have decided."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.charts.frame import Chart, Palette, bare_figure, label, panel_title, rgba
from core.stats.calibration import CalibrationBin
from core.stats.ranking import ThresholdTable

__all__ = ["calibration_chart", "threshold_chart"]

HEIGHT = 300
MOST_POINTS = 240
LEAST_ROWS = 30  # rows above a threshold, for a precision to be drawn


def calibration_chart(
    curve: Sequence[CalibrationBin], reference: Sequence[CalibrationBin], *, palette: Palette, current_name: str
) -> Chart:
    """The observed share by mean score, of a window with intervals and of the reference.

    Parameters
    ----------
    curve, reference : sequences of CalibrationBin
        Of the window and of the reference; either may be empty.
    current_name : str
        What the window is called.
    """
    figure = bare_figure(palette, height=HEIGHT)
    ends = [b.interval.high for b in curve] + [b.observed for b in reference] + [b.mean_score for b in curve]
    top = max([0.05, *ends]) * 1.04
    figure.add_scatter(
        x=[0, top],
        y=[0, top],
        mode="lines",
        line={"color": palette.faint, "width": 1.2, "dash": "dot"},
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=[b.mean_score for b in reference],
        y=[b.observed for b in reference],
        mode="lines",
        line={"color": palette.reference, "width": 1.2, "dash": "dash"},
        text=[f"reference<br>score {b.mean_score:.1%}, observed {b.observed:.1%} of {b.n:,}" for b in reference],
        hovertemplate="%{text}<extra></extra>",
    )
    for point in curve:
        figure.add_scatter(
            x=[point.mean_score, point.mean_score],
            y=[point.interval.low, point.interval.high],
            mode="lines",
            line={"color": rgba(palette.current, 0.42), "width": 3},
            hoverinfo="skip",
        )
    figure.add_scatter(
        x=[b.mean_score for b in curve],
        y=[b.observed for b in curve],
        mode="markers",
        marker={"size": 7, "color": palette.current},
        text=[
            f"{label(current_name)}<br>score {b.mean_score:.1%}, observed {b.observed:.1%} "
            f"[{b.interval.low:.1%}, {b.interval.high:.1%}] of {b.n:,}"
            for b in curve
        ],
        hovertemplate="%{text}<extra></extra>",
    )
    panel_title(figure, "Observed share, by mean score", palette=palette)
    figure.update_xaxes(range=[0, top], tickformat=".0%", nticks=6, ticklabelstandoff=5)
    figure.update_yaxes(range=[0, top], tickformat=".0%", nticks=6)
    figure.update_layout(margin={"t": 24, "r": 12})
    off = [b for b in curve if not b.interval.low <= b.mean_score <= b.interval.high]
    alt = f"Calibration of {len(curve)} score bins in {current_name}. "
    alt += f"In {len(off)} of them the mean score lies outside the interval of the observed share."
    return Chart(figure=figure, alt=alt if curve else "Calibration: no score bin has labelled rows.")


def threshold_chart(
    table: ThresholdTable, *, palette: Palette, operating: float | None = None, positive: str = "positive"
) -> Chart:
    """Precision, recall and the share called positive, by threshold.

    Parameters
    ----------
    table : ThresholdTable
        Of the window.
    operating : float, optional
        The threshold in force, marked if given.
    positive : str
        What the positive class is called.
    """
    figure = bare_figure(palette, height=HEIGHT)
    called = table.true_positives + table.false_positives
    n = int(called[0])
    precision = np.divide(
        table.true_positives, called, out=np.full(called.size, np.nan), where=called >= min(LEAST_ROWS, max(1, n))
    )
    recall = table.true_positives / max(1, int(table.true_positives[0]))
    share = called / max(1, n)
    kept = _thinned(table.threshold, share)
    lines = (
        (recall, "recall", "solid", palette.current, "━"),
        (precision, "precision", "dash", palette.text, "╌"),
        (share, f"called {positive}", "dot", palette.muted, "┈"),
    )
    for values, name, dash, colour, _ in lines:
        figure.add_scatter(
            x=table.threshold[kept],
            y=[None if np.isnan(value) else float(value) for value in values[kept]],
            mode="lines",
            line={"color": colour, "width": 2, "dash": dash},
            connectgaps=False,
            name=label(name),
            hovertemplate=f"{label(name)} %{{y:.1%}} at %{{x:.3g}}<extra></extra>",
        )
    said = ""
    if operating is not None and n:
        at = max(0, int(np.searchsorted(table.threshold, operating, side="left")) - 1)
        figure.add_vline(x=operating, line={"color": palette.muted, "width": 1.2, "dash": "dot"}, layer="below")
        figure.add_annotation(
            text=f"in force: {operating:g}",
            x=operating,
            y=1,
            yref="paper",
            xanchor="left",
            yanchor="top",
            xshift=4,
            showarrow=False,
            font={"size": 11, "color": palette.muted},
        )
        marked = [(values[at], name, colour) for values, name, _, colour, _ in lines if not np.isnan(values[at])]
        figure.add_scatter(
            x=[operating] * len(marked),
            y=[float(value) for value, _, _ in marked],
            mode="markers",
            marker={"size": 7, "color": [colour for _, _, colour in marked]},
            hoverinfo="skip",
        )
        said = f" At {operating:g}: " + ", ".join(f"{name} {value:.1%}" for value, name, _ in marked) + "."
    figure.add_annotation(
        text="&nbsp;&nbsp;".join(
            f"<span style='color:{colour}'>{mark * 2} {label(name)}</span>" for _, name, _, colour, mark in lines
        ),
        xref="paper",
        yref="paper",
        x=0,
        y=1,
        xanchor="left",
        yanchor="bottom",
        showarrow=False,
        font={"size": 11},
    )
    figure.update_xaxes(tickformat=".2~f", nticks=6)
    figure.update_yaxes(range=[-0.02, 1.04], tickformat=".0%", tickvals=[0, 0.25, 0.5, 0.75, 1])
    figure.update_layout(margin={"t": 24, "r": 12})
    alt = f"Recall, precision and the share called {positive} by threshold, over {n:,} labelled rows with a score."
    return Chart(figure=figure, alt=alt + said)


def _thinned(threshold: np.ndarray, share: np.ndarray) -> list[int]:
    """Which thresholds are drawn: finite ones, few enough for a figure, and none that hardly a row exceeds."""
    kept = [place for place in range(threshold.size) if np.isfinite(threshold[place])]
    last = next((place for place in kept if share[place] < 0.002), kept[-1] if kept else 0)
    kept = [place for place in kept if place <= last]
    step = max(1, -(-len(kept) // MOST_POINTS))
    return kept[::step]
