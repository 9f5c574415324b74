"""What the truth file says, the analysis finds: no alarm before the first event, and each event in its window."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from core.governance.identity import LOCAL_OPERATOR as ME
from core.measure import Family, Measure, Status
from core.services.alarms import ALARMS
from core.services.fleet import ModelSummary
from core.services.observations import Selection, WindowInfo
from core.workspace import Workspace
from sample_data import lender

TRUTH = tomllib.loads((Path(lender.__file__).parent / "truth.toml").read_text(encoding="utf-8"))
EVENTS = TRUTH["events"]
MODEL = TRUTH["model"]


@pytest.fixture(scope="module")
def workspace(demo_folder: Path) -> Iterator[Workspace]:
    workspace = Workspace.open(demo_folder)
    yield workspace
    workspace.close()


def summary_of(workspace: Workspace, model: str, **chosen: str) -> ModelSummary:
    summary = workspace.analysis.summary(ME, model, Selection(**chosen))
    assert summary is not None
    return summary


@pytest.fixture(scope="module")
def summary(workspace: Workspace) -> ModelSummary:
    return summary_of(workspace, MODEL)


def series_of(summary: ModelSummary) -> list[Sequence[Measure]]:
    """Every series of measures that can alarm, one measure a window."""
    series: list[Sequence[Measure]] = [column.trend for column in summary.drift.columns]
    series += summary.quality.shares
    names = {measure.measure for measure in summary.performance.measures if not measure.column}
    series += [summary.performance.series(name) for name in sorted(names)]
    series += [summary.concept.series(name) for name in ("mean_residual", "residual_effect")]
    for attribute in summary.fairness.attributes:
        series += list(zip(*attribute.trend, strict=True))
    return series


def within(day: date, start: date, end: date | None = None) -> bool:
    return start <= day and (end is None or day < end)


def monday(measure: Measure) -> date:
    assert measure.window_start is not None
    return measure.window_start.date()


def start_of(window: WindowInfo) -> date:
    assert window.window.start_at is not None
    return window.window.start_at.date()


def on(series: Sequence[Measure], start: date, end: date) -> list[Measure]:
    """The measures of the weeks that begin in [start, end)."""
    return [measure for measure in series if within(monday(measure), start, end)]


def psi(summary: ModelSummary, column: str) -> Sequence[Measure]:
    return next(report.trend for report in summary.drift.columns if report.column == column)


def worst(measures: Sequence[Measure]) -> Status:
    return next(status for status in (*ALARMS, *Status) if status in {measure.status for measure in measures})


def test_the_demo_holds_what_the_truth_says(workspace: Workspace, summary: ModelSummary) -> None:
    context = summary.context
    assert context.n_reference == TRUTH["reference"]["n"]
    batches = workspace.batches.list(ME, MODEL)
    assert sum(batch.n_rejected for batch in batches) == TRUTH["quarantined_rows"]
    n_twice = 3  # ids that come a second time with another content are rows on top
    n_kept = TRUTH["production"]["n"] - TRUTH["quarantined_rows"] + n_twice
    assert sum(window.n for window in context.windows) == n_kept
    assert sum(window.n_labelled for window in context.windows) == pytest.approx(
        TRUTH["production"]["n_labels"], abs=12
    )
    assert context.arming.is_armed


def test_before_the_first_event_nothing_alarms(summary: ModelSummary) -> None:
    quiet = TRUTH["quiet"]
    assert quiet["to"] == min(event["from"] for event in EVENTS.values())
    early = [measure for series in series_of(summary) for measure in on(series, quiet["from"], quiet["to"])]
    assert len(early) > 7 * 50, "seven weeks of all columns and measures"
    assert [f"{m.family} {m.column} {m.measure} {m.window}" for m in early if m.status in ALARMS] == []
    assert all(start_of(alarm.first) >= quiet["to"] for alarm in summary.alarms)


def test_the_campaign_moves_who_applies_and_not_how_they_repay(summary: ModelSummary) -> None:
    event = EVENTS["campaign"]
    for column in event["columns"]:
        during = on(psi(summary, column), event["from"], event["to"])
        assert len(during) == 2
        assert all(measure.status in ALARMS for measure in during), column
    assert psi(summary, "age_band")[7].value == pytest.approx(event["psi_age_band"], abs=0.05)
    auc = on(summary.performance.series("roc_auc"), event["from"], event["to"])
    assert all(measure.status not in ALARMS for measure in auc)
    assert all(m.status not in ALARMS for m in on(summary.concept.series("mean_residual"), event["from"], event["to"]))
    after = on(psi(summary, "age_band"), event["to"], EVENTS["broken_feed"]["from"])
    assert all(measure.status not in ALARMS for measure in after), "it is over"


def test_the_broken_feed_is_found_in_its_first_week_and_is_over_when_it_is_mended(summary: ModelSummary) -> None:
    event = EVENTS["broken_feed"]
    first = on(psi(summary, "income"), event["from"], event["outage_from"])
    outage = on(psi(summary, "income"), event["outage_from"], event["sentinel_from"])
    sentinel = on(psi(summary, "income"), event["sentinel_from"], event["to"])
    assert worst(first) in ALARMS
    assert {m.status for m in (*outage, *sentinel)} == {Status.CRITICAL}
    assert outage[0].value == pytest.approx(event["psi_outage"], abs=0.1)
    mended = on(psi(summary, "income"), event["to"], event["to"] + timedelta(weeks=3))
    assert all(measure.status not in ALARMS for measure in mended)
    missing = next(s for s in summary.quality.shares if s[0].column == "income" and s[0].measure == "missing_share")
    gone = on(missing, event["outage_from"], event["sentinel_from"])[0]
    assert gone.status is Status.CRITICAL
    assert gone.value == pytest.approx(event["missing_outage"], abs=0.002)
    began = [alarm for alarm in summary.alarms if any(measure.column == "income" for measure in alarm.measures)]
    later = [alarm for alarm in began if start_of(alarm.last) >= event["from"]]
    assert {start_of(alarm.first) for alarm in later} == {event["from"]}


def test_the_sentinel_harms_decisions_and_performance_says_so(summary: ModelSummary) -> None:
    event = EVENTS["broken_feed"]
    accuracy = on(summary.performance.series("accuracy"), event["sentinel_from"], event["to"])[0]
    assert accuracy.status is Status.CRITICAL
    assert 1 - (accuracy.value or 0) == pytest.approx(event["error_rate_sentinel"], abs=0.01)


def test_the_concept_change_is_found_where_it_happens_and_stays(workspace: Workspace, summary: ModelSummary) -> None:
    event = EVENTS["concept_change"]
    mature = [window for window in summary.context.windows if window.is_mature]
    end = start_of(mature[-1]) + timedelta(days=1)
    here = summary_of(workspace, MODEL, segment=f"region={event['region']}")
    residual = on(here.concept.series("mean_residual"), event["from"], end)
    assert all(measure.status in ALARMS for measure in residual)
    assert all((measure.value or 0) > 0.03 for measure in residual), "defaults are more frequent than the score says"
    overall = on(summary.concept.series("mean_residual"), event["from"], end)
    assert all(measure.status in ALARMS for measure in overall)
    auc = on(summary.performance.series("roc_auc"), event["from"], end)
    assert all(measure.status in ALARMS for measure in auc)
    assert summary.leading.family is Family.PERFORMANCE
    assert summary.leading.since is not None
    assert start_of(summary.leading.since) == event["from"]
    elsewhere = summary_of(workspace, MODEL, segment="region=South")
    away = on(elsewhere.concept.series("mean_residual"), event["from"], end)
    # Asked of a segment alone each window is one question, and one in twenty is answered by chance.
    assert all(measure.status is not Status.CRITICAL for measure in away), "P(default | features) is as before there"
    assert all(abs(measure.value or 0) < 0.02 for measure in away)


def test_the_growing_gap_is_found_with_its_group_and_its_cause(summary: ModelSummary) -> None:
    event = EVENTS["growing_gap"]
    for column in event["columns"]:
        late = on(psi(summary, column), date(2026, 9, 21), date(2026, 9, 28))
        assert late[0].status in ALARMS, column
    weeks = event["from"], TRUTH["production"]["to"]
    report = summary.fairness.attribute("sex")
    to_rest = on(report.series("selection_rate_difference_to_rest", event["group"]), *weeks)
    assert [-100 * (measure.value or 0) for measure in to_rest] == pytest.approx(event["gap_by_week"], abs=0.2)
    gaps = summary.gap_trend("sex", "selection_rate_difference")
    before = on(gaps, EVENTS["concept_change"]["from"], event["from"])
    assert all(measure.status not in ALARMS for measure in before)
    assert gaps[-1].status in ALARMS


def test_the_new_version_is_seen_from_its_first_week(workspace: Workspace) -> None:
    start = TRUTH["versions"]["v7"]["from"]
    assert isinstance(start, datetime)
    context = workspace.analysis.context(ME, MODEL, Selection(version="v7"))
    assert context is not None
    window = context.windows[0].window
    assert window.start_at is not None
    assert window.end_at is not None
    assert window.start_at <= start < window.end_at


def test_the_companions_are_stable_and_not_armed_as_they_should_be(workspace: Workspace) -> None:
    stable = summary_of(workspace, "affordability")
    assert stable.status is Status.OK
    assert stable.alarms == ()
    few = summary_of(workspace, "document-type")
    assert not few.context.arming.is_armed
    assert few.status is Status.INSUFFICIENT
    assert few.alarms == ()
