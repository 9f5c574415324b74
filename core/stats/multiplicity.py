"""Many comparisons at once: p-values and confidences that hold for all of them together."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["holm", "simultaneous"]

Floats = NDArray[np.float64]


def holm(p_values: ArrayLike, *, n_hypotheses: int | None = None) -> Floats:
    """Which p-values are left when several hypotheses are tested: Holm's step-down adjustment, in the order given?

    Reject where the result is at most alpha, and the probability of any false rejection is at most alpha,
    whatever the dependence between the tests. `n_hypotheses` says how many there are if these are only some of
    them, picked in any way: none comes out smaller than it would among all.

    References
    ----------
    S. Holm (1979), Scandinavian Journal of Statistics 6(2), 65-70.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03, 0.005]).round(3).tolist()
    [0.03, 0.06, 0.06, 0.02]
    """
    values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    n = values.size if n_hypotheses is None else n_hypotheses
    if n < values.size:
        raise ValueError(f"There can't be fewer hypotheses ({n}) than p-values ({values.size}).")
    stepped = np.minimum(1.0, values[order] * (n - np.arange(values.size)))
    adjusted = np.empty_like(values)
    adjusted[order] = np.maximum.accumulate(stepped)
    return adjusted


def simultaneous(confidence: float, n_comparisons: int) -> float:
    """The confidence at which each of several intervals is made, so that all hold together (Bonferroni).

    Examples
    --------
    >>> round(simultaneous(0.95, 5), 4), simultaneous(0.95, 0)
    (0.99, 0.95)
    """
    return 1 - (1 - confidence) / max(1, n_comparisons)
