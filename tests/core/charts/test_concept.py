"""Outcomes by bin are drawn beside what the reference makes one expect."""

from __future__ import annotations

import numpy as np
import pytest

from core.charts.concept import residual_bins
from core.charts.frame import LIGHT
from core.concept.residual import binary_residual, regression_residual

NAMES = ["low <b>", "middle", "high"]
BEFORE, NOW = np.array([[900, 100], [500, 500], [100, 900]]), np.array([[90, 10], [30, 70], [0, 0]])


def markers(chart) -> list:
    return [trace for trace in chart.figure.data if trace.mode == "markers"]


def test_observed_shares_and_their_differences_are_those_of_the_counts() -> None:
    bins = binary_residual(BEFORE, NOW, names=NAMES).bins
    observed, differences = markers(residual_bins(bins, palette=LIGHT, is_rate=True, what="Share", by="score"))
    assert list(observed.y) == pytest.approx([0.1, 0.7])
    assert list(differences.y) == pytest.approx([0.0, 0.2])


def test_only_a_bin_whose_interval_leaves_out_zero_is_filled() -> None:
    bins = binary_residual(BEFORE, NOW, names=NAMES).bins
    chart = residual_bins(bins, palette=LIGHT, is_rate=True, what="Share", by="score")
    assert tuple(markers(chart)[1].marker.symbol) == ("circle-open", "circle")


def test_a_bin_without_rows_shows_what_is_expected_and_no_dot() -> None:
    bins = binary_residual(BEFORE, NOW, names=NAMES).bins
    chart = residual_bins(bins, palette=LIGHT, is_rate=True, what="Share", by="score")
    expected = [trace.y[0] for trace in chart.figure.data if trace.line.dash == "dot"]
    assert expected == pytest.approx([0.1, 0.5, 0.9])
    assert all(2 not in trace.x for trace in markers(chart))


def test_bin_names_are_escaped_and_the_words_say_what_is_shown() -> None:
    chart = residual_bins(
        binary_residual(BEFORE, NOW, names=NAMES).bins, palette=LIGHT, is_rate=True, what="Share", by="score"
    )
    ticks = [text for axis in (chart.figure.layout.xaxis, chart.figure.layout.xaxis2) for text in axis.ticktext or ()]
    assert "low &lt;b&gt;" in ticks
    assert "score" in chart.alt


def test_without_any_row_the_figure_is_empty_and_no_error() -> None:
    nothing = np.zeros((3, 2), dtype=np.int64)
    chart = residual_bins(
        binary_residual(nothing, nothing, names=NAMES).bins, palette=LIGHT, is_rate=True, what="Share", by="score"
    )
    assert [len(trace.x) for trace in markers(chart)] == [0, 0]


def test_a_regressions_mean_errors_are_in_the_labels_units() -> None:
    rows = np.array([[100.0, 0.0, 400.0], [100.0, 50.0, 500.0]])
    now = np.array([[50.0, 500.0, 5_500.0], [50.0, 25.0, 250.0]])
    bins = regression_residual(rows, now, names=["small", "large"]).bins
    observed, _ = markers(residual_bins(bins, palette=LIGHT, is_rate=False, what="Mean error", by="predicted value"))
    assert list(observed.y) == pytest.approx([10.0, 0.5])
