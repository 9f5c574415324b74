"""Each group against the others, one rate at a time: difference, ratio, test and verdict, held on all together."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import UnknownNameError
from core.fairness.detection import Facts
from core.fairness.groups import COMPLEMENTS, RATES, GroupRate, GroupRates
from core.fairness.policy import Against, FairnessPolicy, Statistic
from core.fairness.support import Cell
from core.fairness.verdicts import EVERYONE, REST, Verdict, judge, without_value
from core.measure import Interval
from core.stats.exact import fisher_p_value
from core.stats.intervals import mover_ratio, newcombe_difference
from core.stats.multiplicity import holm, simultaneous

__all__ = ["COMPARED_RATES", "Comparison", "compare", "is_judged"]

COMPARED_RATES = tuple(rate for rate in RATES if rate != "prevalence")  # base rates aren't the model's doing


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One rate of one group and of those it is compared with.

    What has no value is None: everything where one side has no rate, the ratio where the other rate is 0, the
    p-value where a side has too few rows to be judged. ``..._interval`` holds for this comparison alone,
    ``..._simultaneous`` for all of its family at once; ``p_raw`` is Fisher's, ``p_value`` Holm's. ``z`` is the
    difference in standard deviations of equal rates, ``shortfall`` how many more the group would count at the rate of
    all rows together.
    """

    attribute: str
    rate: str
    against: Against
    group: GroupRate
    other: GroupRate
    difference: float | None = None
    difference_interval: Interval | None = None
    difference_simultaneous: Interval | None = None
    ratio: float | None = None
    ratio_interval: Interval | None = None
    ratio_simultaneous: Interval | None = None
    shortfall: float | None = None
    shortfall_interval: Interval | None = None
    z: float | None = None
    p_raw: float | None = None
    p_value: float | None = None
    n_comparisons: int = 0
    share: float = 0.0
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """What is compared, before anything is computed."""

    attribute: str
    rate: str
    group: GroupRate
    other: GroupRate
    rest: GroupRate
    share: float
    family: tuple[str, str]
    hypothesis: tuple[str, str, str]  # equal for what is the same comparison, seen from another side
    is_tested: bool

    @property
    def apart(self) -> GroupRate:
        """Those it is compared with, less its own rows."""
        return self.rest if self.other.group == EVERYONE else self.other


def compare(
    rates: Mapping[str, GroupRates],
    *,
    policy: FairnessPolicy,
    reference_groups: Mapping[str, str] | None = None,
    measures: Sequence[str] = COMPARED_RATES,
) -> tuple[Comparison, ...]:
    """How far is each group from those it is compared with, and what does the policy say of it?

    Parameters
    ----------
    rates : mapping of attribute to GroupRates
        What `group_rates` made of every attribute that is audited together.
    policy : FairnessPolicy
    reference_groups : mapping of attribute to group, optional
        For a policy that compares with a reference group.
    measures : sequence of str
        The rates to compare.

    Returns
    -------
    tuple of Comparison
        By attribute, rate and group. All comparisons that the policy judges are one family: Bonferroni's intervals
        hold for all of them together and p-values are Holm's over them. Each rate that it doesn't judge is a family
        of its own attribute. A group against the rest counts once where there are only two groups; where the best
        group is picked by the data, all pairs count. Groups with too few rows take no part in the tests.

    Raises
    ------
    UnknownNameError
        If a reference group or a measure doesn't exist.

    References
    ----------
    S. Holm (1979), Scandinavian Journal of Statistics 6(2), 65-70; intervals as in `core.stats.intervals`, the test
    as in `core.stats.exact`.

    Examples
    --------
    >>> import numpy as np
    >>> from core.fairness.groups import group_rates
    >>> from core.fairness.policy import DEFAULT_POLICY
    >>> confusion = np.zeros((3, 3, 2), dtype=np.int64)
    >>> confusion[1, 2], confusion[0, 2] = (600, 300), (400, 700)  # predictions without labels
    >>> rates = group_rates(confusion, group_names=("a", "b"), positive=1, favourable=1)
    >>> first = compare({"sex": rates}, policy=DEFAULT_POLICY)[0]
    >>> first.group.group, round(first.difference, 2), round(first.ratio, 2), str(first.verdict.status)
    ('a', 0.3, 2.0, 'critical')
    """
    chosen = reference_groups or {}
    pairs = [
        pair
        for attribute, of_attribute in rates.items()
        for rate in measures
        for pair in _pairs(attribute, rate, of_attribute, policy, chosen.get(attribute))
    ]
    families: dict[tuple[str, str], list[_Pair]] = {}
    for pair in pairs:
        families.setdefault(pair.family, []).append(pair)
    found: list[Comparison] = []
    tests = {family: _tests(members, policy) for family, members in families.items()}
    for pair in pairs:
        size, p_values = tests[pair.family]
        found.append(_compared(pair, policy, size, p_values.get(pair.hypothesis) if pair.is_tested else None))
    return tuple(found)


