"""Fisher's exact test of two rates, fast at any size."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import gammaln

__all__ = ["fisher_p_value"]

WIDTH = 10.0  # standard deviations beyond the table seen, where what is left out is below 1e-20 of the p-value
ALIKE = 1e-7  # tables whose probabilities differ by less are equally likely


def fisher_p_value(k1: int, n1: int, k2: int, n2: int) -> float:
    """Are two rates k1/n1 and k2/n2 equal, two-sided and without an approximation?

    Unlike the z-test it rejects equal rates at most as often as its level says, whatever the sizes and the rate;
    it is a little conservative instead.

    Parameters
    ----------
    k1, n1, k2, n2 : int
        0 <= k <= n and n >= 1.

    Returns
    -------
    float
        The probability of all tables with these margins that are at most as likely as the one seen.

    Raises
    ------
    ValueError
        If the counts are no rates.

    References
    ----------
    R. A. Fisher (1922), doi:10.2307/2340521.

    Examples
    --------
    >>> round(fisher_p_value(3, 10, 9, 10), 5), f"{fisher_p_value(2174, 3696, 854, 2454):.2e}"
    (0.01977, '9.83e-77')
    """
    if not (0 <= k1 <= n1 and 0 <= k2 <= n2 and n1 and n2):
        raise ValueError(f"Not two rates: {k1} of {n1} and {k2} of {n2}.")
    k, n = k1 + k2, n1 + n2
    if k in (0, n):
        return 1.0
    mean = n1 * k / n
    spread = math.sqrt(mean * (n - k) * n2 / (n * max(1, n - 1)))
    reach = abs(k1 - mean) + WIDTH * spread + WIDTH
    low, high = max(0, k - n2, math.floor(mean - reach)), min(n1, k, math.ceil(mean + reach))
    x = np.arange(low, high + 1)
    log_p = -(gammaln(x + 1) + gammaln(n1 - x + 1) + gammaln(k - x + 1) + gammaln(n2 - k + x + 1))
    seen = log_p[k1 - low]
    margins = gammaln(n1 + 1) + gammaln(n2 + 1) + gammaln(k + 1) + gammaln(n - k + 1) - gammaln(n + 1)
    total = np.exp(log_p[log_p <= seen + ALIKE] - seen).sum()
    return float(min(1.0, total * math.exp(min(0.0, seen + margins))))
