"""Paired differences are drawn in units of their margin; what isn't known has no dot."""

from __future__ import annotations

from typing import Any

import pytest

from core.charts.comparison import DifferenceMark, difference_dots
from core.charts.frame import LIGHT, Chart
from core.compare.verdicts import Verdict
from core.measure import Interval


def mark(name: str = "recall", **changes: Any) -> DifferenceMark:
    values: dict[str, Any] = {
        "name": name,
        "difference": 0.03,
        "interval": Interval(low=0.01, high=0.05),
        "margin": 0.02,
        "higher_is_better": True,
        "verdict": Verdict.BETTER,
        "written": "+3.0 pp",
        "note": "n 900",
    }
    return DifferenceMark(**{**values, **changes})


def dots(chart: Chart) -> Any:
    return next(trace for trace in chart.figure.data if trace.mode == "markers")


def lines(chart: Chart) -> list[list[float]]:
    return [list(trace.x) for trace in chart.figure.data if trace.mode == "lines"]


def texts(chart: Chart) -> list[str]:
    return [annotation.text for annotation in chart.figure.layout.annotations]


def test_a_difference_is_drawn_in_margins_with_its_interval() -> None:
    chart = difference_dots([mark()], palette=LIGHT)
    assert list(dots(chart).x) == pytest.approx([1.5])
    assert lines(chart) == [pytest.approx([0.5, 2.5])]
    assert chart.alt == "Candidate minus champion in units of each margin: recall +3.0 pp."
    assert "n 900" in texts(chart)


def test_better_is_to_the_right_where_lower_is_better() -> None:
    rate = mark(
        "false positive rate", difference=-0.03, interval=Interval(low=-0.05, high=-0.01), higher_is_better=False
    )
    chart = difference_dots([rate], palette=LIGHT)
    assert list(dots(chart).x) == pytest.approx([1.5])
    assert lines(chart) == [pytest.approx([0.5, 2.5])]
    assert "better →" in texts(chart)


def test_without_a_better_direction_right_is_more() -> None:
    chart = difference_dots([mark(higher_is_better=None, verdict=Verdict.CHANGED)], palette=LIGHT)
    assert "more →" in texts(chart)
    assert "better →" not in texts(chart)
    assert list(dots(chart).marker.symbol) == ["diamond"]
    assert list(dots(chart).marker.color) == [LIGHT.warning]


@pytest.mark.parametrize("verdict", [Verdict.INSUFFICIENT, Verdict.UNDEFINED])
def test_what_is_not_known_has_no_dot_and_no_colour(verdict: Verdict) -> None:
    unknown = mark("sex x", verdict=verdict, difference=None, interval=None, lacking="12 rows")
    chart = difference_dots([mark(), unknown], palette=LIGHT)
    assert len(dots(chart).x) == 1
    assert "12 rows" in texts(chart)
    assert chart.alt.endswith("Not enough data: sex x.")
    alone = difference_dots([mark(verdict=Verdict.INSUFFICIENT)], palette=LIGHT)
    assert len(dots(alone).x) == 0
    assert "nothing can be told" in alone.alt


def test_only_better_no_worse_and_worse_are_coloured() -> None:
    colours = {
        verdict: dots(difference_dots([mark(verdict=verdict)], palette=LIGHT)).marker.color[0]
        for verdict in Verdict
        if verdict not in (Verdict.INSUFFICIENT, Verdict.UNDEFINED)
    }
    assert colours[Verdict.BETTER] == colours[Verdict.NO_WORSE] == LIGHT.ok
    assert colours[Verdict.WORSE] == LIGHT.critical
    assert colours[Verdict.SAME] == colours[Verdict.CANNOT_TELL] == LIGHT.unknown


def test_a_difference_beyond_the_axis_is_an_arrow_at_its_end() -> None:
    far = mark(difference=-0.5, interval=Interval(low=-0.6, high=-0.1), verdict=Verdict.WORSE)
    chart = difference_dots([far], palette=LIGHT)
    low, high = chart.figure.layout.xaxis.range
    assert list(dots(chart).marker.symbol) == ["triangle-left"]
    assert low < dots(chart).x[0] < 0
    assert all(low <= end <= high for line in lines(chart) for end in line)


def test_a_margin_of_nothing_is_drawn_in_units_of_the_interval() -> None:
    chart = difference_dots([mark(margin=0.0)], palette=LIGHT)
    assert list(dots(chart).x) == pytest.approx([0.6])
    flat = difference_dots([mark(margin=0.0, difference=0.0, interval=Interval(low=0.0, high=0.0))], palette=LIGHT)
    assert list(dots(flat).x) == [0.0]


def test_nothing_to_compare_is_an_empty_figure() -> None:
    chart = difference_dots([], palette=LIGHT)
    assert chart.alt == "Candidate minus champion: nothing was compared."
    assert len(dots(chart).x) == 0


def test_names_from_data_are_no_tags() -> None:
    chart = difference_dots([mark("<b>x</b>", written="<i>1</i>", note="<u>n</u>")], palette=LIGHT)
    drawn = [*texts(chart), *chart.figure.layout.yaxis.ticktext, *dots(chart).text]
    assert not [text for text in drawn if "<b>" in text or "<i>" in text or "<u>" in text]
