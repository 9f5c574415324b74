"""What a recipe says of mitigation: towards which constraint, by which method, at which point of its curve."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["MAX_ROWS", "Constraint", "Method", "Mitigation", "Objective"]


MAX_ROWS = 20_000


class Constraint(StrEnum):
    """What shall be alike in all groups; names are Fairlearn's."""

    DEMOGRAPHIC_PARITY = "demographic_parity"
    TRUE_POSITIVE_RATE_PARITY = "true_positive_rate_parity"
    FALSE_POSITIVE_RATE_PARITY = "false_positive_rate_parity"
    EQUALIZED_ODDS = "equalized_odds"


class Method(StrEnum):
    """How: by weights of the rows learnt from, or by thresholds of each group."""

    GRID_SEARCH = "grid_search"
    THRESHOLD_OPTIMIZER = "threshold_optimizer"


class Objective(StrEnum):
    """What is given up as little of as can be; names are scikit-learn's."""

    ACCURACY = "accuracy_score"
    BALANCED_ACCURACY = "balanced_accuracy_score"


class Mitigation(BaseModel):
    """One point of the curve: enough to make the same model again from the same records.

    Parameters
    ----------
    sensitive : str
        The column whose groups are treated more alike.
    multipliers : tuple of (event, group, value)
        Of GridSearch: Lagrange multipliers by the event that the constraint conditions on (Fairlearn's "all",
        "label=0", "label=1", where 1 is the positive class) and the group; a positive one multiplies the constraint
        with the sign "+", a negative one that with "-".
    tolerance : float
        Of ThresholdOptimizer: how far the groups' rates may lie apart on the rows that thresholds are fitted to.
    objective : Objective
        What ThresholdOptimizer gives up as little of as can be, and what the points are compared by.
    max_rows : int
        The most recent records that are learnt from and tried on: a curve is a fit for each of its points.

    Examples
    --------
    >>> plan = {"method": "grid_search", "sensitive": "sex", "constraint": "demographic_parity"}
    >>> Mitigation.model_validate({**plan, "multipliers": [["all", "women", -0.5]]}).multipliers
    (('all', 'women', -0.5),)
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    method: Method
    sensitive: Annotated[str, Field(min_length=1)]
    constraint: Constraint
    multipliers: tuple[tuple[str, str, float], ...] = ()
    tolerance: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    objective: Objective = Objective.ACCURACY
    max_rows: Annotated[int, Field(ge=200, le=100_000_000)] = MAX_ROWS

    @model_validator(mode="after")
    def _fits_its_method(self) -> Self:
        is_grid = self.method is Method.GRID_SEARCH
        if is_grid is not bool(self.multipliers):
            needs = "needs" if is_grid else "takes no"
            raise ValueError(f"method {self.method} {needs} multipliers")
        if is_grid and self.tolerance:
            raise ValueError("tolerance is of threshold_optimizer")
        if self.tolerance and self.constraint is Constraint.EQUALIZED_ODDS:
            raise ValueError("Fairlearn relaxes no equalized odds: leave tolerance out")
        if len({(event, group) for event, group, _ in self.multipliers}) != len(self.multipliers):
            raise ValueError("multipliers name an event and group twice")
        if any(not math.isfinite(value) for _, _, value in self.multipliers):
            raise ValueError("multipliers must be finite")
        return self

    @property
    def needs_group(self) -> bool:
        """Whether who a person is counts when it is decided, not only when the model is trained."""
        return self.method is Method.THRESHOLD_OPTIMIZER

    @property
    def words(self) -> str:
        """The point in words."""
        constraint = self.constraint.replace("_", " ")
        if self.method is Method.GRID_SEARCH:
            given = ", ".join(f"{event} {group} {value:+.3g}" for event, group, value in self.multipliers)
            return f"GridSearch for {constraint} of {self.sensitive}, multipliers {given}"
        apart = f", at most {self.tolerance:.3g} apart" if self.tolerance else ""
        return f"ThresholdOptimizer for {constraint} of {self.sensitive}{apart}, by {self.objective.replace('_', ' ')}"
