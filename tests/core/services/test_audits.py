"""Audits from a workspace equal what the rows say; policies are files; what leaves the house hides the few."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.errors import InputError, NotAllowedError, UnknownNameError
from core.fairness.policy import Against
from core.governance.identity import ANONYMOUS, LOCAL_OPERATOR
from core.governance.identity import LOCAL_OPERATOR as ME
from core.measure import Status
from core.report import fairness as pages
from core.report import local_law_144
from core.report.spreadsheet import as_csv
from core.services.audits import AuditRequest
from core.services.observations import Selection
from core.workspace import Workspace
from tests.audited import CHANCE, MODEL, PRODUCTION_DAYS, REFERENCE_DAYS, frame

ASK = AuditRequest(model=MODEL)
FOUR_FIFTHS = replace(ASK, policy="four-fifths")


@pytest.fixture(scope="module")
def workspace(audited_folder: Path) -> Iterator[Workspace]:
    space = Workspace.open(audited_folder)
    yield space
    space.close()


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """The production rows, with unknown as a group."""
    found = frame(PRODUCTION_DAYS * 300, days=PRODUCTION_DAYS, start=REFERENCE_DAYS, seed=2, chance=CHANCE)
    found["sex"] = found["sex"].replace("", "Unknown")
    return found.assign(
        selected=found["said"] == "yes", positive=found["hired"] == "yes", group=found["sex"] + " / " + found["race"]
    )


def test_rates_of_groups_and_of_groups_within_groups_are_those_of_the_rows(workspace, rows):
    report = workspace.audits.report(ME, ASK)
    for attribute in ("sex", "race"):
        for rate in report.attribute(attribute).rates.of("selection_rate"):
            own = rows[rows[attribute] == rate.group]
            assert (rate.k, rate.n) == (own["selected"].sum(), len(own))
        for rate in report.attribute(attribute).rates.of("true_positive_rate"):
            own = rows[(rows[attribute] == rate.group) & rows["positive"]]
            assert (rate.k, rate.n) == (own["selected"].sum(), len(own))
    crossing = workspace.audits.intersections(ME, ASK).crossings[0]
    assert crossing.attributes == ("sex", "race")
    for cell, rate in zip(crossing.cells, crossing.of("selection_rate"), strict=True):
        own = rows[rows["group"] == " / ".join(cell)]
        assert (rate.k, rate.n) == (own["selected"].sum(), len(own))
    assert sum(rate.n for rate in crossing.of("selection_rate")) == len(rows)


def test_the_disparity_is_found_and_sharpest_where_it_was_planted(workspace):
    report = workspace.audits.report(ME, ASK)
    assert report.status is Status.CRITICAL
    assert report.audit.status is Status.CRITICAL
    by_group = {c.group.group: c for c in report.audit.of("sex", "selection_rate")}
    assert by_group["f"].verdict.status is Status.CRITICAL
    crossing = workspace.audits.intersections(ME, ASK).crossings[0]
    of_cells = crossing.audit.of(crossing.key, "selection_rate")
    worst = min((c for c in of_cells if c.p_value is not None), key=lambda c: c.difference)
    assert (worst.group.group, worst.verdict.status) == ("f / B", Status.CRITICAL)
    assert crossing.spread("selection_rate").lowest == "f / B"


def test_unknown_is_a_group_the_few_are_not_judged_and_coverage_opens_the_report(workspace):
    report = workspace.audits.report(ME, ASK)
    assert report.coverage == "5 of 6 groups assessed; 1 holds 9 rows: race C (9)."
    assert "Unknown" in {rate.group for rate in report.attribute("sex").rates.of("selection_rate")}
    few = next(c for c in report.audit.of("race", "selection_rate") if c.group.group == "C")
    assert (few.verdict.status, few.p_value) == (Status.INSUFFICIENT, None)
    assert few.verdict.needed.group > 9


def test_one_family_holds_all_attributes_and_rates_together(workspace):
    report = workspace.audits.report(ME, ASK)
    tested = {(c.attribute, c.rate, c.group.group) for c in report.audit.comparisons if c.p_value is not None}
    judged = {key for key in tested if key[1] in report.policy.measures}
    assert report.audit.n_comparisons == len(judged)


def test_series_of_counts_are_ready_for_an_alarm_window_by_window(workspace, rows):
    attribute = workspace.audits.report(ME, ASK).attribute("sex")
    by_day = rows.assign(day=rows["at"].str[:10])[rows["sex"] == "f"].groupby("day")["selected"]
    assert attribute.counts("selection_rate", "f") == tuple(
        zip(by_day.sum().tolist(), by_day.count().tolist(), strict=True)
    )
    assert attribute.counts("selection_rate", "nobody") == ((0, 0),) * PRODUCTION_DAYS
    misses = attribute.series("false_negative_rate_difference_to_rest", "f")
    hits = attribute.series("true_positive_rate_difference_to_rest", "f")
    assert [m.value for m in misses] == pytest.approx([-m.value for m in hits])
    with pytest.raises(UnknownNameError, match="group"):
        attribute.series("selection_rate_difference_to_rest", "nobody")


def test_policy_and_those_compared_with_can_be_chosen(workspace):
    report = workspace.audits.report(ME, FOUR_FIFTHS)
    assert {c.other.group for c in report.audit.of("race", "selection_rate")} == {"A"}
    assert report.attribute("sex").measure("selection_rate_ratio_to_best", "f").status is Status.CRITICAL
    overall = workspace.audits.report(ME, replace(ASK, against=Against.OVERALL))
    assert overall.attribute("sex").measure("selection_rate_difference_to_overall", "f") is not None
    with pytest.raises(UnknownNameError, match="fairness policy"):
        workspace.audits.report(ME, replace(ASK, policy="five-fifths"))


def test_policies_are_files_of_the_workspace_and_a_broken_one_stops_no_other(workspace):
    folder = workspace.folder / "fairness"
    folder.mkdir()
    try:
        (folder / "ours.toml").write_text(f'title = "Ours"\nlimit = 0.5\nmodels = ["{MODEL}"]\n')
        (folder / "broken.toml").write_text("limit = 7\n")
        (folder / "margin.toml").write_text('title = "Taken"\n')
        shelf = workspace.audits.policies(ME)
        assert shelf.policies[0].name == "margin"
        assert "ours" in [policy.name for policy in shelf.policies]
        assert [problem.split(":")[0] for problem in shelf.problems] == ["broken.toml", "margin.toml"]
        assert workspace.audits.policy(ME, ASK).name == "ours"
        assert workspace.audits.report(ME, ASK).audit.status is not Status.CRITICAL  # an alarm is another matter
    finally:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
    assert workspace.audits.policy(ME, ASK).name == "margin"


def test_one_attribute_closely(workspace, rows):
    detail = workspace.audits.detail(ME, ASK, "sex")
    from sklearn.metrics import roc_auc_score

    for measure in detail.of("roc_auc"):
        own = rows[rows["sex"] == measure.segment]
        assert measure.value == pytest.approx(roc_auc_score(own["positive"], own["score"]))
    assert detail.inequality.n == len(rows)
    assert detail.incompatibility.words
    assert {m.name for m in workspace.audits.peers(ME, ASK, "sex")} >= {"fairlearn.demographic_parity_difference"}
    with pytest.raises(UnknownNameError, match="protected attribute"):
        workspace.audits.detail(ME, ASK, "office")


def test_inside_strata_a_gap_is_pooled_from_the_segments_own_counts(workspace, rows):
    found = workspace.audits.conditional(ME, ASK, "race", by="office")
    b = next(gap for gap in found if gap.group == "B")
    cells = [
        (own["selected"].sum(), len(own), rest["selected"].sum(), len(rest))
        for _, part in rows.groupby("office")
        for own, rest in [(part[part["race"] == "B"], part[part["race"] != "B"])]
    ]
    k1, n1, k2, n2 = np.array(cells).T
    weight = n1 * n2 / (n1 + n2)
    used = weight > 0
    expected = (weight[used] * (k1[used] / n1[used] - k2[used] / n2[used])).sum() / weight[used].sum()
    assert b.pooled.risk_difference == pytest.approx(expected)
    assert b.crude == pytest.approx(k1.sum() / n1.sum() - k2.sum() / n2.sum())
    with pytest.raises(UnknownNameError, match="segment column"):
        workspace.audits.conditional(ME, ASK, "race", by="hobby")
    inside = replace(ASK, selection=Selection(segment="office=east"))
    with pytest.raises(InputError, match="choose everyone"):
        workspace.audits.conditional(ME, inside, "race", by="office")


def test_why_the_gap_moved_since_the_reference(workspace):
    found = workspace.audits.change(ME, ASK, "sex", "f")
    assert found.change == pytest.approx(-0.12, abs=0.04)
    parts = {part.name: part for part in found.parts}
    assert abs(parts["model"].value) > 0.5 * abs(found.change), "the decisions were changed, and nothing else"
    assert sum(part.value for part in found.parts) == pytest.approx(found.change)


def test_inside_a_segment_groups_within_groups_say_that_they_are_not_counted(workspace):
    inside = replace(ASK, selection=Selection(segment="office=east"))
    found = workspace.audits.intersections(ME, inside)
    assert (found.crossings, found.why) == ((), "Groups within groups are counted for everyone, not inside a segment.")
    assert workspace.audits.report(ME, inside).n < workspace.audits.report(ME, ASK).n


def test_the_page_in_plain_words_hides_the_few_and_escapes_the_rest(workspace):
    page = workspace.audits.page(ME, ASK)
    assert page.opening == "A disparity was found by sex and race."
    race = next(section for section in page.sections if section.attribute == "race")
    hidden = [line for line in race.lines if line.is_hidden]
    assert [line.group for line in hidden] == ["C", "B"] or [line.group for line in hidden] == ["B", "C"]
    assert race.note == "1 group of fewer than 10 rows hidden, and 1 more that a total would have given away."
    header, lines = pages.as_rows(page)
    for line in lines:
        if line[1] == "C":
            assert line[2:8] == (None,) * 6
    text, markup = pages.as_markdown(page), pages.as_html(page)
    assert "of every 100" in text
    for words in ("What this cannot show", "That a model is fair."):
        assert words in text
        assert words in markup
    assert "<script" not in markup
    assert next(csv.reader(io.StringIO(as_csv((header, lines)).decode())))[0] == "attribute"
    nobody = workspace.audits.page(ME, replace(ASK, policy="nyc-local-law-144"))
    assert nobody.opening.startswith("Nothing is judged here")


def test_the_tables_of_local_law_144(workspace, rows):
    law = workspace.audits.local_law(ME, ASK, sex="sex", race="race")
    assert [table.title for table in law.tables] == ["By sex", "By race", "By sex and race"]
    by_sex = {row.category: row for row in law.tables[0].table.rows}
    own = rows[rows["sex"] == "f"]
    assert (by_sex["f"].n, by_sex["f"].selected) == (len(own), own["selected"].sum())
    assert by_sex["f"].impact_ratio == pytest.approx(by_sex["f"].rate / by_sex["m"].rate)
    assert law.tables[0].table.n_unknown == (rows["sex"] == "Unknown").sum()
    assert "C" in law.tables[1].hidden
    assert any("Less than 2% of all" in row.note for row in law.tables[1].table.rows)
    both = law.tables[2]
    assert {name for name in both.hidden if name.endswith("/ C")} == {
        row.category for row in both.table.rows if row.category.endswith("/ C") and row.n
    }
    assert "C" not in [line[1] for line in local_law_144.as_rows(law)[1] if line[2] is not None]
    assert "Impact ratios of hiring" in local_law_144.as_html(law)
    scoring = workspace.audits.local_law(ME, ASK, sex="sex", race="race", is_scoring=True)
    median = rows["score"].median()
    f = next(row for row in scoring.tables[0].table.rows if row.category == "f")
    assert (f.n, f.selected) == (len(own), (own["score"] > median).sum())
    with pytest.raises(UnknownNameError, match="protected attribute"):
        workspace.audits.local_law(ME, ASK, sex="sex", race="office")


def test_who_may_not_read_is_told_nothing(workspace):
    assert LOCAL_OPERATOR is ME
    with pytest.raises(NotAllowedError, match="may not report"):
        workspace.audits.report(ANONYMOUS, ASK)


def test_without_a_reference_there_is_nothing_to_say(tmp_path: Path):
    space = Workspace.open(tmp_path / "empty")
    from tests.audited import SCHEMA

    space.models.add(ME, MODEL, SCHEMA)
    assert space.audits.report(ME, ASK) is None
    assert space.audits.intersections(ME, ASK) is None
    assert space.audits.detail(ME, ASK, "sex") is None
    assert space.audits.page(ME, ASK) is None
    assert space.audits.local_law(ME, ASK, sex="sex", race="race") is None
    assert space.audits.conditional(ME, ASK, "sex", by="office") == ()
    assert space.audits.peers(ME, ASK, "sex") == ()
    assert space.audits.change(ME, ASK, "sex", "f") is None
    space.close()
