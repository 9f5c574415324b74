"""Where alarms can't be trusted nothing is armed, and each series says why; it is grey then, never green."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.alarms.watch import Light
from core.governance.identity import LOCAL_OPERATOR
from core.measure import Status
from core.record import BatchRole
from core.services.observations import Selection
from core.services.promise_words import fleet_promise_words, promise_words
from tests.builders import write_csv
from tests.watched import HEADER, MODEL, SCHEMA, Watched, a_day, actor, build, opened

VERA = actor("vera")
NO_MEASUREMENT = {
    "account": "whole numbers, each once: an id or a row number",
    "line": "it runs with the order of the rows: a row number or a date",
    "month": "each window has a value of its own",
    "note": "100% of its values are distinct",
}


def with_reference(folder: Path, schema: str, rows: list[list[object]], header: tuple[str, ...] = HEADER) -> Watched:
    watched = opened(folder)
    watched.workspace.models.add(LOCAL_OPERATOR, MODEL, schema)
    watched.take_in(rows, header=header, role=BatchRole.REFERENCE)
    return watched


@pytest.fixture(scope="module")
def six_windows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A reference of one window too few, and production that has moved."""
    rows = [row for day in range(-6, 0) for row in a_day(day)]
    watched = with_reference(tmp_path_factory.mktemp("six"), SCHEMA, rows)
    watched.serve(0, 1, up=3, missing=0.5)
    watched.update()
    yield watched
    watched.workspace.close()


@pytest.fixture(scope="module")
def few_rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Eight windows of six rows each."""
    rows = [row for day in range(-8, 0) for row in a_day(day, n=6)]
    watched = with_reference(tmp_path_factory.mktemp("few"), SCHEMA, rows)
    watched.take_in([row for day in (0, 1) for row in a_day(day, n=25)])
    watched.update()
    yield watched
    watched.workspace.close()


@pytest.fixture(scope="module")
def no_measurements(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Columns beside others that differ in every window and say nothing: ids, row numbers, dates, unique text."""
    columns = "".join(f'{name} = {{ role = "feature", type = "numeric" }}\n' for name in ("account", "line", "month"))
    schema = f'{SCHEMA}{columns}note = {{ role = "feature", type = "categorical" }}\n'
    header = (*HEADER, *NO_MEASUREMENT)

    def described(day: int) -> list[list[object]]:
        return [
            [
                *row,
                (7_919 * (200 * (day + 8) + i)) % 100_003,
                200.5 * (day + 8) + i,
                100 + 3 * day % 11,
                f"note {day}/{i}",
            ]
            for i, row in enumerate(a_day(day))
        ]

    rows = [row for day in range(-8, 0) for row in described(day)]
    watched = with_reference(tmp_path_factory.mktemp("none"), schema, rows, header)
    watched.take_in([row for day in (0, 1) for row in described(day)], header=header)
    watched.update()
    yield watched
    watched.workspace.close()


# Six windows


def test_with_six_windows_of_reference_nothing_is_armed_and_everything_says_so(six_windows: Watched) -> None:
    reason = "The reference has 6 windows, 7 are needed."
    report = six_windows.watch()
    assert not report.is_armed
    assert {subject.why_not for subject in report.subjects.values()} == {reason}
    assert report.promise is None
    assert report.incidents == ()
    assert six_windows.alerts() == []
    context = six_windows.workspace.analysis.context(VERA, MODEL)
    assert context is not None
    assert (context.arming.is_armed, context.arming.reason) == (
        False,
        "Not armed: the reference has 6 windows, 7 are needed.",
    )


def test_while_nothing_is_armed_no_verdict_is_green_and_no_finding_is_made(six_windows: Watched) -> None:
    analysis = six_windows.workspace.analysis.analyse(VERA, MODEL)
    assert analysis.findings == ()
    watched = [m for m in analysis.measures if m.family in ("data_drift", "data_quality")]
    assert watched
    assert {m.status for m in watched} <= {Status.INSUFFICIENT, Status.UNDEFINED}
    assert {m.why for m in watched if m.status is Status.INSUFFICIENT} == {
        "Not armed: the reference has 6 windows, 7 are needed."
    }


def test_one_more_window_of_reference_arms_and_judges_all_that_was_served(six_windows: Watched) -> None:
    six_windows.take_in(a_day(-7), role=BatchRole.REFERENCE)
    six_windows.update()
    report = six_windows.watch()
    assert report.is_armed
    assert {(i.subject, six_windows.days(i)[0]) for i in six_windows.incidents()} >= {
        ("values/amount", 0),
        ("missing/amount", 0),
    }


