"""River's detectors on the same windows, for comparison: an extra, `pip install "plumbline[river]"`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

import numpy as np

from core.concept.detectors import Detector
from core.errors import InputError

__all__ = ["River", "river_detectors"]

SEED = 20_261_126
UNKNOWN = "Not stated by River for these settings."


class River:
    """A detector of River as one that takes windows: their rows go in one by one, in a drawn order.

    Parameters
    ----------
    name : str
        What it is called here, such as "River EDDM".
    detector : object
        River's: it has ``update(x)`` and ``drift_detected``.
    takes_right : bool
        Whether it is given 1 for a right row instead of a wrong one.

    Notes
    -----
    A count of a window doesn't say in which order its rows came, so one is drawn, the same one whenever asked. With
    windows of one row it is River's own row by row form.
    """

    false_alarms = UNKNOWN

    def __init__(self, name: str, detector: Any, *, takes_right: bool = False) -> None:
        self.name, self._detector, self._takes_right = name, detector, takes_right
        self.convention = f"River {version('river')} at its defaults; the rows of each window in an order drawn once"
        self._rng = np.random.default_rng(SEED)
        self._n = self._errors = 0

    def update(self, n: int, errors: int) -> int:
        """Take in a window of `n` rows, `errors` of them wrong: 1 if the error rate rose, -1 if it fell, else 0.

        A signal on any row of the window counts once. The side is that of the window's rate against the rate of all
        rows since the last signal: River's detectors don't say it.
        """
        signals = False
        for wrong in self._rng.permutation(np.arange(n) < errors).astype(int).tolist():
            self._detector.update(1 - wrong if self._takes_right else wrong)
            signals |= bool(self._detector.drift_detected)
        side = 0
        if signals:
            before = self._errors / self._n if self._n else 0.0
            side = 1 if errors / n >= before else -1
            self._n = self._errors = 0
        self._n, self._errors = self._n + n, self._errors + errors
        return side


def river_detectors() -> Mapping[str, Callable[[], Detector]]:
    """Which of River's detectors take right and wrong, each as what makes a new one?

    Returns
    -------
    mapping of str to callable
        By name. FHDDM is given 1 for right rows: it signals where the mean falls. KSWIN is left out: it compares
        distributions of numbers, and of 0 and 1 only the rate is left.

    Raises
    ------
    InputError
        If River isn't installed.

    References
    ----------
    J. Montiel et al. (2021), River: machine learning for streaming data in Python, JMLR 22(110).

    Examples
    --------
    >>> from core.concept.detectors import detections
    >>> list(river_detectors())
    ['ADWIN', 'DDM', 'EDDM', 'FHDDM', 'HDDM_A', 'HDDM_W', 'Page-Hinkley']
    >>> found = detections([1_000] * 6, [100, 110, 95, 102, 180, 175], river_detectors()["HDDM_A"]())
    >>> found.detector, found.signals
    ('River HDDM_A', (Signal(window=4, side=1),))
    """
    try:
        from river import drift
        from river.drift import binary
    except ImportError as error:
        raise InputError(
            "River's detectors need the package river, which isn't installed here. "
            'Install it with `pip install "plumbline[river]"`.'
        ) from error
    classes = {
        "ADWIN": drift.ADWIN,
        "DDM": binary.DDM,
        "EDDM": binary.EDDM,
        "FHDDM": binary.FHDDM,
        "HDDM_A": binary.HDDMA,
        "HDDM_W": binary.HDDMW,
        "Page-Hinkley": drift.PageHinkley,
    }

    def maker(name: str) -> Callable[[], Detector]:
        return lambda: River(f"River {name}", classes[name](), takes_right=name == "FHDDM")

    return {name: maker(name) for name in classes}
