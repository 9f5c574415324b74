"""How a performance measure is stated, and how it is set against the same measure on the reference."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

from core.measure import Family, Interval, Measure, Status
from core.stats.contrasts import contrast_estimates, contrast_rates
from core.stats.intervals import mean_interval, wilson

__all__ = ["MARGINS", "RATES", "changes", "estimate", "f1_interval", "mean", "mean_convention", "rate", "undefined"]

RATES = frozenset({"accuracy", "labelled_share", "precision", "prevalence", "recall", "specificity"})
MARGINS: Mapping[str, float] = {
    "accuracy": 0.05,
    "balanced_accuracy": 0.05,
    "brier_score": 0.02,
    "expected_calibration_error": 0.05,
    "f1": 0.05,
    "log_loss": 0.05,
    "macro_f1": 0.05,
    "macro_precision": 0.05,
    "macro_roc_auc": 0.03,
    "precision": 0.05,
    "prevalence": 0.05,
    "r2": 0.05,
    "recall": 0.05,
    "roc_auc": 0.03,
    "specificity": 0.05,
}
MIN_FOR_NORMAL = 30  # rows
SHARE_OF_RMSE = 0.1  # the margin of measures in the label's units, as a share of the reference's RMSE
IN_LABEL_UNITS = frozenset({"bias", "mae", "rmse"})


def estimate(
    measure: str, value: float, n: int, *, interval: Interval | None, convention: str, why: str = "", column: str = ""
) -> Measure:
    """A performance measure that has a value."""
    return Measure(
        family=Family.PERFORMANCE,
        measure=measure,
        value=value,
        n=n,
        interval=interval,
        convention=convention,
        why=why,
        column=column,
    )


def undefined(measure: str, *, convention: str, why: str, n: int = 0, column: str = "") -> Measure:
    """A performance measure that has no value, and why."""
    return Measure(
        family=Family.PERFORMANCE,
        measure=measure,
        value=None,
        n=n,
        status=Status.UNDEFINED,
        convention=convention,
        why=why,
        column=column,
    )


def rate(
    measure: str, successes: int, n: int, *, among: str, empty: str, confidence: float = 0.95, column: str = ""
) -> Measure:
    """A share of rows: `successes` of the `n` rows that `among` describes; `empty` says why there are none.

    Examples
    --------
    >>> recall = rate("recall", 8, 10, among="labelled positive", empty="No labelled row is positive.")
    >>> recall.value, round(recall.interval.low, 3), recall.convention
    (0.8, 0.49, 'share of rows labelled positive; Wilson interval')
    """
    convention = f"share of rows {among}; Wilson interval"
    if n == 0:
        return undefined(measure, convention=convention, why=empty, column=column)
    interval = wilson(successes, n, confidence=confidence)
    return estimate(measure, successes / n, n, interval=interval, convention=convention, column=column)


def f1_interval(hits: int, errors: int, *, confidence: float = 0.95) -> Interval:
    """The interval of F1 = 2J / (1 + J), from Wilson's for the Jaccard index J = hits / (hits + errors).

    References
    ----------
    K. F. Y. Lam, V. Gopal, J. Qian (2023), doi:10.48550/arXiv.2309.14621.

    Examples
    --------
    >>> interval = f1_interval(35, 15)
    >>> round(interval.low, 4), round(interval.high, 4)
    (0.72, 0.8944)
    """
    jaccard = wilson(hits, hits + errors, confidence=confidence)
    low, high = (2 * limit / (1 + limit) for limit in (jaccard.low, jaccard.high))
    return Interval(low=low, high=high, confidence=confidence)


def mean_convention(among: str) -> str:
    """The convention of a mean over the rows that `among` describes."""
    return f"mean over rows {among}; normal interval"


def mean(
    measure: str,
    n: int,
    total: float,
    total_of_squares: float,
    *,
    among: str,
    domain: tuple[float, float] = (-math.inf, math.inf),
    confidence: float = 0.95,
) -> Measure:
    """A mean of `n` >= 1 rows, from the sum and the sum of squares; the interval is cut to `domain`.

    Below `MIN_FOR_NORMAL` rows there is no interval: a spread told from so few rows can be far too small.

    Examples
    --------
    >>> brier = mean("brier_score", 100, 20.0, 6.0, among="with a label", domain=(0, 1))
    >>> brier.value, round(brier.interval.low, 4), round(brier.interval.high, 4)
    (0.2, 0.1721, 0.2279)
    """
    interval = mean_interval(n, total, total_of_squares, confidence=confidence) if n >= MIN_FOR_NORMAL else None
    if interval is not None:
        low, high = max(domain[0], interval.low), min(domain[1], interval.high)
        interval = Interval(low=low, high=high, confidence=confidence)
    return estimate(
        measure,
        total / n,
        n,
        interval=interval,
        convention=mean_convention(among),
        why="" if interval else f"Fewer than {MIN_FOR_NORMAL} rows are too few to tell their spread.",
    )


def changes(
    reference: Iterable[Measure],
    current: Iterable[Measure],
    *,
    margins: Mapping[str, float] | None = None,
) -> tuple[Measure, ...]:
    """How far is each measure from its value on the reference?

    Parameters
    ----------
    reference, current : measures
        What one of this package's functions gave for the reference and for a window, on independent rows.
    margins : mapping of measure name to a number > 0, optional
        Differences that matter, in the measure's units; `MARGINS` holds the others. The margin of RMSE,
        MAE and bias is a tenth of the reference's RMSE unless given.

    Returns
    -------
    tuple of Measure
        The current measures, in order, with reference, change (of current - reference), margin and p-value.
        Rates get Newcombe's interval and the chi-square or Fisher's test, F1 the test of the Jaccard index,
        which equals only when F1 does; all others MOVER and z. Where either side has no value or no
        interval, or the two were not made by the same convention (a macro average over other classes),
        there is no change.

    Examples
    --------
    >>> among = {"among": "labelled", "empty": "No label."}
    >>> [accuracy] = changes([rate("accuracy", 900, 1000, **among)], [rate("accuracy", 160, 200, **among)])
    >>> accuracy.reference, accuracy.margin, round(accuracy.change.low, 4), round(accuracy.p_value, 6)
    (0.9, 0.05, -0.1632, 5.8e-05)
    """
    known = {(measure.measure, measure.column): measure for measure in reference}
    chosen = dict(MARGINS)
    rmse = known.get(("rmse", ""))
    if rmse is not None and rmse.value:
        chosen.update(dict.fromkeys(IN_LABEL_UNITS, SHARE_OF_RMSE * rmse.value))
    chosen.update(margins or {})
    return tuple(
        _change(known.get((measure.measure, measure.column)), measure, chosen.get(measure.measure))
        for measure in current
    )


def _change(reference: Measure | None, current: Measure, margin: float | None) -> Measure:
    if reference is None or reference.value is None:
        return replace(current, margin=margin)
    current = replace(current, margin=margin, reference=reference.value)
    if current.value is None or reference.convention != current.convention:
        return current
    if current.interval is None or reference.interval is None:
        return current
    change = contrast_estimates(reference.value, reference.interval, current.value, current.interval)
    interval, p_value = change.interval, change.p_value
    counts = (_successes(reference), reference.n, _successes(current), current.n)
    if current.measure in RATES:
        contrast = contrast_rates(*counts, confidence=current.interval.confidence)
        interval, p_value = contrast.interval, contrast.p_value
    elif current.measure == "f1":
        p_value = contrast_rates(*counts).p_value
    return replace(current, change=interval, p_value=p_value)


def _successes(measure: Measure) -> int:
    """The count behind a rate, or behind the Jaccard index of an F1; exact, as value * n was a whole number."""
    value = measure.value or 0.0
    return round((value / (2 - value) if measure.measure == "f1" else value) * measure.n)
