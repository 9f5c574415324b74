"""The detectors from windows against plain row loops, and what is claimed of their false alarms against simulation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.concept.adwin import ADWIN
from core.concept.detectors import DDM, DETECTORS, HDDMA, Detections, Detector, PageHinkley, detections
from core.errors import InputError
from tests.core.concept import plain_detectors as plain

ROW_BY_ROW = {"DDM": plain.ddm, "Page-Hinkley": plain.page_hinkley, "HDDM-A": plain.hddm_a, "ADWIN": plain.adwin}


def stream(seed: int, *stretches: tuple[int, float]) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.random(n) < rate for n, rate in stretches]).astype(int)


def said(found: Detections) -> list[tuple[int, int]]:
    return [(signal.window, signal.side) for signal in found.signals]


def cut(rows: np.ndarray, sizes: list[int]) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Rows and errors of windows of these sizes, and the last row of each."""
    ends = np.cumsum(sizes)
    errors = np.diff(np.concatenate([[0], np.cumsum(rows)[ends - 1]]))
    return np.array(sizes), errors, (ends - 1).tolist()


@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize("seed", range(3))
def test_windows_of_one_row_are_the_row_loop(name: str, seed: int) -> None:
    rows = stream(seed, (150, 0.15), (100, 0.6), (100, 0.1))
    by_window = detections(np.ones(rows.size, dtype=int), rows, DETECTORS[name]())
    assert said(by_window) == ROW_BY_ROW[name](rows.tolist(), range(rows.size))
    assert said(by_window) or name == "Page-Hinkley"


@pytest.mark.parametrize("name", DETECTORS)
@given(sizes=st.lists(st.integers(1, 60), min_size=2, max_size=25), seed=st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_windows_of_many_rows_are_the_row_loop_that_looks_at_their_ends(name: str, sizes: list[int], seed: int) -> None:
    half = sum(sizes) // 2
    rows = stream(seed, (half, 0.1), (sum(sizes) - half, 0.7))
    n, errors, ends = cut(rows, sizes)
    found = detections(n, errors, DETECTORS[name]())
    places = {end: window for window, end in enumerate(ends)}
    assert said(found) == [(places[end], side) for end, side in ROW_BY_ROW[name](rows.tolist(), ends)]


@pytest.mark.parametrize("name", DETECTORS)
def test_a_rise_is_found_with_its_side_and_said_once(name: str) -> None:
    rng = np.random.default_rng(5)
    errors = np.concatenate([rng.binomial(500, 0.1, 30), rng.binomial(500, 0.3, 30)])
    found = detections(np.full(60, 500), errors, DETECTORS[name]())
    assert [side for _, side in said(found)] == [1]
    assert 30 <= found.signals[0].window <= 33
    assert (found.n, found.n_windows, found.detector) == (30_000, 60, name)


def test_a_fall_is_seen_by_all_but_ddm_and_a_one_sided_bound() -> None:
    rng = np.random.default_rng(6)
    errors = np.concatenate([rng.binomial(500, 0.3, 30), rng.binomial(500, 0.1, 30)])
    found = {name: said(detections(np.full(60, 500), errors, make())) for name, make in DETECTORS.items()}
    assert found.pop("DDM") == said(detections(np.full(60, 500), errors, HDDMA(two_sided=False))) == []
    assert all(sides[-1][1] == -1 and sides[-1][0] >= 30 for sides in found.values())


@pytest.mark.parametrize(("make", "most"), [(HDDMA, 0.02), (ADWIN, 0.02)])
def test_bounds_hold_where_every_row_is_independent(make: Callable[[], Detector], most: float) -> None:
    """The share of 100 streams of 100 windows with a signal, though nothing changes: far below 100 looks' sum."""
    rng = np.random.default_rng(7)
    errors = rng.binomial(200, 0.1, (100, 100))
    n = np.full(100, 200)
    assert np.mean([bool(detections(n, each, make()).signals) for each in errors]) <= most


def test_none_knows_that_windows_differ_by_more_than_chance() -> None:
    """With rates that vary by 2 points from day to day, every one sees changes where there is none."""
    rng = np.random.default_rng(8)
    rates = np.clip(rng.normal(0.1, 0.02, (20, 200)), 0, 1)
    errors = rng.binomial(20_000, rates)
    n = np.full(200, 20_000)
    for name, make in DETECTORS.items():
        share = np.mean([bool(detections(n, each, make()).signals) for each in errors])
        assert share > 0.5, name


def test_old_windows_are_joined_and_the_change_is_still_found() -> None:
    rows = stream(9, (1_500, 0.1), (200, 0.5))
    n = np.ones(rows.size, dtype=int)
    few, all_apart = (said(detections(n, rows, ADWIN(most=most))) for most in (100, 2_000))
    assert [side for _, side in few] == [side for _, side in all_apart] == [1]
    assert abs(few[0][0] - all_apart[0][0]) <= 5


def test_windows_without_rows_change_nothing() -> None:
    n, errors = np.array([200, 0, 200, 0, 200, 200]), np.array([20, 0, 22, 0, 90, 95])
    for name, make in DETECTORS.items():
        with_gaps = said(detections(n, errors, make()))
        without = said(detections(n[n > 0], errors[n > 0], make()))
        places = np.flatnonzero(n > 0)
        assert with_gaps == [(int(places[window]), side) for window, side in without], name


@pytest.mark.parametrize(
    ("n", "errors", "message"),
    [
        ([10, 10], [1], "one number a window each, got shapes \\(2,\\) and \\(1,\\)"),
        ([10, 10], [1, 11], "Window 1 has 11 errors in 10 rows"),
        ([10], [-1], "Window 0 has -1 errors"),
    ],
)
def test_counts_that_are_none_are_refused(n: list[int], errors: list[int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        detections(n, errors, DDM())


def test_memory_of_one_forgets_nothing() -> None:
    rows = stream(10, (300, 0.1), (300, 0.6))
    found = detections(np.ones(rows.size, dtype=int), rows, PageHinkley(memory=1.0))
    assert said(found) == plain.page_hinkley(rows.tolist(), range(rows.size), memory=1.0)
    assert said(found)[0][1] == 1
