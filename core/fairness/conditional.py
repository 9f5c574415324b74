"""Parity among rows that are alike in a legitimate respect: groups compared inside strata, and pooled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from core.errors import InputError
from core.fairness.groups import GroupRate, GroupRates
from core.fairness.wording import in_words, points
from core.stats.intervals import newcombe_difference
from core.stats.multiplicity import holm
from core.stats.stratified import MantelHaenszel, mantel_haenszel

__all__ = ["ConditionalGap", "conditional_gaps"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionalGap:
    """One group against the rest: as they stand (crude), and inside the same stratum, pooled.

    ``crude`` and ``pooled.risk_difference`` have opposite signs where the mix of strata alone makes the gap
    (Simpson's paradox). ``p_value`` is Cochran, Mantel and Haenszel's, adjusted by Holm over the groups.
    """

    attribute: str
    rate: str
    group: str
    n: int
    crude: float | None
    crude_interval: tuple[float, float] | None
    pooled: MantelHaenszel
    p_value: float | None
    n_strata: int
    why: str

    @property
    def changes_sides(self) -> bool:
        """Whether the gap turns round once like is compared with like."""
        inside = self.pooled.risk_difference
        return self.crude is not None and inside is not None and self.crude * inside < 0


def conditional_gaps(
    strata: Mapping[str, GroupRates], *, attribute: str, rate: str = "selection_rate"
) -> tuple[ConditionalGap, ...]:
    """Does a group still differ from the rest among rows of the same stratum?

    Parameters
    ----------
    strata : mapping of stratum to GroupRates
        The rates of each stratum of a factor that may legitimately matter, at least one.
    attribute : str
    rate : str

    Returns
    -------
    tuple of ConditionalGap
        In the order in which groups appear. A stratum that holds no row of the group, or only its rows, says nothing
        and is left out; `pooled.n_left_out` counts its rows.

    Raises
    ------
    InputError
        Without strata.

    References
    ----------
    S. Corbett-Davies et al. (2017), doi:10.1145/3097983.3098095; the pooling as in `core.stats.stratified`.

    Examples
    --------
    >>> from core.fairness.groups import group_rates
    >>> def stratum(*groups):  # selected, rows of a and of b
    ...     table = np.zeros((3, 3, 2), dtype=np.int64)
    ...     for place, (k, n) in enumerate(groups):
    ...         table[1, 2, place], table[0, 2, place] = k, n - k
    ...     return group_rates(table, group_names=("a", "b"), positive=1, favourable=1)
    >>> strata = {"engineering": stratum((80, 100), (300, 400)), "arts": stratum((60, 300), (10, 60))}
    >>> gap = conditional_gaps(strata, attribute="sex")[0]
    >>> round(gap.crude, 2), round(gap.pooled.risk_difference, 2), gap.changes_sides
    (-0.32, 0.04, True)
    """
    if not strata:
        raise InputError("Parity inside strata needs at least one stratum.")
    names = list(dict.fromkeys(each.group for rates in strata.values() for each in rates.of(rate)))
    found = [_gap(name, strata, attribute, rate) for name in names]
    tested = [place for place, gap in enumerate(found) if gap.pooled.p_value is not None]
    raw = [found[place].pooled.p_value or 0.0 for place in tested]
    adjusted = raw if len(names) == 2 else holm(raw).tolist()
    by_place = dict(zip(tested, adjusted, strict=True))
    return tuple(replace(gap, p_value=by_place.get(place)) for place, gap in enumerate(found))


def _gap(name: str, strata: Mapping[str, GroupRates], attribute: str, rate: str) -> ConditionalGap:
    cells = []
    for rates in strata.values():
        groups = rates.of(rate)
        own = [each for each in groups if each.group == name]
        rest = [each for each in groups if each.group != name]
        cells.append((*_sum(own), *_sum(rest)))
    k1, n1, k2, n2 = np.array(cells, dtype=np.int64).T
    pooled = mantel_haenszel(k1, n1, k2, n2)
    crude = limits = None
    if n1.sum() and n2.sum():
        crude = float(k1.sum() / n1.sum() - k2.sum() / n2.sum())
        interval = newcombe_difference(int(k1.sum()), int(n1.sum()), int(k2.sum()), int(n2.sum()))
        limits = (interval.low, interval.high)
    return ConditionalGap(
        attribute=attribute,
        rate=rate,
        group=name,
        n=int(n1.sum()),
        crude=crude,
        crude_interval=limits,
        pooled=pooled,
        p_value=None,
        n_strata=len(strata),
        why=_why(name, rate, crude, pooled),
    )


def _sum(rates: list[GroupRate]) -> tuple[int, int]:
    return sum(each.k for each in rates), sum(each.n for each in rates)


def _why(name: str, rate: str, crude: float | None, pooled: MantelHaenszel) -> str:
    if crude is None or pooled.risk_difference is None:
        return f"{name}: no stratum holds rows of this group and of others."
    inside, way = pooled.risk_difference, "higher" if pooled.risk_difference > 0 else "lower"
    said = f"{name}: inside the same stratum the {in_words(rate)} is {points(inside)} {way} than that of the rest"
    return f"{said}, as it stands {points(crude)} {'higher' if crude > 0 else 'lower'}."
