"""What a reader chooses on the page of control charts: series, chart, limits and rules, kept in the address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import streamlit as st

from core.services.chart_options import DEFAULT_RULES, RUN_LENGTH, ChartOptions, ChartType
from core.services.chart_series import SeriesName
from core.spc.baseline import Dependence, Limits
from core.spc.fitting import Adjustment, Rhythm
from core.spc.rules import NELSON, WESTERN_ELECTRIC, Rule
from dashboard.components.chart_words import series_label
from dashboard.state import in_address
from dashboard.text import muted

__all__ = ["chosen_options", "pick_chart", "pick_limits", "pick_memory", "pick_rules", "pick_series"]

T = TypeVar("T")

CHARTS = {"Points": ChartType.SHEWHART, "EWMA": ChartType.EWMA, "CUSUM": ChartType.CUSUM}
SETS = {"Nelson": NELSON, "Western Electric": WESTERN_ELECTRIC}
LIMITS = {
    "as tests on phase I advise": Limits.AUTO,
    "rows alone": Limits.SAMPLING,
    "Laney: one factor for all n": Limits.LANEY,
    "wider at large n (beta-binomial)": Limits.SHARED,
    "individuals: moving ranges": Limits.INDIVIDUALS,
}
RHYTHMS = {"where a test finds one": Rhythm.AUTO, "never": Rhythm.OFF, "always": Rhythm.ON}
DEPENDENCES = {
    "residuals, where a test finds any": Dependence.AUTO,
    "ignored": Dependence.IGNORE,
    "wider limits, where a test finds any": Dependence.WIDER,
}
RUN_LENGTHS = {"1 in 100": 100.0, "1 in 200": 200.0, "1 in 370": RUN_LENGTH, "1 in 1,000": 1000.0}
CODES = {rule: f"{'w' if rule.is_western_electric else 'n'}{rule.number}" for rule in Rule}
RULES = "rules"


def pick_series(choices: tuple[SeriesName, ...]) -> str:
    """The series that the reader chose, by its name."""
    names = {name.name: series_label(name) for name in choices}
    return in_address("Series", list(names), key="series", names=names)


def pick_chart() -> ChartType:
    """Points, EWMA or CUSUM."""
    words = st.segmented_control(
        "Chart", list(CHARTS), default="Points", required=True, key="chart", bind="query-params"
    )
    return CHARTS[words]


def chosen_options() -> ChartOptions:
    """What the widgets further down the page say, before they are drawn; what they begin with, the first time."""
    chart = CHARTS.get(str(st.session_state.get("chart", "Points")), ChartType.SHEWHART)
    return ChartOptions(
        chart=chart,
        rules=_rules(),
        adjustment=Adjustment(
            limits=_said(LIMITS, "limits"),
            rhythm=_said(RHYTHMS, "rhythm"),
            dependence=_said(DEPENDENCES, "dependence"),
        ),
        smoothing=float(st.session_state.get("smoothing", 0.2)),
        shift=float(st.session_state.get("shift", 1.0)),
        run_length=_said(RUN_LENGTHS, "run_length", RUN_LENGTH),
    )


def pick_rules() -> None:
    """A set of rules, and a checkbox for each, by number and in words."""
    current = _rules()
    is_western = bool(current) and all(rule.is_western_electric for rule in current)
    chosen = st.segmented_control(
        "Rules",
        list(SETS),
        default="Western Electric" if is_western else "Nelson",
        required=True,
        key="rule_set",
        on_change=_take_first_of_set,
    )
    for rule in SETS[chosen]:
        st.session_state.setdefault(_key(rule), rule in current)
        st.checkbox(f"**{rule.number}** {rule.words}", key=_key(rule), on_change=_tell_rules, args=(chosen,))


def pick_memory(chart: ChartType) -> None:
    """The parameters of an EWMA or a CUSUM."""
    if chart is ChartType.EWMA:
        st.slider(
            "Weight of the newest window (lambda)",
            min_value=0.05,
            max_value=1.0,
            value=0.2,
            step=0.05,
            key="smoothing",
        )
    else:
        st.slider("Shift to find soonest, in sigma", min_value=0.25, max_value=3.0, value=1.0, step=0.25, key="shift")
    st.selectbox("False alarms, in windows", list(RUN_LENGTHS), index=2, key="run_length", bind="query-params")


def pick_limits(*, seasonal: bool) -> None:
    """How limits are made; what differs from the default is a view, and changes no limits in force."""
    st.selectbox("Width of the limits from", list(LIMITS), key="limits", bind="query-params")
    if seasonal:
        st.selectbox(
            "Hold each window against its own weekday or hour", list(RHYTHMS), key="rhythm", bind="query-params"
        )
    st.selectbox("Correlated neighbours", list(DEPENDENCES), key="dependence", bind="query-params")
    st.markdown(muted("Another choice is a view of your own: limits in force stay as they are."))


def _rules() -> tuple[Rule, ...]:
    asked = st.query_params.get(RULES)
    if asked is None:
        return DEFAULT_RULES
    return tuple(rule for rule, code in CODES.items() if code in asked.split("-"))


def _tell_rules(chosen: str) -> None:
    """Keep the checked rules in the address."""
    checked = tuple(rule for rule in SETS[chosen] if st.session_state.get(_key(rule)))
    _write(checked)


def _take_first_of_set() -> None:
    """Of another set, begin with the rule of single points, and that of runs on one side."""
    rules = SETS[st.session_state["rule_set"]]
    wanted = tuple(rule for rule in rules if rule.number in ((1, 4) if rule.is_western_electric else (1, 2)))
    for rule in rules:
        st.session_state[_key(rule)] = rule in wanted
    _write(wanted)


def _write(rules: tuple[Rule, ...]) -> None:
    if rules == DEFAULT_RULES:
        st.query_params.pop(RULES, None)
    else:
        st.query_params[RULES] = "-".join(CODES[rule] for rule in rules) or "none"


def _key(rule: Rule) -> str:
    return f"rule_{CODES[rule]}"


def _said(words: Mapping[str, T], key: str, default: T | None = None) -> T:
    """What a selector says; its first option until it is drawn."""
    first = next(iter(words.values())) if default is None else default
    return words.get(str(st.session_state.get(key, st.query_params.get(key, ""))), first)
