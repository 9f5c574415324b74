"""Columns of a stream in memory as the product counts and watches them: values, what is missing and what is outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from core.alarms.distributions import distribution_subject
from core.alarms.monitors import Subject, Windows, share_subject
from core.measure import Family
from core.profile.facts import ColumnFacts, codes_of_values, facts_of_categories, facts_of_numbers
from core.stats.binning import CategoryBins, NumericBins, Special, fit_categories, fit_numeric

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bins = NumericBins | CategoryBins

NO_VALUE = (Special.MISSING, Special.INVALID)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CountedColumn:
    """Counts by window, shape (n_windows, bins.size), and rows of each reference window that hold what no other has."""

    name: str
    bins: Bins
    reference: Ints
    production: Ints
    novel: Ints


def by_window(codes: Ints, windows: Ints, n_windows: int, size: int) -> Ints:
    """How many rows of each window lie in each bin; `windows` numbers them from 0."""
    return np.bincount(windows * size + codes, minlength=n_windows * size).reshape(n_windows, size)


def novel_by_window(facts: ColumnFacts, windows: Ints, n_windows: int) -> Ints:
    found = facts.novel_by_window(windows)
    return np.array([found.get(window, 0) for window in range(n_windows)])


def counted_column(
    name: str, values: pd.Series, windows: Ints, *, n_reference: int, n_windows: int
) -> CountedColumn | str:
    """A column of the reference and of production after it, counted; or why it is left out.

    `windows` numbers the window of each row, of which the first `n_reference` are the reference.
    """
    before = windows < n_reference
    inside = windows[before]
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        numbers = values.to_numpy(dtype=np.float64)
        bins: Bins = fit_numeric(numbers[before])
        facts = facts_of_numbers(numbers[before], inside, by_value=bins.exact)
        codes = bins.assign(numbers)
    else:
        names = values.astype("string")
        reference_codes, n_distinct = codes_of_values(pa.chunked_array([pa.array(names[before], pa.string())]))
        facts = facts_of_categories(reference_codes, inside, n_distinct=n_distinct)
        bins = fit_categories(names[before].value_counts().to_dict())
        found = names.map(bins.codes()).astype("float64").fillna(bins.n_bins + Special.UNSEEN)
        codes = found.mask(names.isna(), bins.n_bins + Special.MISSING).to_numpy(dtype=np.int64)
    if facts.left_out:
        return facts.left_out
    counts = by_window(codes, windows, n_windows, bins.size)
    return CountedColumn(
        name=name,
        bins=bins,
        reference=counts[:n_reference],
        production=counts[n_reference:],
        novel=novel_by_window(facts, inside, n_reference),
    )


def watched(columns: Sequence[CountedColumn], n_window: float) -> tuple[list[Subject], Windows, Windows]:
    """A subject each for the values, the missing and the outside ones of every column; reference and production."""
    subjects, before, after = [], [], []
    for column in columns:
        bins, k = column.bins, column.bins.n_bins
        present = np.setdiff1d(np.arange(bins.size), [k + special for special in NO_VALUE])
        values = distribution_subject(
            f"values/{column.name}", column.reference.sum(axis=0), bins, column=column.name, n_window=n_window
        )
        missing, outside = (
            share_subject(
                f"{of}/{column.name}",
                [k + special for special in specials],
                bins.size,
                family=Family.DATA_QUALITY,
                column=column.name,
                name=of,
                among=among,
            )
            for of, specials, among in (
                ("missing", [Special.MISSING], None),
                ("outside", [special for special in Special if special not in NO_VALUE], present),
            )
        )
        novel = column.novel[:, None].astype(np.float64)
        known = column.reference[:, present].sum(axis=1)[:, None].astype(np.float64)
        subjects += [values, missing, outside]
        before += [
            values.windows(column.reference),
            missing.windows(column.reference),
            Windows(n=known, total=novel, total_of_squares=novel),
        ]
        after += [subject.windows(column.production) for subject in (values, missing, outside)]
    return subjects, Windows.beside(before), Windows.beside(after)
