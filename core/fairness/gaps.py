"""Gaps between groups: differences and ratios of rates, each with a verdict in three states.

Each group is judged against the rest, all other rows of the table, and not against the best group:
the best of several noisy rates is high by chance. The largest gap is reported beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import chi2

from core.errors import InputError, UnknownNameError
from core.fairness.groups import RATES, GroupRate, GroupRates, group_rate
from core.fairness.support import COUNTED, coverage
from core.fairness.verdicts import four_fifths, in_words, judge, names, no_ratio, overall, percent
from core.measure import Family, Interval, Measure, Status
from core.stats.contrasts import Contrast, contrast_rates
from core.stats.intervals import mover_ratio, newcombe_difference, wilson

__all__ = ["COMPARED_RATES", "MARGIN", "group_gaps"]

MARGIN = 0.05
COMPARED_RATES = tuple(rate for rate in RATES if rate != "prevalence")  # base rates aren't the model's doing
REST = "the rest"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Comparison:
    """A group against the rest or a reference group; without a contrast if one of them has no rate."""

    group: GroupRate
    other: GroupRate
    contrast: Contrast | None
    p_value: float | None  # the contrast's, adjusted by Holm
    n_comparisons: int

    @property
    def supported(self) -> bool:
        return self.group.status is Status.OK and self.other.status is Status.OK


def group_gaps(
    rates: GroupRates,
    *,
    attribute: str,
    reference: GroupRates | None = None,
    reference_group: str | None = None,
    margin: float = MARGIN,
) -> tuple[Measure, ...]:
    """By how much do the rates of groups differ, and is that more than `margin` beyond chance?

    Parameters
    ----------
    rates : GroupRates
        What `group_rates` made of a window.
    attribute : str
        Whose groups these are; the column of the measures.
    reference : GroupRates, optional
        The same on the reference; its gaps become the `reference` of the measures.
    reference_group : str, optional
        A group that every other one is compared with as well.
    margin : float
        The largest difference of two rates that does not matter, in (0, 1).

    Returns
    -------
    tuple of Measure
        For every rate but the prevalence: `<rate>_difference` and `<rate>_ratio` with segment '' are
        the largest minus the smallest and the smallest over the largest rate of a group;
        `<rate>_difference_to_rest` and `<rate>_ratio_to_rest` have a group as segment, and so have
        `..._to_reference_group`. A difference is CRITICAL (disparity) when its simultaneous interval,
        `change`, lies beyond the margin, OK (no evidence) when it lies within, else INSUFFICIENT with
        the number of rows that would do. A ratio shares the verdict of its difference: it is the same
        comparison.

    Raises
    ------
    InputError
        If the margin is out of its domain or the reference group doesn't exist.

    References
    ----------
    S. Holm (1979), Scandinavian Journal of Statistics 6(2), 65-70; W. G. Cochran (1954),
    doi:10.2307/3001616, on when chi-square holds; the gaps over all groups as in A. Agarwal et al.
    (2018), doi:10.48550/arXiv.1803.02453; intervals as in `core.stats.intervals`.

    Examples
    --------
    >>> from core.fairness.groups import group_rates
    >>> confusion = np.zeros((3, 3, 2), dtype=np.int64)
    >>> confusion[1, 2], confusion[0, 2] = (600, 300), (400, 700)  # predictions without labels
    >>> rates = group_rates(confusion, group_names=("a", "b"), positive=1, favourable=1)
    >>> for gap in group_gaps(rates, attribute="sex")[:3]:
    ...     print(gap.measure, repr(gap.segment), round(gap.value, 2), gap.status)
    selection_rate_difference '' 0.3 critical
    selection_rate_ratio '' 0.5 critical
    selection_rate_difference_to_rest 'a' 0.3 critical
    """
    if not 0 < margin < 1:
        raise InputError(f"margin must lie between 0 and 1, both excluded, got {margin}.")
    before: Mapping[tuple[str, str], float | None] = {}
    if reference is not None:
        gaps = _gaps(reference, attribute, reference_group, margin)
        before = {(gap.measure, gap.segment): gap.value for gap in gaps}
    return tuple(
        replace(gap, reference=before.get((gap.measure, gap.segment)))
        for gap in _gaps(rates, attribute, reference_group, margin)
    )


def _gaps(rates: GroupRates, attribute: str, reference_group: str | None, margin: float) -> Iterator[Measure]:
    for rate in COMPARED_RATES:
        groups = rates.of(rate)
        blank = Measure(
            family=Family.FAIRNESS,
            measure=rate,
            column=attribute,
            value=None,
            n=0,
            status=Status.UNDEFINED,
            convention="",
            margin=margin,
        )
        pairs = [(group, _rest(group, groups, rates)) for group in groups]
        comparisons = _compare(pairs, rates.confidence, mirrored=sum(group.n > 0 for group in groups) == 2)
        to_rest = [(each, *_of_pair(blank, each, "to_rest", rates, margin)) for each in comparisons]
        yield from _of_all(blank, groups, [(each, difference) for each, difference, _ in to_rest], rates, margin)
        for _, difference, ratio in to_rest:
            yield difference
            yield ratio
        if reference_group is None:
            continue
        named = next((group for group in groups if group.group == reference_group), None)
        if named is None:
            raise UnknownNameError("group", reference_group, [group.group for group in groups])
        for each in _compare([(group, named) for group in groups if group is not named], rates.confidence):
            yield from _of_pair(blank, each, "to_reference_group", rates, margin)


def _rest(group: GroupRate, groups: Sequence[GroupRate], rates: GroupRates) -> GroupRate:
    others = [other for other in groups if other is not group]
    n_rows = sum(other.n_rows for other in others)
    nothing = f"No {COUNTED[group.measure][0]} in any other group" if n_rows else "No other group has rows"
    return group_rate(
        sum(other.k for other in others),
        sum(other.n for other in others),
        measure=group.measure,
        group=REST,
        n_rows=n_rows,
        min_support=rates.min_support,
        confidence=rates.confidence,
        why_undefined=f"{nothing}: not assessable.",
    )


def _compare(
    pairs: Sequence[tuple[GroupRate, GroupRate]], confidence: float, *, mirrored: bool = False
) -> list[_Comparison]:
    """Contrast every pair whose rates exist; `mirrored`: two groups are one comparison, seen from both sides."""
    contrasts = {
        i: contrast_rates(other.k, other.n, group.k, group.n, confidence=confidence)
        for i, (group, other) in enumerate(pairs)
        if group.n and other.n
    }
    p_values = {i: contrast.p_value for i, contrast in contrasts.items()}
    adjusted = p_values if mirrored else _holm(p_values)
    return [
        _Comparison(
            group=group,
            other=other,
            contrast=contrasts.get(i),
            p_value=adjusted.get(i),
            n_comparisons=1 if mirrored else len(p_values),
        )
        for i, (group, other) in enumerate(pairs)
    ]


def _holm(p_values: Mapping[int, float]) -> dict[int, float]:
    """Holm's step-down adjustment: the k-th smallest of m p-values times m - k + 1, never decreasing."""
    adjusted, least = {}, 0.0
    for place, (index, p) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        least = max(least, min(1.0, p * (len(p_values) - place)))
        adjusted[index] = least
    return adjusted


