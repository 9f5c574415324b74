"""Which changes wait for somebody, and which for me?"""

from collections.abc import Sequence

import streamlit as st

from core.governance.identity import Actor, Right
from core.governance.proposals import DECISIONS, Move, ProposalState
from core.services.proposal import ProposalInfo
from dashboard import cached
from dashboard.auth import current_actor
from dashboard.components.proposals import asked, comments, freshness, proposal_link, state_chip, title_of
from dashboard.components.propose import propose_form
from dashboard.components.review_form import submit_form
from dashboard.text import listed, muted, plain, plural

WAITING = (ProposalState.OPEN, ProposalState.CHANGES_REQUESTED)
UNDER_WAY = (ProposalState.APPROVED, ProposalState.RUNNING, ProposalState.FAILED)
MOST_ENDED = 50
REASON_LENGTH = 160


def is_mine(found: ProposalInfo, actor: Actor) -> bool:
    """Whether it waits for a decision that this person may make."""
    refusals = found.refusals(actor)
    return found.state is ProposalState.OPEN and any(refusals[move] is None for move in DECISIONS)


def is_back(found: ProposalInfo, actor: Actor) -> bool:
    """Whether it came back to the one who asked, with changes requested or evidence that went stale."""
    return found.requester == actor.name and (found.state is ProposalState.CHANGES_REQUESTED or bool(found.stale))


def verdict(mine: Sequence[ProposalInfo], waiting: Sequence[ProposalInfo], drafts: Sequence[ProposalInfo]) -> str:
    """How much waits, for whom."""
    if not waiting:
        said = "No proposal waits for a decision."
    elif mine:
        named = listed([plain(f"{found.id}") for found in mine], most=5)
        said = f"{plural(len(mine), 'proposal')} {'waits' if len(mine) == 1 else 'wait'} for your decision: {named}."
        others = len(waiting) - len(mine)
        said += f" {others} more for others." if others else ""
    else:
        said = f"{plural(len(waiting), 'proposal')} {'waits' if len(waiting) == 1 else 'wait'}, none for your decision."
    if drafts:
        said += f" An alarm suggests {plural(len(drafts), 'more', 'more')}."
    return said


def rows(title: str, found: Sequence[ProposalInfo], *, hint: str = "") -> None:
    """Proposals under a title; nothing where there are none."""
    if not found:
        return
    st.subheader(title, anchor=False)
    if hint:
        st.markdown(muted(hint))
    for one in found:
        row(one)


def row(found: ProposalInfo, *, with_submit: bool = False) -> None:
    """One proposal: what is asked for and why, where it stands, who asked when."""
    with st.container(border=True, gap="xsmall", key=f"proposal-{found.id}"):
        what, stands = st.columns([6, 4], gap="medium")
        with what, st.container(gap="xxsmall"):
            proposal_link(found, f":blue[**{title_of(found)}**]")
            reason = found.reason if len(found.reason) <= REASON_LENGTH else f"{found.reason[:REASON_LENGTH]}…"
            st.markdown(plain(reason))
        with stands:
            n = comments(found)
            said = f"  \n{muted(plural(n, 'comment'))}" if n else ""
            st.markdown(
                f"{state_chip(found)} {freshness(found)}  \n"
                f"{muted(f'Proposal {found.id}, asked by {asked(found)}')}{said}"
            )
            if found.stale:
                st.markdown(muted(plain(f"{'; '.join(found.stale)}.")))
            if with_submit:
                submit_form(found)


def drafts_of(found: Sequence[ProposalInfo], actor: Actor) -> None:
    """What alarms left behind, to be made somebody's own."""
    if not found:
        return
    st.space(4)
    st.subheader("An alarm suggests", anchor=False)
    st.markdown(muted("A draft asks nobody yet. Whoever submits it asks for it, on evidence as it stands then."))
    for one in found:
        row(one, with_submit=one.refusals(actor)[Move.SUBMIT] is None)


def ended_of(found: Sequence[ProposalInfo]) -> None:
    """What was done, rejected or withdrawn."""
    if not found:
        return
    st.space(4)
    with st.expander(f"Ended ({len(found)})", icon=":material/inventory_2:"):
        for one in found[:MOST_ENDED]:
            row(one)
        if len(found) > MOST_ENDED:
            st.markdown(muted(f"{len(found) - MOST_ENDED:,} older ones: `plumbline proposal list` has them all."))


def page() -> None:
    actor = current_actor()
    st.title("Reviews", anchor=False)
    found = cached.workspace().proposals.list(actor)
    waiting = [one for one in found if one.state in WAITING]
    mine = [one for one in waiting if is_mine(one, actor)]
    back = [one for one in waiting if one not in mine and is_back(one, actor)]
    others = [one for one in waiting if one not in mine and one not in back]
    drafts = [one for one in found if one.state is ProposalState.DRAFT]
    st.markdown(f"### {verdict(mine, waiting, drafts)}", anchors=False)
    if not actor.may(Right.DECIDE) and waiting:
        st.markdown(muted(f"You ({', '.join(actor.roles)}) don't decide: a reviewer who didn't ask does."))
    propose_form(actor)
    rows("For you to decide", mine)
    rows("Back to you", back, hint="Changes were requested, or the evidence went stale: refresh it, or withdraw.")
    rows("For others", others)
    rows("Approved, and not done yet", [one for one in found if one.state in UNDER_WAY])
    drafts_of(drafts, actor)
    known = (*WAITING, *UNDER_WAY, ProposalState.DRAFT)
    ended_of([one for one in found if one.state not in known])
    if not found:
        st.markdown(
            "A proposal asks to retrain a model, or to promote, roll back to or retire a version. Nothing of that is "
            "done before somebody else has approved it."
        )


page()
