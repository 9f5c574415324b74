"""A group beside all others, as subjects for the alarm engine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.alarms.monitors import (
    Windows,
    gap_subject,
)
from core.fairness.groups import LOWER_IS_WORSE, rate_cells
from core.profile.windows import Window
from core.schema import Task
from core.services.fairness_identified import label_rates_of
from core.services.fairness_rates import DECISIONS
from core.services.observations import Observations
from core.services.panel import Draft, gap_key

__all__ = ["add_gaps"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def add_gaps(draft: Draft, observations: Observations, windows: Sequence[Window], rates: Sequence[str]) -> None:
    """A group's rate beside that of all others: every group of the reference, the unknown among them."""
    spec = observations.spec
    if spec.task is Task.REGRESSION:
        return
    before = [window.window for window in observations.context.reference_windows]
    needs_labels = any(rate != DECISIONS for rate in rates)
    told = [
        _told(observations, side if needs_labels else (), of_reference=of_reference)
        for side, of_reference in ((before, True), (windows, False))
    ]
    for attribute in spec.groups:

        def tables(side: Sequence[Window], of_reference: bool, attribute: str = attribute) -> Ints:
            found = [
                observations.joint_of([window.key], of_reference=of_reference, attribute=attribute).sum(axis=0)
                for window in side
            ]
            return np.array(found, dtype=np.int64).reshape(len(side), *spec.joint_shape(attribute)[1:])

        sides = tables(before, True), tables(windows, False)
        names = spec.group_names(attribute)
        for rate in rates:
            hit, counted = rate_cells(
                rate, len(spec.classes), positive=observations.positive, favourable=observations.favourable
            )
            if not counted.any():
                continue
            reference, current = (
                _counted(side, hit, counted, 1 if rate == DECISIONS else known)
                for side, known in zip(sides, told, strict=True)
            )
            for place, group in enumerate(names):
                if group not in spec.groups[attribute] and not reference[1][:, place].any():
                    continue
                is_worse_below = rate in LOWER_IS_WORSE
                subject = gap_subject(gap_key(rate, attribute, group), name=group, is_worse_below=is_worse_below)
                draft.add(subject, _beside_the_rest(*reference, place), _beside_the_rest(*current, place))


def _counted(side: Ints, hit: Bools, counted: Bools, known: Ints | int) -> tuple[Ints, Ints]:
    """Numerators and denominators of shape (n_windows, n_groups), 0 in windows that don't tell."""
    k: Ints = side[:, hit].sum(axis=1) * known
    n: Ints = side[:, counted].sum(axis=1) * known
    return k, n


def _told(observations: Observations, windows: Sequence[Window], *, of_reference: bool) -> Ints:
    """1 for each window whose labels tell how groups fare, 0 where they come with one decision only; shape (n, 1)."""
    found = np.ones((len(windows), 1), dtype=np.int64)
    if observations.spec.task is not Task.BINARY:
        return found
    for place, window in enumerate(windows):
        labels = label_rates_of(
            observations.joint_of([window.key], of_reference=of_reference).sum(axis=(0, 3)),
            classes=observations.spec.classes,
            positive=observations.positive or 0,
            explored=observations.explored_of([window.key], of_reference=of_reference),
        )
        found[place] = not labels.is_one_sided
    return found


def _beside_the_rest(k: Ints, n: Ints, place: int) -> Windows:
    """Windows of a group and of all others, from counts of shape (n_windows, n_groups)."""
    own, others = (np.column_stack([each[:, place], each.sum(axis=1) - each[:, place]]) for each in (k, n))
    total = own.astype(np.float64)
    return Windows(n=others.astype(np.float64), total=total, total_of_squares=total)
