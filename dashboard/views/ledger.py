"""Who decided what, on which evidence, and is the record intact?"""

import json
from datetime import UTC
from pathlib import Path
from tempfile import TemporaryDirectory

import streamlit as st

from core.errors import InputError, PlumblineError
from core.governance.identity import Right
from core.governance.ledger import Entry, LedgerCheck
from core.measure import Status
from dashboard import cached
from dashboard.auth import current_actor
from dashboard.cached import Verified
from dashboard.components.entries import action_name, objects_in_words
from dashboard.components.frame import header
from dashboard.components.numbers import cell_table
from dashboard.components.permission import refused
from dashboard.components.verdict import verdict_card
from dashboard.text import count, day, instant, muted, plain, plural

EVERYBODY, EVERYTHING = "everybody", "everything"
A_PAGE = 50
MOST_PROBLEMS = 20
EXPORT = "plumbline-ledger.zip"


def verdict(*, again: bool) -> None:
    """Whether the chain holds and all evidence does; what couldn't be verified is grey, never green."""
    try:
        found = cached.ledger_check(again=again)
    except PlumblineError as error:
        verdict_card(
            Status.INSUFFICIENT, "The ledger was not verified.", detail=plain(error), chip_words="Not verified"
        )
        return
    check = found.check
    if check.problems:
        sentence = f"The ledger does not hold: {plural(len(check.problems), 'problem')} in {_entries(check.n_entries)}."
        verdict_card(
            Status.CRITICAL,
            sentence,
            detail=problem_list(check.problems),
            basis=_basis(found),
            chip_words="Does not hold",
        )
    elif check.head is None:
        verdict_card(
            Status.INSUFFICIENT, "There is no entry yet.", detail="Nothing can be verified.", chip_words="Empty"
        )
    else:
        verdict_card(
            Status.OK,
            f"All {_entries(check.n_entries)} hold, and so does the evidence they name.",
            detail="No entry was edited, removed between others or put in another order. That none was cut off at the "
            "end, or all of them written anew, only receipts and signatures checked with a key kept elsewhere can show."
            f"\n\n{signed_word(check)}",
            basis=_basis(found),
            chip_words="Verified",
        )


def verify_again() -> None:
    """The button that verifies anew, whatever was found a moment ago."""
    st.button(
        "Verify again",
        icon=":material/refresh:",
        type="tertiary",
        on_click=lambda: st.session_state.update(verify_again=True),
    )


def problem_list(problems: tuple[str, ...]) -> str:
    """The first problems, each in its line."""
    lines = [f"- {plain(problem)}" for problem in problems[:MOST_PROBLEMS]]
    if len(problems) > MOST_PROBLEMS:
        lines.append(f"- and {len(problems) - MOST_PROBLEMS:,} more")
    return "\n".join(lines)


def signed_word(check: LedgerCheck) -> str:
    """Up to where the head is signed, or why that wasn't checked."""
    said = plain(f"{check.signature[0].upper()}{check.signature[1:]}.")
    icon = ":green-badge[:material/key: Signed]" if check.is_signature_checked else ":gray-badge[:material/key_off:]"
    return f"{icon} {said}"


def _entries(n: int) -> str:
    return plural(n, "entry", "entries")


def _basis(found: Verified) -> str:
    return f"Verified at {found.at.astimezone(UTC):%H:%M:%S} UTC: the chain of SHA-256, and every piece of evidence."


def head() -> None:
    """The newest entry's receipt, to be kept elsewhere."""
    newest = cached.workspace().ledger.list(current_actor(), newest=1)
    if newest:
        st.markdown(
            f"**Receipt of entry {count(newest[0].seq)}, the newest** {muted('Keep it outside this workspace.')}"
        )
        st.code(f"{newest[0].seq}:{newest[0].hash}", language=None, wrap_lines=True)
    public = cached.workspace().ledger.public_key(current_actor())
    if public is not None:
        st.markdown(f"**Public key that signs the head** {muted('Keep it outside this workspace too.')}")
        st.code(public, language=None, wrap_lines=True)


def receipts() -> None:
    """Receipts that somebody kept, held against the ledger."""
    with st.form("receipts", border=False, enter_to_submit=False):
        given = st.text_area(
            "Receipts you kept, one a line", placeholder="41:9f2c…", key="receipts_given", height=80, max_chars=20_000
        )
        asked = st.form_submit_button("Check receipts")
    if not asked:
        return
    kept = tuple(line.strip() for line in given.splitlines() if line.strip())
    if not kept:
        st.markdown("Paste one or more receipts: an entry's number, a colon and 64 hex digits.")
        return
    try:
        check = cached.workspace().ledger.verify(current_actor(), receipts=kept)
    except InputError as error:
        st.markdown(f":gray-badge[:material/block: Not checked] {plain(error)}")
        return
    if check.is_intact:
        word = "It is" if len(kept) == 1 else "They are"
        st.markdown(
            f":green-badge[:material/check_circle: Held] {word} in the ledger as when given, and all of it holds."
        )
    else:
        st.markdown(f":red-badge[:material/error: Does not hold]\n{problem_list(check.problems)}")


