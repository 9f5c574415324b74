"""How groups are treated in a stretch of windows, and how their gaps went over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.errors import UnknownNameError
from core.fairness.gaps import Audit, audit
from core.fairness.groups import GroupRate, GroupRates, group_rates
from core.fairness.policy import DEFAULT_POLICY, FairnessPolicy
from core.fairness.residuals import group_errors
from core.fairness.support import GroupMean, coverage
from core.measure import Measure, Status
from core.schema import Task
from core.services.drift import located, worst
from core.services.observations import Context, Observations, WindowInfo
from core.services.performance import IMMATURE

__all__ = ["AttributeReport", "FairnessReport", "fairness_report"]

DECISIONS = "selection_rate"  # the rate that needs no label
N_PERMUTATIONS = 9_999
SPAN = 13  # windows that are taken together, so that small groups can be told


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeReport:
    """One protected attribute: rates and gaps over the span, gaps of the reference, gaps window by window."""

    attribute: str
    reference_group: str | None
    rates: GroupRates | None
    errors: tuple[GroupMean, ...]
    measures: tuple[Measure, ...]
    reference_rates: GroupRates | None
    trend: tuple[tuple[Measure, ...], ...]

    def measure(self, name: str, group: str = "") -> Measure | None:
        """A gap of all groups, or of one group against the rest."""
        return next((m for m in self.measures if m.measure == name and m.segment == group), None)

    def series(self, name: str, group: str) -> tuple[Measure, ...]:
        """One gap of a group in every window; undefined where the group has no rows."""
        found = [next((m for m in window if m.measure == name and m.segment == group), None) for window in self.trend]
        known = next((m for m in (*found, self.measure(name, group)) if m is not None), None)
        if known is None:
            raise UnknownNameError("group", group, sorted({m.segment for m in self.measures if m.segment}))
        absent = replace(
            known,
            value=None,
            n=0,
            status=Status.UNDEFINED,
            why="No rows of this group in this window.",
            interval=None,
            change=None,
            p_value=None,
        )
        return tuple(measure or absent for measure in found)

    def everyone(self, rate: str) -> GroupRate | None:
        """One rate of all groups together."""
        return None if self.rates is None else self.rates.total(rate)

    def coverage(self, rate: str) -> str:
        """For how many groups one rate can be told."""
        return coverage(self.rates.of(rate) if self.rates else [m for m in self.errors if m.measure == rate])

    @property
    def status(self) -> Status:
        """The worst verdict on a difference over all groups that has a value."""
        whole = [m for m in self.measures if m.measure.endswith("_difference") and not m.segment]
        return worst(m.status for m in whole if m.status is not Status.UNDEFINED)


@dataclass(frozen=True, slots=True, kw_only=True)
class FairnessReport:
    """Every protected attribute over a span of windows; rates of decisions and of labels have their own span."""

    context: Context
    policy: FairnessPolicy
    audit: Audit | None
    span: tuple[WindowInfo, ...]
    labelled_span: tuple[WindowInfo, ...]
    n: int
    n_labelled: int
    positive: str | None
    favourable: str | None
    favourable_word: str
    deciding_threshold: float | None
    attributes: tuple[AttributeReport, ...]

    def span_of(self, rate: str) -> tuple[WindowInfo, ...]:
        """The windows that a rate is taken over."""
        return self.span if rate == DECISIONS else self.labelled_span

    def attribute(self, name: str) -> AttributeReport:
        """One attribute; raises UnknownNameError."""
        found = next((report for report in self.attributes if report.attribute == name), None)
        if found is None:
            raise UnknownNameError("protected attribute", name, [report.attribute for report in self.attributes])
        return found

    @property
    def status(self) -> Status:
        """The worst verdict over the attributes."""
        return worst(report.status for report in self.attributes)


def fairness_report(observations: Observations, *, policy: FairnessPolicy = DEFAULT_POLICY) -> FairnessReport:
    """Who is treated differently, by how much, and is that signal or noise?

    Rates that need no label are taken over the 13 windows up to the one looked at; rates that do, over the
    last 13 mature ones up to it.
    """
    context, schema = observations.context, observations.schema
    span = _span(context, context.windows)
    labelled = _span(context, observations.mature)
    if observations.spec.task is Task.REGRESSION:
        found, reports = None, tuple(_errors(observations, name, labelled) for name in observations.spec.groups)
    else:
        found, reports = _audited(observations, policy, span, labelled)
    return FairnessReport(
        context=context,
        policy=policy,
        audit=found,
        span=span,
        labelled_span=labelled,
        n=sum(window.n for window in span),
        n_labelled=sum(window.n_labelled for window in labelled),
        positive=schema.positive,
        favourable=schema.favourable,
        favourable_word=schema.outcome.favourable_word,
        deciding_threshold=schema.outcome.threshold if schema.decides_by_threshold else None,
        attributes=reports,
    )


def _span(context: Context, windows: Sequence[WindowInfo]) -> tuple[WindowInfo, ...]:
    focus = context.focus
    if focus is None:
        return ()
    return tuple(window for window in windows if window.window.key <= focus.window.key)[-SPAN:]


def _errors(observations: Observations, attribute: str, labelled: Sequence[WindowInfo]) -> AttributeReport:
    """A regression's errors by group."""
    return AttributeReport(
        attribute=attribute,
        reference_group=observations.schema.columns[attribute].reference_group,
        rates=None,
        errors=group_errors(
            observations.joint(labelled, attribute).sum(axis=0),
            observations.losses(labelled, attribute),
            group_names=observations.spec.group_names(attribute),
        ),
        measures=(),
        reference_rates=None,
        trend=(),
    )


