"""Gaps between groups as measures: differences and ratios of rates, each with a verdict in three states.

Each group is judged against the rest, all other rows of the table, unless the policy says otherwise, and not
against the best group: the best of several noisy rates is high by chance. The largest gap is reported beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from core.fairness.comparisons import COMPARED_RATES, Comparison, compare, is_judged
from core.fairness.groups import COMPLEMENTS, GroupRates
from core.fairness.largest import largest_gap, no_ratio
from core.fairness.policy import DEFAULT_POLICY, Against, FairnessPolicy, Statistic
from core.fairness.wording import percent
from core.measure import Family, Interval, Measure, Status

__all__ = ["MARGIN", "Audit", "audit", "group_gaps"]

MARGIN = DEFAULT_POLICY.limit or 0.0
FOUR_FIFTHS = 0.8
SUFFIX = {against: f"to_{against.value.replace(' ', '_')}" for against in Against}


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """All comparisons of the attributes that were audited together, and the measures made of them by attribute."""

    policy: FairnessPolicy
    comparisons: tuple[Comparison, ...]
    measures: Mapping[str, tuple[Measure, ...]]

    @property
    def n_comparisons(self) -> int:
        """How many hypotheses the verdicts are held on together."""
        return max((c.n_comparisons for c in self.comparisons if is_judged(c.rate, self.policy)), default=0)

    def of(self, attribute: str, rate: str) -> tuple[Comparison, ...]:
        """One rate of one attribute, group by group."""
        return tuple(c for c in self.comparisons if (c.attribute, c.rate) == (attribute, rate))

    @property
    def status(self) -> Status:
        """CRITICAL if any disparity is found; OK only if every group with rows can be told.

        UNDEFINED if nothing is judged. Groups that the policy leaves out for their share of all rows don't count.
        """
        judged = [c for c in self.comparisons if is_judged(c.rate, self.policy) and c.group.n_rows]
        found = {c.verdict.status for c in judged if c.verdict.is_judged}
        if Status.CRITICAL in found:
            return Status.CRITICAL
        if Status.INSUFFICIENT in found or (found and any(c.difference is None for c in judged)):
            return Status.INSUFFICIENT
        return Status.OK if found else Status.UNDEFINED


def audit(
    rates: Mapping[str, GroupRates],
    *,
    policy: FairnessPolicy = DEFAULT_POLICY,
    reference: Audit | None = None,
    reference_groups: Mapping[str, str] | None = None,
    measures: Sequence[str] = COMPARED_RATES,
    complements: bool = False,
    n_permutations: int = 0,
) -> Audit:
    """Whom does the model treat differently, by how much, and is that a disparity under the policy?

    Parameters
    ----------
    rates : mapping of attribute to GroupRates
        What `group_rates` made of a window, for every attribute that is audited together.
    policy : FairnessPolicy
    reference : Audit, optional
        The same of the reference; its gaps become the `reference` of the measures.
    reference_groups : mapping of attribute to group, optional
        For a policy that compares with a reference group.
    measures : sequence of str
        The rates to compare.
    complements : bool
        Whether the largest gaps of 1 minus these rates are given too, judged with them.
    n_permutations : int
        Of the test of the largest gap where cells are too thin for chi-square; with 0 the least Holm p stands for it.

    Returns
    -------
    Audit
        Its measures hold for every rate `<rate>_difference` and `<rate>_ratio` with segment '', the largest minus the
        smallest and the smallest over the largest rate of a group, and `<rate>_difference_to_rest` (or to what the
        policy compares with) and `<rate>_ratio_to_rest` with a group as segment; for the selection rate
        `selection_shortfall` too, in rows. The verdict is that of the policy; difference and ratio of one comparison
        share it. ``change`` is the interval it was judged by.

    References
    ----------
    The gaps over all groups as in A. Agarwal et al. (2018), doi:10.48550/arXiv.1803.02453; W. G. Cochran (1954),
    doi:10.2307/3001616, on when chi-square holds; the rest as in `core.fairness.comparisons`.

    Examples
    --------
    >>> import numpy as np
    >>> from core.fairness.groups import group_rates
    >>> confusion = np.zeros((3, 3, 2), dtype=np.int64)
    >>> confusion[1, 2], confusion[0, 2] = (600, 300), (400, 700)  # predictions without labels
    >>> rates = group_rates(confusion, group_names=("a", "b"), positive=1, favourable=1)
    >>> for gap in audit({"sex": rates}).measures["sex"][:3]:
    ...     print(gap.measure, repr(gap.segment), round(gap.value, 2), gap.status)
    selection_rate_difference '' 0.3 critical
    selection_rate_ratio '' 0.5 critical
    selection_rate_difference_to_rest 'a' 0.3 critical
    """
    comparisons = compare(rates, policy=policy, reference_groups=reference_groups, measures=measures)
    by_rate: dict[tuple[str, str], list[Comparison]] = {}
    for each in comparisons:
        by_rate.setdefault((each.attribute, each.rate), []).append(each)
    earlier = () if reference is None else reference.measures.values()
    before = {(m.column, m.measure, m.segment): m.value for measured in earlier for m in measured}
    by_attribute = {}
    for attribute, of_attribute in rates.items():
        found: list[Measure] = []
        for rate in measures:
            groups, own = of_attribute.of(rate), by_rate.get((attribute, rate), [])
            found += largest_gap(
                groups, own, rate=rate, attribute=attribute, policy=policy, n_permutations=n_permutations
            )
            for each in own:
                found += _of_pair(each, policy)
        for complement, base in COMPLEMENTS.items():
            if complements and base in measures and complement not in measures and is_judged(complement, policy):
                found += largest_gap(
                    of_attribute.of(complement),
                    by_rate.get((attribute, base), []),
                    rate=complement,
                    attribute=attribute,
                    policy=policy,
                )
        if before:
            found = [replace(gap, reference=before.get((gap.column, gap.measure, gap.segment))) for gap in found]
        by_attribute[attribute] = tuple(found)
    return Audit(policy=policy, comparisons=comparisons, measures=by_attribute)


def group_gaps(
    rates: GroupRates,
    *,
    attribute: str,
    policy: FairnessPolicy = DEFAULT_POLICY,
    reference: GroupRates | None = None,
    reference_group: str | None = None,
) -> tuple[Measure, ...]:
    """The measures of `audit` for a single attribute.

    Examples
    --------
    >>> import numpy as np
    >>> from core.fairness.groups import group_rates
    >>> confusion = np.zeros((3, 3, 2), dtype=np.int64)
    >>> confusion[1, 2], confusion[0, 2] = (30, 3), (70, 7)
    >>> rates = group_rates(confusion, group_names=("a", "b"), positive=1, favourable=1)
    >>> str(group_gaps(rates, attribute="sex")[0].status)  # alike, but of 10 rows nothing can be said
    'insufficient'
    """
    found = audit(
        {attribute: rates},
        policy=policy,
        reference=None if reference is None else audit({attribute: reference}, policy=policy),
        reference_groups=None if reference_group is None else {attribute: reference_group},
    )
    return found.measures[attribute]


def _of_pair(each: Comparison, policy: FairnessPolicy) -> Iterator[Measure]:
    """The difference and the ratio of one comparison; of selections the shortfall too."""
    suffix, name = SUFFIX[each.against], each.other.group
    limit = policy.limit if each.verdict.is_judged else None
    is_ratio = policy.statistic is Statistic.RATIO
    judged = ""
    if each.difference_simultaneous is not None:
        at = percent(each.difference_simultaneous.confidence)
        judged = f"judged at {at} (Bonferroni over {each.n_comparisons}); Fisher's exact test, Holm over the same"
    at = percent(policy.confidence)
    yield _measure(
        each,
        f"{each.rate}_difference_{suffix}",
        value=each.difference,
        interval=each.difference_interval,
        change=each.difference_simultaneous,
        margin=None if is_ratio else limit,
        why=each.verdict.why,
        convention=f"group minus {name}" + (f"; Newcombe {at} interval, {judged}" if judged else ""),
    )
    no_value = no_ratio(each.rate, f"in {name}" if each.group.k else "on either side")
    yield _measure(
        each,
        f"{each.rate}_ratio_{suffix}",
        value=each.ratio,
        interval=each.ratio_interval,
        change=each.ratio_simultaneous,
        margin=limit if is_ratio else None,
        why=no_value if each.ratio is None and judged else f"{_four_fifths(each)}{each.verdict.why}",
        convention=f"group over {name}" + (f"; MOVER-R {at} interval, {judged}" if each.ratio is not None else ""),
    )
    if each.rate == "selection_rate" and each.shortfall is not None:
        yield Measure(
            family=Family.FAIRNESS,
            measure="selection_shortfall",
            column=each.attribute,
            segment=each.group.group,
            value=each.shortfall,
            n=each.group.n,
            interval=each.shortfall_interval,
            why="Rows more that would be selected at the selection rate of all rows; not judged.",
            convention=f"n times the common rate, less the selected; Newcombe {at} interval",
        )


def _measure(
    each: Comparison,
    name: str,
    *,
    value: float | None,
    interval: Interval | None,
    change: Interval | None,
    margin: float | None,
    why: str,
    convention: str,
) -> Measure:
    has_value = value is not None
    return Measure(
        family=Family.FAIRNESS,
        measure=name,
        column=each.attribute,
        segment=each.group.group,
        value=value,
        n=each.group.n,
        interval=interval,
        change=change,
        margin=margin if has_value else None,
        p_value=each.p_value if has_value else None,
        status=each.verdict.status if has_value else Status.UNDEFINED,
        why=why,
        convention=convention,
    )


def _four_fifths(each: Comparison) -> str:
    """The convention of 29 CFR 1607.4(D) in words; it ignores chance, so it is shown beside the verdict."""
    if each.rate != "selection_rate" or each.ratio is None:
        return ""
    lower = min(each.ratio, 1 / each.ratio if each.ratio else 0.0)
    side = "below" if lower < FOUR_FIFTHS else "not below"
    return f"The lower selection rate is {lower:.2f} of the higher, {side} the four-fifths convention (0.8). "
