"""Rows as they come in practice: a few of the production log that can't be used, each for a stated reason."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

__all__ = ["CSV_WEEK", "WARTS", "Wart", "with_warts"]

CSV_WEEK = "2026-W31"  # written as CSV: only text can hold a number that is none


@dataclass(frozen=True, slots=True, kw_only=True)
class Wart:
    """A bad cell: in row number `row` of a week, or in a second row that repeats its id."""

    week: str
    row: int
    column: str
    value: str | float
    reason: str
    repeats: bool = False


WARTS = (
    Wart(week="2026-W27", row=4_210, column="version", value="v7-rc1", reason="unknown version"),
    Wart(week="2026-W27", row=4_211, column="version", value="v7-rc1", reason="unknown version"),
    Wart(week="2026-W27", row=4_213, column="version", value="v7-rc1", reason="unknown version"),
    Wart(week=CSV_WEEK, row=812, column="loan_amount", value="12.500,00", reason="unparseable number"),
    Wart(week=CSV_WEEK, row=2_764, column="months_at_job", value="3 yrs", reason="unparseable number"),
    Wart(week=CSV_WEEK, row=5_119, column="income", value="31k", reason="unparseable number"),
    Wart(week=CSV_WEEK, row=7_003, column="savings_balance", value="EUR 2300", reason="unparseable number"),
    Wart(
        week=CSV_WEEK,
        row=1_500,
        column="loan_amount",
        value=9_900.0,
        reason="duplicate id with different content",
        repeats=True,
    ),
    Wart(
        week=CSV_WEEK,
        row=3_333,
        column="loan_amount",
        value=4_700.0,
        reason="duplicate id with different content",
        repeats=True,
    ),
    Wart(
        week=CSV_WEEK,
        row=6_021,
        column="loan_amount",
        value=15_300.0,
        reason="duplicate id with different content",
        repeats=True,
    ),
    Wart(week="2026-W35", row=2_048, column="score", value=1.7, reason="score outside 0..1"),
    Wart(week="2026-W35", row=8_190, column="score", value=1.7, reason="score outside 0..1"),
)


def with_warts(week: str, frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of a week with its warts put in; a row that repeats an id comes last."""
    warts = [wart for wart in WARTS if wart.week == week]
    if not warts:
        return frame
    repeated = [frame.iloc[[wart.row]].assign(**{wart.column: wart.value}) for wart in warts if wart.repeats]
    spoilt = pd.concat([frame, *repeated], ignore_index=True)
    for wart in warts:
        if not wart.repeats:
            if isinstance(wart.value, str):
                spoilt[wart.column] = _as_text(spoilt[wart.column])
            spoilt.loc[wart.row, wart.column] = wart.value
    return spoilt


def _as_text(column: pd.Series) -> pd.Series:
    """Numbers as they would be written; text stays."""
    if not pd.api.types.is_float_dtype(column.dtype):
        return column.astype(object)
    return column.map(lambda value: f"{value:.10g}", na_action="ignore").astype(object)
