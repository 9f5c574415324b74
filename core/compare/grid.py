"""Data or model: of what a new recipe on new data gained, how much came from the data and how much from the recipe?"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.compare.measures import MARGINS, SHARE_OF_LOSS
from core.compare.ranking import placements
from core.compare.verdicts import Verdict, in_words
from core.measure import Interval
from core.schema import Task
from core.stats.intervals import normal_interval

__all__ = ["CELLS", "Contrast", "GridMeasure", "GridScores", "grid_measures", "grid_words"]

Floats = NDArray[np.float64]

CELLS = ("old recipe, old data", "new recipe, old data", "old recipe, new data", "new recipe, new data")


class Part(StrEnum):
    """A part of the gain."""

    TOTAL = "total"
    DATA = "data"
    RECIPE = "recipe"
    BOTH = "interaction"


WEIGHTS: Mapping[Part, tuple[float, ...]] = MappingProxyType(
    {
        Part.TOTAL: (-1.0, 0.0, 0.0, 1.0),
        Part.DATA: (-0.5, -0.5, 0.5, 0.5),  # the mean of what new data bring to the old recipe and to the new one
        Part.RECIPE: (-0.5, 0.5, -0.5, 0.5),
        Part.BOTH: (1.0, -1.0, -1.0, 1.0),  # what new data bring to the new recipe beyond what they do to the old one
    }
)
SAID = MappingProxyType(
    {
        Verdict.BETTER: "The {} made it better",
        Verdict.WORSE: "The {} made it worse",
        Verdict.SAME: "The {} changed less than the margin",
        Verdict.CANNOT_TELL: "Whether what the {} brought matters can't be told",
    }
)
ON_MEANS = "paired normal interval of the rows' contrasts"
ON_AREAS = "DeLong interval of the contrast of four areas"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GridScores:
    """What the four fits say of the same n rows, columns in the order of `CELLS`.

    Parameters
    ----------
    label : array of shape (n,)
        Classes as text, or a regression's values.
    prediction : array of shape (n, 4)
    score : float array of shape (n, 4) or None
        Of a binary model: the probability of `positive`.
    """

    task: Task
    label: NDArray[Any]
    prediction: NDArray[Any]
    score: Floats | None = None
    positive: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """A part of the gain, its interval and verdict; the sign is the measure's own.

    BETTER or WORSE where the interval leaves out 0 and the part is at least the margin, SAME where all of the interval
    is within the margin on both sides, else CANNOT_TELL.
    """

    value: float
    interval: Interval
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class GridMeasure:
    """A measure of the four fits, and what of its change came from where: total = data + recipe."""

    measure: str
    higher_is_better: bool
    margin: float
    n: int
    cells: tuple[float, ...]
    total: Contrast
    data: Contrast
    recipe: Contrast
    interaction: Contrast
    convention: str


def grid_measures(scores: GridScores, *, confidence: float = 0.95) -> tuple[GridMeasure, ...]:
    """How good is each of the four fits, and which part of the gain came from the data, which from the recipe?

    The data's part is the mean of what new data bring under the old recipe and under the new one; the recipe's is
    that of what the new recipe brings (Shapley values of two players), so the two add up to the whole. Intervals are
    for other rows like these, with the four fits as they are: that another sample to learn from would have given
    other fits isn't in them.

    Parameters
    ----------
    scores : GridScores
        None of the rows may have been learnt from by any fit.
    confidence : float
        Of each interval by itself.

    Returns
    -------
    tuple of GridMeasure
        The one that leads first: ROC AUC of a binary model, accuracy, or mean absolute error.

    References
    ----------
    L. S. Shapley (1953), A value for n-person games, doi:10.1515/9781400881970-018.
    E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson (1988), doi:10.2307/2531595.

    Examples
    --------
    >>> label = np.array(["1", "0"] * 50)
    >>> chance = np.where(label == "1", 0.6, 0.4)
    >>> score = np.column_stack([np.full(100, 0.5), np.full(100, 0.5), chance, chance])
    >>> prediction = np.where(score >= 0.5, "1", "0")
    >>> auc = grid_measures(
    ...     GridScores(task=Task.BINARY, label=label, prediction=prediction, score=score, positive="1"))[0]
    >>> auc.measure, auc.cells, auc.data.value, auc.recipe.value
    ('roc_auc', (0.5, 0.5, 1.0, 1.0), 0.5, 0.0)
    """
    found = []
    if scores.task is Task.REGRESSION:
        error = scores.prediction.astype(np.float64) - scores.label.astype(np.float64)[:, None]
        found.append(_of_means("mae", np.abs(error), confidence, higher_is_better=False))
        found.append(_of_means("mse", error**2, confidence, higher_is_better=False))
        return tuple(found)
    right = (scores.prediction == scores.label[:, None]).astype(np.float64)
    if scores.task is Task.BINARY and scores.score is not None and scores.positive is not None:
        positive = np.asarray(scores.label == scores.positive, dtype=bool)
        if min(int(positive.sum()), int((~positive).sum())) > 1:
            found.append(_of_areas(positive, scores.score, confidence))
        found.append(_of_means("accuracy", right, confidence, higher_is_better=True))
        squares = (scores.score - positive[:, None]) ** 2
        found.append(_of_means("brier_score", squares, confidence, higher_is_better=False))
        return tuple(found)
    return (_of_means("accuracy", right, confidence, higher_is_better=True),)


def grid_words(found: GridMeasure) -> str:
    """Where the gain came from, in words.

    Examples
    --------
    >>> def part(value, verdict):
    ...     return Contrast(value=value, interval=Interval(low=value - 0.01, high=value + 0.01), verdict=verdict)
    >>> better, same = part(0.051, Verdict.BETTER), part(-0.001, Verdict.CANNOT_TELL)
    >>> grid_words(GridMeasure(measure="roc_auc", higher_is_better=True, margin=0.01, n=900, convention="",
    ...     cells=(0.7, 0.7, 0.75, 0.75), total=better, data=better, recipe=same, interaction=same))
    "+0.051 [+0.041, +0.061] in all. The data made it better: +0.051 [+0.041, +0.061]. Whether what the recipe \
brought matters can't be told: −0.001 [−0.011, +0.009]."
    """
    parts = (("data", found.data), ("recipe", found.recipe))
    told = [f"{SAID[part.verdict].format(name)}: {_number(found.measure, part)}." for name, part in parts]
    return f"{_number(found.measure, found.total)} in all. {' '.join(told)}"


def _number(measure: str, part: Contrast) -> str:
    low, high = (in_words(measure, limit).removesuffix(" points") for limit in (part.interval.low, part.interval.high))
    return f"{in_words(measure, part.value)} [{low}, {high}]"


def _of_means(measure: str, values: Floats, confidence: float, *, higher_is_better: bool) -> GridMeasure:
    """A measure that is the mean of what each row adds to it, `values` of shape (n, 4)."""

    def estimate(weights: Floats) -> tuple[float, float]:
        rows = values @ weights
        return float(rows.mean()), float(rows.std(ddof=1)) / math.sqrt(len(rows))

    cells = values.mean(axis=0)
    margin = MARGINS.get(measure, SHARE_OF_LOSS * float(cells[0]))
    return _measure(
        measure,
        cells,
        estimate,
        n=len(values),
        margin=margin,
        confidence=confidence,
        convention=ON_MEANS,
        higher_is_better=higher_is_better,
    )


def _of_areas(positive: NDArray[np.bool_], score: Floats, confidence: float) -> GridMeasure:
    """ROC AUC: a contrast's variance is that of its placements among positives and among negatives."""
    placed = [placements(positive, score[:, cell]) for cell in range(len(CELLS))]
    of_positives = np.column_stack([positives for positives, _ in placed])
    of_negatives = np.column_stack([negatives for _, negatives in placed])

    def estimate(weights: Floats) -> tuple[float, float]:
        sides = (of_positives @ weights, of_negatives @ weights)
        variance = sum(float(side.var(ddof=1)) / side.size for side in sides)
        return float(sides[0].mean()), math.sqrt(variance)

    cells, margin = of_positives.mean(axis=0), MARGINS["roc_auc"]
    return _measure(
        "roc_auc",
        cells,
        estimate,
        n=len(positive),
        margin=margin,
        confidence=confidence,
        convention=ON_AREAS,
        higher_is_better=True,
    )


