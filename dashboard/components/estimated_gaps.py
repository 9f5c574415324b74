"""How groups are estimated to differ before labels come: one row a group, and why some have none."""

from __future__ import annotations

import streamlit as st

from core.performance.estimated import PREFIX
from core.performance.estimated_groups import GAP, GROUP_RATES
from core.services.estimated_gaps import GapEstimates, GroupEstimates
from core.services.observations import Context
from dashboard import cached
from dashboard.components.estimates import withheld_words
from dashboard.components.measures import dated, held
from dashboard.components.numbers import cell_table
from dashboard.components.pickers import pick
from dashboard.state import Selected
from dashboard.text import capital, count, in_cell, measure_name, muted, number, plain, signed

__all__ = ["show_estimated_gaps"]

NOT_NOW = "None"


def show_estimated_gaps(selected: Selected, context: Context, attributes: tuple[str, ...]) -> None:
    """Asked attribute by attribute, as every window of every group is drawn for it."""
    st.subheader("How will groups differ once labels are in?", anchor=False)
    chosen = pick("Estimate for groups of", [NOT_NOW, *attributes], "estimated_groups", most=5)
    if chosen == NOT_NOW or context.shows_reference:
        st.markdown(muted("Rates that need labels are estimated group by group, each from its own rows' scores."))
        return
    with st.spinner("Drawing what labels may show"):
        found = cached.estimated_gaps(selected.model, chosen, selected.selection)
    if found is None or found.why:
        st.markdown(muted(plain(found.why if found else "")))
        return
    place = found.place
    window = found.context.windows[place]
    shown = [group for group in found.groups if any(m.value is not None for m in group.report.trend[place])]
    if shown:
        head = ["Group", *(capital(plain(measure_name(name))) for name in GROUP_RATES), "Gaps that held"]
        rows = [
            [held(plain(group.group)), *(_cell(group, name, place) for name in GROUP_RATES), _worth(group)]
            for group in shown
        ]
        cell_table(head, rows, alt=f"Estimated rates of groups of {chosen}")
    others = f"'{plain(found.against)}'" if found.against else "all others together"
    unlabelled = "unlabelled" if not window.n_labelled else "its own labels left aside"
    st.markdown("  \n".join(_reasons(found, has_table=bool(shown))))
    st.markdown(
        muted(
            f"{capital(dated(window))}, {unlabelled}: each rate, and its difference to {others} with what labels will "
            "show in 95 of 100 windows, if outcomes follow the score in each group as they did in the reference. "
            "*Gaps that held*: of how many past estimates of its differences the labels lay in the interval."
        )
    )


def _cell(group: GroupEstimates, name: str, place: int) -> str:
    rate, gap = group.measure(name, place), group.measure(name + GAP, place)
    value = number(rate.value) if rate is not None else "—"
    if gap is None:
        return f"**{value}**  \n{muted('the others are set against it')}"
    if gap.value is None or gap.interval is None:
        return f"**{value}**  \n{muted('no gap')}"
    return f"**{value}**  \n{held(signed(gap.value))} {muted(in_cell(gap.interval))}"


def _worth(group: GroupEstimates) -> str:
    checked = [group.report.coverage(name + GAP, group.group) for name in GROUP_RATES]
    known = sum(n for _, n in checked)
    return f"{count(sum(held_ for held_, _ in checked))} of {count(known)}" if known else "none checked"


def _reasons(found: GapEstimates, *, has_table: bool) -> list[str]:
    """Why groups have no estimate of the window, or some rates none; groups of one reason together."""
    told: dict[tuple[str, str], list[str]] = {}
    for group in found.groups:
        for refusal in group.report.refusals[found.place]:
            which = "" if not refusal.measures else "differences" if len(refusal.measures) > 1 else refusal.measures[0]
            told.setdefault((which, refusal.words), []).append(group.group)
    of_all = {key: groups for key, groups in told.items() if len(groups) == len(found.groups) and not key[0]}
    lines = []
    for (which, words), groups in (of_all or told).items():
        who = "any group" if of_all else ", ".join(groups)
        what = f" ({measure_name(which.removeprefix(PREFIX))})" if which else ""
        lines.append(f"No estimate for {plain(who + what)}: {withheld_words(words, found.context)}")
    if not has_table and not lines:
        lines.append("No group has rows in this window.")
    return lines
