"""The map of groups within groups: who is a disparity, who is hatched, and nothing read as fair that isn't known."""

from __future__ import annotations

import pytest

from core.charts.crossing import CellMark, crossing_map
from core.charts.frame import LIGHT
from core.fairness.support import Cell

HOSTILE = '<a href="x">y</a>'


def mark(row: str, column: str, value: float | None = 0.5, *, cell: Cell = Cell.OK, beyond: bool = False) -> CellMark:
    text = "n 3" if cell is not Cell.OK else f"{value:.0%}"
    return CellMark(
        row=row, column=column, value=value, text=text, hover=f"{row} {column}", cell=cell, is_disparity=beyond
    )


def shapes(*marks: CellMark) -> list:
    return list(crossing_map(marks, palette=LIGHT, title="Share").figure.layout.shapes)


def test_a_disparity_has_a_frame_and_a_dot_so_that_it_is_seen_in_grey_too() -> None:
    chart = crossing_map([mark("f", "A", 0.2, beyond=True), mark("m", "A", 0.5)], palette=LIGHT, title="Share")
    texts = chart.figure.data[0].text
    assert list(texts) == ["● 20%", "50%"]
    assert [shape.line.color for shape in chart.figure.layout.shapes] == [LIGHT.critical, LIGHT.grid]
    assert chart.alt == "Share: 2 cells; disparities: f, A 20%."


@pytest.mark.parametrize(("cell", "n_lines"), [(Cell.LOW_SUPPORT, 9), (Cell.UNDEFINED, 18), (Cell.NOT_ESTIMABLE, 18)])
def test_a_cell_that_nobody_can_speak_of_is_hatched_and_has_no_shade(cell: Cell, n_lines: int) -> None:
    box, hatch = shapes(mark("f", "A", None, cell=cell))
    assert box.fillcolor == "rgba(0,0,0,0)"
    assert hatch.type == "path"
    assert hatch.path.count("M") == n_lines
    chart = crossing_map([mark("f", "A", None, cell=cell)], palette=LIGHT, title="Share")
    assert chart.alt == "Share: 1 cells; no disparity; 1 hatched, as nobody can speak of them."


def test_shades_of_close_rates_are_not_blown_up_to_look_like_a_gap() -> None:
    def alpha(shape: object) -> float:
        return float(shape.fillcolor.rsplit(",", 1)[1].rstrip(")"))  # type: ignore[attr-defined]

    near = shapes(mark("f", "A", 0.50), mark("m", "A", 0.51))
    far = shapes(mark("f", "A", 0.30), mark("m", "A", 0.70))
    assert alpha(near[1]) - alpha(near[0]) < 0.06 < alpha(far[1]) - alpha(far[0])


def test_names_from_data_are_escaped_and_long_ones_cut() -> None:
    chart = crossing_map([mark(HOSTILE, HOSTILE), mark("a" * 90, "b" * 90)], palette=LIGHT, title=HOSTILE)
    assert "<a" not in chart.figure.to_json()
    assert max(map(len, chart.figure.layout.xaxis.ticktext)) <= 60


def test_nothing_to_map_is_no_failure() -> None:
    assert crossing_map([], palette=LIGHT, title="Share").alt == "Share: 0 cells; no disparity."