def _of_pair(
    blank: Measure, each: _Comparison, against: str, rates: GroupRates, margin: float
) -> tuple[Measure, Measure]:
    """The difference and the ratio of one comparison."""
    group, other, rate = each.group, each.other, blank.measure
    difference = replace(
        blank,
        measure=f"{rate}_difference_{against}",
        segment=group.group,
        n=group.n,
        why=group.why if group.value is None else other.why if other.group == REST else f"{other.group}: {other.why}",
        convention=f"group minus {other.group}",
    )
    ratio = replace(difference, measure=f"{rate}_ratio_{against}", margin=None, convention=f"group over {other.group}")
    if each.contrast is None:
        return difference, ratio
    simultaneous = 1 - (1 - rates.confidence) / each.n_comparisons
    change = newcombe_difference(group.k, group.n, other.k, other.n, confidence=simultaneous)
    status, why = judge(group, other, change, margin=margin, min_support=rates.min_support)
    test = f"{each.contrast.convention.removeprefix('Newcombe interval; ')}, Holm over {each.n_comparisons}"
    difference = replace(
        difference,
        value=each.contrast.difference,
        interval=each.contrast.interval,
        change=change,
        p_value=each.p_value,
        status=status,
        why=why,
        convention=f"group minus {other.group}; Newcombe {percent(rates.confidence)} interval, judged at "
        f"{percent(simultaneous)} (Bonferroni over {each.n_comparisons}); {test}",
    )
    if other.k == 0:
        where = f"in {other.group}" if group.k else "on either side"
        return difference, replace(ratio, why=no_ratio(rate, where))
    low, high = sorted((group.k / group.n, other.k / other.n))
    value = group.k * other.n / (group.n * other.k)
    interval = mover_ratio(group.k, group.n, other.k, other.n, confidence=rates.confidence)
    return difference, replace(
        ratio,
        value=value,
        interval=interval,
        p_value=each.p_value,
        status=status,
        why=f"{group.group}: {in_words(rate)} {value:.2f} times that of {other.group}, between {interval.low:.2f} "
        f"and {interval.high:.2f}. {four_fifths(rate, low, high)}The verdict is that of the difference.",
        convention=f"group over {other.group}; MOVER-R {percent(rates.confidence)} interval; {test}",
    )


