"""Subgroups found on one half of the rows, with what the other half says of them."""

from __future__ import annotations

import streamlit as st

from core.fairness.subgroups import SubgroupScan
from core.measure import Status
from core.services.fairness_rows import SampleBasis
from core.services.worst_slices import WorstSlices
from dashboard import cached
from dashboard.components.gaps import p_words
from dashboard.components.measures import held
from dashboard.components.numbers import cell_table, show_numbers
from dashboard.components.pickers import pick
from dashboard.state import Selected
from dashboard.text import chip, count, in_cell, muted, number, plain, plural, signed

__all__ = ["pick_depth", "show_scan", "show_worst_slices"]

DEPTHS = {"One column": 1, "Two together": 2, "Three together": 3}
HEADER = ["Subgroup, on the other half", "Its rate", "Difference"]
CHIPS = {True: (Status.WARNING, "Confirmed"), False: (Status.INSUFFICIENT, "Not confirmed")}
MOST_SHOWN = 10


def pick_depth() -> int:
    """How many columns a subgroup may be cut by, as the reader chooses."""
    return DEPTHS[pick("Cut by", list(DEPTHS), "depth", most=3)]


def show_scan(scan: SubgroupScan, basis: SampleBasis, *, alt: str, cut_by: str) -> None:
    """The subgroups put to the test, those confirmed first."""
    st.markdown(plain(scan.words))
    rows = [
        [
            f"{plain(each.name)}  \n{chip(*CHIPS[each.is_confirmed])}",
            f"**{_share(each.rate)}**  \n{muted(f'{_share(each.rest)} elsewhere')}",
            f"{held(signed(each.difference))}  \n{muted(in_cell(each.interval))}",
        ]
        for each in scan.subgroups[:MOST_SHOWN]
    ]
    if rows:
        cell_table(HEADER, rows, alt=alt)
        details = [
            (
                each.name,
                "yes" if each.is_confirmed else "no",
                count(each.n),
                p_words(each.q_value),
                signed(each.found_difference),
            )
            for each in scan.subgroups
        ]
        columns = ["Subgroup", "Confirmed", "n", "q", "Difference where it was found"]
        show_numbers(columns, details, alt="Every subgroup that was put to the test", label="All that were tested")
    worse = plural(scan.n_too_few, "subgroup")
    st.markdown(
        muted(
            f"{basis.words} Rates and differences are of the half that wasn't searched; the difference where a "
            f"subgroup was found flatters. {worse} had too few rows to be looked at. {cut_by}, numbers in four bands."
        )
    )


def show_worst_slices(selected: Selected) -> None:
    """Where a model errs most: found on one half of the sampled rows, confirmed on the other."""
    st.subheader("Which subgroups are worst?", anchor=False)
    depth = pick_depth()
    with st.spinner("Looking through subgroups"):
        found = cached.worst_slices(selected.model, selected.selection, depth)
    if found is None or found.scan is None or found.basis is None:
        st.markdown(muted(plain(found.why)) if found else "There is no reference yet.")
        return
    st.markdown(muted(_counted(found)))
    cut_by = "Protected attributes, segments and the model's features"
    show_scan(found.scan, found.basis, alt="Subgroups with the most errors", cut_by=cut_by)


def _counted(found: WorstSlices) -> str:
    first, last = found.windows[0].name, found.windows[-1].name
    span = first if first == last else f"{first} to {last}"
    if found.limit is None:
        return f"The rate is the share of {found.error}, {plain(span)}."
    above = f"{found.limit:,.3g}" if found.limit < 1_000 else f"{found.limit:,.0f}"
    return f"The rate is the share of errors above {above}, which nine in ten of the reference's aren't; {plain(span)}."


def _share(rate: float) -> str:
    return number(rate, "accuracy")
