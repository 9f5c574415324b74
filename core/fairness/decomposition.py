"""Why a gap in selection rates changed: other outcomes, other groups beside it, or the model itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.measure import Interval

__all__ = ["GapDecomposition", "GapPart", "decompose_gap"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

PARTS = ("base rate", "group mix", "model")
LEAST_ROWS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class GapPart:
    """What one cause contributed to the change of a gap, in [-1, 1], with its interval."""

    name: str
    value: float
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class GapDecomposition:
    """The change of a group's gap to the rest, split: the parts sum to `after` - `before`.

    ``parts`` is empty where the change can't be split, and ``why`` says why.
    """

    group: str
    before: float | None
    after: float | None
    n_before: int
    n_after: int
    parts: tuple[GapPart, ...]
    why: str

    @property
    def change(self) -> float | None:
        """By how much the gap moved."""
        return None if self.before is None or self.after is None else self.after - self.before


def decompose_gap(
    before: Ints,
    after: Ints,
    *,
    group_names: Sequence[str],
    group: str,
    positive: int,
    favourable: int,
    rng: np.random.Generator,
    n_draws: int = 400,
    confidence: float = 0.95,
) -> GapDecomposition:
    """Did the gap change because outcomes did, because the others are other people, or because the model did?

    Parameters
    ----------
    before, after : int arrays of shape (3, 3, n_groups)
        Rows by prediction, label and group of two periods; only those with both are used, as base rates need labels.
    group_names : sequence of n_groups names
    group : str
        Whose selection rate less that of all others is the gap.
    positive, favourable : int
        Places of the positive and of the favourable class.
    rng : numpy Generator
        Of the draws that the intervals are made of.
    n_draws : int
    confidence : float

    Returns
    -------
    GapDecomposition
        *Base rate*: the shares of positives inside groups moved; *group mix*: so did the shares of the groups that make
        up the rest; *model*: the decision on persons of the same group and outcome did. Each is a mean over all orders
        in which the three can be changed (Shapley), so no order is preferred and nothing is left over. Rates that have
        no rows in one period are taken from the other. Intervals are percentiles of multinomial draws.

    Raises
    ------
    InputError
        If shapes don't fit or the group doesn't exist.

    References
    ----------
    E. M. Kitagawa (1955), doi:10.1080/01621459.1955.10501299; R. Oaxaca (1973), doi:10.2307/2525981; A. F. Shorrocks
    (2013), doi:10.1007/s10888-011-9214-z.

    Examples
    --------
    >>> before, after = np.zeros((2, 3, 3, 2), dtype=np.int64)
    >>> before[1, :2], before[0, :2] = [[100, 100], [300, 300]], [[300, 300], [100, 100]]
    >>> after[1, :2], after[0, :2] = [[50, 100], [200, 300]], [[350, 300], [200, 100]]  # stricter with the first
    >>> found = decompose_gap(before, after, group_names=("a", "b"), group="a", positive=1, favourable=1,
    ...                       rng=np.random.default_rng(0))
    >>> round(found.change, 4), [(part.name, round(part.value, 4)) for part in found.parts]
    (-0.1875, [('base rate', 0.0), ('group mix', 0.0), ('model', -0.1875)])
    """
    names = list(group_names)
    for table in (before, after):
        if table.shape != (3, 3, len(names)):
            raise InputError(f"A gap is split on counts of shape (3, 3, {len(names)}), got {table.shape}.")
    if group not in names:
        raise InputError(f"No group {group!r} among {', '.join(names)}.")
    place = names.index(group)
    tables = [np.stack([_known(table, positive, favourable)]) for table in (before, after)]
    n_own = [int(table[0, :, :, place].sum()) for table in tables]
    n_rest = [int(table[0].sum()) - own for table, own in zip(tables, n_own, strict=True)]
    gaps = [
        _gap(*_factors(table, place), place)[0] if own and rest else None
        for table, own, rest in zip(tables, n_own, n_rest, strict=True)
    ]
    blank = GapDecomposition(
        group=group,
        before=None if gaps[0] is None else float(gaps[0]),
        after=None if gaps[1] is None else float(gaps[1]),
        n_before=n_own[0],
        n_after=n_own[1],
        parts=(),
        why="",
    )
    if min(*n_own, *n_rest) < LEAST_ROWS:
        why = f"Fewer than {LEAST_ROWS} rows with prediction and label in the group or the rest, before or after."
        return replace(blank, why=why)
    values = _split(tables[0], tables[1], place)[:, 0]
    drawn = [_drawn(table[0], rng, n_draws) for table in tables]
    spread = _split(drawn[0], drawn[1], place)
    tail = (1 - confidence) / 2
    parts = []
    for name, value, draws in zip(PARTS, values, spread, strict=True):
        low, high = np.quantile(draws, [tail, 1 - tail])
        limits = Interval(low=min(float(low), value), high=max(float(high), value), confidence=confidence)
        parts.append(GapPart(name=name, value=float(value), interval=limits))
    return replace(blank, parts=tuple(parts), why="Rows with prediction and label only.")


def _known(table: Ints, positive: int, favourable: int) -> Ints:
    """Labelled rows by (selected, positive) and group, shape (2, 2, n_groups)."""
    rows = [favourable if selected else 1 - favourable for selected in (0, 1)]
    columns = [positive if label else 1 - positive for label in (0, 1)]
    known: Ints = table[np.ix_(rows, columns)]
    return known


def _drawn(table: Ints, rng: np.random.Generator, n_draws: int) -> Ints:
    """Tables of another sample of the same size, shape (n_draws, 2, 2, n_groups)."""
    n = int(table.sum())
    return rng.multinomial(n, table.reshape(-1) / n, size=n_draws).reshape(n_draws, *table.shape)


Factors = tuple[Floats, Floats, Floats]  # base rates (t, g), mix of the rest (t, g), chances by label (t, 2, g)


def _factors(tables: Ints, place: int) -> Factors:
    """What a gap is made of; NaN where there are no rows."""
    by_label = tables.sum(axis=1).astype(np.float64)
    n = by_label.sum(axis=1)
    others = n.copy()
    others[:, place] = 0.0
    with np.errstate(invalid="ignore", divide="ignore"):
        return by_label[:, 1] / n, others / others.sum(axis=1, keepdims=True), tables[:, 1] / by_label


def _gap(base: Floats, mix: Floats, chance: Floats, place: int) -> Floats:
    base, mix, chance = (np.nan_to_num(x) for x in (base, mix, chance))  # what has no rows has no weight
    selected = base * chance[:, 1] + (1 - base) * chance[:, 0]
    gap: Floats = selected[:, place] - (mix * selected).sum(axis=1)
    return gap


def _split(before: Ints, after: Ints, place: int) -> Floats:
    """The three parts of every pair of tables, shape (3, n)."""
    states = [_factors(before, place), _factors(after, place)]
    filled = [
        tuple(np.where(np.isnan(own), other, own) for own, other in zip(states[i], states[1 - i], strict=True))
        for i in (0, 1)
    ]
    parts = np.zeros((3, before.shape[0]))
    orders = list(permutations(range(3)))
    for order in orders:
        now = list(filled[0])
        last = _gap(now[0], now[1], now[2], place)
        for factor in order:
            now[factor] = filled[1][factor]
            moved = _gap(now[0], now[1], now[2], place)
            parts[factor] += moved - last
            last = moved
    return parts / len(orders)
