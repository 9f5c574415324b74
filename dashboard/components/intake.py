"""Bring a file in, step by step: the file, what it is for, its columns, the check, and the batch that comes of it."""

from __future__ import annotations

import streamlit as st

from core.errors import PlumblineError
from core.governance.identity import Right
from core.record import BatchRole
from core.schema import Role
from core.services.models import ModelInfo
from dashboard import cached
from dashboard.auth import current_actor
from dashboard.components.admission import check_step, columns_step, done_step, look_at_columns, take_in
from dashboard.components.problems import row_counts
from dashboard.components.upload import LIMIT_MB, Flow, Step, Use, current_flow, keep, look_at, release, start_over
from dashboard.text import listed, muted, plain, plural

__all__ = ["bring_in"]

ENCODINGS = {"utf-8": "UTF-8", "cp1252": "Windows-1252", "latin-1": "Latin-1"}
FORMATS = {"csv": "CSV", "jsonl": "JSON lines", "parquet": "Parquet"}
TITLES = {
    Step.FILE: "File",
    Step.USE: "What it is for",
    Step.COLUMNS: "Columns",
    Step.CHECK: "Check",
    Step.DONE: "Taken in",
}
CAPTIONS = {
    Use.NEW_MODEL: "Its schema is proposed from this file, for you to check",
    Use.REFERENCE: "The records a version was validated on; everything later is set against them",
    Use.PRODUCTION: "What the model served",
    Use.EVALUATION: "Records that a version scored before it serves",
    Use.LABELS: "What turned out to be true, joined to its record by id",
}
NEW_ROLES = {BatchRole.REFERENCE: "its reference", BatchRole.PRODUCTION: "production records"}


def bring_in(model: str | None) -> None:
    """The stepper; `model` is the one the page is about, if there is any."""
    flow = current_flow()
    if flow.upload is None and flow.step not in (Step.FILE, Step.DONE):
        flow.back_to(Step.FILE)
    draw = {
        Step.FILE: lambda: _file(flow),
        Step.USE: lambda: _use(flow, model),
        Step.COLUMNS: lambda: columns_step(flow),
        Step.CHECK: lambda: check_step(flow),
        Step.TAKING_IN: lambda: take_in(flow),
        Step.DONE: lambda: done_step(flow),
    }[flow.step]
    now = Step.DONE if flow.step is Step.TAKING_IN else flow.step
    for place, (step, title) in enumerate(TITLES.items(), start=1):
        if step > now:
            st.markdown(f":gray[{place}  {title}]")
            continue
        with st.container(border=True, gap="small"):
            if step < now:
                _summary(flow, place, step)
                continue
            st.markdown(f"**{place}  {title}**")
            if flow.error:
                st.error(plain(flow.error), icon=":material/error:")
            draw()
    if flow.step not in (Step.FILE, Step.TAKING_IN, Step.DONE):
        st.button("Start over", on_click=start_over, type="tertiary", key="intake_over")


def _summary(flow: Flow, place: int, step: Step) -> None:
    """A step that is behind: what was said, and a way back to it."""
    said = ""
    if step is Step.FILE and flow.upload is not None and flow.look is not None:
        said = f"{plain(flow.upload.name)}, {_size(flow.upload.n_bytes)}, {_kind(flow)}"
    elif step is Step.FILE and flow.outcome is not None:
        said = plain(flow.outcome.file)
    elif step is Step.USE and flow.use is not None:
        said = (
            f"{flow.use}, {plain(flow.model)}, with {NEW_ROLES[flow.role]}"
            if flow.is_new_model
            else f"{flow.use} of {plain(flow.model)}"
        )
        if flow.version:
            said += f", version {plain(flow.version)}"
    elif step is Step.COLUMNS and flow.is_new_model:
        said = plural(len(flow.edited.columns), "column")
    elif step is Step.COLUMNS and flow.match is not None:
        said = f"{plural(len(flow.match.matched), 'column')} match, {len(flow.match.absent):,} absent, "
        said += f"{len(flow.match.extra):,} not read"
    elif step is Step.CHECK and flow.preview is not None:
        said = row_counts(flow.preview.outcome, "fit")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f":material/check: **{place}  {TITLES[step]}**  \n{muted(said)}", width="content")
        if flow.step in (Step.USE, Step.COLUMNS, Step.CHECK):
            st.space("stretch")
            st.button("Change", on_click=flow.back_to, args=(step,), type="tertiary", key=f"intake_back_{step.name}")


