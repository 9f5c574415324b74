"""Sparklines are SVG without text: a line that breaks where there is no value, and a last dot with the verdict."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.charts.frame import DARK, LIGHT
from core.charts.sparkline import interval_mark, sparkline
from core.measure import Interval, Status

SVG = "{http://www.w3.org/2000/svg}"
values = st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=1, max_size=40)


def parts(svg: str, name: str) -> list[ET.Element]:
    return ET.fromstring(svg).findall(f"{SVG}{name}")


@pytest.mark.parametrize("nothing", [[], [None], [None, math.nan], [math.inf]])
def test_without_a_value_there_is_no_picture(nothing: list[float | None]) -> None:
    assert sparkline(nothing, palette=LIGHT, status=Status.OK) == ""


def test_a_missing_window_breaks_the_line() -> None:
    svg = sparkline([1.0, 2.0, None, 3.0, 4.0, None, 5.0], palette=LIGHT, status=Status.OK)
    assert [len(line.get("points", "").split()) for line in parts(svg, "polyline")] == [2, 2]


@pytest.mark.parametrize("status", Status)
def test_only_the_last_dot_carries_the_verdict(status: Status) -> None:
    svg = sparkline([1.0, 2.0], palette=LIGHT, status=status)
    assert [dot.get("fill") for dot in parts(svg, "circle")] == [LIGHT.of(status)]
    assert {line.get("stroke") for line in parts(svg, "polyline")} == {LIGHT.current}


def test_the_last_dot_stands_at_the_last_value_that_exists() -> None:
    with_end = sparkline([1.0, 2.0, 3.0, None], palette=LIGHT, status=Status.OK)
    dot = parts(with_end, "circle")[0]
    end = parts(with_end, "polyline")[0].get("points", "").split()[-1]
    assert end == f"{float(dot.get('cx', '')):.1f},{float(dot.get('cy', '')):.1f}"


@given(values)
def test_everything_lies_inside_the_picture(series: list[float | None]) -> None:
    svg = sparkline(series, palette=DARK, status=Status.OK, band=Interval(low=-2, high=3), limit=7.0)
    if not svg:
        assert not [value for value in series if value is not None]
        return
    for line in parts(svg, "polyline"):
        for point in line.get("points", "").split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= 140
            assert 0 <= y <= 32


def test_higher_is_drawn_higher() -> None:
    line = parts(sparkline([1.0, 5.0], palette=LIGHT, status=Status.OK), "polyline")[0]
    first, last = (float(point.split(",")[1]) for point in line.get("points", "").split())
    assert last < first


def test_an_interval_covers_its_value_and_the_margin_stands_where_it_is() -> None:
    svg = interval_mark(
        0.5, Interval(low=0.25, high=1.0), low=0.0, high=1.0, palette=LIGHT, status=Status.CRITICAL, margin=0.5
    )
    margin, interval = parts(svg, "line")
    dot = parts(svg, "circle")[0]
    assert float(margin.get("x1", "")) == pytest.approx(float(dot.get("cx", "")))
    assert float(interval.get("x1", "")) < float(dot.get("cx", "")) < float(interval.get("x2", ""))


def test_what_lies_beyond_the_scale_stops_at_its_end() -> None:
    svg = interval_mark(9.0, Interval(low=-5.0, high=99.0), low=0.0, high=1.0, palette=LIGHT, status=Status.OK)
    interval = parts(svg, "line")[0]
    assert (float(interval.get("x1", "")), float(interval.get("x2", ""))) == (4.0, 146.0)


def test_there_is_no_text_in_a_picture_that_cannot_see_the_fonts() -> None:
    svg = sparkline([1.0, 2.0], palette=LIGHT, status=Status.OK, band=Interval(low=0, high=1), limit=1.0)
    assert "<text" not in svg
