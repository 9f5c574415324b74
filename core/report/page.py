"""A page of HTML that stands alone: no script, no link, everything escaped, made to be printed."""

from __future__ import annotations

import html
from collections.abc import Sequence

__all__ = ["escaped", "html_page", "html_table", "paragraph"]

STYLE = """
body { font: 14px/1.5 system-ui, sans-serif; color: #1b1f24; background: #fff; max-width: 46rem; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 22px; margin: 0 0 .25rem; } h2 { font-size: 16px; margin: 1.4rem 0 .4rem; }
p { margin: .4rem 0; } .muted { color: #5f6368; font-size: 12px; } .lead { font-size: 16px; font-weight: 600; }
table { border-collapse: collapse; width: 100%; margin: .4rem 0; } caption { text-align: left; font-weight: 600; }
th, td { text-align: left; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid #d9dde2; vertical-align: top; }
th { font-weight: 400; color: #5f6368; font-size: 12px; } td.number, th.number { text-align: right; }
ul { margin: .4rem 0; padding-left: 1.2rem; }
@media print { body { margin: 0; } }
"""


def escaped(text: object) -> str:
    """Text so that HTML shows it letter by letter; what can't be printed becomes a space.

    Examples
    --------
    >>> escaped('<b>"x"</b>')
    '&lt;b&gt;&quot;x&quot;&lt;/b&gt;'
    """
    return html.escape("".join(char if char.isprintable() else " " for char in str(text)))


def html_page(title: str, body: Sequence[str]) -> str:
    """A whole document of parts that are HTML already."""
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escaped(title)}</title>'
    policy = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    return f'<!doctype html>\n<html lang="en"><head>{head}{policy}<style>{STYLE}</style></head>\n<body>\n' + (
        "\n".join(body) + "\n</body></html>\n"
    )


def html_table(
    header: Sequence[str], rows: Sequence[Sequence[object]], *, caption: str = "", numbers: Sequence[int] = ()
) -> str:
    """A table of plain cells; the columns in `numbers` are set to the right."""
    marks = [' class="number"' if place in numbers else "" for place in range(len(header))]
    head = "".join(f"<th{mark}>{escaped(name)}</th>" for name, mark in zip(header, marks, strict=True))
    lines = [
        "<tr>" + "".join(f"<td{mark}>{escaped(cell)}</td>" for cell, mark in zip(row, marks, strict=True)) + "</tr>"
        for row in rows
    ]
    title = f"<caption>{escaped(caption)}</caption>" if caption else ""
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def paragraph(text: str, *, kind: str = "") -> str:
    """One paragraph of plain text."""
    mark = f' class="{kind}"' if kind else ""
    return f"<p{mark}>{escaped(text)}</p>"
