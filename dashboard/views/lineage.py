"""Where do versions come from, and on whose outputs do they stand?"""

from __future__ import annotations

import streamlit as st

from core.charts.lineage import LineageRow, lineage_graph
from core.services.lineage import DataSet, Lineage, VersionLineage
from core.services.observations import Selection
from core.services.versions import VersionState
from dashboard import cached
from dashboard.auth import current_actor
from dashboard.components.frame import empty_state, header, no_model
from dashboard.components.numbers import cell_table, show_chart, show_numbers
from dashboard.components.registry import state_chip
from dashboard.state import Selected, selected_model
from dashboard.text import DASH, count, day, listed, muted, plain, plural
from dashboard.theme import palette


def sentence(found: Lineage) -> str:
    """What stands in force, and where it came from."""
    in_force = [one for one in found.versions if one.version.state is VersionState.CHAMPION]
    if not in_force:
        return f"{plural(len(found.versions), 'version')} of {plain(found.model)}; none is in force."
    one = in_force[-1]
    origin = f", made from {plain(one.parent)}" if one.parent else ""
    stacks = listed([plain(stack.model) for stack in one.stacked_on])
    return f"{plain(one.version.name)} is in force{origin}{f'. It reads outputs of {stacks}' if stacks else ''}."


def drawn(found: Lineage) -> None:
    rows = [
        LineageRow(
            name=one.version.name,
            note="in force" if one.version.state is VersionState.CHAMPION else str(one.version.state),
            parent=one.parent,
            is_in_force=one.version.state is VersionState.CHAMPION,
            data=tuple((str(use), data.name) for use, data in one.data.items()),
            stacked_on=tuple(stack.model for stack in one.stacked_on),
        )
        for one in found.versions
    ]
    read_by = [stack.model for stack in found.read_by]
    show_chart(lineage_graph(rows, read_by=read_by, palette=palette()), key="lineage")
    st.markdown(
        muted(
            "The newest version on top. Squares are data, lines between versions lead from a parent, dotted lines are "
            "outputs that another model reads."
        )
    )


def told(found: Lineage) -> None:
    """The graph as a table, and the files behind it."""
    rows = [_row(one) for one in reversed(found.versions)]
    cell_table(["Version", "State", "Rests on"], rows, alt=f"Lineage of {found.model}")
    for stack in found.read_by:
        st.markdown(f"**{plain(stack.model)}** reads its outputs as {listed([plain(f) for f in stack.features])}.")
    files = [
        (one.version.name, str(use), batch, source)
        for one in reversed(found.versions)
        for use, data in one.data.items()
        for batch, source in zip(data.batches, data.sources, strict=True)
    ]
    if files:
        show_numbers(["Version", "Use", "Batch", "File"], files, alt="Batches behind versions", label="Show batches")


def _row(one: VersionLineage) -> list[str]:
    origin = f"from {plain(one.parent)}" if one.parent else ""
    origin += f" by {plain(one.origin)}" if one.origin else ""
    rests_on = [f"{use} **{plain(found.name)}**  \n{muted(_extent(found))}" for use, found in one.data.items()]
    rests_on += [
        f"reads outputs of **{plain(stack.model)}**  \n{muted(listed([plain(f) for f in stack.features]))}"
        for stack in one.stacked_on
    ]
    return [
        f"**{plain(one.version.name)}** {origin}  \n{muted(day(one.version.created_at, year=True))}",
        state_chip(one.version.state),
        "  \n".join(rests_on) or f"{DASH} {muted('not said')}",
    ]


def _extent(found: DataSet) -> str:
    if found.first_at is None or found.last_at is None:
        return f"{count(found.n_rows)} rows"
    return f"{count(found.n_rows)} rows, {day(found.first_at)} to {day(found.last_at, year=True)}"


def page() -> None:
    model = selected_model()
    if model is None:
        header("Lineage")
        no_model()
        return
    header("Lineage", Selected(model=model, selection=Selection(), context=None))
    found = cached.workspace().lineage.show(current_actor(), model)
    if not found.versions:
        empty_state(
            f"{plain(model)} has no version yet.", "One is registered with its first records, or on the Versions page."
        )
        return
    st.markdown(f"### {sentence(found)}", anchors=False)
    for warning in found.warnings:
        st.markdown(f":orange-badge[:material/warning: Beware] {plain(warning)}")
    drawn(found)
    st.space(4)
    told(found)


page()
