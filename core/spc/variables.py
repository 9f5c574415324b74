"""Charts of what is measured: individuals with their moving range, means of groups with their range or spread."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import InputError
from core.spc.averages import Averages, averages_chart
from core.spc.chart import ControlChart, as_base, as_floats, drawn, mean_over, moving_ranges, per_point
from core.spc.dispersion import Dispersion
from core.spc.factors import c4, range_constants

__all__ = ["individuals_chart", "moving_range_chart", "r_chart", "s_chart", "xbar_chart"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def individuals_chart(
    x: ArrayLike,
    *,
    base: ArrayLike | None = None,
    centre: ArrayLike | None = None,
    sigma: ArrayLike | None = None,
    width: float = 3.0,
) -> ControlChart:
    """Which single values lie further from the mean than neighbouring values usually differ?

    Parameters
    ----------
    x : float array-like of shape (..., n_points)
        One value a point, NaN where there is none.
    base : bool array-like, optional
        The points that limits are estimated from; all, by default.
    centre : float array-like, optional
        The usual value, if it is given: one, one a series as (..., 1), or one a point (such as a weekday's).
    sigma : float array-like, optional
        The values' standard deviation, if given; else the mean moving range over 1.128. A moving range
        needs two neighbours of the base: none is taken across a gap or an excluded point.
    width : float
        Half the width of the limits in standard deviations, above 0.

    Returns
    -------
    ControlChart
        Its partner is `moving_range_chart`.

    References
    ----------
    D. C. Montgomery (2013), section 6.4; NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.2.2,
    doi:10.18434/M32189.

    Examples
    --------
    >>> chart = individuals_chart([49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1])
    >>> chart.centre.round(2).tolist()[0], chart.upper.round(4).tolist()[0], chart.lower.round(4).tolist()[0]
    (50.81, 55.8041, 45.8159)
    """
    values = as_floats(x, "x")
    where = as_base(base, np.isfinite(values))
    standards = {
        "centre": mean_over(values, where) if centre is None else centre,
        "sigma": _sigma_of_ranges(values, where, centre) if sigma is None else sigma,
    }
    return drawn(
        "individuals",
        values,
        n=np.isfinite(values).astype(np.float64),
        centre=np.asarray(standards["centre"], dtype=np.float64),
        error=np.asarray(standards["sigma"], dtype=np.float64),
        width=width,
        n_base=where.sum(axis=-1),
        standards=standards,
        convention=f"individuals chart, sigma from moving ranges, limits at {width:g} sigma",
    )


def moving_range_chart(
    x: ArrayLike, *, base: ArrayLike | None = None, sigma: ArrayLike | None = None, width: float = 3.0
) -> ControlChart:
    """At which points does a value jump further from the one before than values usually do?

    Parameters
    ----------
    x, base, sigma, width
        As for `individuals_chart`.

    References
    ----------
    D. C. Montgomery (2013), section 6.4.

    Examples
    --------
    >>> chart = moving_range_chart([49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1])
    >>> chart.centre.round(4).tolist()[1], chart.upper.round(4).tolist()[1], chart.lower.tolist()[1]
    (1.8778, 6.1347, 0.0)
    """
    values = as_floats(x, "x")
    where = as_base(base, np.isfinite(values))
    two = range_constants(2)
    spread = _sigma_of_ranges(values, where, None) if sigma is None else np.asarray(sigma, dtype=np.float64)
    ranges = moving_ranges(values)
    within = _ranges_within(where)
    return drawn(
        "moving range",
        ranges,
        n=2.0 * np.isfinite(ranges),
        centre=two.d2 * spread,
        error=two.d2 * spread * (two.upper - 1) / 3,
        width=width,
        n_base=within.sum(axis=-1),
        standards={"sigma": spread},
        convention=f"moving range of two points, limits at {width:g} of its standard deviations",
        floor=0.0,
    )


def xbar_chart(
    mean: ArrayLike,
    n: ArrayLike,
    *,
    sd: ArrayLike | None = None,
    ranges: ArrayLike | None = None,
    sigma: ArrayLike | None = None,
    base: ArrayLike | None = None,
    centre: ArrayLike | None = None,
    dispersion: Dispersion = Dispersion.SAMPLING,
    sigma_z: ArrayLike | None = None,
    rho: ArrayLike | None = None,
    width: float = 3.0,
) -> ControlChart:
    """Which group means lie further from the overall mean than the spread inside groups explains?

    Parameters
    ----------
    mean : float array-like of shape (..., n_points)
        Of each group, NaN where there is none.
    n : array-like that broadcasts to `mean`
        Values in each group; it may vary.
    sd, ranges, sigma : exactly one of them
        Each group's standard deviation (with n - 1), or its range (of at most 25 values, n the same
        throughout), from which sigma is estimated; or sigma itself, where a point's standard error is
        sigma / sqrt(n).
    base, centre, width
        As for `individuals_chart`; the mean of the base is weighted by n.
    dispersion, sigma_z, rho
        As for `p_chart`: a mean of thousands of rows varies by more than its rows explain.

    Returns
    -------
    ControlChart
        Its partner is `s_chart` or `r_chart`.

    Raises
    ------
    InputError
        If none or several of sd, ranges and sigma are given, or ranges with an n that varies.

    References
    ----------
    D. C. Montgomery (2013), sections 6.2 and 6.3; I. W. Burr (1969) for sigma where n varies.

    Examples
    --------
    >>> chart = xbar_chart([10.2, 9.9, 10.0], 5, sd=[0.5, 0.6, 0.4])
    >>> chart.upper.round(3).tolist()[0], chart.signal.tolist()
    (10.747, [0, 0, 0])
    """
    means = as_floats(mean, "mean")
    size = per_point(n, means, "n")
    usable = np.isfinite(means) & (size > 0)
    means, size = np.where(usable, means, np.nan), np.where(usable, size, 0.0)
    where = as_base(base, usable)
    if sum(given is not None for given in (sd, ranges, sigma)) != 1:
        raise InputError("Give exactly one of sd, ranges and sigma: what the spread inside groups is known from.")
    if sd is not None:
        within, by = _sigma_of_sds(as_floats(sd, "sd"), size, where), "S"
    elif ranges is not None:
        within, by = _sigma_of_group_ranges(as_floats(ranges, "ranges"), size, where), "R"
    else:
        within, by = np.asarray(sigma, dtype=np.float64), "sigma"
    variance = per_point(within, means, "sigma") ** 2
    groups = Averages(value=means, n=size, row_variance=lambda _: variance, excess=lambda _: size - 1)
    return averages_chart(
        "X-bar",
        groups,
        base=where,
        centre=centre,
        dispersion=dispersion,
        sigma_z=sigma_z,
        rho=rho,
        width=width,
        further={"sigma": within},
        convention=f"X-bar chart by {by}",
    )


def r_chart(
    ranges: ArrayLike,
    n: int,
    *,
    base: ArrayLike | None = None,
    sigma: ArrayLike | None = None,
    width: float = 3.0,
) -> ControlChart:
    """In which groups do the values spread over an unusually wide or narrow range?

    Parameters
    ----------
    ranges : float array-like of shape (..., n_points)
        Largest minus smallest value of each group.
    n : int
        Values in each group, 2 to 25.
    base, sigma, width
        As for `individuals_chart`.

    References
    ----------
    D. C. Montgomery (2013), section 6.2.

    Examples
    --------
    >>> r_chart([0.32, 0.33, 0.325], 5).upper.round(4).tolist()[0]
    0.6871
    """
    values = as_floats(ranges, "ranges")
    where = as_base(base, np.isfinite(values))
    size = per_point(float(n), values, "n")
    spread = _sigma_of_group_ranges(values, size, where) if sigma is None else np.asarray(sigma, dtype=np.float64)
    constants = range_constants(n)
    return drawn(
        "R",
        values,
        n=np.where(np.isfinite(values), float(n), 0.0),
        centre=constants.d2 * spread,
        error=constants.d2 * spread * (constants.upper - 1) / 3,
        width=width,
        n_base=where.sum(axis=-1),
        standards={"sigma": spread},
        convention=f"R chart, limits at {width:g} standard deviations of a range",
        floor=0.0,
    )


def s_chart(
    sd: ArrayLike,
    n: ArrayLike,
    *,
    base: ArrayLike | None = None,
    sigma: ArrayLike | None = None,
    width: float = 3.0,
) -> ControlChart:
    """In which groups do the values spread unusually much or little?

    Parameters
    ----------
    sd : float array-like of shape (..., n_points)
        The standard deviation (with n - 1) of each group.
    n : array-like that broadcasts to `sd`
        Values in each group; it may vary. A group of one has no spread and no point.
    base, sigma, width
        As for `individuals_chart`.

    References
    ----------
    D. C. Montgomery (2013), section 6.3.

    Examples
    --------
    >>> s_chart([0.94, 0.94], 5, sigma=1.0).upper.round(3).tolist()[0]
    1.964
    """
    values = as_floats(sd, "sd")
    size = per_point(n, values, "n")
    usable = np.isfinite(values) & (size >= 2)
    values = np.where(usable, values, np.nan)
    where = as_base(base, usable)
    spread = _sigma_of_sds(values, size, where) if sigma is None else np.asarray(sigma, dtype=np.float64)
    shrink = c4(size)
    at_each = per_point(spread, values, "sigma")
    return drawn(
        "S",
        values,
        n=np.where(usable, size, 0.0),
        centre=shrink * at_each,
        error=np.sqrt(1 - shrink**2) * at_each,
        width=width,
        n_base=where.sum(axis=-1),
        standards={"sigma": spread},
        convention=f"S chart, limits at {width:g} standard deviations of a standard deviation",
        floor=0.0,
    )


def _ranges_within(where: Bools) -> Bools:
    """Points whose moving range lies inside the base: they and the point before belong to it."""
    within = np.zeros(where.shape, dtype=bool)
    within[..., 1:] = where[..., 1:] & where[..., :-1]
    return within


def _sigma_of_ranges(values: Floats, where: Bools, centre: ArrayLike | None) -> Floats:
    """The mean moving range of the base over 1.128, of what is left when each point's own centre is taken off."""
    left = values if centre is None else values - per_point(centre, values, "centre")
    return mean_over(moving_ranges(left), _ranges_within(where)) / range_constants(2).d2


def _sigma_of_group_ranges(ranges: Floats, size: Floats, where: Bools) -> Floats:
    sizes = np.unique(size[where])
    if sizes.size > 1:
        raise InputError("Ranges need groups of one size; give standard deviations where n varies.")
    if sizes.size == 0:
        return np.full((*ranges.shape[:-1], 1), np.nan)
    return mean_over(ranges, where) / range_constants(int(sizes[0])).d2


def _sigma_of_sds(sd: Floats, size: Floats, where: Bools) -> Floats:
    """The mean of the groups' standard deviations over c4, the better known ones weighing more."""
    shrink = c4(size)
    usable = where & np.isfinite(sd) & np.isfinite(shrink)
    weight = np.where(usable, shrink**2 / np.where(usable, 1 - shrink**2, 1.0), 0.0)
    total = weight.sum(axis=-1, keepdims=True)
    summed = np.where(usable, weight * sd / np.where(usable, shrink, 1.0), 0.0).sum(axis=-1, keepdims=True)
    return np.asarray(np.divide(summed, total, out=np.full(total.shape, np.nan), where=total > 0))