def _file(flow: Flow) -> None:
    """Step 1: the upload."""
    file = st.file_uploader(
        f"A file of prediction logs or labels: CSV, JSON lines (both also as .gz) or Parquet, at most {LIMIT_MB:,} MB",
        key=f"intake_file_{flow.number}",
    )
    encoding = st.selectbox(
        "Text is encoded as",
        list(ENCODINGS),
        list(ENCODINGS).index(flow.encoding),
        format_func=lambda name: ENCODINGS[name],
        width=220,
        key=f"intake_encoding_{flow.number}",
    )
    flow.encoding = encoding
    try:
        if file is not None:
            with st.spinner("Looking at the file"):
                keep(flow, file, file.name, file.size)
        elif flow.upload is not None:  # step 1 is taken up again: the file is here still
            look_at(flow)
            st.markdown(f"{plain(flow.upload.name)} is here, {_kind(flow)}. Another file takes its place.")
            if not st.button("Go on with this file", key="intake_keep"):
                return
        else:
            return
    except PlumblineError as error:
        release(flow)
        st.error(plain(error), icon=":material/error:")
        return
    flow.number += 1  # the uploader is empty when it is drawn again
    flow.step = Step.USE
    st.rerun()


def _use(flow: Flow, selected: str | None) -> None:
    """Step 2: what the file is for."""
    actor, space = current_actor(), cached.workspace()
    models = {info.name: info for info in space.models.list(actor)}
    uses = [use for use in Use if models or use is Use.NEW_MODEL]
    if not actor.may(Right.CONFIGURE):
        uses.remove(Use.NEW_MODEL)
    if not uses:
        st.markdown("There is no model yet; somebody who may configure one has to add it first.")
        return
    if flow.look is not None:
        names = listed([plain(name) for name in flow.look.columns], most=8)
        st.markdown(muted(f"The file is {_kind(flow)}: {names}."))
    preset = flow.use if flow.use in uses else _likely(flow, models.get(selected or ""), uses)
    use = st.radio(
        "This file holds",
        uses,
        index=uses.index(preset),
        captions=[CAPTIONS[use] for use in uses],
        key="intake_use",
    )
    name, role, version = flow.model, use.role, None
    if use is Use.NEW_MODEL:
        name = st.text_input("Name of the model", "" if name in models else name, key="intake_name", max_chars=200)
        role = st.radio(
            "The file's records are",
            list(NEW_ROLES),
            format_func=lambda role: NEW_ROLES[role],
            horizontal=True,
            key="intake_role",
        )
    else:
        known = list(models)
        preset_name = name if name in models else selected
        name = st.selectbox("Model", known, known.index(preset_name) if preset_name in known else 0, key="intake_model")
        version = _version(flow, use, models[name])
    if not st.button("Continue", key="intake_continue"):
        return
    flow.error = ""
    if use is Use.EVALUATION and not version:
        st.error("Evaluation data needs to say which version it evaluates.", icon=":material/error:")
        return
    flow.use, flow.model, flow.role, flow.version = use, name.strip(), role, version
    try:
        with st.spinner("Reading the file's columns"):
            look_at_columns(flow)
    except PlumblineError as error:
        st.error(plain(error), icon=":material/error:")
        return
    flow.step = Step.COLUMNS
    st.rerun()


def _version(flow: Flow, use: Use, info: ModelInfo) -> str | None:
    """Which version made the records, where that is to be asked."""
    if use is Use.LABELS or (use is not Use.EVALUATION and info.schema.name_of(Role.VERSION) is not None):
        return None
    versions = list(info.versions)
    asks = "Version that it evaluates" if use is Use.EVALUATION else "Version that made the records (may be left open)"
    return st.selectbox(
        asks,
        versions,
        versions.index(flow.version) if flow.version in versions else None,
        accept_new_options=True,
        placeholder="Choose a version, or type a new one",
        key="intake_version",
    )


def _likely(flow: Flow, info: ModelInfo | None, uses: list[Use]) -> Use:
    """What the file is for, most likely."""
    if info is None:
        return uses[0]
    batches = cached.workspace().batches.list(current_actor(), info.name)
    if not any(batch.role is BatchRole.REFERENCE and batch.retracted_at is None for batch in batches):
        return Use.REFERENCE
    columns = set(flow.look.columns) if flow.look is not None else set()
    label, identifier = info.schema.name_of(Role.LABEL), info.schema.name_of(Role.ID)
    if label in columns and identifier in columns and not columns & set(info.schema.features):
        return Use.LABELS
    return Use.PRODUCTION


def _kind(flow: Flow) -> str:
    if flow.look is None:
        return "a file"
    zipped = " (gzip)" if flow.look.is_gzip else ""
    return f"{FORMATS[flow.look.format]}{zipped} of {plural(len(flow.look.columns), 'column')}"


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:,.1f} MB" if n_bytes >= 100_000 else f"{max(n_bytes / 1e3, 0.1):,.1f} kB"
