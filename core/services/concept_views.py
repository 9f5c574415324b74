"""What stands beside the verdict on the concept: streaming detectors, and shares of classes without labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from core.concept.detectors import DETECTORS, Detections, Detector, detections
from core.concept.label_shift import LabelShift, label_shift
from core.performance.binary import BinaryCounts
from core.performance.multiclass import MulticlassCounts
from core.schema import Task
from core.services.observations import Observations, OutcomeCounts, WindowInfo
from core.stats.scores import pooled_scores

__all__ = ["DetectorViews", "detector_views", "shift_of_labels", "signal_windows"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorViews:
    """Detectors on the share of wrong predictions, over the reference and windows whose labels are in."""

    windows: tuple[WindowInfo, ...]
    n_reference: int
    found: tuple[Detections, ...]
    why: str


def detector_views(
    observations: Observations, detectors: Iterable[Callable[[], Detector]] = tuple(DETECTORS.values())
) -> DetectorViews:
    """What DDM, Page-Hinkley, HDDM-A and ADWIN, or others, say of the share of wrong predictions."""
    context = observations.context
    if observations.spec.task is Task.REGRESSION:
        why = "These detectors take right and wrong; a regression's errors are watched as a mean."
        return DetectorViews(windows=(), n_reference=0, found=(), why=why)
    windows = (*context.reference_windows, *observations.mature)
    n_reference = len(context.reference_windows)
    keys = [window.window.key for window in windows]
    sides = [(key, place < n_reference) for place, key in enumerate(keys)]
    counts = np.array([_rows_and_wrong(observations.outcomes_of([key], of_reference=side)) for key, side in sides])
    if not counts.size or not counts[:, 0].sum():
        return DetectorViews(windows=(), n_reference=0, found=(), why="No row has both a prediction and a label.")
    n, wrong = counts.T
    found = tuple(detections(n, wrong, make()) for make in detectors)
    return DetectorViews(windows=windows, n_reference=n_reference, found=found, why="")


def _rows_and_wrong(counts: OutcomeCounts) -> tuple[int, int]:
    if isinstance(counts, BinaryCounts):
        tp, fp, fn, tn = counts.confusion()
        return tp + fp + fn + tn, fp + fn
    if isinstance(counts, MulticlassCounts):
        decided = counts.confusion[:-1, :-1]
        return int(decided.sum()), int(decided.sum() - np.trace(decided))
    raise TypeError(f"no right and wrong of {type(counts).__name__}")


def shift_of_labels(observations: Observations) -> tuple[LabelShift, WindowInfo] | None:
    """How often each class occurs in the window looked at, told without its labels; None where nothing is predicted."""
    focus, spec = observations.context.focus, observations.spec
    if focus is None or spec.task is Task.REGRESSION or observations.context.shows_reference:
        return None
    reference, current = observations.reference_joint().sum(axis=3), observations.joint([focus]).sum(axis=3)
    k = len(spec.classes)
    groups = spec.calibration_groups
    before, now = ((pooled_scores(t, groups) if groups else t.sum(axis=0, keepdims=True)) for t in (reference, current))
    tables = before[:, :k, :k], now.sum(axis=2)[:, :k]
    if not tables[0].sum() or not tables[1].sum():
        return None
    return label_shift(tables[0], tables[1], names=spec.classes), focus


def signal_windows(views: DetectorViews, found: Detections) -> Iterator[tuple[WindowInfo, int, bool]]:
    """Where a detector signals: the window, the side, and whether it is one of the reference's."""
    for signal in found.signals:
        yield views.windows[signal.window], signal.side, signal.window < views.n_reference
