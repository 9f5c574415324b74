"""Realised performance of a binary model as far as its labels identify it: observed, weighted, or bounds."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from core.measure import Measure, Status
from core.performance.binary import BinaryCounts, binary_performance
from core.performance.bounds import worst_case_bounds
from core.performance.cost import Costs
from core.performance.exploration import WEIGHTED, explored_performance
from core.performance.selective import NOT_TOLD, LabelRates, label_rates

__all__ = ["Basis", "basis_of", "identified_performance"]

BOUNDS = "worst-case bounds (Manski) over every outcome of rows without a label"


class Basis(StrEnum):
    """What a measure rests on: rows that have a label, explored rows by weight, or only bounds."""

    OBSERVED = "observed"
    WEIGHTED = "weighted"
    BOUNDS = "bounds"


def basis_of(measure: Measure) -> Basis:
    """What a realised measure rests on."""
    if measure.convention.startswith(WEIGHTED):
        return Basis.WEIGHTED
    return Basis.BOUNDS if measure.convention.endswith(BOUNDS) else Basis.OBSERVED


def identified_performance(
    counts: BinaryCounts,
    *,
    costs: Costs | None = None,
    before: LabelRates | None = None,
    is_mature: bool = True,
    confidence: float = 0.95,
) -> tuple[Measure, ...]:
    """How good were the predictions, without taking rows that the model chose for all rows?

    Parameters
    ----------
    counts : BinaryCounts
    costs : Costs, optional
    before : LabelRates, optional
        Of the mature windows up to this one: they tell whether labels are one-sided where these rows are too few, or
        not mature.
    is_mature : bool
        Whether all labels of these rows should be in. If not, there are neither bounds nor weighted estimates.
    confidence : float
        Two-sided, in (0, 1).

    Returns
    -------
    tuple of Measure
        As `binary_performance` has it, unless only one decision gets labels. Then labelled_share stays, and the
        precision of the decision that gets them; all else is estimated from explored rows where these can tell, or
        undefined with its worst-case bounds as `interval`.

    References
    ----------
    C. F. Manski (1989), Anatomy of the selection problem, doi:10.2307/145818.

    Examples
    --------
    >>> import numpy as np
    >>> joint = np.zeros((7, 3, 3), dtype=np.int64)
    >>> joint[0, :2] = [[0, 0, 600], [100, 300, 0]]
    >>> found = identified_performance(BinaryCounts(joint=joint, classes=("no", "yes"), positive=1))
    >>> {m.measure: m.value for m in found[:4]}
    {'labelled_share': 0.4, 'prevalence': None, 'accuracy': None, 'precision': 0.75}
    >>> found[2].interval.low, found[2].interval.high, found[2].why
    (0.3, 0.9, "Not identified: 0% of rows predicted 'no' have a label, 100% of 'yes'.")
    """
    observed = binary_performance(counts, costs=costs, confidence=confidence)
    own = label_rates(counts) if is_mature else None
    rates = before if own is None or (before is not None and own.labelling in NOT_TOLD) else own
    if rates is None or not rates.is_one_sided:
        return observed
    bounds = worst_case_bounds(counts, costs=costs) if is_mature else {}
    weighted = explored_performance(counts, confidence=confidence) if is_mature else {}
    stays = {"labelled_share"} | ({"precision"} if rates.acted_on == counts.positive else set())
    why = f"Not identified: {rates.words.replace(' have one', ' have a label')}."
    found = []
    for measure in observed:
        name = measure.measure
        if name in stays:
            found.append(measure)
        elif name in weighted:
            found.append(weighted[name])
        else:
            convention = f"{measure.convention.partition(';')[0]}; {BOUNDS}" if name in bounds else measure.convention
            found.append(
                replace(
                    measure,
                    value=None,
                    interval=bounds.get(name),
                    status=Status.UNDEFINED,
                    convention=convention,
                    why=why,
                )
            )
    return tuple(found)
