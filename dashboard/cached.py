"""The only caches: the workspace, and reports keyed by what they rest on, never by data.

A report's key holds the model's state, which changes with every batch, label file, version and
schema; so a cached report is never stale, whoever asks.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import streamlit as st

from core.services.concept import ConceptReport
from core.services.control import ChartReport
from core.services.drift import DriftReport
from core.services.fairness import FairnessReport
from core.services.fleet import FleetRow, ModelSummary
from core.services.observations import Context, Selection
from core.services.performance import PerformanceReport, PerformanceSlices
from core.workspace import Workspace
from dashboard.auth import current_actor

__all__ = [
    "concept",
    "context",
    "control_chart",
    "drift",
    "fairness",
    "fleet",
    "performance",
    "performance_slices",
    "summary",
    "workspace",
]

T = TypeVar("T")


def workspace() -> Workspace:
    """The workspace that PLUMBLINE_WORKSPACE names."""
    return _open(os.environ.get("PLUMBLINE_WORKSPACE", "plumbline-workspace"))


@st.cache_resource(show_spinner=False)
def _open(folder: str) -> Workspace:
    return Workspace.open(Path(folder))


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


def control_chart(model: str, selection: Selection, series: str | None) -> ChartReport | None:
    """A share against its control limits."""
    ask = workspace().analysis.control_chart
    return _cached(
        "chart", model, selection, lambda: ask(current_actor(), model, selection, series=series), series or ""
    )


def fairness(model: str, selection: Selection) -> FairnessReport | None:
    """How groups are treated."""
    ask = workspace().analysis.fairness
    return _cached("fairness", model, selection, lambda: ask(current_actor(), model, selection))
