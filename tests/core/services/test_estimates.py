"""What a model's scores promise before labels come, what takes a promise back, and what past ones were worth."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.governance.identity import LOCAL_OPERATOR
from core.measure import Status
from core.performance.refusal import Case
from core.record import BatchRole
from core.services.estimate_report import EstimateReport
from core.services.observations import Selection
from tests.builders import write_csv
from tests.watched import HEADER, MODEL, SCHEMA, Watched, a_day, build, day_name, opened

NAMES = ("accuracy", "precision", "recall", "roc_auc", "brier_score")


def report(watched: Watched, **selection: str) -> EstimateReport:
    watched.update()
    found = watched.workspace.analysis.estimates(LOCAL_OPERATOR, MODEL, Selection(**selection))
    assert found is not None
    return found


def cases(found: EstimateReport) -> list[list[Case]]:
    return [[refusal.case for refusal in of_window] for of_window in found.refusals]


def label_more_often(watched: Watched, *days: int) -> None:
    """Late labels of some days of which every third negative has become positive."""
    rows = [(row[0], 1 if place % 3 == 0 else row[6]) for day in days for place, row in enumerate(a_day(day))]
    path = write_csv(watched.folder / "more.csv", rows, ("id", "outcome"))
    assert watched.workspace.labels.add(LOCAL_OPERATOR, MODEL, [path])[0].error is None


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return build(tmp_path)


def test_estimates_stand_alone_until_labels_come_and_are_then_checked(watched: Watched) -> None:
    days = tuple(range(12))
    watched.serve(*days, labels=False)
    before = report(watched)
    assert not any(before.refusals)
    assert all(m.interval is not None for name in NAMES for m in before.series(name))
    assert {before.coverage(name) for name in NAMES} == {(0, 0)}
    watched.label(*days)
    after = report(watched)
    assert after.series("accuracy") == before.series("accuracy"), "labels don't change what was estimated"
    for name in NAMES:
        held, known = after.coverage(name)
        assert known == 11, "the labels of the last day may still be coming"
        assert held >= 8, name  # of 11 that hold with 95% each, fewer do in 1 of 640


def test_labels_that_contradict_the_score_take_estimates_back_from_that_day_on(watched: Watched) -> None:
    watched.serve(*range(8), labels=False)
    watched.label(0, 1, 2, 3)
    label_more_often(watched, 4, 5)
    found = report(watched)
    first = next(place for place, refusals in enumerate(found.refusals) if refusals)
    assert first in (4, 5)
    assert cases(found) == [*[[]] * first, *[[Case.CONCEPT_CHANGED]] * (8 - first)]
    [refusal] = found.refusals[7]
    assert refusal.since == day_name(first)
    taken_back = found.series("accuracy")[7]
    assert (taken_back.value, taken_back.status, taken_back.why) == (None, Status.UNDEFINED, refusal.words)
    held, known = found.coverage("accuracy")
    assert known == min(first, 5) + 1, "of the days whose labels are in: those before, and the one that showed it"
    assert held < known, "a promise that was broken stays in the count though it is taken back"


def test_labels_that_leave_the_score_without_moving_on_average_take_back_what_has_missed(watched: Watched) -> None:
    """Half of the labels turned round: the residual's mean stays 0, so only past estimates tell."""
    watched.serve(*range(12), labels=False)
    watched.label(*range(4))
    watched.label(*range(4, 10), wrong=0.5)
    found = report(watched)
    auc = found.series("roc_auc")
    assert [m.value is None for m in auc] == [place >= 4 for place in range(12)]
    assert "estimates checked from 2026-03-06 on" in auc[11].why
    assert found.series("prevalence")[11].value is not None, "whose estimates have held"
    held, known = found.coverage("roc_auc")
    assert known == 4 + 3, "labels are due after a day, so that days 4 to 6 had missed when day 7 ended"
    assert held <= 4


def test_an_interval_wider_than_the_schema_allows_is_not_shown(tmp_path: Path) -> None:
    watched = opened(tmp_path)
    schema = SCHEMA.replace("[columns]", "[estimates]\nwidest = { recall = 0.001, accuracy = 0.5 }\n[columns]")
    watched.workspace.models.add(LOCAL_OPERATOR, MODEL, schema)
    watched.take_in([row for day in range(-8, 0) for row in a_day(day)], role=BatchRole.REFERENCE)
    watched.serve(0)
    found = report(watched)
    assert cases(found) == [[Case.TOO_WIDE]]
    assert found.series("recall")[0].why.endswith("wide, more than the 0.001 that is of use.")
    assert found.series("accuracy")[0].value is not None


def test_a_window_with_too_few_scores_is_refused_and_no_other(watched: Watched) -> None:
    watched.serve(0)
    watched.take_in([[*row[:4], "" if place % 10 == 0 else row[4], *row[5:]] for place, row in enumerate(a_day(1))])
    watched.serve(2)
    assert cases(report(watched)) == [[], [Case.THIN_SUPPORT], []]


def test_a_reference_whose_labels_follow_the_decision_gives_no_estimate(tmp_path: Path) -> None:
    watched = opened(tmp_path)
    watched.workspace.models.add(LOCAL_OPERATOR, MODEL, SCHEMA)
    rows = [row for day in range(-8, 0) for row in a_day(day)]
    watched.take_in([[*row[:6], "" if row[5] == 0 else row[6]] for row in rows], role=BatchRole.REFERENCE)
    watched.serve(0, 1)
    found = report(watched)
    assert cases(found) == [[Case.THIN_SUPPORT, Case.SELECTIVE_LABELS]] * 2
    assert "0% of rows predicted '0' have one, 100% of '1'" in found.series("accuracy")[0].why


def test_a_model_without_a_score_and_one_without_records_say_why_there_is_no_estimate(tmp_path: Path) -> None:
    none_yet = build(tmp_path / "served")
    assert report(none_yet).why == "There are no production records yet to estimate the performance of."
    watched = opened(tmp_path / "bare")
    schema = SCHEMA.replace('score = { role = "score" }', 'score = { role = "ignore" }')
    watched.workspace.models.add(LOCAL_OPERATOR, MODEL, schema)
    watched.take_in([row for day in range(-8, 0) for row in a_day(day)], header=HEADER, role=BatchRole.REFERENCE)
    watched.serve(0)
    found = report(watched)
    assert found.why == "The model logs no score for each class to estimate from."
    assert found.trend == ((),)
    assert found.coverage("accuracy") == (0, 0)
