"""The curves of a binary score draw what was counted, and say it in words."""

from __future__ import annotations

import numpy as np
import pytest

from core.charts.frame import DARK, LIGHT
from core.charts.performance import calibration_chart, threshold_chart
from core.stats.binning import NumericBins
from core.stats.calibration import CalibrationBin
from core.stats.intervals import wilson
from core.stats.ranking import ThresholdTable, threshold_table

HOSTILE = "<a href='http://evil'>x</a>"


def calibration_bin(k: int, n: int, mean_score: float) -> CalibrationBin:
    return CalibrationBin(
        low=0.0, high=1.0, n=n, positives=k, mean_score=mean_score, observed=k / n, interval=wilson(k, n)
    )


def table(by_class: list[tuple[int, int]]) -> ThresholdTable:
    """Of scores in bins that end at 1/n, 2/n, ...: negatives and positives in each."""
    n = len(by_class)
    bins = NumericBins(ends=tuple((place + 1) / n for place in range(n)), low=0.0, exact=False)
    counts = np.zeros((n + 7, 2), dtype=np.int64)
    counts[:n] = by_class
    return threshold_table(counts, bins)


def drawn(chart, name: str) -> dict[float, float]:
    trace = next(trace for trace in chart.figure.data if trace.name == name)
    return {float(x): float(y) for x, y in zip(trace.x, trace.y, strict=True) if y is not None}


def test_a_calibration_curve_draws_the_observed_share_over_the_mean_score_with_its_interval() -> None:
    curve = [calibration_bin(5, 50, 0.1), calibration_bin(40, 50, 0.5)]
    chart = calibration_chart(curve, [calibration_bin(10, 100, 0.12)], palette=LIGHT, current_name="week of 5 Jan")
    points = chart.figure.data[-1]
    assert (list(points.x), list(points.y)) == ([0.1, 0.5], [0.1, 0.8])
    bars = [tuple(trace.y) for trace in chart.figure.data if len(trace.x) == 2 and trace.x[0] == trace.x[1]]
    assert bars == [(wilson(5, 50).low, wilson(5, 50).high), (wilson(40, 50).low, wilson(40, 50).high)]
    assert chart.alt == (
        "Calibration of 2 score bins in week of 5 Jan. "
        "In 1 of them the mean score lies outside the interval of the observed share."
    )


def test_a_calibration_curve_without_labelled_rows_says_so() -> None:
    chart = calibration_chart([], [], palette=DARK, current_name="rows 0 to 9")
    assert chart.alt == "Calibration: no score bin has labelled rows."
    assert len(chart.figure.data[-1].x) == 0


def test_recall_precision_and_share_are_those_of_the_counts_at_each_threshold() -> None:
    chart = threshold_chart(table([(40, 10), (30, 20), (10, 40)]), palette=LIGHT, positive="bad")
    recall, precision, share = (drawn(chart, name) for name in ("recall", "precision", "called bad"))
    third = next(x for x in recall if x == pytest.approx(1 / 3))
    assert recall[third] == pytest.approx(60 / 70)
    assert precision[third] == pytest.approx(60 / 100)
    assert share[third] == pytest.approx(100 / 150)
    assert chart.alt == "Recall, precision and the share called bad by threshold, over 150 labelled rows with a score."


def test_the_threshold_in_force_is_marked_and_said() -> None:
    chart = threshold_chart(table([(40, 10), (30, 20), (10, 40)]), palette=LIGHT, operating=0.5, positive="bad")
    marks = chart.figure.data[-1]
    assert set(marks.x) == {0.5}
    assert list(marks.y) == pytest.approx([60 / 70, 60 / 100, 100 / 150])
    assert chart.alt.endswith("At 0.5: recall 85.7%, precision 60.0%, called bad 66.7%.")


def test_a_precision_of_a_handful_of_rows_is_not_drawn() -> None:
    chart = threshold_chart(table([(50, 40), (0, 5)]), palette=LIGHT)
    precision, recall = drawn(chart, "precision"), drawn(chart, "recall")
    assert max(precision) < 0.5 <= max(recall)


def test_without_rows_nothing_is_divided_by_nothing() -> None:
    chart = threshold_chart(table([(0, 0), (0, 0)]), palette=LIGHT, operating=0.5)
    assert chart.alt.endswith("over 0 labelled rows with a score.")


def test_names_from_data_reach_a_figure_escaped() -> None:
    figures = [
        threshold_chart(table([(4, 1), (1, 4)]), palette=LIGHT, operating=0.5, positive=HOSTILE).figure,
        calibration_chart([calibration_bin(5, 50, 0.1)], [], palette=LIGHT, current_name=HOSTILE).figure,
    ]
    assert all("<a" not in figure.to_json() for figure in figures)
