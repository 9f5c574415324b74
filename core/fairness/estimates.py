"""Measures of groups that no policy judges: a value with its interval, and how far it lies from that of the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.fairness.largest import unvalued
from core.measure import Interval, Measure, Status
from core.stats.contrasts import contrast_estimates
from core.stats.multiplicity import holm

__all__ = ["NOT_JUDGED", "GroupEstimate", "estimate_measures"]

NOT_JUDGED = "Not judged: no policy sets a limit for it."


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupEstimate:
    """What is known of one group, or of all others; ``value`` is None where there is no such number, `why` says why."""

    group: str
    n: int
    value: float | None
    interval: Interval | None
    why: str = ""


def estimate_measures(
    measure: str,
    groups: Sequence[GroupEstimate],
    rests: Sequence[GroupEstimate],
    *,
    attribute: str,
    convention: str,
    p_values: Sequence[float | None] | None = None,
) -> tuple[Measure, ...]:
    """The value of every group, and its difference to the rest.

    Parameters
    ----------
    measure : str
        What is estimated; the measures are `<measure>` and `<measure>_difference_to_rest`, segment a group.
    groups, rests : sequences of GroupEstimate
        Group by group: itself, and all others.
    attribute : str
    convention : str
        How the values and their intervals are made.
    p_values : sequence of float or None, optional
        Of a test of each difference; by default z from the arms of the intervals. Holm's over the groups are shown.

    Returns
    -------
    tuple of Measure
        Not judged: without a margin, INSUFFICIENT where they have a value and UNDEFINED where not. An interval of a
        difference is MOVER's, of two intervals.

    References
    ----------
    G. Y. Zou, A. Donner (2008), doi:10.1002/sim.3095.

    Examples
    --------
    >>> a = GroupEstimate(group="a", n=50, value=0.8, interval=Interval(low=0.76, high=0.83))
    >>> b = GroupEstimate(group="b", n=70, value=0.9, interval=Interval(low=0.87, high=0.92))
    >>> found = estimate_measures("roc_auc", [a, b], [b, a], attribute="sex", convention="DeLong")
    >>> [(m.measure, m.segment, round(m.value, 3)) for m in found[2:]]
    [('roc_auc_difference_to_rest', 'a', -0.1), ('roc_auc_difference_to_rest', 'b', 0.1)]
    """
    values = [
        _valued(
            unvalued(attribute, measure, segment=each.group, n=each.n, why=each.why, convention=convention),
            each.value,
            each.interval,
        )
        for each in groups
    ]
    contrasts = [
        contrast_estimates(rest.value, rest.interval, group.value, group.interval)
        if group.value is not None and group.interval and rest.value is not None and rest.interval
        else None
        for group, rest in zip(groups, rests, strict=True)
    ]
    plain = [contrast and contrast.p_value for contrast in contrasts] if p_values is None else list(p_values)
    tested = [place for place, contrast in enumerate(contrasts) if contrast is not None and plain[place] is not None]
    distinct = 1 if len(groups) == 2 else len(tested)  # two groups are one comparison, seen from both sides
    adjusted = [plain[i] for i in tested] if distinct == 1 else holm([plain[i] or 0.0 for i in tested]).tolist()
    by_place = dict(zip(tested, adjusted, strict=True))
    gaps = []
    for place, (group, rest, contrast) in enumerate(zip(groups, rests, contrasts, strict=True)):
        gap = unvalued(
            attribute,
            f"{measure}_difference_to_rest",
            segment=group.group,
            n=group.n,
            why=group.why
            or (f"The rest: {rest.why[:1].lower()}{rest.why[1:]}" if rest.why else "There is no interval."),
            convention=f"group minus the rest; MOVER interval of: {convention}; Holm over {distinct}",
        )
        if contrast is not None:
            gap = replace(_valued(gap, contrast.difference, contrast.interval), p_value=by_place.get(place))
        gaps.append(gap)
    return (*values, *gaps)


def _valued(measure: Measure, value: float | None, interval: Interval | None) -> Measure:
    if value is None:
        return measure
    why = f"{measure.why} {NOT_JUDGED}".strip() if interval is None else NOT_JUDGED
    return replace(measure, value=value, interval=interval, status=Status.INSUFFICIENT, why=why)
