"""A model's verdict in words: what moved, from, to, since when, what else, and what isn't known. All Markdown."""

from __future__ import annotations

import math

from core.alarms.watch import Light
from core.measure import Family, Measure, Status
from core.schema import Task
from core.services.fleet import FamilyVerdict, ModelSummary
from core.services.observations import WindowInfo
from dashboard.components.measures import found
from dashboard.text import (
    capital,
    chip,
    count,
    day,
    first_day,
    in_sentence,
    listed,
    measure_name,
    number,
    plain,
    plural,
    signed,
    spoken,
)

__all__ = [
    "FAMILY_NAMES",
    "WATCHED",
    "columns_out",
    "detail",
    "format_key",
    "gap_name",
    "in_points",
    "model_chip",
    "reason",
    "sentence",
    "shown",
    "size",
    "unjudged_words",
    "unusable",
]

FAMILY_NAMES = {
    Family.PERFORMANCE: "Performance",
    Family.CONCEPT_DRIFT: "Concept",
    Family.DATA_DRIFT: "Drift",
    Family.FAIRNESS: "Fairness",
    Family.DATA_QUALITY: "Data quality",
}
UNUSABLE = {
    "missing_share": "missing values of {}",
    "invalid_share": "unreadable values of {}",
    "outside_share": "values of {} outside anything seen",
}
WATCHED = "Watched: each window's evidence is carried on to the next (e-values), and judged among all series (e-BH)."


def shown(summary: ModelSummary, status: Status) -> Status:
    """The verdict as it may be shown: none while nothing is armed."""
    return status if summary.is_judged or status is Status.UNDEFINED else Status.INSUFFICIENT


def unjudged_words(summary: ModelSummary) -> str | None:
    """What every chip says while nothing is judged; None where it is."""
    if summary.is_judged:
        return None
    return "No records yet" if summary.context.shows_reference else "Not armed"


def model_chip(summary: ModelSummary) -> str:
    """The model's verdict as a chip."""
    return chip(summary.status, unjudged_words(summary))


def columns_out(summary: ModelSummary) -> tuple[int | None, str]:
    """How many columns are out, and how far; None where that can't be told, and why."""
    if not summary.is_judged:
        return None, "columns: not armed"
    drift = summary.drift
    moved, changed = len(drift.having(Status.CRITICAL)), len(drift.having(Status.WARNING))
    unclear = len(drift.having(Status.INSUFFICIENT, Status.UNDEFINED))
    if moved:
        return moved, "columns moved"
    if changed:
        return changed, "columns changed"
    return (None, f"{plural(unclear, 'column')} can't be told") if unclear else (0, "columns moved")


def reason(summary: ModelSummary) -> str:
    """What the verdict rests on, in a few words."""
    context, leading = summary.context, summary.leading
    if context.shows_reference:
        return "no production records yet"
    if not context.arming.is_armed:
        return f"{plural(len(context.reference_windows), 'reference window')} of 7 needed"
    if summary.status is Status.OK:
        return "no evidence of change"
    if not leading.is_alarm or leading.measure is None:
        return _untold(summary, leading)
    measure = leading.measure
    what = {
        Family.PERFORMANCE: f"{measure_name(measure.measure)} {_way(measure)}",
        Family.CONCEPT_DRIFT: "outcomes at equal score" if summary.context.task is not Task.REGRESSION else "errors",
        Family.DATA_DRIFT: f"PSI of {plain(measure.column)}",
        Family.FAIRNESS: f"{gap_name(measure)} by {plain(measure.column)}",
        Family.DATA_QUALITY: unusable(measure, plain(measure.column)),
    }[leading.family]
    return f"{what}{_since(leading.since)}"