def _audited(
    observations: Observations, policy: FairnessPolicy, span: Sequence[WindowInfo], labelled: Sequence[WindowInfo]
) -> tuple[Audit, tuple[AttributeReport, ...]]:
    """All attributes audited together: over the span, on the reference, and window by window."""
    context, columns = observations.context, observations.schema.columns
    names = tuple(observations.spec.groups)
    reference_groups = {name: group for name in names if (group := columns[name].reference_group)}

    def rates(windows: Sequence[WindowInfo] | None) -> dict[str, GroupRates]:
        return {name: _rates(observations, name, windows, policy) for name in names}

    before = None if context.shows_reference else rates(None)
    earlier = None if before is None else audit(before, policy=policy, reference_groups=reference_groups)

    def audited(of: dict[str, GroupRates], n_permutations: int = 0) -> Audit:
        return audit(
            of,
            policy=policy,
            reference=earlier,
            reference_groups=reference_groups,
            n_permutations=n_permutations,
        )

    decided, judged = rates(span), rates(labelled)
    whole = {name: _merged(decided[name], judged[name]) for name in names}
    found = audited(whole, N_PERMUTATIONS)
    by_window = [(window, audited(rates([window]))) for window in context.windows]
    focus = span[-1] if span else None
    return found, tuple(
        AttributeReport(
            attribute=name,
            reference_group=columns[name].reference_group,
            rates=whole[name],
            errors=(),
            measures=tuple(located(measure, context, focus) for measure in found.measures[name]),
            reference_rates=None if before is None else before[name],
            trend=tuple(
                tuple(
                    _unjudged_if_young(located(measure, context, window), window.is_mature)
                    for measure in each.measures[name]
                )
                for window, each in by_window
            ),
        )
        for name in names
    )


def _unjudged_if_young(measure: Measure, is_mature: bool) -> Measure:
    """A gap in rates of labels isn't judged while labels are still coming."""
    needs_labels = not measure.measure.startswith(DECISIONS)
    if is_mature or not needs_labels or measure.status is Status.UNDEFINED:
        return measure
    return measure.judged(Status.INSUFFICIENT, IMMATURE)


def _rates(
    observations: Observations, attribute: str, windows: Sequence[WindowInfo] | None, policy: FairnessPolicy
) -> GroupRates:
    joint = observations.reference_joint(attribute) if windows is None else observations.joint(windows, attribute)
    return group_rates(
        joint.sum(axis=0),
        group_names=observations.spec.group_names(attribute),
        positive=observations.positive,
        favourable=observations.favourable,
        min_support=policy.min_support,
        confidence=policy.confidence,
    )


def _merged(decided: GroupRates, labelled: GroupRates) -> GroupRates:
    """Rates of decisions over one span and rates of labels over another; groups of either are listed."""
    groups = {rate.group for rate in decided.rates}
    kept = [rate for rate in decided.rates if rate.measure == DECISIONS]
    kept += [rate for rate in labelled.rates if rate.measure != DECISIONS and rate.group in groups]
    return replace(decided, rates=tuple(kept))
