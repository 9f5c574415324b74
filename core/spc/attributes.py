"""Charts of what is counted: p and np for shares of rows, c and u for events, with n that varies."""

from __future__ import annotations

from dataclasses import replace
from typing import TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import InputError
from core.spc.averages import Averages, averages_chart
from core.spc.chart import ControlChart, as_floats, outside
from core.spc.dispersion import ALMOST_ONE, Dispersion
from core.spc.tails import binomial_tails, poisson_tails

__all__ = ["c_chart", "np_chart", "p_chart", "u_chart"]

Floats = NDArray[np.float64]

ZERO = np.zeros(1)


class Options(TypedDict, total=False):
    """The keywords that all charts of counts take; `p_chart` describes them."""

    base: ArrayLike | None
    centre: ArrayLike | None
    dispersion: Dispersion
    sigma_z: ArrayLike | None
    rho: ArrayLike | None
    width: float
    exact: bool


def p_chart(
    k: ArrayLike,
    n: ArrayLike,
    *,
    base: ArrayLike | None = None,
    centre: ArrayLike | None = None,
    dispersion: Dispersion = Dispersion.SAMPLING,
    sigma_z: ArrayLike | None = None,
    rho: ArrayLike | None = None,
    width: float = 3.0,
    exact: bool = False,
) -> ControlChart:
    """At which points is a share of rows further from its usual value than chance explains?

    Parameters
    ----------
    k, n : int array-like of shape (..., n_points)
        Rows that have the attribute, and all rows, of each point in order; 0 <= k <= n. A point with n = 0, or
        with a NaN, has no value.
    base : bool array-like, optional
        The points that limits are estimated from; all, by default.
    centre : float array-like, optional
        The usual share, if it is given: one, one a series as (..., 1), or one a point.
    dispersion : Dispersion
        SAMPLING is the plain p chart, LANEY is p', SHARED the beta-binomial chart.
    sigma_z, rho : float array-like, optional
        Laney's factor, or the correlation of two rows of a point, if given; else estimated from the base.
    width : float
        Half the width of the limits in standard errors, above 0.
    exact : bool
        Limits and scores by the binomial or beta-binomial law of each point instead of the normal one: for one
        series, and not with LANEY.

    Returns
    -------
    ControlChart
        Limits centre +/- width * sigma_z * sqrt(centre * (1 - centre) / n * (1 + (n - 1) * rho)), cut to
        [0, 1]; a point on a limit does not signal. A centre of 0 or 1 gives no limits, as no rows differ.

    Raises
    ------
    InputError
        If counts, base or width are out of their domain.

    References
    ----------
    D. C. Montgomery (2013), chapter 7. D. B. Laney (2002), doi:10.1081/QEN-120003555. J. G. Skellam (1948),
    Journal of the Royal Statistical Society B 10, 257-261.

    Examples
    --------
    >>> chart = p_chart([12, 19, 10], [50, 50, 50], centre=0.2)
    >>> chart.lower.round(4).tolist(), chart.upper.round(4).tolist(), chart.signal.tolist()
    ([0.0303, 0.0303, 0.0303], [0.3697, 0.3697, 0.3697], [0, 1, 0])
    """
    counts, rows = _counted(k, n)
    usable = np.isfinite(counts) & (rows > 0)
    n_rows = np.where(usable, rows, 0.0)
    share = np.divide(counts, rows, out=np.full(counts.shape, np.nan), where=usable)
    shares = Averages(
        value=share,
        n=n_rows,
        row_variance=lambda c: c * (1 - c),
        excess=lambda _: n_rows - 1,
        most_shared=ALMOST_ONE,
    )
    chart = averages_chart(
        "p",
        shares,
        base=base,
        centre=centre,
        dispersion=dispersion,
        sigma_z=sigma_z,
        rho=rho,
        width=width,
        further={},
        convention="p chart",
        floor=0.0,
        ceiling=1.0,
    )
    if not exact:
        return chart
    _check_exact(share, dispersion)
    n_rows = np.where(np.isfinite(chart.score), n_rows, 0.0)
    middle = np.where(n_rows > 0, chart.centre, 0.5)
    score, low, high = binomial_tails(counts, n_rows, p=middle, rho=chart.standards.get("rho", ZERO), width=width)
    return _exact(chart, score, limits=(low, high), n=n_rows, width=width)


def np_chart(k: ArrayLike, n: ArrayLike, **options: Unpack[Options]) -> ControlChart:
    """The p chart in counts: at which points are unusually many or few of the rows counted?

    Parameters
    ----------
    k, n, options
        As for `p_chart`; its limits are those of the p chart times n.

    Examples
    --------
    >>> chart = np_chart([12, 19, 10], [50, 50, 50], centre=0.2)
    >>> chart.centre.tolist(), chart.upper.round(2).tolist(), chart.signal.tolist()
    ([10.0, 10.0, 10.0], [18.49, 18.49, 18.49], [0, 1, 0])
    """
    chart = p_chart(k, n, **options)
    return replace(
        chart,
        kind="np",
        statistic=chart.statistic * chart.n,
        centre=chart.centre * chart.n,
        lower=chart.lower * chart.n,
        upper=chart.upper * chart.n,
        convention=f"n{chart.convention}",
    )


