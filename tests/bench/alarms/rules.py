"""Alarm rules on the same streams: Plumbline's two lights, and the rules that others ship or that are in use.

A rule answers window by window and column by column. Others' columns are complete: they leave missing values
out, and have no rule here for how many are missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.stats import f as f_law
from scipy.stats import false_discovery_control
from scipy.stats import t as t_law

from core.alarms.baseline import Margin
from core.alarms.monitors import Kind
from core.alarms.policy import AlarmPolicy
from core.alarms.watch import Light, Watch, arm
from core.drift.conventions import EvidentlyDefault, NannymlDefault
from core.drift.peers.evidently import psi_of_shares
from core.stats.binning import pool_adjacent
from tests.bench.alarms.counted import Stream
from tests.bench.alarms.worlds import N_NUMERIC

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

DAYS = 365.25
HORIZON = 30
NAMES = np.array([f"c{code:02}" for code in range(100)])
SMALL_REFERENCE = 1_000


def armed(stream: Stream, *, policy: AlarmPolicy | None = None) -> Watch:
    """The stream as the product arms it: one of the two sets of a model, with half of the budget."""
    policy = policy or AlarmPolicy()
    return arm(
        stream.subjects,
        stream.reference,
        margins=[Margin(sd=policy.margin_sd, points=policy.margin_points)] * len(stream.subjects),
        allowances={light: policy.allowance(DAYS, changed=light is Light.CHANGED) for light in Light},
        horizon=HORIZON,
    )


class ColumnRule(Protocol):
    """Anything that says of a window of a column whether it alarms."""

    def alarm(self, window: NDArray) -> bool: ...


class EvidentlyPsi:
    """Evidently's PSI from 0.1 on: 'sturges' bins of both sides together, or one a category."""

    def __init__(self, reference: NDArray) -> None:
        self._ordered = np.sort(reference)
        self._is_numeric = reference.dtype.kind == "f"
        self._values, self._counts = np.unique(reference, return_counts=True)

    def alarm(self, window: NDArray) -> bool:
        if self._is_numeric and self._values.size > 20:
            ordered = np.sort(window)
            low, high = min(self._ordered[0], ordered[0]), max(self._ordered[-1], ordered[-1])
            n_bins = int(np.ceil(np.log2(self._ordered.size + window.size) + 1.0))
            edges = np.linspace(low, high, n_bins + 1)
            p, q = (_shares_between(side, edges) for side in (self._ordered, ordered))
        else:
            values = np.union1d(self._values, window)
            p, q = np.zeros(values.size), np.zeros(values.size)
            p[np.searchsorted(values, self._values)] = self._counts / self._ordered.size
            found, counts = np.unique(window, return_counts=True)
            q[np.searchsorted(values, found)] = counts / window.size
        return psi_of_shares(p, q) >= 0.1


def _shares_between(ordered: NDArray, edges: Floats) -> Floats:
    """Shares of sorted values in left-closed bins, the last one closed."""
    at = np.append(np.searchsorted(ordered, edges[:-1], "left"), np.searchsorted(ordered, edges[-1], "right"))
    return np.diff(at) / ordered.size


def _nannyml(method: str) -> Callable[[Sequence[NDArray]], ColumnRule]:
    def fitted(windows: Sequence[NDArray]) -> ColumnRule:
        is_numeric = windows[0].dtype.kind == "f"
        return NannymlDefault(windows, method=method if is_numeric else "jensen_shannon")

    return fitted


def _evidently_small(windows: Sequence[NDArray]) -> ColumnRule:
    return EvidentlyDefault(np.concatenate(windows)[-SMALL_REFERENCE:])


