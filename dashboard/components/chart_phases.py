"""What limits rest on: phase I with its worth, points left out with a reason, a new one proposed and decided on."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.errors import PlumblineError
from core.governance.identity import Actor, Right, UserRole
from core.services.chart_phases import PhaseDecision, PhaseRecord, PhaseStep
from core.services.chart_report import ChartReport
from core.services.observations import Selection
from core.spc.phases import LEAST_POINTS
from dashboard import cached
from dashboard.auth import current_actor
from dashboard.components.chart_words import place_name, unit_of, value_words
from dashboard.components.numbers import facts, show_numbers
from dashboard.components.password import ask_password, confirm_password
from dashboard.components.permission import who_may
from dashboard.text import DASH, capital, count, day, instant, muted, plain, plural, window_name

__all__ = ["show_phases", "show_rebaseline"]

STEPS = {
    PhaseStep.FIT: "fitted",
    PhaseStep.EXCLUDE: "left out",
    PhaseStep.INCLUDE: "taken back",
    PhaseStep.PROPOSE: "proposed",
    PhaseStep.ADOPT: "adopted",
    PhaseStep.REJECT: "rejected",
}
DONE = "chart_done"


def show_rebaseline(report: ChartReport, selection: Selection) -> None:
    """A phase I that waits for a decision, or that the last change of version suggests."""
    actor = current_actor()
    if report.proposal is not None:
        _decide(report, report.proposal, actor)
    elif report.rebaseline is not None:
        _suggest(report, selection, actor)


def show_phases(report: ChartReport, selection: Selection) -> None:
    """The period, its points, what limits from it are worth, and every version with who, when and why."""
    phase, baseline = report.phase, report.baseline
    if phase is None or baseline is None:
        return
    st.subheader("What do the limits rest on?", anchor=False)
    if told := st.session_state.pop(DONE, None):
        st.success(told, icon=":material/check:")
    left, right = st.columns([11, 9], gap="medium")
    unit = unit_of(report.context)
    with left:
        period = f"{place_name(phase.first, report.context)} to {place_name(phase.last, report.context)}"
        record = report.record
        worth = baseline.worth
        needed = f"{plural(worth.n_more, unit)}, for limits within a tenth of ideal ones" if worth.n_more else "none"
        facts(
            {
                "Phase I": plain(capital(period)),
                "Set by": "the reference, as it is" if record is None else _by(record),
                "Points": f"{plural(baseline.n_points, unit)}, n {count(round(baseline.n_rows))}",
                "Left out": _left_out(report),
                "Worth": plain(worth_words(report)),
                "More needed": needed,
                "Tests": plain(" ".join(baseline.notes)) or DASH,
            },
            alt="Phase I",
        )
    with right:
        _exclude(report, selection)
    if report.history:
        show_numbers(
            [
                "What",
                "Series",
                "Period",
                "Points",
                "Expected",
                "Who",
                "When",
                "Why",
                "Decision",
                "Its reason",
                "Ledger entry",
            ],
            [_history_row(report, record) for record in reversed(report.history)],
            alt="Versions of phase I",
            label="Show versions of phase I",
        )


def worth_words(report: ChartReport) -> str:
    """What three-sigma lines from so few points would do, and what is drawn instead."""
    baseline, unit = report.baseline, unit_of(report.context)
    if baseline is None or baseline.n_points < 1:
        return "no points, no limits"
    worth = baseline.worth
    if not worth.is_armed:
        more = plural(LEAST_POINTS - worth.n_points, unit)
        return f"fewer than {LEAST_POINTS} points: limits for orientation, nothing signals; {more} more arm it"
    if baseline.is_constant:
        return "the points of phase I are all equal: they give no scale for limits, so nothing signals"
    if baseline.is_exact:
        return "limits by the law of counts, which allows for a centre that is estimated"
    plain_rate = 1 / worth.rate
    return (
        f"lines at 3 estimated sigma would be crossed by chance once in {plain_rate:,.0f} {unit}s; drawn at "
        f"{baseline.width:.2f}, they are crossed once in {1 / worth.nominal:,.0f}"
    )


def _left_out(report: ChartReport) -> str:
    if report.phase is None or not report.phase.exclusions:
        return "none"
    return "; ".join(
        f"{plain(place_name(e.place, report.context))} ({plain(e.reason)}; {plain(e.by)}, {day(e.at, year=True)})"
        for e in report.phase.exclusions
    )


def _by(record: PhaseRecord) -> str:
    """Who made or proposed it, and who adopted it."""
    made = f"{plain(record.by)}, {instant(record.at)}: {plain(record.reason)}"
    if record.decision is None:
        return made
    return f"proposed by {made}  \n{_decided(record.decision)}"


def _decided(decision: PhaseDecision) -> str:
    """Who decided, when and why."""
    by, at, why = plain(decision.by), instant(decision.at), plain(decision.reason)
    return f"{STEPS[decision.step]} by {by}, {at}: {why}"


def _history_row(report: ChartReport, record: PhaseRecord) -> list[str]:
    phase, name = record.phases[report.series.name], report.series
    context = report.context
    decision = record.decision
    return [
        STEPS[record.step],
        "this one" if len(record.phases) == 1 else f"{len(record.phases)} series",
        f"{place_name(phase.first, context)} to {place_name(phase.last, context)}",
        str(phase.baseline.n_points),
        value_words(name, phase.baseline.centres[0]) if len(phase.baseline.centres) == 1 else "by season",
        record.by,
        instant(record.at),
        record.reason,
        "" if decision is None else f"{STEPS[decision.step]} by {decision.by}, {instant(decision.at)}",
        "" if decision is None else decision.reason,
        str(record.ledger_seq if decision is None else f"{record.ledger_seq}, {decision.ledger_seq}"),
    ]


def _exclude(report: ChartReport, selection: Selection) -> None:
    """Leave points out for an assignable cause, or take them back."""
    actor = current_actor()
    with st.container(border=True, gap="small"):
        st.markdown("**Leave points out of phase I**")
        st.markdown(muted("For a cause that can be named and won't recur. Limits are fitted anew; both versions stay."))
        if not actor.may(Right.CONFIGURE):
            st.markdown(muted(f"That is for {who_may(Right.CONFIGURE)}."))
            return
        if not report.is_frozen:
            st.markdown(muted("You look at limits of your own choice: go back to the advised ones first."))
            return
        inside = {_id(p.at.role, p.at.window.name): p for p in report.points if p.is_base and p.value is not None}
        outside = {_id(p.at.role, p.at.window.name): p for p in report.points if p.exclusion is not None}
        names = {key: window_name(p.at.window.window) for key, p in (*inside.items(), *outside.items())}
        signalling = [key for key, point in inside.items() if point.signals]
        key = f"{report.context.model}:{report.series.name}"
        with st.form(f"exclude:{key}", border=False, enter_to_submit=False):
            chosen = st.multiselect(
                "Points", list(inside), default=signalling, format_func=names.__getitem__, key=f"exclude_points:{key}"
            )
            back = (
                st.multiselect("Take back", list(outside), format_func=names.__getitem__, key=f"include_points:{key}")
                if outside
                else []
            )
            reason = st.text_input("Cause", key=f"exclude_reason:{key}", placeholder="What happened then?")
            everywhere = st.checkbox("In all series of this model", key=f"exclude_all:{key}")
            if st.form_submit_button("Fit limits anew"):
                series = None if everywhere else report.series.name
                _do(
                    lambda: _refit(report, series, selection, chosen=chosen, back=back, reason=reason),
                    "Limits are fitted anew; it is in the ledger.",
                    nothing="" if chosen or back else "Choose at least one point.",
                )


def _refit(
    report: ChartReport, series: str | None, selection: Selection, *, chosen: list[str], back: list[str], reason: str
) -> None:
    """Leave the chosen points out, and take the others back."""
    charts, actor, model = cached.workspace().charts, current_actor(), report.context.model
    if chosen:
        charts.exclude(actor, model, series, chosen, reason=reason, selection=selection)
    if back:
        charts.include(actor, model, series, back, reason=reason, selection=selection)


def _suggest(report: ChartReport, selection: Selection, actor: Actor) -> None:
    """What the last change of version suggests, and the form to propose it."""
    found, unit = report.rebaseline, unit_of(report.context)
    if found is None:
        return
    with st.container(border=True, gap="small"):
        st.markdown(":blue-badge[:material/restart_alt: New phase I?]")
        st.markdown(
            f"**{plain(found.version)} came into force on {instant(found.at)}, after phase I.** The limits still say "
            "what was usual before. If the new level is what was approved, make it the yardstick: a second person "
            "decides."
        )
        if not found.is_ready or found.first is None or found.last is None:
            st.markdown(
                f"Whole {unit}s with a value since then: {found.n_points}. It takes {found.n_more} more before limits "
                "can rest on them."
            )
            return
        period = f"{place_name(found.first, report.context)} to {place_name(found.last, report.context)}"
        st.markdown(f"Its {plural(found.n_points, f'whole {unit}')} so far: {plain(period)}.")
        if UserRole.OPERATOR in actor.roles or not actor.may(Right.PROPOSE):
            st.markdown(muted(f"To propose that, sign in as {who_may(Right.PROPOSE)}."))
            return
        key = f"{report.context.model}:{report.series.name}"
        with st.form(f"propose:{key}", border=False, enter_to_submit=False):
            reason = st.text_input("Reason", key=f"propose_reason:{key}", placeholder="Why is the new level right?")
            everywhere = st.checkbox("For all series of this model", key=f"propose_all:{key}")
            if st.form_submit_button("Propose this phase I"):
                first, last = (f"{place.role}/{place.name}" for place in (found.first, found.last))
                _do(
                    lambda: cached.workspace().charts.propose(
                        actor,
                        report.context.model,
                        None if everywhere else report.series.name,
                        first=first,
                        last=last,
                        reason=reason,
                        selection=selection,
                    ),
                    "Proposed; it waits for somebody else's decision.",
                )


def _decide(report: ChartReport, proposal: PhaseRecord, actor: Actor) -> None:
    """A proposed phase I beside the present one, and the form to decide on it."""
    phase, name, context = proposal.phases[report.series.name], report.series, report.context
    now = report.baseline
    with st.container(border=True, gap="small"):
        st.markdown(":blue-badge[:material/pending: A new phase I waits for a decision]")
        period = f"{place_name(phase.first, context)} to {place_name(phase.last, context)}"
        whole = f", for {len(proposal.phases)} series" if len(proposal.phases) > 1 else ""
        st.markdown(
            f"**{plain(proposal.by)} proposes {plain(period)}{whole}:** {plain(proposal.reason)}  \n"
            + muted(f"{instant(proposal.at)}, ledger entry {proposal.ledger_seq:,}")
        )
        before = DASH if now is None else value_words(name, now.centres[0])
        after, n = value_words(name, phase.baseline.centres[0]), plural(phase.baseline.n_points, unit_of(context))
        st.markdown(f"Expected would be **{plain(after)}** instead of {plain(before)}, from {n}.")
        if not actor.may(Right.DECIDE):
            st.markdown(muted(f"To decide is for {who_may(Right.DECIDE)}."))
            return
        if proposal.by == actor.name:
            st.markdown(muted("You proposed it: somebody else decides."))
            return
        with st.form(f"decide:{proposal.id}", border=False, enter_to_submit=False):
            choice = st.radio(
                "Decision",
                [PhaseStep.ADOPT, PhaseStep.REJECT],
                index=None,
                format_func=lambda step: str(step).capitalize(),
                captions=["Limits come from it from now on", "Limits stay as they are"],
                key=f"phase_choice:{proposal.id}",
            )
            reason = st.text_input("Reason", key=f"phase_reason:{proposal.id}")
            ask_password(f"phase:{proposal.id}", actor)
            if st.form_submit_button("Decide"):
                _do(
                    lambda: _sign(context.model, proposal.id, choice or PhaseStep.REJECT, reason),
                    "Decided; it is in the ledger.",
                    nothing="" if choice else "Choose one.",
                )


def _sign(model: str, proposal: int, step: PhaseStep, reason: str) -> None:
    """Adopt or reject a proposed phase I, with the password where it has to be given again."""
    confirm_password(f"phase:{proposal}")
    cached.workspace().charts.decide(current_actor(), model, proposal, step, reason=reason)


def _do(call: Callable[[], object], done: str, *, nothing: str = "") -> None:
    """Make a change and show the page anew; say why where it is refused."""
    if nothing:
        st.error(nothing, icon=":material/error:")
        return
    try:
        call()
    except PlumblineError as error:
        st.error(plain(error), icon=":material/error:")
        return
    st.session_state[DONE] = done
    st.rerun()


def _id(role: str, name: str) -> str:
    return f"{role}/{name}"
