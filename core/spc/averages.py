"""What p, u and X-bar charts share: each point is a mean over n rows, whose standard error follows from n."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.spc.chart import ControlChart, as_base, drawn, per_point
from core.spc.dispersion import Dispersion, laney_sigma, shared_variance

__all__ = ["Averages", "averages_chart", "scores_of_rows"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
OfCentre = Callable[[Floats], Floats]

WORDS = {
    Dispersion.SAMPLING: "rows alone",
    Dispersion.LANEY: "Laney's sigma_z",
    Dispersion.SHARED: "variance that grows with n",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Averages:
    """Means over rows, and what a centre says of their variance.

    Attributes
    ----------
    value, n : float arrays of shape (..., n_points)
        NaN and 0 where there is none.
    row_variance : callable
        The variance of one row, given the centre at each point.
    excess : callable
        What rho is multiplied by in the variance 1 + excess * rho of a score, given the centre.
    most_shared : float
        The largest rho there can be: of a share it is a correlation.
    """

    value: Floats
    n: Floats
    row_variance: OfCentre
    excess: OfCentre
    most_shared: float = np.inf

    def error(self, centre: Floats) -> Floats:
        """The standard error that rows alone give each point."""
        with np.errstate(invalid="ignore", divide="ignore"):
            error: Floats = np.sqrt(self.row_variance(centre) / np.where(self.n > 0, self.n, np.nan))
        return error

    def mean(self, where: Bools, weight: Floats) -> Floats:
        """The weighted mean of the points in the base, shape (..., 1)."""
        total = np.where(where, weight, 0.0).sum(axis=-1, keepdims=True)
        summed = np.where(where, weight * np.where(where, self.value, 0.0), 0.0).sum(axis=-1, keepdims=True)
        return np.asarray(np.divide(summed, total, out=np.full(total.shape, np.nan), where=total > 0))


def scores_of_rows(averages: Averages, centre: Floats) -> Floats:
    """How far each point lies from the centre, in the standard errors that rows alone give."""
    error = averages.error(centre)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(error > 0, (averages.value - centre) / error, np.nan)


def averages_chart(
    kind: str,
    averages: Averages,
    *,
    base: ArrayLike | None,
    centre: ArrayLike | None,
    dispersion: Dispersion,
    sigma_z: ArrayLike | None,
    rho: ArrayLike | None,
    width: float,
    further: Mapping[str, ArrayLike],
    convention: str,
    floor: float = -np.inf,
    ceiling: float = np.inf,
) -> ControlChart:
    """The chart of means over rows; `further` holds standards that the caller estimated."""
    where = as_base(base, np.isfinite(averages.value) & (averages.n > 0))
    given = centre
    middle = averages.mean(where, averages.n) if given is None else np.asarray(given, dtype=np.float64)
    at_each = per_point(middle, averages.value, "centre")
    standards: dict[str, ArrayLike] = dict(further)
    factor = np.ones(averages.value.shape)
    if dispersion is Dispersion.LANEY:
        score = scores_of_rows(averages, at_each)
        standards["sigma_z"] = laney_sigma(score, base=where) if sigma_z is None else sigma_z
        factor = per_point(standards["sigma_z"], averages.value, "sigma_z")
    elif dispersion is Dispersion.SHARED:
        excess = averages.excess(at_each)
        if rho is None:
            found = shared_variance(scores_of_rows(averages, at_each), excess, base=where)
            rho = np.minimum(found, averages.most_shared)
        standards["rho"] = rho
        wider = np.maximum(np.where(np.isfinite(excess), excess, 0.0), 0.0)
        factor = np.sqrt(1 + wider * per_point(standards["rho"], averages.value, "rho"))
        if given is None:  # points of many rows weigh less once their rows share a shift
            middle = averages.mean(where, averages.n / factor**2)
            at_each = per_point(middle, averages.value, "centre")
    return drawn(
        kind,
        averages.value,
        n=averages.n,
        centre=at_each,
        error=averages.error(at_each) * factor,
        width=width,
        n_base=where.sum(axis=-1),
        standards={"centre": middle, **standards},
        convention=f"{convention}, {WORDS[dispersion]}, limits at {width:g} standard errors for each n",
        floor=floor,
        ceiling=ceiling,
    )
