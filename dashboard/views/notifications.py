"""What am I told, where, and does it reach me?"""

import streamlit as st

from core.errors import InputError
from core.governance.identity import Right
from core.measure import Status
from core.services.notices import NoticeEvent
from core.services.notifications import CHOICES, NoticeChoice, NoticeInfo, Rhythm
from dashboard import cached
from dashboard.auth import current_actor
from dashboard.components.frame import empty_state, header
from dashboard.components.numbers import cell_table
from dashboard.components.verdict import verdict_card
from dashboard.components.worklist import attempt, tell
from dashboard.text import instant, listed, muted, plain, plural

MEANING = {
    NoticeEvent.ALERT: "an alert fired, was joined or opened again",
    NoticeEvent.REVIEW: "somebody asks for a decision that you may make",
    NoticeEvent.DECIDED: "a decision on a proposal that you took part in",
    NoticeEvent.CONDITION: "a condition that you own is due within three days, or one you signed with went by",
    NoticeEvent.FAILED: "a job failed: of a proposal that you took part in, or an analysis",
}
OFTEN = {Rhythm.AT_ONCE: "At once", Rhythm.DAILY: "Once a day, at 7:00 UTC"}


def verdict(chosen: NoticeChoice | None, told: tuple[NoticeInfo, ...]) -> None:
    """Whether notices reach the person, by the last that was tried."""
    if chosen is None or not chosen.events:
        verdict_card(
            Status.INSUFFICIENT,
            "You are told nothing.",
            detail="Choose below what to be told. Everything is on these pages all the same.",
            chip_words="Off",
        )
        return
    tried = next((notice for notice in told if notice.n_attempts), None)
    basis = f"Of {listed([str(event) for event in chosen.events], most=len(CHOICES))}; {chosen.rhythm}."
    if tried is None:
        verdict_card(
            Status.INSUFFICIENT,
            "Whether notices reach you isn't known yet.",
            detail="Nothing was sent so far. Send a test to find out.",
            basis=basis,
            chip_words="Not tried",
        )
    elif tried.error:
        tries = f"Tried {plural(tried.n_attempts, 'time')}"
        retried = f"{tries}, and given up." if tried.is_given_up else f"{tries} so far; it is tried again."
        verdict_card(
            Status.CRITICAL,
            "The last notice didn't reach you.",
            detail=f"{plain(tried.error)} {retried}",
            basis=basis,
            chip_words="Not reached",
        )
    else:
        sent = f" It was sent {instant(tried.sent_at)}." if tried.sent_at else ""
        verdict_card(Status.OK, f"The last notice was taken.{sent}", basis=basis, chip_words="Reached")


def choose(chosen: NoticeChoice | None) -> None:
    """The form: what, how often and by which variable."""
    st.subheader("What do you want to be told?", anchor=False)
    service, actor = cached.workspace().notifications, current_actor()
    before = chosen.events if chosen else ()
    variables = list(dict.fromkeys([*([chosen.variable] if chosen else []), *service.variables(actor)]))
    with st.form("choose", border=True):
        events = [
            event
            for event in CHOICES
            if st.checkbox(f"**{str(event).capitalize()}** {muted(MEANING[event])}", event in before, key=f"on {event}")
        ]
        left, right = st.columns(2)
        rhythms = list(Rhythm)
        rhythm = left.selectbox(
            "How often",
            rhythms,
            index=rhythms.index(chosen.rhythm) if chosen else 0,
            key="rhythm",
            format_func=lambda one: OFTEN[one],
        )
        variable = right.selectbox("Where: what this variable holds", variables, key="variable")
        if st.form_submit_button("Save"):
            attempt(
                lambda: service.choose(actor, events=events, rhythm=rhythm, variable=variable),
                f"You are told of {listed([str(event) for event in events], most=len(CHOICES))} from now on."
                if events
                else "You are told nothing from now on.",
            )


def where(chosen: NoticeChoice | None) -> None:
    """How an address is set, and the test of it."""
    st.subheader("Does it reach you?", anchor=False)
    service, actor = cached.workspace().notifications, current_actor()
    variable = chosen.variable if chosen else service.variables(actor)[0]
    st.markdown(
        "The address is a secret. It is in an environment variable of the worker, which whoever runs Plumbline sets; "
        "it is never stored, shown or entered here."
    )
    st.code(f"export {variable}='mailto://…'", language="bash", wrap_lines=True)
    st.markdown(
        muted(
            "Any address that Apprise understands: mail, Slack, Teams, Matrix, ntfy, JSON over HTTP; several with "
            "blanks between."
        )
    )
    if chosen is not None and st.button("Send a test", icon=":material/send:"):
        attempt(lambda: service.test(actor), "The worker sends a test; load this page again in half a minute.")


def told_table(told: tuple[NoticeInfo, ...]) -> None:
    """What was sent, what waits, and what failed."""
    st.subheader("What were you told?", anchor=False)
    if not told:
        st.markdown("Nothing yet.")
        return
    cell_table(
        ["When", "What", "How it went"],
        [
            [
                instant(notice.created_at),
                f"{plain(notice.title)}  \n{muted(str(notice.event))}",
                outcome(notice),
            ]
            for notice in told
        ],
        alt="Notices",
    )


def outcome(notice: NoticeInfo) -> str:
    """How telling went."""
    if notice.sent_at is not None:
        return f":green-badge[:material/check: Sent]  \n{muted(instant(notice.sent_at))}"
    if notice.error:
        word = "Given up" if notice.is_given_up else f"Failed {plural(notice.n_attempts, 'time')}"
        return f":red-badge[:material/error: {word}]  \n{muted(plain(notice.error))}"
    due = f"due {instant(notice.due_at)}" if notice.due_at else ""
    return f":gray-badge[:material/schedule: Waits]  \n{muted(f'for a worker, {due}')}"


def troubles() -> None:
    """For administrators: whom telling fails for."""
    actor = current_actor()
    if not actor.may(Right.ADMINISTER):
        return
    st.space(4)
    st.subheader("Whom does it not reach?", anchor=False)
    found = cached.workspace().notifications.troubles(actor)
    if not found:
        st.markdown("No notice has failed that wasn't sent since.")
        return
    cell_table(
        ["Who", "Notices", "Why the last one failed"],
        [[plain(one.account), f"{one.n:,}", plain(one.error)] for one in found],
        alt="People that notices don't reach",
    )


def page() -> None:
    header("Notifications")
    service, actor = cached.workspace().notifications, current_actor()
    try:
        chosen, told = service.choice(actor), service.list(actor)
    except InputError:
        empty_state("Sign in to be told anything.", "Without an account there is nobody to tell.")
        return
    tell()
    verdict(chosen, told)
    st.space(4)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        choose(chosen)
    with right:
        where(chosen)
    st.space(4)
    told_table(told)
    troubles()


page()
