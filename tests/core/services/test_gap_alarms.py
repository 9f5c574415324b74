"""A group that falls behind is an alert of the model's watch; the fairness report says since when, and of whom not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pytest

from core.alarms.watch import Light
from core.errors import InputError
from core.governance.identity import LOCAL_OPERATOR as ME
from core.measure import Status
from core.record import BatchRole
from core.services.audits import AuditRequest
from core.services.panel import gap_key
from core.services.promise_words import promise_words
from tests.watched import DAY_0, MODEL, Watched, actor, opened

HEADER = ("id", "at", "sex", "score", "decision", "outcome")
SCHEMA = """
task = "binary"
timezone = "UTC"
version = "v1"
[window]
every = "day"
[sample]
rows = 0
[labels]
delay_days = 1
[outcome]
classes = ["0", "1"]
positive = "1"
favourable = "1"
[columns]
id = { role = "id" }
at = { role = "timestamp" }
sex = { role = "attribute", type = "categorical", protected = true }
score = { role = "score" }
decision = { role = "prediction" }
outcome = { role = "label" }
"""
SHARES = [0.55, 0.44, 0.01]
A_DAY = 400
FALLS_ON = 4


def a_day(day: int, *, of_women: float = 0.4) -> list[list[object]]:
    """Records of a day: who is selected doesn't hang on the sex, unless women's share is another one."""
    rng = np.random.default_rng(7_000 + day)
    sex = rng.choice(["m", "f", "x"], A_DAY, p=SHARES)
    said = rng.random(A_DAY) < np.where(sex == "f", of_women, 0.4)
    outcome = rng.random(A_DAY) < np.where(said, 0.7, 0.2)
    at = [(DAY_0 + timedelta(days=day + i / A_DAY)).isoformat() for i in range(A_DAY)]
    return [[f"{day}-{i}", at[i], sex[i], 0.8 if said[i] else 0.2, int(said[i]), int(outcome[i])] for i in range(A_DAY)]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Twelve days of reference in parity; from the fifth day of production on women are selected half as often."""
    found = opened(tmp_path_factory.mktemp("gaps"))
    found.workspace.models.add(ME, MODEL, SCHEMA)
    before = [row for day in range(-12, 0) for row in a_day(day)]
    found.take_in(before, header=HEADER, role=BatchRole.REFERENCE)
    rows = [row for day in range(12) for row in a_day(day, of_women=0.4 if day < FALLS_ON else 0.2)]
    found.take_in(rows, header=HEADER)
    found.update()
    yield found
    found.workspace.close()


WOMEN = gap_key("selection_rate", "sex", "f")


def test_the_group_that_falls_behind_is_named_by_an_alert_within_days(watched):
    incident = next(i for i in watched.incidents(WOMEN))
    opened_on, closed_on = watched.days(incident)
    assert FALLS_ON <= opened_on <= FALLS_ON + 3
    assert closed_on is None
    assert incident.sign == -1
    assert incident.shift < 0
    title = next(alert.title for alert in watched.alerts() if WOMEN in [i.subject for i in alert.incidents])
    assert "he selection rate of f (sex) is lower than that of all others" in title
    assert not watched.incidents(gap_key("selection_rate", "sex", "m"))


def test_the_evidence_is_frozen_with_both_rates_and_what_is_let_pass(watched):
    alert = next(alert for alert in watched.alerts() if WOMEN in [i.subject for i in alert.incidents])
    report = watched.workspace.alerts.evidence(ME, alert.id)[0].report
    known = next(incident for incident in report["incidents"] if incident["subject"] == WOMEN)
    own, rest = known["monitors"]
    day = FALLS_ON + next(
        d - FALLS_ON for d in range(12) if report["window"] == f"{DAY_0 + timedelta(days=d):%Y-%m-%d}"
    )
    rows = a_day(day, of_women=0.2)
    women = [row for row in rows if row[2] == "f"]
    assert own["n"] == len(women)
    assert own["value"] == pytest.approx(np.mean([row[4] for row in women]))
    assert rest["n"] == A_DAY - len(women)
    assert rest["value"] == pytest.approx(np.mean([row[4] for row in rows if row[2] != "f"]))
    assert known["least_ratio"] == 0.9


def test_the_fairness_report_says_since_when_and_why_others_cannot_be_watched(watched):
    report = watched.workspace.audits.report(ME, AuditRequest(model=MODEL))
    attribute = report.attribute("sex")
    women, others = attribute.watch("selection_rate", "f"), attribute.watch("selection_rate", "x")
    assert women.status is Status.CRITICAL
    assert women.since.name == watched_name(watched)
    assert "below 0.9 of that of all others" in women.why
    assert [each.group for each in attribute.alarms("selection_rate")] == ["f"]
    assert attribute.watch("selection_rate", "m").status is Status.OK
    assert "would be found in 7 windows" in attribute.watch("selection_rate", "m").why
    assert others.status is Status.INSUFFICIENT
    assert others.why.startswith("Not monitorable at this size")
    assert attribute.watch("accuracy", "f") is None
    assert attribute.status is Status.CRITICAL


def watched_name(watched: Watched) -> str:
    day, _ = watched.days(watched.incidents(WOMEN)[0])
    return f"{DAY_0 + timedelta(days=day):%Y-%m-%d}"


def test_error_rates_of_groups_are_watched_as_labels_mature(watched):
    subjects = watched.watch().subjects
    kinds = {key: str(subject.set) for key, subject in subjects.items() if subject.family == "fairness"}
    assert kinds[WOMEN] == "served"
    assert kinds[gap_key("true_positive_rate", "sex", "f")] == "matured"
    assert kinds[gap_key("false_positive_rate", "sex", "m")] == "matured"


def test_gaps_share_the_budget_and_the_promise_says_so(watched):
    report = watched.watch()
    armed = [subject for subject in report.subjects.values() if subject.is_armed]
    assert report.promise.n_armed == len(armed)
    assert report.promise.n_gaps == sum(subject.least_ratio is not None for subject in armed) > 0
    context = watched.workspace.audits.report(ME, AuditRequest(model=MODEL)).context
    said = dict(promise_words(report.promise, context, None))
    assert "at least 0.9 of the others'" in said["Groups"]


def test_another_least_ratio_is_previewed_before_it_is_set(watched):
    policies, ines = watched.workspace.alarm_policies, actor("ines")

    def fired(content: dict[str, object]) -> set[str]:
        preview = policies.preview(ines, MODEL, content)
        return {key for event in preview.having(Light.MATERIAL) for key in event.subjects}

    assert WOMEN in fired({"least_ratio": 0.9})
    assert WOMEN not in fired({"least_ratio": 0.3})
    assert WOMEN not in fired({"margins": {WOMEN: {"value": 0.3}}})
    assert WOMEN not in fired({"left_out": {WOMEN: "a known gap"}})
    with pytest.raises(InputError, match="no column of"):
        policies.preview(ines, MODEL, {"left_out": {"selection_rate/gender=f": "no such attribute"}})
