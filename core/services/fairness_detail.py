"""One protected attribute closely: errors of both kinds, the score, what excludes what, other tools' numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.errors import InputError
from core.fairness.calibration import group_calibration
from core.fairness.decomposition import GapDecomposition, decompose_gap
from core.fairness.incompatibility import Incompatibility, incompatibility
from core.fairness.individual import Inequality, benefit_inequality
from core.fairness.odds import average_odds, equalized_odds, treatment_equality
from core.fairness.policy import FairnessPolicy
from core.fairness.scores import GroupScores, class_balance, group_auc, score_parity
from core.measure import Measure
from core.schema import Task
from core.services.fairness_rates import Outcome, labelled_span, rates_of
from core.services.observations import Context, Observations, WindowInfo
from core.stats.ranking import mixed_bins

if TYPE_CHECKING:
    from core.fairness.conventions.fairlearn import FairlearnMeasure

__all__ = ["AttributeDetail", "attribute_detail", "gap_change", "group_scores", "peer_measures"]

SEED = 19_550_601  # of the draws behind the intervals: the same counts always give the same ones


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AttributeDetail:
    """What no policy judges, of one attribute over the mature windows; ``scores`` is None without a binary score."""

    context: Context
    attribute: str
    windows: tuple[WindowInfo, ...]
    outcome: Outcome
    measures: tuple[Measure, ...]
    incompatibility: Incompatibility
    inequality: Inequality | None
    scores: GroupScores | None

    def of(self, measure: str) -> tuple[Measure, ...]:
        """One measure, group by group."""
        return tuple(m for m in self.measures if m.measure == measure)


def attribute_detail(
    observations: Observations, attribute: str, *, policy: FairnessPolicy, outcome: Outcome
) -> AttributeDetail:
    """Odds, ranking, calibration and balance by group, over the last mature windows."""
    windows = labelled_span(observations)
    rates = rates_of(observations, attribute, windows, policy, outcome)
    measures = [
        *equalized_odds(rates, attribute=attribute),
        *average_odds(rates, attribute=attribute),
        *treatment_equality(rates, attribute=attribute),
    ]
    scores = group_scores(observations, attribute, windows)
    if scores is not None:
        measures += group_auc(scores, attribute=attribute)
        measures += group_calibration(scores, observations.spec.calibration_groups, attribute=attribute)
        measures += class_balance(scores, attribute=attribute)
        measures += score_parity(scores, attribute=attribute)
    return AttributeDetail(
        context=observations.context,
        attribute=attribute,
        windows=windows,
        outcome=outcome,
        measures=tuple(measures),
        incompatibility=incompatibility(rates),
        inequality=_inequality(observations, attribute, windows, outcome),
        scores=scores,
    )


def group_scores(observations: Observations, attribute: str, windows: Sequence[WindowInfo]) -> GroupScores | None:
    """A binary model's rows by score and group over some windows; None without a score."""
    bins = observations.spec.scores.get("")
    if observations.spec.task is not Task.BINARY or bins is None or not bins.n_bins or observations.positive is None:
        return None
    joint = observations.joint(windows, attribute)
    places = (1 - observations.positive, observations.positive)
    by_class = np.stack([joint[:, :, place].sum(axis=1) for place in places], axis=1)
    everyone = by_class.sum(axis=(1, 2))
    mixed = mixed_bins(everyone, bins, observations.spec.calibration_groups, observations.calibration(windows)[:, 0])
    return GroupScores(
        rows=joint.sum(axis=(1, 2)),
        by_class=by_class,
        bins=bins,
        group_names=observations.spec.group_names(attribute),
        mixed=mixed,
    )


def _inequality(
    observations: Observations, attribute: str, windows: Sequence[WindowInfo], outcome: Outcome
) -> Inequality | None:
    place = outcome.place(outcome.favourable)
    if observations.spec.task is not Task.BINARY or place is None:
        return None
    try:
        return benefit_inequality(observations.joint(windows, attribute).sum(axis=0), positive=place)
    except InputError:  # nobody has a benefit, or nobody is labelled
        return None


def gap_change(observations: Observations, attribute: str, group: str, *, outcome: Outcome) -> GapDecomposition | None:
    """Why a group's gap in selections moved since the reference; None for other than two classes, or no production."""
    positive, favourable = outcome.place(outcome.positive), outcome.place(outcome.favourable)
    if len(outcome.classes) != 2 or positive is None or favourable is None or observations.context.shows_reference:
        return None
    return decompose_gap(
        observations.reference_joint(attribute).sum(axis=0),
        observations.joint(labelled_span(observations), attribute).sum(axis=0),
        group_names=observations.spec.group_names(attribute),
        group=group,
        positive=positive,
        favourable=favourable,
        rng=np.random.default_rng(SEED),
    )


def peer_measures(
    observations: Observations, attribute: str, *, policy: FairnessPolicy, outcome: Outcome
) -> tuple[FairlearnMeasure, ...]:
    """Fairlearn's numbers of the same counts; none for other than two classes, or without labelled decisions."""
    from core.fairness.conventions.fairlearn import fairlearn_measures

    positive, windows = outcome.place(outcome.positive), labelled_span(observations)
    confusion = observations.joint(windows, attribute).sum(axis=0)
    if len(outcome.classes) != 2 or positive is None or not confusion[:2, :2].any():
        return ()
    rates = rates_of(observations, attribute, windows, policy, outcome)
    names = observations.spec.group_names(attribute)
    return fairlearn_measures(confusion, rates, group_names=names, positive=positive)
