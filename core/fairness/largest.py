"""The largest gap of all: how far apart the groups farthest apart are, and whether all are alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from core.fairness.comparisons import Comparison, is_judged
from core.fairness.groups import GroupRate
from core.fairness.policy import Against, FairnessPolicy, Statistic
from core.fairness.support import Cell, coverage
from core.fairness.verdicts import REST
from core.fairness.wording import in_words, names, percent, points
from core.measure import Family, Interval, Measure, Status
from core.stats.intervals import wilson
from core.stats.multiplicity import simultaneous
from core.stats.permutation import max_gap_p_value

__all__ = ["largest_gap", "no_ratio", "range_interval", "unvalued"]

SEED = 20_160_523  # of the permutation test: the same counts always give the same p-value


def largest_gap(
    groups: Sequence[GroupRate],
    comparisons: Sequence[Comparison],
    *,
    rate: str,
    attribute: str,
    policy: FairnessPolicy,
    n_permutations: int = 0,
) -> tuple[Measure, Measure]:
    """How far apart are the groups that lie farthest apart, and are all alike?

    Parameters
    ----------
    groups : sequence of GroupRate
        Of one rate.
    comparisons : sequence of Comparison
        Of the same rate; the verdict comes from them, not from the largest gap, which is never 0.
    rate, attribute : str
        Of what, and whose groups.
    policy : FairnessPolicy
    n_permutations : int
        Of the test where cells are too thin for chi-square; with 0 the least Holm p of a group stands for it.

    Returns
    -------
    two Measures
        The largest minus the smallest rate, and the smallest over the largest.
    """
    rated = sorted((group for group in groups if group.n), key=lambda group: group.k / group.n)
    difference = unvalued(
        attribute,
        f"{rate}_difference",
        n=sum(group.n for group in rated),
        why=f"{rated[0].group} alone has a {in_words(rate)}: not assessable."
        if rated
        else f"No group has a {in_words(rate)}. {max(groups, key=lambda group: group.n_rows).why if groups else ''}",
        convention="largest minus smallest rate of a group",
    )
    ratio = replace(difference, measure=f"{rate}_ratio", convention="smallest over largest rate")
    if len(rated) < 2:
        return difference, ratio
    low, high = rated[0], rated[-1]
    p_value, test = _omnibus(rated, [c.p_value for c in comparisons if c.p_value is not None], n_permutations)
    status, verdict = _overall(comparisons, policy, is_judged=is_judged(rate, policy) and policy.limit is not None)
    left_out = [group.group for group in groups if not group.n]
    why = (
        f"The {in_words(rate)} is largest for {high.group} ({high.k / high.n:.1%}) and smallest for {low.group} "
        f"({low.k / low.n:.1%}). {verdict} {coverage(groups)}"
        + (f" Left out for want of a rate: {names(left_out)}." if left_out else "")
    )
    pairs = len(rated) * (len(rated) - 1) // 2
    verdict_from = f"verdict from each group against {'the rest' if policy.against is Against.REST else policy.against}"
    difference = replace(
        difference,
        value=high.k / high.n - low.k / low.n,
        interval=range_interval(rated, policy.confidence, pairs),
        margin=policy.limit if policy.statistic is Statistic.DIFFERENCE and is_judged(rate, policy) else None,
        p_value=p_value,
        status=status,
        why=why,
        convention=f"{difference.convention}; {percent(policy.confidence)} interval from Newcombe's of all pairs "
        f"(Bonferroni over {pairs}); {test}; {verdict_from}",
    )
    if high.k == 0:
        return difference, replace(ratio, why=no_ratio(rate, "in any group"))
    return difference, replace(
        ratio,
        value=low.k * high.n / (low.n * high.k),
        margin=policy.limit if policy.statistic is Statistic.RATIO and is_judged(rate, policy) else None,
        p_value=p_value,
        status=status,
        why=why,
        convention=f"{ratio.convention}; no interval, the difference has one; {test}; {verdict_from}",
    )


def _overall(comparisons: Sequence[Comparison], policy: FairnessPolicy, *, is_judged: bool) -> tuple[Status, str]:
    """One verdict on all groups: the worst on a group that has enough rows."""
    if not is_judged:
        return Status.INSUFFICIENT, f"Not judged: the policy {policy.name!r} sets no limit for it."
    assessed = [c for c in comparisons if c.verdict.is_judged and c.group.cell is Cell.OK and c.other.cell is Cell.OK]
    beyond = [c.group.group for c in assessed if c.verdict.status is Status.CRITICAL]
    undecided = [c.group.group for c in assessed if c.verdict.status is Status.INSUFFICIENT]
    others = REST if policy.against is Against.REST else f"the {policy.against.value}"
    if beyond:
        return Status.CRITICAL, f"Disparity against {others}: {names(beyond)}."
    if not assessed:
        return Status.INSUFFICIENT, f"Not enough data to judge any group against {others}."
    if undecided:
        return Status.INSUFFICIENT, f"Not enough data to tell for {names(undecided)}."
    if policy.statistic is Statistic.DIFFERENCE and policy.limit:
        return Status.OK, f"No evidence: every group assessed lies within {points(policy.limit)} of {others}."
    return Status.OK, f"No evidence of a disparity in any group assessed against {others}."


def _omnibus(rated: Sequence[GroupRate], holm: Sequence[float], n_permutations: int) -> tuple[float | None, str]:
    """Are all rates equal? Chi-square where Cochran's rule allows, else by permutation."""
    from scipy.stats import chi2

    k = np.array([group.k for group in rated], dtype=np.int64)
    n = np.array([group.n for group in rated], dtype=np.int64)
    p = k.sum() / n.sum()
    expected = np.concatenate([n * p, n * (1 - p)])
    if (expected >= 1).all() and (expected >= 5).mean() >= 0.8:
        statistic = float(((k - n * p) ** 2 / (n * p * (1 - p))).sum())
        return float(chi2.sf(statistic, len(rated) - 1)), f"chi-square over {len(rated)} groups"
    if n_permutations:
        p_value = _permuted(tuple(k.tolist()), tuple(n.tolist()), n_permutations)
        return p_value, f"{n_permutations:,} permutations over {len(rated)} groups, as cells are thin for chi-square"
    least = min(holm, default=None)
    return least, "least Holm p of a group, as cells are too thin for chi-square"


