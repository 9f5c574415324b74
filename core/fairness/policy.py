"""Fairness policies: what counts as a disparity is data that people edit, not a constant, and no legal verdict."""

from __future__ import annotations

import hashlib
import json
import tomllib
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from core.errors import SchemaError
from core.fairness.groups import RATES
from core.fairness.support import MIN_SUPPORT

__all__ = ["DEFAULT_POLICY", "Against", "Decision", "FairnessPolicy", "Statistic"]

Share = Annotated[float, Field(gt=0, lt=1)]


class Against(StrEnum):
    """With whom a group is compared."""

    REST = "rest"  # all other rows
    REFERENCE_GROUP = "reference group"  # the one that the model schema names
    BEST = "best"  # the group with the highest rate
    OVERALL = "overall"  # all rows, its own among them


class Statistic(StrEnum):
    """What the limit is set on."""

    DIFFERENCE = "difference"
    RATIO = "ratio"


class Decision(StrEnum):
    """When a gap is called a disparity.

    CERTAIN: its whole interval lies beyond the limit. SIGNIFICANT: it is beyond the limit as it stands, and the
    hypothesis that there is none at all is rejected. Both err at most `alpha` of the time on all comparisons of an
    audit together where groups are alike; the first also at the limit itself.
    """

    CERTAIN = "certain"
    SIGNIFICANT = "significant"


class FairnessPolicy(BaseModel):
    """What is compared with whom, how large a gap may be, and how sure one must be.

    Attributes
    ----------
    name : str
        What the policy is called; the name of its file.
    title, source, note : str
        In words: what it is, where its limit comes from, what it doesn't say.
    statistic : Statistic
    against : Against
    limit : float or None
        The largest difference (0 to 1) or the smallest ratio (0 to 1) that is let pass. A difference of 0 or a
        ratio of 1 lets none pass; None sets no limit, so that nothing is judged and the tests stand alone.
    decision : Decision
    detectable : float or None
        With decision 'significant': the gap an audit must be able to find before it may say 'no evidence', on the
        statistic's scale; the limit where it is None.
    measures : tuple of str
        The rates that are judged.
    alpha, power : float
    min_support : int
        The least denominator of a rate that is judged.
    min_share : float
        Groups with a smaller share of all rows are listed, noted and not judged (29 CFR 1607.4 D, 6 RCNY 5-301).
    suppress_below : int
        Exports hide groups with fewer rows, and others that would give them away.
    models : tuple of str
        The models that are judged by this policy unless another is asked for.

    Examples
    --------
    >>> policy = FairnessPolicy.from_toml('title = "Ours"\\nlimit = 0.03\\nmeasures = ["selection_rate"]', "ours")
    >>> policy.name, policy.limit, str(policy.against)
    ('ours', 0.03, 'rest')
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    source: str = ""
    note: str = ""
    statistic: Statistic = Statistic.DIFFERENCE
    against: Against = Against.REST
    limit: Annotated[float, Field(ge=0, le=1)] | None = None
    decision: Decision = Decision.CERTAIN
    detectable: Share | None = None
    measures: tuple[str, ...] = ("selection_rate",)
    alpha: Share = 0.05
    power: Share = 0.8
    min_support: Annotated[int, Field(ge=1)] = MIN_SUPPORT
    min_share: Annotated[float, Field(ge=0, lt=1)] = 0.0
    suppress_below: Annotated[int, Field(ge=1)] = 10
    models: tuple[str, ...] = ()

    @field_validator("measures")
    @classmethod
    def _known(cls, measures: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in measures if name not in RATES]
        if unknown:
            raise ValueError(f"{unknown[0]!r} is no rate; known: {', '.join(RATES)}")
        return measures

    @model_validator(mode="after")
    def _limit_fits(self) -> Self:
        if self.statistic is Statistic.RATIO and self.limit == 0:
            raise ValueError("a ratio's limit lies above 0; 0.8 is four fifths")
        if self.statistic is Statistic.DIFFERENCE and self.limit == 1:
            raise ValueError("a difference's limit lies below 1; 0.05 is five points")
        if self.decision is Decision.CERTAIN and self.detectable is not None:
            raise ValueError("detectable goes with decision = 'significant'; 'certain' is judged by the limit alone")
        return self

    @property
    def practical(self) -> float | None:
        """From which gap on it matters: the limit, or what must be detectable where the limit lets none pass."""
        lets_none_pass = self.limit == (0 if self.statistic is Statistic.DIFFERENCE else 1)
        return self.detectable if self.limit is None or lets_none_pass else self.limit

    @property
    def effect(self) -> float | None:
        """The gap that an audit must be able to find, on the statistic's scale; None where none is named."""
        return self.practical if self.detectable is None else self.detectable

    @property
    def confidence(self) -> float:
        """Of the intervals of all comparisons together."""
        return 1 - self.alpha

    @property
    def digest(self) -> str:
        """SHA-256 of all that it says, in hex: an audit names the policy it followed by it."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    @classmethod
    def from_toml(cls, text: str, name: str) -> FairnessPolicy:
        """Read a policy; raises SchemaError that names every wrong key."""
        try:
            data = tomllib.loads(text)
            return cls.model_validate({**data, "name": name})
        except tomllib.TOMLDecodeError as error:
            raise SchemaError(f"fairness policy {name}", [("TOML", str(error))]) from error
        except ValidationError as error:
            problems = [
                (".".join(map(str, found["loc"])) or "policy", found["msg"].removeprefix("Value error, "))
                for found in error.errors()
            ]
            raise SchemaError(f"fairness policy {name}", problems) from error


DEFAULT_POLICY = FairnessPolicy(
    name="margin",
    title="Margin of 5 points",
    source="A default of Plumbline's; no law and no standard asks for it.",
    note="A difference of up to 5 points from all others is let pass, whatever the rate. Choose a margin that fits.",
    limit=0.05,
    measures=(
        "selection_rate",
        "true_positive_rate",
        "false_positive_rate",
        "positive_predictive_value",
        "accuracy",
    ),
)
