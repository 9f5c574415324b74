"""How groups are treated in a stretch of windows, and how their gaps went over time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from core.errors import UnknownNameError
from core.fairness.gaps import Audit, audit
from core.fairness.groups import COMPLEMENTS, GroupRate, GroupRates
from core.fairness.multiclass import Association, prediction_association
from core.fairness.policy import DEFAULT_POLICY, FairnessPolicy
from core.fairness.support import GroupMean, coverage
from core.measure import Interval, Measure, Status
from core.schema import Task
from core.services.fairness_errors import error_gaps, error_means
from core.services.fairness_rates import DECISIONS, Outcome, labelled_span, merged, rates_of, span_to
from core.services.fairness_watch import GapWatch, gap_watches
from core.services.observations import Context, Observations, WindowInfo
from core.services.performance import IMMATURE
from core.services.verdicts import located, worst

__all__ = ["DECISIONS", "AttributeReport", "FairnessReport", "fairness_report"]

N_PERMUTATIONS = 9_999


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeReport:
    """One protected attribute: rates and gaps over the span, gaps of the reference, gaps window by window."""

    attribute: str
    reference_group: str | None
    rates: GroupRates | None
    errors: tuple[GroupMean, ...]
    error_gaps: tuple[Measure, ...]
    measures: tuple[Measure, ...]
    reference_rates: GroupRates | None
    trend: tuple[tuple[Measure, ...], ...]
    window_rates: tuple[GroupRates, ...]
    association: Association | None
    watched: tuple[GapWatch, ...] = ()

    def watch(self, rate: str, group: str) -> GapWatch | None:
        """What the watch says of one rate of a group; None where that isn't watched."""
        return next((each for each in self.watched if (each.rate, each.group) == (rate, group)), None)

    def alarms(self, rate: str) -> tuple[GapWatch, ...]:
        """The groups of which an alarm on a rate is out, the longest first."""
        found = [each for each in self.watched if each.rate == rate and each.status is Status.CRITICAL]
        return tuple(sorted(found, key=lambda each: each.since.window.key if each.since else 0))

    def measure(self, name: str, group: str = "") -> Measure | None:
        """A gap of all groups, or of one group against the rest."""
        return next((m for m in self.measures if m.measure == name and m.segment == group), None)

    def series(self, name: str, group: str) -> tuple[Measure, ...]:
        """One gap of a group in every window; undefined where the group has no rows.

        A difference in a rate that isn't judged by itself is read from its complement's, turned round.
        """
        if not any(m.measure == name for window in self.trend for m in window):
            turned = next((f"{c}{name.removeprefix(base)}" for c, base in _pairs() if name.startswith(f"{base}_")), "")
            if any(m.measure == turned for window in self.trend for m in window):
                return tuple(_turned(m, name) for m in self.series(turned, group))
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
            margin=None,
            p_value=None,
        )
        return tuple(measure or absent for measure in found)

    def counts(self, rate: str, group: str) -> tuple[tuple[int, int], ...]:
        """How many of how many, window by window: what an exact alarm on a rate is made of."""
        found = []
        for rates in self.window_rates:
            own = next((each for each in rates.of(rate) if each.group == group), None)
            found.append((own.k, own.n) if own else (0, 0))
        return tuple(found)

    def everyone(self, rate: str) -> GroupRate | None:
        """One rate of all groups together."""
        return None if self.rates is None else self.rates.total(rate)

    def coverage(self, rate: str) -> str:
        """For how many groups one rate can be told."""
        return coverage(self.rates.of(rate) if self.rates else [m for m in self.errors if m.measure == rate])

    @property
    def status(self) -> Status:
        """The worst verdict on a difference over all groups that has a value and a limit, or an alarm that is out."""
        whole = [m for m in self.measures if m.margin is not None and not m.segment]
        alarms = (each.status for each in self.watched if each.status is Status.CRITICAL)
        return worst([*(m.status for m in whole if m.status is not Status.UNDEFINED), *alarms])


def _pairs() -> list[tuple[str, str]]:
    return [*COMPLEMENTS.items(), *((base, complement) for complement, base in COMPLEMENTS.items())]


def _turned(measure: Measure, name: str) -> Measure:
    def flipped(interval: Interval | None) -> Interval | None:
        return interval and Interval(low=-interval.high, high=-interval.low, confidence=interval.confidence)

    return replace(
        measure,
        measure=name,
        value=None if measure.value is None else -measure.value,
        interval=flipped(measure.interval),
        change=flipped(measure.change),
        reference=None if measure.reference is None else -measure.reference,
    )


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
    outcome: Outcome
    threshold: float | None
    deciding_threshold: float | None
    attributes: tuple[AttributeReport, ...]

    @property
    def positive(self) -> str | None:
        """The class that the error rates speak of."""
        return self.outcome.positive

    @property
    def favourable(self) -> str | None:
        """The class that is good for the person."""
        return self.outcome.favourable

    @property
    def favourable_word(self) -> str:
        """What the favourable decision is called."""
        return self.outcome.favourable_word

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

    @property
    def coverage(self) -> str:
        """What a report opens with: for how many groups decisions can be told, and whom that leaves out."""
        means = [
            mean if len(self.attributes) == 1 else replace(mean, group=f"{report.attribute} {mean.group}")
            for report in self.attributes
            for mean in (report.rates.of(DECISIONS) if report.rates else _first(report.errors))
        ]
        return coverage(means) if means else "No protected attribute is declared."


