"""What decisions cost, in the user's own currency: a mean over rows like any other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.measure import Measure
from core.performance.measures import MIN_FOR_NORMAL, estimate, undefined
from core.stats.intervals import mean_interval

__all__ = ["Costs", "cost_measure"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What a row costs by what was predicted and what turned out to be true; a gain is negative.

    Parameters
    ----------
    amounts : mapping of prediction to a mapping of label to float
        What isn't named costs nothing.
    currency : str
        As it is shown, such as 'EUR'.

    Examples
    --------
    >>> costs = Costs(amounts={"approve": {"default": 2500.0, "repaid": -120.0}}, currency="EUR")
    >>> costs.matrix(("repaid", "default"), predictions=("approve", "decline")).tolist()
    [[-120.0, 2500.0], [0.0, 0.0]]
    """

    amounts: Mapping[str, Mapping[str, float]]
    currency: str

    def of_row(self, classes: tuple[str, str], positive: int) -> Floats:
        """Of a binary model: predicted positive and negative x label positive and negative, shape (2, 2).

        Examples
        --------
        >>> Costs(amounts={"no": {"yes": 100.0}}, currency="EUR").of_row(("no", "yes"), 1).tolist()
        [[0.0, 0.0], [100.0, 0.0]]
        """
        order = (classes[positive], classes[1 - positive])
        return self.matrix(order)

    def matrix(self, classes: tuple[str, ...], *, predictions: tuple[str, ...] | None = None) -> Floats:
        """Prediction x label, in the order of `classes` (predictions too, unless they have names of their own)."""
        return np.array(
            [
                [self.amounts.get(predicted, {}).get(label, 0.0) for label in classes]
                for predicted in (predictions or classes)
            ]
        )


def cost_measure(
    table: Ints, costs: Costs, *, classes: tuple[str, ...], why: str = "", confidence: float = 0.95
) -> Measure:
    """What did a decision cost on average?

    Parameters
    ----------
    table : int array of shape (n_classes, n_classes)
        Prediction x label, of rows with both.
    costs : Costs
    classes : tuple of n_classes str
        In the order of both axes.
    why : str
        Why there is nothing to say, '' if there is.
    confidence : float
        Two-sided, in (0, 1).

    Returns
    -------
    Measure
        cost_per_row, with the normal interval of the mean; none below 30 rows.

    References
    ----------
    C. Elkan (2001), The foundations of cost-sensitive learning, IJCAI 17.

    Examples
    --------
    >>> costs = Costs(amounts={"no": {"yes": 100.0}, "yes": {"no": 10.0}}, currency="EUR")
    >>> cost = cost_measure(np.array([[700, 50], [100, 150]]), costs, classes=("no", "yes"))
    >>> cost.value, round(cost.interval.low, 2), round(cost.interval.high, 2), cost.convention
    (6.0, 4.65, 7.35, 'EUR per row with a label and a prediction; normal interval')
    """
    convention = f"{costs.currency} per row with a label and a prediction; normal interval"
    n = int(table.sum())
    if not n:
        return undefined("cost_per_row", convention=convention, why=why or "No row has a label and a prediction.")
    matrix = costs.matrix(classes)
    total, squares = float((table * matrix).sum()), float((table * matrix**2).sum())
    interval = mean_interval(n, total, squares, confidence=confidence) if n >= MIN_FOR_NORMAL else None
    few = "" if interval else f"Fewer than {MIN_FOR_NORMAL} rows are too few to tell their spread."
    return estimate("cost_per_row", total / n, n, interval=interval, convention=convention, why=few)
