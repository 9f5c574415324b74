"""What a model's alarms hold to: how many may be false, what doesn't matter, and what isn't watched."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from core.alarms.baseline import Margin
from core.errors import InputError

__all__ = ["AlarmPolicy", "ColumnMargin"]

N_SETS = 2  # what is served and what has matured have half of every budget each
WINDOWS_WITHOUT_CALENDAR = 100  # windows of N rows have no year: their budget is for so many windows


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ColumnMargin(_Strict):
    """What doesn't matter in one column or measure.

    `sd` standard deviations of a row, and of shares `points` (0.01 is one point); or `value` in the
    measure's own unit, such as 0.02 of an AUC.
    """

    sd: Annotated[float | None, Field(ge=0, le=10)] = None
    points: Annotated[float | None, Field(ge=0, le=1)] = None
    value: Annotated[float | None, Field(ge=0)] = None


class AlarmPolicy(_Strict):
    """The policy of one model.

    `false_alarms_per_year`: alerts while nothing moves by more than its margin, at most, in expectation.
    `changes_per_year`: the same for what is shown as changed and pages nobody. `margin_sd`,
    `margin_points`: the larger of both doesn't matter, unless `margins` says otherwise of a column.
    `least_ratio`: of gaps between groups, the part of the others' rate that a group's may be and not matter
    (`margins` may name another `value` for one); nor do gaps within `margin_points`.
    `left_out`: columns that aren't watched, and `windows_left_out`: windows that aren't judged, each
    with a reason.

    Examples
    --------
    >>> policy = AlarmPolicy(margins={"income": ColumnMargin(sd=0.2)}, left_out={"note": "free text"})
    >>> policy.margin("income").sd, policy.margin("age").sd, policy.allowance(365.25)
    (0.2, 0.05, 730.5)
    """

    false_alarms_per_year: Annotated[float, Field(gt=0, le=366)] = 1.0
    changes_per_year: Annotated[float, Field(gt=0, le=366)] = 4.0
    margin_sd: Annotated[float, Field(ge=0, le=10)] = 0.05
    margin_points: Annotated[float, Field(ge=0, le=1)] = 0.01
    least_ratio: Annotated[float, Field(gt=0, le=1)] = 0.9
    margins: Mapping[str, ColumnMargin] = Field(default_factory=dict)
    left_out: Mapping[str, str] = Field(default_factory=dict)
    windows_left_out: Mapping[str, str] = Field(default_factory=dict)

    @field_validator("left_out", "windows_left_out")
    @classmethod
    def _reasons(cls, left_out: Mapping[str, str]) -> Mapping[str, str]:
        for name, reason in left_out.items():
            if not reason.strip():
                raise ValueError(f"{name!r} needs a reason why it is left out")
        return left_out

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> Self:
        """A policy from a form or a file; raises InputError that names every key that is wrong."""
        try:
            return cls.model_validate(dict(content))
        except ValidationError as error:
            problems = [
                f"{'.'.join(map(str, e['loc']))}: {e['msg'].removeprefix('Value error, ')}" for e in error.errors()
            ]
            raise InputError(f"The alarm policy can't be used: {'; '.join(problems)}.") from error

    def margin(self, name: str, *, sigma: float = 1.0, value: float | None = None) -> Margin:
        """What doesn't matter in a column or measure.

        Parameters
        ----------
        name : str
            A column, or a measure as 'performance/roc_auc'.
        sigma : float
            The standard deviation of a row's score, for margins in the measure's own unit.
        value : float, optional
            In the measure's own unit, where the policy doesn't say otherwise.
        """
        own = self.margins.get(name, ColumnMargin(value=value))
        if own.value is not None and sigma > 0:
            return Margin(sd=own.value / sigma, points=0.0)
        return Margin(
            sd=self.margin_sd if own.sd is None else own.sd,
            points=self.margin_points if own.points is None else own.points,
        )

    def gap_margin(self, name: str) -> Margin:
        """What doesn't matter of a gap, such as 'selection_rate/sex=f'.

        Examples
        --------
        >>> AlarmPolicy().gap_margin("selection_rate/sex=f")
        Margin(sd=0.0, points=0.01, ratio=0.9, as_before=False)
        """
        own = self.margins.get(name, ColumnMargin())
        points = self.margin_points if own.points is None else own.points
        ratio = self.least_ratio if own.value is None else min(max(own.value, 0.01), 1.0)
        return Margin(sd=0.0, points=points, ratio=ratio)

    def allowance(self, windows_per_year: float | None, *, changed: bool = False) -> float:
        """Windows in which one false alarm event of one of the two sets is allowed, at least 1.

        Parameters
        ----------
        windows_per_year : float or None
            None for windows of N rows, of which 100 count as a year.
        changed : bool
            Of the light that pages nobody.
        """
        budget = self.changes_per_year if changed else self.false_alarms_per_year
        return max(1.0, N_SETS * (windows_per_year or WINDOWS_WITHOUT_CALENDAR) / budget)

    def canonical_json(self) -> str:
        """The one spelling that is stored and digested."""
        return json.dumps(
            self.model_dump(mode="json", exclude_defaults=True),
            sort_keys=True,
            separators=(",", ":"),
            ensure_ascii=False,
        )

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON, in hex."""
        return hashlib.sha256(self.canonical_json().encode()).hexdigest()
