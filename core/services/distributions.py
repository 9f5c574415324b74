"""Inputs, outcomes, and outcomes given the score: which of the three moved, and since when."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.concept.conclusion import ConceptResidual
from core.concept.dating import LEAST_WINDOWS, standardised
from core.measure import Status
from core.performance.regression import LABELS_ALIKE, RegressionCounts
from core.profile.spec import REGRESSION_SUMS
from core.schema import Task
from core.services.observations import Observations, OutcomeCounts, WindowInfo
from core.services.panel import subject_key
from core.services.verdicts import ALARMS, of_many
from core.spc.change_point import last_shift

__all__ = ["ChangeDate", "Distribution", "distributions"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

INPUTS, OUTCOMES, OUTCOMES_GIVEN_SCORE = "P(x)", "P(y)", "P(y | score)"
NOT_WATCHED = "Not watched: told afterwards from windows whose labels are in."


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeDate:
    """The window in which the level that stands now began, and the windows that this could be, 90% or more."""

    first: WindowInfo
    earliest: WindowInfo
    latest: WindowInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """Whether P(x), P(y) or P(y | score) moved, and since when.

    ``status`` is the watch's; outcomes aren't watched: WARNING where their level has changed, never OK. ``date`` is
    None where nothing moved, or where windows show no level that has changed. ``columns``: inputs that moved.
    """

    symbol: str
    status: Status
    why: str
    date: ChangeDate | None = None
    columns: tuple[str, ...] = ()

    @property
    def is_watched(self) -> bool:
        """Whether its verdict is the watch's, which says what would have been found."""
        return self.symbol != OUTCOMES

    @property
    def moved(self) -> bool | None:
        """Whether it moved; None where that can't be told."""
        return True if self.status in ALARMS else False if self.status is Status.OK else None


def distributions(
    observations: Observations, residual_of: Callable[[WindowInfo, bool], ConceptResidual], key: str
) -> tuple[Distribution, ...]:
    """Which of inputs, outcomes and what ties them to the score moved, and since when?

    Parameters
    ----------
    observations : Observations
    residual_of : callable
        The residual of one window, and whether it is one of the reference's.
    key : str
        The subject that stands for the residual.
    """
    return (_inputs(observations), _outcomes(observations), _outcomes_given_score(observations, residual_of, key))


def _inputs(observations: Observations) -> Distribution:
    context, focus, features = observations.context, observations.context.focus, observations.schema.features
    if focus is None or context.shows_reference or not features:
        return Distribution(symbol=INPUTS, status=Status.UNDEFINED, why="There is no window with inputs yet.")
    verdicts = [observations.verdict(subject_key("values", name), focus) for name in features]
    whole = observations.verdict("classifier", focus) if observations.watches("classifier") else None
    statuses = [status for status, _ in verdicts]
    status = of_many([*statuses, whole[0]] if whole else statuses)
    moved = tuple(name for name, found in zip(features, statuses, strict=True) if found in ALARMS)
    if status in ALARMS:
        why = (
            f"{len(moved)} of {len(features)} inputs moved"
            if moved
            else f"rows as a whole: {whole[1] if whole else ''}"
        )
    elif not context.arming.is_armed or context.arming.asks:
        why = verdicts[0][1]
    else:
        n_told = statuses.count(Status.OK)
        why = f"no evidence of change in {n_told} of {len(features)} inputs"
        why += "" if n_told == len(features) else "; the others can't be told"
    date = _date_of_inputs(observations) if status in ALARMS else None
    return Distribution(symbol=INPUTS, status=status, why=why, date=date, columns=moved)


def _date_of_inputs(observations: Observations) -> ChangeDate | None:
    """Since when rows can be told from the reference's: the classifier's windows, complete ones up to the focus."""
    context, series = observations.context, observations.series.get("classifier")
    if series is None:
        return None
    windows = [w for w in context.windows if context.focus and w.window.key <= context.focus.window.key]
    nothing = (0.0, 0.0, 0.0)
    sides = [
        _mean_and_error([found[w.window.key].sums if w.window.key in found else nothing for w in of])
        for found, of in ((series.reference, context.reference_windows), (series.current, windows))
    ]
    return _dated(sides[0], sides[1], windows)


