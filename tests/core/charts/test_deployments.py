"""The bars of versions in force: a row for each version, a bar for each stay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from core.charts.deployments import Stay, deployment_bars
from core.charts.frame import DARK, LIGHT

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = START + timedelta(days=30)


def stay(version: str | None, first: int, last: int | None) -> Stay:
    until = None if last is None else START + timedelta(days=last)
    return Stay(version=version, since=START + timedelta(days=first), until=until, words=f"{version} from day {first}")


STAYS = [stay("v1", 0, 10), stay("v2", 10, 12), stay("v1", 12, 20), stay(None, 20, 25), stay("v2", 25, None)]


def test_each_stay_is_a_bar_from_its_beginning_to_its_end() -> None:
    figure = deployment_bars(STAYS, now=NOW, palette=LIGHT).figure
    assert [tuple(bar.x) for bar in figure.data] == [(s.since, s.until or NOW) for s in STAYS]


def test_each_version_has_one_row_the_first_on_top() -> None:
    figure = deployment_bars(STAYS, now=NOW, palette=LIGHT).figure
    assert list(figure.layout.yaxis.ticktext) == ["v1", "v2", "none"]
    assert [bar.y[0] for bar in figure.data] == [2, 1, 2, 0, 1]
    assert figure.layout.height == deployment_bars(STAYS[:3], now=NOW, palette=LIGHT).figure.layout.height + 32


def test_what_is_in_force_now_stands_out_and_no_version_is_no_colour() -> None:
    for palette in (LIGHT, DARK):
        figure = deployment_bars(STAYS, now=NOW, palette=palette).figure
        assert figure.data[-1].line.color == palette.current
        assert all(bar.line.color != palette.current for bar in figure.data[:-1])
        assert figure.data[3].marker.line.color == palette.faint


def test_the_words_say_what_is_drawn() -> None:
    chart = deployment_bars(STAYS[:2], now=NOW, palette=LIGHT)
    assert chart.alt == "Versions in force: v1 from day 0; v2 from day 10."


def test_nothing_yet_is_an_empty_figure_with_words() -> None:
    chart = deployment_bars([], now=NOW, palette=LIGHT)
    assert not chart.figure.data
    assert chart.alt == "No version was ever in force."


def test_a_stay_that_begins_now_has_an_axis_of_some_length() -> None:
    figure = deployment_bars([Stay(version="v1", since=NOW, until=None, words="v1")], now=NOW, palette=LIGHT).figure
    low, high = figure.layout.xaxis.range
    assert low < high


def test_a_version_that_is_markup_is_drawn_as_text() -> None:
    chart = deployment_bars([stay("<b>x</b>", 0, None)], now=NOW, palette=LIGHT)
    assert list(chart.figure.layout.yaxis.ticktext) == ["&lt;b&gt;x&lt;/b&gt;"]
    assert "<b>" not in chart.figure.data[0].hovertext
