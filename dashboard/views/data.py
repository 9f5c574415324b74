"""What came in? Bring more in."""

import streamlit as st

from core.governance.identity import Right
from core.record import BatchRole
from core.services.batches import BatchInfo
from core.services.observations import Selection
from dashboard import cached
from dashboard.auth import current_actor
from dashboard.components.admission import BRING_IN, CAME_IN
from dashboard.components.batches import batch_table, holdings, label_table, look_into
from dashboard.components.frame import header
from dashboard.components.intake import bring_in
from dashboard.components.upload import Step, current_flow
from dashboard.state import Selected, selected_model
from dashboard.text import instant, muted, plain


def view_of(batches: tuple[BatchInfo, ...]) -> str:
    """What to show: what came in, or bringing more in, which comes first where there is no reference yet."""
    flow = current_flow()
    is_on_its_way = flow.step > Step.FILE or flow.upload is not None
    has_reference = any(b.role is BatchRole.REFERENCE and b.retracted_at is None for b in batches)
    if "show" not in st.session_state and "show" not in st.query_params:
        st.session_state["show"] = BRING_IN if is_on_its_way or not has_reference else CAME_IN
    return st.segmented_control(
        "Show", [CAME_IN, BRING_IN], required=True, key="show", bind="query-params", label_visibility="collapsed"
    )


def monitored(model: str) -> None:
    """In which table production lies, how far it was read, and what has changed in it; nothing for files."""
    for source in cached.workspace().sources.list(current_actor(), model):
        upto = f"read up to {instant(source.watermark_at)}" if source.watermark_at else "not read yet"
        st.markdown(
            f"Production lies in {plain(source.table)} at {plain(source.url)} and is counted there; {upto}. "
            "Of each window a sample of rows is kept here."
        )
        for finding in source.findings:
            st.warning(f"{plain(source.table)}: {plain(finding)}.")


def came_in(model: str, batches: tuple[BatchInfo, ...]) -> None:
    """Batches of records and of labels, and one of them."""
    monitored(model)
    labels = cached.workspace().batches.list_labels(current_actor(), model)
    if not batches and not labels:
        st.markdown(f"### Nothing has come in for {plain(model)} yet.", anchors=False)
        return
    st.markdown(f"### {holdings(model, batches, labels)}", anchors=False)
    size = cached.workspace().profiles.size(current_actor(), model)
    if size is not None:
        st.markdown(muted(plain(" ".join(size.lines()))))
    if not any(batch.role is BatchRole.REFERENCE and batch.retracted_at is None for batch in batches):
        st.markdown("It has no reference. Until it has one, nothing can be said about it.")
    if batches:
        st.subheader("Records", anchor=False)
        batch_table(batches)
    if labels:
        st.space(4)
        st.subheader("Late labels", anchor=False)
        label_table(labels)
    st.space(4)
    look_into(model, batches, labels)


def page() -> None:
    model = selected_model()
    selected = None if model is None else Selected(model=model, selection=Selection(), context=None)
    header("Data", selected)
    st.markdown(muted("What came in, and what was set aside of it. Bring more in."))
    batches = () if model is None else cached.workspace().batches.list(current_actor(), model)
    if not current_actor().may(Right.INGEST):
        if model is not None:
            came_in(model, batches)
        return
    if model is None:
        bring_in(None)
    elif view_of(batches) == BRING_IN:
        bring_in(model)
    else:
        came_in(model, batches)


page()
