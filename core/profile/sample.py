"""Which rows of a window are kept at hand: those whose ids hash lowest, so that samples add up like counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["sampled_rows"]

Ints = NDArray[np.int64]
Hashes = NDArray[np.uint64]


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
