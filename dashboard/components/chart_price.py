"""What a chart costs: false alarms against delay, beside the choice of rules."""

from __future__ import annotations

import streamlit as st

from core.charts.control_design import TradeLine, trade_chart
from core.services.chart_design import TRADED, ChartDesign
from core.services.chart_options import ChartType
from core.services.chart_report import ChartReport
from dashboard.components.chart_choices import pick_limits, pick_memory, pick_rules
from dashboard.components.chart_words import series_name, unit_of, value_words
from dashboard.components.numbers import show_chart, show_numbers
from dashboard.text import MINUS, muted, plain, signed
from dashboard.theme import palette

__all__ = ["show_price"]


def show_price(report: ChartReport, design: ChartDesign) -> None:
    """Rules or parameters, what they cost, and how the price moves with the limits."""
    st.subheader("What does this chart cost?", anchor=False)
    left, right = st.columns([11, 9], gap="medium")
    with left:
        if report.options.chart is ChartType.SHEWHART:
            pick_rules()
        else:
            pick_memory(report.options.chart)
        st.markdown(rate_words(report, design))
        with st.expander("Limits, rhythm, correlation", type="compact"):
            pick_limits(seasonal=report.context.unit in ("day", "hour"))
    with right, st.container(border=True):
        _trade(report, design)
        unit = unit_of(report.context)
        show_numbers(
            ["Shift", f"Found after, in {unit}s"],
            [
                ("none", f"{design.known.value:,.1f}{_error(design.known.standard_error)}"),
                *(
                    (f"{delay.shift:g} sigma", f"{delay.length.value:,.2f}{_error(delay.length.standard_error)}")
                    for delay in design.delays
                ),
            ],
            alt="Average run lengths",
        )


def rate_words(report: ChartReport, design: ChartDesign) -> str:
    """How often the chart signals by chance, known and with what phase I tells."""
    unit = unit_of(report.context)
    if report.options.chart is ChartType.SHEWHART and not report.options.rules:
        return "**No rule is chosen, so nothing signals.**"
    known = f"1 in {design.known.value:,.0f} {unit}s{_error(design.known.standard_error)}"
    how = design.known.method
    if design.rate is None:
        return f"**False alarms: {known}** if centre and sigma were known ({how})."
    if report.baseline is not None and report.baseline.is_exact:
        return f"**False alarms: at most {known}** by limits that follow the law of counts ({how})."
    now = f"1 in {1 / design.rate:,.0f} {unit}s" if design.rate > 0 else "none"
    a_year = f", about {design.a_year:.1f} a year" if design.a_year is not None else ""
    n = report.baseline.n_points if report.baseline else 0
    return (
        f"**False alarms: {now}{a_year}**, with what {n} points of phase I tell of centre and sigma; {known} if both "
        f"were known ({how})."
    )


def sigma_words(report: ChartReport) -> str:
    """What one sigma is at the newest window."""
    last = next((p for p in reversed(report.points) if p.high is not None and p.low is not None), None)
    baseline = report.baseline
    if last is None or baseline is None or report.options.chart is not ChartType.SHEWHART:
        return ""
    sigma = ((last.high or 0.0) - (last.low or 0.0)) / (2 * baseline.width)
    name = report.series
    words = signed(sigma).lstrip("+") if name.measure in ("", "difference") else value_words(name, sigma)
    return f"One sigma is {words.replace(MINUS, '')} of {series_name(name)} at the newest window's rows."


def _trade(report: ChartReport, design: ChartDesign) -> None:
    per = design.windows_per_year
    factor, unit = (per, "a year") if per is not None else (1000.0, "in 1,000 windows")
    if not design.trades:
        st.markdown(
            "Delays with other limits are drawn for rules of zones only: trend and alternation (Nelson 3 and 4) are "
            "simulated, and without rule 1 no limit can move."
        )
        return
    present = {delay.shift: delay.length.value for delay in design.delays}
    lines = [
        TradeLine(
            words=f"{shift:g} sigma", delays=[trade.delays[place] for trade in design.trades], present=present[shift]
        )
        for place, shift in enumerate(TRADED)
    ]
    show_chart(
        trade_chart(
            [factor / trade.run_length for trade in design.trades],
            lines,
            present=factor / design.known.value,
            palette=palette(),
            title=f"{unit_of(report.context).capitalize()}s until a shift is found",
            unit=unit,
        ),
        key="trade_chart",
    )
    st.markdown(muted(plain(f"Dot: the present limits, centre and sigma known. {sigma_words(report)}")))


def _error(standard_error: float) -> str:
    return f" ± {2 * standard_error:,.1f}" if standard_error else ""