def hand_over() -> None:
    """The whole ledger as a file, and how to verify it without Plumbline."""
    ledger, actor = cached.workspace().ledger, current_actor()

    def exported() -> bytes:  # asked for by the click, in a thread that knows nobody
        with TemporaryDirectory() as folder:
            path = Path(folder) / EXPORT
            ledger.export(actor, path)
            return path.read_bytes()

    st.download_button(
        "Export ledger and evidence", exported, file_name=EXPORT, mime="application/zip", icon=":material/download:"
    )
    st.markdown("Whoever gets it can verify it with Python and nothing else, receipts too:")
    st.code(
        f"unzip -p {EXPORT} verify.py > verify.py\npython verify.py {EXPORT} RECEIPT --key PUBLIC",
        language="bash",
        wrap_lines=True,
    )
    st.markdown(muted("Only to check signatures, by the public key, it takes the package cryptography too."))
    st.markdown(
        muted("Somebody who doesn't trust the archive takes the script from Plumbline's source: verify_export.py.")
    )


@st.fragment
def entries() -> None:
    """The entries, newest first, of one person or action, page by page."""
    ledger, actor = cached.workspace().ledger, current_actor()
    actors, actions = ledger.named(actor)
    left, right = st.columns(2)
    who = left.selectbox("Who", [EVERYBODY, *actors], key="who", bind="query-params", on_change=to_newest)
    what = right.selectbox(
        "What", [EVERYTHING, *actions], key="what", bind="query-params", format_func=action_name, on_change=to_newest
    )
    before = st.session_state.get("before")
    found = ledger.list(
        actor,
        before=before,
        newest=A_PAGE + 1,
        by=None if who == EVERYBODY else who,
        action=None if what == EVERYTHING else what,
    )
    shown = found[:A_PAGE]
    if not shown:
        st.markdown("No entry is of this kind." if before is None else "No older entry is of this kind.")
    else:
        cell_table(["Entry", "Who, and when (UTC)", "What", "Hash"], [row(e) for e in shown], alt="Entries")
    with st.container(horizontal=True, vertical_alignment="center"):
        if len(found) > A_PAGE:
            st.button("Older", icon=":material/arrow_downward:", on_click=to_before, args=(shown[-1].seq,))
        if before is not None:
            st.button("Newest", icon=":material/vertical_align_top:", on_click=to_newest)
    if shown:
        whole(shown)


def to_newest() -> None:
    """Begin again with the newest entries."""
    st.session_state.pop("before", None)


def to_before(number: int) -> None:
    """Go on with the entries before one."""
    st.session_state["before"] = number


def row(entry: Entry) -> list[str]:
    """One entry as a row of the table."""
    when = f"{day(entry.at, year=True)}, {entry.at.astimezone(UTC):%H:%M:%S}".replace(" ", "\u00a0")
    return [
        count(entry.seq),
        f"{plain(entry.actor)}  \n{muted(when)}",
        f"{plain(action_name(entry.action))}  \n{muted(plain(objects_in_words(entry)))}",
        f"`{entry.hash[:8]}`",
    ]


def whole(shown: tuple[Entry, ...]) -> None:
    """One of the entries with all that it holds."""
    by_number = {entry.seq: entry for entry in shown}
    wanted = st.selectbox(
        "Look into an entry", list(by_number), index=None, key="entry", placeholder="Choose an entry", format_func=count
    )
    if wanted is None:
        return
    entry = by_number[wanted]
    st.markdown(f"**{plain(action_name(entry.action))}** by {plain(entry.actor)}, {instant(entry.at)}")
    st.code(json.dumps(dict(entry.objects), indent=2, ensure_ascii=False), language="json", wrap_lines=True)
    st.markdown(muted("Its receipt"))
    st.code(f"{entry.seq}:{entry.hash}", language=None, wrap_lines=True)
    st.markdown(muted("Hash of the entry before"))
    st.code(entry.previous_hash, language=None, wrap_lines=True)


def page() -> None:
    actor = current_actor()
    may_read = actor.may(Right.AUDIT)
    header("Ledger", actions=verify_again if may_read else None)
    if not may_read:
        refused(actor, Right.AUDIT, "The ledger")
        return
    st.markdown(muted("Who did what, when, on which evidence. Entries are only ever added."))
    verdict(again=st.session_state.pop("verify_again", False))
    st.space(4)
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("Does it still hold what I was given?", anchor=False)
        head()
        receipts()
    with right:
        st.subheader("How can others verify it?", anchor=False)
        hand_over()
    st.space(4)
    st.subheader("What happened?", anchor=False)
    entries()


page()
