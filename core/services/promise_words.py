"""What alarms are worth, in words: budget, margin, the reference's own error, what can be found how soon."""

from __future__ import annotations

import math

from core.alarms.watch import Light
from core.services.alarm_policies import PolicyPreview
from core.services.observations import Context
from core.services.promise import FleetPromise, Promise

__all__ = ["back_test_words", "findable_words", "fleet_promise_words", "margin_words", "promise_words"]

MOST_NAMED = 5


def promise_words(promise: Promise, context: Context, preview: PolicyPreview | None) -> tuple[tuple[str, str], ...]:
    """The promise of a model's alarms, a heading and a sentence each.

    Parameters
    ----------
    preview : PolicyPreview, optional
        What the policy in force would have raised so far; without it there is no back-test.
    """
    unit = "window" if " " in context.unit else context.unit
    lines = [
        (
            "Budget",
            f"at most {promise.false_alarms_per_year:g} false alert {promise.per} in expectation, over all "
            f"{promise.n_armed:,} series watched, however they hang together. What only changed has a budget of its "
            f"own ({promise.changes_per_year:g} {promise.per}) and pages nobody.",
        ),
        ("Margin", f"{margin_words(promise)} doesn't matter, unless the policy says otherwise of a column."),
        *([("Groups", gap_words(promise))] if promise.n_gaps else []),
    ]
    if promise.reference_error is not None:
        n_windows = len(context.reference_windows)
        season = " A weekly or daily rhythm is taken off." if promise.has_season else ""
        lines.append(
            (
                "Reference",
                f"{_times(n_windows, unit)}, n {context.n_reference:,}; it may itself be off by "
                f"{promise.reference_error:.2g} sd, which limits allow for, with 95% for all series together.{season}",
            )
        )
    lines.append(("Found", findable_words(promise, unit)))
    if promise.n_not_armed:
        lines.append(("Not watched", f"{promise.n_not_armed:,} series, each with its reason in the alarm policy."))
    if preview is not None and preview.left_out:
        named = "; ".join(f"{column} ({reason})" for column, reason in list(preview.left_out.items())[:MOST_NAMED])
        more = f"; and {len(preview.left_out) - MOST_NAMED:,} more" if len(preview.left_out) > MOST_NAMED else ""
        lines.append(("Left out", f"what is no measurement: {named}{more}."))
    replayed = _times(promise.n_replayed, "alarm") if promise.n_replayed else "nothing"
    lines.append(("Replayed", f"the reference itself, by its own limits, would have raised {replayed}."))
    back_test = back_test_words(preview)
    if back_test:
        lines.append(("Back-test", back_test))
    return tuple(lines)


def margin_words(promise: Promise) -> str:
    """The larger of 0.05 standard deviations and 1 percentage point."""
    return f"the larger of {promise.margin_sd:g} sd and, of shares, {_points(promise.margin_points)}"


def _points(margin: float) -> str:
    return f"{100 * margin:g} percentage {'point' if margin == 0.01 else 'points'}"


def gap_words(promise: Promise) -> str:
    """What doesn't matter of a gap between a group and all others."""
    return (
        f"{_times(promise.n_gaps, 'gap')} between a group and all others, in the same budget. A rate that is at least "
        f"{promise.least_ratio:g} of the others', or within {_points(promise.margin_points)} of it, "
        "doesn't matter."
    )


def findable_words(promise: Promise, unit: str) -> str:
    """The smallest sustained shift of an ordinary column that is found, and how soon."""
    said = []
    for light, words in ((Light.CHANGED, "as changed"), (Light.MATERIAL, "as material")):
        shifts = [
            f"{f'{shift:.2g} sd' if math.isfinite(shift) else 'nothing'} in {_times(horizon, unit)}"
            for horizon, shift in sorted(promise.typical[light].items())
        ]
        said.append(f"{', '.join(shifts)} ({words})")
    return f"the smallest sustained shift of half of the columns: {'; '.join(said)}."


def back_test_words(preview: PolicyPreview | None) -> str:
    """This setup would have raised no alarm in the last 90 days of data; '' where there are none."""
    if preview is None or not preview.n_windows:
        return ""
    raised = f"an alarm in {_times(preview.n_recent, 'window')}" if preview.n_recent else "no alarm"
    expected = ""
    if preview.expected_false is not None:
        n = _times(preview.n_windows, "window")
        expected = f" Over all {n}, {preview.expected_false:.1f} false ones at most were to be expected."
    return f"this setup would have raised {raised} in {preview.recent_words}.{expected}"


def fleet_promise_words(promise: FleetPromise) -> str:
    """How many false alerts a year are to be expected of all models together.

    Examples
    --------
    >>> fleet_promise_words(FleetPromise(false_alarms_per_year=2, n_models=3, n_armed=2, without_calendar=()))
    '2 of 3 models can alarm: together at most 2 false alerts a year in expectation.'
    """
    alerts = f"{promise.false_alarms_per_year:g} false {'alert' if promise.false_alarms_per_year == 1 else 'alerts'}"
    words = (
        f"{promise.n_armed:,} of {_times(promise.n_models, 'model')} can alarm: together at most {alerts} a year in "
        "expectation."
    )
    if promise.without_calendar:
        words += f" Budgets for 100 windows come on top: {', '.join(promise.without_calendar)}."
    return words


def _times(n: int, word: str) -> str:
    return f"{n:,} {word}" if n == 1 else f"{n:,} {word}s"
