"""Tables as CSV that no spreadsheet takes for formulas."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import pyarrow as pa

__all__ = ["as_csv", "neutral"]

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def neutral(value: object) -> object:
    """A cell that a spreadsheet shows and doesn't run: text that could be a formula gets a leading quote.

    Examples
    --------
    >>> neutral("=1+1"), neutral(-3.5), neutral("-3.5"), neutral("x")
    ("'=1+1", -3.5, '-3.5', 'x')
    """
    if not isinstance(value, str) or not value.startswith(FORMULA_STARTS):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


def as_csv(table: pa.Table | tuple[Sequence[str], Sequence[Sequence[object]]]) -> bytes:
    """A table, or (header, rows), as UTF-8 CSV with formulas neutralised.

    Examples
    --------
    >>> as_csv((["a", "=b"], [[1, "@x"], [None, "y"]])).decode().split()
    ["a,'=b", "1,'@x", ',y']
    """
    header, rows = (
        (table.column_names, [list(row.values()) for row in table.to_pylist()])
        if isinstance(table, pa.Table)
        else table
    )
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([neutral(name) for name in header])
    writer.writerows([["" if cell is None else neutral(cell) for cell in row] for row in rows])
    return text.getvalue().encode()
