"""Evidently's and NannyML's default alarm rules of one column, fast enough to be run over many windows.

Each is fitted on the reference once. They are recomputed here so that what those monitors would have raised can be
shown beside Plumbline's own alarms; the releases are Evidently 0.7.21 and NannyML 0.13.1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri

from core.drift.peers import evidently, nannyml
from core.drift.peers.samples import Sample, is_numeric, present

__all__ = ["EvidentlyDefault", "NannymlDefault", "evidently_drifted", "nannyml_alerts"]

Floats = NDArray[np.float64]

LARGE_REFERENCE = 1_000  # rows up to which Evidently tests, beyond which it measures a distance
FEW_VALUES = 5
DISTANCE = 0.1
LEVEL = 0.05
KOLMOGOROV_5 = 1.3580986  # the limiting law's upper 5% point
TINY = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Which score Evidently takes for a column, and from where on it calls the column drifted."""

    method: str
    threshold: float


class NannymlDefault:
    """NannyML's default: a window alarms above mean + 3 standard deviations of the reference's own chunks.

    Parameters
    ----------
    reference_chunks : sequence of arrays
        The reference in the chunks that it is compared in; together they are the reference, which holds each.
    method : str
        A key of `core.drift.peers.nannyml.FITTED`; the default is 'jensen_shannon' for every column.
    categorical : bool or None
        Whether values are categories; by default numbers are not. Integers may be codes of categories.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> rule = NannymlDefault([rng.normal(size=500) for _ in range(10)])
    >>> rule.alarm(rng.normal(size=500)), rule.alarm(rng.normal(0.5, size=500))
    (False, True)
    """

    def __init__(
        self, reference_chunks: Sequence[Sample], *, method: str = "jensen_shannon", categorical: bool | None = None
    ) -> None:
        self._categorical = not is_numeric(reference_chunks[0]) if categorical is None else categorical
        chunks = [self._prepared(chunk) for chunk in reference_chunks]
        self.value = nannyml.FITTED[method](np.concatenate(chunks))
        of_chunks = [self.value(chunk) if chunk.size else math.nan for chunk in chunks]
        top = 1.0 if method == "kolmogorov_smirnov" else None
        self.threshold = nannyml.standard_deviation_threshold(of_chunks, high=top)[1]

    def alarm(self, window: Sample) -> bool:
        """Does the window lie above the threshold? Never if it has no value."""
        sample = self._prepared(window)
        return bool(sample.size) and self.value(sample) > self.threshold

    def _prepared(self, sample: Sample) -> Sample:
        values = present(sample)
        return values.astype(str) if self._categorical and is_numeric(values) else values


def nannyml_alerts(
    reference_chunks: Sequence[Sample],
    windows: Sequence[Sample],
    *,
    method: str = "jensen_shannon",
    categorical: bool | None = None,
) -> NDArray[np.bool_]:
    """Which windows of a column would NannyML's default rule alert on? Shape (n_windows,).

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> chunks = [rng.normal(size=500) for _ in range(10)]
    >>> nannyml_alerts(chunks, [chunks[0], chunks[0] + 1]).tolist()
    [False, True]
    """
    rule = NannymlDefault(reference_chunks, method=method, categorical=categorical)
    return np.array([rule.alarm(window) for window in windows])


