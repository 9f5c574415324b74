"""Champion against candidate, as frozen evidence tells it: measures, groups, flips and slices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.charts.comparison import DifferenceMark, difference_dots
from core.compare.verdicts import Verdict
from core.services.checks import Section
from dashboard.components.differences import CHIPS, UNKNOWN, Data, parts_of, place_of, worst_first
from dashboard.components.measures import held, margin_words
from dashboard.components.numbers import cell_table, show_chart, show_numbers
from dashboard.components.review_checks import ANCHORS, interval_of
from dashboard.components.review_groups import show_flips, show_gaps
from dashboard.text import (
    DASH,
    capital,
    count,
    in_cell,
    in_sentence,
    measure_name,
    muted,
    number,
    plain,
    signed,
)
from dashboard.theme import palette

__all__ = ["show_differences", "show_groups", "show_slices"]

BETTER = {True: "higher is better", False: "lower is better", None: "neither is better"}
MOST_SLICES = 8


def show_differences(compared: Data) -> None:
    """Every measure of both versions on the same rows, as a figure and a table."""
    result, champion, candidate = compared["result"], compared["champion"], compared["candidate"]
    st.subheader("What gets better, what gets worse?", anchor=ANCHORS[Section.DIFFERENCES][0])
    st.markdown(
        muted(
            f"{plain(candidate)} minus {plain(champion)} on the same {count(result['n_both'])} rows, 95% interval, in "
            "units of each margin (grey band). Filled: certain. Open: not certain, or within the margin."
        )
    )
    marks = [_mark(difference, _name(difference)) for difference in result["differences"]]
    show_chart(difference_dots(marks, palette=palette()), key="differences")
    cell_table(
        ["Measure", "Verdict", plain(champion), plain(candidate), "Difference"],
        [[_named(difference), *_cells(difference)] for difference in result["differences"]],
        alt=f"Measures of {candidate} against {champion}",
    )
    sources = "; ".join(plain(source) for source in compared["rows_from"])
    notes = " ".join(plain(note) for note in result["notes"])
    st.markdown(muted(f"Rows: {sources}. {plain(compared['why'])} {notes}".strip()))
    _reasons(result["differences"], "Reasons of the verdicts", place=_name)


def show_groups(result: Data) -> None:
    """For one measure every group; whose decisions change; and the gaps before and after."""
    st.subheader("Who is treated differently?", anchor=ANCHORS[Section.GROUPS][0])
    differences = result["group_differences"]
    if not differences:
        st.markdown(
            f"{DASH} No protected attribute is declared: nothing is known of groups. That is no absence of gaps."
        )
        return
    measures = list(dict.fromkeys(difference["measure"] for difference in differences))
    first = next((d["measure"] for d in result["slices"]["worse"] if d["measure"] in measures), None)
    measure = st.segmented_control(
        "Measure",
        measures,
        default=first or max(measures, key=lambda one: sum(_is(d, one, Verdict.WORSE) for d in differences)),
        key="group_measure",
        format_func=lambda name: capital(measure_name(name)),
        required=True,
        label_visibility="collapsed",
    )
    shown = sorted((d for d in differences if d["measure"] == measure), key=worst_first)
    show_chart(difference_dots([_mark(d, place_of(d)) for d in shown], palette=palette()), key="groups")
    st.markdown(
        muted(
            f"{BETTER[shown[0]['higher_is_better']].capitalize()}; margin {margin_words(shown[0]['margin'], measure)}. "
            f"Each interval holds by itself at 95%: of {len(differences)} differences some miss by chance. "
            "The scan of slices below allows for that."
        )
    )
    show_numbers(
        ["Group", "Verdict", "Before", "After", "Difference", "95% interval", "n", "Reason"],
        [
            (
                place_of(d),
                CHIPS[Verdict(d["verdict"])][2],
                number(d["champion"], measure),
                number(d["candidate"], measure),
                signed(d["difference"], measure) if d["verdict"] not in UNKNOWN else DASH,
                in_cell(interval_of(d["interval"]), measure),
                count(d["n"]),
                d["why"],
            )
            for d in shown
        ],
        alt=f"{measure_name(measure)} by group",
    )
    show_gaps(result["gaps"])
    show_flips(result["flips"])


def show_slices(scan: Data) -> None:
    """In which slices the candidate is worse, and how many were tried."""
    st.subheader("For whom does it get worse?", anchor=ANCHORS[Section.SLICES][0])
    st.markdown(plain(scan["why"]))
    if not scan["worse"]:
        return
    cell_table(
        ["Slice", "Measure", "Before", "After", "Difference", "Adjusted p"],
        [
            [
                "  \n".join([f"**{held(plain(part))}**" for part in parts_of(d)] + [muted(f"n {count(d['n'])}")]),
                held(measure_name(d["measure"])),
                number(d["champion"], d["measure"]),
                number(d["candidate"], d["measure"]),
                f"**{held(signed(d['difference'], d['measure']))}**  \n"
                f"{muted(in_cell(interval_of(d['interval']), d['measure']))}",
                _p(d["p_value"]),
            ]
            for d in scan["worse"][:MOST_SLICES]
        ],
        alt="Slices in which the candidate is worse",
    )
    if len(scan["worse"]) > MOST_SLICES:
        rest = scan["worse"][MOST_SLICES:]
        show_numbers(
            ["Slice", "Measure", "Difference", "n", "Adjusted p"],
            [
                (
                    place_of(d),
                    measure_name(d["measure"]),
                    signed(d["difference"], d["measure"]),
                    count(d["n"]),
                    _p(d["p_value"]),
                )
                for d in rest
            ],
            alt="Further slices",
            label=f"Show {len(rest)} more",
        )
    st.markdown(muted("Intervals allow for having picked the worst: their confidence is held for the slices found."))


def _mark(difference: Data, name: str) -> DifferenceMark:
    measure, interval = difference["measure"], interval_of(difference["interval"])
    written = (
        f"{signed(difference['difference'], measure)} {in_sentence(interval, measure)}, n {count(difference['n'])}"
    )
    return DifferenceMark(
        name=name,
        difference=difference["difference"],
        interval=interval,
        margin=difference["margin"],
        higher_is_better=difference["higher_is_better"],
        verdict=Verdict(difference["verdict"]),
        written=written,
        note=f"n {count(difference['n'])}",
        lacking="undefined" if difference["verdict"] == Verdict.UNDEFINED else "not enough data",
    )


def _cells(difference: Data) -> list[str]:
    """Verdict, both values, and the difference with its interval."""
    measure, verdict = difference["measure"], Verdict(difference["verdict"])
    colour, icon, words = CHIPS[verdict]
    shown = f"{DASH}  \n{muted(plain(difference['why']))}"
    if verdict not in UNKNOWN:
        margin = held(f"margin {margin_words(difference['margin'], measure)}")
        interval = in_cell(interval_of(difference["interval"]), measure)
        shown = f"**{held(signed(difference['difference'], measure))}**  \n{muted(f'{interval}; {margin}')}"
    return [
        f":{colour}-badge[:material/{icon}: {held(words)}]",
        number(difference["champion"], measure),
        f"**{number(difference['candidate'], measure)}**",
        shown,
    ]


def _name(difference: Data) -> str:
    name = capital(measure_name(difference["measure"]))
    return f"{name}, {difference['label_class']}" if difference["label_class"] else name


def _named(difference: Data) -> str:
    below = f"n {count(difference['n'])}, {BETTER[difference['higher_is_better']]}"
    return f"**{plain(_name(difference))}**  \n{muted(held(below))}"


def _is(difference: Data, measure: str, verdict: Verdict) -> bool:
    return bool(difference["measure"] == measure and difference["verdict"] == verdict)


def _p(p_value: float | None) -> str:
    if p_value is None:
        return DASH
    return "below 0.0001" if p_value < 1e-4 else f"{p_value:.2g}" if p_value < 0.1 else f"{p_value:.2f}"


def _reasons(differences: Sequence[Data], alt: str, *, place: Any) -> None:
    show_numbers(
        ["Measure", "Reason", "p", "Convention"],
        [(place(d), d["why"], _p(d["p_value"]), d["convention"]) for d in differences],
        alt=alt,
        label="Show reasons",
    )
