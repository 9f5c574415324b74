"""How groups differ before labels come: rates that need labels, of each group and against others, from its scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.measure import Measure
from core.performance.binary import BinaryCounts
from core.performance.calibrated import ScoreCalibration
from core.performance.draws import draw_outcomes
from core.performance.estimated import PREFIX, calibration_of, convention_of, drawn_measure, window_rows
from core.performance.measures import undefined

__all__ = ["GAP", "GROUP_RATES", "GroupCalibration", "estimate_gaps", "group_calibrations", "rates_of"]

Floats = NDArray[np.float64]

GAP = "_difference"
GROUP_RATES = ("accuracy", "true_positive_rate", "false_positive_rate", "positive_predictive_value")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroupCalibration:
    """P(positive | score) of one group of the reference, and draws of it, shape (n_draws, n_places)."""

    calibration: ScoreCalibration
    rates: Floats


def group_calibrations(
    whole: ScoreCalibration, groups: Sequence[BinaryCounts], *, rng: np.random.Generator, n_draws: int
) -> tuple[GroupCalibration, ...]:
    """P(positive | score) of each group, which borrows the whole's curve where it has few rows.

    Parameters
    ----------
    whole : ScoreCalibration
        Of the whole reference.
    groups : sequence of BinaryCounts
        The reference's rows of each group.
    """
    found = []
    for group in groups:
        calibration = calibration_of(group, prior=whole)
        if calibration is None:
            raise ValueError("Groups are told apart by scores: the model logs none.")
        found.append(GroupCalibration(calibration=calibration, rates=calibration.draws(n_draws, rng)))
    return tuple(found)


def rates_of(confusion: Floats) -> dict[str, Floats]:
    """Rates that need labels, from confusions; NaN where a denominator is 0.

    Parameters
    ----------
    confusion : float array of shape (n, 2, 2)
        Predicted positive and negative x label positive and negative.

    Examples
    --------
    >>> {name: values.tolist() for name, values in rates_of(np.array([[[6.0, 2.0], [4.0, 8.0]]])).items()}
    {'accuracy': [0.7], 'true_positive_rate': [0.6], 'false_positive_rate': [0.2], 'positive_predictive_value': [0.75]}
    """
    (tp, fp), (fn, tn) = confusion[:, 0].T, confusion[:, 1].T
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "accuracy": (tp + tn) / (tp + fp + fn + tn),
            "true_positive_rate": tp / (tp + fn),
            "false_positive_rate": fp / (fp + tn),
            "positive_predictive_value": tp / (tp + fp),
        }


def estimate_gaps(
    groups: Sequence[GroupCalibration],
    windows: Sequence[BinaryCounts],
    *,
    rng: np.random.Generator,
    names: Sequence[str],
    against: int | None = None,
    correlation: float = 0.0,
    confidence: float = 0.95,
) -> tuple[tuple[Measure, ...], ...]:
    """How will groups differ once labels are known, if P(positive | score) of each group is what it was?

    Parameters
    ----------
    groups : sequence of GroupCalibration
    windows : sequence of BinaryCounts
        The window's rows of each group; labels aren't used.
    rng : numpy Generator
    names : sequence of str
        Of the groups.
    against : int, optional
        The place of the group that others are set against; by default each is set against all others together.
    correlation : float
        Of `residual_correlation`; each group moves on its own, which a gap's interval allows for.
    confidence : float
        Two-sided, in (0, 1).

    Returns
    -------
    tuple of tuples of Measure
        For each group, with its name as ``column``: ``estimated_`` accuracy, true_positive_rate,
        false_positive_rate and positive_predictive_value, then each one's difference (the group's less the others'), of
        the group `against` without the differences. Rates that don't need labels, such as the selection rate,
        aren't estimated: they are known.

    References
    ----------
    As `core.performance.estimated`; for a group's own rates: J. Chen et al. (2019), Fairness under unawareness,
    doi:10.1145/3287560.3287594 (what goes wrong with those of all rows).

    Examples
    --------
    >>> from core.stats.binning import NumericBins
    >>> bins = NumericBins(ends=(0.2, 0.8), low=0.2, exact=True)
    >>> def counts(negatives, positives, label):
    ...     joint = np.zeros((9, 3, 3), dtype=np.int64)
    ...     joint[0, 0, label], joint[1, 1, label] = negatives, positives
    ...     return BinaryCounts(joint=joint, classes=("no", "yes"), positive=1, score_bins=bins)
    >>> one = counts((800, 200), (200, 800), slice(0, 2))  # right in 80% of rows
    >>> two = counts((900, 100), (100, 900), slice(0, 2))  # in 90%
    >>> whole = calibration_of(counts((1700, 300), (300, 1700), slice(0, 2)))
    >>> rng = np.random.default_rng(1)
    >>> groups = group_calibrations(whole, [one, two], rng=rng, n_draws=500)
    >>> first, _ = estimate_gaps(groups, [counts(500, 500, 2)] * 2, rng=rng, names=["a", "b"])
    >>> gap = first[4]
    >>> gap.measure, round(gap.value, 2), round(gap.interval.low, 2), round(gap.interval.high, 2)
    ('estimated_accuracy_difference', -0.1, -0.15, -0.06)
    """
    rows = [window_rows(window) for window in windows]
    expected = np.array([_expected(each.calibration.rates, placed) for each, placed in zip(groups, rows, strict=True)])
    drawn = [_drawn(each, placed, rng, correlation) for each, placed in zip(groups, rows, strict=True)]
    found = []
    for place, name in enumerate(names):
        convention = convention_of(groups[place].calibration, correlation).replace("if P(", "if the group's P(", 1)
        own, own_drawn = rates_of(expected[place][np.newaxis]), rates_of(drawn[place])
        n = int(rows[place][:, :2].sum())
        measures = [
            _measure(
                rate,
                float(own[rate][0]),
                own_drawn[rate],
                n=n,
                convention=convention,
                confidence=confidence,
                group=name,
            )
            for rate in GROUP_RATES
        ]
        if place != against:
            others = [i for i in range(len(groups)) if i != place] if against is None else [against]
            rest = rates_of(expected[others].sum(axis=0)[np.newaxis])
            rest_drawn = rates_of(sum((drawn[i] for i in others), np.zeros_like(drawn[place])))
            stated = f"{convention}; less {'all others' if against is None else names[against]}"
            measures.extend(
                _measure(
                    rate + GAP,
                    float(own[rate][0] - rest[rate][0]),
                    own_drawn[rate] - rest_drawn[rate],
                    n=n,
                    convention=stated,
                    confidence=confidence,
                    group=name,
                )
                for rate in GROUP_RATES
            )
        found.append(tuple(measures))
    return tuple(found)


def _measure(
    name: str, value: float, drawn: Floats, *, n: int, convention: str, confidence: float, group: str
) -> Measure:
    if not n:
        why = "No row of this group has a prediction and a score."
        return undefined(PREFIX + name, convention=convention, why=why, column=group)
    return drawn_measure(name, value, drawn, n, convention=convention, confidence=confidence, column=group)


def _expected(rates: Floats, placed: NDArray[np.int64]) -> Floats:
    """Predicted positive and negative x label positive and negative."""
    positives = rates @ placed[:, :2]
    confusion: Floats = np.column_stack([positives, placed[:, :2].sum(axis=0) - positives])
    return confusion


def _drawn(group: GroupCalibration, placed: NDArray[np.int64], rng: np.random.Generator, correlation: float) -> Floats:
    n_draws = group.rates.shape[0]
    if not placed.any():
        return np.zeros((n_draws, 2, 2))
    outcomes = draw_outcomes(
        group.calibration, group.rates, placed, (0,) * placed.shape[0], rng=rng, correlation=correlation
    )
    positives = outcomes.positives[:, :, :2].sum(axis=1)
    confusion: Floats = np.stack([positives, outcomes.n[:, :2].sum(axis=0) - positives], axis=2)
    return confusion
