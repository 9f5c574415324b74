"""Any prediction by its id: what is kept of it, and what was in force and known when it was made."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from core.errors import InputError, NotAllowedError
from core.governance.alerts import AlertState
from core.governance.identity import LOCAL_OPERATOR
from core.measure import Family, Status
from core.record import BatchRole
from tests.builders import HEADER, START, rows, write_csv
from tests.governed import DAYS, MODEL, Governed, N, build
from tests.people import Person
from tests.watched import DAY_0
from tests.watched import MODEL as WATCHED_MODEL
from tests.watched import build as build_watched

SERVED = rows(N, start=START + timedelta(days=10), days=DAYS, seed=1, prefix="p")


@pytest.fixture
def governed(tmp_path: Path) -> Iterator[Governed]:
    found = build(tmp_path)
    yield found
    found.workspace.close()


def test_the_record_is_what_was_logged(governed: Governed) -> None:
    show = governed.workspace.predictions.show
    for place in (0, 17, N - 1):
        logged = dict(zip(HEADER, SERVED[place], strict=True))
        found = show(governed.audrey, MODEL, f"p{place}")
        assert (found.role, found.version, found.batch) == (BatchRole.PRODUCTION, logged["version"], 2)
        assert found.served_at is not None
        assert abs(found.served_at - datetime.fromisoformat(str(logged["at"]))) < timedelta(milliseconds=1)
        assert found.features == {"amount": logged["amount"], "colour": logged["colour"]}
        assert found.attributes == {"sex": logged["sex"] or None, "region": logged["region"]}
        assert found.scores == {"": logged["score"]}
        assert (found.prediction, found.label) == (str(logged["decision"]), str(logged["outcome"]))
        assert found.window is not None
        assert found.window.name == str(logged["at"])[:10]


def test_labels_that_came_later_stand_beside_the_logs_own_with_when_they_came(governed: Governed) -> None:
    own = str(SERVED[5][9])
    governed.clock.advance(days=1)
    for value in ("0", "1"):
        path = write_csv(governed.file(), [("p5", value)], header=("id", "outcome"))
        governed.workspace.labels.add(LOCAL_OPERATOR, MODEL, [path])
    found = governed.workspace.predictions.show(governed.audrey, MODEL, "p5")
    assert [label.value for label in found.labels] == [own, "0", "1"]
    assert [label.taken_in_at for label in found.labels][1:] == [governed.clock()] * 2
    assert found.label == "1", "the one that came last stands"


def test_the_approval_is_the_one_in_force_when_it_was_served(governed: Governed) -> None:
    show = governed.workspace.predictions.show
    assert show(governed.audrey, MODEL, "p0").in_force is None
    governed.clock.now = START + timedelta(days=12)
    proposal = governed.put_in_force("v2")
    early, late = show(governed.audrey, MODEL, "p0"), show(governed.audrey, MODEL, f"p{N - 1}")
    assert (early.in_force, early.is_of_version_in_force) == (None, False)
    assert late.in_force is not None
    assert (late.in_force.version, late.in_force.proposal_id) == ("v2", proposal)
    assert [approval.actor for approval in late.in_force.approvals] == ["ines"]
    assert not late.is_of_version_in_force, "v1 served it"
    assert governed.workspace.proposals.report(governed.vera, late.in_force.approvals[0].evidence_sha256)


def test_a_retracted_record_is_found_and_said_to_be_so(governed: Governed) -> None:
    governed.workspace.batches.retract(LOCAL_OPERATOR, 2, reason="double feed")
    found = governed.workspace.predictions.show(governed.audrey, MODEL, f"p{N - 1}")
    assert (found.retracted_reason, found.verdicts) == ("double feed", ())


def test_alerts_stand_as_they_stood_then(tmp_path: Path) -> None:
    watched = build_watched(tmp_path)
    space, show = watched.workspace, watched.workspace.predictions.show
    watched.clock.now = DAY_0 + timedelta(days=3)
    watched.serve(0, 1)
    watched.serve(2, up=2)
    watched.update()
    (alert,) = space.alerts.list(LOCAL_OPERATOR, WATCHED_MODEL)
    watched.clock.now = DAY_0 + timedelta(days=5)
    space.alerts.resolve(LOCAL_OPERATOR, alert.id, reason="the feed was mended")
    watched.clock.now = DAY_0 + timedelta(days=7)
    watched.serve(4, 6)
    watched.update()
    moved, between, after = (show(LOCAL_OPERATOR, WATCHED_MODEL, f"{day}-7") for day in (2, 4, 6))
    assert moved.alerts_then == (), "it had not fired yet"
    assert [(a.id, a.state_then, a.state_now) for a in moved.alerts_of_window] == [
        (alert.id, None, AlertState.RESOLVED)
    ]
    assert [(a.id, a.state_then) for a in between.alerts_then] == [(alert.id, AlertState.OPEN)]
    assert (after.alerts_then, after.alerts_of_window) == ((), ())
    drift = {verdict.family: verdict.status for verdict in moved.verdicts}
    assert drift[Family.DATA_DRIFT] is Status.CRITICAL
    space.close()


def test_records_are_of_people_so_viewers_see_none_and_what_is_not_there_is_said(governed: Governed) -> None:
    with pytest.raises(NotAllowedError, match="show"):
        governed.workspace.predictions.show(governed.vera, MODEL, "p0")
    with pytest.raises(InputError, match="No prediction 'p999' of m in 3 batches; ids are those of the log"):
        governed.workspace.predictions.show(governed.audrey, MODEL, "p999")


def test_the_command_says_the_same(governed: Governed) -> None:
    governed.clock.now = START + timedelta(days=1)
    governed.put_in_force("v2")
    operator = Person(workspace=governed.workspace.folder)
    ran = operator("prediction", MODEL, "p7")
    assert ran.code == 0, ran.err
    assert f"prediction {SERVED[7][8]}" in ran.out
    assert "v2 was in force, another than v1, which served this: proposal 1, approved by ines" in ran.out
    found = operator("prediction", MODEL, "p7", "--json").json
    assert found["in_force"]["approvals"][0]["actor"] == "ines"
    assert found["features"]["amount"] == SERVED[7][3]
    assert [verdict["family"] for verdict in found["verdicts"]]
    assert operator("prediction", MODEL, "p999").code == 2
