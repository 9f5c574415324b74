"""By how much windows differ: deviations in standard errors, and variances that lend one another strength.

Windows differ by more than their rows explain. How much more is read from few windows, so that it is itself
uncertain: Student's law says what that costs.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, ndtri, polygamma, xlogy

from core.alarms.monitors import Windows

__all__ = ["as_normal", "as_student", "deviations", "squeeze_variances", "student_quantile"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def deviations(windows: Windows, centre: Floats, sigma: Floats, *, correlation: Floats, is_share: Bools) -> Floats:
    """How far does each window lie from a mean, in its standard errors?

    Of a share it is the signed root of the beta-binomial law's deviance (in Stirling's approximation), less
    its bias: its tails are a normal law's already where a window holds a few such rows, and where the rate
    itself varies from window to window; the plain deviation's upper tail is far too long there.

    Parameters
    ----------
    windows : Windows
    centre : float array of shape (n_windows, n_monitors)
    sigma : float array of shape (n_monitors,)
        Of a row's score; deviations of scores that never vary are 0.
    correlation : float array of shape (n_monitors,)
        Of two rows of one window.
    is_share : bool array of shape (n_monitors,)

    Returns
    -------
    float array of shape (n_windows, n_monitors)
        NaN without rows.

    Examples
    --------
    >>> one = Windows(n=np.array([[100.0]]), total=np.array([[9.0]]), total_of_squares=np.array([[9.0]]))
    >>> centre, none = np.array([[0.04]]), np.zeros(1)
    >>> [deviations(one, centre, np.array([0.2]), correlation=none, is_share=np.array([is_share])).round(2).item()
    ...     for is_share in (False, True)]
    [2.5, 2.28]
    """
    spread = 1.0 + np.maximum(windows.n - 1.0, 0.0) * correlation
    differs = sigma > 0
    z: Floats = differs * (windows.mean - centre) / np.where(differs, sigma, 1.0) * np.sqrt(windows.n / spread)
    share = np.flatnonzero(is_share)
    if share.size:
        p, x = np.clip(centre[:, share], 1e-9, 1 - 1e-9), windows.mean[:, share]
        n, phi = windows.n[:, share], spread[:, share]
        between = p / phi + x * (1 - 1 / phi)
        divergence = _divergence(x, between) + _divergence(p, between) / np.where(phi > 1, phi - 1, np.inf)
        skewness = (1 - 2 * p) * (2 * phi - 1) / np.sqrt(np.maximum(n, 1.0) * p * (1 - p) * phi)
        root = np.sign(x - p) * np.sqrt(2 * n * np.maximum(divergence, 0.0))
        z[:, share] = root + np.clip(skewness, -1.0, 1.0) / 6  # its mean would be that much below 0
    return z


def _divergence(p: Floats, q: Floats) -> Floats:
    """Kullback-Leibler, of one share from another."""
    return np.asarray(xlogy(p, p / q) + xlogy(1 - p, (1 - p) / (1 - q)), dtype=np.float64)


def squeeze_variances(variances: Floats, df: Floats) -> tuple[Floats, Floats]:
    """Variances that lend one another strength: each is drawn towards what all have in common.

    Parameters
    ----------
    variances, df : float arrays of shape (n,)
        Estimates and their degrees of freedom.

    Returns
    -------
    two float arrays of shape (n,)
        Moderated variances and their degrees of freedom, infinite where the estimates differ by chance alone.

    References
    ----------
    G. K. Smyth (2004), doi:10.2202/1544-6115.1027.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> squeezed, df = squeeze_variances(rng.chisquare(6, 200) / 6, np.full(200, 6.0))
    >>> bool(abs(squeezed - 1).max() < 0.1), bool(df.min() > 100)
    (True, True)
    """
    if variances.size < 3:
        return variances, df
    floor = 1e-5 * max(float(np.median(variances)), 1e-300)
    e = np.log(np.maximum(variances, floor)) - digamma(df / 2) + np.log(df / 2)
    excess = float(np.var(e, ddof=1) - polygamma(1, df / 2).mean())
    if excess <= 0:
        return np.full(variances.shape, math.exp(float(e.mean()))), np.full(df.shape, np.inf)
    prior_df = 2 * _inverse_trigamma(excess)
    prior = math.exp(float(e.mean()) + float(digamma(prior_df / 2)) - math.log(prior_df / 2))
    return (prior_df * prior + df * variances) / (prior_df + df), prior_df + df


def _inverse_trigamma(value: float) -> float:
    """The x at which the trigamma function is `value`, by Newton's method on 1 / trigamma."""
    x = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(polygamma(1, x))
        step = trigamma * (1 - trigamma / value) / float(polygamma(2, x))
        x += step
        if abs(step) < 1e-10 * x:
            break
    return x


def as_normal(t: Floats, df: Floats) -> Floats:
    """A Student t as the normal deviate of equal tail, by an approximation that has no far tail to lose.

    References
    ----------
    D. L. Wallace (1959), Bounds on normal approximations to Student's and the chi-square distributions.

    Examples
    --------
    >>> [float(z.round(2)) for z in as_normal(np.array([2.0, 5.0, 1e6]), np.array([6.0, 6.0, np.inf]))]
    [1.68, 3.02, 1000000.0]
    """
    finite = np.isfinite(df)
    nu = np.where(finite, df, 1.0)
    scaled = (8 * nu + 1) / (8 * nu + 3) * np.sqrt(nu * np.log1p(t**2 / nu))
    return np.where(finite, np.sign(t) * scaled, t)


def as_student(z: Floats, df: Floats) -> Floats:
    """The Student t that `as_normal` takes to a normal deviate, at least 0.

    Examples
    --------
    >>> as_student(as_normal(np.array([2.0, 5.0]), np.array([6.0, np.inf])), np.array([6.0, np.inf])).round(9).tolist()
    [2.0, 5.0]
    """
    finite = np.isfinite(df)
    nu = np.where(finite, df, 1.0)
    with np.errstate(over="ignore"):
        t = np.sqrt(nu * np.expm1((z * (8 * nu + 3) / (8 * nu + 1)) ** 2 / nu))
    return np.where(finite, t, z)


def student_quantile(tail: Floats, df: Floats) -> Floats:
    """The deviate that a Student t exceeds with probability `tail`; the normal law's where df is infinite."""
    from scipy.stats import t as student

    finite = np.isfinite(df)
    return np.where(finite, student.isf(tail, np.where(finite, df, 1.0)), -ndtri(tail))
