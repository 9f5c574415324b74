"""From a file's columns to its batch: what would become of it, a person's yes, and what became of it."""

from __future__ import annotations

import streamlit as st

from core.errors import ConflictError, PlumblineError, SchemaError
from core.services.intake import Outcome
from dashboard import cached
from dashboard.auth import current_actor
from dashboard.components.batches import refresh
from dashboard.components.mapping import edit_schema, show_match, show_schema_problems
from dashboard.components.problems import row_counts, show_notes, show_problems
from dashboard.components.upload import Flow, Step, Use, release, start_over
from dashboard.state import TAKEN_IN, model_parameters
from dashboard.text import capital, count, muted, plain, plural

__all__ = ["BRING_IN", "CAME_IN", "check_step", "columns_step", "done_step", "look_at_columns", "take_in"]

NOT_UTF8 = "not UTF-8"
CAME_IN, BRING_IN = "What came in", "Bring in data"


def look_at_columns(flow: Flow) -> None:
    """How the file's columns meet the schema; of a new model, a schema that fits them."""
    space, actor = cached.workspace(), current_actor()
    file = flow.kept
    told = {"name": file.name, "encoding": flow.encoding}
    if flow.is_new_model:
        space.models.check(actor, flow.model)
        if flow.drafted_from != (file, flow.encoding):
            flow.propose(space.models.infer(actor, file.path, **told))
            flow.drafted_from = (file, flow.encoding)
    else:
        service = space.labels if flow.use is Use.LABELS else space.records
        flow.match = service.match(actor, flow.model, file.path, **told)


def columns_step(flow: Flow) -> None:
    """Step 3: what each column is; then the file is read once to see what would become of it."""
    if flow.is_new_model:
        edit_schema(flow)
    elif flow.match is not None:
        show_match(flow.match, labels=flow.use is Use.LABELS)
    if not st.button("Check the file", key="intake_check"):
        return
    try:
        _preview(flow)
    except SchemaError as error:
        show_schema_problems(error)
        return
    except PlumblineError as error:
        st.error(plain(error), icon=":material/error:")
        return
    flow.error, flow.step = "", Step.CHECK
    st.rerun()


def _preview(flow: Flow) -> None:
    """Read the whole file and add nothing."""
    space, actor = cached.workspace(), current_actor()
    file = flow.kept
    place = st.empty()
    read = 0

    def step(_name: str, n: int) -> None:
        nonlocal read
        read += n
        place.markdown(f"Checked {plural(read, 'row')} so far.")

    path, told = file.path, {"name": file.name, "encoding": flow.encoding, "progress": step}
    if flow.use is Use.LABELS:
        flow.preview = space.labels.check(actor, flow.model, path, **told)
        return
    schema = ""
    if flow.is_new_model:
        schema = flow.schema_source
        space.models.check(actor, flow.model, schema)
    flow.preview = space.records.check(
        actor,
        None if flow.is_new_model else flow.model,
        path,
        role=flow.role,
        version=flow.version,
        schema_source=schema,
        **told,
    )


def check_step(flow: Flow) -> None:
    """Step 4: what would become of the file, for somebody to confirm."""
    if flow.preview is None:
        flow.back_to(Step.COLUMNS)
        st.rerun()
        return
    outcome = flow.preview.outcome
    if not outcome.is_known:
        st.markdown(f"### {capital(row_counts(outcome, 'would be taken in'))}.", anchors=False)
    show_notes(outcome.file, outcome.notes)
    show_problems(outcome.reasons, flow.preview.problems, sum(n for *_, n in outcome.reasons), of=outcome.file)
    if any(reason == NOT_UTF8 for reason, *_ in outcome.reasons):
        st.markdown("If the file is written in another encoding, change step 1: *Text is encoded as*.")
    if outcome.is_known:
        return
    if not outcome.n_rows:
        st.markdown("There is no row to take in: nothing can be added from this file as it is.")
        return
    what = "label" if flow.use is Use.LABELS else "row"
    words = f"Take in {plural(outcome.n_rows, what)}"
    if flow.is_new_model:
        words = f"Add the model and take in {plural(outcome.n_rows, what)}"
    st.button(words, on_click=_confirm, args=(flow,), key="intake_confirm")
    if outcome.n_rejected:
        st.markdown(muted(f"{plural(outcome.n_rejected, 'row')} set aside can be looked at and downloaded afterwards."))


