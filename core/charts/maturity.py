"""How complete labels are by the age of a record, drawn."""

from __future__ import annotations

from core.charts.frame import Chart, Palette, bare_figure, panel_title, rgba
from core.performance.maturity import LabelCurve

__all__ = ["label_curve_chart"]

HEIGHT = 200
MOST_AGES = 3  # times the age at which windows are judged, or at which labels are usually there


def label_curve_chart(curve: LabelCurve, *, judged_at: int, usual: int | None, unit: str, palette: Palette) -> Chart:
    """The share of records that has a label, by age, with its interval and the age from which windows are judged.

    Parameters
    ----------
    judged_at, usual : int
        Ages: the schema's delay, and that by which 95% of labels are there (None if it can't be told).
    unit : str
        'day' or 'hour'.
    """
    figure = bare_figure(palette, height=HEIGHT)
    known = max(judged_at, usual or 0)
    end = min(curve.last_age, MOST_AGES * known if known else curve.last_age)
    ages = list(range(end + 1))
    low, high = curve.low[: end + 1].tolist(), curve.high[: end + 1].tolist()
    share = curve.share[: end + 1].tolist()
    step = {"shape": "hv", "width": 0}
    figure.add_scatter(x=ages, y=high, mode="lines", line=step, hoverinfo="skip")
    figure.add_scatter(
        x=ages, y=low, mode="lines", line=step, fill="tonexty", fillcolor=rgba(palette.current, 0.15), hoverinfo="skip"
    )
    figure.add_scatter(
        x=ages,
        y=share,
        mode="lines",
        line={"color": palette.current, "width": 1.6, "shape": "hv"},
        text=[
            f"age {age:,} {unit}s: {value:.1%} [{bottom:.1%}, {top:.1%}]"
            for age, value, bottom, top in zip(ages, share, low, high, strict=True)
        ],
        hovertemplate="%{text}<extra></extra>",
    )
    if judged_at:
        figure.add_vline(x=judged_at, line={"color": palette.muted, "width": 1, "dash": "dot"})
        figure.add_annotation(
            text="judged from here on",
            x=judged_at,
            y=0,
            yref="paper",
            xanchor="left",
            yanchor="bottom",
            xshift=4,
            showarrow=False,
            font={"size": 11, "color": palette.muted},
        )
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%", nticks=5)
    figure.update_xaxes(range=[0, max(end, 1)], nticks=7, ticklabelstandoff=4)
    panel_title(figure, f"Records with a label, by age in {unit}s", palette=palette)
    figure.update_layout(margin={"t": 24, "r": 12})
    told = f"95% of the labels that come are there after {usual} {unit}s" if usual is not None else "more are coming"
    alt = f"Share of records with a label by age: {share[-1]:.0%} at {end} {unit}s; {told}. "
    alt += f"Windows are judged after {judged_at} {unit}s."
    return Chart(figure=figure, alt=alt)
