"""Adaptive windowing, the detector that keeps every window since the last change and tries each split of them."""

from __future__ import annotations

import math

import numpy as np

__all__ = ["ADWIN"]


class ADWIN:
    """Adaptive windowing: is there a place that splits the rows since the last change into two of different rates?

    Every split between windows is tried; after a signal the rows before the clearest one are forgotten at once, not
    one by one, so that a change signals once. Beyond `most` windows the older half is joined in pairs: old places of a
    change are then told less exactly.

    Parameters
    ----------
    level : float
        Of one look over all splits, in (0, 1).
    least : int
        Rows that either part of a split needs.
    most : int
        Windows that are kept apart.

    References
    ----------
    A. Bifet, R. Gavaldà (2007), doi:10.1137/1.9781611972771.42: the bound for a variance, over all splits.

    Examples
    --------
    >>> detector = ADWIN()
    >>> [detector.update(200, errors) for errors in (40, 36, 38, 90, 85)]
    [0, 0, 0, 1, 0]
    """

    name = "ADWIN"

    def __init__(self, *, level: float = 0.002, least: int = 5, most: int = 400) -> None:
        self.level, self.least, self.most = level, least, most
        self.convention = (
            f"normal bound with Bernstein's term at {level:g} a look, every split into {least} rows or more"
        )
        self.false_alarms = f"About {level:g} a look at most, over all splits, for independent rows; looks add up."
        self._windows = np.zeros((0, 2))

    def update(self, n: int, errors: int) -> int:
        """Take in a window of `n` rows, `errors` of them wrong: 1 if the error rate rose, -1 if it fell, else 0."""
        self._windows = np.concatenate([self._windows, [[n, errors]]])
        if len(self._windows) > self.most:
            half = self.most // 2
            joined = self._windows[:half].reshape(-1, 2, 2).sum(axis=1)
            self._windows = np.concatenate([joined, self._windows[half:]])
        before = np.cumsum(self._windows, axis=0)
        n, errors = before[-1]
        rows, wrong = before[:-1].T
        usable = np.flatnonzero((rows >= self.least) & (n - rows >= self.least))
        if not usable.size:
            return 0
        rows, wrong = rows[usable], wrong[usable]
        difference = (errors - wrong) / (n - rows) - wrong / rows
        term = math.log(2 * math.log(n) / self.level)
        both = 1 / rows + 1 / (n - rows)
        rate = errors / n
        excess = np.abs(difference) - np.sqrt(2 * both * rate * (1 - rate) * term) - 2 / 3 * both * term
        clearest = int(excess.argmax())
        if excess[clearest] <= 0:
            return 0
        self._windows = self._windows[usable[clearest] + 1 :]
        return int(np.sign(difference[clearest]))
