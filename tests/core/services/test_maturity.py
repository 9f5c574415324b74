"""How complete labels are, when they usually are, and for whom they come later: asked of what was taken in."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from core.governance.identity import LOCAL_OPERATOR as ME
from core.measure import Status
from core.record import BatchRole
from core.services.observations import Selection
from tests.builders import write_csv
from tests.command import CommandLine
from tests.watched import DAY_0, MODEL, SCHEMA, Watched, opened

HEADER = ("id", "at", "sex", "score", "decision")
LATE = SCHEMA.replace("rows = 0", "rows = 500").replace("delay_days = 1", "delay_days = 4")
LATE = LATE.replace('amount = { role = "feature", type = "numeric" }\n', "").replace(
    'colour = { role = "feature", type = "categorical" }',
    'sex = { role = "attribute", type = "categorical", protected = true }\nknown = { role = "label_time" }',
)
A_DAY, N_DAYS = 120, 24
NOW = DAY_0 + timedelta(days=N_DAYS)


def a_day(day: int) -> list[tuple[object, ...]]:
    """Records of a day, each with its outcome and the days until that is known: a man's 1 to 4, a woman's 3 to 6."""
    rng = np.random.default_rng(900 + day)
    women = rng.random(A_DAY) < 0.5
    delay = np.where(women, 3, 1) + rng.integers(0, 4, A_DAY)
    score = rng.random(A_DAY).round(2)
    outcome = (rng.random(A_DAY) < score).astype(int)
    at = [DAY_0 + timedelta(days=day, minutes=10 * i) for i in range(A_DAY)]
    sex = ["f" if woman else "m" for woman in women]
    wait = [timedelta(days=int(days)) for days in delay]
    decision = (score > 0.5).astype(int)
    return [(f"{day}-{i}", at[i], sex[i], score[i], decision[i], outcome[i], wait[i]) for i in range(A_DAY)]


def labels_known(until: datetime) -> list[tuple[object, ...]]:
    rows = [row for day in range(N_DAYS) for row in a_day(day)]
    return [(row[0], row[5], (row[1] + row[6]).isoformat()) for row in rows if row[1] + row[6] <= until]


def take_in(folder: Path, labels: list[tuple[object, ...]], header: tuple[str, ...]) -> Watched:
    watched = opened(folder)
    watched.workspace.models.add(ME, MODEL, LATE)
    before = [(*row[:5], row[5], (row[1] + row[6])) for day in range(-8, 0) for row in a_day(day)]
    watched.take_in(before, header=(*HEADER, "outcome", "known"), role=BatchRole.REFERENCE)
    watched.take_in([row[:5] for day in range(N_DAYS) for row in a_day(day)], header=HEADER)
    path = write_csv(folder / "labels.csv", labels, header)
    assert watched.workspace.labels.add(ME, MODEL, [path])[0].error is None
    watched.update()
    return watched


@pytest.fixture(scope="module")
def late(tmp_path_factory: pytest.TempPathFactory):
    watched = take_in(tmp_path_factory.mktemp("late"), labels_known(NOW), ("id", "outcome", "known"))
    corrected = [(row[0], 1 - row[1], NOW.isoformat()) for row in labels_known(NOW)[:200]]
    path = write_csv(watched.folder / "corrections.csv", corrected, ("id", "outcome", "known"))
    assert watched.workspace.labels.add(ME, MODEL, [path])[0].error is None
    watched.update()
    yield watched
    watched.workspace.close()


def test_the_curve_is_that_of_first_labels_and_windows_say_how_far_they_are(late: Watched) -> None:
    report = late.workspace.maturity.report(ME, MODEL)
    delays = np.array([row[6].days for day in range(N_DAYS) for row in a_day(day)])
    for age in range(7):
        assert report.curve.share[age] == pytest.approx(np.mean(delays <= age), abs=0.02)
    assert (report.usual_age, report.judged_at, report.unit) == (6, 4, "day")
    assert report.is_judged_too_soon
    assert report.words.startswith(
        "95% of the labels that come are there after 6 days. Windows are judged after 4 days"
    )
    last = report.windows[-1]
    assert (last.window.n, last.window.n_labelled, last.part) == (A_DAY, 0, 0.0)
    third = next(each for each in report.windows if each.window.name == f"{NOW - timedelta(days=4):%Y-%m-%d}")
    assert third.part == pytest.approx(third.window.n_labelled / A_DAY)
    assert 0.3 < third.part < 0.8


def test_women_whose_labels_come_later_are_a_finding(late: Watched) -> None:
    report = late.workspace.maturity.report(ME, MODEL)
    [gap] = report.gaps
    assert (gap.attribute, gap.status) == ("sex", Status.WARNING)
    assert gap.age in (2, 3, 4)
    assert abs(gap.gap) == pytest.approx(0.5, abs=0.06)  # two of four possible delays apart
    assert gap.p_value < 1e-6
    assert {(group.name, group.curve.age_of(0.95)) for group in gap.groups} == {("f", 6), ("m", 4)}


def test_the_command_says_it_too(late: Watched) -> None:
    run = CommandLine(workspace=late.folder / "workspace")
    told = run("performance", MODEL)
    assert told.code == 0, told.err
    assert "95% of the labels that come are there after 6 days." in told.out
    assert f"{NOW - timedelta(days=1):%Y-%m-%d}: labels 0% complete, 0 of 120 records." in told.out
    assert "sex, " in told.out
    document = run("performance", MODEL, "--json").json["labels"]
    assert (document["usual_age"], document["judged_at"], document["unit"]) == (6, 4, "day")
    assert [group["status"] for group in document["groups"]] == ["warning"]


def test_of_the_only_version_it_says_the_same(late: Watched) -> None:
    report = late.workspace.maturity.report(ME, MODEL, Selection(version="v1"))
    whole = late.workspace.maturity.report(ME, MODEL)
    assert (report.curve.n, report.usual_age) == (whole.curve.n, whole.usual_age)


def test_labels_that_name_no_time_are_not_guessed_at(tmp_path: Path) -> None:
    watched = take_in(tmp_path, [row[:2] for row in labels_known(NOW)], ("id", "outcome"))
    report = watched.workspace.maturity.report(ME, MODEL)
    watched.workspace.close()
    assert report.curve is None
    assert report.words == "Labels that have come name no time: declare a column of role label_time."
