"""A column's values as a subject: its location, its spread and the share of every bin, or of every category."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from core.alarms.monitors import MIN_EXPECTED, Kind, Subject, share_subject
from core.measure import Family
from core.stats.binning import CategoryBins, NumericBins, Special, pool_adjacent

__all__ = ["category_subject", "distribution_subject", "numeric_subject"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
N_BINS = 10  # whose shares are monitored: more would divide the bet further and find nothing sooner
N_SCORED = 40  # that location and spread are read from
WEIGHTS = {"location": 0.4, "spread": 0.2, "bins": 0.4}


def distribution_subject(
    key: str,
    reference: Ints,
    bins: NumericBins | CategoryBins,
    *,
    family: Family = Family.DATA_DRIFT,
    column: str = "",
    n_window: float,
) -> Subject:
    """The values of a column as they are distributed: those that are missing or unreadable don't count.

    Parameters
    ----------
    reference : int array of shape (bins.size,)
        Counts of the whole reference.
    n_window : float
        Rows of an ordinary window: bins that are expected to hold fewer than 5 of them are pooled.

    Examples
    --------
    >>> bins = CategoryBins(categories=("a", "b", "c"))
    >>> reference = np.array([600, 390, 10, *[0] * 7])
    >>> subject = distribution_subject("values/x", reference, bins, column="x", n_window=1_000)
    >>> subject.names, subject.weights
    (('a', 'b', 'c'), (0.3333333333333333, 0.3333333333333333, 0.3333333333333333))
    """
    if isinstance(bins, NumericBins):
        return numeric_subject(key, reference, bins, family=family, column=column, n_window=n_window)
    return category_subject(key, reference, bins, family=family, column=column, n_window=n_window)


def numeric_subject(
    key: str, reference: Ints, bins: NumericBins, *, family: Family, column: str, n_window: float
) -> Subject:
    """Location, spread and bins of a numeric column; values outside the reference's range count in its end bins."""
    k = bins.n_bins
    fine = _groups(reference[:k], bins, N_SCORED)
    coarse = _groups(reference[:k], bins, N_BINS)
    mass = np.bincount(fine, weights=reference[:k]).astype(np.float64) if k else np.zeros(0)
    if np.count_nonzero(mass) < 2:
        return _other_value(key, reference, bins, family=family, column=column)
    location, spread = _contrasts(mass)
    joined = _pooled(np.bincount(coarse, weights=reference[:k]).astype(np.float64), n_window)
    n_bins = int(joined[-1]) + 1
    place = _ordered_place(bins)
    here = place >= 0
    scores = np.zeros((bins.size, 2 + n_bins))
    scores[here, 0] = location[fine[place[here]]]
    scores[here, 1] = spread[fine[place[here]]]
    scores[np.flatnonzero(here), 2 + joined[coarse[place[here]]]] = 1.0
    has_spread = bool(np.any(spread))
    weights = [WEIGHTS["location"] + (0 if has_spread else WEIGHTS["spread"]), WEIGHTS["spread"] if has_spread else 0.0]
    weights += [WEIGHTS["bins"] / n_bins] * n_bins
    names = _range_names(bins, joined[coarse])
    kept = [0, 1, *range(2, 2 + n_bins)] if has_spread else [0, *range(2, 2 + n_bins)]
    kinds = (Kind.LOCATION, Kind.SPREAD, *[Kind.BIN] * n_bins)
    all_names = ("location", "spread", *names)
    return Subject(
        key=key,
        family=family,
        column=column,
        names=tuple(all_names[place] for place in kept),
        kinds=tuple(kinds[place] for place in kept),
        weights=tuple(weights[place] for place in kept),
        scores=scores[:, kept],
        counted=np.repeat(here[:, None].astype(np.float64), len(kept), axis=1),
    )


