"""Groups within groups: cells of several attributes, thin ones drawn towards the whole."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv

from core.errors import InputError
from core.fairness.groups import GroupRate
from core.fairness.support import Cell
from core.fairness.wording import names
from core.measure import Interval

__all__ = ["DifferentialFairness", "SmoothedRate", "differential_fairness", "smoothed_rates"]

STRENGTH = 20.0  # rows that the prior counts for
DIRICHLET = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SmoothedRate:
    """A cell's rate drawn towards that of all rows; ``weight`` is the share its own rows have in it."""

    group: str
    n: int
    value: float
    interval: Interval
    weight: float


def smoothed_rates(
    rates: Sequence[GroupRate], *, strength: float = STRENGTH, confidence: float = 0.95
) -> tuple[SmoothedRate, ...]:
    """What is the best guess of each cell's rate, thin and empty ones among them?

    Parameters
    ----------
    rates : sequence of GroupRate
        One rate of all cells, at least one with rows.
    strength : float
        How many rows the prior at the rate of all rows counts for, above 0.
    confidence : float

    Returns
    -------
    tuple of SmoothedRate
        Posterior mean and equal-tailed credible interval of a beta prior. An empty cell has the prior's: what is
        shown for it is the whole, not the cell.

    Raises
    ------
    InputError
        If no cell has rows.

    References
    ----------
    J. R. Foulds et al. (2020), doi:10.1109/ICDE48307.2020.00203; N. M. Laird (1978), doi:10.2307/2529833, for
    drawing thin cells towards the whole.

    Examples
    --------
    >>> from core.fairness.groups import group_rate
    >>> cells = [group_rate(k, n, measure="selection_rate", group=g, n_rows=n) for g, k, n in
    ...          (("a", 300, 1000), ("b", 5, 5))]
    >>> [(each.group, round(each.value, 3), round(each.weight, 2)) for each in smoothed_rates(cells)]
    [('a', 0.3, 0.98), ('b', 0.443, 0.2)]
    """
    k, n = sum(each.k for each in rates), sum(each.n for each in rates)
    if not n:
        raise InputError("No cell has a rate to smooth.")
    centre = (k + 0.5) / (n + 1)
    tail = (1 - confidence) / 2
    found = []
    for each in rates:
        a, b = each.k + strength * centre, each.n - each.k + strength * (1 - centre)
        low, high = betaincinv(a, b, tail), betaincinv(a, b, 1 - tail)
        found.append(
            SmoothedRate(
                group=each.group,
                n=each.n,
                value=a / (a + b),
                interval=Interval(low=float(low), high=float(high), confidence=confidence),
                weight=each.n / (each.n + strength),
            )
        )
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferentialFairness:
    """How much the odds of any outcome may change from cell to cell: exp(-epsilon) to exp(epsilon)."""

    epsilon: float | None
    lowest: str
    highest: str
    n_cells: int
    n: int
    why: str


def differential_fairness(rates: Sequence[GroupRate], *, alpha: float = DIRICHLET) -> DifferentialFairness:
    """What is the largest log ratio of the chances of an outcome between two cells?

    Parameters
    ----------
    rates : sequence of GroupRate
        One rate of all cells.
    alpha : float
        Dirichlet smoothing: (k + alpha) / (n + 2 alpha), above 0.

    Returns
    -------
    DifferentialFairness
        ``epsilon`` is 0 where all cells are alike. It is a maximum over cells, so that chance alone raises it: it
        has no interval, and the test that all are alike stands beside it. Cells without rows are left out and named;
        ``epsilon`` is None with fewer than two.

    References
    ----------
    J. R. Foulds et al. (2020), doi:10.1109/ICDE48307.2020.00203.

    Examples
    --------
    >>> from core.fairness.groups import group_rate
    >>> cells = [group_rate(k, n, measure="selection_rate", group=g, n_rows=n) for g, k, n in
    ...          (("a", 60, 98), ("b", 30, 98))]
    >>> round(differential_fairness(cells).epsilon, 4), round(math.log(0.61 / 0.31), 4)
    (0.6769, 0.6769)
    """
    with_rows = [each for each in rates if each.n]
    left_out = [each.group for each in rates if not each.n]
    said = f" Left out for want of rows: {names(left_out)}." if left_out else ""
    if len(with_rows) < 2:
        why = f"Fewer than two cells have rows: not assessable.{said}"
        return DifferentialFairness(epsilon=None, lowest="", highest="", n_cells=len(with_rows), n=0, why=why)
    p = np.array([(each.k + alpha) / (each.n + 2 * alpha) for each in with_rows])
    epsilon = max(math.log(p.max() / p.min()), math.log((1 - p.min()) / (1 - p.max())))
    thin = sum(each.cell is Cell.LOW_SUPPORT for each in with_rows)
    return DifferentialFairness(
        epsilon=float(epsilon),
        lowest=with_rows[int(p.argmin())].group,
        highest=with_rows[int(p.argmax())].group,
        n_cells=len(with_rows),
        n=sum(each.n for each in with_rows),
        why=f"{len(with_rows)} cells, {thin} of them thin; Dirichlet smoothing with {alpha:g}.{said}",
    )