def _pairs(
    attribute: str, rate: str, rates: GroupRates, policy: FairnessPolicy, reference_group: str | None
) -> Iterator[_Pair]:
    groups = rates.of(rate)
    n_rows = sum(group.n_rows for group in groups)
    one = _one_for_all(groups, rates, rate, policy, reference_group)
    base = COMPLEMENTS.get(rate, rate) if _sees_complements(policy) else rate
    is_mirrored = policy.against in (Against.REST, Against.OVERALL) and sum(group.n > 0 for group in groups) == 2
    for group in groups:
        if policy.against in (Against.REFERENCE_GROUP, Against.BEST) and group is one:
            continue
        rest = rates.total(rate, [other for other in groups if other is not group], name=REST)
        other = one or rest
        yield _Pair(
            attribute=attribute,
            rate=rate,
            group=group,
            other=other,
            rest=rest,
            share=group.n_rows / n_rows if n_rows else 0.0,
            family=("", "") if is_judged(rate, policy) else (attribute, base),
            hypothesis=(attribute, base, "" if is_mirrored else group.group),
            is_tested=_is_assessed(group, n_rows, policy) and other.cell is Cell.OK and rest.cell is Cell.OK,
        )


def _one_for_all(
    groups: Sequence[GroupRate], rates: GroupRates, rate: str, policy: FairnessPolicy, reference_group: str | None
) -> GroupRate | None:
    """The one that every group is compared with; None for a policy that compares each with the rest."""
    if policy.against is Against.REST:
        return None
    if policy.against is Against.OVERALL:
        return rates.total(rate, name=EVERYONE)
    if policy.against is Against.BEST:
        n_rows = sum(group.n_rows for group in groups)
        valued = [group for group in groups if _is_assessed(group, n_rows, policy)] or [g for g in groups if g.n]
        return max(valued, key=lambda group: group.value or 0.0, default=rates.total(rate, [], name="any other group"))
    named = next((group for group in groups if group.group == reference_group), None)
    if named is None and reference_group is not None:
        raise UnknownNameError("group", reference_group, [group.group for group in groups])
    return named or rates.total(rate, [], name="a reference group")


def _is_assessed(group: GroupRate, n_rows: int, policy: FairnessPolicy) -> bool:
    return group.cell is Cell.OK and group.n_rows >= policy.min_share * n_rows


def _sees_complements(policy: FairnessPolicy) -> bool:
    """Whether a gap in a rate and the one in 1 minus it are the same gap: not for ratios, nor for the best group."""
    return policy.statistic is Statistic.DIFFERENCE and policy.against is not Against.BEST


def is_judged(rate: str, policy: FairnessPolicy) -> bool:
    """Whether a policy judges a rate, itself or as the complement of another."""
    if not _sees_complements(policy):
        return rate in policy.measures
    return COMPLEMENTS.get(rate, rate) in {COMPLEMENTS.get(name, name) for name in policy.measures}