def category_subject(
    key: str, reference: Ints, bins: CategoryBins, *, family: Family, column: str, n_window: float
) -> Subject:
    """The share of each category among the values; rare ones are pooled; a value that is unseen counts as a row."""
    k = bins.n_bins
    mass = reference[:k].astype(np.float64)
    if np.count_nonzero(mass) < 2:
        return _other_value(key, reference, bins, family=family, column=column)
    rare = mass * n_window < MIN_EXPECTED * mass.sum()
    names: list[str] = []
    columns: list[Floats] = []
    for code in np.flatnonzero(~rare):
        columns.append(np.eye(bins.size)[code])
        names.append(bins.names[code])
    if rare.any():
        pooled = np.zeros(bins.size)
        pooled[:k][rare] = 1.0
        pooled[k + Special.UNSEEN] = 1.0  # every value of the reference was once new: new ones are its equals
        columns.append(pooled)
        names.append("(rarer and new values)")
    counted = np.ones(bins.size)
    counted[[k + Special.MISSING, k + Special.INVALID]] = 0.0
    n = len(columns)
    return Subject(
        key=key,
        family=family,
        column=column,
        names=tuple(names),
        kinds=(Kind.CATEGORY,) * n,
        weights=(1 / n,) * n,
        scores=np.stack(columns, axis=1),
        counted=np.repeat(counted[:, None], n, axis=1),
    )


def _other_value(
    key: str, reference: Ints, bins: NumericBins | CategoryBins, *, family: Family, column: str
) -> Subject:
    """A column that was constant: the share of rows that hold anything else."""
    k = bins.n_bins
    only = int(np.argmax(reference[:k])) if k else -1
    values = [cell for cell in range(bins.size) if cell not in (k + Special.MISSING, k + Special.INVALID)]
    others = [cell for cell in values if cell != only]
    return share_subject(
        key, others, bins.size, family=family, column=column, name="another value", among=np.array(values)
    )


def _groups(reference: Ints, bins: NumericBins, n_groups: int) -> Ints:
    """Which group of about equal mass each regular bin belongs to."""
    return np.arange(bins.n_bins) if bins.exact else pool_adjacent(reference, n_groups)


def _ordered_place(bins: NumericBins) -> Ints:
    """The regular bin that each cell counts with: what lies outside counts with the ends; -1 for no place."""
    k = bins.n_bins
    place = np.full(bins.size, -1)
    place[:k] = np.arange(k)
    place[[k + Special.BELOW, k + Special.NEGATIVE_INFINITY]] = 0
    place[[k + Special.ABOVE, k + Special.POSITIVE_INFINITY]] = k - 1
    return place


def _contrasts(mass: Floats) -> tuple[Floats, Floats]:
    """Normal scores of ordered bins, and their squares made orthogonal to them; each of mean 0 and variance 1."""
    p = mass / mass.sum()
    upper = np.clip(np.cumsum(p), 0.0, 1.0)
    lower = np.concatenate([[0.0], upper[:-1]])
    density = np.exp(-(ndtri(np.stack([lower, upper])) ** 2) / 2) / np.sqrt(2 * np.pi)
    raw = np.zeros(p.size)
    np.divide(density[0] - density[1], p, out=raw, where=p > 0)
    raw[p == 0] = ndtri(np.clip(upper[p == 0], 1e-6, 1 - 1e-6))  # a value that the reference lacks, by its rank
    location = _standardised(raw, p)
    square = location**2
    spread = square - p @ square - (p @ (square * location)) * location
    scale = p @ spread**2
    if scale < 1e-9:  # two bins: every spread is a location
        return location, np.zeros(p.size)
    return location, spread / np.sqrt(scale)


def _standardised(scores: Floats, p: Floats) -> Floats:
    centred = scores - p @ scores
    return centred / np.sqrt(p @ centred**2)


def _pooled(mass: Floats, n_window: float) -> Ints:
    """Neighbouring groups joined until each is expected to hold 5 rows of a window."""
    expected = mass / mass.sum() * n_window
    labels, total, label = [], 0.0, 0
    for value in expected:
        if total >= MIN_EXPECTED:
            label, total = label + 1, 0.0
        labels.append(label)
        total += float(value)
    if total < MIN_EXPECTED and label:
        labels = [min(number, label - 1) for number in labels]
    return np.array(labels, dtype=np.int64)


def _range_names(bins: NumericBins, groups: Ints) -> tuple[str, ...]:
    """What stretches of neighbouring bins are called: '10 to 20'."""
    names = []
    for group in range(int(groups[-1]) + 1):
        inside = np.flatnonzero(groups == group)
        first, high = int(inside[0]), bins.ends[int(inside[-1])]
        low = bins.ends[first] if bins.exact else bins.ends[first - 1] if first else bins.low
        names.append(f"{high:.4g}" if low == high else f"{low:.4g} to {high:.4g}")
    return tuple(names)
