"""Logistic regression of counts: how a rate depends on a few numbers that whole groups of rows share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

__all__ = ["LogisticFit", "logistic_fit"]

Floats = NDArray[np.float64]

MAX_STEPS = 60
TOLERANCE = 1e-10
MOST = 30.0  # a coefficient beyond it says that the groups are separated


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LogisticFit:
    """Coefficients of shape (k,) and their covariance; `converged` is False where the groups are separated."""

    coefficients: Floats
    covariance: Floats
    converged: bool


def logistic_fit(
    design: Floats, successes: Floats, n: Floats, *, offset: Floats | None = None, penalty: float = 0.0
) -> LogisticFit:
    """How do the log-odds of success depend on what groups of rows have in common?

    Parameters
    ----------
    design : float array of shape (n_groups, k)
        One row a group; a column of ones for the intercept.
    successes, n : float arrays of shape (n_groups,)
        0 <= successes <= n; they may be weighted counts.
    offset : float array of shape (n_groups,), optional
        Added to the log-odds as it is.
    penalty : float
        Half of it times the sum of squared coefficients is taken off the log-likelihood; above 0 it keeps a
        fit finite where groups are separated.

    Returns
    -------
    LogisticFit
        By Newton's method; the covariance is the inverse of the information.

    References
    ----------
    P. McCullagh, J. A. Nelder (1989), Generalized Linear Models, chapter 4, doi:10.1201/9780203753736.

    Examples
    --------
    >>> dose = np.array([0.0, 1.0, 2.0])
    >>> fit = logistic_fit(np.column_stack([dose**0, dose]), np.array([10.0, 27, 73]), np.full(3, 100.0))
    >>> fit.coefficients.round(2).tolist(), fit.converged
    ([-2.46, 1.68], True)
    """
    shift = np.zeros(n.shape) if offset is None else offset
    k = design.shape[1]
    ridge = penalty * np.eye(k)
    beta = np.zeros(k)
    information = ridge + np.eye(k)
    converged = False
    for _ in range(MAX_STEPS):
        rate = expit(design @ beta + shift)
        information = design.T @ (design * (n * rate * (1 - rate))[:, None]) + ridge
        gradient = design.T @ (successes - n * rate) - penalty * beta
        step = np.linalg.lstsq(information, gradient, rcond=None)[0]
        largest = float(np.abs(step).max(initial=0.0))
        beta = beta + step * min(1.0, 4.0 / largest if largest else 1.0)
        if largest < TOLERANCE:
            converged = True
            break
        if float(np.abs(beta).max(initial=0.0)) > 10 * MOST:
            break
    converged = converged and bool(np.linalg.matrix_rank(information) == k)
    covariance: Floats = np.linalg.pinv(information).astype(np.float64)
    return LogisticFit(coefficients=beta, covariance=covariance, converged=converged)
