"""The only cache: reports keyed by what they rest on, never by data.

A report's key holds the model's state, which changes with every batch, label file, version and
schema; so a cached report is never stale, whoever asks.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import streamlit as st

from core.actions.retrain.mitigation_plan import Constraint, Objective
from core.fairness.conditional import ConditionalGap
from core.fairness.decomposition import GapDecomposition
from core.governance.identity import Actor
from core.governance.ledger import LedgerCheck
from core.services.ageing import VersionAgeing
from core.services.alarm_policies import PolicyPreview
from core.services.audits import AuditRequest
from core.services.chart_options import ChartOptions
from core.services.chart_overview import SeriesOverview
from core.services.chart_report import ChartReport
from core.services.concept import ConceptReport
from core.services.drift import DriftReport
from core.services.estimate_report import EstimateReport
from core.services.estimated_gaps import GapEstimates
from core.services.fairness import FairnessReport
from core.services.fairness_crossings import IntersectionReport
from core.services.fairness_detail import AttributeDetail
from core.services.fairness_policies import PolicyShelf
from core.services.fairness_rows import SampleBasis
from core.services.fleet import FleetRow, ModelSummary
from core.services.loss_change import LossChange
from core.services.maturity import MaturityReport
from core.services.mitigation_curve import MeasuredCurve
from core.services.observations import Context, Selection
from core.services.performance import PerformanceReport, PerformanceSlices
from core.services.places import Places
from core.services.quality import QualityReport
from core.services.selective import SelectiveReport
from core.services.version_changes import VersionChanges
from core.services.watch_report import WatchReport
from core.services.worst_slices import WorstSlices
from dashboard.auth import current_actor
from dashboard.opened import workspace

if TYPE_CHECKING:
    from core.fairness.conventions.fairlearn import FairlearnMeasure
    from core.fairness.individual import Consistency
    from core.fairness.proxies import ProxyCheck
    from core.fairness.subgroups import SubgroupScan

__all__ = [
    "Verified",
    "ageing",
    "alarm_preview",
    "attribute_detail",
    "comparison",
    "concept",
    "conditional",
    "consistency",
    "context",
    "control_chart",
    "control_charts",
    "drift",
    "estimated_gaps",
    "estimates",
    "fairness",
    "fleet",
    "gap_change",
    "intersections",
    "ledger_check",
    "loss_change",
    "maturity",
    "mitigation",
    "peers",
    "performance",
    "performance_slices",
    "places",
    "policies",
    "proxies",
    "quality",
    "selective",
    "subgroups",
    "summary",
    "watch",
    "workspace",
    "worst_slices",
]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What verifying the ledger found, and when."""

    check: LedgerCheck
    at: datetime


@st.cache_resource(show_spinner=False, max_entries=64)
def _report(_ask: Callable[[], Any], key: tuple[str, ...]) -> Any:
    """One answer of a service; frozen, so that sessions may share it."""
    del key  # what the cache looks up
    return _ask()


def _cached(question: str, model: str, selection: Selection, ask: Callable[[], T], *more: str) -> T:
    space = workspace()
    state = space.analysis.state(current_actor(), model)
    return _report(ask, (str(space.folder), question, model, state, repr(selection), *more))


def context(model: str, selection: Selection) -> Context | None:
    """Which windows, versions and segments a model has."""
    ask = workspace().analysis.context
    return _cached("context", model, selection, lambda: ask(current_actor(), model, selection))


def fleet() -> tuple[FleetRow, ...]:
    """All models, worst first."""
    space, actor = workspace(), current_actor()
    models = [info.name for info in space.models.list(actor)]
    state = "|".join(f"{model}:{space.analysis.state(actor, model)}" for model in models)
    return _report(lambda: space.analysis.fleet(actor), (str(space.folder), "fleet", state))


def summary(model: str, selection: Selection) -> ModelSummary | None:
    """A model in five tiles."""
    ask = workspace().analysis.summary
    return _cached("summary", model, selection, lambda: ask(current_actor(), model, selection))


def drift(model: str, selection: Selection) -> DriftReport | None:
    """Which inputs moved."""
    ask = workspace().analysis.drift
    return _cached("drift", model, selection, lambda: ask(current_actor(), model, selection))


def estimates(model: str, selection: Selection) -> EstimateReport | None:
    """What labels that aren't in yet will show."""
    ask = workspace().analysis.estimates
    return _cached("estimates", model, selection, lambda: ask(current_actor(), model, selection))


