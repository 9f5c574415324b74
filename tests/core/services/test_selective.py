"""What is said of a model whose own decisions choose its labels: its performance, its groups, its retraining."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from core.governance.checks import CheckName, Demand, Outcome
from core.governance.evidence import Evidence
from core.governance.identity import LOCAL_OPERATOR as ME
from core.governance.proposals import ProposalKind
from core.measure import Status
from core.performance.identified import Basis, basis_of
from core.performance.selective import Labelling
from core.record import BatchRole
from core.services.chart_options import ChartOptions
from core.services.checks import Check, checks_of
from core.services.observations import Selection
from core.services.selective import SelectiveReport
from core.workspace import Workspace
from tests.builders import write_csv
from tests.command import CommandLine
from tests.dashboard.outcome_states import OUTCOME_STATES
from tests.dashboard.states import MODEL, build
from tests.once import built_once
from tests.watched import DAY_0, HEADER, SCHEMA, Watched, a_day, day_name, opened


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory: pytest.TempPathFactory):
    built: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in built:
            built[name] = built_once(tmp_path_factory, name, lambda folder: build(folder, OUTCOME_STATES[name]()))
        return built[name]

    return folder


def asked(workspace: Workspace, model: str = MODEL, **selection: str) -> SelectiveReport:
    maturity = workspace.maturity.report(ME, model)
    found = workspace.selective.report(ME, model, Selection(**selection), maturity=maturity)
    assert found is not None
    return found


def labels_check(workspace: Workspace, evidence: Evidence) -> Check | None:
    checks = checks_of(evidence, stale=(), fresh_until=None, version=None)
    return next((check for check in checks if check.name is CheckName.LABELS), None)


def evidence_of(workspace: Workspace) -> Evidence:
    return workspace._evidence.freeze(ME, MODEL, ProposalKind.RETRAIN, None, {})


@pytest.fixture
def workspace_of(folder_of):
    opened_ones = []

    def open_(name: str) -> Workspace:
        opened_ones.append(Workspace.open(folder_of(name)))
        return opened_ones[-1]

    yield open_
    for workspace in opened_ones:
        workspace.close()


def test_one_sided_labels_leave_bounds_and_what_was_acted_on(workspace_of) -> None:
    workspace = workspace_of("one-sided")
    report = asked(workspace)
    assert (report.labelling, report.status, report.basis) == (Labelling.ONE_SIDED, Status.CRITICAL, Basis.BOUNDS)
    assert report.words.startswith("One-sided labels. 0% of rows predicted 'default' have a label, 100% of 'repaid'.")
    assert "on the rows the model chose, 53% of traffic" in report.words
    [kept] = [m for m in report.monitors if m.measure == "predictive_value"]
    assert (kept.column, kept.n) == ("repaid", report.n_labelled)
    shown = workspace.analysis.performance(ME, MODEL)
    assert shown.measure("accuracy").value is None
    assert shown.measure("accuracy").reference is not None, "the reference's labels are complete"
    assert shown.is_of_chosen_rows
    assert {m.measure for m in shown.measures if m.value is not None} == {"labelled_share"}
    in_all = workspace.analysis.analyse(ME, MODEL).measures
    assert not [m for m in in_all if m.measure == "accuracy" and m.value is not None]
    for name in ("error rate", "measure: recall"):
        chart = workspace.charts.show(ME, MODEL, Selection(), series=name, options=ChartOptions())
        assert not [point for point in chart.points if not point.at.of_reference and point.value is not None]
    watched = workspace.analysis.watch(ME, MODEL)
    assert not [i for i in watched.incidents if i.subject.startswith("performance/")], "no alarm on chosen rows"


def test_groups_have_no_error_rates_but_bounds(workspace_of) -> None:
    report = workspace_of("one-sided").analysis.fairness(ME, MODEL)
    rates = report.attributes[0].rates
    for rate in rates.of("true_positive_rate"):
        assert rate.value is None
        if rate.n_rows:
            assert rate.why.startswith("Not identified for this group: labels come for 'repaid' only.")
        if rate.group in "fm":
            assert " Between 0.0% and " in rate.why
    assert rates.total("true_positive_rate").value is None
    f = next(rate for rate in rates.of("negative_predictive_value") if rate.group == "f")
    assert 0.7 < f.value < 0.85, "of those predicted 'repaid' it is known who repaid"
    assert next(rate for rate in rates.of("selection_rate") if rate.group == "f").value is not None


def test_explored_rows_tell_what_the_others_can_t(workspace_of) -> None:
    report = asked(workspace_of("explored"))
    assert (report.labelling, report.basis, report.not_weighted) == (Labelling.ONE_SIDED, Basis.WEIGHTED, "")
    accuracy = next(m for m in report.measures if m.measure == "accuracy")
    assert accuracy.interval.low < 0.667 < accuracy.interval.high
    assert sum(row.n_explored for row in report.by_score) == report.monitor("exploration_share").value * report.n
    assert sum(sum(row.n) + row.n_explored for row in report.by_score) == report.n
    assert basis_of(next(m for m in report.measures if m.measure == "brier_score")) is Basis.BOUNDS


def test_a_decision_that_makes_outcomes_is_named(workspace_of) -> None:
    report = asked(workspace_of("self-fulfilling"))
    assert report.labelling is Labelling.ALIKE
    assert [m.column for m in report.feeds_back] == ["default"]
    assert "Deciding 'default' moves the share of positives by +2" in report.words
    assert report.status is Status.WARNING


@pytest.mark.parametrize(
    ("state", "outcome", "said"),
    [
        ("one-sided", Outcome.FAIL, "Retraining on these labels teaches the model its own policy: "),
        ("explored", Outcome.LOOK, "Explored rows with a label are worth"),
        ("self-fulfilling", Outcome.LOOK, "outcomes differ by +2"),
    ],
)
def test_evidence_of_a_retraining_says_who_chose_its_labels(
    workspace_of, state: str, outcome: Outcome, said: str
) -> None:
    workspace = workspace_of(state)
    evidence = evidence_of(workspace)
    check = labels_check(workspace, evidence)
    assert check.outcome is outcome
    assert said in check.why
    assert Demand.NOT_FAIL.is_met_by(check.outcome) is (outcome is not Outcome.FAIL)


def test_evidence_frozen_before_this_was_asked_shows_no_such_check(
    workspace_of,
) -> None:
    workspace = workspace_of("one-sided")
    new = evidence_of(workspace)
    earlier = {key: value for key, value in new.report.items() if key != "labels"}
    old = Evidence.freeze(earlier, new.subjects, now=new.frozen_at)
    assert labels_check(workspace, old) is None
    assert len(checks_of(old, stale=(), fresh_until=None, version=None)) == 2


def test_excluded_windows_are_not_learnt_from_and_not_asked(workspace_of) -> None:
    workspace = workspace_of("one-sided")
    whole = asked(workspace)
    out = {"from": "2026-01-11T00:00:00+00:00", "to": "2026-01-13T00:00:00+00:00", "reason": "an outage"}
    evidence = workspace._evidence.freeze(ME, MODEL, ProposalKind.RETRAIN, None, {"exclude": [out]})
    assert evidence.report["labels"]["windows"] == [w.name for w in whole.windows[2:]]


def label(watched: Watched, rows: list[tuple[object, ...]]) -> None:
    path = write_csv(watched.folder / "labels.csv", rows, ("id", "outcome"))
    assert watched.workspace.labels.add(ME, "loans", [path])[0].error is None


def test_labels_that_are_still_arriving_are_not_taken_for_one_sided(tmp_path: Path) -> None:
    """Of the last two days only those predicted 1 have labels so far; their windows aren't judged before day 3."""
    watched = opened(tmp_path)
    schema = SCHEMA.replace("delay_days = 1", "delay_days = 3") + 'explored = { role = "explored" }\n'
    watched.workspace.models.add(ME, "loans", schema)
    header = (*HEADER, "explored")
    watched.take_in(
        [[*row, False] for day in range(-8, 0) for row in a_day(day)], header=header, role=BatchRole.REFERENCE
    )
    rows = [row for day in range(8) for row in a_day(day, labels=False)]
    watched.take_in([[*row, place % 5 == 0] for place, row in enumerate(rows)], header=header)
    watched.update()
    label(watched, [(row[0], row[6]) for day in range(8) for row in a_day(day) if day < 5 or row[5] == 1])
    watched.update()
    report = asked(watched.workspace, "loans")
    assert [w.name for w in report.windows] == [day_name(day) for day in range(5)]
    assert (report.labelling, report.age) == (Labelling.ALIKE, 72), "of hours, as the delay is short"
    shown = watched.workspace.analysis.performance(ME, "loans")
    assert [m.value is None for m in shown.series("accuracy")] == [False] * 8
    check = labels_check(watched.workspace, evidence_of(watched.workspace))
    assert check.outcome is Outcome.PASS
    assert "over 5 windows past the age of their labels." in check.why
    assert [report.monitor(name).n for name in ("exploration_share", "effective_exploration")] == [1000, 200]
    whole = watched.workspace.selective.report(ME, "loans", maturity=None)
    assert whole.windows == report.windows
    watched.workspace.close()