def _measure(
    measure: str,
    cells: Floats,
    estimate: Callable[[Floats], tuple[float, float]],
    *,
    n: int,
    margin: float,
    confidence: float,
    convention: str,
    higher_is_better: bool,
) -> GridMeasure:
    """The parts, of which `estimate` gives value and standard error by their weights."""

    def part(of: Part) -> Contrast:
        value, error = estimate(np.array(WEIGHTS[of]))
        interval = normal_interval(value, error, confidence=confidence)
        return Contrast(
            value=value, interval=interval, verdict=_verdict(value, interval, margin, higher_is_better=higher_is_better)
        )

    return GridMeasure(
        measure=measure,
        higher_is_better=higher_is_better,
        margin=margin,
        n=n,
        cells=tuple(float(cell) for cell in cells),
        total=part(Part.TOTAL),
        data=part(Part.DATA),
        recipe=part(Part.RECIPE),
        interaction=part(Part.BOTH),
        convention=convention,
    )


def _verdict(value: float, interval: Interval, margin: float, *, higher_is_better: bool) -> Verdict:
    if abs(value) >= margin and (interval.low > 0 or interval.high < 0):
        return Verdict.BETTER if (value > 0) is higher_is_better else Verdict.WORSE
    return Verdict.SAME if -margin <= interval.low and interval.high <= margin else Verdict.CANNOT_TELL
