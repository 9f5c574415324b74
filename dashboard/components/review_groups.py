"""Gaps between groups before and after, and whose decisions change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from core.compare.verdicts import Verdict
from core.measure import Status
from dashboard.components.differences import CHIPS, UNKNOWN, Data, place_of, worst_first
from dashboard.components.measures import held
from dashboard.components.numbers import cell_table, show_numbers
from dashboard.components.review_checks import interval_of
from dashboard.text import DASH, count, in_cell, in_sentence, measure_name, muted, number, plain, plural, signed

__all__ = ["show_flips", "show_gaps"]

MOST_GAPS = 6
FLIPS = {
    "changed": "Changed",
    "gained": "To favourable",
    "lost": "From favourable",
    "positive_flip": "Wrong to right",
    "negative_flip": "Right to wrong",
}


def show_gaps(gaps: Sequence[Data]) -> None:
    """Each group's gap to all others, before and after; what grew is listed, the rest is folded."""
    if not gaps:
        return
    ordered = sorted(gaps, key=worst_first)
    st.markdown("**Gaps to everybody else, before and after**")
    grown = [gap for gap in ordered if gap["verdict"] in (Verdict.WORSE, Verdict.CHANGED)]
    grown.sort(key=lambda gap: -abs(gap["change"]))
    if grown:
        cell_table(
            ["Group", "Verdict", "Before", "After", "Change"],
            [_gap_row(gap) for gap in grown[:MOST_GAPS]],
            alt="Gaps that are wider or change sides",
        )
    else:
        st.markdown("No gap is wider by more than the margin.")
    show_numbers(
        ["Group", "Rate", "Verdict", "Before", "After", "Change", "n", "n of the rest", "Reason"],
        [
            (
                f"{gap['column']} {gap['group']}",
                measure_name(gap["measure"]),
                _gap_words(gap),
                signed(gap["champion"]),
                signed(gap["candidate"]),
                signed(gap["change"]) if gap["verdict"] not in UNKNOWN else DASH,
                count(gap["n"]),
                count(gap["n_rest"]),
                gap["why"],
            )
            for gap in ordered
        ],
        alt="All gaps before and after",
        label=f"Show all {plural(len(gaps), 'gap')}",
    )


def _gap_row(gap: Data) -> list[str]:
    icon = "unfold_more" if gap["verdict"] == Verdict.WORSE else "swap_vert"
    below = held(f"{measure_name(gap['measure'])}, n {count(gap['n'])}")
    return [
        f"**{plain(gap['column'])} {plain(gap['group'])}**  \n{muted(below)}",
        f":orange-badge[:material/{icon}: {held(_gap_words(gap))}]",
        held(signed(gap["champion"])),
        held(signed(gap["candidate"])),
        f"**{held(signed(gap['change']))}**  \n{muted(in_cell(interval_of(gap['interval'])))}",
    ]


def _gap_words(gap: Data) -> str:
    words = {Verdict.WORSE: "Wider", Verdict.BETTER: "Narrower", Verdict.CHANGED: "Changes sides"}
    return words.get(Verdict(gap["verdict"]), CHIPS[Verdict(gap["verdict"])][2])


def show_flips(flips: Sequence[Data]) -> None:
    """Whose decisions change, in which direction, and whether that was right."""
    if not flips:
        return
    places: dict[str, dict[str, Data]] = {}
    for flip in flips:
        places.setdefault(place_of(flip) or "Everyone", {})[flip["measure"]] = flip
    measures = [name for name in FLIPS if any(name in found for found in places.values())]
    st.markdown("**Whose decisions change?**")
    st.markdown(_flipped(places["Everyone"]))
    ordered = sorted(places, key=lambda place: (place != "Everyone", -_share(places[place]["changed"])))
    show_numbers(
        ["Group", *(FLIPS[name] for name in measures), "n"],
        [
            (place, *(_flip(places[place].get(name)) for name in measures), count(places[place]["changed"]["n"]))
            for place in ordered
        ],
        alt="Changed decisions by group",
        label="Show flips by group",
    )


def _flipped(everyone: Mapping[str, Data]) -> str:
    """How many decisions change for everyone, and how many of them for the better."""
    changed = everyone["changed"]
    if changed["value"] is None:
        return plain(changed["why"])
    said = (
        f"{count(changed['k'])} of {count(changed['n'])} decisions change: {number(changed['value'])} "
        f"{in_sentence(interval_of(changed['interval']))}."
    )
    right, wrong = everyone.get("positive_flip"), everyone.get("negative_flip")
    if right and wrong and right["value"] is not None:
        said += f" Of {count(right['n'])} with a label, {count(right['k'])} become right and {count(wrong['k'])} wrong."
    return said


def _share(flip: Data) -> float:
    return flip["value"] if flip["value"] is not None and flip["status"] == Status.OK else -1.0


def _flip(flip: Data | None) -> str:
    if flip is None or flip["value"] is None or flip["status"] != Status.OK:
        return DASH
    return f"{number(flip['value'])} ({in_cell(interval_of(flip['interval']))})"
