"""Does the candidate treat groups more alike or less: each group's gap to all others, before and after."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.compare.means import PairedMeans, RowValues, agresti_min, paired_means
from core.compare.paired import too_few
from core.compare.rows import Groups
from core.compare.verdicts import Verdict, judge, verdict_words
from core.measure import Interval
from core.stats.contrasts import contrast_estimates
from core.stats.intervals import newcombe_difference

__all__ = ["GapChange", "gap_changes"]

CONVENTION = (
    "group minus all other rows {among}; gaps: Newcombe interval; change: MOVER of both sides' Agresti-Min intervals"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GapChange:
    """One group's rate minus that of all others, under the champion and under the candidate.

    ``n`` and ``n_rest`` count the rows of the rate's denominator inside and outside the group; ``change`` is
    ``candidate`` - ``champion``. BETTER and WORSE mean a narrower and a wider gap; where the gap changes sides,
    and neither is meant, SAME and CHANGED are used.
    """

    measure: str
    column: str
    group: str
    n: int
    n_rest: int
    champion: float | None
    champion_interval: Interval | None
    candidate: float | None
    candidate_interval: Interval | None
    change: float | None
    interval: Interval | None
    p_value: float | None
    margin: float
    verdict: Verdict
    why: str
    convention: str


def gap_changes(
    values: RowValues, groups: Groups, *, column: str, margin: float, min_rows: int, confidence: float = 0.95
) -> tuple[GapChange, ...]:
    """How far was each group's rate from everybody else's, and how far is it now?

    Parameters
    ----------
    values : RowValues
        Of a rate.
    groups : Groups
        Of ``column``.
    margin : float
        The largest change of a gap that doesn't matter.
    min_rows : int
        Below it, inside or outside the group, a change is INSUFFICIENT.
    confidence : float
        Of all intervals, in (0, 1).

    References
    ----------
    R. G. Newcombe (1998), doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I.
    G. Y. Zou, A. Donner (2008), doi:10.1002/sim.3095.
    """
    means = paired_means(values, groups.codes, n_cells=len(groups.names))
    inside = _counts(means)
    blank = GapChange(
        measure=values.measure,
        column=column,
        group="",
        n=0,
        n_rest=0,
        champion=None,
        champion_interval=None,
        candidate=None,
        candidate_interval=None,
        change=None,
        interval=None,
        p_value=None,
        margin=margin,
        verdict=Verdict.UNDEFINED,
        why="",
        convention=CONVENTION.format(among=values.among),
    )
    among = values.among
    changes = []
    for place, group in enumerate(groups.names):
        here, rest = inside[place], inside.sum(axis=0) - inside[place]
        gap = replace(blank, group=group, n=int(here[0]), n_rest=int(rest[0]))
        if gap.n and gap.n_rest:
            thin = too_few(gap.n, among, min_rows) or too_few(gap.n_rest, f"of all others {among}", min_rows)
            changes.append(_with_change(gap, here.tolist(), rest.tolist(), thin, confidence))
        else:
            lacking = "in this group" if gap.n_rest else "outside this group"
            changes.append(replace(gap, why=values.empty or f"No row {among} {lacking}."))
    return tuple(changes)


def _counts(means: PairedMeans) -> NDArray[np.int64]:
    """By cell: n, rows that are 1 under the champion, under the candidate, gained and lost; shape (n_cells, 5)."""
    sizes = np.where(means.n > 0, means.n, 1)
    before, after = (
        np.rint(np.nan_to_num(rate) * sizes).astype(np.int64) for rate in (means.champion, means.candidate)
    )
    return np.stack([means.n, before, after, means.gained, means.lost], axis=1)


def _with_change(gap: GapChange, here: list[int], rest: list[int], thin: str, confidence: float) -> GapChange:
    n, before, after, gained, lost = here
    n_rest, before_rest, after_rest, gained_rest, lost_rest = rest
    champion = before / n - before_rest / n_rest
    candidate = after / n - after_rest / n_rest
    shift = contrast_estimates(
        (gained_rest - lost_rest) / n_rest,
        agresti_min(gained_rest, lost_rest, n_rest, confidence=confidence),
        (gained - lost) / n,
        agresti_min(gained, lost, n, confidence=confidence),
    )
    verdict, why = Verdict.INSUFFICIENT, thin
    if not thin:
        aside = champion * candidate < 0 or champion == candidate == 0
        narrower = None if aside else champion + candidate < 0  # a gap below 0 narrows by rising
        verdict = judge(shift.interval, margin=gap.margin, higher_is_better=narrower)
        why = verdict_words(
            gap.measure,
            shift.difference,
            shift.interval,
            margin=gap.margin,
            higher_is_better=narrower,
            terms=("narrower", "wider"),
        )
    return replace(
        gap,
        champion=champion,
        champion_interval=newcombe_difference(before, n, before_rest, n_rest, confidence=confidence),
        candidate=candidate,
        candidate_interval=newcombe_difference(after, n, after_rest, n_rest, confidence=confidence),
        change=shift.difference,
        interval=shift.interval,
        p_value=shift.p_value,
        verdict=verdict,
        why=why,
    )