EVIDENTLY, EVIDENTLY_SMALL, NANNYML = "Evidently default", "Evidently default, small reference", "NannyML default"
DEFAULTS: Mapping[str, Callable[[Sequence[NDArray]], ColumnRule]] = {
    EVIDENTLY: lambda windows: EvidentlyDefault(np.concatenate(windows)),
    EVIDENTLY_SMALL: _evidently_small,
    NANNYML: _nannyml("jensen_shannon"),
    "Evidently PSI >= 0.1": lambda windows: EvidentlyPsi(np.concatenate(windows)),
}
COSTLY: Mapping[str, Callable[[Sequence[NDArray]], ColumnRule]] = {
    "NannyML Wasserstein": _nannyml("wasserstein"),
    "NannyML Kolmogorov-Smirnov": _nannyml("kolmogorov_smirnov"),
}
ABOUT = {
    EVIDENTLY: "more than 1,000 reference rows: Wasserstein/sd or Jensen-Shannon distance from 0.1 on",
    EVIDENTLY_SMALL: "the last 1,000 reference rows: Kolmogorov-Smirnov or chi-square, p < 0.05",
    NANNYML: "Jensen-Shannon above mean + 3 sd of the reference's chunks",
    "NannyML Wasserstein": "Wasserstein above mean + 3 sd; categories by Jensen-Shannon",
    "NannyML Kolmogorov-Smirnov": "Kolmogorov-Smirnov above mean + 3 sd; categories by Jensen-Shannon",
    "Evidently PSI >= 0.1": "on bins of reference and window together",
    "Decile PSI >= 0.1": "on the reference's deciles",
    "Decile PSI >= 0.2": "on the reference's deciles",
    "BH per window, q = 1/365": "t and F tests that know how reference windows differ",
    "BH per window, q = 0.05": "the same tests at the usual level",
}


def column_values(values: Floats, place: int) -> NDArray:
    """A column as others are given it: categories by name."""
    return values if place < N_NUMERIC else NAMES[values.astype(np.int64)]


def counted_rules(stream: Stream) -> dict[str, Bools]:
    """Rules that count tables are enough for: which windows alarm, by column; shape (n_windows, n_columns)."""
    psi, p_values = [], []
    first = 0
    for subject, (before, after) in zip(stream.subjects[::3], stream.counts, strict=True):
        n_monitors = len(subject.names)
        inside = slice(first, first + n_monitors)
        sides = (stream.reference.mean[:, inside], stream.production.mean[:, inside])
        is_numeric = subject.kinds[0] is Kind.LOCATION
        psi.append(_decile_psi(before.sum(axis=0), after, is_numeric=is_numeric))
        p_values.append(_t_test(*sides) if is_numeric else _f_test(*sides))
        first += n_monitors + 2
    index = np.stack(psi, axis=1)
    adjusted = false_discovery_control(np.stack(p_values, axis=1), axis=1)
    return {
        "Decile PSI >= 0.1": index >= 0.1,
        "Decile PSI >= 0.2": index >= 0.2,
        "BH per window, q = 1/365": adjusted <= 1 / 365,
        "BH per window, q = 0.05": adjusted <= 0.05,
    }


def _decile_psi(reference: Ints, windows: Ints, *, is_numeric: bool) -> Floats:
    k = reference.size - 7
    groups = pool_adjacent(reference[:k], 10) if is_numeric and k > 20 else np.arange(k)
    member = np.eye(groups[-1] + 1)[groups]
    p = np.maximum(reference[:k] @ member / reference[:k].sum(), 1e-4)
    q = windows[:, :k] @ member / windows[:, :k].sum(axis=1, keepdims=True)
    q = np.maximum(q, 1e-4)
    return ((p - q) * np.log(p / q)).sum(axis=1)


def _t_test(reference: Floats, windows: Floats) -> Floats:
    """Location and spread of a window against those of the reference's windows; the smaller p-value, doubled."""
    n = reference.shape[0]
    spread = reference[:, :2].std(axis=0, ddof=1) * np.sqrt(1 + 1 / n)
    t = (windows[:, :2] - reference[:, :2].mean(axis=0)) / spread
    return np.minimum(2 * (2 * t_law.sf(np.abs(t), n - 1)).min(axis=1), 1.0)


def _f_test(reference: Floats, windows: Floats) -> Floats:
    """A window's shares against the reference's, over what its own windows differ by."""
    n, k = reference.shape
    mean = reference.mean(axis=0)
    within = ((reference - mean) ** 2 / mean).sum() / ((n - 1) * max(k - 1, 1))
    between = ((windows - mean) ** 2 / mean).sum(axis=1) / max(k - 1, 1) / (1 + 1 / n)
    return f_law.sf(between / within, max(k - 1, 1), (n - 1) * max(k - 1, 1))
