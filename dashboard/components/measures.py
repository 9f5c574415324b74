"""A measure in words and in table cells: its verdict, its value, what changed, against which margin."""

from __future__ import annotations

from dataclasses import replace

from core.measure import Measure, Status
from core.services.observations import Context, WindowInfo
from dashboard.text import (
    capital,
    chip,
    count,
    in_cell,
    in_sentence,
    measure_name,
    muted,
    number,
    signed,
    value_cell,
    window_name,
)

__all__ = [
    "ALARMS",
    "NOT_YET",
    "as_armed",
    "change_cell",
    "count_cell",
    "dated",
    "differs",
    "found",
    "held",
    "margin_words",
    "moved",
    "titled",
    "verdict_chip",
]

ALARMS = (Status.CRITICAL, Status.WARNING)
NOT_YET = "No alarm so far"  # of what the watch is quiet about, though this window alone differs


def verdict_chip(measure: Measure, context: Context, words: str | None = None) -> str:
    """A measure's verdict; grey where it isn't judged or nothing is armed."""
    if measure.status is Status.UNDEFINED:
        return chip(measure.status)
    if measure.margin is None or context.shows_reference:
        return ":gray-badge[Not judged]"
    if not context.arming.is_armed:
        return chip(Status.INSUFFICIENT, "Not armed")
    if measure.status is Status.OK and differs(measure):
        words = words or NOT_YET
    return chip(measure.status, words)


def as_armed(measure: Measure, context: Context) -> Measure:
    """The measure as it may be drawn: without a verdict where nothing is armed."""
    if context.arming.is_armed or measure.status is Status.UNDEFINED:
        return measure
    return replace(measure, status=Status.INSUFFICIENT)


def margin_words(margin: float, measure: str = "") -> str:
    """A margin in words: 0.030, or 5.0 points for a rate."""
    text = number(margin, measure)
    return f"{text.removesuffix('%')} points" if text.endswith("%") else text


def dated(window: WindowInfo) -> str:
    """A window inside a sentence: the week of 16 Nov 2026; 16 Nov 2026; rows 0 to 4,999."""
    name = window_name(window.window)
    return f"the {name}" if name.startswith("week") else name


def held(text: str) -> str:
    """The text on one line: columns keep their width, and a wide table scrolls inside itself."""
    return text.replace(" ", "\u00a0")


def titled(measure: Measure) -> str:
    """A measure's name at the head of a sentence."""
    name = capital(measure_name(measure.measure))
    currency = measure.convention.partition(" per row ")[0] if measure.measure == "cost_per_row" else ""
    return f"{name}, {currency}" if currency else name


def moved(measure: Measure) -> str:
    """One measure in a sentence: what it is, was, and whether that is a change."""
    name = measure.measure
    value = f"{number(measure.value, name)} {in_sentence(measure.interval, name)}".strip()
    if measure.value is None and measure.interval is not None:
        span = f"{number(measure.interval.low, name)} and {number(measure.interval.high, name)}"
        return f"{titled(measure)} lies between {span}, whatever the missing labels are. {measure.why}"
    if measure.value is None:
        return f"{titled(measure)} is undefined. {measure.why}"
    if measure.reference is None:
        return f"{titled(measure)} is {value}."
    before = number(measure.reference, name)
    if measure.status in ALARMS and measure.margin is not None:
        way = "fell" if measure.value < measure.reference else "rose"
        matter = "by more than" if measure.status is Status.CRITICAL else "not certainly by more than"
        margin = margin_words(measure.margin, name)
        return f"{titled(measure)} {way} from {before} to {value}, {matter} the margin of {margin}."
    if measure.status is Status.OK:
        quiet = "No alarm so far" if differs(measure) else "No evidence of change"
        alone = f"; this window alone is {_way(measure)}, which isn't enough evidence" if differs(measure) else ""
        return f"{quiet}: {measure_name(name)} is {value}, {before} in the reference{alone}{found(measure)}."
    return f"{titled(measure)} is {value}, {before} in the reference. {capital(measure.why.rstrip('.'))}."


def differs(measure: Measure) -> bool:
    """Whether the window taken alone differs from the reference, whatever the watch makes of it."""
    return measure.change is not None and not measure.change.low <= 0.0 <= measure.change.high


def _way(measure: Measure) -> str:
    return "lower" if (measure.value or 0.0) < (measure.reference or 0.0) else "higher"


def found(measure: Measure) -> str:
    """What would have been found where nothing is, after a semicolon; '' where that isn't said."""
    _, _, said = measure.why.partition("; ")
    return f"; {said}" if said else ""


def change_cell(measure: Measure) -> str:
    """By how much a measure differs from the reference, and what the margin is."""
    if measure.change is None or measure.value is None or measure.reference is None:
        return "—"
    name = measure.measure
    below = in_cell(measure.change, name)
    if measure.margin is not None:
        below += f"; margin {margin_words(measure.margin, name)}"
    return f"**{held(signed(measure.value - measure.reference, name))}**  \n{muted(held(below))}"


def count_cell(measure: Measure) -> str:
    """A value with its interval and n in one cell."""
    if measure.value is None:
        return value_cell(measure)
    below = f"{in_cell(measure.interval, measure.measure)}; n {count(measure.n)}"
    return f"**{number(measure.value, measure.measure)}**  \n{muted(held(below))}"
