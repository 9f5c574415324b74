"""A fairness audit on one page, in plain words, for somebody who has never heard of a confidence interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.report.page import escaped, html_page, html_table, paragraph

__all__ = ["FairnessPage", "GroupLine", "Section", "as_html", "as_markdown", "as_rows"]

HIDDEN = "hidden"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupLine:
    """One group; hidden where it is too small to be published, and then nothing is told of it."""

    group: str
    is_hidden: bool
    n: int = 0
    k: int = 0
    rate: float | None = None
    low: float | None = None
    high: float | None = None
    difference: float | None = None
    verdict: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One attribute: the answer in a sentence, its groups, and what is hidden."""

    attribute: str
    sentence: str
    lines: tuple[GroupLine, ...]
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FairnessPage:
    """All that stands on the page; texts are plain and are escaped where they are written out."""

    title: str
    opening: str
    coverage: str
    definition: str
    rows: str
    limit: str
    counted: str
    sections: tuple[Section, ...]
    cannot_show: tuple[str, ...]
    terms: tuple[tuple[str, str], ...]
    basis: tuple[tuple[str, str], ...]

    @property
    def header(self) -> tuple[str, ...]:
        """The columns of the groups' tables."""
        return ("Group", "Rows", self.counted, "Of every 100", "Between", "Against the others", "Verdict")


def as_html(page: FairnessPage) -> str:
    """The page as one file of HTML."""
    body = [
        f"<h1>{escaped(page.title)}</h1>",
        paragraph(page.opening, kind="lead"),
        paragraph(page.coverage),
        paragraph(f"{page.definition} {page.limit} {page.rows}"),
    ]
    for section in page.sections:
        body += [
            f"<h2>{escaped(section.attribute)}</h2>",
            paragraph(section.sentence),
            html_table(page.header, [_cells(line) for line in section.lines], numbers=(1, 2, 3)),
        ]
        if section.note:
            body.append(paragraph(section.note, kind="muted"))
    body += ["<h2>What this cannot show</h2>", _listed(page.cannot_show)]
    body += ["<h2>Words</h2>", _listed([f"{name}: {words}" for name, words in page.terms])]
    body += [paragraph("; ".join(f"{name}: {value}" for name, value in page.basis), kind="muted")]
    return html_page(page.title, body)


def as_markdown(page: FairnessPage) -> str:
    """The page as Markdown, for a ticket or a repository."""
    lines = [f"# {_plain(page.title)}", "", f"**{_plain(page.opening)}**", "", _plain(page.coverage), ""]
    lines += [_plain(f"{page.definition} {page.limit} {page.rows}"), ""]
    for section in page.sections:
        lines += [f"## {_plain(section.attribute)}", "", _plain(section.sentence), ""]
        lines += [f"| {' | '.join(map(_plain, page.header))} |", f"|{' --- |' * len(page.header)}"]
        lines += [f"| {' | '.join(_plain(cell) for cell in _cells(line))} |" for line in section.lines]
        lines += ["", *([_plain(section.note), ""] if section.note else [])]
    lines += ["## What this cannot show", "", *(f"- {_plain(text)}" for text in page.cannot_show), ""]
    lines += ["## Words", "", *(f"- {_plain(name)}: {_plain(words)}" for name, words in page.terms), ""]
    lines += [_plain("; ".join(f"{name}: {value}" for name, value in page.basis))]
    return "\n".join(lines) + "\n"


def as_rows(page: FairnessPage) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    """The groups as a table for a spreadsheet: (header, rows); a hidden group has its name and nothing else."""
    header = ("attribute", "group", "rows", "counted", "rate", "low", "high", "difference", "verdict")
    rows: list[tuple[object, ...]] = []
    for section in page.sections:
        for line in section.lines:
            start = (section.attribute, line.group)
            if line.is_hidden:
                rows.append((*start, *[None] * 6, HIDDEN))
            else:
                rows.append((*start, line.n, line.k, line.rate, line.low, line.high, line.difference, line.verdict))
    return header, rows


def _cells(line: GroupLine) -> tuple[str, ...]:
    if line.is_hidden:
        return (line.group, HIDDEN, HIDDEN, HIDDEN, HIDDEN, HIDDEN, "too few to publish")
    between = "" if line.low is None or line.high is None else f"{100 * line.low:.1f} and {100 * line.high:.1f}"
    gap = "" if line.difference is None else f"{abs(100 * line.difference):.1f} {_way(line.difference)}"
    rate = "not known" if line.rate is None else f"{100 * line.rate:.1f}"
    return (line.group, f"{line.n:,}", f"{line.k:,}", rate, between, gap, line.verdict)


def _way(difference: float) -> str:
    return "more" if difference > 0 else "fewer" if difference < 0 else ""


def _listed(texts: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escaped(text)}</li>' for text in texts)}</ul>"


def _plain(text: str) -> str:
    """Text that Markdown shows letter by letter."""
    cleaned = "".join(char if char.isprintable() else " " for char in text)
    return "".join(f"\\{char}" if char in "\\`*_{}[]<>#|!~$" else char for char in cleaned)
