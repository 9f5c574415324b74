"""What changes if we change it? Any two versions on the same records."""

from __future__ import annotations

import streamlit as st

from core.services.observations import Selection
from core.services.version_changes import ChangeKind, VersionChanges
from core.services.versions import VersionInfo
from dashboard import cached
from dashboard.auth import current_actor
from dashboard.components.differences import Data
from dashboard.components.frame import empty_state, header, no_model
from dashboard.components.numbers import cell_table
from dashboard.components.review_checks import difference_words
from dashboard.components.review_comparison import show_differences, show_groups
from dashboard.components.slices_confirmed import show_at_any_time, show_confirmation
from dashboard.state import Selected, in_address, selected_model
from dashboard.text import DASH, plain, plural

KINDS = {
    ChangeKind.FEATURES: "Feature",
    ChangeKind.PARAMETERS: "Parameter",
    ChangeKind.CODE: "Code",
    ChangeKind.DATA: "Data",
}
MOST_TEXT = 80


def chosen(model: str, versions: tuple[VersionInfo, ...]) -> tuple[str, str]:
    """The two versions that the address names: the newest one, and the one in force before it, if it names none."""
    names = [version.name for version in reversed(versions)]
    in_force = cached.workspace().versions.in_force(current_actor(), model)
    first = in_force.version if in_force is not None else None
    left, right = st.columns(2, gap="medium")
    with right:
        candidate = in_address("Version", sorted(names, key=lambda name: name == first), key="candidate")
    with left:
        others = [name for name in names if name != candidate]
        champion = in_address("Instead of", sorted(others, key=lambda name: name != first), key="champion")
    return champion, candidate


def what_changed(found: VersionChanges) -> None:
    """Everything registered that differs, as a table, and of what nothing is known."""
    st.subheader("What was changed?", anchor=False)
    n, n_same = len(found.changes), found.n_same
    st.markdown(f"Of what was registered, **{n:,} {'differs' if n == 1 else 'differ'}** and {n_same:,} agree.")
    if found.changes:
        rows = [
            [KINDS[change.kind], plain(change.name), _value(change.before), _value(change.after)]
            for change in found.changes
        ]
        header_row = ["", "What", plain(found.champion), plain(found.candidate)]
        cell_table(header_row, rows, alt=f"What differs between {found.champion} and {found.candidate}")
    for sentence in found.unknown:
        st.markdown(f"{DASH} {plain(sentence)}")


def _value(text: str | None) -> str:
    if text is None:
        return DASH
    return plain(text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}…")


def what_it_does(compared: Data) -> None:
    """Paired differences of all rows, of groups, and of slices that were found and confirmed on separate rows."""
    result = compared["result"]
    st.markdown(
        f"### {difference_words(result['differences'][0], plain(compared['candidate']), plain(compared['champion']))}",
    )
    show_at_any_time(result["at_any_time"])
    show_differences(compared)
    st.space(4)
    show_groups(result)
    st.space(4)
    show_confirmation(result["confirmation"])


def page() -> None:
    model = selected_model()
    if model is None:
        header("Compare")
        no_model()
        return
    header("Compare", Selected(model=model, selection=Selection(), context=None))
    versions = cached.workspace().versions.list(current_actor(), model)
    if len(versions) < 2:
        empty_state(
            f"{plain(model)} has {plural(len(versions), 'version')}: there is nothing to compare.",
            "A second one is registered on the Versions page, or made by a retraining.",
        )
        return
    champion, candidate = chosen(model, versions)
    compared, changes = cached.comparison(model, candidate, champion)
    if compared["result"] is None:
        st.markdown("### What the change does can't be told.")
        st.markdown(plain(compared["why"]))
    else:
        what_it_does(compared)
    st.space(4)
    what_changed(changes)


page()