def test_a_schema_that_judges_too_soon_does_not_make_them_one_sided_either(tmp_path: Path) -> None:
    """Labels of those predicted 0 take four days where the schema says none: the curve of labels by age tells."""
    watched = opened(tmp_path)
    schema = SCHEMA.replace("rows = 0", "rows = 500").replace("delay_days = 1", "delay_days = 0")
    watched.workspace.models.add(ME, "loans", schema + 'known = { role = "label_time" }\n')
    header = ("id", "at", "amount", "colour", "score", "decision", "outcome", "known")

    def rows(days: range, until: int) -> list[list[object]]:
        found = []
        for day in days:
            for row in a_day(day):
                known = day + (0.5 if row[5] == 1 else 3.9)
                at = (DAY_0 + timedelta(days=known + 0.5)).isoformat()
                found.append([*row[:6], *((row[6], at) if known <= until else ("", ""))])
        return found

    watched.take_in(rows(range(-8, 0), 99), header=header, role=BatchRole.REFERENCE)
    watched.take_in(rows(range(14), 14), header=header)
    watched.update()
    report = asked(watched.workspace, "loans")
    assert report.age == 5
    assert (len(report.windows), report.labelling) == (9, Labelling.ALIKE)
    watched.workspace.close()


def test_the_command_says_it_in_text_and_in_the_document(folder_of) -> None:
    run = CommandLine(workspace=folder_of("one-sided"))
    told = run("performance", MODEL)
    assert told.code == 0, told.err
    assert "One-sided labels. 0% of rows predicted 'default' have a label" in told.out
    found = run("performance", MODEL, "--json").json
    assert (found["selective"]["labelling"], found["selective"]["basis"]) == ("one_sided", "bounds")
    accuracy = next(m for m in found["measures"] if m["measure"] == "accuracy")
    assert (accuracy["value"], accuracy["status"]) == (None, "undefined")
    assert 0 < accuracy["low"] < accuracy["high"] < 1
    assert "worst-case bounds (Manski)" in accuracy["convention"]
    assert found["selective"]["decisions"][1]["n_labelled"] == 0
