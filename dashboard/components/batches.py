"""What came in: batches of records and of late labels, one of them in detail, and taking one out again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import streamlit as st

from core.errors import PlumblineError
from core.governance.identity import Right
from core.record import BatchRole
from core.report.spreadsheet import as_csv
from core.services.batches import BatchInfo, LabelBatchInfo
from dashboard import cached
from dashboard.auth import current_actor
from dashboard.components.numbers import cell_table, facts
from dashboard.components.problems import show_notes, show_problems
from dashboard.state import in_address
from dashboard.text import DASH, count, day, digest, instant, muted, plain, plural

__all__ = ["batch_table", "holdings", "label_table", "look_into", "refresh"]

PAGE_SIZE = 10


def holdings(model: str, batches: Sequence[BatchInfo], labels: Sequence[LabelBatchInfo]) -> str:
    """What a model holds, in a sentence or three."""
    live = [b for b in batches if b.retracted_at is None and b.role is not BatchRole.BASELINE]  # that holds copies
    n_rejected = sum(batch.n_rejected for batch in live)
    roles = {str(batch.role): 0 for batch in live}
    for batch in live:
        roles[str(batch.role)] += batch.n_rows
    split = f" ({', '.join(f'{count(n)} {role}' for role, n in sorted(roles.items()))})" if len(roles) > 1 else ""
    words = f"{plain(model)} holds {plural(sum(roles.values()), 'record')} in "
    words += f"{plural(len(live), 'batch', 'batches')}{split}. "
    words += f"{plural(n_rejected, 'row was', 'rows were')} set aside." if n_rejected else "No row was set aside."
    if labels:
        words += f" {count(sum(batch.n_matched for batch in labels))} late labels found their record."
    return words


def batch_table(batches: Sequence[BatchInfo]) -> None:
    """The batches of records, newest first."""
    newest = list(reversed(batches))
    pages = -(-len(newest) // PAGE_SIZE)
    place = st.container()
    page = st.pagination(pages, key="batches_page") if pages > 1 else 1
    with place:
        cell_table(
            ["Batch", "Rows", "Set aside", "From, to", "Taken in", "State"],
            [_batch_row(batch) for batch in newest[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]],
            alt="Batches of records",
        )


def label_table(batches: Sequence[LabelBatchInfo]) -> None:
    """The files of late labels, newest first."""
    newest = list(reversed(batches))
    pages = -(-len(newest) // PAGE_SIZE)
    place = st.container()
    page = st.pagination(pages, key="labels_page") if pages > 1 else 1
    with place:
        cell_table(
            ["Batch", "Labels", "Found their record", "Set aside", "Taken in"],
            [
                [
                    f"**L{batch.id}** {plain(_file_name(batch.source_name))}",
                    count(batch.n_rows),
                    count(batch.n_matched),
                    count(batch.n_rejected),
                    _two(_held(instant(batch.created_at)), plain(batch.created_by)),
                ]
                for batch in newest[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
            ],
            alt="Files of late labels",
        )


def look_into(model: str, batches: Sequence[BatchInfo], labels: Sequence[LabelBatchInfo]) -> None:
    """One batch: facts, what was set aside of it, and taking it out."""
    names = {f"{batch.id}": f"{batch.id} {batch.source_name}" for batch in reversed(batches)}
    names |= {f"L{batch.id}": f"L{batch.id} {batch.source_name}" for batch in reversed(labels)}
    chosen = in_address("Look into a batch", list(names), key="batch", names=names)
    with st.container(border=True, gap="small"):
        for batch in batches:
            if chosen == f"{batch.id}":
                _batch_card(model, batch)
        for late in labels:
            if chosen == f"L{late.id}":
                _label_card(late)


def refresh(model: str) -> None:
    """Count what isn't counted yet, showing how far it is; what a new reference asks for is left to the worker."""
    space, actor = cached.workspace(), current_actor()
    if space.jobs.recount(actor, model) is not None:
        return
    bar = st.progress(0.0, text="Counting")

    def step(name: str, done: int, of: int) -> None:
        bar.progress(done / of, text=f"Counting {plain(name)}: {done:,} of {of:,}")

    space.profiles.refresh(actor, model, progress=step)
    bar.empty()


