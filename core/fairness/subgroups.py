"""Where it is worst: subgroups found on one half of the rows, and confirmed on the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from core.errors import InputError
from core.measure import Interval
from core.stats.exact import fisher_p_value
from core.stats.intervals import newcombe_difference

__all__ = ["Codes", "Subgroup", "SubgroupScan", "worst_subgroups"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Where = tuple[tuple[str, str], ...]

MOST_DEPTH = 3
SAME = 0.95  # a subgroup that lies in a worse one with this share of its rows says nothing new
SCREEN = 0.95


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Codes:
    """One column of rows: the place of each row's value in `names`."""

    codes: Ints
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subgroup:
    """A subgroup found on the first half, with what the second half, untouched until then, says of it.

    ``difference`` is its rate less that of all other rows, of the second half only, so that it isn't flattered by
    having been picked; ``found_difference`` is what it was picked for. ``q_value`` is Benjamini and Yekutieli's.
    """

    where: Where
    n: int
    rate: float
    rest: float
    difference: float
    interval: Interval
    q_value: float
    is_confirmed: bool
    found_n: int
    found_difference: float

    @property
    def name(self) -> str:
        """The subgroup in words: column = value, and so on."""
        return " and ".join(f"{column} = {value}" for column, value in self.where)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubgroupScan:
    """The subgroups put to the test, those confirmed first, and how many were looked at to find them."""

    subgroups: tuple[Subgroup, ...]
    n_looked_at: int
    n_too_few: int
    n_rows: int
    false_discovery_rate: float
    words: str


