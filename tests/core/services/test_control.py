"""Charts of a model's series, and their phases I: who may change them, what it takes, and what stays of it."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from core.errors import ConflictError, InputError, NotAllowedError, UnknownNameError
from core.governance.identity import LOCAL_OPERATOR, Actor, UserRole
from core.measure import Family, Status
from core.record import BatchRole
from core.services.chart_options import ChartOptions, ChartType
from core.services.chart_phases import PhaseStep
from core.services.chart_report import ChartState
from core.services.observations import Selection
from core.spc.attributes import p_chart
from core.spc.baseline import Limits
from core.spc.fitting import Adjustment
from core.spc.rules import NELSON, Rule
from core.storage.queue import JobQueue
from core.workspace import Workspace
from tests.builders import HEADER, SCHEMA, START, rows, write_csv
from tests.governed import MODEL, PEOPLE, Clock, Governed, People

REFERENCE, PRODUCTION, A_DAY = 14, 22, 120
CHANGE = 12  # the day of production on which v2 takes over, and decides otherwise


@cache
def _template() -> Path:
    """A fortnight of reference, three weeks of production, v2 in force from the thirteenth day on."""
    folder = Path(tempfile.mkdtemp(prefix="plumbline-charts-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    governed = opened(folder)
    space, live = governed.workspace, START + timedelta(days=REFERENCE)
    JobQueue(space.database).prepare()
    space.models.add(LOCAL_OPERATOR, MODEL, SCHEMA)
    before = rows(REFERENCE * A_DAY, days=REFERENCE)
    table = rows(PRODUCTION * A_DAY, start=live, days=PRODUCTION, seed=1, prefix="p")
    place = {name: number for number, name in enumerate(HEADER)}
    for row in table:
        if str(row[place["at"]]) >= (live + timedelta(days=CHANGE)).isoformat():
            row[place["decision"]] = int(float(str(row[place["score"]])) >= 0.2)
    space.records.add(LOCAL_OPERATOR, MODEL, [write_csv(folder / "r.csv", before)], role=BatchRole.REFERENCE)
    space.records.add(LOCAL_OPERATOR, MODEL, [write_csv(folder / "p.csv", table)])
    governed.register("v2")
    governed.clock.now = live
    governed.put_in_force("v1")
    governed.clock.now = live + timedelta(days=CHANGE)
    governed.put_in_force("v2")
    governed.clock.now = live + timedelta(days=PRODUCTION)
    space.profiles.refresh(LOCAL_OPERATOR, MODEL)
    space.close()
    return folder / "workspace"


def opened(folder: Path) -> Governed:
    clock = Clock(START + timedelta(days=REFERENCE + PRODUCTION))
    workspace = Workspace.open(folder / "workspace", clock=clock)
    return Governed(workspace=workspace, clock=clock, folder=folder, people=People(PEOPLE, clock))


@pytest.fixture
def model(tmp_path: Path) -> Iterator[Governed]:
    shutil.copytree(_template(), tmp_path / "workspace")
    governed = opened(tmp_path)
    yield governed
    governed.workspace.close()


def day(place: int) -> str:
    """The name of a window, counted from the first of the reference."""
    return (START + timedelta(days=place)).date().isoformat()


def test_every_kind_of_series_is_there_and_charted(model: Governed) -> None:
    overview = model.workspace.charts.overview(model.vera, MODEL)
    names = {each.series.name for each in overview}
    assert {
        "error rate",
        "selection rate",
        "measure: roc_auc",
        "volume",
        "mean: amount",
        "missing: colour",
        "mean score",
        "selection rate: sex=f",
        "gap: sex=f",
    } <= names
    assert not [each.series.name for each in overview if each.why]
    ranks = [each.rank for each in overview]
    assert ranks == sorted(ranks)
    assert overview[0].series.name in ("selection rate", "selection rate: sex=m", "selection rate: sex=f")
    assert overview[0].state is ChartState.OFF
    assert {len(each.values) for each in overview} == {REFERENCE + PRODUCTION}
    for each in overview:
        report = model.workspace.charts.show(model.vera, MODEL, series=each.series.name)
        assert tuple(point.value for point in report.points) == each.values


def test_the_selection_rate_is_the_p_chart_of_its_counts(model: Governed) -> None:
    advised = ChartOptions(adjustment=Adjustment(limits=Limits.SAMPLING))
    report = model.workspace.charts.show(model.vera, MODEL, series="selection rate", options=advised)
    n = np.array([point.n for point in report.points])
    k = np.round(np.array([point.value for point in report.points]) * n)
    assert n.sum() == (REFERENCE + PRODUCTION) * A_DAY
    chart = p_chart(k, n, base=np.arange(n.size) < REFERENCE, width=report.baseline.width)
    np.testing.assert_allclose([point.high for point in report.points], chart.upper)
    assert [point.signals and bool(chart.signal[i]) for i, point in enumerate(report.points)] == [
        Rule.NELSON_1 in point.rules for point in report.points
    ]


def test_the_change_of_version_is_dated_and_marked(model: Governed) -> None:
    report = model.workspace.charts.show(model.vera, MODEL, series="selection rate")
    changed = REFERENCE + CHANGE
    assert report.is_off
    assert report.since.earliest <= changed <= report.since.latest
    assert report.since.first == changed
    deployed = [mark for mark in report.marks if mark.is_deployment]
    assert [mark.version for mark in deployed] == ["v1", "v2"]
    decided = [mark.words for mark in report.marks if not mark.is_deployment]
    assert decided == ["ines chose to approve: promote v1", "ines chose to approve: promote v2"]
    assert {point.at.window.name for point in report.signals} == {day(place) for place in range(changed, changed + 10)}


@pytest.mark.parametrize("chart", [ChartType.EWMA, ChartType.CUSUM])
def test_charts_with_memory_see_it_too(model: Governed, chart: ChartType) -> None:
    options = ChartOptions(chart=chart)
    report = model.workspace.charts.show(model.vera, MODEL, series="selection rate", options=options)
    first = next(place for place, point in enumerate(report.points) if point.signals)
    assert REFERENCE + CHANGE <= first <= REFERENCE + CHANGE + 2
    assert report.points[-1].signals
    assert report.convention.startswith("EWMA" if chart is ChartType.EWMA else "tabular CUSUM")
    quiet = model.workspace.charts.show(model.vera, MODEL, series="mean: amount", options=options)
    assert not quiet.signals


def test_no_rule_no_signal_and_any_subset_can_be_asked_for(model: Governed) -> None:
    charts = model.workspace.charts
    assert not charts.show(model.vera, MODEL, series="selection rate", options=ChartOptions(rules=())).signals
    runs = charts.show(model.vera, MODEL, series="selection rate", options=ChartOptions(rules=(NELSON[1],)))
    assert {point.at.window.name for point in runs.signals} == {
        day(REFERENCE + CHANGE + 8),
        day(REFERENCE + CHANGE + 9),
    }
    assert {rule for point in runs.signals for rule in point.rules} == {NELSON[1]}


def test_a_point_left_out_refits_the_limits_and_both_versions_stay_with_who_when_and_why(model: Governed) -> None:
    charts = model.workspace.charts
    before = charts.show(model.ada, MODEL, series="volume")
    first = charts.exclude(model.ada, MODEL, "volume", [day(3)], reason="a holiday")
    model.clock.advance(hours=1)
    second = charts.exclude(model.zoe, MODEL, "volume", [day(5)], reason="the feed stood still")
    after = charts.show(model.vera, MODEL, series="volume")
    assert before.baseline.n_points == REFERENCE
    assert [first.phases["volume"].baseline.n_points, after.baseline.n_points] == [REFERENCE - 1, REFERENCE - 2]
    assert [(e.place.name, e.reason, e.by) for e in after.phase.exclusions] == [
        (day(3), "a holiday", "ada"),
        (day(5), "the feed stood still", "zoe"),
    ]
    left_out = [point.at.window.name for point in after.points if point.exclusion]
    assert left_out == [day(3), day(5)]
    assert [record.id for record in after.history] == [first.id, second.id]
    assert after.history[0].phases["volume"].baseline == first.phases["volume"].baseline
    entries = model.workspace.ledger.list(model.audrey, action="phase.exclude")
    assert [(entry.actor, entry.objects["series"], entry.objects["text"]) for entry in reversed(entries)] == [
        ("ada", "volume", "a holiday"),
        ("zoe", "volume", "the feed stood still"),
    ]
    back = charts.include(model.ada, MODEL, "volume", [day(3)], reason="it was none")
    assert [e.place.name for e in back.phases["volume"].exclusions] == [day(5)]
    assert model.workspace.ledger.verify(model.audrey).is_intact


def test_limits_in_force_stay_frozen_whatever_records_come_later(model: Governed) -> None:
    charts = model.workspace.charts
    charts.exclude(model.ada, MODEL, "mean: amount", [day(2)], reason="a test load")
    before = charts.show(model.vera, MODEL, series="mean: amount")
    late = [[*row[:3], 900.0, *row[4:]] for row in rows(A_DAY, start=START, days=1, seed=9, prefix="late")]
    path = write_csv(model.folder / "late.csv", late)
    model.workspace.records.add(LOCAL_OPERATOR, MODEL, [path], role=BatchRole.REFERENCE)
    model.workspace.profiles.refresh(LOCAL_OPERATOR, MODEL)
    after = charts.show(model.vera, MODEL, series="mean: amount")
    assert after.points[0].value > 2 * before.points[0].value
    assert after.baseline == before.baseline
    assert after.points[-1].high == before.points[-1].high
    assert after.is_frozen
    view = ChartOptions(adjustment=Adjustment(limits=Limits.INDIVIDUALS))
    other = charts.show(model.vera, MODEL, series="mean: amount", options=view)
    assert not other.is_frozen
    assert other.baseline != after.baseline


def test_a_phase_one_in_production_takes_a_second_person(model: Governed) -> None:
    charts, series = model.workspace.charts, "selection rate"
    suggested = charts.show(model.ada, MODEL, series=series).rebaseline
    assert (suggested.version, suggested.first.name, suggested.n_points) == ("v2", day(REFERENCE + CHANGE), 10)
    period = {"first": suggested.first.name, "last": suggested.last.name}
    with pytest.raises(NotAllowedError, match="second person"):
        charts.fit(model.ada, MODEL, series, reason="v2 decides otherwise", **period)
    proposed = charts.propose(model.zoe, MODEL, series, reason="v2 decides otherwise", **period)
    waits = charts.show(model.vera, MODEL, series=series)
    assert waits.proposal == proposed
    assert waits.rebaseline is None
    assert waits.is_off, "what is proposed changes no limits yet"
    with pytest.raises(NotAllowedError, match="somebody else decides"):
        charts.decide(model.zoe, MODEL, proposed.id, PhaseStep.ADOPT, reason="mine is good")
    with pytest.raises(NotAllowedError, match="right to decide"):
        charts.decide(model.ada, MODEL, proposed.id, PhaseStep.ADOPT, reason="I want it")
    with pytest.raises(InputError, match="reason"):
        charts.decide(model.ines, MODEL, proposed.id, PhaseStep.ADOPT, reason=" ")
    with pytest.raises(InputError, match="no decision"):
        charts.decide(model.ines, MODEL, proposed.id, PhaseStep.FIT, reason="x")
    decided = charts.decide(model.ines, MODEL, proposed.id, PhaseStep.ADOPT, reason="that was approved")
    assert (decided.decision.by, decided.decision.step) == ("ines", PhaseStep.ADOPT)
    after = charts.show(model.vera, MODEL, series=series)
    assert after.record == decided
    assert after.proposal is None
    assert after.phase.baseline == proposed.phases[series].baseline
    assert after.phase.first.role == "production"
    assert not [p for p in after.points if p.is_base and p.at.of_reference]
    assert after.state is ChartState.EMPTY, "nothing came after it yet, so nothing is in control"
    assert charts.show(model.vera, MODEL, series="error rate").record is None, "of the others nothing changed"
    with pytest.raises(ConflictError, match="ines chose to adopt it"):
        charts.decide(model.otto, MODEL, proposed.id, PhaseStep.REJECT, reason="too late")
    steps = [entry.action for entry in reversed(model.workspace.ledger.list(model.audrey)) if "phase" in entry.action]
    assert steps == ["phase.propose", "phase.adopt"]
    assert model.workspace.ledger.verify(model.audrey).is_intact


def test_points_before_a_new_phase_one_keep_the_limits_of_their_own_time(model: Governed) -> None:
    charts, series, changed = model.workspace.charts, "selection rate", REFERENCE + CHANGE
    before = charts.show(model.vera, MODEL, series=series)
    proposed = charts.propose(model.zoe, MODEL, series, first=day(changed), last=day(changed + 7), reason="v2")
    charts.decide(model.ines, MODEL, proposed.id, PhaseStep.ADOPT, reason="that was approved")
    after = charts.show(model.vera, MODEL, series=series)
    assert [p.phase for p in after.points] == ["before"] * changed + ["I"] * 8 + ["II"] * 2
    for old, new in zip(before.points[:changed], after.points[:changed], strict=True):
        assert (new.low, new.high, new.score, new.is_earlier) == (old.low, old.high, old.score, True)
        assert new.rules == (() if old.is_base else old.rules)
    assert len(after.later) == 2
    assert not after.is_off
    assert after.points[changed].expected > before.points[changed].expected
    sums = charts.show(model.vera, MODEL, series=series, options=ChartOptions(chart=ChartType.CUSUM))
    assert max(abs(sums.points[changed].statistic), abs(sums.points[changed].low_statistic)) < 3, "it begins anew"
    part = charts.fit(model.ada, MODEL, series, first=day(2), last=day(10), reason="v2 was withdrawn")
    again = charts.show(model.vera, MODEL, series=series)
    assert again.record == part
    assert [p.phase for p in again.points] == ["before"] * 2 + ["I"] * 9 + ["II"] * (PRODUCTION + 3)


def test_a_rejected_proposal_leaves_the_limits_and_is_not_suggested_again(model: Governed) -> None:
    charts = model.workspace.charts
    proposed = charts.propose(
        model.ada, MODEL, None, first=day(REFERENCE + CHANGE), last=day(REFERENCE + CHANGE + 9), reason="v2"
    )
    assert len(proposed.phases) > 20
    charts.decide(model.otto, MODEL, proposed.id, PhaseStep.REJECT, reason="look at it for longer")
    for series in ("selection rate", "volume"):
        report = charts.show(model.vera, MODEL, series=series)
        assert (report.record, report.proposal, report.rebaseline) == (None, None, None)
        assert report.history[0].decision.step is PhaseStep.REJECT


def test_who_may_not_change_a_phase_one_is_refused_and_nothing_is_written(model: Governed) -> None:
    charts = model.workspace.charts
    period = {"first": day(REFERENCE), "last": day(REFERENCE + 9), "reason": "why"}
    refused = [
        lambda: charts.exclude(model.vera, MODEL, "volume", [day(1)], reason="x"),
        lambda: charts.exclude(model.ines, MODEL, "volume", [day(1)], reason="x"),
        lambda: charts.fit(model.audrey, MODEL, "volume", first=day(0), last=day(9), reason="x"),
        lambda: charts.propose(model.vera, MODEL, "volume", **period),
        lambda: charts.propose(LOCAL_OPERATOR, MODEL, "volume", **period),
        lambda: charts.decide(Actor(name="root", roles=(UserRole.ADMIN,)), MODEL, 1, PhaseStep.ADOPT, reason="x"),
    ]
    for call in refused:
        with pytest.raises(NotAllowedError):
            call()
    wrong = [
        lambda: charts.exclude(model.ada, MODEL, "volume", [day(1)], reason="  "),
        lambda: charts.exclude(model.ada, MODEL, "volume", [], reason="x"),
        lambda: charts.exclude(model.ada, MODEL, "volume", [day(REFERENCE + 1)], reason="not in phase I"),
        lambda: charts.exclude(model.ada, MODEL, "volume", [day(place) for place in range(8)], reason="too many"),
        lambda: charts.include(model.ada, MODEL, "volume", [day(1)], reason="it is in"),
        lambda: charts.exclude(model.ada, MODEL, "volume", ["1999-01-01"], reason="x"),
        lambda: charts.exclude(model.ada, MODEL, "colour", [day(1)], reason="x"),
        lambda: charts.fit(model.ada, MODEL, "volume", first=day(0), last=day(3), reason="four days"),
        lambda: charts.show(model.ada, MODEL, series="colour"),
        lambda: charts.decide(model.ines, MODEL, 99, PhaseStep.ADOPT, reason="x"),
    ]
    for call in wrong:
        with pytest.raises(InputError):
            call()
    with pytest.raises(UnknownNameError, match="did you mean 'volume'"):
        charts.show(model.ada, MODEL, series="volumes")
    assert not [entry for entry in model.workspace.ledger.list(model.audrey) if "phase" in entry.action]


def test_an_engineer_may_rest_limits_on_part_of_the_reference(model: Governed) -> None:
    record = model.workspace.charts.fit(
        model.ada, MODEL, "volume", first=day(4), last=f"reference/{day(13)}", reason="before, it was set up"
    )
    report = model.workspace.charts.show(model.vera, MODEL, series="volume")
    assert (record.step, report.baseline.n_points) == (PhaseStep.FIT, 10)
    assert [point.is_base for point in report.points[:6]] == [False] * 4 + [True] * 2


def test_phases_of_a_segment_are_its_own(model: Governed) -> None:
    charts, north = model.workspace.charts, Selection(segment="region=north")
    charts.exclude(model.ada, MODEL, "volume", [day(3)], reason="closed in the north", selection=north)
    assert charts.show(model.vera, MODEL, north, series="volume").baseline.n_points == REFERENCE - 1
    assert charts.show(model.vera, MODEL, series="volume").record is None


def test_somebody_who_was_faster_is_not_overwritten(model: Governed, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.services import control

    charts, fitted = model.workspace.charts, control.changed_phases

    def meanwhile(*args: object, **kwargs: object) -> object:
        monkeypatch.undo()
        charts.exclude(model.zoe, MODEL, "volume", [day(1)], reason="Zoe was faster")
        return fitted(*args, **kwargs)

    monkeypatch.setattr(control, "changed_phases", meanwhile)
    with pytest.raises(ConflictError, match="meanwhile"):
        charts.exclude(model.ada, MODEL, "volume", [day(2)], reason="Ada too")
    assert [e.by for e in charts.show(model.vera, MODEL, series="volume").phase.exclusions] == ["zoe"]


def test_a_phase_that_was_altered_behind_the_ledgers_back_is_found(model: Governed) -> None:
    charts = model.workspace.charts
    charts.exclude(model.ada, MODEL, "volume", [day(3)], reason="a holiday")
    proposed = charts.propose(
        model.ada, MODEL, "volume", first=day(REFERENCE + CHANGE), last=day(REFERENCE + CHANGE + 9), reason="v2"
    )
    charts.decide(model.ines, MODEL, proposed.id, PhaseStep.ADOPT, reason="yes")
    assert model.workspace.ledger.verify(model.audrey).is_intact
    with model.workspace.database.writer.begin() as connection:
        for table in ("control_phase", "control_phase_decision"):
            connection.execute(text(f"DROP TRIGGER {table}_no_update"))
        connection.execute(text("UPDATE control_phase SET reason = 'nothing' WHERE id = 1"))
        connection.execute(text("UPDATE control_phase_decision SET reason = 'no'"))
    problems = model.workspace.ledger.verify(model.audrey).problems
    assert len(problems) == 2
    assert problems[0].startswith("Phase I 1 isn't what entry")
    assert problems[1].startswith(f"The decision on phase I {proposed.id} isn't what entry")


def test_analyse_tells_of_the_chart_and_never_more_than_a_warning(model: Governed) -> None:
    analysis = model.workspace.analysis.analyse(model.vera, MODEL)
    spc = [measure for measure in analysis.measures if measure.family is Family.SPC]
    assert len(spc) == PRODUCTION
    assert {measure.measure for measure in spc} == {"error_rate"}
    assert {measure.status for measure in spc} <= {Status.OK, Status.WARNING}
    warned = [measure for measure in spc if measure.status is Status.WARNING]
    assert warned
    assert all(measure.why.startswith("Nelson ") for measure in warned)
