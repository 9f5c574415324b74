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
    `margin_points`: the larger of both doesn't matter, unless `margins` says otherwise of a column, or of one series
    of it, such as 'values/income', which counts before what it says of the column.
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

    def own_margin(self, series: str, column: str = "") -> ColumnMargin | None:
        """What `margins` says of a series, else of its column; None where it says nothing.

        Examples
        --------
        >>> policy = AlarmPolicy(margins={"income": ColumnMargin(sd=0.2), "values/income": ColumnMargin(sd=0.4)})
        >>> policy.own_margin("values/income", "income").sd, policy.own_margin("missing/income", "income").sd
        (0.4, 0.2)
        """
        return self.margins.get(series, self.margins.get(column))

    def margin(self, name: str, *, column: str = "", sigma: float = 1.0, value: float | None = None) -> Margin:
        """What doesn't matter in a series.

        Parameters
        ----------
        name : str
            A series as 'values/income' or 'performance/roc_auc'; or a column.
        column : str
            The column that a series is of.
        sigma : float
            The standard deviation of a row's score, for margins in the measure's own unit.
        value : float, optional
            In the measure's own unit, where the policy doesn't say otherwise.
        """
        own = self.own_margin(name, column) or ColumnMargin(value=value)
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

    def loosened(self, other: AlarmPolicy) -> tuple[str, ...]:
        """What another policy lets pass that this one doesn't: names of wider margins and of what it leaves out.

        A margin in a measure's own unit isn't comparable with one in standard deviations: such a change counts.

        Examples
        --------
        >>> AlarmPolicy().loosened(AlarmPolicy(margins={"income": ColumnMargin(sd=0.2)}, left_out={"age": "why not"}))
        ('income', 'age')
        >>> AlarmPolicy(margin_sd=0.2).loosened(AlarmPolicy())
        ()
        """
        wider = [name for name in ("margin_sd", "margin_points") if getattr(other, name) > getattr(self, name)]
        wider += ["least_ratio"] if other.least_ratio < self.least_ratio else []
        for name in dict.fromkeys([*self.margins, *other.margins]):
            before, after = (policy.own_margin(name, name.partition("/")[2]) for policy in (self, other))
            if _is_wider(self._spelled(before), other._spelled(after), is_ratio="=" in name):
                wider.append(name)
        return (*wider, *(name for name in other.left_out if name not in self.left_out))

    def _spelled(self, own: ColumnMargin | None) -> ColumnMargin:
        """A margin with what the policy says of all in place of what it doesn't say itself."""
        own = own or ColumnMargin()
        return ColumnMargin(
            sd=self.margin_sd if own.sd is None else own.sd,
            points=self.margin_points if own.points is None else own.points,
            value=own.value,
        )

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


def _is_wider(before: ColumnMargin, after: ColumnMargin, *, is_ratio: bool) -> bool:
    """Whether more passes by the second; `is_ratio` where the value is the least ratio of a gap."""
    if before.value != after.value:
        if before.value is None or after.value is None:
            return True
        return after.value < before.value if is_ratio else after.value > before.value
    return (after.sd or 0.0) > (before.sd or 0.0) or (after.points or 0.0) > (before.points or 0.0)