def _confirm(flow: Flow) -> None:
    flow.step = Step.TAKING_IN


def take_in(flow: Flow) -> None:
    """Add the model and the batch, then count. Interrupted, it goes on when drawn again: nothing is added twice."""
    try:
        if flow.outcome is None:
            _add(flow)
        message = None if flow.outcome is None else flow.outcome.error
        if message is None:
            refresh(flow.model)
    except PlumblineError as error:
        message = str(error)
    if message is not None:
        flow.back_to(Step.COLUMNS)
        flow.error = message
        st.rerun()
    release(flow)
    flow.step = Step.DONE
    st.session_state[TAKEN_IN] = flow.model  # the page is about this model from now on
    st.rerun()


def _add(flow: Flow) -> None:
    """Register the model, if it is new, and take in the file."""
    space, actor = cached.workspace(), current_actor()
    file = flow.kept
    expected = flow.preview.outcome if flow.preview is not None else Outcome(file=file.name)
    of = max(expected.n_rows + expected.n_rejected + expected.n_duplicates, 1)
    bar = st.progress(0.0, text="Taking in")
    read = 0

    def step(_name: str, n: int) -> None:
        nonlocal read
        read += n
        bar.progress(min(read / of, 1.0), text=f"Taking in: {count(read)} of {plural(of, 'row')}")

    if flow.is_new_model:
        _register(flow)
    told = {"names": [file.name], "encoding": flow.encoding, "progress": step}
    if flow.use is Use.LABELS:
        flow.outcome = space.labels.add(actor, flow.model, [file.path], **told)[0]
    else:
        paths = [file.path]
        flow.outcome = space.records.add(actor, flow.model, paths, role=flow.role, version=flow.version, **told)[0]
    bar.empty()


def _register(flow: Flow) -> None:
    """Add the model; if this very schema was added a moment ago, that is as well."""
    space, actor = cached.workspace(), current_actor()
    try:
        space.models.add(actor, flow.model, flow.schema_source)
    except ConflictError:
        if space.models.show(actor, flow.model).schema_source != flow.schema_source:
            raise


def done_step(flow: Flow) -> None:
    """Step 5: what became of the file, and where to look now."""
    outcome = flow.outcome
    if outcome is not None:
        what = "late labels" if flow.use is Use.LABELS else str(flow.role)
        if not outcome.is_known:
            st.markdown(f"### {capital(row_counts(outcome, 'taken in'))}.", anchors=False)
            st.markdown(muted(f"{plain(outcome.file)} is batch {outcome.batch_id} of {plain(flow.model)}, {what}."))
        show_notes(outcome.file, outcome.notes)
    with st.container(horizontal=True, gap="small"):
        for view, label in (("model", "Model"), ("drift", "Drift"), ("performance", "Performance")):
            st.page_link(f"views/{view}.py", label=label, query_params=model_parameters(flow.model))
    with st.container(horizontal=True, gap="small"):
        if outcome is not None and outcome.batch_id is not None:
            prefix = "L" if flow.use is Use.LABELS else ""
            st.button("See the batch", on_click=_see, args=(f"{prefix}{outcome.batch_id}",), key="intake_see")
        st.button("Bring in another file", on_click=start_over, key="intake_another")


def _see(batch: str) -> None:
    """Show a batch among what came in; the file is done with."""
    start_over()
    st.query_params.pop("batch", None)  # of the batch that was looked at before
    st.session_state["show"], st.session_state["batch"] = CAME_IN, batch
