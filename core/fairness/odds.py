"""Errors of both kinds at once: equalized odds, average odds, and the trade of one kind for the other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from core.fairness.estimates import NOT_JUDGED, GroupEstimate, estimate_measures
from core.fairness.groups import GroupRate, GroupRates
from core.fairness.largest import range_interval, unvalued
from core.fairness.verdicts import REST
from core.fairness.wording import names
from core.measure import Interval, Measure, Status
from core.stats.exact import fisher_p_value
from core.stats.intervals import newcombe_difference, wilson

__all__ = ["average_odds", "equalized_odds", "treatment_equality"]

TPR, FPR = "true_positive_rate", "false_positive_rate"
BOTH = "both error rates"


def equalized_odds(rates: GroupRates, *, attribute: str) -> tuple[Measure, ...]:
    """How far apart are the groups in the error rate in which they are farther apart?

    Parameters
    ----------
    rates : GroupRates
    attribute : str

    Returns
    -------
    tuple of Measure
        `equalized_odds_difference` is the larger of the gaps in true and false positive rate, with an interval that
        holds for both; `equalized_odds_mean_difference` their mean; `equalized_odds_ratio` the smaller of the
        ratios. Groups that lack one of the rates are left out and named: a 0 in their place would invent a gap.

    References
    ----------
    M. Hardt, E. Price, N. Srebro (2016), doi:10.48550/arXiv.1610.02413; A. Agarwal et al. (2018),
    doi:10.48550/arXiv.1803.02453.

    Examples
    --------
    >>> import numpy as np
    >>> from core.fairness.groups import group_rates
    >>> confusion = np.zeros((3, 3, 2), dtype=np.int64)
    >>> confusion[:2, :2, 0], confusion[:2, :2, 1] = [[80, 30], [20, 70]], [[90, 50], [10, 50]]
    >>> rates = group_rates(confusion, group_names=("a", "b"), positive=1, favourable=1)
    >>> [round(m.value, 3) for m in equalized_odds(rates, attribute="sex")]
    [0.2, 0.15, 0.5]
    """
    pairs = list(zip(rates.of(TPR), rates.of(FPR), strict=True))
    whole = [(tpr, fpr) for tpr, fpr in pairs if tpr.n and fpr.n]
    left_out = [tpr.group for tpr, fpr in pairs if not (tpr.n and fpr.n)]
    n = sum(tpr.n + fpr.n for tpr, fpr in whole)
    said = f" Left out for want of {BOTH}: {names(left_out)}." if left_out else ""
    blank = [
        unvalued(
            attribute,
            f"equalized_odds_{name}",
            n=n,
            why=f"Fewer than two groups have {BOTH}: not assessable.{said}",
            convention=convention,
        )
        for name, convention in (
            ("difference", "larger of the largest gaps in true and false positive rate"),
            ("mean_difference", "mean of the largest gaps in true and false positive rate"),
            ("ratio", "smaller of the smallest ratios in true and false positive rate"),
        )
    ]
    if len(whole) < 2:
        return tuple(blank)
    columns = [[tpr for tpr, _ in whole], [fpr for _, fpr in whole]]
    gaps = [max(_values(column)) - min(_values(column)) for column in columns]
    half = 1 - (1 - rates.confidence) / 2  # both ranges hold together
    limits = [range_interval(column, half, len(whole) * (len(whole) - 1) // 2) for column in columns]
    why = f"The gap is {gaps[0]:.3f} in true and {gaps[1]:.3f} in false positive rate.{said} {NOT_JUDGED}"
    larger = replace(
        blank[0],
        value=max(gaps),
        interval=Interval(
            low=max(limit.low for limit in limits),
            high=max(limit.high for limit in limits),
            confidence=rates.confidence,
        ),
        status=Status.INSUFFICIENT,
        why=why,
        convention=f"{blank[0].convention}; Newcombe's of all pairs, Bonferroni over both rates",
    )
    mean = replace(
        blank[1],
        value=sum(gaps) / 2,
        interval=Interval(
            low=sum(limit.low for limit in limits) / 2,
            high=sum(limit.high for limit in limits) / 2,
            confidence=rates.confidence,
        ),
        status=Status.INSUFFICIENT,
        why=why,
    )
    ratios = [min(_values(column)) / max(_values(column)) for column in columns if max(_values(column)) > 0]
    if len(ratios) < 2:
        return larger, mean, replace(blank[2], why=f"One of the rates is 0 in every group: it has no ratio.{said}")
    ratio = replace(blank[2], value=min(ratios), status=Status.INSUFFICIENT, why=f"{said} {NOT_JUDGED}".strip())
    return larger, mean, ratio


def average_odds(rates: GroupRates, *, attribute: str) -> tuple[Measure, ...]:
    """By how much do a group's error rates lie above those of the rest, on average?

    Returns
    -------
    tuple of Measure
        For every group `average_odds_difference_to_rest`, half the sum of the differences in false and true positive
        rate, which can cancel, and `average_absolute_odds_difference_to_rest`, half the sum of their sizes, which
        can't. The interval of the second is made of both rates' at once and is wider than needed.

    References
    ----------
    R. K. E. Bellamy et al. (2018), doi:10.48550/arXiv.1810.01943.
    """
    found = []
    groups = list(zip(rates.of(TPR), rates.of(FPR), strict=True))
    for place, (tpr, fpr) in enumerate(groups):
        others = [other for index, other in enumerate(groups) if index != place]
        sides = (
            (tpr, rates.total(TPR, [other for other, _ in others], name=REST)),
            (fpr, rates.total(FPR, [other for _, other in others], name=REST)),
        )
        n = tpr.n + fpr.n
        lacking = next((side for pair in sides for side in pair if not side.n), None)
        blank = [
            unvalued(
                attribute,
                f"average_{name}odds_difference_to_rest",
                segment=tpr.group,
                n=n,
                why="" if lacking is None else f"{lacking.group}: {lacking.why}",
                convention=f"half the sum of the {what} in false and true positive rate to the rest",
            )
            for name, what in (("", "differences"), ("absolute_", "sizes of the differences"))
        ]
        if lacking is not None:
            found += blank
            continue
        found += _averaged(blank, sides, rates.confidence)
    return tuple(found)


def _averaged(
    blank: Sequence[Measure], sides: tuple[tuple[GroupRate, GroupRate], ...], confidence: float
) -> tuple[Measure, Measure]:
    gaps = [group.k / group.n - rest.k / rest.n for group, rest in sides]
    down = up = 0.0
    for group, rest in sides:  # rows of other labels are other rows: the arms add like those of any difference
        first, second = (wilson(side.k, side.n, confidence=confidence) for side in (group, rest))
        p1, p2 = group.k / group.n, rest.k / rest.n
        down += (p1 - first.low) ** 2 + (second.high - p2) ** 2
        up += (first.high - p1) ** 2 + (p2 - second.low) ** 2
    value = sum(gaps) / 2
    signed = replace(
        blank[0],
        value=value,
        interval=Interval(low=value - math.sqrt(down) / 2, high=value + math.sqrt(up) / 2, confidence=confidence),
        status=Status.INSUFFICIENT,
        why=NOT_JUDGED,
        convention=f"{blank[0].convention}; MOVER of four Wilson intervals",
    )
    half = 1 - (1 - confidence) / 2
    each = [newcombe_difference(group.k, group.n, rest.k, rest.n, confidence=half) for group, rest in sides]
    least = sum(max(0.0, limit.low, -limit.high) for limit in each) / 2
    most = sum(max(abs(limit.low), abs(limit.high)) for limit in each) / 2
    sizes = replace(
        blank[1],
        value=sum(map(abs, gaps)) / 2,
        interval=Interval(low=least, high=most, confidence=confidence),
        status=Status.INSUFFICIENT,
        why=NOT_JUDGED,
        convention=f"{blank[1].convention}; Newcombe's, Bonferroni over both rates",
    )
    return signed, sizes


def treatment_equality(rates: GroupRates, *, attribute: str) -> tuple[Measure, ...]:
    """How many misses does a group get for each false alarm, and the rest?

    Returns
    -------
    tuple of Measure
        For every group `treatment_equality`, false negatives over false positives, and its difference to the rest;
        undefined, with the reason, without a false positive. Intervals are those of the share of misses among the
        errors (Wilson), the test is Fisher's.

    References
    ----------
    R. Berk et al. (2018), doi:10.1177/0049124118782533.
    """
    misses, alarms = rates.of("false_negative_rate"), rates.of(FPR)
    pairs = [(fn.k, fp.k) for fn, fp in zip(misses, alarms, strict=True)]
    groups, rests, p_values = [], [], []
    for place, (miss, (fn, fp)) in enumerate(zip(misses, pairs, strict=True)):
        rest = [pair for index, pair in enumerate(pairs) if index != place]
        fn_rest, fp_rest = sum(pair[0] for pair in rest), sum(pair[1] for pair in rest)
        groups.append(_errors(miss.group, fn, fp, rates.confidence))
        rests.append(_errors(REST, fn_rest, fp_rest, rates.confidence))
        both = fn + fp and fn_rest + fp_rest
        p_values.append(fisher_p_value(fn, fn + fp, fn_rest, fn_rest + fp_rest) if both else None)
    return estimate_measures(
        "treatment_equality",
        groups,
        rests,
        attribute=attribute,
        convention="false negatives over false positives; Wilson interval of the share of misses among errors",
        p_values=p_values,
    )


def _errors(group: str, fn: int, fp: int, confidence: float) -> GroupEstimate:
    if not fp:
        why = "No false positive: the ratio has no value." if fn else "No error of either kind: the ratio has no value."
        return GroupEstimate(group=group, n=fn + fp, value=None, interval=None, why=why)
    share = wilson(fn, fn + fp, confidence=confidence)
    high = share.high / (1 - share.high) if share.high < 1 else math.inf
    limits = Interval(low=share.low / (1 - share.low), high=high, confidence=confidence)
    return GroupEstimate(group=group, n=fn + fp, value=fn / fp, interval=limits)


def _values(rates: Sequence[GroupRate]) -> list[float]:
    return [rate.k / rate.n for rate in rates]
