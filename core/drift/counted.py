"""Scores of other monitors' conventions that can be had exactly from count vectors, without rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.drift.peers.evidently import jensen_shannon_of_shares, psi_of_shares
from core.errors import BinMismatchError
from core.stats.binning import CategoryBins, NumericBins, Special
from core.stats.distances import jensen_shannon_distance

__all__ = ["counted_scores", "doane_edges", "doane_edges_of_values", "nannyml_jensen_shannon"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def counted_scores(reference: Ints, current: Ints, bins: NumericBins | CategoryBins) -> dict[str, float]:
    """What would other monitors print for this column? Only what counts give to the digit, by convention.

    Parameters
    ----------
    reference, current : int arrays of shape (bins.size,)
    bins : NumericBins or CategoryBins

    Examples
    --------
    >>> bins = CategoryBins(categories=("a", "b"))
    >>> reference, current = np.array([3, 1, *[0] * 7]), np.array([2, 2, *[0] * 7])
    >>> {name: round(score, 4) for name, score in counted_scores(reference, current, bins).items()}
    {'nannyml.jensen_shannon': 0.2209, 'evidently.psi': 0.2747, 'evidently.jensen_shannon': 0.1839}
    """
    if not (_n_present(reference, bins) and _n_present(current, bins)):
        return {}
    if isinstance(bins, NumericBins):
        between = reference[bins.n_bins + Special.UNSEEN] + current[bins.n_bins + Special.UNSEEN]
        if between or not (bins.exact or bins.n_equal):
            return {}
        return {"nannyml.jensen_shannon": nannyml_jensen_shannon(reference, current, bins)}
    if bins.others:  # pooled, so that no value-by-value score can be had
        return {}
    scores = {"nannyml.jensen_shannon": nannyml_jensen_shannon(reference, current, bins)}
    if not current[bins.n_bins + Special.UNSEEN]:
        sides = [side[: bins.n_bins] / side[: bins.n_bins].sum() for side in (reference, current)]
        scores["evidently.psi"] = psi_of_shares(*sides)
        scores["evidently.jensen_shannon"] = jensen_shannon_of_shares(*sides)
    return scores


def nannyml_jensen_shannon(reference: Ints, current: Ints, bins: NumericBins | CategoryBins) -> float:
    """NannyML's Jensen-Shannon distance (base 2), exactly, from count vectors instead of rows.

    Parameters
    ----------
    reference, current : int arrays of shape (bins.size,)
        Each with at least one value.
    bins : NumericBins or CategoryBins
        As fitted on that reference.

    Raises
    ------
    BinMismatchError
        If numeric bins don't nest NannyML's.

    Examples
    --------
    >>> from core.drift.conventions import drift_score
    >>> from core.stats.binning import fit_numeric
    >>> before, after = np.arange(1_000) ** 1.5, 40 + np.arange(900) ** 1.5
    >>> bins = fit_numeric(before)
    >>> counts = [np.bincount(bins.assign(side), minlength=bins.size) for side in (before, after)]
    >>> from_rows = drift_score("nannyml.jensen_shannon", before, after).value
    >>> abs(nannyml_jensen_shannon(*counts, bins) - from_rows) < 1e-12
    True
    """
    k = bins.n_bins
    if isinstance(bins, CategoryBins):
        inside, n_cells = np.arange(k), k
    else:
        edges = doane_edges_of_values(np.asarray(bins.ends), reference[:k]) if bins.exact else doane_edges(bins)
        inside, n_cells = np.searchsorted(edges[1:-1], np.asarray(bins.ends), side="right"), edges.size - 1
    outside = [k + special for special in Special if special not in (Special.MISSING, Special.INVALID)]
    sides = [
        np.append(np.bincount(inside, weights=side[:k], minlength=n_cells).astype(np.int64), side[outside].sum())
        for side in (reference, current)
    ]
    return float(jensen_shannon_distance(sides[0], sides[1], pseudocount=0))


def doane_edges(bins: NumericBins) -> Floats:
    """The edges of NumPy's 'doane' histogram of the reference, which `fit_numeric` nested in its bins.

    Raises
    ------
    BinMismatchError
        If the bins hold no such histogram: columns of at most 80 distinct values are counted value by value.

    Examples
    --------
    >>> from core.stats.binning import fit_numeric
    >>> values = np.arange(1_000) ** 1.5
    >>> np.array_equal(doane_edges(fit_numeric(values)), np.histogram_bin_edges(values, "doane"))
    True
    """
    if not bins.n_equal:
        raise BinMismatchError("These bins don't nest a 'doane' histogram: the reference has too few distinct values.")
    return np.linspace(bins.low, bins.ends[-1], bins.n_equal + 1)


def doane_edges_of_values(values: Floats, counts: Ints) -> Floats:
    """The edges of NumPy's 'doane' histogram of values that occur so often each.

    Parameters
    ----------
    values : float array of shape (k,)
        Ascending.
    counts : int array of shape (k,)
        At least one above 0.

    References
    ----------
    D. P. Doane (1976), doi:10.1080/00031305.1976.10479172.

    Examples
    --------
    >>> rows = np.repeat([1.0, 2.0, 5.0], [30, 20, 10])
    >>> edges = doane_edges_of_values(np.array([1.0, 2.0, 5.0]), np.array([30, 20, 10]))
    >>> np.array_equal(edges, np.histogram_bin_edges(rows, "doane"))
    True
    """
    values, counts = values[counts > 0], counts[counts > 0]
    n, low, high = int(counts.sum()), float(values[0]), float(values[-1])
    if low == high:
        return np.array([low - 0.5, high + 0.5])
    n_bins = 1
    deviations = values - counts @ values / n
    spread = float(np.sqrt(counts @ deviations**2 / n))
    if n > 2 and spread > 0:
        skewness = float(counts @ (deviations / spread) ** 3) / n
        its_error = np.sqrt(6.0 * (n - 2) / ((n + 1.0) * (n + 3)))
        n_bins = int(np.ceil(1 + np.log2(n) + np.log2(1 + abs(skewness) / its_error)))
    return np.linspace(low, high, n_bins + 1)


def _n_present(counts: Ints, bins: NumericBins | CategoryBins) -> int:
    """Rows that have a value at all."""
    missing = counts[bins.n_bins + Special.MISSING] + counts[bins.n_bins + Special.INVALID]
    return int(counts.sum() - missing)