def _tests(
    members: Sequence[_Pair], policy: FairnessPolicy
) -> tuple[int, dict[tuple[str, str, str], tuple[float, float]]]:
    """How many hypotheses a family holds, and of each that is tested the plain p-value and Holm's."""
    raw: dict[tuple[str, str, str], float] = {}
    for pair in members:
        if pair.is_tested and pair.hypothesis not in raw:
            raw[pair.hypothesis] = fisher_p_value(pair.group.k, pair.group.n, pair.apart.k, pair.apart.n)
    size = len(raw)
    if policy.against is Against.BEST:  # picked by the data: every pair could have been the one
        n_others = Counter((attribute, rate) for attribute, rate, _ in raw)
        size = sum(n * (n + 1) // 2 for n in n_others.values())
    adjusted = holm(list(raw.values()), n_hypotheses=size).tolist()
    return size, {key: (p, holms) for (key, p), holms in zip(raw.items(), adjusted, strict=True)}


def _compared(
    pair: _Pair, policy: FairnessPolicy, n_comparisons: int, p_values: tuple[float, float] | None
) -> Comparison:
    group, other = pair.group, pair.other
    if not (group.n and pair.apart.n):
        return Comparison(
            attribute=pair.attribute,
            rate=pair.rate,
            against=policy.against,
            group=group,
            other=other,
            share=pair.share,
            n_comparisons=n_comparisons,
            verdict=without_value(group, other),
        )
    together = simultaneous(policy.confidence, n_comparisons)
    p_raw, p_value = p_values or (None, None)
    facts = Facts(
        group=group,
        other=other,
        share=pair.share,
        difference=group.k / group.n - other.k / other.n,
        difference_limits=_difference_limits(pair, policy, together),
        ratio=group.k * other.n / (group.n * other.k) if other.k else None,
        ratio_limits=_ratio_limits(pair, policy, together) if other.k else None,
        p_value=p_value,
        n_comparisons=n_comparisons,
    )
    return Comparison(
        attribute=pair.attribute,
        rate=pair.rate,
        against=policy.against,
        group=group,
        other=other,
        share=pair.share,
        n_comparisons=n_comparisons,
        difference=facts.difference,
        difference_interval=_difference_limits(pair, policy, policy.confidence),
        difference_simultaneous=facts.difference_limits,
        ratio=facts.ratio,
        ratio_interval=_ratio_limits(pair, policy, policy.confidence) if other.k else None,
        ratio_simultaneous=facts.ratio_limits,
        z=_standard_deviations(pair),
        p_raw=p_raw,
        p_value=p_value,
        verdict=judge(facts, policy, is_judged=is_judged(pair.rate, policy)),
        **_shortfall(pair, policy.confidence),
    )


def _standard_deviations(pair: _Pair) -> float | None:
    """The z of the pooled test, for those who count in standard deviations."""
    group, other = pair.group, pair.apart
    pooled = (group.k + other.k) / (group.n + other.n)
    variance = pooled * (1 - pooled) * (1 / group.n + 1 / other.n)
    return (group.k / group.n - other.k / other.n) / math.sqrt(variance) if variance else None


def _difference_limits(pair: _Pair, policy: FairnessPolicy, confidence: float) -> Interval:
    """Newcombe's; against all rows, of which the group is a part, that against the rest times the rest's share."""
    if policy.against is not Against.OVERALL:
        return newcombe_difference(pair.group.k, pair.group.n, pair.other.k, pair.other.n, confidence=confidence)
    limits = newcombe_difference(pair.group.k, pair.group.n, pair.rest.k, pair.rest.n, confidence=confidence)
    of_rest = pair.rest.n / pair.other.n
    return Interval(low=of_rest * limits.low, high=of_rest * limits.high, confidence=confidence)


def _ratio_limits(pair: _Pair, policy: FairnessPolicy, confidence: float) -> Interval:
    """MOVER-R's; against all rows, r / (w r + 1 - w) of the ratio r to the rest and the group's share w."""
    if policy.against is not Against.OVERALL:
        return mover_ratio(pair.group.k, pair.group.n, pair.other.k, pair.other.n, confidence=confidence)
    w = pair.group.n / pair.other.n
    if pair.rest.k:
        limits = mover_ratio(pair.group.k, pair.group.n, pair.rest.k, pair.rest.n, confidence=confidence)
    else:
        turned = mover_ratio(pair.rest.k, pair.rest.n, pair.group.k, pair.group.n, confidence=confidence)
        limits = Interval(low=1 / turned.high, high=math.inf, confidence=confidence)
    low, high = (1 / w if math.isinf(r) else r / (w * r + 1 - w) for r in (limits.low, limits.high))
    return Interval(low=low, high=high, confidence=confidence)


def _shortfall(pair: _Pair, confidence: float) -> dict[str, Any]:
    """How many more the group would count at everybody's rate: its n times the difference to all rows, turned."""
    group, rest = pair.group, pair.rest
    if not rest.n:
        return {}
    limits = newcombe_difference(rest.k, rest.n, group.k, group.n, confidence=confidence)
    scale = group.n * rest.n / (group.n + rest.n)
    return {
        "shortfall": scale * (rest.k / rest.n - group.k / group.n),
        "shortfall_interval": Interval(low=scale * limits.low, high=scale * limits.high, confidence=confidence),
    }
