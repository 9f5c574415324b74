"""Windows to monitor, made by hand or drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.alarms.monitors import Kind, Subject, Windows, mean_subject, share_subject
from core.measure import Family

Floats = NDArray[np.float64]


def shares(n: int, *, column: str = "x") -> list[Subject]:
    """Subjects of one share each, all of a column of its own unless there is one only."""
    names = [column] if n == 1 else [f"{column}{place}" for place in range(n)]
    return [
        share_subject(f"missing/{name}", [0], 2, family=Family.DATA_QUALITY, column=name, name="missing")
        for name in names
    ]


def means(n: int, *, kind: Kind = Kind.MEAN) -> list[Subject]:
    """Subjects of one mean each."""
    return [mean_subject(f"mean/{place}", family=Family.PERFORMANCE, kind=kind) for place in range(n)]


def hits(k: ArrayLike, n: ArrayLike) -> Windows:
    """Windows in which k of n rows score 1, the others 0."""
    total = np.atleast_2d(np.asarray(k, dtype=np.float64))
    rows = np.broadcast_to(np.asarray(n, dtype=np.float64), total.shape)
    return Windows(n=rows, total=total, total_of_squares=total)


def normal_means(rng: np.random.Generator, mean: Floats, n: float) -> Windows:
    """Windows of n rows with scores of variance 1: only their means are drawn."""
    x = rng.normal(mean, 1 / np.sqrt(n))
    return Windows(n=np.full(x.shape, n), total=n * x, total_of_squares=n * (1 + x**2))


def no_season(windows: Windows) -> NDArray[np.int64]:
    return np.zeros(windows.n.shape[0], dtype=np.int64)


def keys(subjects: Sequence[Subject]) -> list[str]:
    return [subject.key for subject in subjects]
