"""What treating groups more alike would cost: the curve, its points, and the form that asks for one of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import streamlit as st

from core.actions.retrain.gap_curve import UNMITIGATED
from core.actions.retrain.mitigation_plan import Constraint, Objective
from core.charts.mitigation import gap_curve_chart
from core.errors import PlumblineError
from core.governance.identity import Right
from core.services.audits import AuditRequest
from core.services.fairness import AttributeReport
from core.services.mitigation_curve import MeasuredCurve
from dashboard import cached
from dashboard.auth import current_actor
from dashboard.components.measures import held
from dashboard.components.numbers import cell_table, show_chart
from dashboard.components.permission import refused
from dashboard.components.pickers import pick
from dashboard.components.review_form import keep_receipt
from dashboard.opened import workspace
from dashboard.text import capital, count, instant, muted, plain, plural
from dashboard.theme import palette

__all__ = ["show_frozen_curve", "show_mitigation"]

Data = Mapping[str, Any]

CONSTRAINTS = {
    "Selected as often": Constraint.DEMOGRAPHIC_PARITY,
    "True positive rate": Constraint.TRUE_POSITIVE_RATE_PARITY,
    "False positive rate": Constraint.FALSE_POSITIVE_RATE_PARITY,
    "Both error rates": Constraint.EQUALIZED_ODDS,
}
OBJECTIVES = {"Accuracy": Objective.ACCURACY, "Balanced accuracy": Objective.BALANCED_ACCURACY}
NO_BREAK = "\u2011"  # a hyphen that a narrow column doesn't break at
MARKS = (
    "Diamond: the recipe as it is. Circles: GridSearch, which weighs the rows learnt from. Squares: "
    "ThresholdOptimizer, thresholds by group. Lines are 95% intervals; pale marks are beaten by another in both, and "
    "some lie outside."
)


def show_mitigation(attribute: AttributeReport, request: AuditRequest) -> None:
    """The curve of the version in force, once it is asked for, and a form to ask for a point of it."""
    actor = current_actor()
    if not actor.may(Right.PROPOSE):
        refused(actor, Right.PROPOSE, "Mitigation")
        return
    st.markdown(
        "What would it cost to treat the groups more alike? Models are fitted to the labelled records, tried on the "
        "most recent ones, and none is kept: to have one, propose it."
    )
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        constraint = CONSTRAINTS[pick("To be alike", list(CONSTRAINTS), "mitigation_constraint", most=0, width=210)]
        objective = OBJECTIVES[pick("At the cost of", list(OBJECTIVES), "mitigation_objective", most=0, width=190)]
        key = f"mitigation {request.model} {attribute.attribute} {constraint} {objective}"
        if st.button("Measure the curve", icon=":material/insights:", key="mitigation_measure"):
            st.session_state[key] = True
    if not st.session_state.get(key):
        st.markdown(muted("A dozen models or more are fitted: that takes from seconds to minutes."))
        return
    try:
        with st.spinner("Fitting models"):
            found = cached.mitigation(request.model, attribute.attribute, constraint, objective)
    except PlumblineError as error:
        st.markdown(f":material/block: {plain(error)}")
        return
    content = found.to_dict()
    st.markdown(
        muted(
            f"By {plain(found.chosen)}; {count(found.curve.n_train)} records to learn from, "
            f"{count(found.curve.n_held_out)} held out."
        )
    )
    show_curve(content, asked=None, key="mitigation_curve")
    _ask(found)


def show_frozen_curve(content: Data | None) -> None:
    """The curve that a proposal's evidence keeps, with the point asked for."""
    if not content:
        return
    st.subheader("What would treating groups more alike cost?", anchor=False)
    (asked,) = (point for point in content["points"] if point["name"] == content["asked"])
    first = content["points"][0]
    by = _by(content)
    st.markdown(
        f"Asked for is **{plain(asked['name'])}**: {plain(asked['words'])}. On the held-out records its gap is "
        f"**{_figure(asked['gap'])}**, without mitigation {_figure(first['gap'])}; its {plain(by.replace('_', ' '))} "
        f"**{_figure(asked[by])}**, without {_figure(first[by])}."
    )
    if asked["needs_group"]:
        _caution(content)
    known = instant(datetime.fromisoformat(content["as_known"]))
    n = content["n"]
    st.markdown(
        f"- It learns from none but the records of the curve: {count(n['train'])} to learn from (some "
        f"of them to choose thresholds on) and {count(n['held_out'])} held out, as taken in by {known}."
    )
    for note in asked["notes"][1:]:  # the first says what it is
        st.markdown(f"- {plain(note)}")
    show_curve(content, asked=asked["name"], key="frozen_curve", caution=not asked["needs_group"])
    st.space(4)


