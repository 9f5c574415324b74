"""Frozen evidence: its name, what it speaks of, whether that still holds, and the bytes to take away."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.governance.proposals import Move
from core.services.checks import HeldSubject, Section
from core.services.proposal import Review
from dashboard.components.numbers import cell_table
from dashboard.components.review_checks import ANCHORS
from dashboard.text import DASH, digest, instant, muted, plain, plural

__all__ = ["conversation", "show_evidence"]

KINDS = {
    "alert": "alert",
    "margin of series": "margin in force",
    "artefact": "file of the version",
    "batch": "batch of records",
    "champion": "version in force",
    "evaluation": "evaluation data",
    "labels of batch": "labels of a batch",
    "policy": "rules",
    "policy of tier": "rules of the tier",
    "reference": "reference",
    "schema": "schema",
    "state of version": "state of the version",
    "target": "where versions go",
    "version": "registration of the version",
}

DONE = {
    Move.OPEN: "asked",
    Move.SUBMIT: "submitted the draft",
    Move.REFRESH: "refreshed the evidence",
    Move.APPROVE: "approved",
    Move.REJECT: "rejected",
    Move.REQUEST_CHANGES: "requested changes",
    Move.COMMENT: "commented",
    Move.WITHDRAW: "withdrew it",
    Move.REVOKE: "revoked the approval",
    Move.MEET: "checked a condition",
    Move.RETRY: "had the job run again",
    Move.START: "started the job",
    Move.FINISH: "finished the job",
    Move.FAIL: "reported that the job failed",
}


def show_evidence(review: Review, *, deep: bool) -> None:
    """Each thing the evidence speaks of, with its digest when it was frozen, and whether it is still the same."""
    st.subheader("What does it rest on?", anchor=ANCHORS[Section.FROZEN][0])
    evidence, found = review.evidence, review.proposal
    if evidence is None:
        st.markdown(f":red-badge[:material/error: Altered] {plain(review.problem)}")
        return
    st.markdown(
        muted(
            f"Frozen {instant(evidence.frozen_at)}. "
            + (f"It holds until {instant(found.fresh_until)} if nothing changes." if found.fresh_until else "")
        )
    )
    st.code(evidence.sha256, language=None, wrap_lines=True)
    gone = [held for held in review.subjects if not held.holds]
    read = "The files were read anew just now" if deep else "Digests as registered"
    if found.fresh_until is None:
        said = f"{read}. It is decided: what came after may differ, and need not hold any more."
    elif gone:
        said = f"{read}: {plural(len(gone), 'thing')} of {len(review.subjects)} changed since."
    else:
        said = f"{read}: all {len(review.subjects)} match."
    st.markdown(f"{said} {muted('Approving, and starting the job, read the files anew.')}")
    is_asked = found.fresh_until is not None
    if gone and is_asked:
        _subjects(gone, is_asked=is_asked, alt="What changed since the evidence was frozen")
    with st.expander(f"Show all {plural(len(review.subjects), 'thing')} it speaks of", type="compact"):
        _subjects(review.subjects, is_asked=is_asked, alt="What the evidence speaks of")
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            "Download the evidence",
            evidence.content.encode(),
            file_name=f"evidence-{evidence.sha256[:12]}.json",
            mime="application/json",
            icon=":material/download:",
            on_click="ignore",
        )
        st.button(
            "Read the files anew",
            icon=":material/fingerprint:",
            key=f"deep-{found.id}",
            help="Hashes every file that the evidence speaks of",
        )
    st.markdown(muted("Its SHA-256 is that of the file's bytes: any program can check it."))


def _subjects(subjects: Sequence[HeldSubject], *, is_asked: bool, alt: str) -> None:
    cell_table(
        ["Of", "Name", "SHA-256 when frozen", "Now"],
        [
            [
                plain(KINDS.get(held.subject.kind, held.subject.kind)),
                plain(held.subject.name),
                f"`{digest(held.subject.digest)}`",
                _now(held.holds, is_asked=is_asked),
            ]
            for held in sorted(subjects, key=lambda held: held.holds)
        ],
        alt=alt,
    )


def conversation(review: Review) -> None:
    """Every move in order: who, what, when, as which entry of the ledger, in which words."""
    st.subheader("What was said and done?", anchor=False)
    for move in review.proposal.moves:
        other = " · on other evidence" if move.evidence_sha256 != review.proposal.evidence_sha256 else ""
        what = f"{DONE[move.move]}, {instant(move.at)} · entry {move.ledger_seq}{other}"
        words = "  \n".join(plain(line) if line.strip() else "\u00a0" for line in move.text.splitlines())
        st.markdown(f"**{plain(move.actor)}** {muted(what)}  \n{words or DASH}")


def _now(holds: bool, *, is_asked: bool) -> str:
    if holds:
        return ":green-badge[:material/check: Same]"
    return ":red-badge[:material/close: Changed]" if is_asked else ":gray-badge[Changed\u00a0since]"