def sentence(summary: ModelSummary) -> str:
    """The verdict on the model; alone it is enough to act on."""
    context, leading = summary.context, summary.leading
    if context.shows_reference:
        return "There are no production records yet."
    if not context.arming.is_armed:
        return plain(context.arming.reason)
    if leading.is_alarm:
        return _alarm(summary, leading)
    if summary.status is not Status.OK:
        return f"No alarm, but {_untold(summary, leading)}."
    could, promise = [], summary.watch.promise if summary.watch else None
    primary = summary.primary
    if primary is not None and (said := found(primary)):
        could.append(f"of {measure_name(primary.measure)}, {said.removeprefix('; ')}")
    if promise is not None:
        horizon, shift = max(promise.typical[Light.CHANGED].items())
        if math.isfinite(shift):
            could.append(f"of half of the columns, one of {shift:.2g} sd in {plural(horizon, 'window')}")
    return f"No evidence of change{': ' if could else ''}{'; '.join(could)}."


def detail(summary: ModelSummary) -> str:
    """Since when, what with it, and what can't be told yet, a line each."""
    leading, lines = summary.leading, []
    if not summary.is_judged:
        return _unjudged(summary)
    if leading.is_alarm and leading.window is not None:
        begun = f"Since {spoken(leading.since.window)}; " if leading.since else ""
        n = f", n {count(leading.measure.n)}" if leading.measure else ""
        over = f"over the {plural(leading.n_windows, 'window')} to" if leading.n_windows > 1 else "latest judged:"
        lines.append(capital(f"{begun}{over} {spoken(leading.window.window)}{n}."))
    lines += [
        f"- {FAMILY_NAMES[verdict.family]}: {_alarm(summary, verdict)}"
        for verdict in summary.verdicts
        if verdict.is_alarm and verdict != leading
    ]
    untold = [
        FAMILY_NAMES[verdict.family].lower()
        for verdict in summary.verdicts
        if verdict.status is Status.INSUFFICIENT and verdict != leading
    ]
    if untold:
        lines.append(f"- Too little data to tell: {listed(untold, most=5)}.")
    return "\n".join(lines)


def size(value: float, measure: str) -> str:
    """A difference without its sign; of rates in points."""
    text = number(abs(value), measure)
    return f"{text.removesuffix('%')} points" if text.endswith("%") else text


def in_points(value: float, measure: str) -> str:
    """A difference without its sign, in a cell."""
    return size(value, measure).replace(" points", " pp")


def format_key(measure: Measure, task: Task) -> str:
    """How a measure is written: the mean residual of a regression has the label's units."""
    return "bias" if measure.measure == "mean_residual" and task is Task.REGRESSION else measure.measure


def gap_name(measure: Measure) -> str:
    """The rate that a gap is of."""
    return measure.measure.removesuffix("_difference").replace("_", " ")


def unusable(measure: Measure, column: str) -> str:
    """What is wrong with the cells that a share of data quality counts; `column` as it may be shown."""
    return UNUSABLE.get(measure.measure, "unusable values of {}").format(column)


def _alarm(summary: ModelSummary, verdict: FamilyVerdict) -> str:
    """What one family's alarm says."""
    measure = verdict.measure
    if measure is None or measure.value is None:
        return f"{FAMILY_NAMES[verdict.family]} changed."
    if verdict.family is Family.DATA_DRIFT:
        return _columns(summary, measure)
    if verdict.family is Family.FAIRNESS:
        return _group(summary, measure)
    if verdict.family is Family.DATA_QUALITY:
        what = unusable(measure, f"**{plain(measure.column)}**")
        return (
            f"The share of {what} {_way(measure)} from {number(measure.reference)} to "
            f"{number(measure.value)} {in_sentence(measure.interval)}{_against(summary, measure)}"
        )
    if verdict.family is Family.CONCEPT_DRIFT:
        return f"{_residual(summary, measure)}{_against(summary, measure)}"
    name = capital(measure_name(measure.measure))
    return (
        f"{name} {_way(measure)} from {number(measure.reference, measure.measure)} to "
        f"{number(measure.value, measure.measure)} {in_sentence(measure.interval, measure.measure)}"
        f"{_against(summary, measure)}"
    )


