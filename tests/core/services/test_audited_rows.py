"""What counts can't answer is answered by rows, says on which, and shows single records to those alone who audit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from core.errors import InputError, NotAllowedError, UnknownNameError
from core.governance.identity import LOCAL_OPERATOR as ME
from core.governance.identity import Actor, UserRole
from core.services.audits import AuditRequest
from core.services.observations import Selection
from core.workspace import Workspace
from tests.audited import CHANCE, MODEL, PRODUCTION_DAYS, REFERENCE_DAYS, frame

ASK = AuditRequest(model=MODEL)
FAR_WEST = replace(ASK, selection=Selection(segment="office=west"))


@pytest.fixture(scope="module")
def workspace(audited_folder: Path) -> Iterator[Workspace]:
    space = Workspace.open(audited_folder)
    yield space
    space.close()


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return frame(PRODUCTION_DAYS * 300, days=PRODUCTION_DAYS, start=REFERENCE_DAYS, seed=2, chance=CHANCE)


def test_the_subgroup_that_is_refused_is_found_on_one_half_and_confirmed_on_the_other(workspace, rows):
    scan, basis = workspace.audited_rows.subgroups(ME, ASK)
    assert basis.words == "All 3,000 rows of 10 windows."
    worst = scan.subgroups[0]
    assert worst.where == (("sex", "f"), ("race", "B"))
    assert worst.is_confirmed
    own = rows[(rows["sex"] == "f") & (rows["race"] == "B")]
    assert worst.n + worst.found_n == len(own)
    found_rate = (own["said"] == "yes").sum() - round(worst.rate * worst.n)
    assert 0 <= found_rate <= worst.found_n
    assert worst.difference == pytest.approx(-0.3, abs=0.06)
    assert not any(each.is_confirmed for each in scan.subgroups if set(dict(each.where)) == {"hobby"})


def test_a_number_is_cut_into_bands_that_hold_about_equally_many(workspace):
    scan, _ = workspace.audited_rows.subgroups(ME, ASK, rate="false_negative_rate", depth=1)
    assert scan.n_looked_at == 10  # f, m, A, B, 2 hobbies, 4 bands of years; unknown sex and race C are too few
    assert scan.n_too_few == 2


def test_the_feature_that_gives_an_attribute_away_is_named_and_chance_is_called_chance(workspace):
    check, basis = workspace.audited_rows.proxies(ME, ASK, "sex")
    assert (check.features[0].feature, basis.n_windows) == ("years", 10)
    assert check.groups[0].value == pytest.approx(0.827, abs=0.03)  # of two normals 4 apart, sd 3
    other, _ = workspace.audited_rows.proxies(ME, ASK, "race")
    assert other.words == "No evidence that the features tell the groups of race apart."


def test_like_rows_are_decided_alike_no_more_often_than_chance_where_features_decide_nothing(workspace):
    found, _ = workspace.audited_rows.consistency(ME, ASK)
    assert found.n == 3_000
    share = 0.43  # selected in all: two decisions agree by chance in p^2 + q^2
    assert found.value == pytest.approx(share**2 + (1 - share) ** 2, abs=0.03)


def test_records_of_a_cell_are_those_of_the_log(workspace, rows):
    where = {"sex": "f", "race": "B"}
    found, basis = workspace.audited_rows.records(ME, ASK, where, counts=False, limit=200)
    own = rows[(rows["sex"] == "f") & (rows["race"] == "B") & (rows["said"] == "no")]
    assert (found.n, basis.n) == (len(own), 3_000)
    assert set(found.records["id"]) <= set(own["id"])
    assert len(found.records) == 200
    assert set(found.records["sex"]) == {"f"}
    misses, _ = workspace.audited_rows.records(ME, ASK, {"race": "A"}, rate="true_positive_rate", counts=False)
    assert set(zip(misses.records["prediction"], misses.records["label"], strict=True)) == {("no", "yes")}
    everyone, _ = workspace.audited_rows.records(ME, ASK, {"sex": "Unknown"}, limit=1)
    assert everyone.n == (rows["sex"] == "").sum()


def test_rows_of_a_segment_are_its_own(workspace, rows):
    found, basis = workspace.audited_rows.records(ME, FAR_WEST, {"race": "A"})
    assert basis.n == (rows["office"] == "west").sum()
    assert found.n == ((rows["office"] == "west") & (rows["race"] == "A")).sum()


def test_single_records_are_for_those_who_audit_and_questions_for_all(workspace):
    viewer = Actor(name="vi", roles=(UserRole.VIEWER,))
    with pytest.raises(NotAllowedError):
        workspace.audited_rows.records(viewer, ASK, {"sex": "f"})
    assert workspace.audited_rows.consistency(viewer, ASK)
    assert workspace.audited_rows.records(Actor(name="au", roles=(UserRole.AUDITOR,)), ASK, {"sex": "f"})


def test_what_is_not_there_is_named(workspace):
    with pytest.raises(UnknownNameError, match=re.escape("'x'")):
        workspace.audited_rows.records(ME, ASK, {"sex": "x"})
    with pytest.raises(UnknownNameError, match="attribute"):
        workspace.audited_rows.proxies(ME, ASK, "office")
    with pytest.raises(UnknownNameError, match="rate"):
        workspace.audited_rows.subgroups(ME, ASK, rate="luck")
    with pytest.raises(InputError, match="200"):
        workspace.audited_rows.records(ME, ASK, {}, limit=1_000)