def show_curve(content: Data, *, asked: str | None, key: str, caution: bool = True) -> None:
    """The chart, what its marks mean, and every point in numbers."""
    show_chart(gap_curve_chart(content, palette=palette(), asked=asked), key=key)
    st.markdown(muted(plain(MARKS)))
    if caution and content["caution"]:
        _caution(content)
    by = _by(content)
    points = sorted(
        content["points"], key=lambda p: (p["is_dominated"] and p["name"] != UNMITIGATED, p["gap"]["value"])
    )
    kept = [p for p in points if not p["is_dominated"] or p["name"] in (UNMITIGATED, asked)]
    header = ["Model", "Gap", capital(by.replace("_", " ")), "By group"]
    cell_table(header, [_row(point, by) for point in kept], alt="Models that no other beats")
    others = [point for point in points if point not in kept]
    if others:
        with st.expander(f"{plural(len(others), 'model')} that another beats", type="compact"):
            cell_table(header, [_row(point, by) for point in others], alt="Models that another beats")
    for sentence in content["notes"]:
        st.markdown(f":material/info: {plain(sentence)}")
    for sentence in content["left_out"]:
        st.markdown(f":material/block: Not tried or not had: {plain(sentence)}")
    st.markdown(muted(plain(content["convention"])))


def _ask(found: MeasuredCurve) -> None:
    """The form: a point and a reason."""
    points = [point for point in found.curve.points if point.mitigation is not None]
    kept = sorted((p for p in points if not p.is_dominated), key=lambda p: p.gap.value)
    names = [p.name for p in kept] + [p.name for p in points if p.is_dominated]
    if not names:
        st.markdown("No point mitigates anything here: there is nothing to propose.")
        return
    with st.container(border=True, gap="small"):
        st.markdown("**Propose a retraining that makes one of them**")
        name = st.selectbox("Model to make", names, key="mitigation_point", width=210)
        point = found.point(name)
        st.markdown(muted(plain(point.words)))
        if point.needs_group:
            st.markdown(f":orange-badge[:material/gavel: Disparate treatment] {plain(point.notes[1])}")
        reason = st.text_area("Reason", key="mitigation_reason", height=80, placeholder="Why this point, and why now")
        st.markdown(muted("The curve is measured anew and frozen with the evidence. You can't approve it."))
        if st.button("Propose", icon=":material/send:", key="mitigation_propose"):
            try:
                with st.spinner("Gathering the evidence"):
                    decided = workspace().mitigations.propose(current_actor(), found, name, reason=reason)
            except PlumblineError as error:
                st.error(plain(error), icon=":material/error:")
                return
            keep_receipt(decided)
            st.switch_page("views/review.py", query_params={"proposal": str(decided.proposal.id)})


def _caution(content: Data) -> None:
    with st.container(border=True, gap="xsmall"):
        st.markdown(":orange-badge[:material/gavel: Disparate treatment]")
        st.markdown(plain(f"Thresholds by group need the group of everybody decided on. {content['caution']}"))


def _row(point: Data, by: str) -> list[str]:
    marks = muted(held("needs the group")) if point["needs_group"] else ""
    return [
        f"**{held(plain(point['name'].replace('-', NO_BREAK)))}**  \n{marks}",
        _cell(point["gap"]),
        _cell(point[by]),
        "  \n".join(held(f"{plain(group)} {_rates(figures)}") for group, figures in point["groups"].items()),
    ]


def _rates(figures: Data) -> str:
    """What the constraint is about, in its order, each with the n of its own denominator."""
    shown = [
        f"{each['value']:.1%} {muted('n ' + count(each['n']))}" for rate, each in figures.items() if rate != "accuracy"
    ]
    return " / ".join(shown)


def _cell(figure: Data) -> str:
    return f"**{figure['value']:.1%}**  \n{muted(held(_limits(figure)))}"


def _figure(figure: Data) -> str:
    return f"{figure['value']:.1%} ({_limits(figure)}; n {count(figure['n'])})"


def _limits(figure: Data) -> str:
    return f"{figure['low']:.1%} to {figure['high']:.1%}"


def _by(content: Data) -> str:
    return str(content["objective"]).removesuffix("_score")