def worst_subgroups(
    columns: Mapping[str, Codes],
    hit: Bools,
    *,
    first_half: Bools,
    eligible: Bools | None = None,
    higher_is_worse: bool = True,
    depth: int = 2,
    min_rows: int = 30,
    n_candidates: int = 20,
    false_discovery_rate: float = 0.1,
) -> SubgroupScan:
    """For whom is a rate worst, over protected attributes and features and up to three of them at once?

    Parameters
    ----------
    columns : mapping of column to Codes
        Of the same rows; numeric ones in a few bands.
    hit : bool array of shape (n_rows,)
        What the rate counts: an error, a refusal, a selection.
    first_half : bool array of shape (n_rows,)
        The rows to look for subgroups in; the others confirm.
    eligible : bool array of shape (n_rows,), optional
        The rate's denominator; all rows by default.
    higher_is_worse : bool
    depth : int
        How many columns a subgroup may be cut by, 1 to 3.
    min_rows : int
        Of the denominator, in each half.
    n_candidates : int
        How many are put to the test. They are those whose difference is largest at the lower end of its interval,
        without those that lie inside one that is as bad.
    false_discovery_rate : float
        Of the confirmed, in (0, 1), whatever the overlap between them (Benjamini and Yekutieli).

    Returns
    -------
    SubgroupScan

    Raises
    ------
    InputError
        If arrays differ in length, or options are out of their domain.

    References
    ----------
    Y. Chung et al. (2019), Slice Finder, doi:10.1109/ICDE.2019.00139; Y. Benjamini, D. Yekutieli (2001),
    doi:10.1214/aos/1013699998. The worst of thousands of subgroups is always bad: that is why the second half decides.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> sex, area = rng.integers(0, 2, (2, 4000))
    >>> wrong = rng.random(4000) < np.where((sex == 1) & (area == 1), 0.5, 0.1)
    >>> columns = {"sex": Codes(codes=sex, names=("f", "m")), "area": Codes(codes=area, names=("n", "s"))}
    >>> scan = worst_subgroups(columns, wrong, first_half=np.arange(4000) % 2 == 0)
    >>> scan.subgroups[0].name, scan.subgroups[0].is_confirmed
    ('sex = m and area = s', True)
    """
    n = hit.size
    if any(column.codes.shape != (n,) for column in columns.values()) or first_half.shape != (n,):
        raise InputError(f"Subgroups need columns and halves of the same {n} rows.")
    if not (1 <= depth <= MOST_DEPTH and min_rows >= 1 and n_candidates >= 1 and 0 < false_discovery_rate < 1):
        raise InputError(f"depth is 1 to {MOST_DEPTH}, min_rows and n_candidates 1 or more, a discovery rate 0 to 1.")
    used = np.ones(n, dtype=bool) if eligible is None else eligible
    sign = 1 if higher_is_worse else -1
    found, looked_at, too_few = _candidates(columns, hit, used & first_half, sign, (depth, min_rows))
    picked = _distinct(found, columns, used & first_half, n_candidates)
    tested = [_tested(each, columns, hit, used & ~first_half, (sign, min_rows)) for each in picked]
    told = [each for each in tested if each is not None]
    ranks = _yekutieli([p for _, p in told])
    subgroups = [_with_q(subgroup, q, false_discovery_rate) for (subgroup, _), q in zip(told, ranks, strict=True)]
    subgroups.sort(key=lambda each: (not each.is_confirmed, -sign * each.difference))
    n_confirmed = sum(each.is_confirmed for each in subgroups)
    return SubgroupScan(
        subgroups=tuple(subgroups),
        n_looked_at=looked_at,
        n_too_few=too_few,
        n_rows=int(used.sum()),
        false_discovery_rate=false_discovery_rate,
        words=_words(n_confirmed, len(subgroups), looked_at, min_rows, false_discovery_rate),
    )


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A subgroup of the first half: its cells, rows, difference to the rest and the least that it surely is."""

    cells: tuple[tuple[str, int], ...]
    n: int
    difference: float
    bound: float


def _candidates(
    columns: Mapping[str, Codes], hit: Bools, used: Bools, sign: int, limits: tuple[int, int]
) -> tuple[list[_Candidate], int, int]:
    """Every subgroup with rows enough that looks worse than the rest; how many were looked at, how many were thin."""
    depth, min_rows = limits
    k_all, n_all = int(hit[used].sum()), int(used.sum())
    hits = hit[used].astype(np.float64)
    own = {name: column.codes[used] for name, column in columns.items()}
    z = float(ndtri(SCREEN))
    found, looked_at, too_few = [], 0, 0
    for names, codes in _cut(own, columns, depth):
        width = int(np.prod([len(columns[name].names) for name in names]))
        n = np.bincount(codes, minlength=width)
        k = np.bincount(codes, weights=hits, minlength=width)
        enough = (n >= min_rows) & (n_all - n >= min_rows)
        looked_at += int(enough.sum())
        too_few += int(((n > 0) & ~enough).sum())
        places = np.flatnonzero(enough)
        rate, rest = k[places] / n[places], (k_all - k[places]) / (n_all - n[places])
        spread = np.sqrt(
            (rate * (1 - rate) + 1 / n[places]) / n[places] + rest * (1 - rest) / (n_all - n[places])
        )  # 1 / n keeps a rate of 0 or 1 of few rows from looking certain
        bound = sign * (rate - rest) - z * spread
        for place, difference, least in zip(places.tolist(), rate - rest, bound, strict=True):
            if least > 0:
                shape = [len(columns[name].names) for name in names]
                cells = tuple(zip(names, (int(c) for c in np.unravel_index(place, shape)), strict=True))
                found.append(_Candidate(cells, int(n[place]), float(difference), float(least)))
    found.sort(key=lambda each: (-each.bound, len(each.cells)))
    return found, looked_at, too_few


def _cut(own: Mapping[str, Ints], columns: Mapping[str, Codes], depth: int) -> Iterator[tuple[tuple[str, ...], Ints]]:
    for size in range(1, depth + 1):
        for names in combinations(columns, size):
            codes = np.zeros(next(iter(own.values())).size, dtype=np.int64)
            for name in names:
                codes = codes * len(columns[name].names) + own[name]
            yield names, codes


def _distinct(found: Sequence[_Candidate], columns: Mapping[str, Codes], used: Bools, most: int) -> list[_Candidate]:
    """The best candidates, without those that lie inside one that is already there."""
    picked: list[tuple[_Candidate, Bools]] = []
    for each in found:
        if len(picked) == most:
            break
        rows = _rows(each, columns) & used
        if not any((rows & others).sum() >= SAME * rows.sum() for _, others in picked):  # a part of one as bad
            picked.append((each, rows))
    return [each for each, _ in picked]


def _rows(each: _Candidate, columns: Mapping[str, Codes]) -> Bools:
    rows = np.ones(next(iter(columns.values())).codes.size, dtype=bool)
    for name, code in each.cells:
        rows &= columns[name].codes == code
    return rows


def _tested(
    each: _Candidate, columns: Mapping[str, Codes], hit: Bools, used: Bools, options: tuple[int, int]
) -> tuple[Subgroup, float] | None:
    """What the second half says, one-sided in the direction found; None with too few rows there."""
    sign, min_rows = options
    inside = _rows(each, columns) & used
    n, n_rest = int(inside.sum()), int(used.sum() - inside.sum())
    if n < min_rows or n_rest < min_rows:
        return None
    k = int(hit[inside].sum())
    k_rest = int(hit[used].sum()) - k
    difference = k / n - k_rest / n_rest
    two_sided = fisher_p_value(k, n, k_rest, n_rest)
    subgroup = Subgroup(
        where=tuple((name, columns[name].names[code]) for name, code in each.cells),
        n=n,
        rate=k / n,
        rest=k_rest / n_rest,
        difference=difference,
        interval=newcombe_difference(k, n, k_rest, n_rest),
        q_value=1.0,
        is_confirmed=False,
        found_n=each.n,
        found_difference=each.difference,
    )
    return subgroup, two_sided if sign * difference > 0 else 1.0


def _yekutieli(p_values: Sequence[float]) -> list[float]:
    if not p_values:
        return []
    from scipy.stats import false_discovery_control

    adjusted: list[float] = false_discovery_control(p_values, method="by").tolist()
    return adjusted


def _with_q(subgroup: Subgroup, q: float, rate: float) -> Subgroup:
    return replace(subgroup, q_value=q, is_confirmed=q <= rate)


def _words(n_confirmed: int, n_tested: int, looked_at: int, min_rows: int, rate: float) -> str:
    if not looked_at:
        return f"No subgroup has the {min_rows} rows asked for in the first half."
    if not n_tested:
        return f"None of {looked_at:,} subgroups looked at on one half is surely worse there than all others."
    said = f"{n_confirmed or 'None'} of the {n_tested} worst of {looked_at:,} subgroups looked at on one half"
    are = "is" if n_confirmed <= 1 else "are"
    return f"{said} {are} confirmed on the other, at a false-discovery rate of {rate:.0%}."