# Windows too small


def test_what_would_never_be_found_is_grey_with_the_sentence_and_no_alarm(few_rows: Watched) -> None:
    report = few_rows.watch()
    assert set(report.subjects) >= {"values/amount", "values/colour", "performance/accuracy"}
    for key in ("values/amount", "values/colour"):
        subject = report.subjects[key]
        start = "Not monitorable at this window size: the smallest sustained shift that 30 windows would find is "
        assert subject.why_not.startswith(start)
        assert subject.why_not.endswith(", more than 0.5.")
        assert report.status(key, few_rows.key(0)) == (Status.INSUFFICIENT, subject.why_not)
        assert subject.findable[Light.MATERIAL][30] is None, "nothing is promised of it"
    drift = few_rows.workspace.analysis.drift(VERA, MODEL)
    assert drift is not None
    assert {column.status for column in drift.columns} <= {Status.INSUFFICIENT}


# Columns that are no measurements


def test_ids_row_numbers_dates_and_unique_text_are_left_out_with_the_reason(no_measurements: Watched) -> None:
    workspace = no_measurements.workspace
    preview = workspace.alarm_policies.preview(VERA, MODEL)
    assert preview is not None
    assert preview.left_out == NO_MEASUREMENT
    drift, quality = workspace.analysis.drift(VERA, MODEL), workspace.analysis.quality(VERA, MODEL)
    assert drift is not None
    assert quality is not None
    assert dict(drift.left_out) == NO_MEASUREMENT
    assert {row.column: row.left_out for row in quality.columns if row.left_out} == NO_MEASUREMENT
    report = no_measurements.watch()
    assert not {subject.column for subject in report.subjects.values()} & set(NO_MEASUREMENT)
    assert report.incidents == (), "though each of them moves in every window"
    context = workspace.analysis.context(VERA, MODEL)
    assert context is not None
    assert report.promise is not None
    told = dict(promise_words(report.promise, context, preview))["Left out"]
    assert told.startswith("what is no measurement: ")
    for column, reason in NO_MEASUREMENT.items():
        assert f"{column} ({reason})" in told


def test_what_is_no_measurement_counts_in_no_share_of_rows_outside(no_measurements: Watched) -> None:
    quality = no_measurements.workspace.analysis.quality(VERA, MODEL)
    assert quality is not None
    assert all((measure.value or 0.0) < 0.02 for measure in quality.outside), "every account number is new"


# The fleet


def test_the_fleet_promises_what_its_armed_models_promise_together(tmp_path: Path) -> None:
    watched = build(tmp_path)
    by_rows = SCHEMA.replace('every = "day"', "rows = 200")
    for name, schema, days in (("by-rows", by_rows, 8), ("young", SCHEMA, 2), ("empty", SCHEMA, 0)):
        watched.workspace.models.add(LOCAL_OPERATOR, name, schema)
        file = write_csv(tmp_path / f"{name}.csv", [row for day in range(-days, 0) for row in a_day(day)], HEADER)
        watched.workspace.records.add(LOCAL_OPERATOR, name, [file], role=BatchRole.REFERENCE)
        watched.workspace.profiles.refresh(LOCAL_OPERATOR, name)
    watched.workspace.alarm_policies.set(
        LOCAL_OPERATOR, MODEL, {"false_alarms_per_year": 2.5}, reason="it may page more"
    )
    promise = watched.workspace.analysis.promises(VERA)
    assert (promise.n_models, promise.n_armed, promise.false_alarms_per_year) == (4, 2, 2.5)
    assert fleet_promise_words(promise) == (
        "2 of 4 models can alarm: together at most 2.5 false alerts a year in expectation. "
        "Budgets for 100 windows come on top: by-rows."
    )
    watched.workspace.close()


def test_a_segment_or_version_is_asked_about_and_never_alarms(no_measurements: Watched) -> None:
    selection = Selection(version="v1")
    context = no_measurements.workspace.analysis.context(VERA, MODEL, selection)
    assert context is not None
    assert context.arming.asks == "version v1"
    quality = no_measurements.workspace.analysis.quality(VERA, MODEL, selection)
    assert quality is not None
    assert {m.status for row in quality.columns for m in row.measures} == {Status.INSUFFICIENT}
    assert {m.why for row in quality.columns for m in row.measures} == {"not watched: version v1 only"}
