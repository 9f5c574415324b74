"""Groups within groups: every combination of the first protected attributes, audited as a family of its own."""

from __future__ import annotations

from dataclasses import dataclass

from core.fairness.gaps import Audit, audit
from core.fairness.groups import GroupRate, GroupRates
from core.fairness.intersections import DifferentialFairness, SmoothedRate, differential_fairness, smoothed_rates
from core.fairness.policy import FairnessPolicy
from core.fairness.support import coverage
from core.profile.size import cut_crossings
from core.profile.spec import crossing_name
from core.schema import Task
from core.services.fairness_rates import DECISIONS, Outcome, labelled_span, merged, rates_of, span_to, used_cells
from core.services.observations import Context, Observations, WindowInfo

__all__ = ["CrossingReport", "IntersectionReport", "intersection_report"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossingReport:
    """The cells of two or three attributes; `cells` are in the order of the groups of `rates`."""

    attributes: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    rates: GroupRates
    audit: Audit

    @property
    def name(self) -> str:
        """Which attributes are crossed, in words."""
        return " x ".join(self.attributes)

    @property
    def key(self) -> str:
        """What the audit calls it."""
        return crossing_name(self.attributes)

    def of(self, rate: str) -> tuple[GroupRate, ...]:
        """One rate, cell by cell."""
        return self.rates.of(rate)

    def coverage(self, rate: str) -> str:
        """For how many cells one rate can be told."""
        return coverage(self.of(rate))

    def smoothed(self, rate: str) -> tuple[SmoothedRate, ...]:
        """The best guess of every cell's rate; none if no cell has one."""
        rates = self.of(rate)
        return smoothed_rates(rates) if any(each.n for each in rates) else ()

    def spread(self, rate: str) -> DifferentialFairness:
        """The largest log ratio between two cells."""
        return differential_fairness(self.of(rate))


@dataclass(frozen=True, slots=True, kw_only=True)
class IntersectionReport:
    """Every crossing that is counted; ``cut`` says which aren't, ``why`` why there is none at all."""

    context: Context
    policy: FairnessPolicy
    outcome: Outcome
    span: tuple[WindowInfo, ...]
    labelled_span: tuple[WindowInfo, ...]
    crossings: tuple[CrossingReport, ...]
    cut: tuple[str, ...]
    why: str


def intersection_report(observations: Observations, *, policy: FairnessPolicy, outcome: Outcome) -> IntersectionReport:
    """Who is treated differently within groups, to the depth of three attributes?"""
    context, spec = observations.context, observations.spec
    span, labelled = span_to(context, context.windows), labelled_span(observations)
    why = ""
    if spec.task is Task.REGRESSION:
        why = "A regression has no rates to cross; its errors are shown by single groups."
    elif len(spec.groups) < 2:
        why = "Fewer than two protected attributes are declared."
    elif context.selection.segment:
        why = "Groups within groups are counted for everyone, not inside a segment."
    elif not spec.crossings:
        why = "The counts are from before groups within groups were counted; a new reference counts them."
    crossings = () if why else tuple(_crossing(observations, key, policy, outcome) for key in spec.crossings)
    return IntersectionReport(
        context=context,
        policy=policy,
        outcome=outcome,
        span=span,
        labelled_span=labelled,
        crossings=crossings,
        cut=cut_crossings(spec),
        why=why,
    )


def _crossing(observations: Observations, key: str, policy: FairnessPolicy, outcome: Outcome) -> CrossingReport:
    span, labelled = span_to(observations.context, observations.context.windows), labelled_span(observations)
    windows = {window.window.key: window for window in (*span, *labelled)}
    places = used_cells(observations, key, windows.values())
    decided = rates_of(observations, key, span, policy, outcome, places=places)
    rates = merged(decided, rates_of(observations, key, labelled, policy, outcome, places=places))
    names, cells = observations.spec.group_names(key), observations.spec.cells(key)
    by_name = {names[place]: cells[place] for place in places}
    return CrossingReport(
        attributes=observations.spec.crossings[key],
        cells=tuple(by_name[each.group] for each in rates.of(DECISIONS)),
        rates=rates,
        audit=audit({key: rates}, policy=policy, n_permutations=0),
    )