def _against(summary: ModelSummary, measure: Measure) -> str:
    """The tail of an alarm: its limit, and whether the whole interval lies beyond."""
    of = ""
    if measure.margin:
        of = f" of {size(measure.margin, format_key(measure, summary.context.task))}"
    if measure.status is Status.CRITICAL:
        return f", beyond the margin{of}."
    return f", not by more than the margin{of} so far."


def _columns(summary: ModelSummary, largest: Measure) -> str:
    """How many columns have an alarm, and which has the largest."""
    moved, changed = summary.drift.having(Status.CRITICAL), summary.drift.having(Status.WARNING)
    psi = f"**{plain(largest.column)}**: PSI {number(largest.value, 'psi')} {in_sentence(largest.interval, 'psi')}"
    of = f"of {plural(summary.drift.n_columns, 'column')}"
    if moved:
        return f"{len(moved)} {of} moved by more than the margin, most {psi}."
    return f"{len(changed)} {of} changed, none by more than the margin so far, most {psi}."


def _residual(summary: ModelSummary, measure: Measure) -> str:
    """What is observed beside what the reference makes one expect."""
    value, task = measure.value or 0.0, summary.context.task
    if measure.measure == "residual_effect":
        what = "Errors" if task is Task.REGRESSION else "Outcomes"
        by = f"same {summary.concept.by}"
        return f"{what} at the {by} differ by {number(value, 'residual_effect')} standard deviations"
    key = format_key(measure, task)
    interval = in_sentence(measure.interval, key)
    if task is Task.REGRESSION:
        return (
            f"The mean error is {signed(value, key)} {interval} from that at the same predicted value in the reference"
        )
    way = "more" if value > 0 else "less"
    outcome = f"**{plain(summary.schema.positive)}** occurs" if task is Task.BINARY else "Predictions are right"
    at = f"at the same {summary.concept.by} in the reference"
    return f"{outcome} {size(value, key)} {way} often {interval} than {at}"


def _group(summary: ModelSummary, gap: Measure) -> str:
    """Which group is farthest from the rest, of the widest gap."""
    group, rate, column = summary.farthest_group, gap_name(gap), plain(gap.column)
    if group is None or group.value is None:
        by = size(gap.value or 0.0, rate)
        return f"The {rate} differs by {by} between groups of **{column}**{_against(summary, gap)}"
    way = "lower" if group.value < 0 else "higher"
    return (
        f"The {rate} of **{plain(group.segment)}** ({column}) is {size(group.value, rate)} {way} than of all others "
        f"{in_sentence(group.interval)}{_against(summary, gap)}"
    )


def _untold(summary: ModelSummary, verdict: FamilyVerdict) -> str:
    """What can't be told, and why."""
    if verdict.family is Family.DATA_DRIFT:
        unclear = summary.drift.having(Status.INSUFFICIENT, Status.UNDEFINED)
        of = plural(summary.drift.n_columns, "column")
        return f"for {len(unclear)} of {of} there is too little data to tell"
    why = verdict.measure.why if verdict.measure else "No label has come."
    why = why.removeprefix("too little data to tell: ").rstrip(".")
    return f"performance can't be told: {plain(f'{why[:1].lower()}{why[1:]}' if why[1:2].islower() else why)}"


def _unjudged(summary: ModelSummary) -> str:
    """The primary measure where no verdict is given."""
    primary = summary.primary
    if primary is None or primary.value is None:
        return ""
    name = measure_name(primary.measure)
    words = (
        f"Without a verdict: {name} is {number(primary.value, primary.measure)} "
        f"{in_sentence(primary.interval, primary.measure)}, n {count(primary.n)}"
    )
    if primary.reference is not None:
        words += f"; {number(primary.reference, primary.measure)} in the reference"
    return f"{words}."


def _way(measure: Measure) -> str:
    """Fell or rose, against the reference."""
    return "fell" if (measure.value or 0.0) < (measure.reference or 0.0) else "rose"


def _since(window: WindowInfo | None) -> str:
    """, since 13 Jul; '' where nothing began."""
    if window is None:
        return ""
    first = first_day(window.window)
    return f", since {plain(window.name) if first is None else day(first)}"