def _first(errors: Sequence[GroupMean]) -> list[GroupMean]:
    return [mean for mean in errors if mean.measure == errors[0].measure] if errors else []


def fairness_report(
    observations: Observations, *, policy: FairnessPolicy = DEFAULT_POLICY, of_class: str | None = None
) -> FairnessReport:
    """Who is treated differently, by how much, and is that signal or noise?

    Rates that need no label are taken over the 13 windows up to the one looked at; rates that do, over the
    last 13 mature ones up to it. `of_class` makes one class of many the positive and the favourable one.
    """
    context, schema = observations.context, observations.schema
    span, labelled = span_to(context, context.windows), labelled_span(observations)
    outcome = Outcome.of(observations, of_class)
    if observations.spec.task is Task.REGRESSION:
        found, reports = None, tuple(_errors(observations, name, labelled) for name in observations.spec.groups)
    else:
        found, reports = _audited(observations, policy, outcome, span, labelled)
    return FairnessReport(
        context=context,
        policy=policy,
        audit=found,
        span=span,
        labelled_span=labelled,
        n=sum(window.n for window in span),
        n_labelled=sum(window.n_labelled for window in labelled),
        outcome=outcome,
        threshold=schema.outcome.threshold,
        deciding_threshold=schema.outcome.threshold if schema.decides_by_threshold else None,
        attributes=reports,
    )


def _errors(observations: Observations, attribute: str, labelled: Sequence[WindowInfo]) -> AttributeReport:
    """A regression's errors by group."""
    return AttributeReport(
        attribute=attribute,
        reference_group=observations.schema.columns[attribute].reference_group,
        rates=None,
        errors=error_means(observations, attribute, labelled),
        error_gaps=error_gaps(observations, attribute, labelled),
        measures=(),
        reference_rates=None,
        trend=(),
        window_rates=(),
        association=None,
    )


def _audited(
    observations: Observations,
    policy: FairnessPolicy,
    outcome: Outcome,
    span: Sequence[WindowInfo],
    labelled: Sequence[WindowInfo],
) -> tuple[Audit, tuple[AttributeReport, ...]]:
    """All attributes audited together: over the span, on the reference, and window by window."""
    context, columns = observations.context, observations.schema.columns
    names = tuple(observations.spec.groups)
    reference_groups = {name: group for name in names if (group := columns[name].reference_group)}

    def rates(windows: Sequence[WindowInfo] | None) -> dict[str, GroupRates]:
        return {name: rates_of(observations, name, windows, policy, outcome) for name in names}

    def audited(of: Mapping[str, GroupRates], earlier: Audit | None, **options: object) -> Audit:
        ask: Callable[..., Audit] = audit
        return ask(of, policy=policy, reference=earlier, reference_groups=reference_groups, **options)

    before = None if context.shows_reference else rates(None)
    earlier = None if before is None else audited(before, None)
    decided, judged = rates(span), rates(labelled)
    whole = {name: merged(decided[name], judged[name]) for name in names}
    found = audited(whole, earlier, n_permutations=N_PERMUTATIONS)
    by_window = [rates([window]) for window in context.windows]
    audits = [audited(of, earlier, measures=policy.measures, complements=True) for of in by_window]
    focus = span[-1] if span else None

    def report(name: str) -> AttributeReport:
        return AttributeReport(
            attribute=name,
            reference_group=columns[name].reference_group,
            rates=whole[name],
            errors=(),
            error_gaps=(),
            measures=tuple(located(measure, context, focus) for measure in found.measures[name]),
            reference_rates=None if before is None else before[name],
            trend=tuple(
                tuple(_unjudged_if_young(located(m, context, window), window.is_mature) for m in each.measures[name])
                for window, each in zip(context.windows, audits, strict=True)
            ),
            window_rates=tuple(of[name] for of in by_window),
            association=_association(observations, name, span),
            watched=gap_watches(observations, name, decided=span, labelled=labelled),
        )

    return found, tuple(report(name) for name in names)


def _association(observations: Observations, attribute: str, span: Sequence[WindowInfo]) -> Association | None:
    """How far the decision hangs on the group, where there are more than two decisions."""
    if observations.spec.task is not Task.MULTICLASS:
        return None
    confusion = observations.joint(span, attribute).sum(axis=0)
    return prediction_association(confusion, group_names=observations.spec.group_names(attribute))


def _unjudged_if_young(measure: Measure, is_mature: bool) -> Measure:
    """A gap in rates of labels isn't judged while labels are still coming."""
    needs_labels = not measure.measure.startswith(DECISIONS)
    if is_mature or not needs_labels or measure.status is Status.UNDEFINED:
        return measure
    return measure.judged(Status.INSUFFICIENT, IMMATURE)
