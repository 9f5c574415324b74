"""How groups will differ once labels come, window by window; withheld group by group, and held against labels later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.errors import UnknownNameError
from core.measure import Measure
from core.performance.binary import BinaryCounts
from core.performance.estimated import PREFIX, calibration_of, residual_correlation
from core.performance.estimated_groups import GAP, GROUP_RATES, estimate_gaps, group_calibrations, rates_of
from core.performance.measures import estimate
from core.performance.refusal import MOST_UNSUPPORTED, Case, Refusal, Support, labels_by_decision, reasons, support_of
from core.services.estimate_report import EstimateReport, judged_estimates
from core.services.estimate_samples import EstimateSamples
from core.services.estimates import NO_RECORDS, draws_of
from core.services.observations import Context, Observations
from core.services.verdicts import located

__all__ = ["GapEstimates", "GroupEstimates", "estimated_gaps"]

N_DRAWS = 300
BINARY_ONLY = "Gaps between groups are estimated for binary models that log a score."
DIFFERENCES = tuple(f"{PREFIX}{name}{GAP}" for name in GROUP_RATES)

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupEstimates:
    """One group: its report has `GROUP_RATES` and, unless others are set against it, their differences."""

    group: str
    report: EstimateReport

    def measure(self, name: str, place: int = -1) -> Measure | None:
        """The estimate in a window, by default the last; None where the group has no such measure."""
        series = self.report.series(name, self.group)
        return series[place] if series else None


@dataclass(frozen=True, slots=True, kw_only=True)
class GapEstimates:
    """The groups of one attribute; `against` is whom they are set against, '' for all others. `why` there is none."""

    context: Context
    attribute: str
    against: str
    groups: tuple[GroupEstimates, ...]
    why: str = ""

    @property
    def place(self) -> int:
        """Of the window to show: the one asked for, else the last."""
        focus = self.context.focus if self.context.selection.window is not None else None
        return self.context.windows.index(focus) if focus is not None else len(self.context.windows) - 1


def estimated_gaps(observations: Observations, samples: EstimateSamples, attribute: str) -> GapEstimates:
    """How will groups differ in each window, if outcomes follow the score in each group as they did on the reference?

    Rates that need labels only: accuracy, true and false positive rate, positive predictive value. A group is
    set against the schema's reference group, or against all others together. It is withheld where the reference has
    too few of its rows, or of those it is set against, at such scores.

    Raises
    ------
    UnknownNameError
        If there is no such protected attribute.
    """
    context, spec = observations.context, observations.spec
    if attribute not in spec.groups:
        raise UnknownNameError("attribute", attribute, tuple(spec.groups))
    against = observations.schema.columns[attribute].reference_group
    reference = observations.reference_outcomes()
    calibration = calibration_of(reference) if isinstance(reference, BinaryCounts) else None
    if calibration is None or not isinstance(reference, BinaryCounts) or context.shows_reference:
        why = NO_RECORDS if context.shows_reference and calibration is not None else BINARY_ONLY
        return GapEstimates(context=context, attribute=attribute, against=against or "", groups=(), why=why)
    names = spec.group_names(attribute)
    joint = observations.reference_joint(attribute)
    joints = [observations.joint([window], attribute) for window in context.windows]
    kept = [i for i in range(len(names)) if joint[..., i].any() or any(each[..., i].any() for each in joints)]
    place = next((at for at, i in enumerate(kept) if names[i] == against), None)
    groups = tuple(names[i] for i in kept)
    before = _parts(reference, joint, kept)
    fitted = group_calibrations(calibration, before, rng=draws_of(context, 0), n_draws=N_DRAWS)
    parts = [
        _parts(reference, observations.joint_of([w.window.key], of_reference=True), [0])
        for w in (context.reference_windows)
    ]
    correlation = residual_correlation(calibration, [part for (part,) in parts])
    selective = reasons(selective=labels_by_decision(reference))
    estimates: list[list[tuple[Measure, ...]]] = [[] for _ in groups]
    realised: list[list[tuple[Measure, ...]]] = [[] for _ in groups]
    refusals: list[list[tuple[Refusal, ...]]] = [[] for _ in groups]
    for window, table in zip(context.windows, joints, strict=True):
        counts = _parts(reference, table, kept)
        rng = draws_of(context, window.window.key)
        made = estimate_gaps(fitted, counts, rng=rng, names=groups, against=place, correlation=correlation)
        labelled = _realised(counts, groups, place) if window.is_mature else [()] * len(groups)
        supports = [support_of(known, now) for known, now in zip(before, counts, strict=True)]
        common = (*selective, *samples.refusals(window.window.key, is_part=True))
        for at in range(len(groups)):
            estimates[at].append(tuple(located(measure, context, window) for measure in made[at]))
            realised[at].append(tuple(located(measure, context, window) for measure in labelled[at]))
            refusals[at].append((*common, *_thin(supports, at, place, groups)))
    return GapEstimates(
        context=context,
        attribute=attribute,
        against=groups[place] if place is not None else "",
        groups=tuple(
            GroupEstimates(group=group, report=judged_estimates(observations, own, shown, causes))
            for group, own, shown, causes in zip(groups, estimates, realised, refusals, strict=True)
        ),
    )


def _parts(reference: BinaryCounts, joint: Ints, groups: Sequence[int]) -> list[BinaryCounts]:
    """The counts of each group, on the reference's bins."""
    return [
        BinaryCounts(
            joint=joint[..., group],
            classes=reference.classes,
            positive=reference.positive,
            score_bins=reference.score_bins,
            calibration_groups=reference.calibration_groups,
        )
        for group in groups
    ]


def _realised(counts: Sequence[BinaryCounts], groups: Sequence[str], against: int | None) -> list[tuple[Measure, ...]]:
    """What labels showed of each group and gap, where they give it a value."""
    tables = np.array([[[tp, fp], [fn, tn]] for tp, fp, fn, tn in (part.confusion() for part in counts)], dtype=float)
    found = []
    for place, group in enumerate(groups):
        others = [i for i in range(len(groups)) if i != place] if against is None else [against]
        own, rest = rates_of(tables[[place]]), rates_of(tables[others].sum(axis=0, keepdims=True))
        values = {name: float(own[name][0]) for name in GROUP_RATES}
        if place != against:
            values |= {name + GAP: float(own[name][0] - rest[name][0]) for name in GROUP_RATES}
        n = int(tables[place].sum())
        found.append(
            tuple(
                estimate(name, value, n, interval=None, convention="from labels", column=group)
                for name, value in values.items()
                if not np.isnan(value)
            )
        )
    return found


def _thin(supports: Sequence[Support], place: int, against: int | None, groups: Sequence[str]) -> list[Refusal]:
    """Why a group's rates, or its differences, aren't told: too few rows of the reference at such scores."""
    found = [
        replace(refusal, words=refusal.words.replace("the window's rows", "the group's rows"))
        for refusal in reasons(support=supports[place])
    ]
    if found or place == against:
        return found
    others = [i for i in range(len(supports)) if i != place] if against is None else [against]
    n = sum(supports[i].n for i in others)
    unsupported = sum(supports[i].n * (supports[i].thin + supports[i].outside + supports[i].unscored) for i in others)
    if n and unsupported / n > MOST_UNSUPPORTED:
        who = "all others" if against is None else f"'{groups[against]}'"
        words = (
            f"{unsupported / n:.0%} of the rows of {who} lie where the reference has too few labelled rows of their "
            f"group, more than {MOST_UNSUPPORTED:.0%}."
        )
        found.append(Refusal(case=Case.THIN_SUPPORT, words=words, measures=DIFFERENCES))
    return found
