"""The table that New York City's Local Law 144 asks for: rates and impact ratios by sex, race and both."""

from __future__ import annotations

from dataclasses import dataclass

from core.fairness.impact import ImpactRow, ImpactTable
from core.report.page import escaped, html_page, html_table, paragraph

__all__ = ["LawTable", "LocalLaw144", "as_html", "as_rows"]

HIDDEN = "hidden"
CHANCE = (
    "p is no part of what the law asks for: how often groups that are alike would show as large a difference to the "
    "most selected one (Fisher's exact test, Holm over all pairs)."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LawTable:
    """One of the three tables; ``hidden`` categories are too small to be published."""

    title: str
    table: ImpactTable
    hidden: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalLaw144:
    """What is to be published. ``is_scoring``: rates are of scoring above the median, not of being selected."""

    model: str
    period: str
    source: str
    is_scoring: bool
    tables: tuple[LawTable, ...]
    notes: tuple[str, ...]
    basis: tuple[tuple[str, str], ...]

    @property
    def rate_name(self) -> str:
        """What the rate is called."""
        return "Scoring rate" if self.is_scoring else "Selection rate"

    @property
    def header(self) -> tuple[str, ...]:
        """The columns of every table."""
        selected = "# Above the median" if self.is_scoring else "# Selected"
        return ("Category", "# Applicants", selected, self.rate_name, "Impact ratio", "p", "Note")


def as_html(law: LocalLaw144) -> str:
    """The tables as one file of HTML."""
    title = f"Impact ratios of {law.model}"
    body = [f"<h1>{escaped(title)}</h1>", paragraph(law.period), paragraph(f"Data: {law.source}")]
    for each in law.tables:
        rows = [_cells(row, each) for row in each.table.rows]
        body.append(html_table(law.header, rows, caption=each.title, numbers=(1, 2, 3, 4, 5)))
        body.append(paragraph(_unknown(each), kind="muted"))
    body.append(paragraph(CHANCE, kind="muted"))
    body += [paragraph(note, kind="muted") for note in law.notes]
    body.append(paragraph("; ".join(f"{name}: {value}" for name, value in law.basis), kind="muted"))
    return html_page(title, body)


def as_rows(law: LocalLaw144) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    """The tables below one another for a spreadsheet: (header, rows)."""
    rows: list[tuple[object, ...]] = []
    for each in law.tables:
        for row in each.table.rows:
            if row.category in each.hidden:
                rows.append((each.title, row.category, None, None, None, None, None, HIDDEN))
            else:
                rows.append(
                    (each.title, row.category, row.n, row.selected, row.rate, row.impact_ratio, row.p_value, row.note)
                )
        rows.append((each.title, "Unknown", each.table.n_unknown, None, None, None, None, "not in the ratios"))
    return ("table", *law.header), rows


def _cells(row: ImpactRow, table: LawTable) -> tuple[str, ...]:
    if row.category in table.hidden:
        return (row.category, HIDDEN, HIDDEN, HIDDEN, HIDDEN, "", "too few to publish")
    rate = "" if row.rate is None else f"{row.rate:.1%}"
    ratio = "" if row.impact_ratio is None else f"{row.impact_ratio:.3f}"
    chance = "" if row.p_value is None else "< 0.0001" if row.p_value < 0.0001 else f"{row.p_value:.4f}"
    return (row.category, f"{row.n:,}", f"{row.selected:,}", rate, ratio, chance, row.note)


def _unknown(table: LawTable) -> str:
    return f"Category unknown, and in no rate: {table.table.n_unknown:,}."