def _of_all(
    blank: Measure,
    groups: Sequence[GroupRate],
    to_rest: Sequence[tuple[_Comparison, Measure]],
    rates: GroupRates,
    margin: float,
) -> tuple[Measure, Measure]:
    """Largest minus smallest and smallest over largest rate, judged by the groups against the rest."""
    rate = blank.measure
    rated = sorted((group for group in groups if group.n), key=lambda group: group.k / group.n)
    difference = replace(
        blank,
        measure=f"{rate}_difference",
        n=sum(group.n for group in rated),
        why=f"{rated[0].group} alone has a {in_words(rate)}: not assessable."
        if rated
        else f"No group has a {in_words(rate)}. {max(groups, key=lambda group: group.n_rows).why if groups else ''}",
        convention="largest minus smallest rate of a group",
    )
    ratio = replace(difference, measure=f"{rate}_ratio", margin=None, convention="smallest over largest rate")
    if len(rated) < 2:
        return difference, ratio
    low, high = rated[0], rated[-1]
    p_value, test = _omnibus(rated, [each.p_value for each, _ in to_rest if each.p_value is not None])
    status, verdict = overall([(gap, each.supported) for each, gap in to_rest], margin=margin)
    left_out = [group.group for group in groups if not group.n]
    why = (
        f"The {in_words(rate)} is largest for {high.group} ({high.k / high.n:.1%}) and smallest for {low.group} "
        f"({low.k / low.n:.1%}). {verdict} {coverage(groups)}"
        + (f" Left out for want of a rate: {names(left_out)}." if left_out else "")
    )
    pairs = len(rated) * (len(rated) - 1) // 2
    difference = replace(
        difference,
        value=high.k / high.n - low.k / low.n,
        interval=_range_interval(rated, rates.confidence, pairs),
        p_value=p_value,
        status=status,
        why=why,
        convention=f"{difference.convention}; {percent(rates.confidence)} interval from Newcombe's of all pairs "
        f"(Bonferroni over {pairs}); {test}; verdict from each group against the rest",
    )
    if high.k == 0:
        return difference, replace(ratio, why=no_ratio(rate, "in any group"))
    return difference, replace(
        ratio,
        value=low.k * high.n / (low.n * high.k),
        p_value=p_value,
        status=status,
        why=f"{four_fifths(rate, low.k / low.n, high.k / high.n)}{why}",
        convention=f"{ratio.convention}; no interval, the difference has one; {test}; "
        "verdict from each group against the rest",
    )


def _omnibus(rated: Sequence[GroupRate], holm: Sequence[float]) -> tuple[float, str]:
    """Are all rates equal? Chi-square where Cochran's rule allows, else the least adjusted p of a group."""
    k = np.array([group.k for group in rated], dtype=np.float64)
    n = np.array([group.n for group in rated], dtype=np.float64)
    p = k.sum() / n.sum()
    expected = np.concatenate([n * p, n * (1 - p)])
    if (expected >= 1).all() and (expected >= 5).mean() >= 0.8:
        statistic = float(((k - n * p) ** 2 / (n * p * (1 - p))).sum())
        return float(chi2.sf(statistic, len(rated) - 1)), f"chi-square over {len(rated)} groups"
    return min(holm), "least Holm p of a group, as cells are too thin for chi-square"


def _range_interval(rated: Sequence[GroupRate], confidence: float, pairs: int) -> Interval:
    """The interval of the largest difference: where all pairs are covered at once, so is their maximum."""
    limits = [wilson(group.k, group.n, confidence=1 - (1 - confidence) / pairs) for group in rated]
    p = np.array([group.k / group.n for group in rated])
    below = p - np.array([limit.low for limit in limits])
    above = np.array([limit.high for limit in limits]) - p
    difference = p[:, None] - p[None, :]
    low = difference - np.hypot(below[:, None], above[None, :])
    high = difference + np.hypot(above[:, None], below[None, :])
    np.fill_diagonal(high, 0.0)
    return Interval(low=max(0.0, float(low.max())), high=min(1.0, float(high.max())), confidence=confidence)