class EvidentlyDefault:
    """Evidently's automatic choice: a test for a reference of at most 1,000 rows, a distance for a larger one.

    Up to 1,000 reference rows: a z-test for at most 2 distinct values on both sides together, chi-square for
    categories and up to 5 numbers, else Kolmogorov-Smirnov, each at 5%. Beyond: Wasserstein-1 over the reference's
    standard deviation for more than 5 numbers, else the Jensen-Shannon distance in nats, each from 0.1 on. The
    size of the window plays no part.

    Parameters
    ----------
    reference : array of shape (m,)
        Missing and infinite values are left out.
    categorical : bool or None
        Whether values are categories; by default numbers are not.

    Raises
    ------
    ValueError
        If the reference has no value.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> rule = EvidentlyDefault(rng.normal(size=2_000))
    >>> rule.choice(rng.normal(size=50)).method, rule.alarm(rng.normal(0.3, size=500))
    ('wasserstein', True)
    """

    def __init__(self, reference: Sample, *, categorical: bool | None = None) -> None:
        self._categorical = not is_numeric(reference) if categorical is None else categorical
        self._reference = self._prepared(reference)
        if not self._reference.size:
            raise ValueError("Evidently's rule needs a reference with at least one value.")
        self._values, self._counts = np.unique(self._reference, return_counts=True)
        if not self._categorical:
            self._ordered = np.sort(self._reference)
            self._norm = max(float(np.std(self._reference)), 0.001)
            self._area = np.concatenate([[0.0], np.cumsum(self._ordered)]) / self._ordered.size
            self._grids: dict[int, tuple[Floats, Floats]] = {}
            self._between: dict[int, tuple[float, float]] = {}

    def choice(self, window: Sample) -> Rule:
        """Which score is taken for this window?"""
        return self._choice(self._prepared(window))

    def alarm(self, window: Sample) -> bool:
        """Is the column drifted in this window?

        Raises
        ------
        ValueError
            If the window has no value: Evidently's report fails then.
        """
        current = self._prepared(window)
        if not current.size:
            raise ValueError("Evidently fails on a window without a value of the column.")
        rule = self._choice(current)
        if rule.method == "wasserstein":
            return self._wasserstein(current) / self._norm >= rule.threshold
        if rule.method == "kolmogorov_smirnov":
            return self._is_far(current, rule.threshold)
        if rule.method == "z_test":
            p_value = evidently.z_test(self._reference, current).p_value
            return p_value is not None and p_value < rule.threshold
        before, after = self._counted(current)
        if rule.method == "chi_square":
            return self._fits_badly(before, after, rule.threshold)
        return evidently.jensen_shannon_of_shares(before / before.sum(), after / after.sum()) >= rule.threshold

    def _prepared(self, sample: Sample) -> Sample:
        values = present(sample)
        return values[np.isfinite(values)] if is_numeric(values) else values

    def _choice(self, current: Sample) -> Rule:
        n_values = self._values.size
        if n_values <= FEW_VALUES:
            n_values = np.union1d(self._values, current).size
        if self._reference.size > LARGE_REFERENCE:
            is_continuous = not self._categorical and n_values > FEW_VALUES
            return Rule(method="wasserstein" if is_continuous else "jensen_shannon", threshold=DISTANCE)
        if not self._categorical and n_values > FEW_VALUES:
            return Rule(method="kolmogorov_smirnov", threshold=LEVEL)
        return Rule(method="chi_square" if n_values > 2 else "z_test", threshold=LEVEL)

    def _counted(self, current: Sample) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Counts of each reference value, and of all others together, which count alike in every distance."""
        places = np.minimum(np.searchsorted(self._values, current), self._values.size - 1)
        known = self._values[places] == current
        after = np.bincount(places[known], minlength=self._values.size)
        n_unseen = current.size - int(known.sum())
        return (np.append(self._counts, 0), np.append(after, n_unseen)) if n_unseen else (self._counts, after)

    def _wasserstein(self, current: Sample) -> float:
        """Wasserstein-1 by coupling quantiles: each window value with its stretch of the reference's."""
        ordered, m, n = np.sort(current).astype(np.float64), self._ordered.size, current.size
        if n not in self._grids:
            ends = np.arange(n + 1) / n
            whole = np.minimum((np.arange(n + 1) * m) // n, m - 1)
            self._grids[n] = ends, self._area[whole] + (ends - whole / m) * self._ordered[whole]
        ends, area = self._grids[n]
        below = np.searchsorted(self._ordered, ordered, "left")  # where the reference passes the value
        crossing, inside = below / m, self._area[below]
        inside = np.where(crossing <= ends[:-1], area[:-1], np.where(crossing >= ends[1:], area[1:], inside))
        crossing = np.clip(crossing, ends[:-1], ends[1:])
        return float((ordered * (2 * crossing - ends[:-1] - ends[1:]) + area[:-1] + area[1:] - 2 * inside).sum())

    def _is_far(self, current: Sample, level: float) -> bool:
        """Whether the exact p-value is at most the level; what is known of other windows of the size is used again."""
        m, n = self._ordered.size, current.size
        distance = nannyml.largest_gap(self._ordered, np.sort(current))
        limit = KOLMOGOROV_5 * math.sqrt((m + n) / (m * n))
        near, far = self._between.get(n, (0.85 * limit, 1.15 * limit) if min(m, n) >= TINY else (-1.0, 2.0))
        if not near < distance < far:
            return distance >= far
        p_value = evidently.kolmogorov_smirnov(self._reference, current).p_value
        is_far = p_value is not None and p_value <= level
        self._between[n] = (near, distance) if is_far else (distance, far)
        return is_far

    def _fits_badly(self, before: NDArray[np.int64], after: NDArray[np.int64], level: float) -> bool:
        if not before.all():
            return True
        expected = before * (after.sum() / before.sum())
        return float(((after - expected) ** 2 / expected).sum()) > float(chdtri(before.size - 1, level))


def evidently_drifted(reference: Sample, current: Sample, *, categorical: bool | None = None) -> bool:
    """Would Evidently's default call this column drifted?

    Examples
    --------
    >>> evidently_drifted(np.arange(100.0), np.arange(100.0) + 30)
    True
    """
    return EvidentlyDefault(reference, categorical=categorical).alarm(current)