def _outcomes(observations: Observations) -> Distribution:
    context, mature = observations.context, observations.mature
    if observations.spec.task is Task.REGRESSION:
        return _numeric_outcomes(observations)
    before, now = (
        np.array([_labels(observations.joint_of([w.window.key], of_reference=side)) for w in windows])
        for side, windows in ((True, context.reference_windows), (False, mature))
    )
    untold = _untold(int(before.sum()), int(now.sum()), len(context.reference_windows))
    if untold is not None:
        return untold
    positive = observations.positive
    places = range(before.shape[1]) if positive is None else [positive]
    dates = [(_dated(_shares(before, place), _shares(now, place), mature), place) for place in places]
    found = [(date, place) for date, place in dates if date is not None]
    if not found:
        why = "no change seen in the shares of classes"
        if positive is not None:
            shares = f"{_part(now, positive):.1%} of labels, {_part(before, positive):.1%} in the reference"
            why = f"no change seen: '{observations.schema.positive}' is {shares}"
        return Distribution(symbol=OUTCOMES, status=Status.INSUFFICIENT, why=f"{why}. {NOT_WATCHED}")
    date, place = max(found, key=lambda pair: pair[0].first.window.key)
    since = now[mature.index(date.first) :]
    name = observations.spec.classes[place]
    why = f"'{name}' is {_part(since, place):.1%} of labels since, {_part(before, place):.1%} in the reference"
    return Distribution(symbol=OUTCOMES, status=Status.WARNING, why=f"{why}. {NOT_WATCHED}", date=date)


def _untold(n_before: int, n_now: int, n_reference_windows: int) -> Distribution | None:
    """Why nothing can be told of outcomes, if nothing can."""
    if not n_before or not n_now:
        why = "No window whose labels are in has any." if n_before else "The reference has no label."
        return Distribution(symbol=OUTCOMES, status=Status.UNDEFINED, why=why)
    if n_reference_windows < LEAST_WINDOWS:
        why = f"{LEAST_WINDOWS} windows of reference are needed to know how much they vary."
        return Distribution(symbol=OUTCOMES, status=Status.INSUFFICIENT, why=why)
    return None


def _numeric_outcomes(observations: Observations) -> Distribution:
    """Whether the mean or the standard deviation of a regression's labels moved."""
    context, mature = observations.context, observations.mature
    before, now = (
        np.array([_moments(observations.outcomes_of([w.window.key], of_reference=side)) for w in windows])
        for side, windows in ((True, context.reference_windows), (False, mature))
    )
    n_before, n_now = (int(side[:, 0].sum()) if side.size else 0 for side in (before, now))
    untold = _untold(n_before, n_now, len(before))
    if untold is not None:
        return untold
    dates = [(_dated(of(before), of(now), mature), name, of) for name, of in (("mean", _means), ("spread", _spreads))]
    found = [(date, name, of) for date, name, of in dates if date is not None]
    date, name, of = max(found, key=lambda each: each[0].first.window.key, default=(None, "mean", _means))
    lately = now if date is None else now[mature.index(date.first) :]
    usual, level = (float(of(side.sum(axis=0, keepdims=True))[0][0]) for side in (before, lately))
    if name == "mean":
        usual, level = usual + observations.spec.centre, level + observations.spec.centre
    spread = float(_spreads(before.sum(axis=0, keepdims=True))[0][0])
    digits = max(0, 2 - math.floor(math.log10(spread))) if spread > 0 else 2
    then, was = f"{level:,.{digits}f}", f"{usual:,.{digits}f}"
    fact = "mean label" if name == "mean" else "standard deviation of labels"
    if date is None:
        why = f"no change seen: the {fact} is {then}, {was} in the reference"
        return Distribution(symbol=OUTCOMES, status=Status.INSUFFICIENT, why=f"{why}. {NOT_WATCHED}")
    why = f"the {fact} is {then} since, {was} in the reference"
    return Distribution(symbol=OUTCOMES, status=Status.WARNING, why=f"{why}. {NOT_WATCHED}", date=date)


