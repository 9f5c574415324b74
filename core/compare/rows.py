"""The rows that two versions are compared on: labels, what each version said, and whom each row belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.profile.spec import UNKNOWN_GROUP
from core.schema import Task

__all__ = ["Groups", "PairedRows", "Predictions", "Side", "pair_rows"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MISSING = -1  # the class of a row without one


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Predictions:
    """What one version said of each row, in row order.

    Parameters
    ----------
    prediction : array of shape (n_rows,), optional
        Class names, with None where there is none; for a regression numbers, with NaN where there is none.
    score : float array of shape (n_rows,), optional
        Binary: the probability of the positive class, NaN where there is none. A regression may give its
        prediction here instead. Other tasks don't read it.
    """

    prediction: Sequence[Any] | NDArray[Any] | None = None
    score: Sequence[float] | NDArray[Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Side:
    """One version's predictions as numbers: the class of each row or -1, the value or NaN; None if not logged."""

    name: str
    decision: Ints | None = None
    value: Floats | None = None  # a binary model's score, a regression's prediction

    @property
    def answered(self) -> Bools | None:
        """On which rows this version said anything usable: it decided or, where it logs no decision, scored."""
        if self.decision is not None:
            decided: Bools = self.decision != MISSING
            return decided
        return None if self.value is None else np.isfinite(self.value)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Groups:
    """The values of one column, sorted with 'Unknown' last, and which of them each row has."""

    names: tuple[str, ...]
    codes: Ints


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairedRows:
    """Labels and both versions' predictions on the same rows.

    ``label`` is the class of each row or -1; a regression has ``target`` instead, NaN where there is none.
    ``positive`` and ``favourable`` are places in ``classes``.
    """

    task: Task
    n_rows: int
    champion: Side
    candidate: Side
    classes: tuple[str, ...] = ()
    positive: int | None = None
    favourable: int | None = None
    label: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    target: Floats = field(default_factory=lambda: np.zeros(0))
    groups: Mapping[str, Groups] = field(default_factory=dict)

    @property
    def labelled(self) -> Bools:
        """Which rows have a label."""
        return np.isfinite(self.target) if self.task is Task.REGRESSION else self.label != MISSING


def pair_rows(
    label: Sequence[Any] | NDArray[Any],
    champion: Predictions,
    candidate: Predictions,
    *,
    task: Task,
    classes: Sequence[str] = (),
    positive: str | None = None,
    favourable: str | None = None,
    groups: Mapping[str, Sequence[str | None] | NDArray[Any]] | None = None,
) -> PairedRows:
    """Check the columns of two versions, and give every value its place; arguments as in `comparison.compare`.

    Raises
    ------
    InputError
        If columns differ in length, or hold a class or a number that can't be.

    Examples
    --------
    >>> rows = pair_rows(
    ...     ["no", None], Predictions(score=[0.1, 0.9]), Predictions(prediction=["no", "yes"]),
    ...     task=Task.BINARY, classes=("no", "yes"), groups={"sex": ["f", None]},
    ... )
    >>> rows.label.tolist(), rows.positive, rows.groups["sex"].names
    ([0, -1], 1, ('f', 'Unknown'))
    """
    n = len(label)
    _check_classes(task, classes, positive, favourable)
    for side, given in (("champion", champion), ("candidate", candidate)):
        for kind, column in (("prediction", given.prediction), ("score", given.score)):
            if column is not None and len(column) != n:
                raise InputError(f"The {side}'s {kind} has {len(column):,} rows, the label {n:,}; give the same rows.")
    coded = {}
    for name, column in (groups or {}).items():
        if len(column) != n:
            raise InputError(f"Group column {name!r} has {len(column):,} rows, the label {n:,}; give the same rows.")
        coded[name] = _groups(column)
    before, after = _side("champion", champion, task, classes), _side("candidate", candidate, task, classes)
    if task is Task.REGRESSION:
        target = _numbers("label", label)
        return PairedRows(task=task, n_rows=n, champion=before, candidate=after, target=target, groups=coded)
    if task is Task.BINARY:
        positive = positive or classes[1]
        favourable = favourable or positive
    return PairedRows(
        task=task,
        n_rows=n,
        champion=before,
        candidate=after,
        classes=tuple(classes),
        positive=None if positive is None else list(classes).index(positive),
        favourable=None if favourable is None else list(classes).index(favourable),
        label=_decisions("label", label, classes),
        groups=coded,
    )


def _check_classes(task: Task, classes: Sequence[str], positive: str | None, favourable: str | None) -> None:
    if task is Task.REGRESSION:
        if classes or positive or favourable:
            raise InputError("classes, positive and favourable are for classification, the task is regression.")
        return
    if len(set(classes)) != len(classes) or len(classes) < 2 or (task is Task.BINARY and len(classes) > 2):
        wanted = "two different classes" if task is Task.BINARY else "two or more different classes"
        raise InputError(f"A {task} comparison needs the names of {wanted}, got {list(classes)}.")
    if task is Task.MULTICLASS and positive is not None:
        raise InputError("positive is for a binary task; a multiclass task has no positive class.")
    for key, value in (("positive", positive), ("favourable", favourable)):
        if value is not None and value not in classes:
            raise InputError(f"{key} = {value!r} is none of the classes {', '.join(map(repr, classes))}.")


def _side(name: str, given: Predictions, task: Task, classes: Sequence[str]) -> Side:
    if task is Task.REGRESSION:
        column = given.score if given.prediction is None else given.prediction
        return Side(name=name, value=None if column is None else _numbers(f"{name}'s prediction", column))
    return Side(
        name=name,
        decision=None if given.prediction is None else _decisions(f"{name}'s prediction", given.prediction, classes),
        value=_numbers(f"{name}'s score", given.score) if task is Task.BINARY and given.score is not None else None,
    )


def _numbers(what: str, column: Sequence[Any] | NDArray[Any]) -> Floats:
    """As floats; None is NaN."""
    try:
        return np.asarray(column, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"The {what} must hold numbers, NaN where there is none: {error}.") from error


def _decisions(what: str, column: Sequence[Any] | NDArray[Any], classes: Sequence[str]) -> Ints:
    places: dict[Any, int] = {name: place for place, name in enumerate(classes)}
    places[None] = MISSING
    values = column.tolist() if isinstance(column, np.ndarray) else column
    try:
        return np.fromiter((places[value] for value in values), dtype=np.int64, count=len(values))
    except KeyError as error:
        known = ", ".join(map(repr, classes))
        raise InputError(f"The {what} {error.args[0]!r} is none of the classes {known}; None means none.") from error


def _groups(column: Sequence[str | None] | NDArray[Any]) -> Groups:
    values = [UNKNOWN_GROUP if value is None else str(value) for value in column]
    names = sorted(set(values), key=lambda name: (name == UNKNOWN_GROUP, name))
    places = {name: place for place, name in enumerate(names)}
    return Groups(
        names=tuple(names), codes=np.fromiter((places[value] for value in values), dtype=np.int64, count=len(values))
    )
