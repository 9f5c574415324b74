"""Thresholds by group as JSON: what Fairlearn's ThresholdOptimizer decides, without its classes.

Where no threshold meets a constraint exactly, Fairlearn decides by lot between two thresholds. The lot is kept, as
rounding it away would open the gap again; it is drawn from the record's id, so that the same record is always decided
alike and anybody can check it.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError

__all__ = ["GroupRule", "GroupThresholds", "Step", "draws"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

FORMAT = "plumbline group thresholds 1"
OPERATORS = (">", "<")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """With probability `p`, a row is positive whose score lies above (">") or below ("<") `threshold`."""

    p: float
    operator: str
    threshold: float

    def __post_init__(self) -> None:
        if self.operator not in OPERATORS or math.isnan(self.threshold) or not 0.0 <= self.p <= 1.0:
            raise InputError(f"No rule can be made of p = {self.p}, {self.operator!r} {self.threshold}.")

    def applied(self, score: Floats) -> Bools:
        """Whether each row is on the positive side."""
        return score > self.threshold if self.operator == ">" else score < self.threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRule:
    """Two steps to draw between; with probability `p_ignore` the chance of `constant` stands in their place."""

    steps: tuple[Step, ...]
    p_ignore: float = 0.0
    constant: float = 0.0

    def chance(self, score: Floats) -> Floats:
        """The probability that a row is called positive."""
        drawn = np.zeros(score.shape)
        for step in self.steps:
            drawn = drawn + step.p * step.applied(score)
        return self.p_ignore * self.constant + (1 - self.p_ignore) * drawn


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupThresholds:
    """Rules by group of the column `sensitive`; who is of no group named is positive from `otherwise` on.

    Parameters
    ----------
    sensitive : str
        The column that names the group.
    rules : mapping of group to GroupRule
    otherwise : float
        A score.
    seed : int
        Of `draws`.

    Examples
    --------
    >>> rule = GroupRule(steps=(Step(p=0.25, operator=">", threshold=0.4), Step(p=0.75, operator=">", threshold=0.6)))
    >>> found = GroupThresholds(sensitive="sex", rules={"women": rule}, otherwise=0.5)
    >>> found.chance(np.array([0.3, 0.5, 0.7, 0.7]), np.array(["women", "women", "women", "men"])).tolist()
    [0.0, 0.25, 1.0, 1.0]
    >>> GroupThresholds.from_dict(json.loads(found.to_json())) == found
    True
    """

    sensitive: str
    rules: Mapping[str, GroupRule]
    otherwise: float
    seed: int = 0

    @property
    def is_random(self) -> bool:
        """Whether somebody may be decided on by lot."""
        return any(0 < step.p < 1 for rule in self.rules.values() for step in rule.steps) or any(
            rule.p_ignore > 0 for rule in self.rules.values()
        )

    def chance(self, score: Floats, group: Sequence[Any] | NDArray[Any]) -> Floats:
        """The probability that each row is called positive, as Fairlearn's ``_pmf_predict`` gives it.

        Parameters
        ----------
        score : float array of shape (n,)
            Of the base estimator: the probability of the positive class.
        group : array of str, shape (n,)
        """
        values, groups = np.asarray(score, dtype=np.float64), np.asarray(group, dtype=object)
        if values.shape != groups.shape:
            raise InputError(f"{values.size:,} scores and {groups.size:,} groups: each row needs one of both.")
        chances = (values >= self.otherwise).astype(np.float64)
        for name, rule in self.rules.items():
            rows = groups == name
            chances[rows] = rule.chance(values[rows])
        return chances

    def decide(self, score: Floats, group: Sequence[Any] | NDArray[Any], draw: Floats) -> Bools:
        """Whether each row is called positive; `draw` in (0, 1] decides where that is left to a lot."""
        return np.asarray(self.chance(score, group) >= draw, dtype=np.bool_)

    def to_dict(self) -> dict[str, Any]:
        """The JSON-ready form; infinite thresholds as text."""
        return {
            "format": FORMAT,
            "sensitive": self.sensitive,
            "otherwise": self.otherwise,
            "seed": self.seed,
            "groups": {
                name: {
                    "steps": [
                        {"p": step.p, "operator": step.operator, "threshold": _written(step.threshold)}
                        for step in rule.steps
                    ],
                    "p_ignore": rule.p_ignore,
                    "constant": rule.constant,
                }
                for name, rule in self.rules.items()
            },
        }

    def to_json(self) -> str:
        """The one spelling that is digested; numbers come back to the last bit."""
        return json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

    @property
    def sha256(self) -> str:
        """SHA-256 of `to_json`, in hex."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> GroupThresholds:
        """Read what `to_dict` wrote; raises InputError."""
        if data.get("format") != FORMAT:
            raise InputError(f"These are no group thresholds: their format is {data.get('format')!r}, not {FORMAT!r}.")
        try:
            return cls(
                sensitive=str(data["sensitive"]),
                otherwise=float(data["otherwise"]),
                seed=int(data["seed"]),
                rules={
                    str(name): GroupRule(
                        steps=tuple(
                            Step(
                                p=float(step["p"]),
                                operator=str(step["operator"]),
                                threshold=float(step["threshold"]),
                            )
                            for step in rule["steps"]
                        ),
                        p_ignore=float(rule["p_ignore"]),
                        constant=float(rule["constant"]),
                    )
                    for name, rule in data["groups"].items()
                },
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"The group thresholds can't be read: {error}") from error

    @classmethod
    def from_fairlearn(cls, optimizer: Any, *, sensitive: str, otherwise: float, seed: int = 0) -> GroupThresholds:
        """What a fitted ThresholdOptimizer decides by."""
        rules = {}
        for name, found in optimizer.interpolated_thresholder_.interpolation_dict.items():
            steps = tuple(
                Step(p=float(p), operator=str(operation.operator), threshold=float(operation.threshold))
                for p, operation in ((found.p0, found.operation0), (found.p1, found.operation1))
            )
            ignored = {}
            if "p_ignore" in found:
                ignored = {"p_ignore": float(found.p_ignore), "constant": float(found.prediction_constant)}
            rules[str(name)] = GroupRule(steps=steps, **ignored)
        return cls(sensitive=sensitive, rules=rules, otherwise=otherwise, seed=seed)


def draws(ids: Iterable[Any], *, seed: int) -> Floats:
    """A number in (0, 1] for each record, from its id and a seed: evenly spread, and the same again.

    Examples
    --------
    >>> bool((draws(["a", "b"], seed=0) == draws(["a", "b"], seed=0)).all())
    True
    """
    whole = [
        int.from_bytes(hashlib.sha256(f"{seed}/{one}".encode(errors="surrogatepass")).digest()[:8], "big") >> 11
        for one in ids
    ]
    return (np.array(whole, dtype=np.float64) + 1.0) / 2.0**53


def _written(threshold: float) -> float | str:
    return threshold if math.isfinite(threshold) else "inf" if threshold > 0 else "-inf"
