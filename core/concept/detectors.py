"""The detectors of the streaming literature, read from rows and errors a window: views, which never open an alert.

Alerts are the watch's (`core.alarms`), whose false alarms have a budget. What a detector here says is shown beside
them, with what is known of its own false alarms. None of them knows that windows differ by more than chance.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.concept.adwin import ADWIN
from core.errors import InputError

__all__ = ["DDM", "DETECTORS", "HDDMA", "Detections", "Detector", "PageHinkley", "Signal", "detections"]

Floats = NDArray[np.float64]


class Detector(Protocol):
    """A detector that is given one window after the other, and starts anew after each signal."""

    name: str
    convention: str
    false_alarms: str

    def update(self, n: int, errors: int) -> int:
        """Take in a window of `n` rows, `errors` of them wrong: 1 if the error rate rose, -1 if it fell, else 0."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """A window at whose end a detector says that the error rate has changed: `side` is 1 upwards, -1 downwards."""

    window: int
    side: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Detections:
    """What one detector says of a series of windows, `n` rows in all, and what is known of its false alarms."""

    detector: str
    signals: tuple[Signal, ...]
    n: int
    n_windows: int
    convention: str
    false_alarms: str


def detections(n: ArrayLike, errors: ArrayLike, detector: Detector) -> Detections:
    """In which windows does a detector signal?

    Parameters
    ----------
    n, errors : int array-like of shape (n_windows,)
        Rows of each window and how many of them the model got wrong, 0 <= errors <= n, oldest window first. A window
        without rows changes nothing.
    detector : Detector
        A new one; it is used up.

    Returns
    -------
    Detections
        A detector looks at the end of each window only. With windows of one row that is its published row by row form.

    Raises
    ------
    InputError
        If the arrays differ in shape, or a window has more errors than rows.

    Examples
    --------
    >>> found = detections([1_000] * 6, [100, 110, 95, 102, 180, 175], HDDMA())
    >>> found.signals, found.n
    ((Signal(window=4, side=1),), 6000)
    """
    rows, wrong = np.asarray(n), np.asarray(errors)
    if rows.ndim != 1 or rows.shape != wrong.shape:
        raise InputError(f"Rows and errors need one number a window each, got shapes {rows.shape} and {wrong.shape}.")
    bad = np.flatnonzero((wrong < 0) | (wrong > rows))
    if bad.size:
        first = int(bad[0])
        raise InputError(f"Window {first} has {int(wrong[first]):,} errors in {int(rows[first]):,} rows.")
    sides = [detector.update(of, among) if of else 0 for of, among in zip(rows.tolist(), wrong.tolist(), strict=True)]
    return Detections(
        detector=detector.name,
        signals=tuple(Signal(window=window, side=side) for window, side in enumerate(sides) if side),
        n=int(rows.sum()),
        n_windows=rows.size,
        convention=detector.convention,
        false_alarms=detector.false_alarms,
    )


class DDM:
    """Drift detection method: has the error rate risen three standard errors above its best?

    Only a rise is seen, and only while the rate since the last signal, which all rows so far dilute, is high.

    Parameters
    ----------
    width : float
        Standard errors at the best point, above it, from which it signals.
    least : int
        Rows before which it says nothing.

    References
    ----------
    J. Gama, P. Medas, G. Castillo, P. Rodrigues (2004), doi:10.1007/978-3-540-28645-5_29.

    Examples
    --------
    >>> detector = DDM()
    >>> [detector.update(200, errors) for errors in (40, 36, 38, 90)]
    [0, 0, 0, 1]
    """

    name = "DDM"
    false_alarms = (
        "No rate is published. The best point is a minimum over all looks so far, so they come more often than 3 "
        "standard errors suggest."
    )

    def __init__(self, *, width: float = 3.0, least: int = 30) -> None:
        self.width, self.least = width, least
        self.convention = f"{width:g} standard errors above the least p + s since the last signal, from {least} rows on"
        self._start()

    def _start(self) -> None:
        self._n = self._errors = 0
        self._best, self._best_error = math.inf, 0.0

    def update(self, n: int, errors: int) -> int:
        """Take in a window of `n` rows, `errors` of them wrong: 1 if the error rate rose, else 0."""
        self._n, self._errors = self._n + n, self._errors + errors
        rate = self._errors / self._n
        error = math.sqrt(rate * (1 - rate) / self._n)
        if self._n <= self.least:
            return 0
        if rate + error <= self._best + self._best_error:
            self._best, self._best_error = rate, error
        if rate + error <= self._best + self.width * self._best_error:
            return 0
        self._start()
        return 1


class PageHinkley:
    """Page's test against the running mean: has the sum of deviations left its extreme by more than a threshold?

    The rows of a window are taken as if its errors lay evenly among them, each set against the mean up to the
    window's end.

    Parameters
    ----------
    threshold : float
        In errors: how far the sum may leave its extreme. It doesn't scale with the rows a day.
    allowance : float
        A deviation of a row that doesn't count.
    memory : float
        What a row's deviation is worth one row later, in (0, 1].
    least : int
        Rows before which it says nothing.

    References
    ----------
    E. S. Page (1954), doi:10.1093/biomet/41.1-2.100; the form with a running mean and forgetting is that of streams,
    J. Gama et al. (2014), doi:10.1145/2523813.

    Examples
    --------
    >>> detector = PageHinkley()
    >>> [detector.update(200, errors) for errors in (40, 36, 38, 120)]
    [0, 0, 0, 1]
    """

    name = "Page-Hinkley"
    false_alarms = (
        "No rate is stated: the threshold counts errors, so the more rows, the more often it is crossed by chance."
    )

    def __init__(
        self, *, threshold: float = 50.0, allowance: float = 0.005, memory: float = 0.9999, least: int = 30
    ) -> None:
        self.threshold, self.allowance, self.memory, self.least = threshold, allowance, memory, least
        self.convention = (
            f"sum of deviations from the running mean less {allowance:g} a row, forgetting {1 - memory:.2g} a row, "
            f"{threshold:g} from its extreme, from {least} rows on"
        )
        self._start()

    def _start(self) -> None:
        self._n = self._errors = 0
        self._up = self._down = 0.0
        self._lowest, self._highest = math.inf, -math.inf

    def update(self, n: int, errors: int) -> int:
        """Take in a window of `n` rows, `errors` of them wrong: 1 if the error rate rose, -1 if it fell, else 0."""
        self._n, self._errors = self._n + n, self._errors + errors
        deviation = errors / n - self._errors / self._n
        kept = self.memory**n
        rows = n if self.memory == 1 else (1 - kept) / (1 - self.memory)
        self._up = kept * self._up + rows * (deviation - self.allowance)
        self._down = kept * self._down + rows * (deviation + self.allowance)
        self._lowest, self._highest = min(self._lowest, self._up), max(self._highest, self._down)
        if self._n < self.least:
            return 0
        side = int(self._up - self._lowest > self.threshold) or -int(self._highest - self._down > self.threshold)
        if side:
            self._start()
        return side


class HDDMA:
    """Hoeffding's bound on averages: does the error rate differ from what it was up to its most telling point?

    Parameters
    ----------
    level : float
        Of one look, in (0, 1).
    two_sided : bool
        Whether a fall counts too.

    References
    ----------
    I. Frías-Blanco et al. (2015), doi:10.1109/TKDE.2014.2345382.

    Examples
    --------
    >>> detector = HDDMA()
    >>> [detector.update(200, errors) for errors in (40, 36, 38, 5)]
    [0, 0, 0, -1]
    """

    name = "HDDM-A"

    def __init__(self, *, level: float = 0.001, two_sided: bool = True) -> None:
        self.level, self.two_sided = level, two_sided
        self.convention = f"Hoeffding's bound at {level:g} a look, {'both sides' if two_sided else 'rises only'}"
        self.false_alarms = (
            f"At most {level:g} a look and side for independent rows and a given cut; looks add up, and the cut is "
            "chosen."
        )
        self._start()

    def _start(self) -> None:
        self._n = self._errors = 0
        self._low: tuple[int, int] | None = None  # rows and errors up to where the mean plus its bound was least
        self._high: tuple[int, int] | None = None

    def _bound(self, n: int) -> float:
        return math.sqrt(math.log(1 / self.level) / (2 * n))

    def update(self, n: int, errors: int) -> int:
        """Take in a window of `n` rows, `errors` of them wrong: 1 if the error rate rose, -1 if it fell, else 0."""
        self._n, self._errors = self._n + n, self._errors + errors
        mean, bound = self._errors / self._n, self._bound(self._n)
        low, high = self._low or (self._n, self._errors), self._high or (self._n, self._errors)
        if low[1] / low[0] + self._bound(low[0]) >= mean + bound:
            low = self._n, self._errors
        if high[1] / high[0] - self._bound(high[0]) <= mean - bound:
            high = self._n, self._errors
        self._low, self._high = low, high
        side = int(self._leaves(mean, low, 1)) or -int(self.two_sided and self._leaves(mean, high, -1))
        if side:
            self._start()
        return side

    def _leaves(self, mean: float, cut: tuple[int, int], side: int) -> bool:
        """Whether the mean lies beyond the bound on its side of that up to a cut."""
        if cut[0] == self._n:
            return False
        rows = (self._n - cut[0]) / (cut[0] * self._n)
        return side * (mean - cut[1] / cut[0]) >= math.sqrt(rows / 2 * math.log(2 / self.level))


DETECTORS: Mapping[str, Callable[[], Detector]] = {
    "DDM": DDM,
    "Page-Hinkley": PageHinkley,
    "HDDM-A": HDDMA,
    "ADWIN": ADWIN,
}