def estimated_gaps(model: str, attribute: str, selection: Selection) -> GapEstimates | None:
    """How groups will differ once labels are in."""
    ask = workspace().analysis.estimated_gaps
    return _cached(
        "estimated gaps", model, selection, lambda: ask(current_actor(), model, attribute, selection), attribute
    )


def mitigation(model: str, sensitive: str, constraint: Constraint, objective: Objective) -> MeasuredCurve:
    """What treating groups more alike would cost, by the recipe of the version in force; takes its time."""
    ask = workspace().mitigations.curve
    return _cached(
        "mitigation",
        model,
        Selection(),
        lambda: ask(current_actor(), model, {}, sensitive=sensitive, constraint=constraint, objective=objective),
        sensitive,
        constraint,
        objective,
    )


def quality(model: str, selection: Selection) -> QualityReport | None:
    """Whether what came in can be trusted; asked anew each hour, as records become overdue."""
    ask = workspace().analysis.quality
    hour = f"{datetime.now(UTC):%Y-%m-%d %H}"
    return _cached("quality", model, selection, lambda: ask(current_actor(), model, selection), hour)


def places(model: str, selection: Selection, column: str) -> Places | None:
    """Where a column moved."""
    ask = workspace().analysis.places
    return _cached("places", model, selection, lambda: ask(current_actor(), model, selection, column=column), column)


def watch(model: str) -> WatchReport | None:
    """What is watched of a model, and what is promised."""
    ask = workspace().analysis.watch
    return _cached("watch", model, Selection(), lambda: ask(current_actor(), model))


def alarm_preview(model: str, content: str | None = None) -> PolicyPreview | None:
    """What an alarm policy (JSON), or that in force, would have raised."""
    ask = workspace().alarm_policies.preview
    read = None if content is None else json.loads(content)
    return _cached("preview", model, Selection(), lambda: ask(current_actor(), model, read), content or "")


def performance(model: str, selection: Selection) -> PerformanceReport | None:
    """How well the model does."""
    ask = workspace().analysis.performance
    return _cached("performance", model, selection, lambda: ask(current_actor(), model, selection))


def performance_slices(model: str, selection: Selection) -> PerformanceSlices | None:
    """In which segment, under which version the model is worst."""
    ask = workspace().analysis.performance_slices
    return _cached("slices", model, selection, lambda: ask(current_actor(), model, selection))


def concept(model: str, selection: Selection) -> ConceptReport | None:
    """Whether outcomes still follow the score."""
    ask = workspace().analysis.concept
    return _cached("concept", model, selection, lambda: ask(current_actor(), model, selection))


def ageing(model: str, selection: Selection) -> tuple[VersionAgeing, ...]:
    """How versions age."""
    ask = workspace().analysis.ageing
    return _cached("ageing", model, selection, lambda: ask(current_actor(), model, selection))


def loss_change(model: str, selection: Selection) -> LossChange | None:
    """Why the loss changed."""
    ask = workspace().loss_changes.explain
    return _cached("loss_change", model, selection, lambda: ask(current_actor(), model, selection))


def maturity(model: str, selection: Selection) -> MaturityReport | None:
    """How complete labels are."""
    ask = workspace().maturity.report
    return _cached("maturity", model, selection, lambda: ask(current_actor(), model, selection))


def worst_slices(model: str, selection: Selection, depth: int) -> WorstSlices | None:
    """Where it is worst, on rows that the search didn't see."""
    ask = workspace().worst_slices.find
    return _cached(
        "worst_slices", model, selection, lambda: ask(current_actor(), model, selection, depth=depth), str(depth)
    )


def selective(model: str, selection: Selection) -> SelectiveReport | None:
    """Whether the model's decisions choose which labels come."""
    ask, came = workspace().selective.report, maturity(model, replace(selection, window=None))
    return _cached("selective", model, selection, lambda: ask(current_actor(), model, selection, maturity=came))


def control_chart(model: str, selection: Selection, series: str | None, options: ChartOptions) -> ChartReport | None:
    """A series against its control limits."""
    charts = workspace().charts
    return _cached(
        "chart",
        model,
        selection,
        lambda: charts.show(current_actor(), model, selection, series=series, options=options),
        series or "",
        repr(options),
        charts.state(current_actor(), model),
    )


