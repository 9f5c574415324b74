"""How complete the cells of every window are, and the shares of unusable ones by column, judged together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.alarms.engine import judge
from core.measure import Family, Interval, Measure, Status
from core.quality.columns import column_quality
from core.services.drift import located
from core.services.observations import Observations
from core.stats.binning import Special
from core.stats.intervals import wilson

__all__ = ["QualityReport", "quality_report"]

Ints = NDArray[np.int64]

UNUSABLE = ("missing_share", "invalid_share")
CONVENTION = (
    "cells that are neither missing nor unreadable, of all cells; mean of the columns' Wilson limits, "
    "which holds however columns hang together"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityReport:
    """`complete` has one measure a window, `shares` one series for each column and kind of unusable cell."""

    complete: tuple[Measure, ...]
    shares: tuple[tuple[Measure, ...], ...]


def quality_report(observations: Observations) -> QualityReport:
    """Which share of the cells can be used, and in which columns did that change?

    The share of all cells is shown and not judged: one column that vanishes among hundreds hardly moves
    it. Each column's shares are judged, all of a window together.
    """
    context, columns = observations.context, observations.spec.columns
    if context.shows_reference:
        return QualityReport(complete=(), shares=())
    reference = {name: observations.reference_column(name) for name in columns}
    before = _complete([_usable(reference[name], bins.n_bins) for name, bins in columns.items()]).value
    complete, by_window = [], []
    for window in context.windows:
        counts = {name: observations.column(name, [window]) for name in columns}
        whole = _complete([_usable(counts[name], bins.n_bins) for name, bins in columns.items()])
        complete.append(located(replace(whole, reference=before), context, window))
        shares = []
        for name, bins in columns.items():
            quality = column_quality(reference[name], counts[name], bins)
            shares += [located(replace(quality.measure(share), column=name), context, window) for share in UNUSABLE]
        by_window.append(judge(shares, level=context.arming.level))
    return QualityReport(complete=tuple(complete), shares=tuple(zip(*by_window, strict=True)))


def _usable(counts: Ints, n_bins: int) -> tuple[int, int]:
    """Cells of a column that can be used, and all of them."""
    n = int(counts.sum())
    return n - int(counts[n_bins + Special.MISSING]) - int(counts[n_bins + Special.INVALID]), n


def _complete(cells: Sequence[tuple[int, int]]) -> Measure:
    """The share of usable cells over the columns."""
    n = sum(total for _, total in cells)
    blank = Measure(
        family=Family.DATA_QUALITY,
        measure="complete_share",
        value=None,
        n=n,
        convention=CONVENTION,
        status=Status.UNDEFINED,
        why="There are no cells.",
    )
    if n == 0:
        return blank
    limits = [wilson(usable, total) for usable, total in cells if total]
    return replace(
        blank,
        value=sum(usable for usable, _ in cells) / n,
        interval=Interval(
            low=float(np.mean([limit.low for limit in limits])), high=float(np.mean([limit.high for limit in limits]))
        ),
        status=Status.INSUFFICIENT,
        why="not judged as a whole: each column is",
    )
