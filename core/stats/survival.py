"""Times until something happens, where some are still waited for: the share it has happened to, and groups compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

__all__ = ["LogRank", "kaplan_meier", "log_rank"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def kaplan_meier(events: Ints, at_risk: Ints) -> tuple[Floats, Floats]:
    """To which share has it not happened yet, by time, and how sure is that?

    Parameters
    ----------
    events, at_risk : int arrays of shape (..., n_times)
        How many it happened to at each time, and how many were waited for until then.

    Returns
    -------
    two float arrays of shape (..., n_times)
        The product-limit estimate after each time, and Greenwood's variance of it. Where nobody is at risk
        the share stays what it was.

    References
    ----------
    E. L. Kaplan, P. Meier (1958), doi:10.1080/01621459.1958.10501452.

    Examples
    --------
    >>> shares, variances = kaplan_meier(np.array([1, 0, 2]), np.array([4, 3, 2]))
    >>> shares.tolist(), variances.round(4).tolist()
    ([0.75, 0.75, 0.0], [0.0469, 0.0469, 0.0])
    """
    here = np.maximum(at_risk, 1)
    shares: Floats = np.cumprod(1 - events / here, axis=-1, dtype=np.float64)
    left = at_risk - events
    steps = np.divide(events, here * left, out=np.zeros(np.shape(shares)), where=left > 0)
    variances: Floats = np.square(shares) * np.cumsum(steps, axis=-1)
    return shares, variances


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LogRank:
    """A log-rank test: chi-square, degrees of freedom, p-value, and each group's events beside those expected."""

    statistic: float
    df: int
    p_value: float
    observed: Ints
    expected: Floats


def log_rank(events: Ints, at_risk: Ints) -> LogRank:
    """Does it happen as fast in every group, among those of one stratum?

    Parameters
    ----------
    events, at_risk : int arrays of shape (n_strata, n_groups, n_times)
        At least two groups. Only those of the same stratum are compared.

    Returns
    -------
    LogRank
        With as many degrees of freedom as the variance has; 0 and p = 1 where nothing can be compared.

    References
    ----------
    N. Mantel (1966), Cancer Chemotherapy Reports 50(3), 163-170; R. Peto, J. Peto (1972), doi:10.2307/2344317.

    Examples
    --------
    >>> found = log_rank(np.array([[[3, 1, 0], [0, 1, 2]]]), np.array([[[5, 2, 1], [5, 5, 4]]]))
    >>> round(found.statistic, 4), found.df
    (2.0082, 1)
    """
    n = at_risk.sum(axis=1, keepdims=True)
    d = events.sum(axis=1, keepdims=True)
    share = at_risk / np.maximum(n, 1)
    expected = (d * share).sum(axis=(0, 2))
    spread = (d * (n - d) / np.maximum(n - 1, 1))[:, 0]
    covariance = -np.einsum("st,sgt,sht->gh", spread, share, share)
    covariance += np.diag(np.einsum("st,sgt->g", spread, share))
    observed = events.sum(axis=(0, 2))
    gaps = (observed - expected)[:-1]
    inner = covariance[:-1, :-1]
    df = int(np.linalg.matrix_rank(inner, tol=1e-9, hermitian=True))
    statistic = float(gaps @ np.linalg.pinv(inner, rcond=1e-12, hermitian=True) @ gaps) if df else 0.0
    p_value = float(chdtrc(df, statistic)) if df else 1.0
    return LogRank(statistic=statistic, df=df, p_value=p_value, observed=observed, expected=expected)
