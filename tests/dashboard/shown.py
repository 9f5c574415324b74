"""What an opened page shows, gathered from all its elements."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from streamlit.testing.v1 import AppTest

from dashboard.text import plain

__all__ = ["assert_shown_as_text", "chart_texts", "linked", "markdown", "tables", "words"]

TAGS = re.compile(r"</?(?:b|br|extra|sub|sup|i|span(?: style='color:#[0-9a-f]{6}')?)\s*/?>")
ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")


def elements(page: AppTest) -> Iterator[Any]:
    """Every element and block of the page, its sidebar and an open dialog."""
    for block in page._tree.children.values():  # main and sidebar have names, dialogs don't
        yield from block


def markdown(page: AppTest) -> list[str]:
    """Every string that the browser reads as Markdown: texts, labels, cells of tables."""
    found: list[str] = []
    for element in elements(page):
        proto = getattr(element, "proto", None)
        kind = getattr(element, "type", "")
        if kind in ("plotly_chart", "arrow_data_frame", "image") or proto is None:
            continue
        if kind in ("table", "arrow_table"):
            frame = element.value
            found += [str(name) for name in frame.columns]
            found += [str(cell) for cell in frame.to_numpy().ravel()]
            continue
        for part in (proto, *(getattr(proto, name, None) for name in ("expandable", "tab_container", "dialog", "tab"))):
            for field in ("body", "label", "title"):
                text = getattr(part, field, None)
                if isinstance(text, str) and text:
                    found.append(text)
    return found


def words(page: AppTest) -> str:
    """All texts of the page as one, escapes taken back, so that what a reader sees can be looked for."""
    return ESCAPE.sub(r"\1", "\n".join(markdown(page))).replace("\u2060", "").replace("\u00a0", " ")


def tables(page: AppTest) -> list[Any]:
    """The frames of all tables."""
    return [element.value for element in elements(page) if getattr(element, "type", "") in ("table", "arrow_table")]


def linked(page: AppTest) -> list[tuple[str, str]]:
    """Every link of the page to another one: (page, query)."""
    return [
        (element.proto.page, element.proto.query_string)
        for element in elements(page)
        if getattr(element, "type", "") == "page_link"
    ]


def chart_texts(page: AppTest) -> list[str]:
    """Every string in every figure of the page."""
    found: list[str] = []

    def walk(node: object) -> None:
        if isinstance(node, str):
            found.append(node)
        elif isinstance(node, dict):
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    for element in elements(page):
        if getattr(element, "type", "") == "plotly_chart":
            walk(json.loads(element.proto.spec))
    return found


def assert_shown_as_text(page: AppTest, names: tuple[str, ...]) -> None:
    """Each of the names that occurs on the page is escaped wherever it does, and one of them occurs."""
    texts = markdown(page)
    for text in texts:
        rest = text
        for name in sorted(map(plain, names), key=len, reverse=True):
            rest = rest.replace(name, "")
        for name in names:
            assert name not in rest, f"{name!r} stands unescaped in {text!r}"
    assert any(plain(name) in text for name in names for text in texts), "none of the names is on the page"
    for text in chart_texts(page):
        assert "<" not in TAGS.sub("", text), f"a tag in a figure: {text!r}"
