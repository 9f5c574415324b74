"""What holds of a comparison for whoever looks again and again, and on rows that a search didn't see."""

from __future__ import annotations

import streamlit as st

from core.compare.verdicts import Verdict
from dashboard.components.differences import CHIPS, Data, parts_of
from dashboard.components.measures import held
from dashboard.components.numbers import cell_table
from dashboard.components.review_checks import interval_of
from dashboard.text import count, in_cell, in_sentence, measure_name, muted, plain, plural, signed

__all__ = ["show_at_any_time", "show_confirmation"]

MOST_SLICES = 8


def show_at_any_time(found: Data | None) -> None:
    """The verdict on accuracy that may be read every day, in one line."""
    if found is None:
        return
    colour, icon, words = CHIPS[Verdict(found["verdict"])]
    if found["difference"] is None:
        st.markdown(f":{colour}-badge[:material/{icon}: {words}] {plain(found['why'])}")
        return
    interval = in_sentence(interval_of(found["interval"]), "accuracy")
    st.markdown(
        f":{colour}-badge[:material/{icon}: {words}] Accuracy {signed(found['difference'], 'accuracy')} {interval}, "
        f"however often one looks: of {count(found['n'])} rows {count(found['n_gained'])} went from wrong to right and "
        f"{count(found['n_lost'])} from right to wrong. "
        + muted("This interval holds on all days at once; those below hold for one look.")
    )


def show_confirmation(found: Data | None, *, title: str = "For whom does it get worse?") -> None:
    """Slices found worse on one half of the rows, with what the other half says of them."""
    st.subheader(title, anchor=False)
    if found is None:
        st.markdown("No rows were kept apart to confirm slices on.")
        return
    st.markdown(plain(found["why"]))
    slices = sorted(found["slices"], key=lambda each: each["held_out"]["verdict"] != Verdict.WORSE)
    if not slices:
        return
    cell_table(
        ["Slice", "On the other half", "Where it was found"],
        [_row(each) for each in slices[:MOST_SLICES]],
        alt="Slices found on one half of the rows, on the other half",
    )
    rest = len(slices) - MOST_SLICES
    more = f"{plural(rest, 'more slice')} found aren't shown. " if rest > 0 else ""
    st.markdown(
        muted(
            f"{more}{count(found['n_finding'])} rows were searched, {count(found['n_confirming'])} others confirm. The "
            "difference where a slice was found flatters the search; the one of the other half doesn't."
        )
    )


def _row(each: Data) -> list[str]:
    searched, held_out = each["found"], each["held_out"]
    measure = held_out["measure"]
    colour, icon, words = CHIPS[Verdict(held_out["verdict"])]
    confirmed = held_out["verdict"] == Verdict.WORSE
    chip = f":{colour}-badge[:material/{icon}: {held('Confirmed' if confirmed else words)}]"
    difference = held_out["difference"]
    shown = plain(held_out["why"])
    if difference is not None:
        interval = in_cell(interval_of(held_out["interval"]), measure)
        shown = f"**{held(signed(difference, measure))}**  \n{muted(interval)}"
    slice_ = [f"**{held(plain(part))}**" for part in parts_of(held_out)]
    return [
        "  \n".join([*slice_, muted(held(f"{measure_name(measure)}, n {count(held_out['n'])}"))]),
        f"{chip}  \n{shown}",
        held(signed(searched["difference"], measure)),
    ]