def _moments(counts: OutcomeCounts) -> tuple[float, ...]:
    """Labelled rows and the sums of the first four powers of their labels, less the profile's centre."""
    if not isinstance(counts, RegressionCounts):
        raise TypeError(f"no moments of {type(counts).__name__}")
    sums = dict(zip(REGRESSION_SUMS, counts.losses.tolist(), strict=True))
    return float(counts.joint[:, 0, 0].sum()), sums["y"], sums["y2"], sums["y3"], sums["y4"]


def _means(moments: Floats) -> tuple[Floats, Floats]:
    return _mean_and_error([(n, total, squares) for n, total, squares, _, _ in moments.tolist()])


def _spreads(moments: Floats) -> tuple[Floats, Floats]:
    """The standard deviation of each window's labels and its standard error, by the labels' fourth moment."""
    with np.errstate(divide="ignore", invalid="ignore"):
        m1, m2, m3, m4 = (moments[:, 1:] / moments[:, :1]).T
        variance = m2 - m1**2
        variance = np.where(variance > LABELS_ALIKE * m2, variance, np.nan)
        fourth = m4 - 4 * m1 * m3 + 6 * m1**2 * m2 - 3 * m1**4
        error = np.sqrt(np.maximum(fourth - variance**2, 0.0) / moments[:, 0]) / (2 * np.sqrt(variance))
        return np.sqrt(variance), error


def _outcomes_given_score(
    observations: Observations, residual_of: Callable[[WindowInfo, bool], ConceptResidual], key: str
) -> Distribution:
    context, mature = observations.context, observations.mature
    if not mature or context.shows_reference:
        return Distribution(symbol=OUTCOMES_GIVEN_SCORE, status=Status.UNDEFINED, why="No window's labels are in yet.")
    status, why = observations.verdict(key, mature[-1])
    if status not in ALARMS:
        return Distribution(symbol=OUTCOMES_GIVEN_SCORE, status=status, why=why)
    before, now = (
        _residuals([residual_of(window, side) for window in windows])
        for side, windows in ((True, context.reference_windows), (False, mature))
    )
    return Distribution(symbol=OUTCOMES_GIVEN_SCORE, status=status, why=why, date=_dated(before, now, mature))


def _part(labels: Ints, place: int) -> float:
    return float(labels[:, place].sum() / labels.sum())


def _dated(
    reference: tuple[Floats, Floats], current: tuple[Floats, Floats], windows: Sequence[WindowInfo]
) -> ChangeDate | None:
    """Since when the level is off the reference's, if it is."""
    scores = standardised(*reference, *current)
    shift = None if scores is None else last_shift(scores)
    if shift is None:
        return None
    first, earliest, latest = (windows[place] for place in (shift.first, shift.earliest, shift.latest))
    return ChangeDate(first=first, earliest=earliest, latest=latest)


def _mean_and_error(sums: Sequence[tuple[float, float, float]]) -> tuple[Floats, Floats]:
    table = np.array(sums, dtype=np.float64).reshape(-1, 3)
    n, total, squares = table.T
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = total / n
        return mean, np.sqrt(np.maximum(squares / n - mean**2, 0.0) / n)


def _shares(labels: Ints, place: int) -> tuple[Floats, Floats]:
    """A class's share of each window's labels and its standard error, that of (k + 1) / (n + 2), which is never 0."""
    k, n = labels[:, place], labels.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        smooth = (k + 1) / (n + 2)
        return np.where(n > 0, k / np.maximum(n, 1), np.nan), np.sqrt(smooth * (1 - smooth) / n)


def _residuals(found: Sequence[ConceptResidual]) -> tuple[Floats, Floats]:
    """The mean residual of each window and its standard error; NaN where there is none."""
    pairs = [(m.value, m.interval) for m in (each.measures[1] for each in found)]
    values = [np.nan if value is None or interval is None else value for value, interval in pairs]
    errors = [np.nan if interval is None else (interval.high - interval.low) / 2 / 1.959964 for _, interval in pairs]
    return np.array(values, dtype=np.float64), np.array(errors, dtype=np.float64)


def _labels(joint: Ints) -> Ints:
    """Labelled rows of each class, whatever their score and prediction."""
    return np.asarray(joint.sum(axis=(0, 1, 3))[:-1])
