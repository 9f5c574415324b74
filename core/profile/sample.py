"""Which rows of a window are kept at hand: those whose ids hash lowest, so that samples add up like counts."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

__all__ = ["sampled_of_parts", "sampled_rows"]

Ints = NDArray[np.int64]
Hashes = NDArray[np.uint64]

AT_ONCE = 1_000_000


def sampled_rows(hashes: Hashes, windows: Ints, *, limit: int) -> Ints:
    """The rows of every window that belong to its sample.

    Whatever the order of the rows, and however they are split over batches, the sample of a window is
    the same: the lowest hashes of the samples of its parts.

    Parameters
    ----------
    hashes : uint64 array of shape (n,)
        Of the rows' ids.
    windows : int array of shape (n,)
    limit : int
        Rows a window, 0 or more.

    Returns
    -------
    int array
        Places of the rows, ascending.

    Examples
    --------
    >>> hashes = np.array([5, 3, 9, 1, 4], dtype=np.uint64)
    >>> sampled_rows(hashes, np.array([7, 7, 7, 8, 8]), limit=2).tolist()
    [0, 1, 3, 4]
    """
    order = np.lexsort((hashes, windows))
    ordered = windows[order]
    starts = np.concatenate([[True], ordered[1:] != ordered[:-1]]) if ordered.size else np.empty(0, dtype=bool)
    first = np.flatnonzero(starts)
    rank = np.arange(ordered.size) - np.repeat(first, np.diff(np.append(first, ordered.size)))
    return np.sort(order[rank < limit]).astype(np.int64)


def sampled_of_parts(parts: Iterable[tuple[Hashes, Ints]], *, limit: int) -> Ints:
    """What `sampled_rows` finds of the hashes and windows of a long file, given part by part in order.

    Memory is that of a million rows and of the sample: the lowest of all are among the lowest of each part.

    Examples
    --------
    >>> parts = [(np.array([5, 3], dtype=np.uint64), np.array([7, 7])), (np.array([1], dtype=np.uint64), np.array([7]))]
    >>> sampled_of_parts(parts, limit=2).tolist()
    [1, 2]
    """
    hashes, windows, rows = np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    waiting: list[tuple[Hashes, Ints, Ints]] = []

    def lowest() -> tuple[Hashes, Ints, Ints]:
        together = [np.concatenate(side) for side in zip((hashes, windows, rows), *waiting, strict=True)]
        kept = sampled_rows(together[0], together[1], limit=limit)
        return together[0][kept], together[1][kept], together[2][kept]

    n_rows = 0
    for part_hashes, part_windows in parts:
        waiting.append((part_hashes, part_windows, np.arange(n_rows, n_rows + part_hashes.size)))
        n_rows += part_hashes.size
        if sum(part[0].size for part in waiting) >= AT_ONCE:
            hashes, windows, rows = lowest()
            waiting = []
    return lowest()[2]
