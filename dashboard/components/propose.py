"""Asking for something: the button on a model's page, and the form that it leads to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import streamlit as st

from core.errors import PlumblineError
from core.governance.identity import Actor, Right
from core.governance.proposals import ProposalKind
from core.services.retraining import recipe_of
from core.services.versions import VersionState
from dashboard.auth import current_actor
from dashboard.components.acceptance import acceptance_fields
from dashboard.components.baseline import midnight, period_fields
from dashboard.components.password import ask_password, confirm_password
from dashboard.components.proposals import KINDS
from dashboard.components.review_form import keep_receipt
from dashboard.opened import workspace
from dashboard.text import muted, plain

__all__ = ["propose_form", "propose_retraining"]

MOST_WINDOWS = 10
CONSEQUENCES = {
    ProposalKind.RETRAIN: "Trains a candidate; its promotion is then a proposal of its own.",
    ProposalKind.PROMOTE: "Puts a candidate in force, compared with the version that is in force now.",
    ProposalKind.ROLLBACK: "Puts a version in force that was in force before.",
    ProposalKind.RENEW: "Approves the version in force anew, on what monitoring says now.",
    ProposalKind.RETIRE: "Takes a version out of use; if it is in force, no version is afterwards.",
    ProposalKind.REBASELINE: "Holds windows against another period of production from then on.",
    ProposalKind.ACCEPT_DRIFT: "Widens the margin of one series of an alert: what stays within it alarms no more.",
}
LACKING = {
    ProposalKind.RETRAIN: "Its records lie in a table, of which a sample is kept here, and a version learns from all "
    "of them: train it where they lie, register it as a version, and propose its promotion.",
    ProposalKind.PROMOTE: "It has no candidate: register a version, and take in its evaluation data.",
    ProposalKind.ROLLBACK: "No other version of it was in force before.",
    ProposalKind.RENEW: "No version of it is in force.",
    ProposalKind.RETIRE: "It has no version that could be retired.",
    ProposalKind.ACCEPT_DRIFT: "It has no alert that is open or acknowledged.",
}


def propose_retraining(model: str) -> None:
    """The button that leads to the form, for who may propose."""
    if current_actor().may(Right.PROPOSE):
        st.page_link(
            "views/reviews.py",
            label="Propose retraining",
            icon=":material/model_training:",
            query_params={"model": model, "kind": str(ProposalKind.RETRAIN)},
        )


def propose_form(actor: Actor) -> None:
    """Ask for something new; open where the address names a model."""
    if not actor.may(Right.PROPOSE):
        return
    models = [info.name for info in workspace().models.list(actor)]
    if not models:
        return
    wanted = {name: st.query_params.get(name, "") for name in ("model", "kind", "version", "alert")}
    with st.expander("New proposal", icon=":material/add:", expanded=bool(wanted["model"] or wanted["kind"])):
        kinds = [one for one in KINDS if one is not ProposalKind.POLICY]  # that has a page of its own
        kind = st.segmented_control(
            "What do you ask for?",
            kinds,
            default=wanted["kind"] if wanted["kind"] in kinds else ProposalKind.PROMOTE,
            key="propose_kind",
            format_func=lambda one: KINDS[one],
            required=True,
        )
        st.markdown(muted(CONSEQUENCES[kind]))
        model = st.selectbox("Model", models, index=_place(wanted["model"], models), key="propose_model")
        version, arguments = None, {}
        if kind is ProposalKind.RETRAIN:
            if workspace().sources.list(actor, model):
                st.markdown(f"{plain(model)}: {LACKING[kind]}")
                return
            arguments = _retraining(actor, model)
        elif kind is ProposalKind.ACCEPT_DRIFT:
            asked = acceptance_fields(actor, model, wanted["alert"])
            if asked is None:
                st.markdown(f"{plain(model)}: {LACKING[kind]}")
                return
            arguments = asked
        elif kind is ProposalKind.REBASELINE:
            arguments = period_fields(actor, model)
        else:
            versions = _versions(actor, model, kind)
            if not versions:
                st.markdown(f"{plain(model)}: {LACKING[kind]}")
                return
            version = st.selectbox(
                "Version", versions, index=_place(wanted["version"], versions), key=f"propose_version_{kind}_{model}"
            )
        reason = st.text_area(
            "Reason", key="propose_reason", height=80, placeholder="Why it should be done, and why now"
        )
        if kind is ProposalKind.RENEW:
            ask_password("propose", actor)
        st.markdown(muted("The evidence is gathered and frozen now; that may take a minute. You can't approve it."))
        if st.button("Propose", icon=":material/send:", key="propose"):
            _open(model, kind, version, reason=reason, arguments=arguments)


def _open(model: str, kind: ProposalKind, version: str | None, *, reason: str, arguments: Mapping[str, Any]) -> None:
    if any(not window["from"] for window in arguments.get("exclude", [])):
        st.error("Name the first and the last day of each stretch that it may not learn from.", icon=":material/error:")
        return
    try:
        confirm_password("propose")
        with st.spinner("Gathering the evidence"):
            decided = workspace().proposals.open(
                current_actor(), model, kind, version, reason=reason, arguments=arguments
            )
    except PlumblineError as error:
        st.error(plain(error), icon=":material/error:")
        return
    keep_receipt(decided)
    st.switch_page("views/review.py", query_params={"proposal": str(decided.proposal.id)})


def _versions(actor: Actor, model: str, kind: ProposalKind) -> list[str]:
    """The versions that this can be asked for, the newest first."""
    known = workspace().versions.list(actor, model)
    served = {deployment.version for deployment in workspace().versions.history(actor, model)}
    fits = {
        ProposalKind.PROMOTE: lambda v: v.state is VersionState.CANDIDATE,
        ProposalKind.ROLLBACK: lambda v: v.state is VersionState.RETIRED and v.name in served,
        ProposalKind.RENEW: lambda v: v.state is VersionState.CHAMPION,
        ProposalKind.RETIRE: lambda v: v.state in (VersionState.CANDIDATE, VersionState.CHAMPION),
    }
    return [version.name for version in reversed(known) if fits[kind](version)]


def _retraining(actor: Actor, model: str) -> dict[str, Any]:
    """How to retrain, and what the model shall not learn from."""
    schema = workspace().models.show(actor, model).schema
    arguments: dict[str, Any] = {}
    recipe = st.text_area(
        "Recipe in TOML, if not the default one",
        key=f"propose_recipe_{model}",
        height=120,
        placeholder='estimator = "gradient_boosting"',
    )
    with st.expander("The default recipe", type="compact"):
        try:
            st.code(recipe_of(schema, {}).to_toml(), language="toml", wrap_lines=True)
        except PlumblineError as error:
            st.markdown(plain(error))
    if recipe.strip():
        arguments["recipe"] = recipe
    n = st.number_input(
        "Stretches of time it may not learn from", min_value=0, max_value=MOST_WINDOWS, key=f"propose_windows_{model}"
    )
    windows = [_window(place, model, schema.timezone) for place in range(int(n))]
    if windows:
        arguments["exclude"] = windows
    return arguments


def _window(place: int, model: str, timezone: str) -> dict[str, str]:
    """One stretch of days, in the model's own time zone, and why it is left out."""
    days, why = st.columns([1, 1], gap="small")
    with days:
        chosen = st.date_input(
            f"First and last day {place + 1}", value=(), key=f"propose_days_{model}_{place}", help=f"In {timezone}"
        )
    with why:
        reason = st.text_input(f"Because {place + 1}", key=f"propose_because_{model}_{place}")
    ends = chosen if isinstance(chosen, tuple) else (chosen,)
    if not ends:
        return {"from": "", "to": "", "reason": reason}
    first, last = ends[0], ends[-1]
    return {"from": midnight(first, timezone), "to": midnight(last + timedelta(days=1), timezone), "reason": reason}


def _place(wanted: str, options: list[str]) -> int:
    return options.index(wanted) if wanted in options else 0
