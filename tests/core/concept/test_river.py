"""River's own detectors: as they are row by row, equal to Plumbline's where both have one, and fed from windows."""

from __future__ import annotations

import numpy as np
import pytest

from core.concept.detectors import DDM, HDDMA, Detector, PageHinkley, detections
from core.concept.river import river_detectors

drift = pytest.importorskip("river.drift", reason="River isn't installed: plumbline[river]")


def stream(seed: int, n: int = 4_000) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.random(n) < np.where(np.arange(n) < n // 2, 0.2, 0.5)).astype(int)


def heard(rows: np.ndarray, detector: Detector) -> list[int]:
    return [signal.window for signal in detections(np.ones(rows.size, dtype=int), rows, detector).signals]


@pytest.mark.parametrize("name", river_detectors())
def test_windows_of_one_row_are_rivers_own_loop(name: str) -> None:
    own = {"ADWIN": drift.ADWIN, "Page-Hinkley": drift.PageHinkley} | {
        key: getattr(drift.binary, key.replace("_", "")) for key in ("DDM", "EDDM", "FHDDM", "HDDM_A", "HDDM_W")
    }
    rows, detector, found = stream(1), own[name](), []
    for place, wrong in enumerate(rows.tolist()):
        detector.update(1 - wrong if name == "FHDDM" else wrong)  # River's signals where the mean falls
        found += [place] if detector.drift_detected else []
    assert heard(rows, river_detectors()[name]()) == found
    assert any(2_000 <= place < 3_000 for place in found)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("name", "ours"), [("DDM", DDM()), ("HDDM_A", HDDMA(two_sided=False)), ("Page-Hinkley", PageHinkley())]
)
def test_plumblines_detectors_are_rivers_row_by_row(name: str, ours: Detector, seed: int) -> None:
    rows = stream(seed)
    assert heard(rows, type(ours)(**({"two_sided": False} if name == "HDDM_A" else {}))) == heard(
        rows, river_detectors()[name]()
    )


@pytest.mark.parametrize("name", ["ADWIN", "DDM", "HDDM_A", "HDDM_W", "Page-Hinkley"])
def test_a_rise_of_windows_is_heard_with_its_side(name: str) -> None:
    errors = np.random.default_rng(3).binomial(500, [0.1] * 20 + [0.25] * 10)
    found = detections([500] * 30, errors, river_detectors()[name]()).signals
    assert any(signal.window >= 20 and signal.side == 1 for signal in found)


def test_a_window_without_rows_says_nothing_and_the_same_windows_say_the_same() -> None:
    make = river_detectors()["HDDM_A"]
    n, errors = [300] * 8 + [0] + [300] * 8, [30] * 8 + [0] + [90] * 8
    first = detections(n, errors, make())
    assert first.signals
    assert 8 not in [signal.window for signal in first.signals]
    assert first == detections(n, errors, make())
