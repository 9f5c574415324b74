"""What all figures share: one style, two palettes, and text from data made harmless."""

from __future__ import annotations

import html
from dataclasses import fields
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.charts.frame import DARK, LIGHT, Palette, bare_figure, label, note_at_end, panel_title, rgba
from core.measure import Status


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_every_colour_of_words_can_be_read_and_every_mark_can_be_seen(palette: Palette) -> None:
    for name in ("text", "muted", "current", "reference", "critical", "warning", "ok", "unknown"):
        assert contrast(getattr(palette, name), palette.ground) >= 4.5, name
    assert contrast(palette.faint, palette.ground) >= 3


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_too_little_data_and_undefined_never_look_stable(palette: Palette) -> None:
    assert palette.of(Status.INSUFFICIENT) == palette.of(Status.UNDEFINED) == palette.unknown
    assert len({palette.of(status) for status in (Status.OK, Status.WARNING, Status.CRITICAL, Status.UNDEFINED)}) == 4


def test_the_palettes_differ_in_every_colour() -> None:
    names = [field.name for field in fields(Palette)]
    assert all(getattr(LIGHT, name) != getattr(DARK, name) for name in names)


@given(st.text())
def test_text_from_data_is_read_as_it_is(text: str) -> None:
    shown = label(text)
    assert "<" not in shown
    assert ">" not in shown
    assert html.unescape(shown) == "".join(char if char.isprintable() else " " for char in text)


def test_a_bare_figure_cannot_be_dragged_and_has_no_legend() -> None:
    layout = bare_figure(LIGHT, height=100).layout
    assert layout.dragmode is False
    assert layout.showlegend is False
    assert layout.paper_bgcolor == layout.plot_bgcolor == "rgba(0,0,0,0)"
    assert (layout.xaxis.showgrid, layout.yaxis.showgrid) == (False, True)
    assert layout.xaxis.fixedrange
    assert layout.yaxis.fixedrange


def test_titles_and_notes_escape_their_words() -> None:
    figure = bare_figure(LIGHT, height=100)
    panel_title(figure, "<script>", palette=LIGHT)
    note_at_end(figure, ["a", "<b>"], y=1.0, colour=LIGHT.muted)
    assert [note.text for note in figure.layout.annotations] == ["<b>&lt;script&gt;</b>", "a<br>&lt;b&gt;"]


@given(st.tuples(*[st.integers(0, 255)] * 3), st.floats(0, 1))
def test_a_colour_keeps_its_parts_when_it_gets_an_alpha(parts: tuple[int, int, int], alpha: float) -> None:
    assert rgba("#{:02x}{:02x}{:02x}".format(*parts), alpha).startswith("rgba({},{},{},".format(*parts))


def test_contrast_is_the_published_formula() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    greys = [contrast(f"#{level:02x}{level:02x}{level:02x}", "#ffffff") for level in range(0, 256, 17)]
    assert all(early > late for early, late in pairwise(greys))
