"""Champion against candidate, as frozen evidence tells it: measures, groups, flips and slices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from core.charts.comparison import DifferenceMark, difference_dots
from core.compare.verdicts import Verdict
from core.measure import Status
from core.services.checks import Section
from dashboard.components.measures import capital, held, margin_words
from dashboard.components.numbers import cell_table, show_chart, show_numbers
from dashboard.components.review_checks import ANCHORS, interval_of
from dashboard.text import (
    DASH,
    count,
    in_cell,
    in_sentence,
    measure_name,
    muted,
    number,
    plain,
    plural,
    signed,
)
from dashboard.theme import palette

__all__ = ["show_differences", "show_groups", "show_slices"]

Data = Mapping[str, Any]
CHIPS = {
    Verdict.BETTER: ("green", "arrow_upward", "Better"),
    Verdict.NO_WORSE: ("green", "check", "No worse"),
    Verdict.SAME: ("gray", "equal", "Same"),
    Verdict.CHANGED: ("orange", "change_history", "Changed"),
    Verdict.WORSE: ("red", "arrow_downward", "Worse"),
    Verdict.CANNOT_TELL: ("gray", "hourglass_empty", "Can't tell"),
    Verdict.INSUFFICIENT: ("gray", "hourglass_empty", "Not enough data"),
    Verdict.UNDEFINED: ("gray", "block", "Undefined"),
}
FLIPS = {
    "changed": "Changed",
    "gained": "To favourable",
    "lost": "From favourable",
    "positive_flip": "Wrong to right",
    "negative_flip": "Right to wrong",
}
ORDER = (Verdict.WORSE, Verdict.CHANGED, Verdict.CANNOT_TELL, Verdict.INSUFFICIENT, Verdict.UNDEFINED)
UNKNOWN = (Verdict.INSUFFICIENT, Verdict.UNDEFINED)
BETTER = {True: "higher is better", False: "lower is better", None: "neither is better"}
MOST_SLICES, MOST_GAPS = 8, 6


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
    shown = sorted((d for d in differences if d["measure"] == measure), key=_worst_first)
    show_chart(difference_dots([_mark(d, _place(d)) for d in shown], palette=palette()), key="groups")
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
                _place(d),
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
    _gaps(result["gaps"])
    _flips(result["flips"])


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
                f"**{plain(_place(d))}**  \n{muted('n ' + count(d['n']))}",
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
                (_place(d), measure_name(d["measure"]), signed(d["difference"], d["measure"]), d["n"], _p(d["p_value"]))
                for d in rest
            ],
            alt="Further slices",
            label=f"Show {len(rest)} more",
        )
    st.markdown(muted("Intervals allow for having picked the worst: their confidence is held for the slices found."))


def _gaps(gaps: Sequence[Data]) -> None:
    """Each group's gap to all others, before and after; what grew is listed, the rest is folded."""
    if not gaps:
        return
    ordered = sorted(gaps, key=_worst_first)
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


def _flips(flips: Sequence[Data]) -> None:
    """Whose decisions change, in which direction, and whether that was right."""
    if not flips:
        return
    places: dict[str, dict[str, Data]] = {}
    for flip in flips:
        places.setdefault(_place(flip) or "Everyone", {})[flip["measure"]] = flip
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


def _place(found: Data) -> str:
    return " and ".join(f"{column} {value}" for column, value in found["where"])


def _is(difference: Data, measure: str, verdict: Verdict) -> bool:
    return bool(difference["measure"] == measure and difference["verdict"] == verdict)


def _worst_first(found: Data) -> tuple[int, float]:
    verdict = Verdict(found["verdict"])
    size = found["difference"] if "difference" in found else found["change"]
    return (ORDER.index(verdict) if verdict in ORDER else len(ORDER), -abs(size or 0.0))


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
