"""Impact ratios as New York City asks for them: every category's rate over that of the most selected one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import InputError
from core.fairness.groups import GroupRate, group_rate
from core.fairness.scores import GroupScores
from core.profile.spec import OTHER_GROUP, UNKNOWN_GROUP
from core.stats.exact import fisher_p_value
from core.stats.multiplicity import holm

__all__ = ["PLACEHOLDERS", "ImpactRow", "ImpactTable", "impact_table", "scoring_rates"]

PLACEHOLDERS = (UNKNOWN_GROUP, OTHER_GROUP)
LESS = "Less than {share:.0%} of all: may be left out of the ratios, with a reason."


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpactRow:
    """One category: how many there are, how many were selected, the rate and its ratio to the highest.

    ``impact_ratio`` is None where there is no rate, or where the category holds too little to be in the ratios and
    would exceed 1. ``p_value`` is Fisher's against the most selected category, Holm's over all pairs, as that one was
    picked by the data; it is no part of what the law asks for.
    """

    category: str
    n: int
    selected: int
    rate: float | None
    impact_ratio: float | None
    p_value: float | None
    share: float
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpactTable:
    """Categories of one kind, those of whom it isn't known left out and counted; the most selected has the ratio 1."""

    rows: tuple[ImpactRow, ...]
    n_unknown: int
    most_selected: str
    min_share: float


def impact_table(
    rates: Sequence[GroupRate], *, min_share: float = 0.02, unknown: Collection[str] = PLACEHOLDERS
) -> ImpactTable:
    """What must be published of a selection: rates and impact ratios by category.

    Parameters
    ----------
    rates : sequence of GroupRate
        Selection rates, or scoring rates, of every category.
    min_share : float
        Categories with a smaller share of all are noted, and can't be the most selected.
    unknown : collection of str
        The groups of whom it isn't known what they are.

    Returns
    -------
    ImpactTable
        In the order given. Unknown rows and groups are counted in `n_unknown` and in no rate.

    References
    ----------
    6 RCNY 5-300 and 5-301.

    Examples
    --------
    >>> rates = [group_rate(k, n, measure="selection_rate", group=g, n_rows=n)
    ...          for g, k, n in (("Male", 667, 1390), ("Female", 555, 1181), ("Unknown", 100, 250))]
    >>> table = impact_table(rates)
    >>> [(row.category, round(row.rate, 2), round(row.impact_ratio, 3)) for row in table.rows], table.n_unknown
    ([('Male', 0.48, 1.0), ('Female', 0.47, 0.979)], 250)
    """
    known = [each for each in rates if each.group not in unknown]
    n_all = sum(each.n for each in known)
    counted = [each for each in known if each.n and each.n >= min_share * n_all]
    best = max(counted, key=lambda each: each.k / each.n, default=None)
    raw = {
        each.group: fisher_p_value(each.k, each.n, best.k, best.n)
        for each in counted
        if best is not None and each is not best
    }
    pairs = len(counted) * (len(counted) - 1) // 2
    adjusted = dict(zip(raw, holm(list(raw.values()), n_hypotheses=pairs).tolist(), strict=True)) if raw else {}
    return ImpactTable(
        rows=tuple(_row(each, best, n_all, adjusted.get(each.group), min_share) for each in known),
        n_unknown=sum(each.n for each in rates if each.group in unknown),
        most_selected="" if best is None else best.group,
        min_share=min_share,
    )


def _row(each: GroupRate, best: GroupRate | None, n_all: int, p_value: float | None, min_share: float) -> ImpactRow:
    share = each.n / n_all if n_all else 0.0
    is_small = share < min_share
    ratio = None
    if each.n and best is not None and best.k:
        ratio = each.k * best.n / (each.n * best.k)
    note = LESS.format(share=min_share) if is_small and each.n else each.why if not each.n else ""
    if is_small and ratio is not None and ratio > 1:
        ratio, note = None, f"{note} Its rate is above the highest of the others."
    if each.n and best is not None and not best.k:
        note = f"{note} Nobody is selected: the ratio has no value.".strip()
    return ImpactRow(
        category=each.group,
        n=each.n,
        selected=each.k,
        rate=each.value,
        impact_ratio=ratio,
        p_value=p_value,
        share=share,
        note=note,
    )


def scoring_rates(
    scores: GroupScores, *, higher_is_better: bool = True, min_support: int = 30
) -> tuple[GroupRate, ...]:
    """Of every category, the share that scores above the median of the whole sample: a scoring rate.

    Parameters
    ----------
    scores : GroupScores
        All rows with a score count.
    higher_is_better : bool
        Whether a high score is good for the person; if not, the share below the median is meant.
    min_support : int

    Raises
    ------
    InputError
        If nobody has a score.

    References
    ----------
    6 RCNY 5-300, "scoring rate".

    Examples
    --------
    >>> from core.stats.binning import NumericBins
    >>> bins = NumericBins(ends=(1.0, 2.0, 3.0), low=1.0, exact=False)
    >>> rows = np.zeros((10, 2), dtype=np.int64)
    >>> rows[:3] = [[10, 30], [20, 10], [30, 0]]
    >>> unlabelled = np.zeros((10, 2, 2), dtype=np.int64)
    >>> scores = GroupScores(rows=rows, by_class=unlabelled, bins=bins, group_names=("a", "b"))
    >>> [(each.group, each.k, each.n) for each in scoring_rates(scores)]
    [('a', 30, 60), ('b', 0, 40)]
    """
    rows = scores.regular(scores.rows)
    by_score = rows.sum(axis=1)
    n = int(by_score.sum())
    if not n:
        raise InputError("A scoring rate needs rows with a score.")
    cumulated = np.cumsum(by_score)
    low, high = (scores.values[int(np.searchsorted(cumulated, rank))] for rank in ((n + 1) // 2, n // 2 + 1))
    median = (low + high) / 2
    side = scores.values > median if higher_is_better else scores.values < median
    return tuple(
        group_rate(
            int(rows[side, place].sum()),
            int(rows[:, place].sum()),
            measure="selection_rate",
            group=scores.group_names[place],
            n_rows=int(rows[:, place].sum()),
            min_support=min_support,
        )
        for place in scores.shown
    )