def control_charts(model: str, selection: Selection) -> tuple[SeriesOverview, ...] | None:
    """Every series in small, the worst first."""
    charts = workspace().charts
    return _cached(
        "charts",
        model,
        selection,
        lambda: charts.overview(current_actor(), model, selection),
        charts.state(current_actor(), model),
    )


def policies() -> PolicyShelf:
    """The fairness policies at hand."""
    return workspace().audits.policies(current_actor())


def _audited(question: str, request: AuditRequest, ask: Callable[[Actor, AuditRequest], T], *more: str) -> T:
    """An answer on an audit; a policy that somebody edits makes another one."""
    actor = current_actor()
    policy = workspace().audits.policy(actor, request).digest
    told = repr(request)
    return _cached(question, request.model, request.selection, lambda: ask(actor, request), told, policy, *more)


def comparison(model: str, candidate: str, champion: str) -> tuple[dict[str, Any], VersionChanges]:
    """Two versions on the same rows, in the form that evidence freezes, and what was changed between them."""
    service, actor = workspace().comparisons, current_actor()

    def ask() -> tuple[dict[str, Any], VersionChanges]:
        compared = service.compare(actor, model, candidate, champion)
        return compared.to_dict(), service.changes(actor, model, candidate, champion)

    return _cached("comparison", model, Selection(), ask, candidate, champion)


def fairness(request: AuditRequest) -> FairnessReport | None:
    """How groups are treated."""
    return _audited("fairness", request, workspace().audits.report)


def intersections(request: AuditRequest) -> IntersectionReport | None:
    """How groups within groups are treated."""
    return _audited("intersections", request, workspace().audits.intersections)


def attribute_detail(request: AuditRequest, attribute: str) -> AttributeDetail | None:
    """One protected attribute closely."""
    ask = workspace().audits.detail
    return _audited("detail", request, lambda actor, asked: ask(actor, asked, attribute), attribute)


def gap_change(request: AuditRequest, attribute: str, group: str) -> GapDecomposition | None:
    """Why a group's gap moved since the reference."""
    ask = workspace().audits.change
    return _audited("change", request, lambda actor, asked: ask(actor, asked, attribute, group), attribute, group)


def conditional(request: AuditRequest, attribute: str, by: str, rate: str) -> tuple[ConditionalGap, ...]:
    """Groups compared inside the values of a segment column."""
    ask = workspace().audits.conditional
    return _audited(
        "conditional", request, lambda actor, asked: ask(actor, asked, attribute, by=by, rate=rate), attribute, by, rate
    )


def subgroups(request: AuditRequest, rate: str, depth: int) -> tuple[SubgroupScan, SampleBasis] | None:
    """For whom a rate is worst, over attributes and features."""
    ask = workspace().audited_rows.subgroups
    return _audited(
        "subgroups", request, lambda actor, asked: ask(actor, asked, rate=rate, depth=depth), rate, str(depth)
    )


def proxies(request: AuditRequest, attribute: str) -> tuple[ProxyCheck, SampleBasis] | None:
    """Whether the features give a protected attribute away."""
    ask = workspace().audited_rows.proxies
    return _audited("proxies", request, lambda actor, asked: ask(actor, asked, attribute), attribute)


def consistency(request: AuditRequest) -> tuple[Consistency, SampleBasis] | None:
    """Whether rows that are alike are decided alike."""
    return _audited("consistency", request, workspace().audited_rows.consistency)


def peers(request: AuditRequest, attribute: str) -> tuple[FairlearnMeasure, ...]:
    """What Fairlearn prints of the same counts."""
    ask = workspace().audits.peers
    return _audited("peers", request, lambda actor, asked: ask(actor, asked, attribute), attribute)


def ledger_check(*, again: bool = False) -> Verified:
    """Whether the ledger holds, as found less than a minute ago at this head; or found now, if asked `again`.

    An entry can be edited while the head stays: that is why what was found soon no longer counts.
    """
    space, actor = workspace(), current_actor()
    newest = space.ledger.list(actor, newest=1)
    head = f"{newest[0].seq}:{newest[0].hash}" if newest else ""
    if again:
        _verified.clear()
    return _verified(lambda: space.ledger.verify(actor), (str(space.folder), head))


@st.cache_data(show_spinner=False, ttl=60, max_entries=8)
def _verified(_ask: Callable[[], LedgerCheck], key: tuple[str, ...]) -> Verified:
    del key  # what the cache looks up
    return Verified(check=_ask(), at=datetime.now(UTC))
