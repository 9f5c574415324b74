"""The accuracy-gap curve: what groups' being treated more alike costs, point by point, on rows held out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.actions.retrain.mitigation_plan import Constraint, Mitigation, Objective
from core.fairness.thresholds import TREATMENT
from core.measure import Interval

__all__ = ["UNMITIGATED", "AccuracyGapCurve", "CurvePoint", "Figure"]

UNMITIGATED = "unmitigated"
CONVENTION = (
    "Measured on held-out rows. Accuracy: Wilson; balanced accuracy: MOVER of two Wilson intervals; gap: largest minus "
    "smallest rate of a known group, Newcombe's of all pairs at once. That other rows to learn from give other fits "
    "isn't in the intervals, and a point chosen for its numbers here will tend to do less well on new records."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A share or a gap of shares, its interval, and of how many rows."""

    value: float
    interval: Interval
    n: int

    def to_dict(self) -> dict[str, Any]:
        """The JSON-ready form."""
        limits = self.interval
        return {
            "value": self.value,
            "low": limits.low,
            "high": limits.high,
            "confidence": limits.confidence,
            "n": self.n,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """One model that could be had, and what it does on the held-out rows.

    Parameters
    ----------
    mitigation : Mitigation or None
        The plan that makes it; None for the recipe as it is.
    accuracy, balanced_accuracy, gap : Figure
        In 0..1.
    groups : mapping of group to mapping of rate to Figure
        The constraint's rates by group, each on its own denominator, and accuracy.
    is_dominated : bool
        Whether another point is at least as good in the objective and in the gap, and better in one.
    predictions_sha256 : str
        Names what it predicts of the held-out rows.
    """

    name: str
    mitigation: Mitigation | None
    accuracy: Figure
    balanced_accuracy: Figure
    gap: Figure
    groups: dict[str, dict[str, Figure]]
    is_dominated: bool
    predictions_sha256: str
    notes: tuple[str, ...] = ()

    @property
    def needs_group(self) -> bool:
        """Whether the group of whoever is decided on is needed."""
        return self.mitigation is not None and self.mitigation.needs_group

    @property
    def words(self) -> str:
        """What the point is."""
        return "the recipe as it is" if self.mitigation is None else self.mitigation.words

    def performance(self, objective: Objective) -> Figure:
        """What is given up for the gap."""
        return self.accuracy if objective is Objective.ACCURACY else self.balanced_accuracy

    def to_dict(self) -> dict[str, Any]:
        """The JSON-ready form."""
        return {
            "name": self.name,
            "words": self.words,
            "mitigation": None if self.mitigation is None else self.mitigation.model_dump(mode="json"),
            "needs_group": self.needs_group,
            "accuracy": self.accuracy.to_dict(),
            "balanced_accuracy": self.balanced_accuracy.to_dict(),
            "gap": self.gap.to_dict(),
            "groups": {
                group: {rate: figure.to_dict() for rate, figure in rates.items()}
                for group, rates in self.groups.items()
            },
            "is_dominated": self.is_dominated,
            "predictions_sha256": self.predictions_sha256,
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyGapCurve:
    """All points, the unmitigated first; `left_out` says in words which couldn't be had and why."""

    sensitive: str
    constraint: Constraint
    objective: Objective
    n_train: int
    n_held_out: int
    points: tuple[CurvePoint, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def unmitigated(self) -> CurvePoint:
        """The recipe as it is."""
        return self.points[0]

    def of_plan(self, mitigation: Mitigation | None) -> CurvePoint | None:
        """The point that a plan makes."""
        return next((point for point in self.points if point.mitigation == mitigation), None)

    def to_dict(self) -> dict[str, Any]:
        """The JSON-ready form, as evidence keeps it."""
        return {
            "sensitive": self.sensitive,
            "constraint": str(self.constraint),
            "objective": str(self.objective),
            "n": {"train": self.n_train, "held_out": self.n_held_out},
            "points": [point.to_dict() for point in self.points],
            "left_out": list(self.left_out),
            "notes": list(self.notes),
            "convention": CONVENTION,
            "caution": TREATMENT if any(point.needs_group for point in self.points) else "",
        }
