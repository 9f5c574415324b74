"""Which labels came: whether the model's own decisions choose them, and what can be told nevertheless."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.actions.retrain.eligibility import ExcludedWindow
from core.governance.identity import Actor, Right, allowed
from core.measure import Measure, Status
from core.performance.binary import BinaryCounts
from core.performance.exploration import (
    exploration_measures,
    explored_calibration,
    why_not_weighted,
)
from core.performance.feedback import self_fulfilment
from core.performance.identified import Basis, basis_of, identified_performance
from core.performance.measures import rate
from core.performance.selective import (
    Labelling,
    LabelRates,
    label_rate_by_score,
    label_rate_given_score,
    label_rates,
    not_explored,
)
from core.schema import Task
from core.services.maturity import MaturityReport
from core.services.observations import COMPLETE_SHARE, Context, Observations, Selection, WindowInfo
from core.services.verdicts import located
from core.stats.scores import calibration_names, pooled_scores
from core.storage.database import Database
from core.storage.repository import Repository

__all__ = ["ScoreRow", "SelectiveReport", "SelectiveService"]

Ints = NDArray[np.int64]

QUARTER = timedelta(days=91.3125)
SPAN = 13  # windows of N rows, which have no time
NOT_BINARY = "Whether labels depend on the decision is told of binary models."
UNLABELLED = "No window is past the age at which its labels should be in."


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRow:
    """Rows of some scores: of each decision how many there are and how many have a label, and explored ones."""

    scores: str
    n: tuple[int, int]
    n_labelled: tuple[int, int]
    n_explored: int
    n_explored_labelled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectiveReport:
    """Who gets labels over the last quarter of matured windows.

    ``rates`` by decision; None where there is nothing to tell, with the reason in ``why``. ``monitors`` are the
    questions asked of them, ``measures`` the realised performance over the same windows as far as it is identified.
    ``age`` is from when on windows count, in ``unit`` s; ``not_weighted`` says why explored rows can't stand for all.
    """

    context: Context
    windows: tuple[WindowInfo, ...]
    rates: LabelRates | None
    monitors: tuple[Measure, ...] = ()
    measures: tuple[Measure, ...] = ()
    by_score: tuple[ScoreRow, ...] = ()
    not_weighted: str = ""
    age: int = 0
    unit: str = "day"
    why: str = ""

    def monitor(self, name: str) -> Measure | None:
        """One question's answer."""
        return next((m for m in self.monitors if m.measure == name), None)

    @property
    def n(self) -> int:
        """Rows of the windows."""
        return sum(window.n for window in self.windows)

    @property
    def n_labelled(self) -> int:
        """Those with a label."""
        return sum(window.n_labelled for window in self.windows)

    @property
    def labelling(self) -> Labelling:
        """How labels go with decisions."""
        return Labelling.UNDEFINED if self.rates is None else self.rates.labelling

    @property
    def feeds_back(self) -> tuple[Measure, ...]:
        """The decisions that change what they predict."""
        return tuple(m for m in self.monitors if m.measure == "self_fulfilment" and m.status is Status.WARNING)

    @property
    def status(self) -> Status:
        """The worst: CRITICAL where one decision gets no labels, WARNING where labels or outcomes depend on it."""
        if self.rates is None or self.labelling is Labelling.UNDEFINED:
            return Status.UNDEFINED
        if self.labelling is Labelling.ONE_SIDED:
            return Status.CRITICAL
        calibration = self.monitor("explored_calibration_gap")
        moved = calibration is not None and calibration.status is Status.WARNING
        if self.labelling is Labelling.SELECTIVE or self.feeds_back or moved:
            return Status.WARNING
        return Status.OK if self.labelling is Labelling.ALIKE else Status.INSUFFICIENT

    @property
    def basis(self) -> Basis:
        """What realised measures of decisions rest on over these windows."""
        accuracy = next((m for m in self.measures if m.measure == "accuracy"), None)
        return Basis.OBSERVED if accuracy is None else basis_of(accuracy)

    @property
    def words(self) -> str:
        """What was found, in a sentence or two."""
        rates = self.rates
        if rates is None or self.labelling is Labelling.UNDEFINED:
            return self.why or (rates.gap.why if rates else "")
        said = rates.words.replace(" have one", " have a label")
        said = f"{said[:1].upper()}{said[1:]}."
        share = self.n_labelled / max(self.n, 1)
        if rates.is_one_sided:
            shown = {
                Basis.WEIGHTED: "other measures are told by explored rows alone.",
                Basis.BOUNDS: "other measures are not identified and are shown as bounds.",
                Basis.OBSERVED: "other measures have no value.",
            }[self.basis]
            return (
                f"One-sided labels. {said} Performance seen is on the rows the model chose, {share:.0%} of traffic: "
                f"how many of those predicted '{rates.classes[rates.acted_on]}' were is known; {shown}"
            )
        if self.labelling is Labelling.SELECTIVE:
            return f"{said} Performance seen is on the rows with a label, {share:.0%} of traffic, not on all."
        effects = [
            f"Deciding '{m.column}' moves the share of positives by {100 * (m.value or 0.0):+.1f} points at equal "
            "scores: a model trained on these labels learns what it did."
            for m in self.feeds_back
        ]
        return " ".join([said, rates.gap.why, *effects])

    def to_dict(self) -> dict[str, Any]:
        """The JSON-ready form, as evidence keeps it."""
        rates = self.rates
        return {
            "status": str(self.status),
            "labelling": str(self.labelling),
            "words": self.words,
            "basis": str(self.basis),
            "windows": [window.name for window in self.windows],
            "age": self.age,
            "unit": self.unit,
            "n": self.n,
            "n_labelled": self.n_labelled,
            "decisions": [
                {"decision": name, "n": n, "n_labelled": k}
                for name, n, k in zip(rates.classes, rates.n, rates.n_labelled, strict=True)
            ]
            if rates
            else [],
            "monitors": [measure.to_dict() for measure in self.monitors],
            "measures": [measure.to_dict() | {"basis": str(basis_of(measure))} for measure in self.measures],
            "not_weighted": self.not_weighted or None,
            "why": self.why or None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectiveService:
    """Asks counts which rows get labels."""

    database: Database

    @allowed(Right.READ)
    def report(
        self,
        actor: Actor,  # noqa: ARG002 (every service call takes the actor)
        model: str,
        selection: Selection = Selection(),  # noqa: B008 (frozen)
        *,
        maturity: MaturityReport | None,
        excluded: Sequence[ExcludedWindow] = (),
    ) -> SelectiveReport | None:
        """Do labels depend on what was decided, over the last quarter whose labels should be in?

        Parameters
        ----------
        selection : Selection
            With a window: the quarter up to it.
        maturity : MaturityReport or None
            When labels of the same selection come: windows count from the schema's delay on, and not before 95% of
            the labels that come are usually there.
        excluded : sequence of ExcludedWindow
            Stretches of time whose windows are left out.

        Returns
        -------
        SelectiveReport or None
            None while the model has no reference.
        """
        with self.database.read() as session:
            found = Observations.load(session, Repository(session).model(model), selection)
        if found is None:
            return None
        age, unit = _age(found, maturity)
        windows = _quarter(found, timedelta(**{f"{unit}s": age}), excluded)
        counts = found.outcomes(windows)
        if not isinstance(counts, BinaryCounts) or found.spec.task is not Task.BINARY:
            return SelectiveReport(context=found.context, windows=(), rates=None, age=age, unit=unit, why=NOT_BINARY)
        if not windows:
            return SelectiveReport(context=found.context, windows=(), rates=None, age=age, unit=unit, why=UNLABELLED)
        rates = label_rates(counts)
        monitors = (
            *_of_acted_on(counts, rates),
            rates.gap,
            label_rate_by_score(counts),
            label_rate_given_score(counts),
            *exploration_measures(counts, quarters=_quarters(windows)),
            *self_fulfilment(counts),
            explored_calibration(counts),
        )
        whole, of_decisions = why_not_weighted(counts)
        return SelectiveReport(
            context=found.context,
            windows=windows,
            rates=rates,
            monitors=tuple(located(measure, found.context, windows[-1]) for measure in monitors),
            measures=tuple(
                located(measure, found.context, windows[-1])
                for measure in identified_performance(counts, costs=found.costs)
            ),
            by_score=_by_score(counts),
            not_weighted=whole or of_decisions,
            age=age,
            unit=unit,
        )


def _of_acted_on(counts: BinaryCounts, rates: LabelRates) -> tuple[Measure, ...]:
    """Of the rows that get labels when others don't: how many were what they were said to be."""
    if not rates.is_one_sided:
        return ()
    decision = rates.acted_on
    name, table = counts.classes[decision], not_explored(counts)[decision, :2]
    among = f"predicted '{name}', decided by the model and with a label"
    return (rate("predictive_value", int(table[decision]), int(table.sum()), among=among, empty="", column=name),)


def _age(found: Observations, maturity: MaturityReport | None) -> tuple[int, str]:
    """From which age on labels should be in, and in what it is counted."""
    if maturity is None:
        return round(found.schema.labels.delay_days), "day"
    return max(maturity.judged_at, maturity.usual_age or 0), maturity.unit


def _quarter(found: Observations, age: timedelta, excluded: Sequence[ExcludedWindow]) -> tuple[WindowInfo, ...]:
    """The windows of the last quarter whose labels should be in."""
    context = found.context
    if context.shows_reference:
        return ()
    windows = [w for w in found.mature if context.selection.window is None or _upto(w, context)]
    if not context.unit_is_calendar:
        return tuple(windows[-SPAN:])
    delay = timedelta(days=found.schema.labels.delay_days)
    known_to = None if context.mature_to is None else context.mature_to + delay
    kept = []
    for window in windows:
        start, end = window.window.start_at, window.window.end_at
        if start is None or end is None or known_to is None:
            continue
        is_old = known_to - age >= start + COMPLETE_SHARE * (end - start)
        is_out = any(start < out.end_at and out.start_at < end for out in excluded)
        if is_old and not is_out:
            kept.append(window)
    last = kept[-1].window.end_at if kept else None
    return tuple(w for w in kept if last and w.window.start_at and w.window.start_at >= last - QUARTER)


def _upto(window: WindowInfo, context: Context) -> bool:
    return context.focus is not None and window.window.key <= context.focus.window.key


def _quarters(windows: Sequence[WindowInfo]) -> float:
    """How many quarters the windows last; 1 where they have no time."""
    spans = [w.window.end_at - w.window.start_at for w in windows if w.window.end_at and w.window.start_at]
    return sum(spans, timedelta()) / QUARTER if spans else 1.0


def _by_score(counts: BinaryCounts) -> tuple[ScoreRow, ...]:
    """By calibration bin, explored rows apart."""
    if counts.score_bins is None or not counts.calibration_groups:
        return ()
    pooled = pooled_scores(counts.joint, counts.calibration_groups)
    explored = np.zeros_like(pooled)
    if counts.explored is not None:
        explored = np.rint(counts.explored[:-1, ..., 0]).astype(np.int64)
    own = (pooled - explored)[:, :2]
    names = calibration_names(counts.score_bins, counts.calibration_groups)
    return tuple(
        ScoreRow(
            scores=name,
            n=(int(own[place, 0].sum()), int(own[place, 1].sum())),
            n_labelled=(int(own[place, 0, :2].sum()), int(own[place, 1, :2].sum())),
            n_explored=int(explored[place].sum()),
            n_explored_labelled=int(explored[place, :, :2].sum()),
        )
        for place, name in enumerate(names)
    )