def u_chart(
    k: ArrayLike,
    n: ArrayLike,
    *,
    base: ArrayLike | None = None,
    centre: ArrayLike | None = None,
    dispersion: Dispersion = Dispersion.SAMPLING,
    sigma_z: ArrayLike | None = None,
    rho: ArrayLike | None = None,
    width: float = 3.0,
    exact: bool = False,
) -> ControlChart:
    """At which points are there more or fewer events a unit than chance explains?

    Parameters
    ----------
    k : int array-like of shape (..., n_points)
        Events, 0 or more; a unit may hold several.
    n : float array-like of the same shape
        Units (rows, hours) in which they were counted, 0 or more; a point with n = 0 has no value.
    base, centre, dispersion, sigma_z, rho, width, exact
        As for `p_chart`: LANEY is u', SHARED is the negative binomial law with variance m * (1 + m * rho) of an
        expected count m.

    Returns
    -------
    ControlChart
        Limits centre +/- width * sigma_z * sqrt(centre / n * (1 + n * centre * rho)), cut at 0.

    References
    ----------
    D. C. Montgomery (2013), chapter 7. D. B. Laney (2002), doi:10.1081/QEN-120003555.

    Examples
    --------
    >>> chart = u_chart([16, 31], [1.0, 1.0], centre=16.0)
    >>> chart.lower.tolist(), chart.upper.tolist(), chart.signal.tolist()
    ([4.0, 4.0], [28.0, 28.0], [0, 1])
    """
    counts, units = _counted(k, n, shares=False)
    usable = np.isfinite(counts) & (units > 0)
    n_units = np.where(usable, units, 0.0)
    rate = np.divide(counts, units, out=np.full(counts.shape, np.nan), where=usable)
    rates = Averages(value=rate, n=n_units, row_variance=lambda c: c, excess=lambda c: n_units * c)
    chart = averages_chart(
        "u",
        rates,
        base=base,
        centre=centre,
        dispersion=dispersion,
        sigma_z=sigma_z,
        rho=rho,
        width=width,
        further={},
        convention="u chart",
        floor=0.0,
    )
    if not exact:
        return chart
    _check_exact(rate, dispersion)
    expected = np.where(np.isfinite(chart.score), chart.centre * n_units, np.nan)
    score, low, high = poisson_tails(counts, mean=expected, rho=chart.standards.get("rho", ZERO), width=width)
    return _exact(chart, score, limits=(low, high), n=n_units, width=width)


def c_chart(k: ArrayLike, **options: Unpack[Options]) -> ControlChart:
    """The u chart of one unit a point: at which points are there unusually many or few events?

    Parameters
    ----------
    k, options
        As for `u_chart`.

    References
    ----------
    NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.3.1, doi:10.18434/M32189.

    Examples
    --------
    >>> c_chart([28, 31], centre=16.0).signal.tolist()  # 28 lies on the limit
    [0, 1]
    """
    counts = as_floats(k, "k")
    chart = u_chart(counts, np.ones(counts.shape), **options)
    return replace(
        chart, kind="c", convention=chart.convention.replace("u chart", "c chart").replace(" for each n", "")
    )


def _counted(k: ArrayLike, n: ArrayLike, *, shares: bool = True) -> tuple[Floats, Floats]:
    """Counts and what they are of, missing together; raises InputError for what no count can be."""
    counts, rows = as_floats(k, "k"), as_floats(n, "n")
    if counts.shape != rows.shape:
        raise InputError(f"k and n must have one shape, got {counts.shape} and {rows.shape}.")
    told = np.isfinite(counts) & np.isfinite(rows)
    counts, rows = np.where(told, counts, np.nan), np.where(told, rows, np.nan)
    if (counts[told] < 0).any() or (rows[told] < 0).any() or (shares and (counts[told] > rows[told]).any()):
        raise InputError(f"Counts must satisfy {'0 <= k <= n' if shares else 'k >= 0 and n >= 0'} at every point.")
    if (counts[told] % 1).any() or (shares and (rows[told] % 1).any()):
        raise InputError(f"{'k and n' if shares else 'k'} must be whole numbers.")
    return counts, rows


def _check_exact(value: Floats, dispersion: Dispersion) -> None:
    if value.ndim != 1:
        raise InputError(f"Exact limits are of one series, got points of shape {value.shape}.")
    if dispersion is Dispersion.LANEY:
        raise InputError("Laney's sigma_z belongs to no law of counts: exact limits need SAMPLING or SHARED.")


def _exact(
    chart: ControlChart, score: Floats, *, limits: tuple[Floats, Floats], n: Floats, width: float
) -> ControlChart:
    """The chart with scores and limits of its points' own law; the limits are given as counts."""
    known = np.isfinite(chart.score)
    score = np.where(known, score, np.nan)
    size = np.where(known, n, np.nan)
    return replace(
        chart,
        score=score,
        lower=limits[0] / size,
        upper=limits[1] / size,
        signal=outside(score, width),
        convention=chart.convention.replace(
            f"limits at {width:g} standard errors for each n", f"exact limits as rare as {width:g} sigma for each n"
        ),
    )