def _batch_card(model: str, batch: BatchInfo) -> None:
    space, actor = cached.workspace(), current_actor()
    st.markdown(f"**{batch.id}** {plain(batch.source_name)} {muted(_use(batch))}")
    if batch.retracted_at is not None:
        st.markdown(
            f"Retracted {instant(batch.retracted_at)} by {plain(batch.retracted_by)}: {plain(batch.retracted_reason)}. "
            "It counts nowhere."
        )
    facts(
        {
            "Rows": f"{count(batch.n_rows)} taken in, {count(batch.n_rejected)} set aside, "
            f"{count(batch.n_duplicates)} known already",
            "From, to": _period(batch.first_at, batch.last_at),
            "Taken in": f"{instant(batch.created_at)} by {plain(batch.created_by)}",
            "File (SHA-256)": f"`{digest(batch.source_sha256)}`",
        },
        alt=f"Batch {batch.id}",
    )
    show_notes(_file_name(batch.source_name), batch.notes)
    quarantine = space.records.quarantine(actor, batch.id)
    show_problems(quarantine.reasons, quarantine.first, quarantine.n_problems, of=batch.source_name)
    with st.container(horizontal=True, gap="small"):
        if quarantine.n_problems:
            st.download_button(
                "Download what was set aside (CSV)",
                lambda: as_csv(space.batches.rejects(actor, batch.id)),
                file_name=f"set-aside-{batch.id}.csv",
                mime="text/csv",
                on_click="ignore",
                icon=":material/download:",
                key=f"rejects_{batch.id}",
            )
    if batch.retracted_at is None and actor.may(Right.INGEST):
        _retract(model, batch)


def _label_card(batch: LabelBatchInfo) -> None:
    space, actor = cached.workspace(), current_actor()
    st.markdown(f"**L{batch.id}** {plain(batch.source_name)} {muted('late labels')}")
    facts(
        {
            "Labels": f"{count(batch.n_rows)} taken in, {count(batch.n_rejected)} set aside",
            "Found their record": f"{count(batch.n_matched)}; the others wait for it, or name an id again",
            "Taken in": f"{instant(batch.created_at)} by {plain(batch.created_by)}",
            "File (SHA-256)": f"`{digest(batch.source_sha256)}`",
        },
        alt=f"Label batch {batch.id}",
    )
    quarantine = space.labels.quarantine(actor, batch.id)
    show_problems(quarantine.reasons, quarantine.first, quarantine.n_problems, of=batch.source_name)
    if quarantine.n_problems:
        st.download_button(
            "Download what was set aside (CSV)",
            lambda: as_csv(space.labels.rejects(actor, batch.id)),
            file_name=f"set-aside-L{batch.id}.csv",
            mime="text/csv",
            on_click="ignore",
            icon=":material/download:",
            key=f"label_rejects_{batch.id}",
        )


def _retract(model: str, batch: BatchInfo) -> None:
    """A form that takes a batch out of every count."""
    with st.expander("Retract this batch", type="compact"), st.form(f"retract_{batch.id}", border=False):
        st.markdown(
            f"Its {plural(batch.n_rows, 'row')} leave every count. The batch stays in this list with your name and the "
            "reason; a mended file can be taken in afterwards."
        )
        reason = st.text_input("Reason", max_chars=500, key=f"retract_reason_{batch.id}")
        if not st.form_submit_button("Retract", key=f"retract_submit_{batch.id}"):
            return
        try:
            cached.workspace().batches.retract(current_actor(), batch.id, reason=reason)
            refresh(model)
        except PlumblineError as error:
            st.error(plain(error), icon=":material/error:")
            return
    st.rerun()


def _batch_row(batch: BatchInfo) -> list[str]:
    known = f"{count(batch.n_duplicates)} known already" if batch.n_duplicates else ""
    state = "counted"
    if batch.retracted_at is not None:
        state = _two("retracted", f"{day(batch.retracted_at, year=True)}: {plain(batch.retracted_reason)}")
    elif not batch.n_rows:
        state = "no row to count"
    return [
        _two(f"**{batch.id}** {plain(_file_name(batch.source_name))}", _use(batch)),
        _two(count(batch.n_rows), known),
        count(batch.n_rejected),
        _period(batch.first_at, batch.last_at),
        _two(_held(instant(batch.created_at)), plain(batch.created_by)),
        state,
    ]


def _use(batch: BatchInfo) -> str:
    return str(batch.role) if batch.evaluated_version is None else f"{batch.role} of {plain(batch.evaluated_version)}"


def _file_name(name: str) -> str:
    """The last part of a path; the whole stands in the card."""
    return name.replace("\\", "/").rstrip("/").rpartition("/")[2] or name


def _period(first: datetime | None, last: datetime | None) -> str:
    if first is None or last is None:
        return DASH
    if first.date() == last.date():
        return _held(day(first, year=True))
    return f"{_held(day(first, year=first.year != last.year))} to {_held(day(last, year=True))}"


def _two(line: str, below: str) -> str:
    return f"{line}  \n{muted(below)}" if below else line


def _held(text: str) -> str:
    """Text that isn't broken between its words."""
    return text.replace(" ", "\u00a0")
