"""Which version is in force, since when, and who signed for it?"""

import json
from datetime import UTC, datetime

import streamlit as st

from core.governance.identity import Right
from core.governance.proposals import ProposalKind
from core.measure import Status
from core.services.observations import Selection
from core.services.versions import Deployment, VersionInfo, VersionState
from dashboard import cached
from dashboard.auth import current_actor
from dashboard.components.deployments import exact, in_force_history, signed
from dashboard.components.frame import header, no_model
from dashboard.components.numbers import cell_table, facts
from dashboard.components.permission import who_may
from dashboard.components.placement import where_it_goes
from dashboard.components.registry import artefact_cell, left_out, made_from, register, state_chip
from dashboard.components.verdict import verdict_card
from dashboard.state import Selected, selected_model
from dashboard.text import DASH, instant, muted, plain

ASKS = {
    ProposalKind.PROMOTE: "Propose promotion",
    ProposalKind.ROLLBACK: "Propose to roll back to it",
    ProposalKind.RETIRE: "Propose to retire it",
}


def verdict(model: str, history: tuple[Deployment, ...]) -> None:
    """What is in force now, on whose approval, and whether that still holds."""
    last = history[-1] if history else None
    if last is None:
        verdict_card(
            Status.INSUFFICIENT,
            "No version is in force.",
            detail="None was promoted yet: what serves was never signed for here.",
            chip_words="None in force",
        )
        return
    if last.version is None:
        sentence = f"No version is in force since {instant(last.since)}."
        verdict_card(Status.INSUFFICIENT, sentence, detail=signed(last), chip_words="None in force")
        return
    gate = cached.workspace().proposals.gate(current_actor(), model, last.version)
    status, words = (Status.OK, "Approved") if gate.is_open else (Status.CRITICAL, "Approval doesn't hold")
    verdict_card(
        status,
        f"{plain(last.version)} is in force since {instant(last.since)}.",
        detail=signed(last) if gate.is_open else f"{signed(last)} {plain(gate.why)}",
        chip_words=words,
    )


def version_table(versions: tuple[VersionInfo, ...]) -> None:
    """All versions, the newest first."""
    st.subheader("Which versions are there?", anchor=False)
    if not versions:
        st.markdown("No version is registered.")
        return
    cell_table(
        ["Version", "State", "File (SHA-256)", "Trained on", "Replaces", "Registered"],
        [
            [
                f"**{plain(version.name)}**",
                state_chip(version.state),
                artefact_cell(version),
                made_from(version),
                plain(version.parent) if version.parent else DASH,
                f"{plain(version.created_by)}  \n{muted(instant(version.created_at))}",
            ]
            for version in reversed(versions)
        ],
        alt="Versions",
    )


def one_version(model: str, versions: tuple[VersionInfo, ...], history: tuple[Deployment, ...]) -> None:
    """Everything that was registered with one version, and what may be asked for it."""
    if not versions:
        return
    by_name = {version.name: version for version in reversed(versions)}
    if "look_into" not in st.session_state and st.query_params.get("version") in by_name:
        st.session_state["look_into"] = st.query_params["version"]
    version = by_name[st.selectbox("Look into a version", list(by_name), key="look_into")]
    st.query_params["version"] = version.name  # not bound: a link from here to Reviews names a version of its own
    with st.container(border=True):
        st.markdown(f"**{plain(version.name)}** {state_chip(version.state)}")
        propose(model, version, history)
        left, right = st.columns(2, gap="medium")
        with left:
            facts(
                {
                    "Registered": f"{plain(version.created_by)}, {instant(version.created_at)}",
                    "Replaces": plain(version.parent) if version.parent else f"{DASH} {muted('not said')}",
                    "Trained on": made_from(version),
                },
                alt="What was registered",
            )
            left_out(version.training)
        with right:
            if version.artefact_sha256 is not None:
                st.markdown(muted("Its file (SHA-256)"))
                st.code(version.artefact_sha256, language=None, wrap_lines=True)
            st.markdown(muted("All that was registered with it (SHA-256)"))
            st.code(version.digest, language=None, wrap_lines=True)
        for name, described in (("parameters", version.parameters), ("training", version.training)):
            if described:
                with st.expander(f"Show {name}", type="compact"):
                    text = json.dumps(dict(described), indent=2, ensure_ascii=False)
                    st.code(text, language="json", height=360 if text.count("\n") > 18 else "content")
            else:
                st.markdown(muted(f"No {name} were registered." if name == "parameters" else "No training data were."))


def propose(model: str, version: VersionInfo, history: tuple[Deployment, ...]) -> None:
    """Ways to ask for a change, for whoever may; the form itself is on the Reviews page."""
    was_in_force = any(deployment.version == version.name for deployment in history)
    possible = {
        ProposalKind.PROMOTE: version.state is VersionState.CANDIDATE,
        ProposalKind.ROLLBACK: version.state is VersionState.RETIRED and was_in_force,
        ProposalKind.RETIRE: version.state in (VersionState.CANDIDATE, VersionState.CHAMPION),
    }
    if not current_actor().may(Right.PROPOSE):
        st.markdown(muted(f"To propose a change is for {who_may(Right.PROPOSE)}."))
        return
    with st.container(horizontal=True):
        for kind, words in ASKS.items():
            if possible[kind]:
                address = {"model": model, "kind": str(kind), "version": version.name}
                st.page_link("views/reviews.py", label=words, icon=":material/rate_review:", query_params=address)


def in_force_at(model: str) -> None:
    """The question an auditor asks, and its answer in a sentence."""
    st.subheader("Which version was in force at a given time?", anchor=False)
    moment = st.datetime_input("At (UTC)", value=None, key="at", format="YYYY-MM-DD")
    if moment is None:
        st.markdown(muted("Choose a day and a time."))
        return
    at = moment.replace(tzinfo=UTC)
    if at > datetime.now(UTC):
        st.markdown(f"{instant(at)} lies ahead: what will be in force then isn't known.")
        return
    found = cached.workspace().versions.in_force(current_actor(), model, at)
    if found is None:
        st.markdown(f"At {instant(at)} **no version** was in force.")
        return
    until = f"until {exact(found.until)}" if found.until else "and still is"
    stayed = f"since {exact(found.since)} {until}"
    st.markdown(f"At {instant(at)} **{plain(found.version)}** was in force, {stayed}. {signed(found)}")


def page() -> None:
    model = selected_model()
    if model is None:
        header("Versions")
        no_model()
        return
    header("Versions", Selected(model=model, selection=Selection(), context=None))
    service, actor = cached.workspace().versions, current_actor()
    versions, history = service.list(actor, model), service.history(actor, model)
    verdict(model, history)
    st.space(4)
    version_table(versions)
    one_version(model, versions, history)
    register(model, versions)
    st.space(4)
    where_it_goes(cached.workspace().targets.show(actor, model))
    st.space(4)
    in_force_history(history)
    st.space(4)
    in_force_at(model)


page()
