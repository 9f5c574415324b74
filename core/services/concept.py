"""Whether outcomes still follow the score as they did on the reference, window by window."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.alarms.asked import judge
from core.concept.conclusion import ConceptResidual
from core.concept.detectors import DETECTORS, Detector
from core.concept.label_shift import LabelShift
from core.concept.residual import binary_residual, labels_by_prediction, labels_by_score, regression_residual
from core.measure import Measure, Status
from core.schema import Role, Task
from core.services.concept_views import DetectorViews, detector_views, shift_of_labels
from core.services.distributions import Distribution, distributions
from core.services.observations import Context, Observations, WindowInfo
from core.services.panel import subject_key
from core.services.performance import mature_focus
from core.services.verdicts import located, since_when, worst
from core.stats.scores import calibration_names, pooled_scores

__all__ = ["ConceptReport", "concept_report"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

WATCHED = subject_key("concept", "mean_residual")  # one subject stands for both measures


@dataclass(frozen=True, slots=True, kw_only=True)
class ConceptReport:
    """The residual in the window looked at, and its measures in every window; or `why` there is none.

    Beside it what moved and since when, streaming detectors, and shares of classes without labels with their window.
    """

    context: Context
    focus: WindowInfo | None
    residual: ConceptResidual | None
    measures: tuple[Measure, ...]
    trend: tuple[tuple[Measure, ...], ...]
    by: str
    outcome: str | None
    since: WindowInfo | None
    distributions: tuple[Distribution, ...]
    detectors: DetectorViews
    label_shift: tuple[LabelShift, WindowInfo] | None
    why: str = ""

    def series(self, name: str) -> tuple[Measure, ...]:
        """One measure in every window."""
        return tuple(next(m for m in window if m.measure == name) for window in self.trend)

    @property
    def status(self) -> Status:
        """The worst verdict of the window looked at."""
        return worst(m.status for m in self.measures)


def concept_report(
    observations: Observations, *, detectors: Iterable[Callable[[], Detector]] = tuple(DETECTORS.values())
) -> ConceptReport:
    """Is P(outcome | score) what it was? For a regression: are errors, at the same predicted value?"""
    context = observations.context
    views = detector_views(observations, detectors)
    focus = mature_focus(context)
    by, names = _bins(observations)
    outcome = observations.schema.positive
    why = _why_none(observations)
    if why:
        return ConceptReport(
            context=context,
            focus=focus,
            residual=None,
            measures=(),
            trend=(),
            by=by,
            outcome=outcome,
            since=None,
            distributions=(),
            detectors=views,
            label_shift=shift_of_labels(observations),
            why=why,
        )
    reference = _table(observations, None)
    residuals = [_residual(observations, reference, [window], names) for window in context.windows]
    of_windows = dict(zip((window.window.key for window in context.windows), residuals, strict=True))

    def residual_of(window: WindowInfo, of_reference: bool) -> ConceptResidual:
        if not of_reference:
            return of_windows[window.window.key]
        return _residual(replace(observations, current=observations.reference), reference, [window], names)

    trend, margin = [], _margin(observations)
    for window, residual in zip(context.windows, residuals, strict=True):
        measures = tuple(located(measure, context, window) for measure in residual.measures)
        if margin is not None and window.is_mature:  # what doesn't matter of the whole doesn't of some rows either
            margins = {"mean_residual": margin}
            measures = tuple(replace(measure, margin=margins.get(measure.measure)) for measure in measures)
        if context.arming.asks and window.is_mature:
            measures = judge(measures, level=context.arming.level)
        elif window.is_mature:
            measures = tuple(observations.judged(measure, WATCHED, window) for measure in measures)
        trend.append(measures)
    place = context.windows.index(focus) if focus else None
    effects = [window[0] for window in trend]
    return ConceptReport(
        context=context,
        focus=focus,
        residual=None if place is None else replace(residuals[place], measures=(trend[place][0], trend[place][1])),
        measures=() if place is None else trend[place],
        trend=tuple(trend),
        by=by,
        outcome=outcome,
        since=None if place is None else since_when(effects, context.windows, place),
        distributions=distributions(observations, residual_of, WATCHED),
        detectors=views,
        label_shift=shift_of_labels(observations),
    )


def _margin(observations: Observations) -> float | None:
    """The mean residual that doesn't matter, as the watch has it."""
    subject = observations.watch.subjects.get(WATCHED) if observations.watch else None
    return subject.margin_in_units if subject else None


def _bins(observations: Observations) -> tuple[str, list[str]]:
    """What rows are compared by, and what its bins are called."""
    spec = observations.spec
    if spec.classes and not _has_scores(observations):
        return "predicted class", list(spec.classes)
    names = list(calibration_names(spec.scores[""], spec.calibration_groups)) if spec.calibration_groups else []
    return ("predicted value" if spec.task is Task.REGRESSION else "score"), names


def _has_scores(observations: Observations) -> bool:
    """Whether there are bins of one score for all rows."""
    return bool(observations.spec.calibration_groups)


def _why_none(observations: Observations) -> str:
    """Why no residual can be made, or ''."""
    if observations.context.shows_reference:
        return "There are no production records yet to set against the reference."
    if observations.spec.task is Task.REGRESSION and not _has_scores(observations):
        return "The reference holds no predicted value, so there is no error whose mean could move."
    schema = observations.schema
    if not schema.scores and schema.name_of(Role.PREDICTION) is None:
        return "The model logs neither a score nor a prediction that outcomes could be held against."
    return ""


def _table(observations: Observations, windows: Sequence[WindowInfo] | None) -> Ints | Floats:
    """What is compared, of some windows or (None) of the reference."""
    spec = observations.spec
    joint = (observations.reference_joint() if windows is None else observations.joint(windows)).sum(axis=3)
    if spec.task is Task.REGRESSION:
        sums = observations.reference_calibration() if windows is None else observations.calibration(windows)
        n = pooled_scores(joint[:, 0, 0], spec.calibration_groups)
        return np.column_stack([n, sums[:-1]])
    if spec.task is Task.MULTICLASS:
        confusion = joint.sum(axis=0)[:-1, :-1]
        right = np.diag(confusion)
        return np.column_stack([confusion.sum(axis=1) - right, right])
    positive = observations.positive or 0
    if not _has_scores(observations):
        return labels_by_prediction(joint, positive=positive)
    return labels_by_score(joint, spec.calibration_groups, positive=positive)


def _residual(
    observations: Observations, reference: Ints | Floats, windows: Sequence[WindowInfo], names: Sequence[str]
) -> ConceptResidual:
    current = _table(observations, windows)
    if observations.spec.task is Task.REGRESSION:
        return regression_residual(reference.astype(np.float64), current.astype(np.float64), names=names)
    is_binary = observations.spec.task is Task.BINARY
    what = f"the share with '{observations.schema.positive}'" if is_binary else "the share of right predictions"
    return binary_residual(reference.astype(np.int64), current.astype(np.int64), names=names, what=what)