@lru_cache(maxsize=4096)
def _permuted(k: tuple[int, ...], n: tuple[int, ...], n_permutations: int) -> float:
    """The p-value of counts, which is always the same: reports of a model ask for the same windows again and again."""
    rng = np.random.default_rng(SEED)
    return max_gap_p_value(
        np.array(k, dtype=np.int64), np.array(n, dtype=np.int64), rng=rng, n_permutations=n_permutations
    )


def range_interval(rated: Sequence[GroupRate], confidence: float, pairs: int) -> Interval:
    """The interval of the largest difference: where all pairs are covered at once, so is their maximum."""
    limits = [wilson(group.k, group.n, confidence=simultaneous(confidence, pairs)) for group in rated]
    p = np.array([group.k / group.n for group in rated])
    below = p - np.array([limit.low for limit in limits])
    above = np.array([limit.high for limit in limits]) - p
    difference = p[:, None] - p[None, :]
    low = difference - np.hypot(below[:, None], above[None, :])
    high = difference + np.hypot(above[:, None], below[None, :])
    np.fill_diagonal(high, 0.0)
    return Interval(low=max(0.0, float(low.max())), high=min(1.0, float(high.max())), confidence=confidence)


def unvalued(attribute: str, measure: str, *, segment: str = "", n: int = 0, why: str, convention: str) -> Measure:
    """A measure of a gap before it has a value; without one it is undefined, and `why` says why."""
    return Measure(
        family=Family.FAIRNESS,
        measure=measure,
        column=attribute,
        segment=segment,
        value=None,
        n=n,
        status=Status.UNDEFINED,
        why=why,
        convention=convention,
    )


def no_ratio(rate: str, where: str) -> str:
    """Why a ratio over a rate of 0 has no value."""
    what = "No selections" if rate == "selection_rate" else f"The {in_words(rate)} is 0"
    return f"{what} {where}: the ratio has no value."
